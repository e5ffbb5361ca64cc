//! Is nothing sold twice? Fifty buyers, each with a connection of their own, want the same ten units at the same time.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use tokka_client::v1::reserve_request::Expect;
use tokka_client::{Counter, Error, v1};

use crate::ask::{client, quoted};
use crate::shop::Shop;

const BUYERS: usize = 50;
/// As `examples/marketplace` has it.
const PROMOTION: &str = "yo-flash-pack";
const UNITS: usize = 10;

/// Who got a unit, and who was told another price.
pub(crate) struct Sold {
    pub(crate) winners: Vec<v1::ReserveRequest>,
    pub(crate) answers: Vec<v1::ReserveResponse>,
    refused: Vec<v1::ReserveRequest>,
    flash: i64,
}

/// Lets everybody quote, then everybody reserve at that price at once, and says who got what.
pub(crate) async fn run(address: &str, shop: &Shop) -> Result<Sold> {
    let buyers = (0..BUYERS).map(|number| async move {
        let client = client(address)?;
        let quote = quoted(&client, v1::QuoteRequest { basket: Some(basket(number)), ..Default::default() }).await?;
        anyhow::Ok((client, quote, number))
    });
    let buyers = try_join_all(buyers).await?;
    let flash = buyers.first().map(|(_, quote, _)| quote.payable).context("there is no buyer")?;
    ensure!(buyers.iter().all(|(_, quote, _)| quote.payable == flash), "not everybody saw the same price");
    println!("{BUYERS} buyers see {} for {} in their carts.", shop.money(flash), shop.product("yamabiko-outdoor", "yo-pack-20"));

    let started = Instant::now();
    let orders: Vec<_> = buyers.into_iter().map(|(client, quote, number)| (client, request(number, quote))).collect();
    let calls = orders.into_iter().map(|(client, request)| {
        tokio::spawn(async move {
            let answer = client.reserve(request.clone()).await;
            (request, answer)
        })
    });
    let mut sold = Sold { winners: Vec::new(), answers: Vec::new(), refused: Vec::new(), flash };
    let mut new_price = None;
    for (request, answer) in try_join_all(calls).await? {
        match answer {
            Ok(answer) => {
                ensure!(held(&answer).is_some_and(|held| held.payable == flash), "an order is held at another price");
                sold.winners.push(request);
                sold.answers.push(answer);
            }
            Err(error) => {
                let price = told(&error)?;
                ensure!(new_price.replace(price).is_none_or(|before| before == price), "two new prices");
                sold.refused.push(request);
            }
        }
    }
    let took = started.elapsed().as_millis();
    let (won, lost) = (sold.winners.len(), sold.refused.len());
    ensure!((won, lost) == (UNITS, BUYERS - UNITS), "{won} were sold, {lost} were refused");
    let new_price = new_price.context("nobody was told a new price")?;
    ensure!(new_price > flash, "the new price is no higher");
    println!("All call Reserve at once, each over a connection of their own; {took} ms later:\n");
    println!("  {won} sold at {}", shop.money(flash));
    println!(
        "  {lost} told the new price, {}: ABORTED / PRICE_CHANGED, 10 of 10 used of {PROMOTION}'s stock",
        shop.money(new_price)
    );
    Ok(sold)
}

impl Sold {
    /// Everybody who got a unit has it, at the same price and under the same answer; nobody else has one.
    pub(crate) async fn still_there(&self, address: &str, shop: &Shop) -> Result<()> {
        let client = client(address)?;
        let mut units = 0;
        for (request, first) in self.winners.iter().zip(&self.answers) {
            let found = client.get(look(request)).await?;
            ensure!(found.reservation == first.reservation, "`{}` is not what was acknowledged", request.reservation_id);
            ensure!(held(first).is_some_and(|held| held.payable == self.flash), "`{}` has another price", request.reservation_id);
            let stock = found.claims.iter().filter(|claim| {
                claim
                    .counter
                    .as_ref()
                    .is_some_and(|counter| counter.promotion == PROMOTION && counter.kind() == v1::CounterKind::Stock)
            });
            units += stock.map(|claim| claim.holding).sum::<i64>();
        }
        ensure!(usize::try_from(units) == Ok(UNITS), "{units} units of the stock are held");
        for request in &self.refused {
            let found = client.get(look(request)).await;
            ensure!(matches!(found, Err(Error::NotFound(_))), "`{}` was refused and is there", request.reservation_id);
        }
        println!("GetReservation of each: {} of {UNITS} are HELD at {}, none more.", self.winners.len(), shop.money(self.flash));

        for (request, first) in self.winners.iter().zip(&self.answers) {
            let again = client.reserve(request.clone()).await?;
            ensure!(again == *first, "the repeated `{}` has another answer", request.reservation_id);
        }
        let late = quoted(&client, v1::QuoteRequest { basket: Some(basket(BUYERS)), ..Default::default() }).await?;
        ensure!(late.payable > self.flash, "there is an eleventh unit");
        println!("Each Reserve sent again gets its first answer; a latecomer is quoted {}.", shop.money(late.payable));
        Ok(())
    }
}

fn basket(buyer: usize) -> v1::Basket {
    v1::Basket {
        currency: "JPY".to_owned(),
        user: Some(format!("buyer-{buyer}")),
        lines: vec![v1::Line {
            line_id: "a".to_owned(),
            sku: "yo-pack-20".to_owned(),
            store: "yamabiko-outdoor".to_owned(),
            categories: vec!["packs".to_owned()],
            unit_price: 6_980,
            quantity: 1,
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn request(buyer: usize, quote: v1::Quote) -> v1::ReserveRequest {
    v1::ReserveRequest {
        reservation_id: format!("flash-{buyer}"),
        basket: Some(basket(buyer)),
        expect: Some(Expect::Fingerprint(quote.fingerprint)),
        ..Default::default()
    }
}

fn look(request: &v1::ReserveRequest) -> v1::GetReservationRequest {
    let user = request.basket.as_ref().and_then(|basket| basket.user.clone());
    v1::GetReservationRequest { reservation_id: request.reservation_id.clone(), user, ..Default::default() }
}

/// The reservation, if it is held.
fn held(answer: &v1::ReserveResponse) -> Option<&v1::Reservation> {
    answer.reservation.as_ref().filter(|reservation| reservation.state() == v1::ReservationState::Held)
}

/// The price that somebody was told instead, and that the stock is why.
fn told(error: &Error) -> Result<i64> {
    let Error::PriceChanged { counters, refusal } = error else { bail!("a buyer was refused otherwise: {error:?}") };
    let used_up = |counter: &Counter| {
        let all = i64::try_from(UNITS).ok();
        counter.of == format!("promotion:{PROMOTION}") && counter.kind == "STOCK" && counter.limit == all && counter.used == all
    };
    ensure!(counters.named.iter().any(used_up), "the stock is not named: {counters:?}");
    refusal.metadata.get("payable").and_then(|payable| payable.parse().ok()).context("the new price is not named")
}
