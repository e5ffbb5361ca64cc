use crate::tokka;

#[test]
fn called_with_nothing_it_shows_its_commands() {
    let answer = tokka(&[]).ended(2);
    for command in ["test", "quote", "check", "schema", "serve"] {
        assert!(answer.stderr.contains(&format!("\n  {command} ")), "{}", answer.stderr);
    }
}

#[test]
fn every_help_has_an_example() {
    for command in ["test", "quote", "check", "schema", "serve"] {
        tokka(&[command, "--help"]).ended(0).says(&format!("Examples:\n  tokka {command}"));
    }
    tokka(&["--help"]).ended(0).says("Exit codes");
}

#[test]
fn unknown_commands_and_options_are_usage_errors() {
    assert!(tokka(&["price"]).ended(2).stderr.starts_with("error: unrecognized subcommand 'price'"));
    assert!(tokka(&["check", "--loud", "."]).ended(2).stderr.starts_with("error: unexpected argument '--loud'"));
}

#[test]
fn it_tells_its_version() {
    tokka(&["--version"]).ended(0).says("tokka 0.");
}
