//! Which server programs does this machine have?

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `cargo xtask install` puts what no package brings.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/bin");

/// Whatever tests start without naming a program, they start this one: the name of an executable.
const WHICH: &str = "TOKKA_TEST_SERVER";

/// A server program. The default is that of `TOKKA_TEST_SERVER`, so that the same tests run on another one, and else
/// `redis-server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `redis-server`, which every machine that tests tokka has.
    Redis,
    /// The oldest Redis that tokka is built for, 6.2, where it can be had.
    OldestRedis,
    /// `valkey-server`, where it can be had.
    Valkey,
}

impl Default for Program {
    fn default() -> Self {
        match std::env::var(WHICH) {
            Ok(name) => match Self::called(&name) {
                Some(program) => program,
                None => crate::wait::end_test(format!("`{WHICH}={name}` names no server that tests know")),
            },
            Err(_) => Self::Redis,
        }
    }
}

impl Program {
    const ALL: [Self; 3] = [Self::Redis, Self::OldestRedis, Self::Valkey];

    fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.executable() == name)
    }

    /// The name of the executable.
    pub fn executable(self) -> &'static str {
        match self {
            Self::Redis => "redis-server",
            Self::OldestRedis => "redis-server-6.2",
            Self::Valkey => "valkey-server",
        }
    }
}

impl Program {
    /// What to execute: the name, if it is in `PATH`, else where `cargo xtask install` puts it.
    pub(crate) fn path(self) -> PathBuf {
        let ours = Path::new(TOOLS).join(self.executable());
        let everywhere = std::env::var_os("PATH").unwrap_or_default();
        let in_path = std::env::split_paths(&everywhere).any(|dir| dir.join(self.executable()).is_file());
        if !in_path && ours.is_file() { ours } else { PathBuf::from(self.executable()) }
    }
}

/// Whether the program can be started.
pub fn available(program: Program) -> bool {
    version(program).is_some()
}

/// The version of a program, such as `[7, 0, 15]`; `None` where it is not installed.
pub fn version(program: Program) -> Option<[u32; 3]> {
    let output = Command::new(program.path()).arg("--version").stdin(Stdio::null()).output().ok()?;
    read(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `Redis server v=7.0.15 sha=…`.
fn read(text: &str) -> Option<[u32; 3]> {
    let mut numbers = text.split_once("v=")?.1.split_whitespace().next()?.split('.').map(str::parse::<u32>);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(read("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"), Some([7, 0, 15]));
        assert_eq!(read("Valkey server v=8.1.4 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"), Some([8, 1, 4]));
        assert_eq!(read("command not found"), None);
    }

    #[test]
    fn programs_are_called_by_their_executables() {
        assert_eq!(Program::ALL.map(|program| Program::called(program.executable())), Program::ALL.map(Some));
        assert_eq!(Program::called("memcached"), None);
    }

    #[test]
    fn the_oldest_redis_is_the_oldest_that_is_served() {
        assert!(version(Program::OldestRedis).is_none_or(|version| version[..2] == [6, 2]));
    }

    #[test]
    fn every_machine_that_tests_tokka_has_redis() {
        assert!(version(Program::Redis).is_some_and(|version| version >= [6, 2, 0]), "`cargo xtask install` brings it");
    }
}
