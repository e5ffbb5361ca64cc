use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::bounds::RETENTION;
use crate::contract::{events, paid, part, rolled_back, taken};
use crate::model::Rollback;
use crate::{Clock, Memory};

const DAY_MS: i64 = 86_400_000;

struct Store {
    ledger: Memory,
    clock: Arc<AtomicI64>,
    archive: Archive,
    dir: tempfile::TempDir,
}

/// Whose log keeps 8 entries.
fn store() -> Store {
    let clock = Arc::new(AtomicI64::new(1_795_500_000_000));
    let source = Arc::clone(&clock);
    let ledger = Memory::new(Clock::from_source(move || source.load(Ordering::SeqCst)), 8, RETENTION, Arc::new(|_, _| {}));
    let dir = tempfile::tempdir().unwrap();
    Store { ledger, clock, archive: Archive::new(dir.path().join("archive")), dir }
}

impl Store {
    async fn drain(&self) -> usize {
        let mut written = 0;
        loop {
            let bite = self.archive.bite(&self.ledger).await.unwrap();
            assert!(!bite.gap);
            if bite.events == 0 {
                return written;
            }
            written += bite.events;
        }
    }

    fn file(&self) -> PathBuf {
        self.archive.path(&self.archive.days().unwrap()[0])
    }
}

#[tokio::test]
async fn the_archive_has_every_event_by_day() {
    let store = store();
    store.archive.register(&store.ledger).await.unwrap();
    paid(&store.ledger, "r", &[("stock", 5, 10)]).await;
    let (first_day, _) = events(&store.ledger, &Cursor::default()).await;
    assert_eq!(store.drain().await, 2);
    store.clock.fetch_add(DAY_MS, Ordering::SeqCst);
    rolled_back(&store.ledger, "r", part("x", 2, &[("stock", 2)])).await;
    assert_eq!(store.drain().await, 1);
    assert_eq!(store.drain().await, 0);

    let days = store.archive.days().unwrap();
    assert_eq!(days, ["2026-11-24", "2026-11-25"]);
    assert_eq!(store.archive.day(&days[0]).unwrap(), Day { events: first_day, gaps: 0 });
    let second = store.archive.day(&days[1]).unwrap();
    assert_eq!((second.events.len(), second.events[0].entry.version), (1, 3));
    assert_eq!(second.events[0].record.as_ref().unwrap().returns.len(), 1);
    assert!(matches!(store.archive.day("2026-11-26"), Err(ArchiveError::Io { .. })));
}

#[tokio::test]
async fn an_archive_without_events_has_no_days() {
    assert_eq!(store().archive.days().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_written_twice_is_read_once() {
    let store = store();
    store.archive.register(&store.ledger).await.unwrap();
    taken(&store.ledger, "r", &[("stock", 5, 10)]).await;
    let (written, _) = events(&store.ledger, &Cursor::default()).await;
    // A crash between the fsync and the passing: the bite is on disk, and the reader stands before it.
    store.archive.append(written, false, 0).unwrap();
    assert_eq!(store.drain().await, 1);
    taken(&store.ledger, "s", &[]).await;
    assert_eq!(store.drain().await, 1);
    let day = store.archive.day(&store.archive.days().unwrap()[0]).unwrap();
    assert_eq!(day.events.iter().map(|event| event.entry.id.as_str()).collect::<Vec<_>>(), ["r", "s"]);
}

#[tokio::test]
async fn a_frame_torn_anywhere_is_cut_off_and_written_again() {
    let store = store();
    store.archive.register(&store.ledger).await.unwrap();
    taken(&store.ledger, "r", &[("stock", 5, 10)]).await;
    store.drain().await;
    let (path, whole) = (store.file(), std::fs::read(store.file()).unwrap());
    taken(&store.ledger, "s", &[]).await;
    store.drain().await;
    let both = std::fs::read(&path).unwrap();
    let day = store.archive.days().unwrap().remove(0);
    for length in whole.len()..both.len() {
        // The rest may be missing, or stand there as zeros.
        for rest in [0, both.len() - length] {
            let mut torn = both[..length].to_vec();
            torn.resize(length + rest, 0);
            if torn == both {
                continue;
            }
            std::fs::write(&path, &torn).unwrap();
            let restarted = Archive::new(store.dir.path().join("archive"));
            assert_eq!(restarted.day(&day).unwrap().events.len(), 1, "torn at {length}, {rest} zeros");
            restarted.append(restarted.day(&day).unwrap().events, false, 0).unwrap();
            assert_eq!(restarted.day(&day).unwrap().events.len(), 1);
            assert_eq!(std::fs::read(&path).unwrap()[..whole.len()], whole);
        }
    }
}

#[tokio::test]
async fn a_broken_frame_in_the_middle_is_told_not_skipped() {
    let store = store();
    store.archive.register(&store.ledger).await.unwrap();
    for id in ["r", "s"] {
        taken(&store.ledger, id, &[("stock", 1, 10)]).await;
        store.drain().await;
    }
    let (path, whole) = (store.file(), std::fs::read(store.file()).unwrap());
    let day = store.archive.days().unwrap().remove(0);
    for at in [0, 9, 13, 21, 40] {
        let mut broken = whole.clone();
        broken[at] ^= 0x40;
        std::fs::write(&path, &broken).unwrap();
        let read = store.archive.day(&day);
        // The ninth byte says which layout it is.
        let told = matches!(read, Err(ArchiveError::Broken { at: 0, .. } | ArchiveError::Layout { found: 0x4002, .. }));
        assert!(told, "byte {at}: {read:?}");
        let restarted = Archive::new(store.dir.path().join("archive"));
        assert!(restarted.append(Vec::new(), true, store.clock.load(Ordering::SeqCst)).is_err(), "nothing is cut off");
    }
}

#[tokio::test]
async fn a_frame_of_another_layout_is_refused_and_never_cut_off() {
    let store = store();
    store.archive.register(&store.ledger).await.unwrap();
    taken(&store.ledger, "r", &[("stock", 1, 10)]).await;
    store.drain().await;
    let mut older = std::fs::read(store.file()).unwrap();
    older[8] = 1;
    std::fs::write(store.file(), &older).unwrap();
    let restarted = Archive::new(store.dir.path().join("archive"));
    let day = restarted.days().unwrap().remove(0);
    assert!(matches!(restarted.day(&day), Err(ArchiveError::Layout { found: 1, .. })));
    assert!(restarted.append(Vec::new(), true, store.clock.load(Ordering::SeqCst)).is_err());
    assert_eq!(std::fs::read(store.file()).unwrap(), older);
}

/// Each with its own event, once, and again where the event is read again later.
#[tokio::test]
async fn what_returns_were_answered_is_kept_with_them() {
    let store = store();
    store.archive.register(&store.ledger).await.unwrap();
    paid(&store.ledger, "r", &[("stock", 5, 10)]).await;
    let answered =
        |id: &str, version, answer: &str| Rollback { answer: answer.as_bytes().to_vec(), ..part(id, version, &[("stock", 1)]) };
    rolled_back(&store.ledger, "r", answered("x", 2, "first")).await;
    rolled_back(&store.ledger, "r", answered("y", 3, "second")).await;
    assert_eq!(store.drain().await, 4);
    let last = Rollback { answer: b"all".to_vec(), ..crate::contract::whole("z") };
    let record = rolled_back(&store.ledger, "r", last).await;
    assert_eq!(store.drain().await, 1);
    let day = store.archive.day(&store.archive.days().unwrap()[0]).unwrap();
    for (event, at) in day.events.iter().skip(2).zip(0..) {
        let known = event.record.as_ref().unwrap();
        let told: Vec<bool> = known.returns.iter().map(|step| !step.answer.is_empty()).collect();
        assert!(told[at] && told.iter().filter(|told| **told).count() == 1, "{known:?}");
        assert_eq!(known.returns[at].answer, record.returns[at].answer);
    }
    // What is written twice, and had aged when it was read again, keeps what was known of it.
    let gone = |event: &Event| Event { record: None, ..event.clone() };
    store.archive.append(day.events.iter().map(gone).collect(), false, 0).unwrap();
    assert_eq!(store.archive.day(&store.archive.days().unwrap()[0]).unwrap(), day);
}

#[tokio::test]
async fn an_archive_knows_whose_history_it_is() {
    let store = store();
    assert_eq!(store.archive.stores().unwrap(), Vec::<String>::new());
    for _ in 0..2 {
        store.archive.register(&store.ledger).await.unwrap();
        assert_eq!(store.archive.stores().unwrap(), store.ledger.ids());
    }
    // Another store goes on in the same folder, as after a restore.
    let ids = [store.ledger.ids(), vec!["b2".to_owned()]].concat();
    store.archive.note_store(vec!["b2".to_owned(), "older".to_owned()]).unwrap();
    assert_eq!(store.archive.stores().unwrap(), ids);
    store.archive.register(&store.ledger).await.unwrap();
    assert_eq!(store.archive.stores().unwrap().last(), ids.first(), "the latest comes last");
}

#[tokio::test]
async fn what_the_log_dropped_unseen_is_noted() {
    let store = store();
    store.archive.register(&store.ledger).await.unwrap();
    for number in 0..10 {
        taken(&store.ledger, &format!("r{number}"), &[]).await;
    }
    assert_eq!(store.archive.bite(&store.ledger).await.unwrap(), Bite { events: 8, gap: true });
    assert_eq!(store.drain().await, 0);
    let day = store.archive.day(&store.archive.days().unwrap()[0]).unwrap();
    assert_eq!((day.events.len(), day.gaps), (8, 1));
    assert_eq!(day.events[0].entry.id, "r2");
}

#[tokio::test]
async fn each_directory_is_a_reader_of_its_own_with_one_writer() {
    let store = store();
    let path = |name: &str| store.dir.path().join(name);
    let one = Archive::open(path("one")).unwrap();
    assert!(matches!(Archive::open(path("one")), Err(ArchiveError::InUse { .. })));
    let two = Archive::open(path("two")).unwrap();
    assert_ne!(one.reader(), two.reader());
    for archive in [&one, &two] {
        archive.register(&store.ledger).await.unwrap();
    }
    paid(&store.ledger, "r", &[("stock", 5, 10)]).await;
    let bite = |archive: Archive| {
        let ledger = &store.ledger;
        async move { archive.bite(ledger).await.unwrap().events }
    };
    assert_eq!((bite(one.clone()).await, bite(one.clone()).await), (2, 0));
    let before = one.reader().to_owned();
    drop(one);
    // It goes on where it was, and the other one has everything as well.
    let again = Archive::open(path("one")).unwrap();
    assert_eq!((again.reader(), bite(again.clone()).await), (before.as_str(), 0));
    assert_eq!(bite(two.clone()).await, 2);
    let day = &again.days().unwrap()[0];
    assert_eq!(again.day(day).unwrap(), two.day(day).unwrap());

    drop(again);
    std::fs::write(path("one").join("archive.id"), "mine").unwrap();
    let refused = Archive::open(path("one")).unwrap_err().to_string();
    assert!(refused.ends_with("`archive.id` is not 16 hexadecimal digits"), "{refused}");
}

#[tokio::test]
async fn what_records_depend_on_lies_beside_them() {
    let store = store();
    let name = |of: &str| Name::of(&["frozen", of]);
    assert!(store.archive.documents().unwrap().is_empty());
    for of in ["b", "a", "other"] {
        store.ledger.put(&name(of), 0, of.as_bytes().to_vec()).await.unwrap();
    }
    store.archive.register(&store.ledger).await.unwrap();
    taken(&store.ledger, "r", &[("stock", 5, 10)]).await;
    // `gone` is not in the store: nobody waits for it.
    let depends_on = |record: &Record| vec![name("a"), name(&record.id), name("b"), name("gone")];
    assert_eq!(store.archive.bite_with(&store.ledger, &depends_on).await.unwrap().events, 1);
    let kept = [(name("a"), b"a".to_vec()), (name("b"), b"b".to_vec())];
    assert_eq!(store.archive.documents().unwrap(), kept);
    // Also where another process goes on.
    let restarted = Archive::new(store.dir.path().join("archive"));
    rolled_back(&store.ledger, "r", crate::contract::whole("x")).await;
    assert_eq!(restarted.bite_with(&store.ledger, &|_| vec![name("other"), name("a")]).await.unwrap().events, 1);
    assert_eq!(restarted.documents().unwrap().len(), 3);
}
