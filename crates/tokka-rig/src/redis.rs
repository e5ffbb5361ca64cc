//! How does one server live? It starts on a free port with a directory of its own, and is killed, stopped and started again
//! as a test wants.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::options::Options;
use crate::ports;
use crate::process::{Process, tail};
use crate::program::Program;
use crate::resp::{Answer, Connection};
use crate::tls::TlsFiles;
use crate::wait::{PATIENCE, end_test, must, until};

const CONFIGURATION: &str = "server.conf";
const LOG: &str = "server.log";
/// How often another port is tried, when somebody else was quicker.
const PORTS_TRIED_MAX: u32 = 20;

/// One server. Dropped, it is killed and its directory removed.
#[derive(Debug)]
pub struct Redis {
    options: Options,
    port: u16,
    tls: Option<(u16, TlsFiles)>,
    /// After the name of the configuration.
    arguments: &'static [&'static str],
    life: Mutex<Life>,
    // Last, so that it is removed after the process has ended.
    dir: TempDir,
}

#[derive(Debug, Default)]
struct Life {
    process: Option<Process>,
    paused: bool,
}

impl Redis {
    /// A server that keeps nothing, which answers when this returns.
    #[track_caller]
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    /// A server as the options say, which answers when this returns.
    #[track_caller]
    pub fn with(options: Options) -> Self {
        let lines = options.lines();
        Self::with_lines(options, &lines, &[])
    }

    /// A Sentinel, which is the same program with lines of another kind.
    #[track_caller]
    pub(crate) fn sentinel(program: Program, lines: &[String]) -> Self {
        let mut all = vec!["bind 127.0.0.1".to_owned(), "protected-mode no".to_owned()];
        all.extend_from_slice(lines);
        Self::with_lines(Options { program, ..Options::default() }, &all, &["--sentinel"])
    }

    #[track_caller]
    fn with_lines(options: Options, lines: &[String], arguments: &'static [&'static str]) -> Self {
        for _ in 0..PORTS_TRIED_MAX {
            let dir = must(TempDir::with_prefix("tokka-rig-"), "no directory for a server");
            let port = ports::free();
            let tls = options.tls.map(|_| (ports::free(), TlsFiles::make(dir.path())));
            let mut text = lines.to_vec();
            text.extend([format!("port {port}"), format!("dir {}", dir.path().display())]);
            if let (Some(how), Some((port, files))) = (options.tls, &tls) {
                text.push(format!("tls-port {port}"));
                text.extend(files.lines(how));
            }
            text.push(String::new());
            let file = dir.path().join(CONFIGURATION);
            must(std::fs::write(file, text.join("\n")), "the configuration of a server cannot be written");
            let redis = Self { options: options.clone(), port, tls, arguments, life: Mutex::default(), dir };
            if redis.begin() {
                return redis;
            }
        }
        end_test(format!("{PORTS_TRIED_MAX} ports that were free were taken before a server had them"))
    }

    /// Starts the process and waits until it answers; `false` = somebody else has its port.
    #[track_caller]
    fn begin(&self) -> bool {
        let executable = self.options.program.executable();
        let mut words = vec![CONFIGURATION];
        words.extend(self.arguments);
        let mut process = Process::start(executable, &words, self.dir.path(), &self.log());
        let pid = process.pid().to_string();
        let answers = until(
            &format!("{executable} on port {} to answer", self.port),
            || {
                if !process.runs() {
                    let log = tail(&self.log());
                    if log.contains("Address already in use") {
                        return Some(false);
                    }
                    end_test(format!("{executable} has ended at once\n{log}"));
                }
                // Somebody else may answer on this port.
                let ours = self.info("process_id").is_some_and(|found| found == pid);
                (ours && self.try_cli(&["PING"]).is_ok_and(|answer| answer == "PONG")).then_some(true)
            },
            || tail(&self.log()),
        );
        *self.life() = Life { process: answers.then_some(process), paused: false };
        answers
    }

    /// `redis://127.0.0.1:PORT/`, with user and password if there are any; `rediss://` with TLS.
    pub fn url(&self) -> String {
        let (scheme, port) = match &self.tls {
            Some((port, _)) => ("rediss", *port),
            None => ("redis", self.port),
        };
        format!("{scheme}://{}127.0.0.1:{port}/", self.options.credentials())
    }

    /// The port without TLS, which is there in any case.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`, without TLS.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port with TLS, and the certificates.
    pub fn tls(&self) -> Option<(u16, &TlsFiles)> {
        self.tls.as_ref().map(|(port, files)| (*port, files))
    }

    /// The process; `None` while it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.life().process.as_ref().map(Process::pid)
    }

    /// Whether it runs and is not paused.
    pub fn is_up(&self) -> bool {
        let life = self.life();
        life.process.is_some() && !life.paused
    }

    /// The directory with its configuration, its log, and its data if it keeps any.
    pub fn dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        tail(&self.log())
    }

    /// `kill -9`: gone when this returns, with whatever was not on disk.
    #[track_caller]
    pub fn kill9(&self) {
        let mut life = self.life();
        match life.process.take() {
            Some(mut process) => process.kill9(),
            None => end_test("a server that does not run cannot be killed"),
        }
    }

    /// Ends it in good order, as SIGTERM does.
    #[track_caller]
    pub fn stop(&self) {
        let mut life = self.life();
        match life.process.take() {
            Some(mut process) => process.terminate(),
            None => end_test("a server that does not run cannot be stopped"),
        }
    }

    /// SIGSTOP: connections stay open, and nothing is answered.
    #[track_caller]
    pub fn pause(&self) {
        let mut life = self.life();
        match &mut life.process {
            Some(process) => process.pause(),
            None => end_test("a server that does not run cannot be paused"),
        }
        life.paused = true;
    }

    /// SIGCONT: it goes on, and believes that no time has passed.
    #[track_caller]
    pub fn resume(&self) {
        let mut life = self.life();
        match &mut life.process {
            Some(process) => process.resume(),
            None => end_test("a server that does not run cannot be resumed"),
        }
        life.paused = false;
    }

    /// Starts it again, on its port and with what it keeps on disk; in good order if it still runs.
    #[track_caller]
    pub fn restart(&self) {
        self.end();
        self.come_back();
    }

    /// Likewise, and nothing of its data is left: a disk that was lost.
    #[track_caller]
    pub fn restart_empty(&self) {
        self.end();
        for entry in must(std::fs::read_dir(self.dir.path()), "the directory of a server cannot be listed").flatten() {
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            if path.is_dir() {
                must(std::fs::remove_dir_all(path), "the data of a server cannot be removed");
            } else if [".aof", ".rdb"].iter().any(|ending| name.ends_with(ending)) {
                must(std::fs::remove_file(path), "the data of a server cannot be removed");
            }
        }
        self.come_back();
    }

    fn end(&self) {
        let paused = self.life().paused;
        if self.pid().is_some() {
            if paused { self.kill9() } else { self.stop() }
        }
    }

    #[track_caller]
    fn come_back(&self) {
        // What a killed server listened on is free at once, and no outgoing connection has such a port; so whoever has it
        // is another test's server that looked at the wrong moment, and will go.
        until("the port of a server to be free again", || self.begin().then_some(()), || self.log_tail());
    }

    /// Asks it one command, as the default user, and answers as `redis-cli` prints into a pipe: an item a line, and nothing
    /// for what is not there. Panics where the server answers an error, or nothing.
    #[track_caller]
    pub fn cli<A: AsRef<[u8]>>(&self, words: &[A]) -> String {
        match self.try_cli(words) {
            Ok(text) => text,
            Err(error) => end_test(format!("`{}` failed: {error}\n{}", sentence(words), self.log_tail())),
        }
    }

    /// Likewise; an error of the server or of the connection is an error.
    pub fn try_cli<A: AsRef<[u8]>>(&self, words: &[A]) -> Result<String, String> {
        self.ask(words)?.text()
    }

    /// Likewise, with the answer as it is.
    pub fn ask<A: AsRef<[u8]>>(&self, words: &[A]) -> Result<Answer, String> {
        if self.life().paused {
            return Err("the server is paused".to_owned());
        }
        let mut connection = self.connect()?;
        connection.ask(words).map_err(|error| error.to_string())
    }

    /// A connection, as the default user.
    pub fn connect(&self) -> Result<Connection, String> {
        let mut connection = Connection::open(self.port, connection_patience()).map_err(|error| error.to_string())?;
        if let Some(password) = &self.options.password {
            connection.ask(&["AUTH", password]).map_err(|error| error.to_string())?.text()?;
        }
        Ok(connection)
    }

    /// A field of `INFO`, such as `run_id`; `None` where there is none, or nobody answers.
    pub fn info(&self, field: &str) -> Option<String> {
        let text = self.try_cli(&["INFO"]).ok()?;
        text.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| *name == field).map(|(_, value)| value.to_owned())
    }

    /// How it was set up.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The program that runs.
    pub fn program(&self) -> Program {
        self.options.program
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join(LOG)
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        // A test that panicked while it held this has broken nothing that a drop needs.
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As long as anything is waited for: shorter, and a busy machine would look like a fault.
fn connection_patience() -> Duration {
    PATIENCE
}

fn sentence<A: AsRef<[u8]>>(words: &[A]) -> String {
    let text: Vec<_> = words.iter().take(6).map(|word| String::from_utf8_lossy(word.as_ref())).collect();
    text.join(" ")
}
