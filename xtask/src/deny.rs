//! May this be linked into tokka? `deny.toml`, applied by cargo-deny, which is built here where it is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::programs::answers;

/// The version that is built where the machine has none. It is small without its advisories, which need a database
/// from the network anyhow: on two cores, unoptimised, under a minute, once. It is kept under `target/`.
const VERSION: &str = "0.20.2";

/// The command that applies `deny.toml`.
pub(crate) fn command(root: &Path) -> Result<Command> {
    let mut command = Command::new(find_or_install(root)?);
    // `--offline`: by now cargo has fetched whatever the lock file names.
    command.args(["--offline", "--log-level", "error", "check", "licenses", "bans", "sources"]);
    Ok(command)
}

fn find_or_install(root: &Path) -> Result<PathBuf> {
    let tools = root.join("target").join("tools");
    let ours = tools.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if let Some(found) = [PathBuf::from("cargo-deny"), ours.clone()].into_iter().find(|program| answers(program, "--version")) {
        return Ok(found);
    }
    println!("cargo-deny is not there: building {VERSION} into {}", tools.display());
    let installed = Command::new(crate::cargo())
        .args(["install", "cargo-deny", "--version", VERSION, "--locked", "--no-default-features", "--quiet", "--root"])
        .arg(&tools)
        // It runs for a second: what matters is how long it takes to build.
        .envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"), ("CARGO_PROFILE_RELEASE_LTO", "off")])
        .envs([("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"), ("CARGO_PROFILE_RELEASE_DEBUG", "0")])
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo install")?;
    ensure!(
        installed.success(),
        "cargo-deny {VERSION} cannot be installed, so nobody knows whether the licences, sources and bans of deny.toml \
         hold; install it by hand (`cargo install cargo-deny`) and try again"
    );
    Ok(ours)
}
