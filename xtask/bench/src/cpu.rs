//! How long has a process computed? `utime` and `stime` of Linux, in hundredths of a second.

use anyhow::{Context, Result};

const TICKS_A_SECOND: f64 = 100.0;

/// The seconds that a process has computed since it began, in user and in kernel mode.
pub(crate) fn seconds(process: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).context("the processes of this system tell nothing")?;
    // The name in brackets may hold anything, spaces included.
    let (_, fields) = text.rsplit_once(')').context("an unknown form of /proc/*/stat")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next().and_then(|field| field.parse::<f64>().ok()).context("an unknown form of /proc/*/stat");
    Ok((next()? + next()?) / TICKS_A_SECOND)
}
