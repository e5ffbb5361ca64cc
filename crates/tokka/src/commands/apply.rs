//! What do these files change in the catalogue of a server? The difference first, then, where it is agreed to, all of it as
//! one revision.

use std::path::PathBuf;

use clap::Args;
use tokka_catalog::load::Assembly;
use tokka_catalog::{load_to_check, read_folder};
use tokka_client::v1;

use crate::desk::{Desk, Signed};
use crate::difference;
use crate::doubts::{self, Meant};
use crate::failure::Failure;
use crate::output::{self, Paint};
use crate::remote::print_json;

/// Which files go where.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka apply -f shop --dry-run
  tokka apply -f shop --yes -m 'the 11.11 sale'
  tokka apply -f shop/flash.yaml --to http://10.0.0.7:7071
  tokka apply -f shop --prune
  tokka apply -f shop --products shop.products.csv --acknowledge DISCOUNT_OVER_70

The server keeps its catalogue in its store (`tokka serve` without `--catalogue`). All that the files change is shown first, \
field by field, and is one revision, or nothing. A promotion whose file says `status: published` is in force then; one that \
says `draft`, or nothing, becomes a draft, and what is in force of it stays. Nothing is removed unless `--prune` is given. \
What comes into force is checked first: a blocking finding keeps all of it out, unless the promotion acknowledges its code, or \
`--acknowledge` does.

Exit codes: 0 done, or nothing to do, 1 the files have problems, a finding blocks, the change is refused, or somebody said no, 2 called wrongly, \
cannot read the files, or no answer.")]
pub(crate) struct Apply {
    /// A folder of files, or one file
    #[arg(short = 'f', long = "files", value_name = "PATH")]
    files: PathBuf,
    #[command(flatten)]
    desk: Desk,
    #[command(flatten)]
    signed: Signed,
    #[command(flatten)]
    meant: Meant,
    /// Archives promotions, and deletes stores, gifts and distributions, that are in none of the files
    #[arg(long)]
    prune: bool,
    /// Shows the difference and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Does not ask
    #[arg(long, short = 'y', conflicts_with = "dry_run")]
    yes: bool,
    /// Prints the API's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Shows what changes, and changes it.
pub(crate) fn run(arguments: &Apply) -> Result<(), Failure> {
    let sources = read_folder(&arguments.files).map_err(|problems| Failure::of_files(&problems))?;
    // A whole catalogue is checked here, where problems have their lines; a part of one only the server can check.
    let mut assembly = Assembly::new(&sources);
    assembly.find_settings();
    if assembly.has_catalogue_document()
        && let Err(problems) = load_to_check(&sources, None)
    {
        return Err(Failure::of_files(&problems));
    }
    let files: Vec<v1::SourceFile> =
        sources.into_iter().map(|source| v1::SourceFile { name: source.name, text: source.text }).collect();
    let (acknowledge, products) = (arguments.meant.codes(), arguments.meant.products()?);
    let prune = arguments.prune;
    let request = v1::ApplyRequest { files, prune, validate_only: true, acknowledge, products, ..Default::default() };
    let change = if arguments.dry_run { None } else { Some(arguments.signed.change()?) };
    let desk = &arguments.desk;
    let seen = desk.ask(async |client| client.apply(request.clone()).await)?;
    let shown = difference::text(&seen.changes, Some(seen.unchanged), Paint::of_stdout());
    let ends_here = arguments.dry_run || seen.blocked || seen.changes.is_empty();
    if !arguments.json {
        output::print(&shown)?;
        output::print(&doubts::text(&seen.findings, Paint::of_stdout()))?;
    } else if ends_here {
        print_json("ApplyResponse", &seen)?;
    }
    doubts::none_blocks(&seen.findings)?;
    if ends_here {
        return Ok(());
    }
    desk.agreed(arguments.yes)?;
    // Exactly what was shown: whatever anybody changed since then is refused.
    let request = v1::ApplyRequest { validate_only: false, etag: seen.etag, change, ..request };
    let done = desk.ask(async |client| client.apply(request).await)?;
    if arguments.json {
        return print_json("ApplyResponse", &done);
    }
    output::print(&format!("revision {} is in force\n", done.revision))
}
