//! How is money written? In major units of the catalogue's currency: `1980`, `"12.50"`.

use std::fmt;

use iso_currency::Currency as Iso;

/// A currency of ISO 4217 that has a minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    code: &'static str,
    exponent: u32,
}

/// More decimals than any currency has.
pub const EXPONENT_MAX: u32 = 4;

impl Currency {
    /// Of a catalogue of which nothing is known yet: no basket is in it.
    pub const NONE: Self = Self { code: "", exponent: 0 };

    /// By its code, `JPY`.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let iso = Iso::from_code(code)?;
        Some(Self { code: iso.code(), exponent: iso.exponent().map(u32::from)? })
    }

    /// Its code, upper case.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.code
    }

    /// How many decimals it has: JPY 0, USD 2, KWD 3.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.exponent
    }
}

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmountError {
    /// Not a decimal number.
    NotANumber,
    /// More decimals than the currency has.
    TooManyDecimals(Currency),
    /// More decimals than any currency has.
    TooManyForAny,
    /// Beyond 64 bits of minor units.
    TooLarge,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber => f.write_str("is not an amount"),
            Self::TooManyDecimals(Currency { code, exponent: 0 }) => write!(f, "has decimals, and {code} has none"),
            Self::TooManyDecimals(Currency { code, exponent }) => {
                write!(f, "has more decimals than {code} has, which is {exponent}")
            }
            Self::TooManyForAny => f.write_str("has more decimals than any currency has"),
            Self::TooLarge => f.write_str("is too large an amount"),
        }
    }
}

/// Reads an amount in major units, such as `-12.50`, into minor units. Without a currency it is read as if there were four
/// decimals, so that its shape is checked.
///
/// # Errors
/// [`AmountError`]
pub fn minor_units(text: &str, currency: Option<Currency>) -> Result<i64, AmountError> {
    let exponent = currency.map_or(EXPONENT_MAX, Currency::exponent);
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = match unsigned.split_once('.') {
        Some((_, "")) => return Err(AmountError::NotANumber),
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) {
        return Err(AmountError::NotANumber);
    }
    let missing = usize::try_from(exponent).unwrap_or(0).checked_sub(part.len());
    let Some(missing) = missing else {
        return Err(currency.map_or(AmountError::TooManyForAny, AmountError::TooManyDecimals));
    };
    let mut minor: i64 = 0;
    for digit in whole.bytes().chain(part.bytes()).chain(std::iter::repeat_n(b'0', missing)) {
        let digit = i64::from(digit.saturating_sub(b'0'));
        // Counted downwards, since there is one negative number more than positive ones.
        minor = minor.checked_mul(10).and_then(|minor| minor.checked_sub(digit)).ok_or(AmountError::TooLarge)?;
    }
    if negative { Ok(minor) } else { minor.checked_neg().ok_or(AmountError::TooLarge) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, code: &str) -> Result<i64, AmountError> {
        minor_units(text, Currency::from_code(code))
    }

    #[test]
    fn amounts_become_minor_units_by_the_currency() {
        assert_eq!(read("1980", "JPY"), Ok(1980));
        assert_eq!(read("12.5", "USD"), Ok(1250));
        assert_eq!(read("-0.05", "USD"), Ok(-5));
        assert_eq!(read("3.383", "KWD"), Ok(3383));
        assert_eq!(read("+7", "USD"), Ok(700));
        assert_eq!(read("9223372036854775807", "JPY"), Ok(i64::MAX));
        assert_eq!(read("-9223372036854775808", "JPY"), Ok(i64::MIN));
    }

    #[test]
    fn what_is_not_an_amount_says_why() {
        for text in ["", "-", ".5", "5.", "1e3", "1 000", "1,000", "0x10", "٣", "--1", "1.2.3"] {
            assert_eq!(read(text, "USD"), Err(AmountError::NotANumber), "{text}");
        }
        assert_eq!(read("1.0", "JPY").unwrap_err().to_string(), "has decimals, and JPY has none");
        assert_eq!(read("1.001", "USD").unwrap_err().to_string(), "has more decimals than USD has, which is 2");
        assert_eq!(read("9223372036854775808", "JPY"), Err(AmountError::TooLarge));
        assert_eq!(minor_units("1.00001", None), Err(AmountError::TooManyForAny));
    }

    #[test]
    fn currencies_have_a_code_and_a_minor_unit() {
        assert_eq!(Currency::from_code("JPY").map(Currency::exponent), Some(0));
        assert_eq!(Currency::from_code("yen"), None);
        assert_eq!(Currency::from_code("XAU"), None, "gold has no minor unit");
    }
}
