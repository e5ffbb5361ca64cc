//! Which days does a statement speak of, and how far is it?

use std::str::FromStr;

use clap::Args;
use jiff::civil::Date;
use tokka_client::v1;

use crate::money::grouped;
use crate::order::when;

/// From which day to which.
#[derive(Debug, Clone, Args)]
pub(crate) struct Days {
    /// The first day, `2026-11-01`; without it, from the beginning
    #[arg(long = "first", value_name = "DAY", value_parser = Date::from_str)]
    pub(crate) from: Option<Date>,
    /// The last day; without it, to the end
    #[arg(long = "last", value_name = "DAY", value_parser = Date::from_str)]
    pub(crate) to: Option<Date>,
}

impl Days {
    /// As the API has it.
    pub(crate) fn first(&self) -> String {
        self.from.map(|day| day.to_string()).unwrap_or_default()
    }

    /// Likewise.
    pub(crate) fn last(&self) -> String {
        self.to.map(|day| day.to_string()).unwrap_or_default()
    }
}

/// Up to when an answer counts, and what it could not.
pub(crate) fn footnote(counted: Option<&v1::Counted>) -> String {
    let counted = counted.cloned().unwrap_or_default();
    let mut text = format!("Counted up to {}.\n", when(counted.as_of));
    if counted.rebuilding {
        text.push_str("The totals are being counted anew from the archive: they are not complete yet.\n");
    }
    if counted.gaps > 0 {
        text.push_str(&format!(
            "The log has lost entries {} times before they were read: they are missing.\n",
            grouped(counted.gaps)
        ));
    }
    if counted.unreadable > 0 {
        text.push_str(&format!(
            "{} entries could not be read, and are missing: see the server's log.\n",
            grouped(counted.unreadable)
        ));
    }
    text
}

/// Stage by stage.
pub(crate) fn by_stage(amounts: Option<&v1::StageAmounts>) -> [i64; 6] {
    let v1::StageAmounts { item, set, store_spend, store_coupon, platform_spend, platform_coupon } =
        amounts.copied().unwrap_or_default();
    [item, set, store_spend, store_coupon, platform_spend, platform_coupon]
}
