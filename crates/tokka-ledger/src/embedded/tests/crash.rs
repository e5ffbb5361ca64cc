//! What is left after the power went? Every store that a crash can leave behind holds exactly what was acknowledged and
//! at most what was in flight.

use futures_util::future::join_all;

use super::disk::{Event, apply, apply_torn};
use super::story::{Call, Dice, look, model_after, seeds, tell};
use super::*;

/// One life of a store: what it was told, and which events of the disk had happened when it had answered.
struct Life {
    disk: Disk,
    /// Everything that it knows, from the beginning of the story.
    calls: Vec<Call>,
    /// (events of the disk, calls acknowledged by then), rising.
    acknowledged: Vec<(usize, usize)>,
}

impl Life {
    /// A crash after so many events of the disk: what must be there, and what may be.
    fn bounds(&self, events: usize) -> (usize, usize) {
        let must = self.acknowledged.iter().rev().find(|(by, _)| *by <= events).map_or(0, |(_, calls)| *calls);
        // Calls were sent in bursts, each once the one before it was answered.
        let may = self.acknowledged.iter().find(|(by, _)| *by > events).map_or(self.calls.len(), |(_, calls)| *calls);
        (must, may)
    }
}

/// Opens what the disk holds, which must succeed, and goes on with the story.
async fn live(image: Vec<u8>, mut calls: Vec<Call>, bursts: u64, dice: &mut Dice, again: &str) -> Life {
    dice.forget_receipts();
    let (model, model_clock) = model_after(&calls).await;
    let clock: Arc<AtomicI64> = Arc::new(AtomicI64::new(model_clock.load(Ordering::SeqCst)));
    let disk = Disk::holding(image);
    let mut acknowledged = vec![(0, calls.len())];
    let store = Embedded::open_with_backend(disk.clone(), small(&clock, 1 + dice.index(12))).unwrap();
    for _ in 0..bursts {
        let mut burst = Vec::new();
        for _ in 0..1 + dice.below(4) {
            let call = dice.call(&model, clock.load(Ordering::SeqCst)).await;
            if let Call::Ask(_) = call {
                burst.push(call);
            } else if burst.is_empty() {
                burst.push(call);
                break;
            }
        }
        let answers = join_all(burst.iter().map(|call| tell(&store, &clock, call))).await;
        for (call, answer) in burst.into_iter().zip(answers) {
            assert_eq!(answer, tell(&model, &model_clock, &call).await, "{again}: {call:?}");
            calls.push(call);
        }
        acknowledged.push((disk.asked(), calls.len()));
    }
    // Not dropped in order: a crash does not close anything. What it writes from here on is beyond the story.
    let life = Life { disk, calls, acknowledged };
    drop(store);
    life
}

/// A store that holds nothing yet. How it comes to be is the file's own matter: it gets its name once it is whole.
fn fresh() -> Vec<u8> {
    let disk = Disk::default();
    drop(Embedded::open_with_backend(disk.clone(), small(&Arc::default(), 100)).unwrap());
    disk.durable()
}

/// Opens a store that a crash left behind and says how many calls survived.
async fn survivors(image: Vec<u8>, calls: &[Call], (must, may): (usize, usize), again: &str) -> usize {
    let clock: Arc<AtomicI64> = Arc::new(AtomicI64::new(i64::MAX));
    let store = match Embedded::open_with_backend(Disk::holding(image), small(&clock, 100)) {
        Ok(store) => store,
        Err(error) => panic!("{again}: the store does not open again: {error}"),
    };
    let found = look(&store).await;
    assert!(store.audit().await.unwrap().is_clean(), "{again}");
    for survived in (must..=may).rev() {
        let (model, _) = model_after(&calls[..survived]).await;
        if look(&model).await == found {
            return survived;
        }
    }
    panic!("{again}: between {must} and {may} calls must have survived; none of them leaves\n{found}");
}

/// The last event at which the disk was known to hold everything before it.
fn last_sync(history: &[Event]) -> usize {
    history.iter().rposition(|event| matches!(event, Event::Sync)).unwrap_or(0)
}

#[tokio::test]
async fn every_prefix_of_the_writes_and_every_torn_last_one_recovers() {
    let seed = seeds(1).start;
    let again = format!("TOKKA_LEDGER_SEED={seed}");
    let mut dice = Dice::new(seed);
    let life = live(fresh(), Vec::new(), 16, &mut dice, &again).await;
    let (history, end) = (life.disk.history(), life.acknowledged.last().unwrap().0);
    let mut image = life.disk.began_with();
    let mut crashes = 0;
    for (events, event) in history[..end].iter().enumerate() {
        let bounds = life.bounds(events);
        survivors(image.clone(), &life.calls, bounds, &again).await;
        if let Event::Write { data, .. } = event {
            for bytes in [1, data.len() / 2, data.len() - 1] {
                let mut torn = image.clone();
                apply_torn(&mut torn, event, bytes);
                survivors(torn, &life.calls, bounds, &again).await;
                crashes += 1;
            }
        }
        crashes += 1;
        apply(&mut image, event);
    }
    println!("{crashes} crashes over {end} events of the disk");
    proof("crashes of a disk recovered", crashes, seed);
    assert_eq!(survivors(image, &life.calls, life.bounds(end), &again).await, life.calls.len());
}

#[test]
fn a_store_that_crashes_again_and_again_keeps_what_it_acknowledged() {
    let seeds = seeds(250);
    let (first, crashes) = (seeds.start, (seeds.end - seeds.start) * LIVES * CRASHES);
    let half = seeds.start + (seeds.end - seeds.start) / 2;
    std::thread::scope(|scope| {
        for seeds in [seeds.start..half, half..seeds.end] {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for seed in seeds {
                    runtime.block_on(several_lives(seed));
                }
            });
        }
    });
    proof("crashes of a disk recovered", crashes, first);
}

/// How often a store of a story dies, and in how many ways each time; the last way is what it goes on from.
const LIVES: u64 = 4;
const CRASHES: u64 = 3;

async fn several_lives(seed: u64) {
    let again = format!("TOKKA_LEDGER_SEED={seed}");
    let mut dice = Dice::new(seed);
    let (mut image, mut calls) = (fresh(), Vec::new());
    for _ in 0..LIVES {
        let life = live(image.clone(), calls, 6, &mut dice, &again).await;
        let history = life.disk.history();
        let mut survived = 0;
        for _ in 0..CRASHES {
            // Anywhere, also while the last life recovers or this one is closed.
            let events = dice.index(history.len() + 1);
            image = crashed(&life, &history, events, &mut dice);
            survived = survivors(image.clone(), &life.calls, life.bounds(events), &again).await;
        }
        calls = life.calls;
        calls.truncate(survived);
    }
}

/// What is on the disk: everything up to the last sync, then a prefix in order with the last write torn, or (as a disk
/// with a cache does) any of the writes since.
fn crashed(life: &Life, history: &[Event], events: usize, dice: &mut Dice) -> Vec<u8> {
    let mut image = life.disk.began_with();
    let synced = last_sync(&history[..events]);
    history[..synced].iter().for_each(|event| apply(&mut image, event));
    let any = dice.below(2) == 0;
    for event in &history[synced..events] {
        // The length of a file is the file system's, which keeps it in order.
        if !any || matches!(event, Event::SetLen(_)) || dice.below(2) == 0 {
            apply(&mut image, event);
        }
    }
    if let Some(torn @ Event::Write { offset, data }) = history.get(events)
        && offset + data.len() <= image.len()
    {
        apply_torn(&mut image, torn, dice.index(data.len()));
    }
    image
}
