//! What do tests of reservations hold, and how do they ask for it?

use tokka_proto::v1;
use tokka_proto::v1::reserve_request::Expect;
use tokka_server::Config;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::kept::Kept;
use crate::running::{Running, coupon, line};

/// A sale in which everything is limited: stock and units a user, gifts, a coupon, free tea.
pub(crate) const SALE: &str = r#"
kind: catalogue
currency: JPY
time_zone: Asia/Tokyo
hold: {default: 15m, max: 2d}
---
{kind: store, id: pharma, name: 東京ファーマ}
---
{kind: store, id: books, name: 月読書房, minimum_order: 1000}
---
{kind: gift, id: tote-bag, name: トートバッグ, value: 300, inventory: 3}
---
kind: promotion
id: flash
name: マスク タイムセール
owner: pharma
status: published
scope: {include: {skus: [mask-50]}}
limits: {stock: 10, units_per_user: 4}
item_price: {fixed: 980, flash: true}
---
kind: promotion
id: spend-5000
name: 5,000円以上で500円引き
owner: pharma
status: published
scope: {include: {skus: [mask-50, wipes]}}
spend: {tiers: [{threshold: 5000, amount_off: 500, gifts: [{gift: tote-bag, quantity: 1}]}]}
---
kind: promotion
id: store-300
name: 300円クーポン
owner: pharma
status: published
limits: {stock: 5, orders_per_user: 1, budget: "1500"}
coupon: {threshold: 3000, amount_off: 300}
---
kind: promotion
id: tea-3-1
name: お茶3つで1つ
owner: pharma
status: published
scope: {include: {skus: [tea]}}
limits: {stock: 6}
buy_get: {mode: add, repeat: true, tiers: [{buy: 3, get: 1}]}
---
kind: promotion
id: readers
name: 本を買う人の100円
owner: platform
status: published
scope: {include: {skus: [wipes]}}
coupon: {threshold: 500, amount_off: 100, qualify: {include: {skus: [novel]}}}
"#;

/// The coupon that everybody may use once, five times in all.
pub(crate) const COUPON: &str = "store-300";

/// A reservation of lines at whatever they cost.
pub(crate) fn order(id: &str, user: &str, lines: Vec<v1::Line>) -> v1::ReserveRequest {
    v1::ReserveRequest {
        reservation_id: id.to_owned(),
        basket: Some(v1::Basket { currency: "JPY".to_owned(), lines, user: Some(user.to_owned()), ..Default::default() }),
        expect: Some(Expect::AcceptAnyPrice(true)),
        ..Default::default()
    }
}

/// So many masks of a line `a`, 980 each while the sale lasts, 1,280 after.
pub(crate) fn masks(id: &str, user: &str, quantity: i64) -> v1::ReserveRequest {
    order(id, user, vec![line("a", "mask-50", "pharma", quantity, 1280)])
}

/// 2 masks and 4 packs of wipes with the coupon: 1,960 + 3,600 = 5,560 less 500 less 300 = 4,760, and a tote bag.
pub(crate) fn rich(id: &str, user: &str) -> v1::ReserveRequest {
    let lines = vec![line("a", "mask-50", "pharma", 2, 1280), line("b", "wipes", "pharma", 4, 900)];
    v1::ReserveRequest { coupons: vec![coupon(COUPON)], ..order(id, user, lines) }
}

/// All of an order.
pub(crate) fn all(id: &str, user: &str, rollback_id: &str) -> v1::RollbackRequest {
    let [reservation_id, rollback_id] = [id, rollback_id].map(str::to_owned);
    v1::RollbackRequest { reservation_id, user: Some(user.to_owned()), rollback_id, all: true, ..Default::default() }
}

/// Pieces of an order.
pub(crate) fn part(id: &str, user: &str, rollback_id: &str, lines: &[(&str, i64)]) -> v1::RollbackRequest {
    let lines = lines.iter().map(|(line_id, units)| v1::LineUnits { line_id: (*line_id).to_owned(), units: *units });
    v1::RollbackRequest { all: false, lines: lines.collect(), ..all(id, user, rollback_id) }
}

pub(crate) fn gift(gift: &str, quantity: i64) -> v1::ReceivedUnits {
    v1::ReceivedUnits { what: Some(v1::received_units::What::Gift(gift.to_owned())), quantity }
}

impl Running {
    pub(crate) async fn sale() -> Self {
        Self::of(SALE, |_| {}).await
    }

    /// Holds an order; it is held.
    pub(crate) async fn hold(&mut self, request: v1::ReserveRequest) -> v1::Reservation {
        let answer = self.client.reserve(request).await.expect("a hold").into_inner();
        assert_eq!(answer.outcome(), v1::ReserveOutcome::Reserved);
        answer.reservation.expect("a reservation")
    }

    pub(crate) async fn refused(&mut self, request: v1::ReserveRequest) -> Status {
        self.client.reserve(request).await.expect_err("a refusal")
    }

    pub(crate) async fn commit(&mut self, id: &str, user: &str) -> Result<v1::Reservation, Status> {
        let [reservation_id, user] = [id, user].map(str::to_owned);
        let request = v1::CommitRequest { reservation_id, user: Some(user), ..Default::default() };
        let answer = self.client.commit(request).await?.into_inner();
        Ok(answer.reservation.expect("a reservation"))
    }

    pub(crate) async fn paid(&mut self, request: v1::ReserveRequest) -> v1::Reservation {
        let held = self.hold(request).await;
        self.commit(&held.reservation_id, held.user.as_deref().expect("a user")).await.expect("paid")
    }

    pub(crate) async fn rollback(&mut self, request: v1::RollbackRequest) -> Result<v1::RollbackResponse, Status> {
        Ok(self.client.rollback(request).await?.into_inner())
    }

    /// What a rollback gives back.
    pub(crate) async fn refund(&mut self, request: v1::RollbackRequest) -> (v1::Refund, v1::Reservation) {
        let answer = self.rollback(request).await.expect("a rollback");
        let (refund, reservation) = (answer.refund.expect("a refund"), answer.reservation.expect("a reservation"));
        assert_eq!(refund.lines.iter().map(|line| line.amount).sum::<i64>(), refund.amount);
        // Of an order that was cancelled before it was paid there is nothing to refund or to keep.
        let unpaid = reservation.state() != v1::ReservationState::Committed && reservation.refunded == 0;
        let paid = if unpaid { 0 } else { reservation.payable };
        assert_eq!((reservation.refunded + reservation.kept), paid, "refunded + kept = paid");
        (refund, reservation)
    }

    pub(crate) async fn get(&mut self, id: &str, user: &str) -> Result<v1::GetReservationResponse, Status> {
        let [reservation_id, user] = [id, user].map(str::to_owned);
        let request = v1::GetReservationRequest { reservation_id, user: Some(user), ..Default::default() };
        Ok(self.client.get_reservation(request).await?.into_inner())
    }

    /// Ends the server and begins another one over the same folder and data.
    pub(crate) async fn restarted(self) -> Self {
        self.again(|_| {}).await
    }

    /// Likewise, with something else configured.
    pub(crate) async fn again(self, change: impl FnOnce(&mut Config)) -> Self {
        self.again_after(change, || {}).await
    }

    /// Likewise, and something happens in between.
    pub(crate) async fn again_after(self, change: impl FnOnce(&mut Config), meanwhile: impl FnOnce()) -> Self {
        let Self { client, channel, folder, data, stop, served, .. } = self;
        drop((client, channel));
        stop.send(()).expect("a server");
        served.await.expect("no panic").expect("a clean end");
        meanwhile();
        Self::over(folder, data, change).await
    }

    /// Ends the server; what it kept.
    pub(crate) async fn ended(self) -> Kept {
        let Self { client, channel, data, stop, served, folder: _folder, .. } = self;
        drop((client, channel));
        stop.send(()).expect("a server");
        served.await.expect("no panic").expect("a clean end");
        data
    }

    /// What is left of the sale: a basket of very many masks is cut by its stock, and says so.
    pub(crate) async fn flash_left(&mut self) -> i64 {
        use v1::outcome::Details;
        let lines = vec![line("a", "mask-50", "pharma", 999, 1280)];
        let basket = v1::Basket { currency: "JPY".to_owned(), lines, ..Default::default() };
        let request = v1::QuoteRequest { basket: Some(basket), view: v1::View::Full.into(), ..Default::default() };
        let quote = self.quote(request).await.expect("a price");
        let flash = quote.outcomes.iter().find(|outcome| outcome.promotion == "flash").expect("an outcome");
        let limits = match flash.details.as_ref().expect("details") {
            Details::Applied(applied) => applied.cut.clone(),
            Details::Limit(limit) => vec![*limit],
            other => panic!("{other:?}"),
        };
        let stock = limits.iter().find(|limit| limit.counter() == v1::Limit::Stock).expect("the stock");
        stock.limit - stock.used
    }
}

/// Status and reason.
pub(crate) fn why(status: &Status) -> (Code, String) {
    (status.code(), status.get_details_error_info().map(|info| info.reason).unwrap_or_default())
}

pub(crate) fn is(status: &Status, code: Code, reason: &str) {
    assert_eq!(why(status), (code, reason.to_owned()), "{status:?}");
}
