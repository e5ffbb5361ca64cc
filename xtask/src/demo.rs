//! How is the demo run? Its server and its client are built together, in one go, and then started.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// Builds `tokka` and the demo as people run them, and runs the demo with these options.
pub(crate) fn run(root: &Path, options: &[String]) -> Result<()> {
    let started = Instant::now();
    println!("Building the server (a few minutes the first time) …");
    // One build, so that what both need is compiled once and with the same features.
    let built = Command::new(crate::cargo())
        .args(["build", "--release", "--quiet", "--package", "tokka", "--package", "xtask-demo"])
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "tokka cannot be built");
    println!("Built in {} s.\n", started.elapsed().as_secs());
    let program = release_directory()?.join(format!("xtask-demo{}", std::env::consts::EXE_SUFFIX));
    let mut demo = Command::new(program);
    demo.args(options).current_dir(root);
    become_it(demo)
}

/// This process becomes the demo, so that a signal to the chore reaches who has to end the server.
#[cfg(unix)]
pub(crate) fn become_it(mut demo: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(demo.exec()).context("what was built cannot be run")
}

#[cfg(not(unix))]
pub(crate) fn become_it(mut demo: Command) -> Result<()> {
    let done = demo.status().context("what was built cannot be run")?;
    ensure!(done.success(), "it failed");
    Ok(())
}

/// Where cargo puts release builds: beside the directory that this program lies in.
pub(crate) fn release_directory() -> Result<PathBuf> {
    let us = std::env::current_exe().context("cannot tell where this program lies")?;
    let target = us.parent().and_then(Path::parent).context("this program lies nowhere")?;
    Ok(target.join("release"))
}
