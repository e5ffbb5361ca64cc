//! How does a test get a PostgreSQL of its own? A cluster in a directory that goes with it, on a free port, owned by a user who
//! is not root, whoever runs the test.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::ports;
use crate::process::{Process, tail};
use crate::wait::{end_test, must, until};

/// Where Debian keeps the programs of a version: it links none of them into `PATH`.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Debian's user of the server, for tests that root runs: the server refuses root.
const USER: &str = "postgres";

/// A running server with one empty database, `tokka`.
#[derive(Debug)]
pub struct Postgres {
    _process: Process,
    port: u16,
    _dir: TempDir,
}

impl Postgres {
    /// Makes a cluster, starts its server, and waits until it takes connections.
    #[track_caller]
    pub fn start() -> Self {
        let bin = bin();
        let dir = must(TempDir::new(), "a directory for PostgreSQL cannot be made");
        let owner = owner_for_root();
        if let Some((user, group)) = owner {
            must(chown(dir.path(), Some(user), Some(group)), "a directory cannot be given to the user of PostgreSQL");
        }
        let data = dir.path().join("data");
        let words = |path: &Path| path.to_string_lossy().into_owned();
        let initialised = run(
            owner,
            &bin.join("initdb"),
            &[
                "--pgdata",
                &words(&data),
                "--username",
                "tokka",
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--locale",
                "C",
                "--no-sync",
            ],
            dir.path(),
        );
        if !initialised.0 {
            end_test(format!("initdb failed: {}", initialised.1));
        }
        let port = ports::free();
        let (program, mut arguments) = as_owner(owner, &bin.join("postgres"));
        let (data, port_text, log) = (words(&data), port.to_string(), dir.path().join("log"));
        arguments.extend(["-D", &data, "-p", &port_text].map(str::to_owned));
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
            arguments.extend(["-c", setting].map(str::to_owned));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let process = Process::start(&program, &arguments, dir.path(), &log);
        let ready = || {
            let asked = ["-h", "127.0.0.1", "-p", &port_text, "-U", "tokka", "-d", "postgres"];
            run(None, &bin.join("pg_isready"), &asked, dir.path()).0.then_some(())
        };
        until("PostgreSQL to take connections", ready, || tail(&log));
        let created =
            run(None, &bin.join("createdb"), &["-h", "127.0.0.1", "-p", &port_text, "-U", "tokka", "tokka"], dir.path());
        if !created.0 {
            end_test(format!("createdb failed: {}", created.1));
        }
        Self { _process: process, port, _dir: dir }
    }

    /// How clients of libpq and of Rust find the database.
    pub fn parameters(&self) -> String {
        format!("host=127.0.0.1 port={} user=tokka dbname=tokka", self.port)
    }
}

/// The programs of the newest version that is installed.
#[track_caller]
fn bin() -> PathBuf {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let mut found: Vec<(u32, PathBuf)> = versions.filter_map(|entry| Some((number(&entry.path())?, entry.path()))).collect();
    found.retain(|(_, path)| path.join("bin/initdb").is_file());
    match found.into_iter().max() {
        Some((_, path)) => path.join("bin"),
        None => end_test("PostgreSQL is not there (`cargo xtask install` brings it)"),
    }
}

/// User and group that a server runs as where the test is root's.
#[track_caller]
fn owner_for_root() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let said = must(Command::new("id").args(arguments).stdin(Stdio::null()).output(), "cannot run `id`");
        String::from_utf8_lossy(&said.stdout).trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    match (id(&["-u", USER]), id(&["-g", USER])) {
        (Some(user), Some(group)) => Some((user, group)),
        _ => end_test(format!("there is no user `{USER}` for PostgreSQL to run as")),
    }
}

/// A program, and what comes before its arguments. The kernel forgets who asked for a signal when the user changes, so that it
/// is asked for once more.
fn as_owner(owner: Option<(u32, u32)>, program: &Path) -> (PathBuf, Vec<String>) {
    let Some((user, group)) = owner else { return (program.to_owned(), Vec::new()) };
    let words = ["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups", "--pdeathsig", "KILL"];
    let mut words = words.map(str::to_owned).to_vec();
    words.push(program.to_string_lossy().into_owned());
    (PathBuf::from("setpriv"), words)
}

/// Runs a program to its end; whether it did, and what it said.
#[track_caller]
fn run(owner: Option<(u32, u32)>, program: &Path, arguments: &[&str], dir: &Path) -> (bool, String) {
    let (program, before) = as_owner(owner, program);
    let mut command = Command::new(&program);
    command.args(before).args(arguments).current_dir(dir).stdin(Stdio::null());
    let output = must(command.output(), format!("`{}` cannot be started", program.display()));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
