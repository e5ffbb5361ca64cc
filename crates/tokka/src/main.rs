//! The `tokka` command: prices baskets, runs scenarios, checks catalogues, serves them, and asks servers about orders.

mod commands;
mod difference;
mod order;
mod report;

mod catalogue;
mod chart;
mod desk;
mod doubts;
mod failure;
mod grid;
mod money;
mod output;
mod page;
mod products;
mod reference;
mod remote;
mod statement;
mod store;
mod store_at;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    apply, cards, check, commit, coupons, events, export, get, history, offers, promotions, quote, reservation, reserve, restore,
    rollback, schema, serve, settlement, stats, store as stores, test, verify, watch, zone,
};

/// A request is many small strings. docs/performance.md has what this saves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What does this basket cost this customer now, and why?
#[derive(Debug, Parser)]
#[command(
    name = "tokka",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  tokka quote examples/baskets/all-six-stages.yaml --catalogue examples/marketplace
  tokka test tests/scenarios
  tokka check examples/marketplace
  tokka serve --catalogue examples/marketplace
  tokka reserve examples/baskets/all-six-stages.yaml --expect 26630 --id order-1001
  tokka commit order-1001 --user u-tanaka

Exit codes:
  0  done
  1  what it was given is wrong: a scenario fails, a catalogue has problems, a basket or an order is refused
  2  it was called wrongly, cannot read a file or folder that it was given, or has no answer from the server

Errors are written to standard error, one `error: …` a line. `tokka COMMAND --help` shows examples of each command."
)]
struct Tokka {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prices a basket from a file and explains every part of the price
    Quote(quote::Quote),
    /// Runs scenarios: executable examples of what a basket must cost
    Test(test::Test),
    /// Checks the files of a catalogue and says everything that is wrong with them
    Check(check::Check),
    /// Prints the JSON Schema of a kind of document, for editors
    Schema(schema::Schema),
    /// Serves a catalogue over gRPC until it is told to stop
    Serve(serve::Serve),
    /// Holds the price of a basket on a server while the customer pays
    Reserve(reserve::Reserve),
    /// Tells a server that a reservation is paid
    Commit(commit::Commit),
    /// Cancels or returns an order, in whole or in part
    Rollback(rollback::Rollback),
    /// Shows a reservation: what it cost, what is left of it, what went back
    Reservation(reservation::Reservation),
    /// Makes a store on Redis, shows how it is, or brings it back
    Store(stores::Store),
    /// Shows what the cards of products show: the price of one piece now, and the promotion behind it
    Cards(cards::Cards),
    /// Shows what a product can get: its promotions, and the coupons that cover it
    Offers(offers::Offers),
    /// Lists the products of a promotion, with its terms
    Zone(zone::Zone),
    /// Claims, redeems, lists, issues coupons, and writes codes
    Coupons(coupons::Coupons),
    /// Shows what files change in the catalogue of a server, and changes it
    Apply(apply::Apply),
    /// Puts drafts of promotions in force
    Publish(promotions::Publish),
    /// Stops promotions: the next quote is without them
    Pause(promotions::Promotions),
    /// Lets paused promotions go on
    Resume(promotions::Promotions),
    /// Ends promotions for good
    Archive(promotions::Promotions),
    /// Shows what the catalogue of a server holds
    Get(get::Get),
    /// Shows the revisions of a server's catalogue, and what each changed
    History(history::History),
    /// Makes a server's catalogue as it was in an older revision
    Restore(restore::Restore),
    /// Checks that counters, records and log of a store agree
    Verify(verify::Verify),
    /// Shows what promotions, channels, stores and days brought
    Stats(stats::Stats),
    /// Shows who sold what, who paid for the discounts, and what each store is due
    Settlement(settlement::Settlement),
    /// Writes orders, statements and statistics into files, a file a day
    Export(export::Export),
    /// Shows how the stock of a promotion goes
    Watch(watch::Watch),
    /// Prints the log of a store: what happened to every reservation
    Events(events::Events),
}

fn main() -> ExitCode {
    let done = match Tokka::parse().command {
        Command::Quote(arguments) => quote::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Reserve(arguments) => reserve::run(&arguments),
        Command::Commit(arguments) => commit::run(&arguments),
        Command::Rollback(arguments) => rollback::run(&arguments),
        Command::Reservation(arguments) => reservation::run(&arguments),
        Command::Store(arguments) => stores::run(&arguments),
        Command::Cards(arguments) => cards::run(&arguments),
        Command::Offers(arguments) => offers::run(&arguments),
        Command::Zone(arguments) => zone::run(&arguments),
        Command::Coupons(arguments) => coupons::run(&arguments),
        Command::Apply(arguments) => apply::run(&arguments),
        Command::Publish(arguments) => promotions::publish(&arguments),
        Command::Pause(arguments) => promotions::run(&arguments, promotions::To::Pause),
        Command::Resume(arguments) => promotions::run(&arguments, promotions::To::Resume),
        Command::Archive(arguments) => promotions::run(&arguments, promotions::To::Archive),
        Command::Get(arguments) => get::run(&arguments),
        Command::History(arguments) => history::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Stats(arguments) => stats::run(&arguments),
        Command::Settlement(arguments) => settlement::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Events(arguments) => events::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Tokka::command().debug_assert();
    }
}
