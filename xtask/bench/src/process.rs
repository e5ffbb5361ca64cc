//! Which process is measured? A server that ends with its value, and rests while it is another's turn.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::orders;

pub(crate) struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// `tokka serve` over a store on Redis.
    pub(crate) fn tokka(tokka: &Path, redis: &str, dir: &Path) -> Result<Self> {
        let catalogue = dir.join("catalogue");
        std::fs::create_dir_all(&catalogue)?;
        std::fs::write(catalogue.join("shop.yaml"), orders::catalogue())?;
        let mut command = Command::new(tokka);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--store", redis]);
        command.arg("--catalogue").arg(catalogue).arg("--data").arg(dir.join("data"));
        Self::start(command)
    }

    /// This program, as the plainest service.
    pub(crate) fn naive(redis: &str, record_bytes: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--naive", redis, "--record", &record_bytes.to_string()]);
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Self> {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("a server cannot be started")?;
        let output = process.stdout.take().context("the server's output cannot be read")?;
        // A value now, so that it ends whatever goes wrong below.
        let mut server = Self { process, address: String::new() };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let (_, rest) = line.split_once(" is ready on ").context("the server did not start; its log is above")?;
        let address = rest.split_whitespace().next().unwrap_or_default();
        server.address = address.trim_end_matches([':', ',']).to_owned();
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// It computes nothing until it is woken: its chores fall into its own turns.
    pub(crate) fn rest(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn wake(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program that is measured: the one named, or else the one beside this.
pub(crate) fn tokka(named: Option<&PathBuf>) -> Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let us = std::env::current_exe()?;
    let directory = us.parent().context("this program lies nowhere")?;
    Ok(directory.join(format!("tokka{}", std::env::consts::EXE_SUFFIX)))
}
