//! Which server do the tests ask? A process of its own, over a shop and a data folder of the test's own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::process::{Answer, Folder, command, tokka};
use crate::shop::{BASKET, CATALOGUE};

/// A server that takes calls, and its files.
pub(crate) struct Server {
    process: Child,
    /// The line that it began with.
    pub(crate) ready: String,
    /// `http://127.0.0.1:…`
    pub(crate) url: String,
    /// Likewise, for operators.
    pub(crate) admin: String,
}

/// Ends the server also where a test fails.
impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The shop, and a basket in it that costs 4,740.
pub(crate) fn files() -> Folder {
    let basket = BASKET.replace("coupons: [nope, welcome]", "coupons: [welcome]");
    Folder::with(&[("shop/catalogue.yaml", CATALOGUE), ("basket.yaml", &basket)])
}

impl Server {
    /// Starts a server over `shop` and `data` of a folder.
    pub(crate) fn start(folder: &Folder) -> Self {
        Self::over(&folder.text("shop"), folder)
    }

    /// Starts one over a catalogue of somewhere else, and `data` of a folder.
    pub(crate) fn over(catalogue: &str, folder: &Folder) -> Self {
        Self::listen(Some(catalogue), &folder.text("data"), ["127.0.0.1:0"; 2], &[])
    }

    /// Starts one over `shop` with a data folder of this name, and more arguments.
    pub(crate) fn with(folder: &Folder, data: &str, more: &[&str]) -> Self {
        Self::listen(Some(&folder.text("shop")), &folder.text(data), ["127.0.0.1:0"; 2], more)
    }

    /// Starts one whose store keeps the catalogue, over `data` of a folder.
    pub(crate) fn stored(folder: &Folder) -> Self {
        Self::listen(None, &folder.text("data"), ["127.0.0.1:0"; 2], &[])
    }

    /// Starts it again, at the same addresses and over the same data.
    pub(crate) fn again(&mut self, folder: &Folder) {
        self.kill();
        let addresses = [&self.url, &self.admin].map(|url| url.strip_prefix("http://").unwrap().to_owned());
        let shop = folder.text("shop");
        *self = Self::listen(Some(&shop), &folder.text("data"), addresses.each_ref().map(String::as_str), &[]);
    }

    fn listen(catalogue: Option<&str>, data: &str, [address, admin]: [&str; 2], more: &[&str]) -> Self {
        let mut command = command();
        command.args(["serve", "--listen", address, "--admin", admin, "--log", "warn"]);
        command.args(["--data", data]).args(more);
        command.args(catalogue.into_iter().flat_map(|catalogue| ["--catalogue", catalogue]));
        Self::begin(command)
    }

    /// Starts one as `arguments` say, all of them.
    pub(crate) fn with_arguments(arguments: &[String]) -> Self {
        let mut command = command();
        command.args(arguments);
        Self::begin(command)
    }

    fn begin(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let addresses = ready.strip_prefix("tokka is ready on ").and_then(|rest| rest.split_once(": ")).map(|(both, _)| both);
        let both = addresses.and_then(|both| both.split_once(", operators and probes on "));
        let (address, admin) = both.unwrap_or_else(|| panic!("{ready}"));
        let [url, admin] = [address, admin].map(|address| format!("http://{address}"));
        Self { process, ready, url, admin }
    }

    /// Asks it with a command.
    pub(crate) fn tokka(&self, arguments: &[&str]) -> Answer {
        tokka(&[arguments, &["--server", &self.url]].concat())
    }

    /// Likewise, and reads the JSON that it prints.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let answer = self.tokka(&[arguments, &["--json"]].concat()).ended(0);
        serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {}", answer.stdout))
    }

    /// SIGKILL: it has no chance to do anything more.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal("-TERM");
        self.process.wait().unwrap().code()
    }

    /// `-STOP` freezes it, `-CONT` lets it go on.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}
