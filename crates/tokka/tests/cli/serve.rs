//! Does `tokka serve` say when it takes calls, and end as told?

use std::net::TcpStream;

use crate::process::{Folder, tokka};
use crate::running::{Server, files};
use crate::shop::CATALOGUE;

#[test]
fn one_line_says_when_calls_are_taken() {
    let folder = files();
    let mut server = Server::start(&folder);
    assert!(server.ready.contains(": 3 promotions, revision "), "{}", server.ready);
    TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    if cfg!(unix) {
        assert_eq!(server.stop(), Some(0));
    }
}

#[test]
fn two_servers_cannot_have_one_data_folder() {
    let folder = files();
    let _server = Server::start(&folder);
    let (shop, data) = (folder.text("shop"), folder.text("data"));
    let second = tokka(&["serve", "--listen", "127.0.0.1:0", "--log", "off", "--catalogue", &shop, "--data", &data]);
    second.ended(1).complains("is open in another process");
}

#[test]
fn a_catalogue_with_problems_is_not_served() {
    let folder = Folder::with(&[("catalogue.yaml", &CATALOGUE.replace("percent_off", "percent_of"))]);
    let answer = tokka(&["serve", "--listen", "127.0.0.1:0", "--log", "off", "--catalogue", &folder.text("")]).ended(1);
    answer.complains("catalogue.yaml:").complains("percent_off");
}

#[test]
fn wrong_arguments_are_usage_errors() {
    assert!(tokka(&["serve", "--shop", "here"]).ended(2).stderr.contains("--shop"));
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
