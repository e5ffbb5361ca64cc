//! How is a number written for people? With thousands separators, and money in major units.

use tokka_core::amount::{Amount, major};

/// A whole number with separators: `1234567` is `1,234,567`.
pub(crate) fn grouped(number: i64) -> String {
    separate(&number.to_string())
}

/// An amount in major units with separators: `1,980`, `-12.50`; `exponent` is the currency's number of decimals.
pub(crate) fn money(amount: Amount, exponent: u32) -> String {
    separate(&major(amount, exponent))
}

/// A count and its noun: `1 piece`, `1,200 pieces`.
pub(crate) fn count(number: i64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Puts a comma before every third digit of the whole part, from its end.
fn separate(number: &str) -> String {
    let (sign, unsigned) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let (whole, decimals) = match unsigned.split_once('.') {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (unsigned, None),
    };
    let mut text = String::from(sign);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(decimals) = decimals {
        text.push('.');
        text.push_str(decimals);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_stand_before_every_third_digit() {
        let written: Vec<String> = [0, 7, 999, 1_000, 12_345, 123_456, 1_234_567, -999, -1_000].map(grouped).into();
        assert_eq!(written, ["0", "7", "999", "1,000", "12,345", "123,456", "1,234,567", "-999", "-1,000"]);
        assert_eq!(grouped(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn money_keeps_the_decimals_of_its_currency() {
        assert_eq!(money(Amount::minor(123_456), 0), "123,456");
        assert_eq!(money(Amount::minor(123_456), 2), "1,234.56");
        assert_eq!(money(Amount::minor(-5), 2), "-0.05");
        assert_eq!(money(Amount::minor(1_234_567), 3), "1,234.567");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([count(0, "piece"), count(1, "piece"), count(2_000, "piece")], ["0 pieces", "1 piece", "2,000 pieces"]);
    }
}
