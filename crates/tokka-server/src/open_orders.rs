//! What of a user's limits do the user's own open orders hold? Said beside a limit that stands in the way, since it is
//! the one use of it that the user can end: by paying, or by cancelling.

use tokka_core::basket::Basket;
use tokka_core::outcome::{Subject, Verdict};
use tokka_core::quote::{Counter, Quote};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{CounterIx, Table};
use tokka_ledger::Ledger;
use tokka_ledger::name::Name;
use tokka_proto::v1;

use crate::{claims, response};

/// Says it of the shortages whose counters are the user's own; `names` are those of the shortages, in their order.
pub(crate) async fn say_of_shortages(
    ledger: &dyn Ledger,
    shard_key: &str,
    names: &[Name],
    shortages: &mut [v1::CounterShortage],
) {
    let own: Vec<Option<Name>> = names.iter().map(|name| claims::user_of(name).map(|_| name.clone())).collect();
    let places = shortages.iter_mut().map(|shortage| &mut shortage.held_by_open_orders).zip(own);
    say(ledger, shard_key, places.filter_map(|(place, name)| Some((place, name?))).collect()).await;
}

/// Says it of the limits in a quote's outcomes. Both quotes are of view FULL, and the same.
pub(crate) async fn say_of_outcomes(
    ledger: &dyn Ledger,
    rulebook: &Rulebook,
    basket: &Basket,
    counters: &Table<CounterIx, Counter>,
    quote: &Quote,
    answer: &mut v1::Quote,
) {
    let Some(user) = basket.user() else { return };
    let mut places = Vec::new();
    for (outcome, told) in quote.outcomes.iter().zip(&mut answer.outcomes) {
        let Subject::Promotion(promotion) = outcome.subject else { continue };
        let limits: Vec<&mut v1::LimitUse> = match told.details.as_mut() {
            Some(v1::outcome::Details::Limit(limit)) => vec![limit],
            Some(v1::outcome::Details::Applied(applied)) => applied.cut.iter_mut().collect(),
            Some(v1::outcome::Details::Shortfall(shortfall)) => shortfall.limit.iter_mut().collect(),
            _ => continue,
        };
        let uses = match &outcome.verdict {
            Verdict::Applied(applied) => applied.cut.as_slice(),
            Verdict::LimitReached(limit) => std::slice::from_ref(limit),
            Verdict::BelowQuantity(short) | Verdict::BelowThreshold(short) => short.limit.as_slice(),
            _ => continue,
        };
        for (limit, told) in uses.iter().zip(limits) {
            // Where each sku is counted by itself, several counters stand for one limit, and no one number would be true.
            let mut of = counters.rows().iter().filter(|counter| response::stands_for(counter.key, promotion, limit.counter));
            let (Some(counter), None) = (of.next(), of.next()) else { continue };
            let name = claims::name(rulebook, basket, counter.key);
            if claims::user_of(&name).is_some() {
                places.push((&mut told.held_by_open_orders, name));
            }
        }
    }
    say(ledger, user.as_str(), places).await;
}

/// One read for all of them, and none where there is nothing to say.
async fn say(ledger: &dyn Ledger, shard_key: &str, places: Vec<(&mut Option<i64>, Name)>) {
    if places.is_empty() {
        return;
    }
    let names: Vec<Name> = places.iter().map(|(_, name)| name.clone()).collect();
    match ledger.held(shard_key, &names).await {
        Ok(held) => places.into_iter().zip(held).for_each(|((place, _), held)| *place = Some(held)),
        // It explains a refusal and decides nothing: the refusal goes out without it.
        Err(error) => tracing::warn!(%error, "what open orders hold is not known"),
    }
}
