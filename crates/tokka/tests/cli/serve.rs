//! Does `tokka serve` say when it takes calls, and end as told?

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::process::{Folder, command, tokka};
use crate::shop::CATALOGUE;

/// Ends the server also where a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn one_line_says_when_calls_are_taken() {
    let folder = Folder::with(&[("shop/catalogue.yaml", CATALOGUE)]);
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--catalogue", &folder.text("shop")]);
    let mut server = Running(command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("tokka is ready on ").and_then(|rest| rest.split_once(": ")).map(|(address, _)| address);
    let address = address.unwrap_or_else(|| panic!("{line}"));
    assert!(line.contains(": 3 promotions, revision "), "{line}");
    TcpStream::connect(address).unwrap();
    if cfg!(unix) {
        assert!(Command::new("kill").args(["-TERM", &server.0.id().to_string()]).status().unwrap().success());
        assert_eq!(server.0.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_catalogue_with_problems_is_not_served() {
    let folder = Folder::with(&[("catalogue.yaml", &CATALOGUE.replace("percent_off", "percent_of"))]);
    let answer = tokka(&["serve", "--listen", "127.0.0.1:0", "--log", "off", "--catalogue", &folder.text("")]).ended(1);
    answer.complains("catalogue.yaml:").complains("percent_off");
}

#[test]
fn wrong_arguments_are_usage_errors() {
    tokka(&["serve"]).ended(2);
    tokka(&["serve", "--listen", "127.0.0.1:0", "--log", "off", "--catalogue", "no-such-folder"])
        .ended(2)
        .complains("cannot be read");
    let folder = Folder::with(&[("catalogue.yaml", CATALOGUE)]);
    let wrong = |option: &str, value: &str| tokka(&["serve", "--catalogue", &folder.text(""), option, value]).ended(2);
    assert!(wrong("--listen", "here").stderr.contains("here"));
    assert!(wrong("--log-format", "xml").stderr.contains("xml"));
    wrong("--log", "tokka=loud").complains("`tokka=loud` is not a log filter");
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::with(&[("catalogue.yaml", CATALOGUE)]);
    let answer = tokka(&["serve", "--catalogue", &folder.text(""), "--listen", &address, "--log", "off"]).ended(1);
    answer.complains(&format!("cannot listen on `{address}`"));
}
