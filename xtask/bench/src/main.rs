//! What does a ledger cost? tokka beside the plainest service that could do its work, and beside the disk, in rounds: each
//! takes every cell once, so that a slow moment of the machine hits all of them. `cargo xtask bench ledger` builds and runs
//! it; `docs/performance.md` has what it found.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

mod services;

mod disk;
mod expiry;
mod memory;

mod cpu;
mod load;
mod naive;
mod orders;
mod process;

mod report;

use report::Report;

/// The table of docs/performance.md, measured anew.
#[derive(Debug, Parser)]
struct Options {
    /// Each round takes every cell once; what is reported are medians.
    #[arg(default_value_t = 10)]
    rounds: usize,
    /// How long a cell is measured.
    #[arg(default_value_t = 3.0)]
    seconds: f64,
    /// Writes the numbers, each under a name of its own.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only these parts, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Services, Part::Disk, Part::Memory, Part::Expiry])]
    parts: Vec<Part>,
    /// How many holds expire at once.
    #[arg(long, default_value_t = 100_000)]
    holds: u64,
    /// The program that is measured; by default the one beside this.
    #[arg(long, value_name = "PROGRAM")]
    tokka: Option<PathBuf>,
    /// Be the plainest service, over the Redis of this URL: how the benchmark starts it.
    #[arg(long, value_name = "URL", hide = true)]
    naive: Option<String>,
    /// So many bytes it keeps of each reservation.
    #[arg(long, value_name = "BYTES", default_value_t = 1_000, hide = true)]
    record: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Reservations over gRPC, tokka on Redis beside the plainest service.
    Services,
    /// The embedded store beside itself without fsync, and beside the disk.
    Disk,
    /// What a held reservation takes of Redis' memory.
    Memory,
    /// How long others wait while many holds expire.
    Expiry,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(redis) = &options.naive {
        return naive::serve(redis, options.record);
    }
    let mut report = Report::default();
    for part in &options.parts {
        match part {
            Part::Services => services::measure(&options, &mut report)?,
            Part::Disk => disk::measure(&options, &mut report)?,
            Part::Memory => memory::measure(&options, &mut report)?,
            Part::Expiry => expiry::measure(&options, &mut report)?,
        }
    }
    report.print();
    if let Some(file) = &options.json {
        std::fs::write(file, report.to_json()?)?;
    }
    Ok(())
}
