//! How does a sale go? What is left of a promotion's stock, look by look.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use tokka_client::{Insight, v1};

use crate::chart;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::money::grouped;
use crate::order::{counter, when};
use crate::output;
use crate::remote::{Period, json_line};

/// Looks that a line of the past has.
const PAST: usize = 60;

/// Which sale.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka watch flash-1111
  tokka watch flash-1111 --every 5s --looks 12
  tokka watch flash-1111 --json

Each look is one line a stock: when, what is left of it, how fast it goes, and how it went so far.

Exit codes: 0 ended, 1 refused (see the error), 2 called wrongly or no answer.")]
pub(crate) struct Watch {
    /// The promotion; it has a stock
    #[arg(value_name = "PROMOTION")]
    promotion: String,
    /// Between two looks, 1s to 60s
    #[arg(long, value_name = "TIME", default_value = "1s")]
    every: Period,
    /// Ends after so many looks
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    looks: Option<i32>,
    #[command(flatten)]
    desk: Desk,
    /// Prints one JSON object a look
    #[arg(long)]
    json: bool,
}

/// Watches until it is interrupted, nobody reads, or the looks are over.
pub(crate) fn run(arguments: &Watch) -> Result<(), Failure> {
    let every: Duration = arguments.every.0;
    let request = v1::WatchSaleRequest {
        promotion: arguments.promotion.clone(),
        every_ms: i32::try_from(every.as_millis()).unwrap_or(i32::MAX).max(1),
        looks_max: arguments.looks.unwrap_or(0),
    };
    arguments.desk.ask_with(Insight::new, async |client| {
        let mut sale = arguments.desk.told(client.watch_sale(request).await)?;
        let mut past: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        while let Some(look) = arguments.desk.told(sale.next().await)? {
            let text = if arguments.json { json_line("WatchSaleResponse", &look)? + "\n" } else { lines(&look, &mut past) };
            if !output::print_while_read(&text)? {
                break;
            }
        }
        Ok(())
    })
}

fn lines(look: &v1::WatchSaleResponse, past: &mut BTreeMap<String, Vec<i64>>) -> String {
    let mut text = String::new();
    for row in &look.counters {
        let name = counter(&row.counter.clone().unwrap_or_default());
        let looks = past.entry(name.clone()).or_default();
        looks.push(row.remaining);
        if looks.len() > PAST {
            looks.remove(0);
        }
        text.push_str(&format!(
            "{}  {name}  {} of {} left, {} a minute  {}\n",
            when(look.at),
            grouped(row.remaining),
            grouped(row.limit),
            grouped(row.rate_per_minute),
            chart::line(looks, row.limit)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_how_a_stock_went() {
        let look = |remaining: i64, rate_per_minute: i64| {
            let counter =
                v1::Counter { kind: v1::CounterKind::Stock.into(), promotion: "flash".to_owned(), ..Default::default() };
            let row = v1::SaleCounter { counter: Some(counter), limit: 1_000, remaining, rate_per_minute };
            v1::WatchSaleResponse { at: Some(prost_types::Timestamp::default()), counters: vec![row] }
        };
        let mut past = BTreeMap::new();
        lines(&look(1_000, 0), &mut past);
        let line = lines(&look(500, 30_000), &mut past);
        assert_eq!(line, "1970-01-01 00:00:00 UTC  flash: stock  500 of 1,000 left, 30,000 a minute  █▄\n");
    }
}
