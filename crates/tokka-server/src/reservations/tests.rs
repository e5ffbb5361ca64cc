//! What does a caller hear when others are quicker, or when the store does not answer? A ledger that answers as told.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::FutureExt;
use tokka_ledger::model::{
    Audit, Committed, Cursor, Events, Extended, Hold, IfExpired, Millis, Put, Reserved, Revived, Rollback, RolledBack, Versioned,
};
use tokka_ledger::name::Name;
use tokka_ledger::{Clock, Memory, bounds};
use tokka_proto::v1::reserve_request::Expect;

use super::reserve::Scarce;
use super::*;

const SHOP: &str = r#"
kind: catalogue
currency: JPY
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

const DAY: i64 = 24 * 3_600_000;

/// A ledger in memory, whose next answers to Reserve are these.
struct Told {
    memory: Memory,
    /// What was asked to be recovered.
    recovered: Mutex<Vec<Record>>,
    next: Mutex<VecDeque<Result<Reserved, LedgerError>>>,
}

/// Somebody else was quicker: so many are used by now.
fn used(used: i64) -> Result<Reserved, LedgerError> {
    Ok(Reserved::Refused { shortages: Vec::new(), usage: vec![used] })
}

async fn desk(next: impl IntoIterator<Item = Result<Reserved, LedgerError>>) -> (Arc<Told>, Reservations) {
    desk_over(Memory::default(), next).await
}

/// A desk whose store has a clock of its own.
async fn desk_with_clock() -> (Arc<Told>, Reservations, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(1_000 * DAY));
    let source = Arc::clone(&clock);
    let memory = Memory::new(
        Clock::from_source(move || source.load(Ordering::SeqCst)),
        1_000,
        bounds::RETENTION,
        Arc::new(|counter, used| panic!("counter `{counter}` went to {used}")),
    );
    let (told, desk) = desk_over(memory, []).await;
    (told, desk, clock)
}

async fn desk_over(memory: Memory, next: impl IntoIterator<Item = Result<Reserved, LedgerError>>) -> (Arc<Told>, Reservations) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("shop.yaml"), SHOP).expect("a file");
    let catalogue = Arc::new(Catalogue::open(folder.path().to_owned()).await.expect("a catalogue"));
    let told = Arc::new(Told { next: Mutex::new(next.into_iter().collect()), recovered: Mutex::default(), memory });
    let receipts = Receipts::open(folder.path()).expect("a key").of_store(vec!["test".to_owned()]);
    let ledger: Arc<dyn Ledger> = told.clone();
    let coupons = Arc::new(crate::coupons::Coupons::new(Arc::clone(&catalogue), Arc::clone(&ledger)));
    let reservations =
        Reservations { catalogue, ledger, coupons, receipts, thawed: Thawed::default(), scarce: Scarce::default() };
    (told, reservations)
}

fn masks(expect: Expect) -> v1::ReserveRequest {
    let [line_id, sku, store] = ["a", "mask-50", "pharma"].map(str::to_owned);
    let line = v1::Line { line_id, sku, store, quantity: 3, unit_price: 1280, ..Default::default() };
    let basket = v1::Basket { currency: "JPY".to_owned(), lines: vec![line], ..Default::default() };
    let reservation_id = "r-1".to_owned();
    v1::ReserveRequest { reservation_id, basket: Some(basket), expect: Some(expect), ..Default::default() }
}

async fn left(told: &Told) -> usize {
    told.next.lock().expect("no panic").len()
}

#[tokio::test]
async fn a_hold_that_does_not_fit_is_priced_again_with_what_it_learned() {
    // First all are left, then 2, then 1 of 100: the hold that is taken in the end is of one at the sale price. The very first
    // was tried without looking, and only says that it is worth a look.
    let (told, desk) = desk([used(97), used(98), used(99)]).await;
    let answer = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect("a hold");
    assert_eq!(answer.quote.expect("a quote").payable, 980 + 2 * 1280);
    assert_eq!(left(&told).await, 0);

    let (_, desk) = self::desk([used(98), used(98)]).await;
    let error = desk.reserve(masks(Expect::ExpectedPayable(3 * 980))).await.expect_err("another price");
    let ApiError::PriceChanged(change) = error else { panic!("{error:?}") };
    assert_eq!((change.payable, change.counters[0].used), (2 * 980 + 1280, 98));
}

#[tokio::test]
async fn five_tries_that_do_not_fit_are_enough() {
    // Besides the one that was made without looking.
    let (told, desk) = desk((0..7).map(|_| used(0))).await;
    let error = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect_err("contention");
    assert!(matches!(error, ApiError::Contention), "{error:?}");
    assert_eq!(left(&told).await, 1);
}

#[tokio::test]
async fn an_order_of_a_revision_that_is_not_admitted_any_more_is_priced_again() {
    let stale = || Ok(Reserved::Stale { admitted: 7 });
    let (told, desk) = desk([used(97), stale(), used(98), stale()]).await;
    let answer = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect("a hold");
    assert_eq!(answer.quote.expect("a quote").payable, 2 * 980 + 1280, "what an earlier try learned still counts");
    assert_eq!(left(&told).await, 0);

    let (told, desk) = self::desk((0..7).map(|_| stale())).await;
    let error = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect_err("contention");
    assert!(matches!(error, ApiError::Contention), "{error:?}");
    assert_eq!(left(&told).await, 1);
}

#[tokio::test]
async fn what_the_store_cannot_say_is_not_made_up() {
    let unknown = LedgerError::OutcomeUnknown("gone".to_owned());
    let (_, desk) = desk([Err(LedgerError::Overloaded), Err(unknown.clone())]).await;
    for expected in [LedgerError::Overloaded, unknown] {
        let error = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect_err("no answer");
        assert!(matches!(&error, ApiError::Store(found) if *found == expected), "{error:?}");
    }
    let answer = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect("a hold");
    assert_eq!(answer.reservation.expect("a reservation").version, 1);
}

#[tokio::test]
async fn an_order_that_was_priced_otherwise_is_a_bug_and_no_refund() {
    let (told, desk) = desk([]).await;
    let target = Target::new("r-1".to_owned(), None);
    desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect("a hold");
    let mut record = desk.record(&target).await.expect("a record");
    let mut stored = Stored::from_bytes(&record.payload).expect("an order");
    stored.payable += 1;
    record.payload = stored.to_bytes();
    let error = desk.recall(&record).await.expect_err("another price");
    assert!(matches!(&error, ApiError::Bug(why) if why.contains("r-1")), "{error:?}");
    assert_eq!(told.memory.verify().await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_call_goes_on_to_its_end_when_its_caller_has_gone() {
    let (told, desk) = desk([]).await;
    let (go, gate) = tokio::sync::oneshot::channel::<()>();
    let (done, end) = tokio::sync::oneshot::channel::<()>();
    let mut call = Box::pin(to_the_end(async move {
        gate.await.expect("the gate");
        let answer = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await;
        done.send(()).expect("somebody who waits");
        answer
    }));
    // The caller begins to wait, and gives up.
    assert!(call.as_mut().now_or_never().is_none());
    drop(call);
    go.send(()).expect("a call under way");
    end.await.expect("its end");
    assert!(told.get(" r-1", "r-1").await.expect("an answer").is_some());
}

/// What goes back of a mask or of all of them, by receipt alone.
fn by_receipt(receipt: &[u8], rollback_id: &str, masks: Option<i64>) -> v1::RollbackRequest {
    let lines = masks.map(|units| v1::LineUnits { line_id: "a".to_owned(), units });
    let rollback_id = rollback_id.to_owned();
    v1::RollbackRequest {
        receipt: receipt.to_vec(),
        rollback_id,
        all: lines.is_none(),
        lines: lines.into_iter().collect(),
        ..Default::default()
    }
}

async fn paid(desk: &Reservations) -> v1::Reservation {
    desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect("a hold");
    let request = v1::CommitRequest { reservation_id: "r-1".to_owned(), ..Default::default() };
    desk.commit(request).await.expect("paid").reservation.expect("a reservation")
}

#[tokio::test]
async fn a_receipt_is_brought_to_the_store_only_where_it_may_know_more() {
    let (told, desk, clock) = desk_with_clock().await;
    let asked = || std::mem::take(&mut *told.recovered.lock().expect("no panic")).len();
    let held = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect("a hold").reservation.expect("a reservation");
    let by = |receipt: &[u8]| v1::GetReservationRequest { receipt: receipt.to_vec(), ..Default::default() };
    desk.look_up(by(&held.receipt)).await.expect("it stands");
    let commit = v1::CommitRequest { receipt: held.receipt.clone(), ..Default::default() };
    desk.commit(commit).await.expect("paid");
    desk.look_up(by(&held.receipt)).await.expect("it went on");
    assert_eq!(asked(), 0);

    // A receipt of a version that the store has not got.
    let mut record = told.get(" r-1", "r-1").await.expect("an answer").expect("a record");
    record.version = 7;
    let newer = desk.receipts.write(&record);
    desk.look_up(by(&newer)).await.expect("what stands");
    desk.rollback(by_receipt(&newer, "x", Some(1))).await.expect("a return of what stands");
    assert_eq!(asked(), 2);
    // And one of a record that is not there.
    clock.fetch_add(8 * DAY, Ordering::SeqCst);
    assert_eq!(told.age(10).await, Ok(1));
    assert!(matches!(desk.look_up(by(&held.receipt)).await, Err(ApiError::NotFound { .. })));
    assert_eq!(asked(), 1);
}

#[tokio::test]
async fn an_aged_order_is_returned_by_its_latest_receipt_and_by_nothing_else() {
    let (told, desk, clock) = desk_with_clock().await;
    let first = paid(&desk).await.receipt;
    clock.fetch_add(8 * DAY, Ordering::SeqCst);
    assert_eq!(told.age(10).await, Ok(1));

    let by_id = v1::GetReservationRequest { reservation_id: "r-1".to_owned(), ..Default::default() };
    for request in [by_id, v1::GetReservationRequest { receipt: first.clone(), ..Default::default() }] {
        let error = desk.look_up(request).await.expect_err("it has gone");
        assert!(matches!(error, ApiError::NotFound { .. }), "{error:?}");
    }
    let again = v1::CommitRequest { receipt: first.clone(), ..Default::default() };
    assert!(matches!(desk.commit(again).await, Err(ApiError::NotFound { .. })));

    let one = by_receipt(&first, "x", Some(1));
    let preview = v1::RollbackRequest { validate_only: true, ..one.clone() };
    let previewed = desk.rollback(preview).await.expect("a preview").refund.expect("a refund");
    let answer = desk.rollback(one.clone()).await.expect("a return");
    assert_eq!(answer.refund, Some(previewed.clone()));
    assert_eq!(previewed.amount, 980);
    let second = answer.reservation.expect("a reservation");
    assert_eq!((second.version, second.refunded, second.kept), (3, 980, 2 * 980));
    assert_eq!(desk.rollback(one).await.expect("the same again").refund, Some(previewed), "while it is there");

    clock.fetch_add(8 * DAY, Ordering::SeqCst);
    assert_eq!(told.age(10).await, Ok(1));
    for rollback_id in ["x", "y"] {
        let error = desk.rollback(by_receipt(&first, rollback_id, Some(1))).await.expect_err("an old receipt");
        assert!(matches!(error, ApiError::Forbidden(Forbidden::ReceiptSuperseded(_))), "{error:?}");
    }
    let rest = desk.rollback(by_receipt(&second.receipt, "y", None)).await.expect("a return");
    assert_eq!(rest.refund.expect("a refund").amount, 2 * 980);
    let audit = told.audit().await.expect("an audit");
    assert!(audit.is_clean() && audit.counters == 0, "{audit:?}");
}

#[tokio::test]
async fn an_aged_order_that_was_never_paid_is_not_found_and_nothing_is_left_in_its_place() {
    let (told, desk, clock) = desk_with_clock().await;
    let held = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect("a hold").reservation.expect("a reservation");
    clock.fetch_add(8 * DAY, Ordering::SeqCst);
    assert_eq!((told.expire(10).await, told.age(10).await), (Ok(1), Ok(0)));
    clock.fetch_add(8 * DAY, Ordering::SeqCst);
    assert_eq!(told.age(10).await, Ok(1));
    let error = desk.rollback(by_receipt(&held.receipt, "x", None)).await.expect_err("never paid");
    assert!(matches!(error, ApiError::NotFound { .. }), "{error:?}");
    assert_eq!(told.get(" r-1", "r-1").await, Ok(None));
}

#[tokio::test]
async fn a_look_takes_a_bite_of_expired_holds_and_one_of_old_records() {
    let (told, desk, clock) = desk_with_clock().await;
    paid(&desk).await;
    let other = v1::ReserveRequest { reservation_id: "r-2".to_owned(), ..masks(Expect::AcceptAnyPrice(true)) };
    clock.fetch_add(8 * DAY, Ordering::SeqCst);
    desk.reserve(other).await.expect("a hold");
    clock.fetch_add(DAY, Ordering::SeqCst);
    assert_eq!(crate::store::bite(&*told).await, Ok((1, 1)));
    assert_eq!(crate::store::bite(&*told).await, Ok((0, 0)));
}

#[tonic::async_trait]
impl Ledger for Told {
    async fn reserve(&self, hold: Hold) -> Result<Reserved, LedgerError> {
        let next = self.next.lock().expect("no panic").pop_front();
        match next {
            Some(answer) => answer,
            None => self.memory.reserve(hold).await,
        }
    }
    async fn take(&self, hold: Hold) -> Result<Reserved, LedgerError> {
        self.memory.take(hold).await
    }
    async fn commit(
        &self,
        shard_key: &str,
        id: &str,
        if_expired: IfExpired,
        note: Option<Vec<u8>>,
    ) -> Result<Committed, LedgerError> {
        self.memory.commit(shard_key, id, if_expired, note).await
    }
    async fn rollback(&self, shard_key: &str, id: &str, rollback: Rollback) -> Result<RolledBack, LedgerError> {
        self.memory.rollback(shard_key, id, rollback).await
    }
    async fn extend(&self, shard_key: &str, id: &str, until: Millis) -> Result<Extended, LedgerError> {
        self.memory.extend(shard_key, id, until).await
    }
    async fn replace(&self, old: &str, hold: Hold) -> Result<Reserved, LedgerError> {
        self.memory.replace(old, hold).await
    }
    async fn expire(&self, max: usize) -> Result<usize, LedgerError> {
        self.memory.expire(max).await
    }
    async fn age(&self, max: usize) -> Result<usize, LedgerError> {
        self.memory.age(max).await
    }
    fn ids(&self) -> Vec<String> {
        self.memory.ids()
    }
    async fn recover(&self, record: Record) -> Result<Option<Record>, LedgerError> {
        self.recovered.lock().expect("no panic").push(record);
        Ok(None)
    }
    async fn revive(&self, record: Record) -> Result<Revived, LedgerError> {
        self.memory.revive(record).await
    }
    async fn admit(&self, revision: u64) -> Result<u64, LedgerError> {
        self.memory.admit(revision).await
    }
    async fn admitted(&self) -> Result<u64, LedgerError> {
        self.memory.admitted().await
    }
    async fn usage(&self, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        self.memory.usage(counters).await
    }
    async fn held(&self, shard_key: &str, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        self.memory.held(shard_key, counters).await
    }
    async fn get(&self, shard_key: &str, id: &str) -> Result<Option<Record>, LedgerError> {
        self.memory.get(shard_key, id).await
    }
    async fn put(&self, name: &Name, if_version: u64, bytes: Vec<u8>) -> Result<Put, LedgerError> {
        self.memory.put(name, if_version, bytes).await
    }
    async fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        self.memory.document(name).await
    }
    async fn events(&self, after: &Cursor, max: usize) -> Result<Events, LedgerError> {
        self.memory.events(after, max).await
    }
    async fn pass(&self, reader: &str, cursor: &Cursor) -> Result<(), LedgerError> {
        self.memory.pass(reader, cursor).await
    }
    async fn reader(&self, reader: &str) -> Result<Option<Cursor>, LedgerError> {
        self.memory.reader(reader).await
    }
    async fn now(&self) -> Result<Millis, LedgerError> {
        self.memory.now().await
    }
    async fn audit(&self) -> Result<Audit, LedgerError> {
        self.memory.audit().await
    }
}
