//! Does what `k8s/` and the image say to `tokka` mean something? Flags, variables, probes and times, against the real command.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::process::{Folder, repository, tokka};
use crate::running::Server;

/// The pod that every server is.
const POD: &str = "k8s/server/pod.yaml";
/// Who calls `tokka store init`; all others call `tokka serve`.
const STORE_INIT: &str = "k8s/store-init/";

/// Every file of `k8s/` that speaks to `tokka`, and the image: its path from the root, and its text without comments.
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("k8s")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(repository().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "env") {
                found.push(path);
            }
        }
    }
    found.push(PathBuf::from("Containerfile"));
    found.into_iter().map(|path| (path.to_str().unwrap().to_owned(), without_comments(&path))).collect()
}

fn without_comments(path: &Path) -> String {
    let text = std::fs::read_to_string(repository().join(path)).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// The words of a text that begin so, up to what ends a flag or a variable.
fn words(text: &str, begin: &str) -> BTreeSet<String> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let words = text.split(|c: char| c.is_whitespace() || "\"'[],:".contains(c));
    let named = words.filter_map(|word| word.strip_prefix(begin)).map(|rest| rest.split(ends).next().unwrap_or_default());
    // `---` is no flag.
    named.filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric())).map(|rest| format!("{begin}{rest}")).collect()
}

#[test]
fn every_flag_and_variable_exists() {
    let (mut flags, mut variables) = (0, 0);
    for (path, text) in files() {
        let command: &[&str] = if path.starts_with(STORE_INIT) { &["store", "init", "--help"] } else { &["serve", "--help"] };
        let help = tokka(command).ended(0).stdout;
        let ours = |line: &&str| path != "Containerfile" || ["CMD", "ENV"].iter().any(|word| line.starts_with(word));
        let text: String = text.lines().filter(ours).map(|line| format!("{line}\n")).collect();
        for flag in words(&text, "--") {
            flags += 1;
            assert!(words(&help, "--").contains(&flag), "{path}: `{flag}` is no flag of `tokka {}`", command[0]);
        }
        for variable in words(&text, "TOKKA_") {
            variables += 1;
            assert!(words(&help, "TOKKA_").contains(&variable), "{path}: nobody reads `{variable}`");
        }
    }
    assert!(flags >= 5 && variables >= 6, "only {flags} flags and {variables} variables were looked at");
}

/// The items of the list under a key, where each stands on a line of its own.
fn list(text: &str, key: &str) -> Vec<String> {
    let items = text.lines().skip_while(|line| line.trim() != format!("{key}:")).skip(1);
    items.map_while(|line| line.trim().strip_prefix("- ")).map(str::to_owned).collect()
}

/// What stands behind each occurrence of a key.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(": ")).collect()
}

#[test]
fn a_pod_is_started_and_its_probes_are_answered() {
    let text = without_comments(Path::new(POD));
    let folder = Folder::with(&[]);
    let arguments = list(&text, "args");
    assert_eq!(arguments.first().map(String::as_str), Some("serve"), "{arguments:?}");
    // Here are other addresses, and another folder.
    let arguments: Vec<String> = arguments
        .into_iter()
        .map(|argument| match argument.split_once('=') {
            Some(("--listen" | "--admin", _)) => argument.split('=').next().unwrap().to_owned() + "=127.0.0.1:0",
            Some(("--data", _)) => format!("--data={}", folder.text("data")),
            _ => argument,
        })
        .collect();
    let server = Server::with_arguments(&arguments);

    let services = values(&text, "service");
    assert_eq!(services, ["tokka.v1.PricingService"], "the probe of readiness, and no other one, names a service");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let channel = Endpoint::from_shared(server.admin.clone()).unwrap().connect().await.unwrap();
        let mut health = HealthClient::new(channel);
        for service in services.into_iter().chain([""]) {
            let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap();
            assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "`{service}`");
        }
    });
}

#[test]
fn a_pod_has_the_time_to_stop() {
    let text = without_comments(Path::new(POD));
    let seconds = |key: &str| values(&text, key)[0].parse::<u64>().unwrap();
    let config = tokka_server::Config::stored("127.0.0.1:0".parse().unwrap());
    let needed = seconds("seconds") + (config.stop_pause + config.drain_max).as_secs();
    assert!(seconds("terminationGracePeriodSeconds") > needed, "{needed} s are needed");
}

#[test]
fn words_are_cut_where_a_flag_ends() {
    let text = "args: [serve, --listen=0.0.0.0:7070, \"--log-format=json\"]\n- --data\n- name: TOKKA_LOG\nTOKKA_STORE=redis://h";
    assert_eq!(Vec::from_iter(words(text, "--")), ["--data", "--listen", "--log-format"]);
    assert_eq!(Vec::from_iter(words(text, "TOKKA_")), ["TOKKA_LOG", "TOKKA_STORE"]);
    assert_eq!(list("a:\nargs:\n  - x\n  - --y=1\nenv:\n  - z", "args"), ["x", "--y=1"]);
}
