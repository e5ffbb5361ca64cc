//! How does one promotion go through its life? `publish`, `pause`, `resume`, `archive`.

use clap::Args;
use tokka_client::v1;

use crate::desk::{Desk, Signed, stands};
use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::output;
use crate::remote::print_json;

/// Which promotions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka publish flash-1111 -m 'doors open'
  tokka pause flash-1111 -m 'wrong price'
  tokka resume flash-1111
  tokka archive flash-1111 --to http://10.0.0.7:7071

`publish` puts drafts in force, and paused promotions again. `pause` acts on the next quote of every server within a second; \
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

/// Where they go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    Publish,
    Pause,
    Resume,
    Archive,
}

/// Brings promotions to stand so, and shows where they stand.
pub(crate) fn run(arguments: &Promotions, to: To) -> Result<(), Failure> {
    if !arguments.etag.is_empty() && arguments.ids.len() > 1 {
        return Err(Failure::Usage("`--etag` is of one promotion".to_owned()));
    }
    let etag = &arguments.etag;
    let promotions: Vec<v1::PromotionRef> =
        arguments.ids.iter().map(|id| v1::PromotionRef { id: id.clone(), etag: etag.clone() }).collect();
    let change = Some(arguments.signed.change()?);
    let desk = &arguments.desk;
    let (name, revision, documents) = match to {
        To::Publish => {
            let request = v1::PublishRequest { promotions, change, acknowledge: Vec::new() };
            let answer = desk.ask(async |client| client.publish(request).await)?;
            ("PublishResponse", answer.revision, answer.documents)
        }
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
        // All four have the same fields.
        return print_json(name, &v1::PauseResponse { revision, documents });
    }
    let mut grid = Grid::new([("promotion", Side::Left), ("stands", Side::Left), ("since revision", Side::Right)]);
    for document in &documents {
        grid.row([document.id.clone(), stands(document.state()).to_owned(), document.revision.to_string()]);
    }
    output::print(&format!("{}\nrevision {revision} is in force\n", grid.text()))
}
