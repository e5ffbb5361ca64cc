//! How does a command ask a server? With a client that waits long enough for a person, and with its refusals in lines.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use clap::Args;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use tokka_client::{Client, Config, Counters, Deadlines, Error, Operator};

use crate::failure::Failure;
use crate::output;

/// Which server is asked.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// The server that is asked
    #[arg(long, value_name = "URL", env = "TOKKA_SERVER", default_value = "http://127.0.0.1:7070")]
    server: String,
    /// Waits at most this long for the answer, repeated attempts included
    #[arg(long, value_name = "TIME", default_value = "10s")]
    timeout: Period,
}

impl Remote {
    /// Asks the server.
    ///
    /// # Errors
    /// A server that cannot be reached or does not answer is like a file that cannot be read; a refusal has its reason.
    pub(crate) fn ask<A>(&self, call: impl AsyncFnOnce(Client) -> Result<A, Error>) -> Result<A, Failure> {
        self.try_ask(call)?.map_err(|error| refused(&error))
    }

    /// Likewise, where the command has more to say about an error than the error itself.
    ///
    /// # Errors
    /// Only that there is nobody to ask: the address is none.
    pub(crate) fn try_ask<A>(&self, call: impl AsyncFnOnce(Client) -> Result<A, Error>) -> Result<Result<A, Error>, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::because)?;
        let mut config = Config::new(&self.server);
        config.deadlines = Deadlines::all(self.timeout.0);
        config.connect_max = self.timeout.0;
        runtime.block_on(async {
            let client = Client::new(config).map_err(|error| Failure::Usage(error.to_string()))?;
            Ok(call(client).await)
        })
    }
}

/// How long an operator waits for a connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A client of the admin address of a server, within a runtime; its calls take at most so long.
///
/// # Errors
/// The address is none.
pub(crate) fn operator(server: &str, max: Duration) -> Result<Operator, Failure> {
    let mut config = Config::new(server);
    config.deadlines = Deadlines::all(max);
    config.connect_max = PATIENCE;
    Operator::new(config).map_err(|error| Failure::Usage(error.to_string()))
}

/// What an error says to an operator, who may have given the address of the callers.
pub(crate) fn refused_to_operator(server: &str, error: &Error) -> Failure {
    match error {
        Error::NotServed(refusal) if refusal.reason.is_none() => {
            Failure::Usage(format!("`{server}` does not serve operators: give the address of `tokka serve --admin`"))
        }
        error => refused(error),
    }
}

/// What an error says to a person, one `error: …` a line.
pub(crate) fn refused(error: &Error) -> Failure {
    let refusal = error.refusal();
    let reason = refusal.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    match error {
        Error::Invalid { violations, total, .. } if !violations.is_empty() => {
            let mut lines: Vec<String> =
                violations.iter().map(|violation| format!("`{}`: {}", violation.field, violation.description)).collect();
            more(&mut lines, violations.len(), *total);
            Failure::Failed(lines)
        }
        Error::PriceChanged { counters, .. } | Error::Exhausted { counters, .. } => {
            let mut lines = vec![format!("{refusal}{reason}")];
            lines.extend(named(counters));
            Failure::Failed(lines)
        }
        Error::Forbidden { preconditions, .. } => {
            let mut lines = vec![format!("{refusal}{reason}")];
            let says_more = preconditions.iter().filter(|precondition| !refusal.message.contains(&precondition.description));
            lines.extend(says_more.map(|precondition| format!("{}: {}", precondition.subject, precondition.description)));
            Failure::Failed(lines)
        }
        Error::Unavailable { .. } if refusal.reason.is_none() => {
            Failure::Unreadable(vec![format!("the server cannot be reached, nothing was done: {refusal}")])
        }
        Error::Unavailable { .. } => Failure::Unreadable(vec![format!("nothing was done, try again later: {refusal}{reason}")]),
        Error::OutcomeUnknown { .. } => Failure::Unreadable(vec![format!("nobody knows whether it was done: {refusal}{reason}")]),
        _ => Failure::because(format!("{refusal}{reason}")),
    }
}

/// Limited quantities that an error names, one a line.
fn named(counters: &Counters) -> Vec<String> {
    let mut lines: Vec<String> =
        counters.named.iter().map(|counter| format!("{} ({})", counter.description, counter.kind)).collect();
    more(&mut lines, counters.named.len(), counters.total);
    lines
}

fn more(lines: &mut Vec<String>, named: usize, total: usize) {
    if total > named {
        lines.push(format!("and {} more", total.saturating_sub(named)));
    }
}

/// Adds what to do where the outcome of a call is unknown; other failures speak for themselves.
pub(crate) fn with_advice(error: &Error, advice: impl Display) -> Failure {
    match (refused(error), error) {
        (Failure::Unreadable(mut lines), Error::OutcomeUnknown { .. }) => {
            lines.push(advice.to_string());
            Failure::Unreadable(lines)
        }
        (failure, _) => failure,
    }
}

/// Prints a message of the API as JSON: names as in `proto/tokka/v1`, numbers as numbers, every field.
pub(crate) fn print_json(name: &str, message: &impl Message) -> Result<(), Failure> {
    let value = json(name, message).map_err(|why| Failure::because(format!("the answer is no `{name}`: {why}")))?;
    output::print(&format!("{value:#}\n"))
}

/// Likewise, in one line.
pub(crate) fn json_line(name: &str, message: &impl Message) -> Result<String, Failure> {
    let value = json(name, message).map_err(|why| Failure::because(format!("the answer is no `{name}`: {why}")))?;
    Ok(format!("{value}\n"))
}

fn json(name: &str, message: &impl Message) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let pool = POOL.as_ref().map_err(String::as_str)?;
    let descriptor = pool.get_message_by_name(&format!("tokka.v1.{name}")).ok_or("the API has no such message")?;
    let message = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    let options = SerializeOptions::new().stringify_64_bit_integers(false).use_proto_field_name(true).skip_default_fields(false);
    Ok(message.serialize_with_options(serde_json::value::Serializer, &options)?)
}

/// Read once: a log has many lines.
static POOL: LazyLock<Result<DescriptorPool, String>> =
    LazyLock::new(|| DescriptorPool::decode(tokka_proto::DESCRIPTOR_SET).map_err(|error| error.to_string()));

/// A length of time as people write it: `30s`, `15m`, `24h`, `14d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period(pub(crate) Duration);

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "write a whole number and its unit: 30s, 15m, 24h, 14d".to_owned();
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse::<u32>().ok().filter(|number| digits && *number > 0).ok_or_else(wrong)?;
        Ok(Self(Duration::from_secs(u64::from(number).saturating_mul(seconds))))
    }
}

/// `KEY=VALUE`, as many options take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl FromStr for Pair {
    type Err = String;

    /// An id may hold `=`, a value of ours rarely: the last one counts.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.rsplit_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err("write NAME=VALUE".to_owned()),
        }
    }
}

/// `NAME=PIECES`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pieces {
    pub(crate) of: String,
    pub(crate) units: i64,
}

impl FromStr for Pieces {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "write NAME=PIECES, such as a=2".to_owned();
        let Pair { key, value } = text.parse().map_err(|_| wrong())?;
        let units = value.parse().ok().filter(|units| *units > 0).ok_or_else(wrong)?;
        Ok(Self { of: key, units })
    }
}

#[cfg(test)]
mod tests {
    use tokka_client::v1;

    use super::*;

    #[test]
    fn lengths_of_time_have_a_number_and_a_unit() {
        let seconds = |text: &str| text.parse::<Period>().ok().map(|period| period.0.as_secs());
        assert_eq!(["30s", "15m", "24h", "14d"].map(seconds), [Some(30), Some(900), Some(86_400), Some(1_209_600)]);
        for wrong in ["", "s", "15", "0m", "-1m", "+1m", "1.5h", "15 m", "15x", "15分", "99999999999s"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn pieces_have_a_name_and_a_number() {
        let pieces = |text: &str| text.parse::<Pieces>().ok().map(|pieces| (pieces.of, pieces.units));
        assert_eq!(pieces("a=2"), Some(("a".to_owned(), 2)));
        assert_eq!(pieces("a=b=2"), Some(("a=b".to_owned(), 2)));
        for wrong in ["", "a", "a=", "=2", "a=0", "a=-1", "a=x"] {
            assert_eq!(pieces(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn messages_are_printed_with_the_names_of_the_api_and_whole_numbers() {
        let reservation = v1::Reservation {
            reservation_id: "r".to_owned(),
            state: v1::ReservationState::Held.into(),
            payable: 9_007_199_254_740_993,
            deadline: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            ..Default::default()
        };
        let value = json("Reservation", &reservation).unwrap();
        assert_eq!(value["reservation_id"], "r");
        assert_eq!(value["state"], "RESERVATION_STATE_HELD");
        assert_eq!(value["payable"], 9_007_199_254_740_993_i64);
        assert_eq!(value["deadline"], "1970-01-01T00:00:00Z");
        assert_eq!(value["refunded"], 0);
        assert!(json("Nothing", &reservation).is_err());
    }

    #[test]
    fn refusals_are_lines_and_silence_is_like_an_unreadable_file() {
        let status = |code, message: &str| tonic_error(code, message);
        let unavailable = refused(&status(tokka_client::Code::Unavailable, "gone"));
        assert!(matches!(unavailable, Failure::Unreadable(_)), "{unavailable:?}");
        let missing = refused(&status(tokka_client::Code::NotFound, "no such reservation"));
        assert_eq!(missing, Failure::because("no such reservation"));
    }

    fn tonic_error(code: tokka_client::Code, message: &str) -> Error {
        let refusal = Box::new(tokka_client::Refusal {
            code,
            reason: None,
            message: message.to_owned(),
            metadata: std::collections::BTreeMap::new(),
            attempts: 1,
        });
        match code {
            tokka_client::Code::Unavailable => Error::Unavailable { retry_after: None, refusal },
            _ => Error::NotFound(refusal),
        }
    }
}
