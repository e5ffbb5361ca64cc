//! What may be called what? The ids of documents and the ids that callers bring.

use std::borrow::Borrow;
use std::fmt;

/// The id of a document (promotion, store, gift, distribution): `[A-Za-z0-9][A-Za-z0-9._-]*`, at most 64 bytes, and
/// none of the reserved words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

/// An id that a caller brings (user, sku, category, line, tag, channel, region): 1–128 bytes of `!`–`~`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(String);

/// Words that selections and owners use, and that no document may be called.
pub const RESERVED: [&str; 4] = ["none", "auto", "platform", "seller"];
const ID_BYTES_MAX: usize = 64;
const TOKEN_BYTES_MAX: usize = 128;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdError {
    /// The empty text.
    Empty,
    /// Longer than 64 bytes (documents) or 128 bytes (callers).
    TooLong,
    /// A character outside the grammar.
    BadCharacter,
    /// One of [`RESERVED`].
    Reserved,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an id is not empty",
            Self::TooLong => "an id has at most 64 bytes, a caller's id at most 128",
            Self::BadCharacter => {
                "an id is letters, digits, `.`, `_` and `-`, and begins with a letter or digit; a caller's id is any of `!` to `~`"
            }
            Self::Reserved => "`none`, `auto`, `platform` and `seller` are reserved words",
        })
    }
}

impl std::error::Error for IdError {}

impl Id {
    /// Reads an id.
    ///
    /// # Errors
    /// [`IdError`] says which rule the text breaks.
    pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let first = *text.as_bytes().first().ok_or(IdError::Empty)?;
        if text.len() > ID_BYTES_MAX {
            return Err(IdError::TooLong);
        }
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !first.is_ascii_alphanumeric() || !text.bytes().all(inner) {
            return Err(IdError::BadCharacter);
        }
        if RESERVED.contains(&text.as_str()) {
            return Err(IdError::Reserved);
        }
        Ok(Self(text))
    }
}

impl Token {
    /// Who buys where nobody is named: only ever inside a refund, where what is left is priced as somebody's.
    pub(crate) fn somebody() -> Self {
        Self("somebody".to_owned())
    }

    /// Reads a caller's id.
    ///
    /// # Errors
    /// [`IdError`] says which rule the text breaks.
    pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > TOKEN_BYTES_MAX {
            return Err(IdError::TooLong);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(IdError::BadCharacter);
        }
        Ok(Self(text))
    }
}

macro_rules! text_id {
    ($($name:ident),*) => {$(
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    )*};
}
text_id!(Id, Token);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_callers_have_different_grammars() {
        assert!(Id::parse("flash-1.b_C").is_ok());
        assert_eq!(Id::parse("-a"), Err(IdError::BadCharacter));
        assert_eq!(Id::parse("a b"), Err(IdError::BadCharacter));
        assert_eq!(Id::parse(""), Err(IdError::Empty));
        assert_eq!(Id::parse("none"), Err(IdError::Reserved));
        assert_eq!(Id::parse("a".repeat(65)), Err(IdError::TooLong));
        assert!(Token::parse("a/b:c!~").is_ok());
        assert_eq!(Token::parse("a b"), Err(IdError::BadCharacter));
        assert_eq!(Token::parse("薬"), Err(IdError::BadCharacter));
        assert_eq!(Token::parse("x".repeat(129)), Err(IdError::TooLong));
    }
}
