//! How does one promotion go through its life? `publish`, `pause`, `resume`, `archive`.

use clap::Args;
use tokka_client::v1;

use crate::desk::{Desk, Signed, stands};
use crate::doubts::{self, Meant};
use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::output::{self, Paint};
use crate::remote::print_json;

/// Which promotions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka pause flash-1111 -m 'wrong price'
  tokka resume flash-1111
  tokka archive flash-1111 --to http://10.0.0.7:7071

`pause` acts on the next quote of every server within a second; \
what is held stays held and can be paid. `resume` lets a paused one go on and leaves its draft a draft. `archive` is final: \
the id is never used again. Each is one revision for all that it names, or nothing.

Exit codes: 0 done, 1 refused, 2 called wrongly or no answer.")]
pub(crate) struct Promotions {
    /// Ids of promotions
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    desk: Desk,
    #[command(flatten)]
    signed: Signed,
    /// The etag that `tokka get --json` told, of a single promotion: refused where somebody changed it since
    #[arg(long, value_name = "ETAG", default_value = "")]
    etag: String,
    /// Prints the API's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Which drafts, and what of them is meant.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka publish flash-1111 -m 'doors open'
  tokka publish flash-1111 --dry-run --products shop.products.csv
  tokka publish flash-1111 --acknowledge DISCOUNT_OVER_70

Puts drafts in force, and paused promotions again: one revision for all that it names, or nothing. They are checked first: a \
blocking finding keeps them out, unless the promotion acknowledges its code, or `--acknowledge` does. docs/checks.md has all \
codes.

Exit codes: 0 done, 1 refused, or a finding blocks, 2 called wrongly or no answer.")]
pub(crate) struct Publish {
    #[command(flatten)]
    which: Promotions,
    #[command(flatten)]
    meant: Meant,
    /// Shows what would be found, and changes nothing
    #[arg(long)]
    dry_run: bool,
}

/// Where they go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    Pause,
    Resume,
    Archive,
}

/// Puts drafts in force, and shows what is doubtful about them.
pub(crate) fn publish(arguments: &Publish) -> Result<(), Failure> {
    let Publish { which, meant, dry_run } = arguments;
    let (promotions, change) = (refs(which)?, if *dry_run { None } else { Some(which.signed.change()?) });
    let (acknowledge, products, validate_only) = (meant.codes(), meant.products()?, true);
    let request = v1::PublishRequest { promotions, change, acknowledge, products, validate_only };
    // A refusal has room for a few lines of text; what blocks is told here with all of its numbers and documents.
    let mut answer = which.desk.ask(async |client| client.publish(request.clone()).await)?;
    if !dry_run && !answer.blocked {
        let request = v1::PublishRequest { validate_only: false, ..request };
        answer = which.desk.ask(async |client| client.publish(request).await)?;
    }
    if which.json {
        print_json("PublishResponse", &answer)?;
        return doubts::none_blocks(&answer.findings);
    }
    output::print(&doubts::text(&answer.findings, Paint::of_stdout()))?;
    doubts::none_blocks(&answer.findings)?;
    if *dry_run {
        return output::print("nothing blocks, nothing is changed\n");
    }
    shown(&answer.documents, answer.revision)
}

fn refs(arguments: &Promotions) -> Result<Vec<v1::PromotionRef>, Failure> {
    if !arguments.etag.is_empty() && arguments.ids.len() > 1 {
        return Err(Failure::Usage("`--etag` is of one promotion".to_owned()));
    }
    let etag = &arguments.etag;
    Ok(arguments.ids.iter().map(|id| v1::PromotionRef { id: id.clone(), etag: etag.clone() }).collect())
}

/// Brings promotions to stand so, and shows where they stand.
pub(crate) fn run(arguments: &Promotions, to: To) -> Result<(), Failure> {
    let (promotions, change) = (refs(arguments)?, Some(arguments.signed.change()?));
    let desk = &arguments.desk;
    let (name, revision, documents) = match to {
        To::Pause => {
            let request = v1::PauseRequest { promotions, change };
            let answer = desk.ask(async |client| client.pause(request).await)?;
            ("PauseResponse", answer.revision, answer.documents)
        }
        To::Resume => {
            let request = v1::ResumeRequest { promotions, change };
            let answer = desk.ask(async |client| client.resume(request).await)?;
            ("ResumeResponse", answer.revision, answer.documents)
        }
        To::Archive => {
            let request = v1::ArchiveRequest { promotions, change };
            let answer = desk.ask(async |client| client.archive(request).await)?;
            ("ArchiveResponse", answer.revision, answer.documents)
        }
    };
    if arguments.json {
        // All three have the same fields.
        return print_json(name, &v1::PauseResponse { revision, documents });
    }
    shown(&documents, revision)
}

fn shown(documents: &[v1::Document], revision: i64) -> Result<(), Failure> {
    let mut grid = Grid::new([("promotion", Side::Left), ("stands", Side::Left), ("since revision", Side::Right)]);
    for document in documents {
        grid.row([document.id.clone(), stands(document.state()).to_owned(), document.revision.to_string()]);
    }
    output::print(&format!("{}\nrevision {revision} is in force\n", grid.text()))
}
