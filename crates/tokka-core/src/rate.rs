//! What is 12.5 % of an amount? An exact rational, rounded once, in the direction that the catalogue names.

use std::fmt;

use rust_decimal::Decimal;

use crate::amount::Amount;

/// How an exact discount becomes a whole number of minor units. Applied to discounts, never to prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rounding {
    /// A tie goes up: the default.
    #[default]
    HalfUp,
    /// A tie goes down: the prices that rounding the remaining price half up gives.
    HalfDown,
    /// A tie goes to the even neighbour.
    HalfEven,
    /// Towards nothing.
    Down,
    /// Away from nothing: favours the shopper.
    Up,
}

impl Rounding {
    /// Rounds `numerator / denominator`, both non-negative, the denominator positive.
    fn apply<N: Divide>(self, numerator: N, denominator: N) -> N {
        let (floor, rest) = numerator.divide(denominator);
        // Compare the rest with what is missing to the next whole: no doubling, so no overflow.
        let up = match rest.compare_with_half(denominator) {
            None => false,
            Some(half) => match self {
                Rounding::Down => false,
                Rounding::Up => true,
                Rounding::HalfUp => half.is_ge(),
                Rounding::HalfDown => half.is_gt(),
                Rounding::HalfEven => half.is_gt() || (half.is_eq() && floor.is_odd()),
            },
        };
        if up { floor.next() } else { floor }
    }
}

/// The two widths in which a rate is applied: 64 bits where the product fits, 128 else.
trait Divide: Copy {
    fn divide(self, by: Self) -> (Self, Self);
    /// How twice this rest stands to the divisor; `None` where there is no rest.
    fn compare_with_half(self, divisor: Self) -> Option<std::cmp::Ordering>;
    fn is_odd(self) -> bool;
    fn next(self) -> Self;
}

macro_rules! divide {
    ($($width:ty),*) => {$(
        impl Divide for $width {
            fn divide(self, by: Self) -> (Self, Self) {
                (self.checked_div(by).unwrap_or(0), self.checked_rem(by).unwrap_or(0))
            }
            fn compare_with_half(self, divisor: Self) -> Option<std::cmp::Ordering> {
                (self != 0).then(|| self.cmp(&divisor.saturating_sub(self)))
            }
            fn is_odd(self) -> bool {
                self & 1 == 1
            }
            fn next(self) -> Self {
                self.saturating_add(1)
            }
        }
    )*};
}
divide!(u64, u128);

/// A percentage, `0 < rate ≤ 100` with at most 6 decimals, held as an exact reduced ratio.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Millionths of a percent, for printing: 12.5 % is 12,500,000.
    micro_percent: u32,
    numerator: u64,
    denominator: u64,
}

/// Why a text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateError {
    /// Not a decimal number.
    NotANumber,
    /// Not above 0 and at most 100.
    OutOfRange,
    /// More than 6 decimals.
    TooManyDecimals,
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "a percentage is a decimal number such as `12.5`",
            Self::OutOfRange => "a percentage is above 0 and at most 100",
            Self::TooManyDecimals => "a percentage has at most 6 decimals",
        })
    }
}

impl std::error::Error for RateError {}

const MICRO_PERCENT_OF_WHOLE: u64 = 100_000_000;

impl Rate {
    /// 100 %.
    pub const WHOLE: Rate = Rate { micro_percent: 100_000_000, numerator: 1, denominator: 1 };

    /// Reads a percentage such as `12.5`.
    ///
    /// # Errors
    /// [`RateError`] names the bound that the text breaks.
    pub fn percent(text: &str) -> Result<Self, RateError> {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-' || b == b'+');
        let decimal = text.parse::<Decimal>().ok().filter(|_| plain).ok_or(RateError::NotANumber)?;
        // What does not fit exactly was rounded above; it has more decimals than a rate may have, unless they are 0.
        let (_, decimals) = text.split_once('.').unwrap_or((text, ""));
        if decimals.trim_end_matches('0').len() > 6 {
            return Err(RateError::TooManyDecimals);
        }
        let decimal = decimal.normalize();
        if decimal.scale() > 6 {
            return Err(RateError::TooManyDecimals);
        }
        let scale = 10i128.saturating_pow(6u32.saturating_sub(decimal.scale()));
        let micro = decimal.mantissa().checked_mul(scale).ok_or(RateError::OutOfRange)?;
        Self::micro_percent(u64::try_from(micro).map_err(|_| RateError::OutOfRange)?)
    }

    /// From millionths of a percent.
    ///
    /// # Errors
    /// [`RateError::OutOfRange`] unless above 0 and at most 100 %.
    pub fn micro_percent(micro: u64) -> Result<Self, RateError> {
        let micro_percent = u32::try_from(micro).map_err(|_| RateError::OutOfRange)?;
        if micro == 0 || micro > MICRO_PERCENT_OF_WHOLE {
            return Err(RateError::OutOfRange);
        }
        let common = greatest_common_divisor(micro, MICRO_PERCENT_OF_WHOLE);
        Ok(Self {
            micro_percent,
            numerator: micro.checked_div(common).unwrap_or(micro),
            denominator: MICRO_PERCENT_OF_WHOLE.checked_div(common).unwrap_or(MICRO_PERCENT_OF_WHOLE),
        })
    }

    /// Millionths of a percent: 12.5 % is 12,500,000. Parts of one promotion sum to 100,000,000.
    #[must_use]
    pub const fn as_micro_percent(self) -> u64 {
        self.micro_percent as u64
    }

    /// `round(amount × rate)` on the exact rational; a negative amount counts as 0.
    #[must_use]
    pub fn of(self, amount: Amount, rounding: Rounding) -> Amount {
        let whole = u64::try_from(amount.get()).unwrap_or(0);
        // The rate is at most 1, so the result is at most the amount and fits.
        let rounded = match whole.checked_mul(self.numerator) {
            Some(product) => rounding.apply(product, self.denominator),
            None => {
                let product = u128::from(whole).saturating_mul(u128::from(self.numerator));
                u64::try_from(rounding.apply(product, u128::from(self.denominator))).unwrap_or(whole)
            }
        };
        Amount::minor(i64::try_from(rounded.min(whole)).unwrap_or(i64::MAX))
    }
}

/// Euclid's algorithm.
fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Decimal::new(i64::from(self.micro_percent), 6).normalize())
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(percent: &str, amount: i64, rounding: Rounding) -> i64 {
        Rate::percent(percent).unwrap().of(Amount::minor(amount), rounding).get()
    }

    #[test]
    fn each_rounding_at_below_and_above_a_tie() {
        let at =
            |rounding| [of("12.5", 20, rounding), of("12.5", 60, rounding), of("12.5", 19, rounding), of("12.5", 21, rounding)];
        // 2.5, 7.5, 2.375, 2.625
        assert_eq!(at(Rounding::HalfUp), [3, 8, 2, 3]);
        assert_eq!(at(Rounding::HalfDown), [2, 7, 2, 3]);
        assert_eq!(at(Rounding::HalfEven), [2, 8, 2, 3]);
        assert_eq!(at(Rounding::Down), [2, 7, 2, 2]);
        assert_eq!(at(Rounding::Up), [3, 8, 3, 3]);
    }

    #[test]
    fn the_widest_amount_with_the_widest_ratio() {
        assert_eq!(of("99.999999", i64::MAX, Rounding::Down), 9_223_371_944_621_055_438);
        assert_eq!(of("100", i64::MAX, Rounding::Up), i64::MAX);
    }

    #[test]
    fn texts_that_are_no_rate() {
        let error = |text: &str| Rate::percent(text).unwrap_err();
        assert_eq!(error("0"), RateError::OutOfRange);
        assert_eq!(error("-1"), RateError::OutOfRange);
        assert_eq!(error("100.000001"), RateError::OutOfRange);
        assert_eq!(error("1.0000001"), RateError::TooManyDecimals);
        assert_eq!(error("12.0000000000000000000000000000000001"), RateError::TooManyDecimals);
        assert_eq!(error("99.99999999999999999999999999999999"), RateError::TooManyDecimals);
        assert_eq!(error("100.0000000000000000000000000001"), RateError::TooManyDecimals);
        assert_eq!(Rate::percent("12.50000000000000000000000000000000000").unwrap(), Rate::percent("12.5").unwrap());
        assert_eq!(error("ten"), RateError::NotANumber);
        assert_eq!(error(""), RateError::NotANumber);
        assert_eq!(error("1e1"), RateError::NotANumber);
        assert_eq!(Rate::percent("12.50").unwrap().to_string(), "12.5");
    }
}
