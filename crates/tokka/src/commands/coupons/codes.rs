//! Which codes go to print? The single-use codes of a distribution as CSV, the same ones each time.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use tokka_client::v1;

use crate::desk::Desk;
use crate::failure::Failure;

/// Which codes, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka coupons codes newsletter-hl-10 > codes.csv
  tokka coupons codes newsletter-hl-10 --first 2000 --count 500 --output batch-5.csv

The columns are number, code, distribution. Codes are as good as money: keep the file where nobody reads it.

Exit codes: 0 written, 1 refused, 2 called wrongly, or no answer.")]
pub(crate) struct Codes {
    /// The distribution
    #[arg(value_name = "DISTRIBUTION")]
    distribution: String,
    /// The number of the first code
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    first: i64,
    /// At most so many; else all from the first one on
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    count: i64,
    /// Writes into this file, which must not be there yet; else to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    desk: Desk,
}

/// Writes them.
pub(crate) fn run(arguments: &Codes) -> Result<(), Failure> {
    let Codes { distribution, first, count, output, desk } = arguments;
    let name = output.as_ref().map_or_else(|| "standard output".to_owned(), |path| format!("`{}`", path.display()));
    let unwritten = |error: io::Error| Failure::because(format!("{name} cannot be written: {error}"));
    let mut file: Box<dyn Write> = match output {
        Some(path) => Box::new(BufWriter::new(File::create_new(path).map_err(unwritten)?)),
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let mut written = writeln!(file, "number,code,distribution");
    let request = v1::GenerateCodesRequest { distribution: distribution.clone(), first: *first, count: *count };
    desk.operate(async |operator| {
        operator
            .codes(request, |page| {
                for (number, code) in (page.first..).zip(&page.codes) {
                    if written.is_ok() {
                        written = writeln!(file, "{number},{code},{distribution}");
                    }
                }
            })
            .await
    })?;
    match written.and_then(|()| file.flush()) {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritten(error)),
        _ => Ok(()),
    }
}
