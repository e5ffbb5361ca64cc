//! The `tokka` command: prices baskets, runs scenarios, checks catalogues and serves them.

mod commands;
mod report;

mod catalogue;
mod failure;
mod grid;
mod money;
mod output;
mod products;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{check, quote, schema, serve, test};

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

Exit codes:
  0  done
  1  what it was given is wrong: a scenario fails, a catalogue has problems, a basket is refused
  2  it was called wrongly, or cannot read a file or folder that it was given

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
}

fn main() -> ExitCode {
    let done = match Tokka::parse().command {
        Command::Quote(arguments) => quote::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Serve(arguments) => serve::run(arguments),
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
