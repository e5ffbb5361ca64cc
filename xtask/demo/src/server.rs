//! Is the server there? Starts it as a process of its own over one data folder, kills it, and starts it again.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// How a server is started, each time alike.
pub(crate) struct Launch {
    pub(crate) tokka: PathBuf,
    pub(crate) catalogue: &'static str,
    pub(crate) data: PathBuf,
    pub(crate) listen: &'static str,
    /// Where operators come in.
    pub(crate) admin: Option<&'static str>,
}

/// A server that ends with this value.
pub(crate) struct Server {
    process: Child,
    announced: String,
    address: String,
}

impl Launch {
    /// Starts `tokka serve`; answers once it has said that it takes calls.
    pub(crate) async fn open(&self) -> Result<Server> {
        let mut process = Command::new(&self.tokka)
            .args(["serve", "--catalogue", self.catalogue, "--listen", self.listen, "--log", "warn", "--data"])
            .arg(&self.data)
            .args(self.admin.iter().flat_map(|admin| ["--admin", admin]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start `tokka serve`")?;
        let output = process.stdout.take().context("the server's output cannot be read")?;
        // A value now, so that the server ends whatever goes wrong below, also if nobody waits for this any more.
        let mut server = Server { process, announced: String::new(), address: String::new() };
        let said = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).map(|_| line)
        });
        server.announced = said.await?.context("the server said nothing")?.trim_end().to_owned();
        // `tokka is ready on 127.0.0.1:7070: 71 promotions, …`
        let address = server.announced.strip_prefix("tokka is ready on ").and_then(|rest| rest.split_whitespace().next());
        let address = address.context("the server did not start; its log is above")?;
        server.address = address.trim_end_matches([':', ',']).to_owned();
        Ok(server)
    }

    /// What `tokka verify` says of the data of a server that has ended: its last line, once it found nothing wrong.
    pub(crate) fn verify(&self) -> Result<String> {
        let done = Command::new(&self.tokka).arg("verify").arg("--data").arg(&self.data).stderr(Stdio::inherit()).output()?;
        let said = String::from_utf8_lossy(&done.stdout);
        anyhow::ensure!(done.status.success(), "the data does not agree with itself:\n{said}");
        Ok(said.lines().next_back().unwrap_or_default().to_owned())
    }

    /// The folder whose files are the catalogue.
    pub(crate) fn catalogue(&self) -> &Path {
        Path::new(self.catalogue)
    }
}

impl Server {
    /// The line by which it said that it takes calls.
    pub(crate) fn announced(&self) -> &str {
        &self.announced
    }

    /// Where it listens, `127.0.0.1:7070`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Has it ended?
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.process.try_wait().context("the server is gone")?.is_some())
    }

    /// `kill -9`: it ends in the middle of whatever it does.
    pub(crate) fn kill_9(mut self) -> Result<()> {
        self.process.kill().context("the server cannot be killed")?;
        let ended = self.process.wait()?;
        anyhow::ensure!(ended.code().is_none(), "the server had ended by itself before it was killed: {ended}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What it acknowledged is on the disk. Where it has ended by itself there is nothing left to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
