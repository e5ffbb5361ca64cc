//! How does the API become a program of a language? By that language's own tools, each of a version that a lock file names.
//! Everything is generated and built under `target/clients/`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::programs::{copy_into, go_tools, made_from, need, python_with, succeed};

/// A language that has a client in `clients/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Go,
    Java,
    TypeScript,
    Python,
}

impl Language {
    /// Generates and builds it. Answers the program, without arguments.
    pub(super) fn program(self, root: &Path, build: &Path) -> Result<Command> {
        match self {
            Self::Go => go(root, build),
            Self::Java => java(root, build),
            Self::TypeScript => typescript(root, build),
            Self::Python => python(root, build),
        }
    }
}

fn go(root: &Path, build: &Path) -> Result<Command> {
    let source = root.join("clients").join("go");
    let plugins = go_tools(&source, &build.join("go-tools"))?;
    let directory = fresh(&source, &build.join("go"), &["gen"])?;
    let mut generate = buf(root)?;
    generate.arg("generate").arg(root).current_dir(&directory).env("PATH", before_path(&plugins)?);
    succeed(&mut generate, "buf generate")?;
    let go = |arguments: &[&str]| succeed(Command::new("go").args(arguments).current_dir(&directory), "go");
    go(&["vet", "-mod=readonly", "."])?;
    go(&["build", "-mod=readonly", "-o", "check", "."])?;
    Ok(Command::new(directory.join("check")))
}

fn java(root: &Path, build: &Path) -> Result<Command> {
    need("javac", "-version", "the Java client")?;
    need("mvn", "--version", "the Java client")?;
    let directory = fresh(&root.join("clients").join("java"), &build.join("java"), &["target"])?;
    let mut maven = Command::new("mvn");
    // Strict checksums: what came over the network is what was published.
    maven.args(["--quiet", "--batch-mode", "--strict-checksums", "compile"]).current_dir(&directory);
    succeed(maven.arg(format!("-Dproto.folder={}", root.join("proto").display())), "mvn")?;
    let built = directory.join("target");
    let classes = std::env::join_paths([built.join("classes"), built.join("libraries").join("*")])?;
    let mut program = Command::new("java");
    program.arg("-cp").arg(classes).arg("tokka.check.Check");
    Ok(program)
}

fn typescript(root: &Path, build: &Path) -> Result<Command> {
    let modules = node_modules(root)?;
    let directory = fresh(&root.join("clients").join("typescript"), &build.join("typescript"), &["gen", "out"])?;
    succeed(buf(root)?.arg("generate").arg(root).current_dir(&directory), "buf generate")?;
    succeed(Command::new(modules.join(".bin").join("tsc")).current_dir(&directory), "tsc")?;
    let mut program = Command::new("node");
    program.arg(directory.join("out").join("src").join("check.js"));
    Ok(program)
}

fn python(root: &Path, build: &Path) -> Result<Command> {
    let source = root.join("clients").join("python");
    let python = python_with(&source.join("requirements.txt"), &build.join("python-packages"))?.join("python3");
    let directory = fresh(&source, &build.join("python"), &["tokka"])?;
    let api = root.join("proto");
    let mut generate = Command::new(&python);
    generate.args(["-m", "grpc_tools.protoc", "--proto_path"]).arg(&api);
    for kind in ["python_out", "pyi_out", "grpc_python_out"] {
        let mut option = OsString::from(format!("--{kind}="));
        option.push(&directory);
        generate.arg(option);
    }
    succeed(generate.args(proto_files(&api)?), "protoc")?;
    let mut program = Command::new(python);
    program.arg(directory.join("check.py"));
    Ok(program)
}

/// The API's files, in order.
fn proto_files(api: &Path) -> Result<Vec<PathBuf>> {
    let folder = api.join("tokka").join("v1");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    files.sort();
    Ok(files)
}

/// buf, as `package-lock.json` has it.
pub(super) fn buf(root: &Path) -> Result<Command> {
    Ok(Command::new(node_modules(root)?.join(".bin").join("buf")))
}

/// The packages of the TypeScript client.
fn node_modules(root: &Path) -> Result<PathBuf> {
    need("node", "--version", "buf and the TypeScript client")?;
    need("npm", "--version", "buf and the TypeScript client")?;
    let source = root.join("clients").join("typescript");
    let directory = root.join("target").join("clients").join("typescript");
    let lock = source.join("package-lock.json");
    let text = std::fs::read_to_string(&lock).with_context(|| format!("cannot read `{}`", lock.display()))?;
    made_from(&text, &directory, || {
        println!("bringing what `{}` names", lock.display());
        copy_into(&source, &directory)?;
        // Nothing that comes is executed by coming.
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&directory);
        succeed(&mut npm, "npm ci")
    })?;
    Ok(directory.join("node_modules"))
}

/// The sources in a directory of their own, without what was generated there before.
fn fresh(source: &Path, directory: &Path, generated: &[&str]) -> Result<PathBuf> {
    for name in generated {
        let old = directory.join(name);
        if old.exists() {
            std::fs::remove_dir_all(&old).with_context(|| format!("cannot remove `{}`", old.display()))?;
        }
    }
    copy_into(source, directory)?;
    Ok(directory.to_path_buf())
}

/// `PATH` with this directory in front.
fn before_path(directory: &Path) -> Result<OsString> {
    let old = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(directory.to_path_buf()).chain(std::env::split_paths(&old)))?)
}
