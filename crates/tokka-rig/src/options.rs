//! How is a server set up?

use crate::program::Program;
use crate::tls::Tls;

/// How a server is set up. The default keeps nothing on disk, and lets in whoever comes.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// The program.
    pub program: Program,
    /// Keeps an append-only file, synced thus; `None` = keeps nothing.
    pub durable: Option<Fsync>,
    /// The most memory, in bytes; `None` = no bound. What happens beyond it is `maxmemory-policy` in `more`; by default,
    /// writes are refused.
    pub memory_bytes_max: Option<u64>,
    /// The password of the default user.
    pub password: Option<String>,
    /// A further user, whom [`Redis::url`](crate::Redis::url) then names. The rig itself stays the default user.
    pub user: Option<User>,
    /// TLS, on a port of its own, which [`Redis::url`](crate::Redis::url) then names.
    pub tls: Option<Tls>,
    /// Lines of the configuration: a name such as `maxmemory-policy`, and what stands after it.
    pub more: Vec<(String, String)>,
}

/// When an append-only file reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before an answer.
    Always,
    /// Every second.
    EverySecond,
    /// When the system likes.
    No,
}

/// A user with rights of its own.
#[derive(Debug, Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
    /// What it may do, in Redis' words: `~tokka:* +@read +@write`.
    pub rules: String,
}

impl Options {
    /// These, with one more line of configuration.
    #[must_use]
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.more.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The lines of the configuration that do not depend on ports.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            ["bind 127.0.0.1", "save \"\"", "protected-mode no", "daemonize no"].map(str::to_owned).into();
        // Replicas are there at once, not after the five seconds in which others might join.
        lines.push("repl-diskless-sync-delay 0".to_owned());
        match self.durable {
            None => lines.push("appendonly no".to_owned()),
            Some(fsync) => {
                let when = match fsync {
                    Fsync::Always => "always",
                    Fsync::EverySecond => "everysec",
                    Fsync::No => "no",
                };
                lines.push("appendonly yes".to_owned());
                lines.push(format!("appendfsync {when}"));
            }
        }
        if let Some(bytes) = self.memory_bytes_max {
            lines.push(format!("maxmemory {bytes}"));
        }
        if let Some(password) = &self.password {
            lines.push(format!("requirepass {password}"));
            lines.push(format!("masterauth {password}"));
        }
        if let Some(user) = &self.user {
            lines.push(format!("user {} on >{} {}", user.name, user.password, user.rules));
        }
        lines.extend(self.more.iter().map(|(name, value)| format!("{name} {value}")));
        lines
    }

    /// What stands before the hosts of a URL.
    pub(crate) fn credentials(&self) -> String {
        match (&self.user, &self.password) {
            (Some(user), _) => format!("{}:{}@", user.name, user.password),
            (None, Some(password)) => format!(":{password}@"),
            (None, None) => String::new(),
        }
    }
}
