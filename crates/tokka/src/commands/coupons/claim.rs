//! May this customer have one? Claims a coupon of a distribution.

use clap::Args;
use tokka_client::{fresh_id, v1};

use super::told;
use crate::failure::Failure;
use crate::output;
use crate::remote::{Remote, print_json, with_advice};

/// What is claimed, and for whom.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka coupons claim centre-am-200 --user u-tanaka
  tokka coupons claim centre-am-200 --user u-tanaka --request-id c-17 --json

Repeat it with the same --request-id where the outcome is unknown: it happens once.

Exit codes: 0 claimed, 1 refused, 2 called wrongly, or no answer.")]
pub(crate) struct Claim {
    /// The distribution
    #[arg(value_name = "DISTRIBUTION")]
    distribution: String,
    /// The customer
    #[arg(long, value_name = "USER")]
    user: String,
    /// What this claim is called; else a fresh id is made
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    #[command(flatten)]
    remote: Remote,
    /// Prints the API's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Claims it.
pub(crate) fn run(arguments: &Claim) -> Result<(), Failure> {
    let request_id = arguments.request_id.clone().unwrap_or_else(fresh_id);
    let request = v1::ClaimCouponRequest {
        user: arguments.user.clone(),
        distribution: arguments.distribution.clone(),
        request_id: request_id.clone(),
    };
    let answer = arguments.remote.try_ask(async |client| client.claim_coupon(request).await)?;
    let answer = answer.map_err(|error| with_advice(&error, format!("repeat it with --request-id {request_id}")))?;
    if arguments.json {
        return print_json("ClaimCouponResponse", &answer);
    }
    output::print(&told::line(&answer.coupon.unwrap_or_default()))
}
