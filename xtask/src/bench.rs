//! How is the ledger measured? What is measured and what measures it are built together, in one go, and then started.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::demo::{become_it, release_directory};

/// Builds `tokka` and the benchmark as people run them, and runs the benchmark with these options.
pub(crate) fn ledger(root: &Path, options: &[String]) -> Result<()> {
    println!("Building (a few minutes the first time) …");
    let built = Command::new(crate::cargo())
        .args(["build", "--release", "--quiet", "--package", "tokka", "--package", "xtask-bench"])
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "the benchmark cannot be built");
    let program = release_directory()?.join(format!("xtask-bench{}", std::env::consts::EXE_SUFFIX));
    let mut bench = Command::new(program);
    bench.args(options).current_dir(root);
    become_it(bench)
}
