//! How are names of counters written where the same words come again and again? A part that was written before is a number.
//!
//! Each part is a byte and what follows: its length and its bytes; `0x7f`, its length in another byte, and its bytes; or
//! from `0x80` on the number of an earlier text and nothing more. A name that is none is `0xff`, then its bytes as they are.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// Lengths from here on are written behind it.
const LONG: u8 = 0x7f;
/// The first of the bytes that are numbers of texts.
const EARLIER: u8 = 0x80;
const NO_NAME: u8 = 0xff;
/// So many texts have a number.
const TEXTS_MAX: usize = 0x7f;
/// A shorter one is not worth its number.
const WORTH: usize = 2;

/// A name in words that stand before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Packed<'a>(#[serde(borrow, with = "serde_bytes")] Cow<'a, [u8]>);

/// The texts so far; the first is whose record it is, since most counters of an order name their customer.
pub(crate) struct Texts<'a>(Vec<&'a [u8]>);

impl<'a> Texts<'a> {
    pub(crate) fn behind(shard_key: &'a str) -> Self {
        let mut texts = Vec::with_capacity(8);
        texts.push(shard_key.as_bytes());
        Self(texts)
    }

    pub(crate) fn pack(&mut self, name: &'a Name) -> Packed<'static> {
        let name = name.as_bytes();
        let mut out = Vec::with_capacity(name.len().saturating_add(1));
        let mut rest = name;
        while let Some((length, behind)) = rest.split_first() {
            let Some((part, behind)) = behind.split_at_checked(usize::from(*length)) else {
                out.clear();
                out.push(NO_NAME);
                out.extend_from_slice(name);
                break;
            };
            rest = behind;
            let number = self.0.iter().position(|text| *text == part).and_then(|number| u8::try_from(number).ok());
            if let Some(number) = number {
                out.push(EARLIER | number);
                continue;
            }
            if *length >= LONG {
                out.push(LONG);
            }
            out.push(*length);
            out.extend_from_slice(part);
            self.note(part);
        }
        Packed(out.into())
    }

    /// `None` where these bytes are not of a name that was packed behind these texts.
    pub(crate) fn unpack(&mut self, packed: &'a Packed<'a>) -> Option<Name> {
        let mut rest: &'a [u8] = &packed.0;
        if let Some((&NO_NAME, name)) = rest.split_first() {
            return Some(Name::from_bytes(name));
        }
        let mut name = Vec::with_capacity(rest.len().saturating_mul(2));
        while let Some((first, behind)) = rest.split_first() {
            let part = if *first >= EARLIER {
                rest = behind;
                *self.0.get(usize::from(*first & !EARLIER))?
            } else {
                let (length, behind) = if *first == LONG { behind.split_first()? } else { (first, behind) };
                let (part, behind) = behind.split_at_checked(usize::from(*length))?;
                rest = behind;
                self.note(part);
                part
            };
            name.push(u8::try_from(part.len()).ok()?);
            name.extend_from_slice(part);
        }
        Some(Name::from_bytes(&name))
    }

    fn note(&mut self, part: &'a [u8]) {
        if part.len() >= WORTH && self.0.len() < TEXTS_MAX {
            self.0.push(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(texts: &[&str], names: &[Name]) -> Vec<Vec<u8>> {
        let mut before = Texts::behind(texts[0]);
        names.iter().map(|name| before.pack(name).0.into_owned()).collect()
    }

    /// What is stored in these bytes is read from these bytes, by every later version.
    #[test]
    fn the_form_never_changes() {
        let names = [Name::of(&["stock", "flash-1"]), Name::of(&["user_units", "flash-1", "", "u-1"])];
        let bytes = packed(&["u-1"], &names);
        assert_eq!(bytes, [&b"\x05stock\x07flash-1"[..], b"\x0auser_units\x82\x00\x80"]);
    }

    #[test]
    fn whatever_a_name_is_it_is_read_back() {
        let long = "x".repeat(255);
        let mut names: Vec<Name> = vec![
            Name::of(&[]),
            Name::of(&["", "a", "ab", "ab", "a", ""]),
            Name::of(&[&long[..126], &long[..127], &long[..128], &long, &long]),
            Name::from_bytes(b"\x05abc"),
            Name::from_bytes(b"\xff\x80"),
        ];
        names.extend((0..300).map(|number| Name::of(&[&format!("text-{number}"), &format!("text-{}", number / 3), "u-1"])));
        for shard_key in ["", "u-1", &long] {
            let mut texts = Texts::behind(shard_key);
            let written: Vec<Packed<'_>> = names.iter().map(|name| texts.pack(name)).collect();
            let mut texts = Texts::behind(shard_key);
            let read: Vec<Name> = written.iter().map(|packed| texts.unpack(packed).unwrap()).collect();
            assert_eq!(read, names);
        }
    }

    #[test]
    fn other_bytes_are_told_from_names() {
        for bytes in [&b"\x05abc"[..], b"\x81", b"\x7f", b"\x7f\x80a"] {
            assert_eq!(Texts::behind("u").unpack(&Packed(bytes.into())), None, "{bytes:?}");
        }
    }
}
