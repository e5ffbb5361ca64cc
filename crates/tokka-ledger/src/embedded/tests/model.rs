//! Does the embedded store do what the model does? Random stories, told to both side by side.

use futures_util::future::join_all;

use super::story::{Call, Dice, look, model, seeds, tell};
use super::*;

#[test]
fn the_embedded_store_does_what_the_model_does() {
    let seeds = seeds(2_000);
    let (first, stories) = (seeds.start, seeds.end - seeds.start);
    // Two at a time: the machine has that many cores, and a story waits for its writer's thread.
    let half = seeds.start + (seeds.end - seeds.start) / 2;
    std::thread::scope(|scope| {
        for seeds in [seeds.start..half, half..seeds.end] {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for seed in seeds {
                    runtime.block_on(side_by_side(seed));
                }
            });
        }
    });
    proof("stories told to model and store", stories, first);
}

async fn side_by_side(seed: u64) {
    let mut dice = Dice::new(seed);
    let again = format!("TOKKA_LEDGER_SEED={seed}");
    let (model, model_clock) = model();
    let clock: Arc<AtomicI64> = Arc::new(AtomicI64::new(model_clock.load(Ordering::SeqCst)));
    let config = small(&clock, 1 + dice.index(20));
    let disk = Disk::default();
    let mut store = Embedded::open_with_backend(disk.clone(), config.clone()).unwrap();
    for _ in 0..16 {
        // What is sent at once travels in one batch or in several; either way it is judged in the order sent.
        let mut calls = Vec::new();
        for _ in 0..1 + dice.below(6) {
            let call = dice.call(&model, clock.load(Ordering::SeqCst)).await;
            match call {
                Call::Ask(_) => calls.push(call),
                Call::Read { .. } | Call::Later(_) => {
                    assert_eq!(tell(&store, &clock, &call).await, tell(&model, &model_clock, &call).await, "{again}: {call:?}");
                }
            }
        }
        let answers = join_all(calls.iter().map(|call| tell(&store, &clock, call))).await;
        for (call, answer) in calls.iter().zip(answers) {
            assert_eq!(answer, tell(&model, &model_clock, call).await, "{again}: {call:?}");
        }
        if dice.below(8) == 0 {
            drop(store);
            store = Embedded::open_with_backend(Disk::holding(disk.durable()), config.clone()).unwrap();
            // The disk that recorded is the old one from here on: no further restart in this story.
            compare(&store, &model, &again).await;
            finish(&store, &model, &clock, &model_clock, dice, &again).await;
            return;
        }
        compare(&store, &model, &again).await;
    }
    assert!(store.audit().await.unwrap().is_clean(), "{again}");
}

/// A store that was closed and opened goes on as if nothing had been.
async fn finish(
    store: &Embedded,
    model: &crate::Memory,
    clock: &AtomicI64,
    model_clock: &AtomicI64,
    mut dice: Dice,
    again: &str,
) {
    for _ in 0..15 {
        let call = dice.call(model, clock.load(Ordering::SeqCst)).await;
        assert_eq!(tell(store, clock, &call).await, tell(model, model_clock, &call).await, "{again}: {call:?}");
    }
    compare(store, model, again).await;
    assert!(store.audit().await.unwrap().is_clean(), "{again}");
}

async fn compare(store: &Embedded, model: &crate::Memory, again: &str) {
    assert_eq!(look(store).await, look(model).await, "{again}");
}
