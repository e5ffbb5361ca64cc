//! When is a call tried again, and after how long? One loop around every call.
//!
//! Only two kinds of failure are worth another attempt: the server did nothing (`UNAVAILABLE`), or nobody knows what it
//! did (a broken connection, `OUTCOME_UNKNOWN`). A refusal is an answer: an exhausted counter, a price that changed or a
//! state that forbids the call would only be refused again.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tonic::{Code, Request, Response, Status};

use crate::config::Retries;
use crate::error::Error;

/// No deadline is longer: the wire has a few digits for it, and clocks an end.
const DEADLINE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What repeating a call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It changes nothing.
    Read,
    /// It changes something, once for each id.
    Change,
    /// It changes something, and has no id.
    Once,
}

impl Retries {
    pub(crate) fn attempts_max(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Read => self.reads_max.max(1),
            Kind::Change => self.changes_max.max(1),
            Kind::Once => 1,
        }
    }

    /// The wait after attempt number `attempt` (from 1): between half of the step and all of it, so that clients that
    /// were refused together do not come back together; `asked` by the server, it is that and up to half of the step.
    pub(crate) fn wait(&self, attempt: u32, asked: Option<Duration>, random: impl FnOnce(u64) -> u64) -> Duration {
        let doubled = self.wait_first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        let half = doubled.min(self.wait_max) / 2;
        let least = asked.map_or(half, |asked| asked.max(half));
        let range = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        least.saturating_add(Duration::from_micros(random(range)))
    }
}

/// Calls until there is an answer, the attempts are used up, or the deadline would pass. `call` sends one attempt.
pub(crate) async fn with_retries<Q: Clone, A, F>(
    retries: &Retries,
    kind: Kind,
    deadline: Duration,
    message: Q,
    mut call: impl FnMut(Request<Q>) -> F,
) -> Result<A, Error>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let deadline = deadline.min(DEADLINE_MAX);
    let ends = Instant::now() + deadline;
    let mut attempt = 0;
    // An attempt whose end nobody knows may have done it, whatever happens to the later ones.
    let mut unknown = false;
    loop {
        attempt += 1;
        let mut request = Request::new(message.clone());
        // The server stops working for somebody who has gone.
        request.set_timeout(ends.saturating_duration_since(Instant::now()));
        let error = match timeout_at(ends, call(request)).await {
            Ok(Ok(answer)) => return Ok(answer.into_inner()),
            Ok(Err(status)) => Error::from_status(&status, attempt),
            Err(_) => Error::deadline(deadline, attempt),
        };
        unknown |= matches!(error, Error::OutcomeUnknown { .. });
        let asked = match &error {
            Error::Unavailable { retry_after, .. } | Error::OutcomeUnknown { retry_after, .. } => *retry_after,
            _ => return Err(error),
        };
        let wait = retries.wait(attempt, asked, |range| fastrand::u64(0..=range));
        // The server may ask for more than a clock can hold.
        let too_late = wait >= ends.saturating_duration_since(Instant::now());
        if too_late || attempt >= retries.attempts_max(kind) {
            // The deadline travels with the call, so the server, or the transport here, may notice it a moment earlier.
            let timed_out = too_late && matches!(error.refusal().code, Code::Cancelled | Code::DeadlineExceeded);
            return Err(match error {
                _ if timed_out => Error::deadline(deadline, attempt),
                error if unknown => error.with_unknown_outcome(),
                error => error,
            });
        }
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn waits_double_up_to_a_maximum() {
        let retries = Retries { wait_first: MS(20), wait_max: MS(100), ..Retries::default() };
        let longest = |attempt| retries.wait(attempt, None, |range| range);
        assert_eq!([1, 2, 3, 4, 5, 40, u32::MAX].map(longest), [20, 40, 80, 100, 100, 100, 100].map(MS));
        let shortest = |attempt| retries.wait(attempt, None, |_| 0);
        assert_eq!([1, 2, 3, 4, 5].map(shortest), [10, 20, 40, 50, 50].map(MS));
    }

    #[test]
    fn the_server_may_ask_for_more_and_not_for_less() {
        let retries = Retries { wait_first: MS(20), wait_max: MS(100), ..Retries::default() };
        assert_eq!(retries.wait(1, Some(MS(700)), |_| 0), MS(700));
        assert_eq!(retries.wait(1, Some(MS(700)), |range| range), MS(710));
        assert_eq!(retries.wait(1, Some(MS(1)), |_| 0), MS(10));
    }

    #[test]
    fn zero_attempts_count_as_one() {
        let retries = Retries { reads_max: 0, changes_max: 0, ..Retries::default() };
        assert_eq!((retries.attempts_max(Kind::Read), retries.attempts_max(Kind::Change)), (1, 1));
    }

    #[test]
    fn what_has_no_id_is_tried_once() {
        assert_eq!(Retries { reads_max: 9, changes_max: 9, ..Retries::default() }.attempts_max(Kind::Once), 1);
    }
}
