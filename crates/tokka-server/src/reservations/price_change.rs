//! Which limits made a price another one than was expected? The order is priced again with less and less left, from no
//! limits at all to what is left now: a limit that bites after the expected price was met is a cause.

use tokka_core::prepare::Prepared;
use tokka_core::quote::{Quote, QuoteError, View};
use tokka_core::table::{CounterIx, Ix};
use tokka_ledger::model::AMOUNT_MAX;

/// Rounds in which counters are set to what is used of them. A limit that bites may send an order to the next promotion,
/// whose limit bites only then.
const ROUNDS_MAX: usize = 8;

/// A counter that has less left than the order wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) counter: CounterIx,
    /// What the order would take of it if there were enough, at least 1.
    pub(super) wanted: i64,
}

/// The counters that made the price another one, in the core's order. `used` is what is used of each now. Where no price
/// on the way is the expected one, all limits that bite are told.
///
/// # Errors
/// Those of a price.
pub(super) fn causes(
    prepared: &Prepared<'_>,
    used: &[i64],
    is_expected: impl Fn(&Quote) -> bool,
) -> Result<Vec<Cause>, QuoteError> {
    let mut causes: Vec<Cause> = Vec::new();
    // First without limits, to see which of them cut this order whatever others bought; then as if nobody had bought
    // anything; then, counter by counter, with what is used of it.
    let limitless = vec![-AMOUNT_MAX; used.len()];
    let alone = prepared.price(&limitless, View::Basic)?;
    note(&mut causes, prepared, &alone, |_| 0);
    let mut assumed = vec![0; used.len()];
    for _ in 0..ROUNDS_MAX {
        let quote = prepared.price(&assumed, View::Basic)?;
        if is_expected(&quote) {
            causes.clear();
        }
        let bites = note(&mut causes, prepared, &quote, |counter| now(used, counter));
        let mut changed = false;
        for counter in bites {
            if let Some(assumed) = assumed.get_mut(counter.position()) {
                changed |= *assumed != now(used, counter);
                *assumed = now(used, counter);
            }
        }
        if !changed {
            break;
        }
    }
    causes.sort_unstable_by_key(|cause| cause.counter.position());
    Ok(causes)
}

fn now(used: &[i64], counter: CounterIx) -> i64 {
    used.get(counter.position()).copied().unwrap_or(0)
}

/// Adds the counters that have less left than this price takes of them, and answers them.
fn note(causes: &mut Vec<Cause>, prepared: &Prepared<'_>, quote: &Quote, used: impl Fn(CounterIx) -> i64) -> Vec<CounterIx> {
    let mut bites = Vec::new();
    for claim in quote.claims.iter().filter(|claim| claim.amount > 0) {
        if used(claim.counter).saturating_add(claim.amount) > prepared.counters().at(claim.counter).limit {
            bites.push(claim.counter);
            if !causes.iter().any(|cause| cause.counter == claim.counter) {
                causes.push(Cause { counter: claim.counter, wanted: claim.amount });
            }
        }
    }
    bites
}
