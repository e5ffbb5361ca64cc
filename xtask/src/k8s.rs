//! Would Kubernetes take the manifests, and would a reviewer? Each overlay is rendered, checked against the schemas of the API
//! and linted, without a cluster and without a network.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::programs::{go_tools, python_with, succeed};

/// What is applied, by the folder of its kustomization.
const OVERLAYS: [&str; 3] = ["overlays/embedded", "overlays/redis", "store-init"];
/// The oldest Kubernetes that has all that is used (a `sleep` before the stop), and the newest whose schemas there are.
const VERSIONS: [&str; 2] = ["1.34.0", "1.37.0"];
/// A limit of CPU is missing on purpose, and so is a pull of an image that the node has: see `k8s/server/pod.yaml`.
const KUBE_SCORE: [&str; 6] = [
    "score",
    "--ignore-container-cpu-limit",
    "--ignore-test=container-image-pull-policy",
    "--exit-one-on-warning",
    "--output-format=ci",
    "--color=never",
];

/// Renders and checks everything; the last line is `N passed, N failed`.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let (source, build) = (root.join("k8s"), root.join("target").join("k8s"));
    let go = go_tools(&source.join("tools"), &build.join("go-tools"))?;
    let python = python_with(&source.join("tools").join("requirements.txt"), &build.join("python-packages"))?;
    let mut checks: Vec<(String, Result<()>)> = Vec::new();
    for overlay in OVERLAYS {
        let rendered = build.join(format!("{}.yaml", overlay.replace('/', "-")));
        let done = render(&go, &source.join(overlay), &rendered);
        let good = done.is_ok();
        checks.push((format!("{overlay}: kustomize"), done));
        if !good {
            // What is there is from another time.
            continue;
        }
        for version in VERSIONS {
            let mut validate = Command::new(python.join("kubernetes-validate"));
            validate.args(["--strict", "--quiet", "--kubernetes-version", version]).arg(&rendered);
            checks.push((format!("{overlay}: schemas of {version}"), succeed(&mut validate, "kubernetes-validate")));
        }
        let mut score = Command::new(go.join("kube-score"));
        score.args(KUBE_SCORE).arg(&rendered);
        checks.push((format!("{overlay}: kube-score"), quietly(&mut score, "kube-score")));
    }
    let mut test = Command::new(crate::cargo());
    test.args(["test", "--quiet", "--package", "tokka", "--test", "cli", "manifests"]).current_dir(root);
    checks.push(("flags, variables, probes and times".to_owned(), succeed(&mut test, "cargo test")));

    println!();
    let failed = checks.iter().filter(|(_, done)| done.is_err()).count();
    for (name, done) in &checks {
        match done {
            Ok(()) => println!("ok {name}"),
            Err(error) => println!("NOT OK: {name}: {error:#}"),
        }
    }
    println!("\n{} passed, {failed} failed", checks.len().saturating_sub(failed));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn render(tools: &Path, overlay: &Path, to: &Path) -> Result<()> {
    let mut kustomize = Command::new(tools.join("kustomize"));
    succeed(kustomize.arg("build").arg(overlay).arg("--output").arg(to), "kustomize")
}

/// Runs it, and shows of what it says only what is not fine.
fn quietly(command: &mut Command, name: &str) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {name}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    for line in said.lines().filter(|line| !line.starts_with("[OK]") && !line.starts_with("[SKIPPED]")) {
        println!("{line}");
    }
    anyhow::ensure!(output.status.success(), "{name} has objections");
    Ok(())
}
