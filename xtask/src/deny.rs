//! May this be linked into tokka? `deny.toml`, applied by cargo-deny, where it is or where it can be had.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The version that a build server installs: about four minutes on one core, kept under `target/`.
const VERSION: &str = "0.20.2";

/// The command that applies `deny.toml`; `None` where there is no cargo-deny and this is not a build server. Its
/// advisories need a database from the network, so they are left to whoever has it.
pub(crate) fn command(root: &Path) -> Result<Option<Command>> {
    let Some(program) = find_or_install(root)? else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(["check", "licenses", "bans", "sources"]);
    Ok(Some(command))
}

fn find_or_install(root: &Path) -> Result<Option<PathBuf>> {
    let on_path = PathBuf::from("cargo-deny");
    let tools = root.join("target").join("tools");
    let ours = tools.join("bin").join("cargo-deny");
    if let Some(found) = [on_path, ours.clone()].into_iter().find(|program| answers(program)) {
        return Ok(Some(found));
    }
    if std::env::var_os("CI").is_none_or(|value| value.is_empty()) {
        return Ok(None);
    }
    let installed = Command::new(crate::cargo())
        .args(["install", "cargo-deny", "--version", VERSION, "--locked", "--quiet", "--root"])
        .arg(&tools)
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo install")?;
    ensure!(installed.success(), "cargo-deny {VERSION} cannot be installed");
    Ok(Some(ours))
}

fn answers(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
