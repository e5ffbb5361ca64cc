//! What does a single-use code look like, and is this one ours? A code is computed from the store's key, and checked by
//! computing it again; none is stored.
//!
//! 120 bits in 24 symbols of five bits, and a check symbol, in groups of five:
//!
//! | bits | |
//! |---|---|
//! | 16 | a tag of the distribution, so that few are tried |
//! | 24 | the code's number, from 0 |
//! | 80 | of HMAC-SHA256 over distribution and number: what nobody guesses |
//!
//! The symbols are Crockford's (no I, L, O, U); the check symbol is Luhn's modulo 32, which tells any one wrong symbol.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The secret of a store.
pub(crate) type Key = [u8; 32];

const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS_WITHOUT_CHECK: usize = 24;
const GROUP: usize = 5;
const MAC_BYTES: usize = 10;
/// How often the low bit of a code's number is shifted up: behind it are the bits of the HMAC.
const MAC_BITS: u32 = 80;

/// A code without its secret part being checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) tag: u16,
    /// Below [`tokka_catalog::CODES_MAX`].
    pub(crate) number: u32,
    mac: [u8; MAC_BYTES],
}

impl Read {
    /// Is it the code of this number and distribution? It takes as long however near it comes.
    pub(crate) fn is_of(&self, key: &Key, distribution: &str) -> bool {
        self.tag == tag(distribution) && hmac(key, distribution, self.number).verify_truncated_left(&self.mac).is_ok()
    }
}

/// The code of a number, as it is handed out: `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX`.
pub(crate) fn write(key: &Key, distribution: &str, number: u32) -> String {
    let whole = hmac(key, distribution, number).finalize().into_bytes();
    let mac = whole.iter().take(MAC_BYTES).fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    let head = (u128::from(tag(distribution)) << 24) | u128::from(number);
    let bits = (head << MAC_BITS) | mac;
    let digits: Vec<u8> = (0..SYMBOLS_WITHOUT_CHECK).rev().map(|place| five_bits(bits, place)).collect();
    let check = check_of(&digits);
    let mut text = String::with_capacity(SYMBOLS_WITHOUT_CHECK.saturating_add(GROUP));
    for (place, digit) in digits.iter().chain([&check]).enumerate() {
        if place > 0 && place.is_multiple_of(GROUP) {
            text.push('-');
        }
        text.push(SYMBOLS.get(usize::from(*digit)).copied().map_or('0', char::from));
    }
    text
}

/// Reads a code as somebody typed it: in any case, with or without hyphens and spaces, with O for 0 and I or L for 1. `None`:
/// it has no such form, or a symbol is wrong.
pub(crate) fn read(text: &str) -> Option<Read> {
    let typed = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
    let digits: Vec<u8> = typed.map(digit).collect::<Option<_>>()?;
    let (check, digits) = digits.split_last()?;
    if digits.len() != SYMBOLS_WITHOUT_CHECK || check_of(digits) != *check {
        return None;
    }
    let bits = digits.iter().fold(0_u128, |bits, digit| (bits << 5) | u128::from(*digit));
    let mut mac = [0; MAC_BYTES];
    for (place, byte) in mac.iter_mut().rev().enumerate() {
        *byte = low_byte(bits >> (u32::try_from(place).unwrap_or(0).saturating_mul(8)));
    }
    let head = bits >> MAC_BITS;
    let number = u32::try_from(head & 0x00ff_ffff).ok()?;
    Some(Read { tag: u16::try_from(head >> 24).ok()?, number, mac })
}

/// Tells the codes of a distribution from those of most others.
pub(crate) fn tag(distribution: &str) -> u16 {
    let digest = Sha256::digest(distribution.as_bytes());
    digest.iter().take(2).fold(0, |tag, byte| (tag << 8) | u16::from(*byte))
}

fn hmac(key: &Key, distribution: &str, number: u32) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "INVARIANT: HMAC takes keys of any length")]
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    // The number has a fixed length, so that no other distribution's input is the same.
    hmac.update(&number.to_be_bytes());
    hmac.update(distribution.as_bytes());
    hmac
}

fn five_bits(bits: u128, place: usize) -> u8 {
    low_byte((bits >> u32::try_from(place).unwrap_or(0).saturating_mul(5)) & 31)
}

fn low_byte(bits: u128) -> u8 {
    u8::try_from(bits & 0xff).unwrap_or(0)
}

fn digit(symbol: u8) -> Option<u8> {
    let symbol = match symbol.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    SYMBOLS.iter().position(|known| *known == symbol).and_then(|digit| u8::try_from(digit).ok())
}

/// Luhn's check symbol for 32 symbols: every second one from the right counts twice, by the sum of its digits in base 32.
fn check_of(digits: &[u8]) -> u8 {
    let mut sum = 0_u32;
    for (place, digit) in digits.iter().rev().enumerate() {
        let once = u32::from(*digit);
        let twice = once << 1;
        let counted = if place.is_multiple_of(2) { (twice >> 5) | (twice & 31).wrapping_add(twice >> 5) & 31 } else { once };
        sum = sum.saturating_add(counted);
    }
    u8::try_from(32_u32.wrapping_sub(sum & 31) & 31).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const KEY: Key = [7; 32];

    #[test]
    fn a_code_is_read_as_people_type_it_and_belongs_to_its_distribution_alone() {
        for number in [0, 1, 77, 0x00ff_ffff] {
            let code = write(&KEY, "paper", number);
            assert_eq!((code.len(), code.matches('-').count()), (29, 4), "{code}");
            let typed = [
                code.clone(),
                code.to_lowercase(),
                code.replace('-', ""),
                code.replace('-', " ").replace('0', "o").replace('1', "l"),
            ];
            for typed in typed {
                let found = read(&typed).expect("a code");
                assert_eq!((found.number, found.tag), (number, tag("paper")), "{typed}");
                assert!(found.is_of(&KEY, "paper"));
                assert!(!found.is_of(&[8; 32], "paper") && !found.is_of(&KEY, "other"));
            }
        }
    }

    /// What is printed on paper is read by every later version.
    #[test]
    fn the_form_never_changes() {
        assert_eq!(write(&KEY, "paper", 42), "70K00-01ACR-1JF15-DKVXH-NMR0Y");
    }

    #[test]
    fn any_one_wrong_symbol_is_told() {
        let code = write(&KEY, "paper", 4_711);
        for (place, symbol) in code.char_indices().filter(|(_, symbol)| *symbol != '-') {
            for other in SYMBOLS.iter().map(|other| char::from(*other)).filter(|other| *other != symbol) {
                let mut wrong = code.clone();
                wrong.replace_range(place..=place, &other.to_string());
                assert_eq!(read(&wrong), None, "{wrong} is not {code}");
            }
        }
        for wrong in ["", "-", "SAVE300", &code[1..], &format!("{code}0"), &code.replace(&code[..1], "U"), "薬"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_guessed_secret_is_no_code() {
        let code = read(&write(&KEY, "paper", 9)).expect("a code");
        for bit in 0..80 {
            let mut mac = code.mac;
            mac[bit / 8] ^= 1 << (bit % 8);
            assert!(!Read { mac, ..code }.is_of(&KEY, "paper"), "bit {bit}");
        }
        assert!(!Read { number: 10, ..code }.is_of(&KEY, "paper"));
        let codes: BTreeSet<String> = (0..2_000).map(|number| write(&KEY, "paper", number)).collect();
        assert_eq!(codes.len(), 2_000);
    }
}
