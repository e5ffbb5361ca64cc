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

/// What does this basket cost this customer now, and why?
#[derive(Debug, Parser)]
#[command(
    name = "tokka",
    version,
    about,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  tokka check examples/marketplace
  tokka quote examples/baskets/all-six-stages.yaml --catalogue examples/marketplace
  tokka serve --catalogue examples/marketplace

Exit codes: 0 done, 1 something is wrong with what it was given, 2 it was called wrongly.
`tokka COMMAND --help` shows an example of each command."
)]
struct Tokka {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks the files of a catalogue and says everything that is wrong with them
    Check(commands::check::Check),
}

fn main() -> ExitCode {
    let done = match Tokka::parse().command {
        Command::Check(arguments) => commands::check::run(&arguments),
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
