//! Is the server there? Starts it as a process of its own, waits until it takes calls, and ends it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A server that ends with this value.
pub(crate) struct Server {
    process: Child,
    announced: String,
    address: String,
}

impl Server {
    /// Starts `tokka serve`; answers once it has said that it takes calls.
    pub(crate) fn start(tokka: &Path, catalogue: &str, listen: &str) -> Result<Self> {
        let mut process = Command::new(tokka)
            .args(["serve", "--catalogue", catalogue, "--listen", listen, "--log", "warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start `tokka serve`")?;
        let output = process.stdout.take().context("the server's output cannot be read")?;
        // A value now, so that the server ends whatever goes wrong below.
        let mut server = Self { process, announced: String::new(), address: String::new() };
        BufReader::new(output).read_line(&mut server.announced).context("the server said nothing")?;
        server.announced.truncate(server.announced.trim_end().len());
        // `tokka is ready on 127.0.0.1:7070: 71 promotions, …`
        let address = server.announced.strip_prefix("tokka is ready on ").and_then(|rest| rest.split_whitespace().next());
        let address = address.context("the server did not start; its log is above")?;
        server.address = address.trim_end_matches([':', ',']).to_owned();
        Ok(server)
    }

    /// The line by which it said that it takes calls.
    pub(crate) fn announced(&self) -> &str {
        &self.announced
    }

    /// Where it listens, `127.0.0.1:7070`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Waits until somebody ends it.
    pub(crate) fn wait(&mut self) -> Result<()> {
        self.process.wait().context("the server is gone")?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is lost: it holds nothing. Where it has ended by itself there is nothing left to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
