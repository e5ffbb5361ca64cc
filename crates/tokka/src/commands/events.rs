//! What happened, and in which order? The log of a store, entry by entry.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use tokka_ledger::model::{Cursor, Event, Events as Batch, Transition};
use tokka_ledger::{Embedded, Ledger};

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::grouped;
use crate::output;
use crate::store;

/// Which part of which log is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka events --data .tokka/data
  tokka events --data .tokka/data --after 01000000000000000701000000000000002a --max 100
  tokka events --data .tokka/data --json

Each entry says what a reservation became and which limited quantities moved: above 0 was taken, below 0 went back. The \
last line says where to go on: give it to `--after`. As JSON, each entry is one line, and so is the place to go on at, \
under `cursor`. The server that has the store open must be stopped first.

Exit codes: 0 printed, 1 the log no longer has what came after the cursor, 2 called wrongly, no store, or it is in use.")]
pub(crate) struct Events {
    /// The data folder of a server that is stopped
    #[arg(long, value_name = "DIR", env = "TOKKA_DATA")]
    data: PathBuf,
    /// Prints what came after this place, which an earlier call printed
    #[arg(long, value_name = "CURSOR")]
    after: Option<Place>,
    /// Prints at most so many entries
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,
    /// Prints one JSON object a line
    #[arg(long)]
    json: bool,
}

/// A place in the log, as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place(Cursor);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "write what an earlier `tokka events` printed: an even number of hexadecimal digits".to_owned();
        if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let byte = |at: usize| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        bytes.map(|bytes| Self(Cursor(bytes))).ok_or_else(wrong)
    }
}

fn hex(cursor: &Cursor) -> String {
    cursor.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Entries that are read at once.
const BITE: usize = 1_000;

/// Prints the log.
pub(crate) fn run(arguments: &Events) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::because)?;
    let store = store::open(&arguments.data)?;
    runtime.block_on(print(arguments, &store))
}

async fn print(arguments: &Events, store: &Embedded) -> Result<(), Failure> {
    let mut cursor = arguments.after.clone().map(|place| place.0).unwrap_or_default();
    let mut left = arguments.max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
    let mut printed = 0_i64;
    while left > 0 {
        let batch = store.events(&cursor, left.min(BITE)).await.map_err(|error| Failure::Usage(error.to_string()))?;
        let (events, next) = match batch {
            Batch::Batch(events, next) => (events, next),
            Batch::Gap(from) => {
                let from = hex(&from);
                let what = format!("the log no longer has what came after this cursor; it goes on at `--after {from}`");
                return Err(Failure::because(what));
            }
        };
        cursor = next;
        if events.is_empty() {
            break;
        }
        left = left.saturating_sub(events.len());
        output::print(&if arguments.json { lines(&events) } else { table(&events) })?;
        printed = printed.saturating_add(i64::try_from(events.len()).unwrap_or(i64::MAX));
    }
    let place = hex(&cursor);
    if arguments.json {
        return output::print(&format!("{}\n", json!({"cursor": place})));
    }
    let entries = if printed == 1 { "entry" } else { "entries" };
    output::print(&format!("\n{} {entries}; go on with `--after {place}`\n", grouped(printed)))
}

/// A word for each transition, and who reads it: the shop.
const fn word(transition: Transition) -> &'static str {
    match transition {
        Transition::Reserved => "held",
        Transition::Taken => "taken",
        Transition::Committed => "paid",
        Transition::Reacquired => "paid late, taken again",
        Transition::PartReturned => "returned in part",
        Transition::RolledBack => "rolled back",
        Transition::Expired => "expired",
        Transition::Extended => "held longer",
        Transition::Replaced => "replaced by another",
        Transition::Tombstone => "cancelled before it came",
    }
}

/// The stable name of a transition, for programs.
fn name(transition: Transition) -> &'static str {
    match transition {
        Transition::Reserved => "RESERVED",
        Transition::Taken => "TAKEN",
        Transition::Committed => "COMMITTED",
        Transition::Reacquired => "REACQUIRED",
        Transition::PartReturned => "PART_RETURNED",
        Transition::RolledBack => "ROLLED_BACK",
        Transition::Expired => "EXPIRED",
        Transition::Extended => "EXTENDED",
        Transition::Replaced => "REPLACED",
        Transition::Tombstone => "TOMBSTONE",
    }
}

fn table(events: &[Event]) -> String {
    let mut grid = Grid::new([
        ("position", Side::Right),
        ("when (UTC)", Side::Left),
        ("reservation", Side::Left),
        ("version", Side::Right),
        ("what", Side::Left),
        ("limited quantities", Side::Left),
    ]);
    for Event { entry, record: _ } in events {
        let moved: Vec<String> = entry
            .moved
            .iter()
            .map(|(counter, by)| format!("{}{} {}", if *by > 0 { "+" } else { "" }, grouped(*by), store::shown(counter)))
            .collect();
        let number = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
        grid.row([
            number(entry.position),
            when(entry.at),
            entry.id.clone(),
            number(entry.version),
            word(entry.transition).to_owned(),
            moved.join("\n"),
        ]);
    }
    grid.text()
}

fn lines(events: &[Event]) -> String {
    let line = |Event { entry, record }: &Event| {
        json!({
            "position": entry.position,
            "at": Timestamp::from_millisecond(entry.at).map(|at| at.to_string()).ok(),
            "reservation_id": entry.id,
            "version": entry.version,
            "transition": name(entry.transition),
            "moved": entry.moved.iter().map(|(counter, by)| json!({"counter": counter.parts(), "by": by})).collect::<Vec<_>>(),
            "state": record.as_ref().map(|record| record.state.name()),
        })
    };
    events.iter().map(|event| format!("{}\n", line(event))).collect()
}

fn when(at: i64) -> String {
    match Timestamp::from_millisecond(at) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Err(_) => at.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_printed_as_it_is_read() {
        let place: Place = "0100ff2a".parse().unwrap();
        assert_eq!((place.0.0.as_slice(), hex(&place.0)), (&[1, 0, 255, 42][..], "0100ff2a".to_owned()));
        for wrong in ["", "0", "0g", "+1", "01 2", "é"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
