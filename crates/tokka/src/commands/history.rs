//! What was in force when, who made it so, and what did they change?

use clap::Args;
use tokka_client::v1;

use crate::desk::{Desk, moment};
use crate::difference;
use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::output::{self, Paint};
use crate::remote::print_json;

/// Which revisions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka history
  tokka history 12
  tokka history 12 --against 7
  tokka history --max 500 --json

Exit codes: 0 printed, 1 there is no such revision, 2 called wrongly or no answer.")]
pub(crate) struct History {
    /// One revision, with what it changed
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    number: Option<i64>,
    #[command(flatten)]
    desk: Desk,
    /// Compares it with this revision instead of the one before it
    #[arg(long, value_name = "NUMBER", requires = "number", value_parser = clap::value_parser!(i64).range(1..))]
    against: Option<i64>,
    /// Lists at most so many, the newest first
    #[arg(long, value_name = "NUMBER", default_value = "20", value_parser = clap::value_parser!(i32).range(1..=1000))]
    max: i32,
    /// Prints the API's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Prints revisions.
pub(crate) fn run(arguments: &History) -> Result<(), Failure> {
    let desk = &arguments.desk;
    if let Some(number) = arguments.number {
        let request = v1::GetRevisionRequest { number, against: arguments.against.unwrap_or(0) };
        let answer = desk.ask(async |client| client.get_revision(request).await)?;
        if arguments.json {
            return print_json("GetRevisionResponse", &answer);
        }
        let revision = answer.revision.unwrap_or_default();
        let difference = difference::text(&answer.changes, None, Paint::of_stdout());
        let heading = format!("revision {}, {}, by {}\n", revision.number, moment(revision.at.as_ref()), revision.author);
        let message = if revision.message.is_empty() { String::new() } else { format!("{}\n", revision.message) };
        let meant = match revision.acknowledged.join(", ") {
            codes if codes.is_empty() => String::new(),
            codes => format!("acknowledged: {codes}\n"),
        };
        return output::print(&format!("{heading}{message}{meant}\n{difference}"));
    }
    let request = v1::ListRevisionsRequest { page_size: arguments.max, page_token: String::new() };
    let answer = desk.ask(async |client| client.list_revisions(request).await)?;
    if arguments.json {
        return print_json("ListRevisionsResponse", &answer);
    }
    let mut grid = Grid::new([
        ("revision", Side::Right),
        ("at", Side::Left),
        ("author", Side::Left),
        ("changed", Side::Left),
        ("message", Side::Left),
    ]);
    for revision in &answer.revisions {
        let more = revision.changes.saturating_sub(1);
        let first = revision.changed.first().cloned().unwrap_or_default();
        let changed = if more > 0 { format!("{first} and {more} more") } else { first };
        let restores = if revision.restores > 0 { format!("restores {} ", revision.restores) } else { String::new() };
        let number = revision.number.to_string();
        grid.row([number, moment(revision.at.as_ref()), revision.author.clone(), changed, restores + &revision.message]);
    }
    output::print(&grid.text())
}
