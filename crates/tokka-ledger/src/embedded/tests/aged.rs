//! Is what aged, what came back and what is admitted still so after a restart, wherever the last checkpoint stood?

use super::*;
use crate::bounds::STUB_KEPT_MS;
use crate::contract::{part, rolled_back, whole};
use crate::model::RolledBack;

/// A store whose disk is all that outlives it, and how often it folds.
struct Desk {
    clock: Arc<AtomicI64>,
    disk: Disk,
    every: usize,
    store: Option<Embedded>,
}

impl Desk {
    fn new(every: usize) -> Self {
        let (clock, disk) = (Arc::new(AtomicI64::new(1_000)), Disk::default());
        let store = Embedded::open_with_backend(disk.clone(), small(&clock, every)).unwrap();
        Self { clock, disk, every, store: Some(store) }
    }

    fn store(&self) -> &Embedded {
        self.store.as_ref().unwrap()
    }

    fn again(&mut self) {
        self.store = None;
        self.disk = Disk::holding(self.disk.durable());
        self.store = Some(Embedded::open_with_backend(self.disk.clone(), small(&self.clock, self.every)).unwrap());
    }

    fn later(&self, by: i64) {
        self.clock.fetch_add(by, Ordering::SeqCst);
    }

    async fn paid(&self, id: &str, amount: i64) -> Record {
        let order = hold(self.store(), id, &[("stock", amount, 100)]).await;
        let order = Hold { deadline: self.clock.load(Ordering::SeqCst), ..order };
        let Ok(Reserved::Taken(record)) = self.store().take(order).await else { panic!("not taken") };
        record
    }

    async fn is_clean(&self) {
        let audit = self.store().audit().await.unwrap();
        assert!(audit.is_clean(), "{audit:?}, folding after {}", self.every);
    }
}

#[tokio::test]
async fn what_aged_and_what_came_back_is_so_after_a_restart() {
    for every in [1, 2, 3, 5, 100] {
        let mut desk = Desk::new(every);
        let first = desk.paid("r", 5).await;
        let other = desk.paid("other", 2).await;
        let second = rolled_back(desk.store(), "r", part("x", 1, &[("stock", 1)])).await;
        desk.again();
        assert_eq!(desk.store().age(10).await, Ok(0));
        desk.later(2);
        assert_eq!(desk.store().age(1).await, Ok(1), "folding after {every}");
        desk.again();
        assert_eq!(desk.store().age(10).await, Ok(1), "the other is found after a restart");
        assert_eq!((desk.store().get("u", "r").await, desk.store().get("u", "other").await), (Ok(None), Ok(None)));
        assert_eq!(used(desk.store(), ["stock"]).await, [6]);
        desk.again();
        desk.is_clean().await;
        assert_eq!(desk.store().age(10).await, Ok(0));
        assert_eq!(desk.store().revive(first).await, Ok(Revived::Superseded), "folding after {every}");
        assert!(matches!(desk.store().revive(second.clone()).await, Ok(Revived::Back(_))));
        assert!(matches!(desk.store().revive(other).await, Ok(Revived::Back(_))));
        desk.again();
        desk.is_clean().await;
        assert!(matches!(desk.store().revive(second.clone()).await, Ok(Revived::Known(_))));
        rolled_back(desk.store(), "r", whole("y")).await;
        desk.later(2);
        assert_eq!(desk.store().age(10).await, Ok(2), "folding after {every}");
        desk.again();
        desk.is_clean().await;
        assert_eq!(desk.store().revive(second).await, Ok(Revived::Superseded));
        assert_eq!(used(desk.store(), ["stock"]).await, [2]);
    }
}

#[tokio::test]
async fn a_stub_goes_after_400_days() {
    for every in [1, 3, 100] {
        let mut desk = Desk::new(every);
        let first = desk.paid("r", 5).await;
        rolled_back(desk.store(), "r", part("x", 1, &[("stock", 2)])).await;
        desk.later(2);
        assert_eq!(desk.store().age(10).await, Ok(1));
        desk.again();
        desk.later(STUB_KEPT_MS - 1);
        assert_eq!(desk.store().age(10).await, Ok(0));
        assert_eq!(desk.store().revive(first.clone()).await, Ok(Revived::Superseded), "folding after {every}");
        desk.later(1);
        assert_eq!(desk.store().age(10).await, Ok(0), "a stub is no record");
        // Nobody knows any more that it was returned; no more comes back than has aged.
        assert!(matches!(desk.store().revive(first).await, Ok(Revived::Back(record)) if record.holding.is_empty()));
        desk.again();
        desk.is_clean().await;
        assert_eq!(used(desk.store(), ["stock"]).await, [3]);
    }
}

#[tokio::test]
async fn an_order_that_went_is_not_refunded_by_its_version() {
    let mut desk = Desk::new(100);
    let record = desk.paid("r", 5).await;
    desk.later(2);
    assert_eq!(desk.store().age(10).await, Ok(1));
    desk.again();
    let refund = crate::model::Rollback { version: Some(record.version), ..whole("x") };
    assert_eq!(desk.store().rollback("u", "r", refund).await, Ok(RolledBack::NotFound));
}

#[tokio::test]
async fn the_admitted_revision_outlives_its_process() {
    let mut desk = Desk::new(100);
    assert_eq!(desk.store().admit(7).await, Ok(7));
    desk.again();
    assert_eq!(desk.store().admitted().await, Ok(7));
    let stale = Hold { revision: 6, ..hold(desk.store(), "r", &[]).await };
    assert_eq!(desk.store().reserve(stale).await, Ok(Reserved::Stale { admitted: 7 }));
    assert_eq!(desk.store().admit(3).await, Ok(7));
}

#[tokio::test]
async fn records_of_every_layer_go_in_their_order() {
    // Some lie in the tables, some are being folded, some are recent: the sum of all bites is what there was.
    for every in [1, 2, 3, 4, 5, 6, 7, 50] {
        let desk = Desk::new(every);
        for number in 0..12 {
            desk.paid(&format!("r{number:02}"), 1).await;
            desk.later(1);
        }
        desk.later(1);
        for number in 0..12 {
            assert_eq!(desk.store().age(1).await, Ok(1));
            let gone = desk.store().get("u", &format!("r{number:02}")).await;
            assert_eq!(gone, Ok(None), "folding after {every}");
        }
        desk.is_clean().await;
        assert_eq!(used(desk.store(), ["stock"]).await, [12]);
    }
}
