//! Does `tokka` explain itself where it is called wrongly?

use crate::process::{Folder, tokka};
use crate::running::Server;

const COMMANDS: [&str; 11] =
    ["quote", "test", "check", "schema", "serve", "reserve", "commit", "rollback", "reservation", "verify", "events"];

#[test]
fn called_with_nothing_it_shows_its_commands() {
    let answer = tokka(&[]).ended(2);
    for command in COMMANDS {
        assert!(answer.stderr.contains(&format!("\n  {command} ")), "{}", answer.stderr);
    }
}

#[test]
fn every_help_has_examples_and_exit_codes() {
    for command in COMMANDS {
        let answer = tokka(&[command, "--help"]).ended(0);
        answer.says(&format!("Examples:\n  tokka {command}")).says("Exit codes: 0 ");
    }
    tokka(&["--help"]).ended(0).says("Examples:\n").says("Exit codes:\n  0  done");
}

#[test]
fn the_examples_of_the_help_run() {
    let help = tokka(&["--help"]).ended(0).stdout;
    let lines = help.lines().filter_map(|line| line.strip_prefix("  tokka "));
    let examples: Vec<Vec<&str>> = lines.map(|line| line.split(' ').collect()).collect();
    assert_eq!(examples.len(), 6, "{help}");
    // `test` runs scenarios of what is not built yet, and `serve` does not end by itself.
    for arguments in examples.iter().filter(|arguments| ["quote", "check"].contains(&arguments[0])) {
        tokka(arguments).ended(0);
    }
    // The server of the examples is another one than that of the default address, which may be somebody's.
    let folder = Folder::with(&[]);
    let server = Server::over("examples/marketplace", &folder);
    for arguments in examples.iter().filter(|arguments| ["reserve", "commit"].contains(&arguments[0])) {
        // The price of the example holds for some years; a clock that is wrong fails nobody's test.
        let priced = arguments.iter().position(|argument| *argument == "--expect");
        let mut arguments = arguments.clone();
        if let Some(at) = priced {
            arguments.splice(at..at + 2, ["--any-price"]);
        }
        server.tokka(&arguments).ended(0);
    }
}

#[test]
fn unknown_commands_and_options_are_usage_errors() {
    assert!(tokka(&["price"]).ended(2).stderr.starts_with("error: unrecognized subcommand 'price'"));
    for command in COMMANDS {
        let answer = tokka(&[command, "--loud", "."]).ended(2);
        assert!(answer.stderr.starts_with("error: unexpected argument '--loud'"), "{}", answer.stderr);
    }
}

#[test]
fn it_tells_its_version() {
    tokka(&["--version"]).ended(0).says("tokka 0.");
}
