//! Do counters, records and log of a store agree? Reconciled from what lies on the disk.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tokka_ledger::embedded::Audit;

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::{count, grouped};
use crate::output;
use crate::store;

/// Which store is checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka verify --data .tokka/data
  tokka verify --data /var/lib/tokka --json

The store is read as a server reads it at its start, also after `kill -9`: every counter has to be what the reservations \
hold of it, and every reservation of the version that the log says. The server that has it open must be stopped first.

Exit codes: 0 all agree, 1 something differs, 2 called wrongly, no store, or it is in use.")]
pub(crate) struct Verify {
    /// The data folder of a server that is stopped
    #[arg(long, value_name = "DIR", env = "TOKKA_DATA")]
    data: PathBuf,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Reconciles a store and prints what it counted.
pub(crate) fn run(arguments: &Verify) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::because)?;
    let store = store::open(&arguments.data)?;
    let audit = runtime.block_on(store.audit()).map_err(Failure::because)?;
    output::print(&if arguments.json { as_json(&audit) } else { tables(&audit) })?;
    if audit.is_clean() {
        return Ok(());
    }
    let counters = count(wide(audit.differences.len()), "counter");
    let versions = count(wide(audit.versions.len()), "reservation");
    Err(Failure::because(format!("the store does not agree with itself: {counters}, {versions}")))
}

fn tables(audit: &Audit) -> String {
    let mut text = String::new();
    let mut reservations = Grid::new([("reservations", Side::Left), ("number", Side::Right)]);
    let states =
        [("held", audit.held), ("committed", audit.committed), ("rolled back", audit.rolled_back), ("expired", audit.expired)];
    for (state, number) in states {
        reservations.row([state.to_owned(), many(number)]);
    }
    let all = states.iter().fold(0_u64, |sum, (_, number)| sum.saturating_add(*number));
    text.push_str(&reservations.text_with_totals(["in all".to_owned(), many(all)]));
    let mut differences = Grid::new([
        ("counter", Side::Left),
        ("held by\nreservations", Side::Right),
        ("counted", Side::Right),
        ("difference", Side::Right),
    ]);
    for (name, should, is) in &audit.differences {
        differences.row([store::shown(name), grouped(*should), grouped(*is), grouped(is.saturating_sub(*should))]);
    }
    if !differences.is_empty() {
        text.push_str(&format!("\nCOUNTERS THAT DIFFER\n\n{}", differences.text()));
    }
    if !audit.versions.is_empty() {
        text.push_str(&format!("\nRESERVATIONS THAT THE LOG KNOWS OTHERWISE\n\n{}\n", audit.versions.join("\n")));
    }
    let entries = if audit.entries == 1 { "entry" } else { "entries" };
    let verdict = if audit.is_clean() { "all agree" } else { "SOMETHING DIFFERS" };
    text.push_str(&format!(
        "\n{} in use, {} log {entries}: {verdict}\n",
        count(i64::try_from(audit.counters).unwrap_or(i64::MAX), "counter"),
        many(audit.entries)
    ));
    text
}

fn as_json(audit: &Audit) -> String {
    let value = json!({
        "clean": audit.is_clean(),
        "reservations": {
            "held": audit.held, "committed": audit.committed, "rolled_back": audit.rolled_back, "expired": audit.expired,
        },
        "counters": audit.counters,
        "entries": audit.entries,
        "differences": audit.differences.iter().map(|(name, should, is)| json!({
            "counter": name.parts(), "held_by_reservations": should, "counted": is,
        })).collect::<Vec<_>>(),
        "versions": audit.versions,
    });
    format!("{value:#}\n")
}

fn many(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}

fn wide(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use tokka_ledger::name::Name;

    use super::*;

    #[test]
    fn what_differs_is_named_with_both_numbers() {
        let clean = Audit { held: 2, committed: 1, counters: 3, entries: 1, ..Audit::default() };
        let text = tables(&clean);
        assert!(text.contains("3 counters in use, 1 log entry: all agree"), "{text}");
        let name = Name::of(&["user_units", "flash", "", "u1"]);
        let broken = Audit { differences: vec![(name, 2, 5)], versions: vec!["r-7".to_owned()], ..clean };
        let text = tables(&broken);
        for words in ["user_units flash u1", "r-7", "SOMETHING DIFFERS"] {
            assert!(text.contains(words), "no {words} in\n{text}");
        }
        let row: Vec<&str> = text.lines().find(|line| line.contains("flash")).unwrap().split_whitespace().collect();
        assert_eq!(row, ["user_units", "flash", "u1", "2", "5", "3"]);
        let value: serde_json::Value = serde_json::from_str(&as_json(&broken)).unwrap();
        assert_eq!(value["differences"][0]["counter"], json!(["user_units", "flash", "", "u1"]));
        assert_eq!((&value["clean"], &value["reservations"]["held"]), (&json!(false), &json!(2)));
    }
}
