//! What can be asked about coupons? What customers do with them, and what operators hand out. One file a command.

use clap::{Args, Subcommand};

use crate::failure::Failure;

mod claim;
mod claimable;
mod codes;
mod issue;
mod list;
mod redeem;
mod told;

/// What is done with coupons.
#[derive(Debug, Args)]
pub(crate) struct Coupons {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows what can be claimed, and what a customer has left to claim
    Claimable(claimable::Claimable),
    /// Claims a coupon for a customer
    Claim(claim::Claim),
    /// Redeems a code for a customer
    Redeem(redeem::Redeem),
    /// Shows what a customer holds and held
    List(list::List),
    /// Gives a coupon to each of very many customers
    Issue(issue::Issue),
    /// Writes the single-use codes of a distribution as CSV
    Codes(codes::Codes),
}

/// Does it.
pub(crate) fn run(arguments: &Coupons) -> Result<(), Failure> {
    match &arguments.what {
        What::Claimable(arguments) => claimable::run(arguments),
        What::Claim(arguments) => claim::run(arguments),
        What::Redeem(arguments) => redeem::run(arguments),
        What::List(arguments) => list::run(arguments),
        What::Issue(arguments) => issue::run(arguments),
        What::Codes(arguments) => codes::run(arguments),
    }
}
