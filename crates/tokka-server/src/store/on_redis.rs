//! How is a store on Redis opened, and how does an operator hear of it? What its servers lose or do not say becomes lines of
//! the log, and one name of the health service.

use std::sync::Arc;
use std::time::Duration;

use tokka_ledger::redis::{self, Incident, Look, Redis, ShardState, StoreUrl};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::claims;

/// The name by which probes ask for the store. It is NOT_SERVING while a shard takes no orders, or while clocks are apart.
/// Quotes go on meanwhile, so the service itself stays SERVING, and no orchestrator restarts it for what it cannot help.
pub(crate) const STORE: &str = "tokka.store";

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Further apart, the deadlines that callers are told are not those of the store.
const APART_MS_MAX: i64 = 250;
/// An answer may be late for once: so many looks in a row are no accident.
const APART_LOOKS: u32 = 3;

/// Opens a store that an operator made.
///
/// # Errors
/// What is wrong, and what to do.
pub(super) async fn open(url: &StoreUrl) -> Result<Redis, String> {
    let mut config = redis::Config::new(url.clone(), claims::owner());
    config.on_broken = Arc::new(super::told_broken);
    config.on_incident = Arc::new(told);
    Redis::open(config).await.map_err(|error| match error {
        redis::OpenError::Empty(what) => format!(
            "STORE_EMPTY: {what}, {url}: make a store there, once, with `tokka store init --store URL`; one that was lost comes \
             back with `tokka store restore`"
        ),
        other => other.to_string(),
    })
}

fn told(incident: &Incident) {
    match incident {
        Incident::Recovering { shard, round } => {
            tracing::warn!(shard, round, "another server has the shard: no new orders until what it may lack is back");
        }
        Incident::LostWrites { shard, acknowledged, known } => {
            tracing::error!(shard, acknowledged, known, "the server that has the shard now lacks what was acknowledged");
        }
        Incident::Restored { shard, records } => tracing::warn!(shard, records, "orders that were lost stand again"),
        Incident::OversoldByFailover { counter, limit, used } => {
            tracing::error!(%counter, limit, used, "OVERSOLD_BY_FAILOVER: a paid order stands again that does not fit any more");
        }
        Incident::Opened { shard, round } => tracing::warn!(shard, round, "the shard takes orders again"),
    }
}

/// Tells probes and the log how the store is, for ever.
pub(crate) async fn report(store: Arc<Redis>, health: HealthReporter) {
    let mut judge = Judge::default();
    let mut told: Option<String> = None;
    loop {
        let wrong = judge.wrong(&store.look().await);
        if wrong != told {
            match &wrong {
                Some(why) => tracing::error!(why, "the store is not as it should be"),
                None => tracing::info!("the store is as it should be"),
            }
            let status = if wrong.is_some() { ServingStatus::NotServing } else { ServingStatus::Serving };
            health.set_service_status(STORE, status).await;
            told = wrong;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What speaks against a store, look by look.
#[derive(Debug, Default)]
struct Judge {
    /// Looks in a row in which the clocks were apart.
    apart: u32,
}

impl Judge {
    fn wrong(&mut self, look: &Look) -> Option<String> {
        self.apart = match look.clock_apart_ms {
            Some(apart) if apart.saturating_abs() > APART_MS_MAX => self.apart.saturating_add(1),
            Some(_) => 0,
            // Nobody answered: nothing new is known of it.
            None => self.apart,
        };
        for (number, state) in look.shards.iter().enumerate() {
            match state {
                ShardState::Open => {}
                ShardState::Recovering => return Some(format!("shard {number} recovers from a change of its server")),
                ShardState::Restoring => {
                    return Some(format!("shard {number} is being restored: `tokka store restore` opens it"));
                }
                ShardState::Empty => {
                    return Some(format!(
                        "STORE_EMPTY: shard {number} has no head; `tokka store restore` brings a lost store back"
                    ));
                }
                ShardState::Silent(why) => return Some(format!("shard {number} does not answer: {why}")),
            }
        }
        // How far they are apart changes with each look; that they are is one thing, told once.
        let apart = self.apart >= APART_LOOKS;
        apart.then(|| format!("the clocks of store and server are more than {APART_MS_MAX} ms apart: set them by NTP"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(state: ShardState, clock_apart_ms: Option<i64>) -> Look {
        Look { shards: vec![ShardState::Open, state], clock_apart_ms }
    }

    #[test]
    fn clocks_are_apart_once_several_looks_say_so() {
        let mut judge = Judge::default();
        let mut wrong = |apart| judge.wrong(&look(ShardState::Open, apart)).is_some();
        assert_eq!([250, 251, -251, 250, 251].map(|apart| wrong(Some(apart))), [false; 5]);
        assert!(!wrong(Some(300)));
        assert!(!wrong(None), "two so far, and a look that saw nothing");
        assert!(wrong(Some(-7_000)) && wrong(Some(300)));
        assert!(!wrong(Some(0)));
    }

    #[test]
    fn a_shard_that_takes_no_orders_is_named() {
        let wrong = |state| Judge::default().wrong(&look(state, Some(0))).expect("something wrong");
        assert!(wrong(ShardState::Recovering).starts_with("shard 1 recovers"));
        assert!(wrong(ShardState::Empty).starts_with("STORE_EMPTY: shard 1"));
        assert!(wrong(ShardState::Silent("refused".to_owned())).ends_with("refused"));
        assert_eq!(Judge::default().wrong(&look(ShardState::Open, None)), None);
    }
}
