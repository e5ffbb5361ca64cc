//! What happened, and in which order? The log of a store, entry by entry: of a running server, of a data folder, or of the
//! archive in it.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use tokka_client::v1::subscribe_response::What;
use tokka_client::{Error, v1};
use tokka_ledger::Ledger;
use tokka_ledger::archive::Archive;
use tokka_ledger::model::{Cursor, Events as Batch};
use tokka_server::told_event;

use crate::failure::Failure;
use crate::remote::{self, operator};
use crate::store;
use crate::store_at::{self, StorePassword, Unread};

mod show;

use show::{Form, Show};

/// Which part of which log is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka events --server http://127.0.0.1:7071
  tokka events --server http://127.0.0.1:7071 --follow --json
  tokka events --data .tokka/data
  tokka events --data .tokka/data --after 01000000000000000701000000000000002a --max 100
  tokka events --data .tokka/data --archive

A running server is asked at its admin address (`tokka serve --admin`). `--data` reads the folder of a server that is \
stopped; with `--archive` the whole history in it, also while a server runs. `--store` reads a store on Redis.

Each entry says what a reservation became and which limited quantities moved: above 0 was taken, below 0 went back. The \
last line says where to go on: give it to `--after`. As JSON, each entry is one line, named as in the API, and so is the \
place to go on at, under `cursor`; with `--follow` it comes after every batch. A server that is restarted within a minute \
is followed on. An entry may come twice: drop what has the \
same reservation and version.

Exit codes: 0 printed, 1 the log no longer has what came after the cursor, 2 called wrongly, no answer, no store, or it is \
in use.")]
pub(crate) struct Events {
    /// The admin address of a running server
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A store on Redis, as `tokka serve` is given it
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    store: Option<Unread>,
    #[command(flatten)]
    password: StorePassword,
    /// The data folder of a server that is stopped; not looked at with `--server` or `--store`
    #[arg(long, value_name = "DIR", env = "TOKKA_DATA", required_unless_present_any = ["server", "store", "archive_dir"])]
    data: Option<PathBuf>,
    /// Prints the archive of the data folder, from the first day on
    #[arg(long, conflicts_with_all = ["server", "store", "after"])]
    archive: bool,
    /// Likewise, the archive in this folder, as `tokka serve --archive` is given it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "store", "after", "archive"])]
    archive_dir: Option<PathBuf>,
    /// Prints what came after this place, which an earlier call printed
    #[arg(long, value_name = "CURSOR")]
    after: Option<Place>,
    /// Prints at most so many entries
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,
    /// Waits for more, until it is interrupted
    #[arg(long, requires = "server")]
    follow: bool,
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

fn hex(cursor: &[u8]) -> String {
    cursor.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How often a server that was followed may be looked for: about a minute.
const RETURNS_MAX: u32 = 60;
/// Entries that are read at once.
const BITE: usize = 1_000;

/// Prints the log.
pub(crate) fn run(arguments: &Events) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::because)?;
    let form = match (arguments.json, arguments.follow) {
        (true, _) => Form::Json,
        (false, true) => Form::Lines,
        (false, false) => Form::Table,
    };
    let mut show = Show::new(form);
    if let Some(folder) = &arguments.archive_dir {
        return runtime.block_on(of_archive(arguments, folder, &mut show));
    }
    match (&arguments.server, &arguments.store, &arguments.data) {
        (Some(server), _, _) => runtime.block_on(of_server(arguments, server, &mut show)),
        (None, Some(url), _) => runtime.block_on(async {
            let store = store_at::open(arguments.password.of(url)?).await?;
            of_store(arguments, &store, &mut show).await
        }),
        (None, None, Some(data)) if arguments.archive => {
            runtime.block_on(of_archive(arguments, &data.join(tokka_server::ARCHIVE), &mut show))
        }
        (None, None, Some(data)) => {
            let store = store::open(data)?;
            runtime.block_on(of_store(arguments, &store, &mut show))
        }
        (None, None, None) => Err(Failure::Usage("say which log: `--server URL`, `--store URL` or `--data DIR`".to_owned())),
    }
}

async fn of_server(arguments: &Events, server: &str, show: &mut Show) -> Result<(), Failure> {
    let after = arguments.after.clone().map(|place| place.0.0).unwrap_or_default();
    let events_max = i64::from(arguments.max.unwrap_or(0));
    let request = v1::SubscribeRequest { after, stop_at_end: !arguments.follow, events_max };
    let mut stream = operator(server, remote::PATIENCE)?.subscribe(request);
    // A wrong address is told at once; a server that was there may come back.
    let mut returns = 0;
    while !show.unread {
        let part = match stream.next().await {
            Ok(None) => break,
            Ok(Some(part)) => part,
            Err(Error::Unavailable { .. } | Error::OutcomeUnknown { .. }) if arguments.follow && returns > 0 => {
                returns -= 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            Err(error) => return Err(remote::refused_to_operator(server, &error)),
        };
        returns = RETURNS_MAX;
        match part.what {
            Some(What::Batch(batch)) => {
                show.events(&batch.events)?;
                if arguments.follow {
                    show.place(&hex(&part.cursor))?;
                }
            }
            Some(What::Gap(_)) if arguments.follow => show.gap(&hex(&part.cursor))?,
            Some(What::Gap(_)) => return Err(gap(&part.cursor)),
            None => {}
        }
    }
    show.end(&hex(stream.cursor()))
}

async fn of_store(arguments: &Events, store: &dyn Ledger, show: &mut Show) -> Result<(), Failure> {
    let mut cursor = arguments.after.clone().map(|place| place.0).unwrap_or_default();
    let mut left = most(arguments);
    while left > 0 {
        let batch = store.events(&cursor, left.min(BITE)).await.map_err(|error| Failure::Usage(error.to_string()))?;
        let (events, next) = match batch {
            Batch::Batch(events, next) => (events, next),
            Batch::Gap(from) => return Err(gap(&from.0)),
        };
        cursor = next;
        if events.is_empty() {
            break;
        }
        left = left.saturating_sub(events.len());
        let told: Vec<_> = events.iter().map(told_event).collect();
        show.events(&told)?;
    }
    show.end(&hex(&cursor.0))
}

/// A day at a time is in memory.
async fn of_archive(arguments: &Events, folder: &Path, show: &mut Show) -> Result<(), Failure> {
    let unreadable = |error: tokka_ledger::archive::ArchiveError| Failure::Unreadable(vec![error.to_string()]);
    let archive = Archive::new(folder);
    let days = archive.days().map_err(unreadable)?;
    if days.is_empty() {
        return Err(Failure::Unreadable(vec![format!("{}: holds no archive", folder.display())]));
    }
    let mut left = most(arguments);
    let mut gaps = 0_usize;
    for day in &days {
        let day = archive.day(day).map_err(unreadable)?;
        gaps = gaps.saturating_add(day.gaps);
        let told: Vec<_> = day.events.iter().take(left).map(told_event).collect();
        left = left.saturating_sub(told.len());
        show.events(&told)?;
    }
    show.end_of_archive(days.len())?;
    if gaps > 0 {
        return Err(Failure::because(format!("the log dropped entries before the archive had read them, {gaps} times")));
    }
    Ok(())
}

fn most(arguments: &Events) -> usize {
    arguments.max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX))
}

fn gap(from: &[u8]) -> Failure {
    let from = hex(from);
    Failure::because(format!("the log no longer has what came after this cursor; it goes on at `--after {from}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_printed_as_it_is_read() {
        let place: Place = "0100ff2a".parse().unwrap();
        assert_eq!((place.0.0.as_slice(), hex(&place.0.0)), (&[1, 0, 255, 42][..], "0100ff2a".to_owned()));
        for wrong in ["", "0", "0g", "+1", "01 2", "é"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
