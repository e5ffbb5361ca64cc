//! Is a program of others there, and did it do what it was told? What chores need of Go, Node.js, Java and Python.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// What a tool tells apart by: the digest of nothing else than what it was made from.
const STAMP: &str = "made-from";

/// Does the program say its version?
pub(crate) fn answers(program: impl AsRef<OsStr>, version: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(version).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Refuses a machine that lacks the program: a check that is left out would look like one that passed.
pub(crate) fn need(program: &str, version: &str, what_for: &str) -> Result<()> {
    ensure!(answers(program, version), "`{program}` is not there, and {what_for} needs it: install it, or name the other parts");
    Ok(())
}

/// Runs it to its end, which has to be a good one.
pub(crate) fn succeed(command: &mut Command, name: &str) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {name}"))?;
    ensure!(status.success(), "{name} failed");
    Ok(())
}

/// Makes `directory` anew by `make`, unless the last time was from the same text.
pub(crate) fn made_from(text: &str, directory: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = directory.join(STAMP);
    if std::fs::read_to_string(&stamp).is_ok_and(|before| before == text) {
        return Ok(());
    }
    if directory.exists() {
        std::fs::remove_dir_all(directory).with_context(|| format!("cannot remove `{}`", directory.display()))?;
    }
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make `{}`", directory.display()))?;
    make()?;
    std::fs::write(&stamp, text).with_context(|| format!("cannot write `{}`", stamp.display()))
}

/// A Python with exactly what `requirements` names, hashes included. Answers its programs' directory.
pub(crate) fn python_with(requirements: &Path, directory: &Path) -> Result<PathBuf> {
    need("python3", "--version", "what is written in Python")?;
    let text = std::fs::read_to_string(requirements).with_context(|| format!("cannot read `{}`", requirements.display()))?;
    let bin = directory.join("bin");
    made_from(&text, directory, || {
        println!("bringing what `{}` names", requirements.display());
        succeed(Command::new("python3").args(["-m", "venv"]).arg(directory), "python3 -m venv")?;
        let mut pip = Command::new(bin.join("python3"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
        succeed(pip.args(["--require-hashes", "--requirement"]).arg(requirements), "pip install")
    })?;
    Ok(bin)
}

/// Builds the tools that the module in `module` names, as its `go.sum` has them. Answers the directory of the programs.
pub(crate) fn go_tools(module: &Path, directory: &Path) -> Result<PathBuf> {
    need("go", "version", "what is written in Go")?;
    let text =
        std::fs::read_to_string(module.join("go.mod")).with_context(|| format!("no `go.mod` in `{}`", module.display()))?;
    made_from(&text, directory, || {
        println!("building the tools of `{}`", module.display());
        let mut go = Command::new("go");
        go.args(["build", "-mod=readonly", "-o"]).arg(directory).arg("tool").current_dir(module);
        succeed(&mut go, "go build")
    })?;
    Ok(directory.to_path_buf())
}

/// Copies a directory's files over those of another one; what the other has besides stays.
pub(crate) fn copy_into(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make `{}`", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot list `{}`", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_into(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).with_context(|| format!("cannot write `{}`", target.display()))?;
        }
    }
    Ok(())
}
