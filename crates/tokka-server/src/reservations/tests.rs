//! What does a caller hear when others are quicker, or when the store does not answer? A ledger that answers as told.

use std::collections::VecDeque;
use std::sync::Mutex;

use futures_util::FutureExt;
use tokka_ledger::Memory;
use tokka_ledger::model::{
    Audit, Committed, Cursor, Events, Extended, Hold, IfExpired, Millis, Put, Reserved, Revived, Rollback, RolledBack, Versioned,
};
use tokka_ledger::name::Name;
use tokka_proto::v1::reserve_request::Expect;

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

/// A ledger in memory, whose next answers to Reserve are these.
#[derive(Default)]
struct Told {
    memory: Memory,
    next: Mutex<VecDeque<Result<Reserved, LedgerError>>>,
}

/// Somebody else was quicker: so many are used by now.
fn used(used: i64) -> Result<Reserved, LedgerError> {
    Ok(Reserved::Refused { shortages: Vec::new(), usage: vec![used] })
}

async fn desk(next: impl IntoIterator<Item = Result<Reserved, LedgerError>>) -> (Arc<Told>, Reservations) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("shop.yaml"), SHOP).expect("a file");
    let catalogue = Arc::new(Catalogue::open(folder.path().to_owned()).await.expect("a catalogue"));
    let told = Arc::new(Told { next: Mutex::new(next.into_iter().collect()), ..Told::default() });
    let receipts = Receipts::open(folder.path()).expect("a key");
    let ledger: Arc<dyn Ledger> = told.clone();
    (told, Reservations { catalogue, ledger, receipts, thawed: Thawed::default() })
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
    // First all are left, then 2, then 1 of 100: the hold that is taken in the end is of one at the sale price.
    let (told, desk) = desk([used(98), used(99)]).await;
    let answer = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect("a hold");
    assert_eq!(answer.quote.expect("a quote").payable, 980 + 2 * 1280);
    assert_eq!(left(&told).await, 0);

    let (_, desk) = self::desk([used(98)]).await;
    let error = desk.reserve(masks(Expect::ExpectedPayable(3 * 980))).await.expect_err("another price");
    let ApiError::PriceChanged(change) = error else { panic!("{error:?}") };
    assert_eq!((change.payable, change.counters[0].used), (2 * 980 + 1280, 98));
}

#[tokio::test]
async fn five_tries_that_do_not_fit_are_enough() {
    let (told, desk) = desk((0..6).map(|_| used(0))).await;
    let error = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect_err("contention");
    assert!(matches!(error, ApiError::Contention), "{error:?}");
    assert_eq!(left(&told).await, 1);
}

#[tokio::test]
async fn an_order_of_a_revision_that_is_not_admitted_any_more_is_priced_again() {
    let stale = || Ok(Reserved::Stale { admitted: 7 });
    let (told, desk) = desk([stale(), used(98), stale()]).await;
    let answer = desk.reserve(masks(Expect::AcceptAnyPrice(true))).await.expect("a hold");
    assert_eq!(answer.quote.expect("a quote").payable, 2 * 980 + 1280, "what an earlier try learned still counts");
    assert_eq!(left(&told).await, 0);

    let (told, desk) = self::desk((0..6).map(|_| stale())).await;
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
