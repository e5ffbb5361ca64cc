//! Does `tokka` explain itself where it is called wrongly?

use crate::process::tokka;

const COMMANDS: [&str; 5] = ["quote", "test", "check", "schema", "serve"];

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
    assert_eq!(examples.len(), 4, "{help}");
    // `test` runs scenarios of what is not built yet, and `serve` does not end by itself.
    for arguments in examples.iter().filter(|arguments| ["quote", "check"].contains(&arguments[0])) {
        tokka(arguments).ended(0);
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
