//! Which server programs does this machine have?

use std::process::{Command, Stdio};

/// A server program.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `redis-server`, which every machine that tests tokka has.
    #[default]
    Redis,
    /// `valkey-server`, where it can be had.
    Valkey,
}

impl Program {
    /// The name of the executable.
    pub fn executable(self) -> &'static str {
        match self {
            Self::Redis => "redis-server",
            Self::Valkey => "valkey-server",
        }
    }
}

/// Whether the program can be started.
pub fn available(program: Program) -> bool {
    version(program).is_some()
}

/// The version of a program, such as `[7, 0, 15]`; `None` where it is not installed.
pub fn version(program: Program) -> Option<[u32; 3]> {
    let output = Command::new(program.executable()).arg("--version").stdin(Stdio::null()).output().ok()?;
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
    fn every_machine_that_tests_tokka_has_redis() {
        assert!(version(Program::Redis).is_some_and(|version| version >= [6, 2, 0]), "`cargo xtask install` brings it");
    }
}
