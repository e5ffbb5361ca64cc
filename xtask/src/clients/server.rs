//! Which server do the clients call? One `tokka serve` a language, over a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

const CATALOGUE: &str = "examples/marketplace";

/// Ends with this value, and so does its data.
pub(super) struct Server {
    process: Child,
    data: PathBuf,
    address: String,
}

impl Server {
    /// Starts `tokka serve` with the example catalogue on a free port; answers once it takes calls.
    pub(super) fn start(tokka: &Path, root: &Path, data: PathBuf) -> Result<Self> {
        // What a run that broke off left behind would be stock that is sold.
        let _ = std::fs::remove_dir_all(&data);
        let mut process = Command::new(tokka)
            .args(["serve", "--catalogue", CATALOGUE, "--listen", "127.0.0.1:0", "--log", "warn", "--data"])
            .arg(&data)
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start `tokka serve`")?;
        let output = process.stdout.take().context("the server's output cannot be read")?;
        // A value now, so that the server ends whatever goes wrong below.
        let mut server = Self { process, data, address: String::new() };
        let mut announced = String::new();
        BufReader::new(output).read_line(&mut announced).context("the server said nothing")?;
        // `tokka is ready on 127.0.0.1:7070: 71 promotions, …`
        let address = announced.strip_prefix("tokka is ready on ").and_then(|rest| rest.split_whitespace().next());
        let address = address.context("the server did not start; its log is above")?;
        server.address = address.trim_end_matches([':', ',']).to_owned();
        Ok(server)
    }

    /// Where it listens, `127.0.0.1:7070`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing left to do, and data that stay are only in the way.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}
