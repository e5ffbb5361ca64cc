//! How does a catalogue come back to an older revision? By a new one in which everything is as it was.

use clap::Args;
use tokka_client::v1;

use crate::desk::{Desk, Signed};
use crate::difference;
use crate::failure::Failure;
use crate::output::{self, Paint};

/// Which revision.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka restore 12 --dry-run
  tokka restore 12 --yes -m 'the prices of yesterday'

Promotions that came later are paused. Those that were archived since then stay so, since that is final, and are named.

Exit codes: 0 done, or nothing to do, 1 refused, or somebody said no, 2 called wrongly or no answer.")]
pub(crate) struct Restore {
    /// The number that `tokka history` shows
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    number: i64,
    #[command(flatten)]
    desk: Desk,
    #[command(flatten)]
    signed: Signed,
    /// Shows the difference and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Does not ask
    #[arg(long, short = 'y', conflicts_with = "dry_run")]
    yes: bool,
}

/// Shows what changes, and changes it.
pub(crate) fn run(arguments: &Restore) -> Result<(), Failure> {
    let desk = &arguments.desk;
    let request = v1::RestoreRevisionRequest { number: arguments.number, validate_only: true, change: None };
    let seen = desk.ask(async |client| client.restore_revision(request.clone()).await)?;
    output::print(&difference::text(&seen.changes, None, Paint::of_stdout()))?;
    for id in &seen.left_archived {
        output::print(&format!("promotion/{id} was archived since then and stays so\n"))?;
    }
    if arguments.dry_run || seen.changes.is_empty() {
        return Ok(());
    }
    let change = Some(arguments.signed.change()?);
    desk.agreed(arguments.yes)?;
    let request = v1::RestoreRevisionRequest { validate_only: false, change, ..request };
    let done = desk.ask(async |client| client.restore_revision(request).await)?;
    output::print(&format!("revision {} is in force\n", done.revision))
}
