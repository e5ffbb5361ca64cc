//! Does an order come back to the yen? The basket of the quote is held, paid, and returned in part.

use anyhow::{Context, Result, ensure};
use tokka_client::v1::reserve_request::Expect;
use tokka_client::{Client, v1};

use crate::ask::client;
use crate::shop::Shop;

pub(crate) const ID: &str = "order-1001";

/// Reserves at the quoted price, commits, and returns one piece of the first line.
pub(crate) async fn run(address: &str, shop: &Shop, asked: &v1::QuoteRequest, quote: &v1::Quote) -> Result<()> {
    let client = client(address)?;
    let basket = asked.basket.as_ref().context("the request has a basket")?;
    let user = basket.user.clone();
    let paid = quote.payable;
    let reserved = client.reserve(request(asked, quote)).await?;
    let (priced, held) = (reserved.quote.context("no quote")?, reserved.reservation.context("no reservation")?);
    ensure!(priced.payable == paid && held.payable == paid, "it is reserved at another price");
    ensure!(held.state() == v1::ReservationState::Held, "it is not held");
    println!("Reserve     {ID}: HELD, {} payable, as quoted", shop.money(paid));

    let commit = v1::CommitRequest { reservation_id: ID.to_owned(), user: user.clone(), ..Default::default() };
    let committed = client.commit(commit.clone()).await?;
    ensure!(client.commit(commit).await? == committed, "a repeated Commit has another answer");
    let committed = committed.reservation.context("no reservation")?;
    ensure!(committed.state() == v1::ReservationState::Committed, "it is not committed");
    ensure!((committed.refunded, committed.kept) == (0, paid), "something is refunded already");
    println!("Commit      {ID}: COMMITTED");

    let line = basket.lines.first().context("the basket has lines")?;
    let back = v1::RollbackRequest {
        reservation_id: ID.to_owned(),
        user: user.clone(),
        rollback_id: "return-1".to_owned(),
        lines: vec![v1::LineUnits { line_id: line.line_id.clone(), units: 1 }],
        ..Default::default()
    };
    let preview = client.rollback(v1::RollbackRequest { validate_only: true, ..back.clone() }).await?;
    let returned = client.rollback(back.clone()).await?;
    let refund = returned.refund.clone().context("no refund")?;
    ensure!(preview.refund.as_ref() == Some(&refund), "the preview said another refund");
    ensure!(client.rollback(back).await?.refund == returned.refund, "a repeated Rollback has another answer");
    println!("Rollback    1 of {} × {}: {} back", line.quantity, shop.product(&line.store, &line.sku), shop.money(refund.amount));
    adds_up(&client, shop, user, paid, refund.amount).await
}

/// What the server says of the order afterwards, added up.
async fn adds_up(client: &Client, shop: &Shop, user: Option<String>, paid: i64, refund: i64) -> Result<()> {
    let look = v1::GetReservationRequest { reservation_id: ID.to_owned(), user, ..Default::default() };
    let found = client.get(look).await?;
    let order = found.reservation.context("no reservation")?;
    let lines: i64 = found.left.iter().map(|line| line.payable).sum();
    let steps: i64 = found.rollbacks.iter().filter_map(|step| step.refund.as_ref()).map(|refund| refund.amount).sum();
    ensure!(refund > 0 && order.refunded == refund && steps == refund, "{refund} were refunded once, {steps} in all");
    ensure!(order.kept == lines, "the lines keep {lines}, the order {}", order.kept);
    ensure!(order.refunded + order.kept == paid && order.payable == paid, "{} + {} is not {paid}", order.refunded, order.kept);
    println!("\nrefunded {} + kept {} = paid {}", shop.money(order.refunded), shop.money(order.kept), shop.money(paid));
    Ok(())
}

fn request(asked: &v1::QuoteRequest, quote: &v1::Quote) -> v1::ReserveRequest {
    let asked = asked.clone();
    v1::ReserveRequest {
        reservation_id: ID.to_owned(),
        basket: asked.basket,
        coupons: asked.coupons,
        select: asked.select,
        select_spend: asked.select_spend,
        select_gift: asked.select_gift,
        expect: Some(Expect::Fingerprint(quote.fingerprint.clone())),
        ..Default::default()
    }
}
