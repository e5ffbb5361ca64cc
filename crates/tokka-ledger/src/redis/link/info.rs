//! What does a server say about itself?

use redis::Value;

/// Version of Redis that a server is, or says to be compatible with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// The answer to `INFO`.
pub(crate) struct Info(String);

impl Info {
    /// Whatever is no text reads as an empty answer.
    pub(crate) fn read(answer: &Value) -> Self {
        match answer {
            Value::BulkString(bytes) => Info(String::from_utf8_lossy(bytes).into_owned()),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => Info(text.clone()),
            _ => Info(String::new()),
        }
    }

    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::trim)
    }

    /// Valkey says there which Redis it is compatible with.
    pub(crate) fn version(&self) -> Option<Version> {
        self.get("redis_version").and_then(Version::parse)
    }
}

impl Version {
    /// `7.0.15`; what follows a third number, as in `7.4.0-rc1`, is dropped.
    pub(crate) fn parse(text: &str) -> Option<Version> {
        let mut numbers = text.split('.').map(|part| {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part.get(..digits).and_then(|digits| digits.parse::<u8>().ok())
        });
        let major = numbers.next()??;
        let minor = numbers.next()??;
        Some(Version(major, minor, numbers.next().flatten().unwrap_or(0)))
    }

    /// Does it read the first line of a script, `#!lua …`?
    pub(crate) fn knows_flags(self) -> bool {
        self >= Version(7, 0, 0)
    }

    /// Does it know `WAITAOF`?
    pub(crate) fn knows_wait_aof(self) -> bool {
        self >= Version(7, 2, 0)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let table = [
            ("7.0.15", Some(Version(7, 0, 15))),
            ("6.2", Some(Version(6, 2, 0))),
            ("7.4.0-rc1", Some(Version(7, 4, 0))),
            ("255.255.255", Some(Version(255, 255, 255))),
            ("seven", None),
            ("", None),
        ];
        for (text, version) in table {
            assert_eq!(Version::parse(text), version, "{text}");
        }
        assert!(!Version(6, 2, 14).knows_flags() && Version(7, 0, 0).knows_flags());
        assert!(!Version(7, 0, 15).knows_wait_aof() && Version(7, 2, 0).knows_wait_aof());
    }

    #[test]
    fn fields() {
        let info = Info::read(&Value::BulkString(b"# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.0.1\r\n".to_vec()));
        assert_eq!(info.get("redis_version"), Some("7.2.4"));
        assert_eq!(info.get("redis"), None);
        assert_eq!(info.version(), Some(Version(7, 2, 4)));
        assert_eq!(Info::read(&Value::Nil).version(), None);
    }
}
