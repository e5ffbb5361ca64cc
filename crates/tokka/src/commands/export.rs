//! How do statements come into other programs? A file a day, of days that are over, and a note of how far it went, so that a
//! call that was broken off goes on.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use tokka_client::{Insight, v1};

use crate::commands::stats::all_pages;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::money::count;
use crate::output;

#[cfg(feature = "parquet")]
mod parquet;
mod sheet;

use sheet::Sheet;

/// What is exported, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka export settlement --out /var/lib/finance
  tokka export orders --out /var/lib/finance --first 2026-11-01
  tokka export stats --out /var/lib/finance --last 2026-11-30

Each day that is over becomes one file, `settlement-2026-11-24.csv`, which is there as a whole or not at all. How far it went \
stands in `settlement.cursor` beside the files: the next call goes on behind it, also after one that was broken off. Such a \
day does not change any more. Amounts are minor units.

  orders       a row for each payment and return, and store
  funding      a row for each payment and return, and who funds what of it
  settlement   a row for each store
  funders      a row for each payer, promotion and seller
  stats        a row for each promotion, channel and coupon channel

Exit codes: 0 done, 1 refused or not written (see the error), 2 called wrongly or no answer.")]
pub(crate) struct Export {
    /// What
    #[arg(value_enum, value_name = "WHAT")]
    what: What,
    /// The folder that the files are written to; made if there is none
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The first day of all; without it, the first that has anything. Not looked at once a call has written something
    #[arg(long = "first", value_name = "DAY", value_parser = Date::from_str)]
    from: Option<Date>,
    /// The last day; without it, the last that is over
    #[arg(long = "last", value_name = "DAY", value_parser = Date::from_str)]
    to: Option<Date>,
    /// What the files are
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    #[command(flatten)]
    desk: Desk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Orders,
    Funding,
    Settlement,
    Funders,
    Stats,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Funding => "funding",
            Self::Settlement => "settlement",
            Self::Funders => "funders",
            Self::Stats => "stats",
        }
    }
}

/// What the files of an export are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// RFC 4180, with headings, in UTF-8
    Csv,
    /// Apache Parquet; only in a tokka that was built with it
    #[cfg(feature = "parquet")]
    Parquet,
}

impl Format {
    const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }
}

/// Writes all days that are over and not written yet.
pub(crate) fn run(arguments: &Export) -> Result<(), Failure> {
    fs::create_dir_all(&arguments.out).map_err(|error| unwritten(&arguments.out, &error))?;
    let written = arguments.desk.ask_with(Insight::new, async |client| days(arguments, &client).await)?;
    output::print(&format!("{} written\n", count(written, "day")))
}

async fn days(arguments: &Export, client: &Insight) -> Result<i64, Failure> {
    let desk = &arguments.desk;
    let first = v1::ListEntriesRequest { page_size: 1, ..Default::default() };
    let found = desk.told(client.list_entries(first).await)?;
    let counted = found.counted.clone().unwrap_or_default();
    if counted.rebuilding {
        return Err(Failure::because("the server counts its totals anew from the archive: try again when it is through"));
    }
    let open = Date::from_str(&counted.open_day).map_err(|error| Failure::because(format!("the answer has no day: {error}")))?;
    let cursor = arguments.out.join(format!("{}.cursor", arguments.what.name()));
    let begin = match done(&cursor)? {
        Some(done) => done.tomorrow().map_err(Failure::because)?,
        None => match (arguments.from, found.entries.first()) {
            (Some(from), _) => from,
            (None, Some(entry)) => Date::from_str(&entry.day).map_err(Failure::because)?,
            (None, None) => return Ok(0),
        },
    };
    let mut written = 0;
    let mut day = begin;
    while day < open && arguments.to.is_none_or(|to| day <= to) {
        let sheet = sheet_of(arguments, client, day).await?;
        let file = format!("{}-{day}.{}", arguments.what.name(), arguments.format.ending());
        let bytes = sheet.bytes(arguments.format).map_err(Failure::because)?;
        replace(&arguments.out.join(file), &bytes)?;
        // A call that ends between these two writes the same file once more.
        replace(&cursor, format!("{day}\n").as_bytes())?;
        written += 1;
        day = day.tomorrow().map_err(Failure::because)?;
    }
    Ok(written)
}

/// The last day that was written.
fn done(cursor: &Path) -> Result<Option<Date>, Failure> {
    match fs::read_to_string(cursor) {
        Ok(text) => match Date::from_str(text.trim_end()) {
            Ok(day) => Ok(Some(day)),
            Err(_) => Err(Failure::Unreadable(vec![format!("{}: has no day, but `{}`", cursor.display(), text.trim_end())])),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Unreadable(vec![format!("{}: {error}", cursor.display())])),
    }
}

/// A reader finds the whole file under its name, or the one before it, whenever this is broken off.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let unfinished = path.with_extension("unfinished");
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::because(format!("{}: {error}", path.display()))
}

async fn sheet_of(arguments: &Export, client: &Insight, day: Date) -> Result<Sheet, Failure> {
    let desk = &arguments.desk;
    let day = day.to_string();
    Ok(match arguments.what {
        What::Orders | What::Funding => {
            let mut sheet = if arguments.what == What::Orders { Sheet::orders() } else { Sheet::funding() };
            let mut page_token = String::new();
            loop {
                let [first_day, last_day] = [day.clone(), day.clone()];
                let request = v1::ListEntriesRequest { first_day, last_day, page_size: 1_000, page_token };
                let page = desk.told(client.list_entries(request).await)?;
                page.entries.iter().for_each(|entry| sheet.entry(arguments.what == What::Orders, entry, &page.currency));
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break sheet;
                }
            }
        }
        What::Settlement | What::Funders => {
            let request = v1::SettlementRequest { first_day: day.clone(), last_day: day.clone() };
            let answer = desk.told(client.settlement(request).await)?;
            if arguments.what == What::Settlement { Sheet::settlement(&day, &answer) } else { Sheet::funders(&day, &answer) }
        }
        What::Stats => {
            let by = [v1::StatsDimension::Promotion, v1::StatsDimension::Channel, v1::StatsDimension::CouponChannel];
            let request = v1::PromotionStatsRequest {
                first_day: day.clone(),
                last_day: day.clone(),
                by: by.map(i32::from).to_vec(),
                page_size: 1_000,
                ..Default::default()
            };
            Sheet::stats(&day, &desk.told(all_pages(client, request).await)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_damaged_note_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let cursor = folder.path().join("orders.cursor");
        assert_eq!(done(&cursor), Ok(None));
        for day in ["2026-11-24", "2026-11-25"] {
            replace(&cursor, format!("{day}\n").as_bytes()).unwrap();
            assert_eq!(done(&cursor), Ok(Some(Date::from_str(day).unwrap())));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished is left");
        fs::write(&cursor, "rubbish").unwrap();
        assert!(matches!(done(&cursor), Err(Failure::Unreadable(_))));
    }
}
