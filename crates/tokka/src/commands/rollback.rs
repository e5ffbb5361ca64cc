//! How is an order cancelled or returned? In whole, by store or by pieces, with the refund to the minor unit.

use std::str::FromStr;

use clap::Args;
use tokka_client::{fresh_id, v1};

use crate::failure::Failure;
use crate::order::Shown;
use crate::output;
use crate::remote::{Pieces, Remote, print_json, with_advice};

/// What goes back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka rollback order-1001 --user u-tanaka --validate-only
  tokka rollback order-1001 --user u-tanaka
  tokka rollback order-1001 --user u-tanaka --line a=2 --line b=1 --rollback-id return-7
  tokka rollback order-1001 --user u-tanaka --store hinata-living
  tokka rollback order-1001 --user u-tanaka --received gift:eco-bag=1

Without `--line`, `--store` and `--received`, all that is left goes back; a part can only go back once the order is paid. \
Each rollback id happens once: repeat a command whose outcome is unknown with the same `--rollback-id`.

Exit codes: 0 it went back, 1 refused, 2 called wrongly, or no answer.")]
pub(crate) struct Rollback {
    /// The reservation
    #[arg(value_name = "ID")]
    id: String,
    /// The customer that the basket named; none for a guest's
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    remote: Remote,
    /// Pieces of a line; may be given several times
    #[arg(long = "line", value_name = "LINE=PIECES", conflicts_with_all = ["stores", "all"])]
    lines: Vec<Pieces>,
    /// All that is left of a store's lines; may be given several times
    #[arg(long = "store", value_name = "STORE", conflicts_with = "all")]
    stores: Vec<String>,
    /// All that is left, also where `--received` is given
    #[arg(long)]
    all: bool,
    /// Gifts and free pieces that came back: `gift:GIFT=PIECES` or `sku:SKU=PIECES`; may be given several times
    #[arg(long, value_name = "WHAT=PIECES")]
    received: Vec<Received>,
    /// What this return is called; else a fresh id is made
    #[arg(long, value_name = "ID")]
    rollback_id: Option<String>,
    /// Goes ahead only if the reservation has this version
    #[arg(long, value_name = "VERSION")]
    if_version: Option<i64>,
    /// Shows the refund and changes nothing
    #[arg(long)]
    validate_only: bool,
    /// Prints the API's answer as JSON, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// A gift, or free pieces, that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Received {
    what: v1::received_units::What,
    units: i64,
}

impl FromStr for Received {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "write gift:GIFT=PIECES or sku:SKU=PIECES".to_owned();
        let Pieces { of, units } = text.parse().map_err(|_| wrong())?;
        let what = match of.split_once(':') {
            Some(("gift", gift)) if !gift.is_empty() => v1::received_units::What::Gift(gift.to_owned()),
            Some(("sku", sku)) if !sku.is_empty() => v1::received_units::What::Sku(sku.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Self { what, units })
    }
}

/// Rolls a reservation back and prints the refund.
pub(crate) fn run(arguments: &Rollback) -> Result<(), Failure> {
    let request = request(arguments);
    let sent = request.clone();
    let answer = arguments.remote.try_ask(async |client| client.rollback(sent).await)?;
    let rollback_id = &request.rollback_id;
    let advice = format!("the rollback is `{rollback_id}`: repeat the command with `--rollback-id {rollback_id}`");
    let answer = answer.map_err(|error| with_advice(&error, advice))?;
    if arguments.json {
        return print_json("RollbackResponse", &answer);
    }
    let currency = answer.reservation.as_ref().map_or("", |reservation| reservation.currency.as_str());
    output::print(&Shown::of(currency).refunded(&request, &answer))
}

fn request(arguments: &Rollback) -> v1::RollbackRequest {
    let nothing_named = arguments.lines.is_empty() && arguments.stores.is_empty() && arguments.received.is_empty();
    let lines = arguments.lines.iter().map(|pieces| v1::LineUnits { line_id: pieces.of.clone(), units: pieces.units });
    let received = arguments
        .received
        .iter()
        .map(|received| v1::ReceivedUnits { what: Some(received.what.clone()), quantity: received.units });
    let rollback_id = match &arguments.rollback_id {
        Some(id) => id.clone(),
        None if arguments.validate_only => String::new(),
        None => fresh_id(),
    };
    v1::RollbackRequest {
        reservation_id: arguments.id.clone(),
        user: arguments.user.clone(),
        receipt: Vec::new(),
        rollback_id,
        all: arguments.all || nothing_named,
        stores: arguments.stores.clone(),
        lines: lines.collect(),
        received: received.collect(),
        validate_only: arguments.validate_only,
        version: arguments.if_version,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        rollback: Rollback,
    }

    fn asked(arguments: &[&str]) -> v1::RollbackRequest {
        let all = ["rollback", "r", "--user", "u"].iter().chain(arguments);
        request(&Command::try_parse_from(all).unwrap().rollback)
    }

    #[test]
    fn everything_goes_back_where_nothing_is_named() {
        assert!(asked(&[]).all);
        assert!(!asked(&["--line", "a=2"]).all);
        assert!(!asked(&["--store", "shop"]).all);
        assert!(!asked(&["--received", "gift:tote=1"]).all);
        assert!(asked(&["--received", "gift:tote=1", "--all"]).all);
    }

    #[test]
    fn pieces_and_gifts_are_read() {
        let request = asked(&["--line", "a=2", "--line", "b=1", "--received", "sku:mask=3", "--if-version", "2"]);
        let lines: Vec<(&str, i64)> = request.lines.iter().map(|line| (line.line_id.as_str(), line.units)).collect();
        assert_eq!((lines, request.version), (vec![("a", 2), ("b", 1)], Some(2)));
        let what = Some(v1::received_units::What::Sku("mask".to_owned()));
        assert_eq!(request.received, [v1::ReceivedUnits { what, quantity: 3 }]);
        for wrong in ["tote=1", "gift:=1", "gift:tote", "box:tote=1", "gift:tote=0"] {
            assert!(wrong.parse::<Received>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_preview_has_no_id_and_each_return_its_own() {
        assert_eq!(asked(&["--validate-only"]).rollback_id, "");
        assert_ne!(asked(&[]).rollback_id, asked(&[]).rollback_id);
        assert_eq!(asked(&["--rollback-id", "b"]).rollback_id, "b");
    }
}
