//! Is the API as callers expect it? buf's lint, its format, and no change that breaks who was built with the accepted one.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::languages::buf;
use crate::programs::succeed;

/// What callers may rely on: a descriptor set, without comments.
const ACCEPTED: &str = "clients/accepted-api.binpb";

/// Runs every check. Answers how many passed and failed.
pub(super) fn check(root: &Path) -> Result<(usize, usize)> {
    ensure!(root.join(ACCEPTED).exists(), "`{ACCEPTED}` is not there: `cargo xtask clients accept-api` writes it");
    let checks: [(&str, &[&str]); 3] = [
        ("lint", &["lint"]),
        ("format", &["format", "--diff", "--exit-code"]),
        ("breaking", &["breaking", "--against", ACCEPTED]),
    ];
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for (name, arguments) in checks {
        match succeed(buf(root)?.args(arguments).current_dir(root), "buf") {
            Ok(()) => {
                println!("ok {name}");
                passed = passed.saturating_add(1);
            }
            Err(error) => {
                println!("NOT OK: {name}: {error:#}");
                failed = failed.saturating_add(1);
            }
        }
    }
    let now = root.join("target").join("clients").join("api.binpb");
    build(root, &now)?;
    if read(&now)? != read(&root.join(ACCEPTED))? {
        println!("the API has more than was accepted: with a release, `cargo xtask clients accept-api` makes it a promise");
    }
    Ok((passed, failed))
}

/// From now on the API as it is may not be broken.
pub(super) fn accept(root: &Path) -> Result<()> {
    let accepted = root.join(ACCEPTED);
    if accepted.exists() {
        let breaking = succeed(buf(root)?.args(["breaking", "--against", ACCEPTED]).current_dir(root), "buf breaking");
        breaking.context("who was built with the accepted API would break; to want that, remove the file first")?;
    }
    build(root, &accepted)?;
    println!("`{ACCEPTED}` has the API as it is");
    Ok(())
}

fn build(root: &Path, to: &Path) -> Result<()> {
    let mut command: Command = buf(root)?;
    command.args(["build", "--exclude-source-info", "--output"]).arg(to).current_dir(root);
    succeed(&mut command, "buf build")
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}
