//! How is the price of a basket held while the customer pays? The basket of a file, reserved on a server.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tokka_catalog::money::{Currency, minor_units};
use tokka_catalog::{Problems, Source};
use tokka_client::v1::reserve_request::Expect;
use tokka_client::{Error, fresh_id, v1};
use tokka_core::basket::{Basket, BasketRequest, FieldViolation};
use tokka_scenario::BasketFile;
use tokka_scenario::basket::read;
use tokka_scenario::used::Used;
use tokka_server::{asked, field_of_file};

use crate::failure::Failure;
use crate::order::{Shown, counter};
use crate::output;
use crate::reference::Reference;
use crate::remote::{Period, Remote, print_json, refused, with_advice};

/// What is reserved.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("price").required(true),
    after_help = "\
Examples:
  tokka reserve examples/baskets/all-six-stages.yaml --expect 26630
  tokka reserve basket.yaml --fingerprint 6f0c…32 digits --id order-1001 --hold-for 3d
  tokka reserve basket.yaml --any-price --order-id 1001 --label channel=app --json

The file is that of `tokka quote`, and says its `currency`; it says neither `at` nor `used`, since an order is priced for \
now and by the server's counters. One of `--expect`, `--fingerprint` and `--any-price` says which price the customer \
agreed to; where it is another one now, nothing is held. Repeat a command whose outcome is unknown with the same `--id`: \
it is then done once. Tables are in major units; JSON is the API's answer, in minor units.

Exit codes: 0 held, 1 refused or the price has changed, 2 called wrongly, a file cannot be read, or no answer."
)]
pub(crate) struct Reserve {
    /// The file with the basket
    #[arg(value_name = "FILE")]
    basket: PathBuf,
    #[command(flatten)]
    remote: Remote,
    /// What the reservation is called from now on; else a fresh id is made
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Reserves if this is payable, in major units
    #[arg(long, value_name = "PAYABLE", group = "price")]
    expect: Option<String>,
    /// Reserves if the quote has this fingerprint, which guards gifts and free pieces, too
    #[arg(long, value_name = "FINGERPRINT", group = "price")]
    fingerprint: Option<String>,
    /// Reserves whatever it costs now
    #[arg(long, group = "price")]
    any_price: bool,
    /// Holds it so long unless it is paid: 15m, 24h, 14d; else as the catalogue says
    #[arg(long, value_name = "TIME")]
    hold_for: Option<Period>,
    /// Releases this reservation of the same customer in the same step
    #[arg(long, value_name = "ID")]
    replaces: Option<String>,
    /// How refunds are computed; else as the catalogue says
    #[arg(long, value_enum)]
    refund_policy: Option<Policy>,
    /// Reserves although a store is below its minimum order
    #[arg(long)]
    accept_below_minimum: bool,
    #[command(flatten)]
    reference: Reference,
    /// Prints the API's answer as JSON, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// How refunds are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// A piece gives back what was paid for it
    Proportional,
    /// What remains is priced again, the rest goes back
    Clawback,
}

/// Reserves a basket and prints the reservation.
pub(crate) fn run(arguments: &Reserve) -> Result<(), Failure> {
    let source = Source::read(&arguments.basket).map_err(|problem| Failure::of_files(&Problems::from(problem)))?;
    let file = read(&source.name, &source.text).map_err(|problems| Failure::of_files(&problems))?;
    for (written, field, why) in [
        (file.at_written, "at", "an order is priced for now: leave it out"),
        (file.used != Used::default(), "used", "the server counts what is used: leave it out"),
    ] {
        if written {
            return Err(Failure::of_files(&file.problems(&[FieldViolation::new(field, why)])));
        }
    }
    // What is wrong with the basket itself is told at its lines, without asking anybody.
    Basket::parse(file.request.clone()).map_err(|violations| Failure::of_files(&file.problems(&violations)))?;

    let id = arguments.id.clone().unwrap_or_else(fresh_id);
    let shown = Shown::of(&file.request.currency);
    let expected = expected(arguments, &file.request.currency)?;
    let request = request(arguments, id.clone(), file.request.clone(), expected.clone());
    let answer = arguments.remote.try_ask(async |client| client.reserve(request).await)?;
    let answer = answer.map_err(|error| at_its_line(&file, &error, &id))?;
    let changed = answer.outcome() == v1::ReserveOutcome::PriceChanged;
    if arguments.json {
        print_json("ReserveResponse", &answer)?;
    }
    if changed {
        return Err(price_changed(&shown, &expected, &answer));
    }
    if arguments.json {
        return Ok(());
    }
    let reservation = answer.reservation.unwrap_or_default();
    output::print(&shown.reserved(&reservation, answer.quote.as_ref()))
}

/// The price that the customer agreed to. INVARIANT: the group of options makes it exactly one.
fn expected(arguments: &Reserve, currency: &str) -> Result<Expect, Failure> {
    if let Some(fingerprint) = &arguments.fingerprint {
        return Ok(Expect::Fingerprint(fingerprint.clone()));
    }
    let Some(text) = &arguments.expect else { return Ok(Expect::AcceptAnyPrice(true)) };
    let plain = text.replace(',', "");
    let minor = minor_units(&plain, Currency::from_code(currency));
    let minor = minor.map_err(|error| Failure::Usage(format!("`--expect {text}` {error}")))?;
    Ok(Expect::ExpectedPayable(minor))
}

fn request(arguments: &Reserve, id: String, basket: BasketRequest, expect: Expect) -> v1::ReserveRequest {
    let v1::QuoteRequest {
        basket,
        coupons,
        coupons_auto,
        select,
        select_spend,
        select_gift,
        strategy,
        view: _,
        include: _,
        suggest: _,
    } = asked(basket);
    v1::ReserveRequest {
        reservation_id: id,
        basket,
        coupons,
        coupons_auto,
        select,
        select_spend,
        select_gift,
        strategy,
        expect: Some(expect),
        on_price_change: v1::OnPriceChange::ReturnQuote.into(),
        hold_for: arguments
            .hold_for
            .map(|period| prost_types::Duration { seconds: i64::try_from(period.0.as_secs()).unwrap_or(i64::MAX), nanos: 0 }),
        replaces: arguments.replaces.clone(),
        refund_policy: match arguments.refund_policy {
            None => v1::RefundPolicy::Unspecified,
            Some(Policy::Proportional) => v1::RefundPolicy::Proportional,
            Some(Policy::Clawback) => v1::RefundPolicy::Clawback,
        }
        .into(),
        accept_below_minimum: arguments.accept_below_minimum,
        order: arguments.reference.message(),
        view: v1::View::Full.into(),
    }
}

/// What is wrong with a field of the file is told at its line.
fn at_its_line(file: &BasketFile, error: &Error, id: &str) -> Failure {
    let Error::Invalid { violations, .. } = error else {
        return with_advice(error, format!("the reservation is `{id}`: repeat the command with `--id {id}`"));
    };
    let mut in_file = Vec::new();
    for violation in violations {
        let Some(field) = field_of_file(&violation.field) else { return refused(error) };
        in_file.push(FieldViolation::new(field, violation.description.clone()));
    }
    if in_file.is_empty() { refused(error) } else { Failure::of_files(&file.problems(&in_file)) }
}

/// What it costs now, why, and how to agree to it.
fn price_changed(shown: &Shown, expected: &Expect, answer: &v1::ReserveResponse) -> Failure {
    let change = answer.price_change.clone().unwrap_or_default();
    let now = match expected {
        Expect::ExpectedPayable(expected) => {
            format!("the price is {} now, not {}", shown.price(change.payable), shown.money(*expected))
        }
        _ => format!("the offer is another one now, for {}", shown.price(change.payable)),
    };
    let mut lines = vec![format!("{now}: nothing is held (PRICE_CHANGED)")];
    for shortage in &change.counters {
        let of = shortage.counter.clone().unwrap_or_default();
        let [limit, used, requested] =
            [shortage.limit, shortage.used, shortage.requested].map(|amount| shown.counted(&of, amount));
        let open = shortage.held_by_open_orders.filter(|held| *held > 0);
        let open = open.map(|held| format!(", {} of them by orders not paid yet", shown.counted(&of, held)));
        lines.push(format!("{}: {used} of {limit} used{}, {requested} wanted", counter(&of), open.unwrap_or_default()));
    }
    let named = i64::try_from(change.counters.len()).unwrap_or(i64::MAX);
    if change.counters_total > named {
        lines.push(format!("and {} more", change.counters_total.saturating_sub(named)));
    }
    lines.push(format!("to agree to it: `--fingerprint {}`", change.fingerprint));
    Failure::Failed(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_wire_have_their_place_in_the_file() {
        for (wire, file) in [
            ("basket.lines[3].quantity", Some("lines[3].quantity")),
            ("basket.user", Some("user")),
            ("coupons[1].design", Some("coupons[1]")),
            ("select[mask]", Some("select[mask]")),
            ("select_gift[p]", Some("select_gift[p]")),
            ("hold_for", None),
            ("reservation_id", None),
            ("basket", None),
        ] {
            assert_eq!(field_of_file(wire).as_deref(), file, "{wire}");
        }
    }
}
