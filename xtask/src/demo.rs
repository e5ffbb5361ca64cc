//! How is the demo run? Its server and its client are built together, in one go, and then started.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// Builds `tokka` and the demo, and runs the demo with these options.
pub(crate) fn run(root: &Path, options: &[String]) -> Result<()> {
    let started = Instant::now();
    let packages = ["--package", "tokka", "--package", "xtask-demo"];
    // One build, so that what both need is compiled once and with the same features.
    let built =
        Command::new(crate::cargo()).arg("build").args(packages).current_dir(root).status().context("cannot run cargo")?;
    ensure!(built.success(), "tokka cannot be built");
    println!("Built in {} s.", started.elapsed().as_secs());
    let program = directory_of_builds()?.join(format!("xtask-demo{}", std::env::consts::EXE_SUFFIX));
    let done = Command::new(program).args(options).current_dir(root).status().context("cannot run the demo")?;
    ensure!(done.success(), "the demo failed");
    Ok(())
}

/// Where cargo put this program, and so the others of the same profile.
fn directory_of_builds() -> Result<std::path::PathBuf> {
    let us = std::env::current_exe().context("cannot tell where this program lies")?;
    us.parent().map(Path::to_owned).context("this program lies nowhere")
}
