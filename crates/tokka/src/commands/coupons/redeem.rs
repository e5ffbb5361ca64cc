//! What does a code bring? Redeems it for a customer.

use std::io;

use clap::Args;
use tokka_client::{fresh_id, v1};

use super::told;
use crate::failure::Failure;
use crate::output;
use crate::remote::{Remote, print_json, with_advice};

/// Which code, and for whom.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka coupons redeem KUSURI5 --user u-tanaka
  tokka coupons redeem - --user u-tanaka < code.txt

Ten wrong codes of a customer within an hour, and no code of theirs is looked at until it is over.

Exit codes: 0 redeemed, 1 refused, 2 called wrongly, or no answer.")]
pub(crate) struct Redeem {
    /// The code as it was typed; `-` reads it from standard input, where other programs do not see it
    #[arg(value_name = "CODE")]
    code: String,
    /// The customer
    #[arg(long, value_name = "USER")]
    user: String,
    /// What this call is called; else a fresh id is made
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    #[command(flatten)]
    remote: Remote,
    /// Prints the API's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Redeems it.
pub(crate) fn run(arguments: &Redeem) -> Result<(), Failure> {
    let mut code = arguments.code.clone();
    if code == "-" {
        code.clear();
        let read = io::stdin().read_line(&mut code);
        read.map_err(|error| Failure::Unreadable(vec![format!("standard input cannot be read: {error}")]))?;
        code.truncate(code.trim_end().len());
    }
    let request_id = arguments.request_id.clone().unwrap_or_else(fresh_id);
    let request = v1::RedeemCodeRequest { user: arguments.user.clone(), code, request_id: request_id.clone() };
    let answer = arguments.remote.try_ask(async |client| client.redeem_code(request).await)?;
    let answer = answer.map_err(|error| with_advice(&error, format!("repeat it with --request-id {request_id}")))?;
    if arguments.json {
        return print_json("RedeemCodeResponse", &answer);
    }
    output::print(&told::line(&answer.coupon.unwrap_or_default()))
}
