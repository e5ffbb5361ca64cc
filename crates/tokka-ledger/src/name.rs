//! What is a counter called? By parts that are joined with their lengths, so that no id can forge another's name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a counter or a document: opaque bytes to the ledger, made of parts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name(#[serde(with = "serde_bytes")] Box<[u8]>);

/// At most this many bytes a part; ids have at most 128.
pub const PART_BYTES_MAX: usize = 255;

impl Name {
    /// Joins parts: each is its length in one byte, then its bytes. A part beyond 255 bytes, which no id reaches, is cut.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len().saturating_add(1)).sum());
        for part in parts {
            let part = part.as_bytes().get(..part.len().min(PART_BYTES_MAX)).unwrap_or_default();
            bytes.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(part);
        }
        Self(bytes.into_boxed_slice())
    }

    /// As stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From what was stored.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The parts again; `None` where the bytes are not a name.
    #[must_use]
    pub fn parts(&self) -> Option<Vec<&str>> {
        let mut parts = Vec::new();
        let mut rest: &[u8] = &self.0;
        while let Some((length, bytes)) = rest.split_first() {
            let length = usize::from(*length);
            parts.push(std::str::from_utf8(bytes.get(..length)?).ok()?);
            rest = bytes.get(length..)?;
        }
        Some(parts)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Some(parts) => f.write_str(&parts.join("/")),
            None => write!(f, "{:?}", self.0),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codec_never_changes() {
        assert_eq!(Name::of(&["stock", "flash-1"]).as_bytes(), b"\x05stock\x07flash-1");
        assert_eq!(Name::of(&["user", "f", "u/1", ""]).as_bytes(), b"\x04user\x01f\x03u/1\x00");
    }

    #[test]
    fn an_id_cannot_forge_another_name() {
        assert_ne!(Name::of(&["a", "b/c"]), Name::of(&["a/b", "c"]));
        assert_ne!(Name::of(&["ab", ""]), Name::of(&["a", "b"]));
        let name = Name::of(&["user", "flash-1", "u\u{1}x"]);
        assert_eq!(name.parts(), Some(vec!["user", "flash-1", "u\u{1}x"]));
        assert_eq!(Name::from_bytes(b"\x05abc").parts(), None);
    }
}
