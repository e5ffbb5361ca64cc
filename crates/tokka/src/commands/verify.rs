//! Do counters, records and log of a store agree? Of a running server, while orders go on, or of what lies on the disk.

use std::path::PathBuf;

use clap::Args;
use tokka_client::v1;
use tokka_ledger::Ledger as _;
use tokka_server::told_audit;

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::{count, grouped};
use crate::output;
use crate::remote::{Period, operator, print_json, refused_to_operator};
use crate::store;
use crate::store_at::{self, StorePassword, Unread};

/// Which store is checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka verify --server http://127.0.0.1:7071
  tokka verify --data .tokka/data
  tokka verify --data /var/lib/tokka --json
  tokka verify --store redis://127.0.0.1

Every counter has to be what the reservations hold of it, and every reservation of the version that the log says. A \
running server is asked at its admin address (`tokka serve --admin`), and orders go on meanwhile. `--data` reads the \
folder of a server that is stopped, as a server reads it at its start, also after `kill -9`; `--store` reads a store on \
Redis, whoever uses it meanwhile.

Exit codes: 0 all agree, 1 something differs, 2 called wrongly, no answer, no store, or it is in use.")]
pub(crate) struct Verify {
    /// The admin address of a running server
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A store on Redis, as `tokka serve` is given it
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    store: Option<Unread>,
    #[command(flatten)]
    password: StorePassword,
    /// The data folder of a server that is stopped; not looked at with `--server` or `--store`
    #[arg(long, value_name = "DIR", env = "TOKKA_DATA", required_unless_present_any = ["server", "store"])]
    data: Option<PathBuf>,
    /// Waits at most this long for a server's answer: every reservation is read
    #[arg(long, value_name = "TIME", default_value = "10m")]
    timeout: Period,
    /// Prints the API's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Reconciles a store and prints what it counted.
pub(crate) fn run(arguments: &Verify) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::because)?;
    let audit = runtime.block_on(async {
        match (&arguments.server, &arguments.store, &arguments.data) {
            (Some(server), _, _) => {
                let audit = operator(server, arguments.timeout.0)?.verify().await;
                audit.map_err(|error| refused_to_operator(server, &error))
            }
            (None, Some(url), _) => {
                let store = store_at::open(arguments.password.of(url)?).await?;
                Ok(told_audit(store.audit().await.map_err(|error| Failure::Unreadable(vec![error.to_string()]))?))
            }
            (None, None, Some(data)) => Ok(told_audit(store::open(data)?.audit().await.map_err(Failure::because)?)),
            (None, None, None) => {
                Err(Failure::Usage("say which store: `--server URL`, `--store URL` or `--data DIR`".to_owned()))
            }
        }
    })?;
    if arguments.json {
        print_json("VerifyResponse", &audit)?;
    } else {
        output::print(&tables(&audit))?;
    }
    if audit.clean {
        return Ok(());
    }
    let counters = count(audit.differences_total, "counter");
    let versions = count(audit.versions_total, "reservation");
    Err(Failure::because(format!("the store does not agree with itself: {counters}, {versions}")))
}

fn tables(audit: &v1::VerifyResponse) -> String {
    let mut text = String::new();
    let mut reservations = Grid::new([("reservations", Side::Left), ("number", Side::Right)]);
    let states =
        [("held", audit.held), ("committed", audit.committed), ("rolled back", audit.rolled_back), ("expired", audit.expired)];
    for (state, number) in states {
        reservations.row([state.to_owned(), grouped(number)]);
    }
    let all = states.iter().fold(0_i64, |sum, (_, number)| sum.saturating_add(*number));
    text.push_str(&reservations.text_with_totals(["in all".to_owned(), grouped(all)]));
    let mut differences = Grid::new([
        ("counter", Side::Left),
        ("held by\nreservations", Side::Right),
        ("counted", Side::Right),
        ("difference", Side::Right),
    ]);
    for v1::CounterDifference { counter, user, held_by_reservations: should, counted: is } in &audit.differences {
        let counter = store::shown(counter.as_ref(), user);
        differences.row([counter, grouped(*should), grouped(*is), grouped(is.saturating_sub(*should))]);
    }
    if !differences.is_empty() {
        text.push_str(&format!("\nCOUNTERS THAT DIFFER\n\n{}", differences.text()));
        text.push_str(&more(audit.differences.len(), audit.differences_total));
    }
    if !audit.versions.is_empty() {
        text.push_str(&format!("\nRESERVATIONS THAT THE LOG KNOWS OTHERWISE\n\n{}\n", audit.versions.join("\n")));
        text.push_str(&more(audit.versions.len(), audit.versions_total));
    }
    let entries = if audit.log_entries == 1 { "entry" } else { "entries" };
    let verdict = if audit.clean { "all agree" } else { "SOMETHING DIFFERS" };
    let (counters, kept) = (count(audit.counters, "counter"), grouped(audit.log_entries));
    text.push_str(&format!("\n{counters} in use, {kept} log {entries}: {verdict}\n"));
    text
}

/// The first 1,000 are named.
fn more(named: usize, total: i64) -> String {
    match total.saturating_sub(i64::try_from(named).unwrap_or(i64::MAX)) {
        0 => String::new(),
        more => format!("and {} more\n", grouped(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_with_both_numbers() {
        let clean = v1::VerifyResponse { clean: true, held: 2, committed: 1, counters: 3, log_entries: 1, ..Default::default() };
        let text = tables(&clean);
        assert!(text.contains("3 counters in use, 1 log entry: all agree"), "{text}");
        let kind = v1::CounterKind::UnitsPerUser.into();
        let counter = v1::Counter { kind, promotion: "flash".to_owned(), ..Default::default() };
        let user = "u1".to_owned();
        let difference = v1::CounterDifference { counter: Some(counter), user, held_by_reservations: 2, counted: 5 };
        let broken = v1::VerifyResponse {
            clean: false,
            differences: vec![difference],
            differences_total: 1_501,
            versions: vec!["r-7".to_owned()],
            versions_total: 1,
            ..clean
        };
        let text = tables(&broken);
        for words in ["flash: the customer's pieces (u1)", "and 1,500 more", "r-7", "SOMETHING DIFFERS"] {
            assert!(text.contains(words), "no {words} in\n{text}");
        }
        let row: Vec<&str> = text.lines().find(|line| line.contains("flash")).unwrap().split_whitespace().rev().take(3).collect();
        assert_eq!(row, ["3", "5", "2"]);
    }
}
