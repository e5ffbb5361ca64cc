//! What does a basket cost, and is it held? `PricingService`: request → basket → rulebook → usage of counters → price →
//! response; what is done with a price is in `reservations`.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokka_core::basket::{Basket, CouponsOffered, Strategy};
use tokka_core::quote::View;
use tokka_ledger::LedgerError;
use tokka_proto::v1;
use tokka_proto::v1::pricing_service_server::PricingService;
use tonic::{Request, Response, Status};

use crate::catalogue::{Catalogue, Published};
use crate::counters::{CounterState, Counters};
use crate::coupons::offers::{self, Resolved, Wanted};
use crate::coupons::{Coupons, claimable};
use crate::error::ApiError;
use crate::reservations::{Reservations, to_the_end};
use crate::{counters, open_orders, request, response, suggestions};

/// The service. Every call prices with the revision that is current when it begins.
#[derive(Debug)]
pub(crate) struct Pricing {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) counters: Arc<dyn Counters>,
    pub(crate) reservations: Arc<Reservations>,
}

#[tonic::async_trait]
impl PricingService for Pricing {
    async fn quote(&self, request: Request<v1::QuoteRequest>) -> Result<Response<v1::QuoteResponse>, Status> {
        let answer = self.answered(request.into_inner(), Timestamp::now()).await?;
        Ok(Response::new(answer))
    }

    async fn reserve(&self, request: Request<v1::ReserveRequest>) -> Result<Response<v1::ReserveResponse>, Status> {
        let reservations = Arc::clone(&self.reservations);
        let answer = to_the_end(async move { reservations.reserve(request.into_inner()).await }).await?;
        Ok(Response::new(answer))
    }

    async fn commit(&self, request: Request<v1::CommitRequest>) -> Result<Response<v1::CommitResponse>, Status> {
        let reservations = Arc::clone(&self.reservations);
        let answer = to_the_end(async move { reservations.commit(request.into_inner()).await }).await?;
        Ok(Response::new(answer))
    }

    async fn rollback(&self, request: Request<v1::RollbackRequest>) -> Result<Response<v1::RollbackResponse>, Status> {
        let reservations = Arc::clone(&self.reservations);
        let answer = to_the_end(async move { reservations.rollback(request.into_inner()).await }).await?;
        Ok(Response::new(answer))
    }

    async fn extend_reservation(
        &self,
        request: Request<v1::ExtendReservationRequest>,
    ) -> Result<Response<v1::ExtendReservationResponse>, Status> {
        let reservations = Arc::clone(&self.reservations);
        let answer = to_the_end(async move { reservations.extend(request.into_inner()).await }).await?;
        Ok(Response::new(answer))
    }

    async fn get_reservation(
        &self,
        request: Request<v1::GetReservationRequest>,
    ) -> Result<Response<v1::GetReservationResponse>, Status> {
        let reservations = Arc::clone(&self.reservations);
        let answer = to_the_end(async move { reservations.look_up(request.into_inner()).await }).await?;
        Ok(Response::new(answer))
    }
}

impl Pricing {
    /// Pricing takes microseconds, so it runs where the request was read: handing it over would cost more. A search takes
    /// milliseconds, within its budget.
    async fn answered(&self, request: v1::QuoteRequest, now: Timestamp) -> Result<v1::QuoteResponse, ApiError> {
        let mut order = request::quote_order(request, now)?;
        order.basket = self.catalogue.told(order.basket);
        let published = self.catalogue.current();
        published.ready()?;
        let rulebook = &published.rulebook;
        let (mut resolved, wallet) = self.look_up(&order, &published).await?;
        let basket = &*resolved.basket;
        let prepared = rulebook.prepare(basket)?;
        let mut usage = counters::read(&*self.counters, rulebook, basket, prepared.counters()).await;
        if wallet == Wallet::Unknown {
            usage.state = CounterState::Unknown;
        }
        let quote = in_place(basket, || prepared.price(&usage.used, order.view))?;
        let mut answer = response::quote(rulebook, &published.revision, basket, &quote, usage.state, order.view);
        offers::mark(&mut resolved.offered, rulebook, &quote.applied);
        if order.view == View::Full && usage.state == CounterState::Known {
            let ledger = &*self.reservations.ledger;
            open_orders::say_of_outcomes(ledger, rulebook, basket, prepared.counters(), &quote, &mut answer).await;
        }
        let user = basket.user().map(|user| user.as_str());
        response::coupons::say_of_quote(&mut answer, rulebook, user, &resolved.offered, order.view);
        let mut suggestions = Vec::new();
        if order.view == View::Full {
            suggestions = suggestions::of(&*self.counters, rulebook, basket, &quote, &order.suggest).await?;
        }
        let claimable = if order.claimable { self.claimable(&published, basket).await } else { Vec::new() };
        Ok(v1::QuoteResponse { quote: Some(answer), suggestions, claimable })
    }
}

impl Pricing {
    /// What the basket offers. A silent store costs the coupons of wallets, and no quote.
    async fn look_up<'a>(
        &self,
        order: &'a request::QuoteOrder,
        published: &Published,
    ) -> Result<(Resolved<'a>, Wallet), ApiError> {
        let wanted = Wanted { offers: &order.offers, auto: order.auto };
        let looked = self.reservations.coupons.look_up(wanted, &order.basket, published, &HashMap::new()).await;
        match looked {
            Ok(resolved) => Ok((resolved, Wallet::Known)),
            Err(ApiError::Store(LedgerError::Malformed(why))) => Err(ApiError::Bug(why)),
            Err(ApiError::Store(_)) => Ok((Coupons::without_wallets(wanted, &order.basket, published), Wallet::Unknown)),
            Err(error) => Err(error),
        }
    }
}

impl Pricing {
    /// What the user may still claim that covers a line. A silent store costs this, and no quote.
    async fn claimable(&self, published: &Published, basket: &Basket) -> Vec<v1::ClaimableCoupon> {
        let offers = claimable::covering(published, basket);
        let user = basket.user().map(|user| user.as_str());
        let Ok(used) = self.reservations.ledger.usage(&claimable::counters(&offers, user)).await else { return Vec::new() };
        let found = claimable::with_usage(&offers, user, Some(&used));
        let left = found.iter().filter(|coupon| coupon.left != Some(0)).take(claimable::IN_A_QUOTE);
        left.map(|coupon| response::storefront::claimable(&published.rulebook, coupon)).collect()
    }
}

/// Did the store say what the user holds, where that was asked for?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wallet {
    Known,
    Unknown,
}

/// Runs a search where it does not hold up the other calls of its thread.
fn in_place<T>(basket: &Basket, price: impl FnOnce() -> T) -> T {
    let searched = basket.strategy() == Strategy::Best || matches!(basket.coupons(), CouponsOffered::Auto { .. });
    let many = || Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    if searched && many() { tokio::task::block_in_place(price) } else { price() }
}

#[cfg(test)]
mod tests {
    use tokka_core::quote::{Counter, CounterKey};
    use tokka_core::rulebook::Rulebook;
    use tokka_core::table::{CounterIx, Table};

    use super::*;
    use crate::counters::StoreSilent;
    use crate::frozen::Thawed;
    use crate::receipt::Receipts;
    use crate::reservations::Scarce;

    const SHOP: &str = r#"
kind: catalogue
currency: JPY
time_zone: Asia/Tokyo
---
{kind: store, id: pharma, name: 東京ファーマ}
---
kind: promotion
id: flash
name: マスク タイムセール
owner: pharma
status: published
scope: {include: {skus: [mask-50]}}
limits: {stock: 100}
item_price: {fixed: 980}
"#;

    /// A store in which so many of everything are used, or one that is silent.
    #[derive(Debug)]
    struct Fixed(Result<i64, StoreSilent>);

    #[tonic::async_trait]
    impl Counters for Fixed {
        async fn used(
            &self,
            rulebook: &Rulebook,
            basket: &Basket,
            asked: &Table<CounterIx, Counter>,
        ) -> Result<Vec<i64>, StoreSilent> {
            for counter in asked.rows() {
                let CounterKey::Stock(promotion) = counter.key else { panic!("only stock is limited: {counter:?}") };
                assert_eq!((rulebook.promotions().at(promotion).id.as_str(), counter.limit), ("flash", 100));
                assert_eq!(basket.user().map(|user| user.as_str()), Some("u1"));
            }
            self.0.map(|used| vec![used; asked.len()])
        }
    }

    async fn quote_of(sku: &str, counters: impl Counters + 'static) -> v1::Quote {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("shop.yaml"), SHOP).expect("a file");
        let catalogue = Arc::new(Catalogue::open(folder.path().to_owned()).await.expect("a catalogue"));
        let [line_id, sku, store] = ["a", sku, "pharma"].map(str::to_owned);
        let line = v1::Line { line_id, sku, store, quantity: 3, unit_price: 1280, ..Default::default() };
        let basket =
            v1::Basket { currency: "JPY".to_owned(), user: Some("u1".to_owned()), lines: vec![line], ..Default::default() };
        let request = v1::QuoteRequest { basket: Some(basket), view: v1::View::Full.into(), ..Default::default() };
        let receipts = Receipts::open(folder.path()).expect("a key").of_store(vec!["test".to_owned()]);
        let ledger: Arc<dyn tokka_ledger::Ledger> = Arc::new(tokka_ledger::Memory::default());
        let coupons = Arc::new(Coupons::new(Arc::clone(&catalogue), Arc::clone(&ledger)));
        let reservations = Reservations {
            catalogue: Arc::clone(&catalogue),
            ledger,
            coupons,
            receipts,
            thawed: Thawed::default(),
            scarce: Scarce::default(),
        };
        let service = Pricing { catalogue, counters: Arc::new(counters), reservations: Arc::new(reservations) };
        service.answered(request, Timestamp::UNIX_EPOCH).await.expect("a price").quote.expect("a quote")
    }

    #[tokio::test]
    async fn what_is_used_is_not_given_again() {
        let fresh = quote_of("mask-50", Fixed(Ok(0))).await;
        assert_eq!((fresh.payable, fresh.counters()), (3 * 980, v1::CounterState::Known));
        let nearly = quote_of("mask-50", Fixed(Ok(98))).await;
        assert_eq!((nearly.payable, nearly.lines[0].over_limit), (2 * 980 + 1280, 1));
        let sold_out = quote_of("mask-50", Fixed(Ok(100))).await;
        assert_eq!(sold_out.payable, 3 * 1280);
        assert_eq!(sold_out.outcomes[0].code(), v1::OutcomeCode::StockExhausted);
    }

    #[tokio::test]
    async fn a_silent_store_costs_what_is_limited_and_no_quote() {
        let quote = quote_of("mask-50", Fixed(Err(StoreSilent))).await;
        assert_eq!((quote.payable, quote.counters()), (3 * 1280, v1::CounterState::Unknown));
        // What nothing limited covers is not asked about.
        assert_eq!(quote_of("tea", Fixed(Err(StoreSilent))).await.counters(), v1::CounterState::NotLimited);
    }
}
