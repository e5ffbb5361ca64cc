//! How is money counted? As a whole number of minor units, with arithmetic that cannot wrap.

use std::fmt;

/// A sum left the range of `i64`. Inside a valid basket this cannot happen (its gross fits, and no price exceeds
/// it), so where it surfaces it is reported as an overflow of the request, never as a wrong number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount does not fit into 64 bits")
    }
}

impl std::error::Error for Overflow {}

/// Arithmetic that is exact or fails: the only arithmetic of this crate (`clippy::arithmetic_side_effects` is denied).
pub trait Exact: Sized + Copy {
    /// `self + other`
    fn plus(self, other: Self) -> Result<Self, Overflow>;
    /// `self − other`
    fn minus(self, other: Self) -> Result<Self, Overflow>;
}

/// An amount of money in minor units of the request's currency (JPY: yen, USD: cents, KWD: fils).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// From a count of minor units.
    #[must_use]
    pub const fn minor(units: i64) -> Self {
        Self(units)
    }

    /// The count of minor units.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Is this nothing?
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Is this more than nothing?
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The amount of `units` pieces at this price.
    ///
    /// # Errors
    /// [`Overflow`] if the product does not fit.
    pub fn times(self, units: i64) -> Result<Self, Overflow> {
        self.0.checked_mul(units).map(Self).ok_or(Overflow)
    }

    /// The product as 128 bits, where it always fits.
    #[must_use]
    pub fn wide_times(self, other: i64) -> i128 {
        // INVARIANT: |i64| · |i64| < 2^126
        i128::from(self.0).wrapping_mul(i128::from(other))
    }

    /// `self − other`, or nothing if that is negative.
    #[must_use]
    pub fn less_or_zero(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// The sum of many.
    ///
    /// # Errors
    /// [`Overflow`] if the sum does not fit.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, Overflow> {
        amounts.into_iter().try_fold(Self::ZERO, Exact::plus)
    }
}

impl Exact for Amount {
    fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.plus(other.0).map(Self)
    }

    fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.minus(other.0).map(Self)
    }
}

impl Exact for i64 {
    fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.checked_add(other).ok_or(Overflow)
    }

    fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.checked_sub(other).ok_or(Overflow)
    }
}

/// What the first `k` of `q` equal units pay together, of `p` in all: unit `i` pays `⌊(p + q − 1 − i) / q⌋`, so the
/// first `p mod q` units pay one minor unit more than the rest.
#[must_use]
pub fn first_units(p: Amount, q: i64, k: i64) -> Amount {
    // INVARIANT: 0 ≤ k ≤ q, q ≥ 1, p ≥ 0; then the result is at most p and nothing below can overflow.
    debug_assert!(q >= 1 && (0..=q).contains(&k) && p.0 >= 0);
    let each = p.0.checked_div(q).unwrap_or(0);
    let more = p.0.checked_rem(q).unwrap_or(0);
    Amount(each.saturating_mul(k).saturating_add(more.min(k)))
}

/// Prints an amount in major units with the currency's number of decimals: `-12.50`, `1980`.
#[must_use]
pub fn major(amount: Amount, exponent: u32) -> String {
    let scale = 10u64.saturating_pow(exponent);
    let (sign, abs) = (if amount.0 < 0 { "-" } else { "" }, amount.0.unsigned_abs());
    let (whole, part) = (abs.checked_div(scale).unwrap_or(0), abs.checked_rem(scale).unwrap_or(0));
    match usize::try_from(exponent) {
        Ok(width) if width > 0 => format!("{sign}{whole}.{part:0width$}"),
        _ => format!("{sign}{whole}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_a_segment_differ_by_at_most_one() {
        // 4 over 7 units: 1 1 1 1 0 0 0
        let prefix: Vec<i64> = (0..=7).map(|k| first_units(Amount::minor(4), 7, k).get()).collect();
        assert_eq!(prefix, [0, 1, 2, 3, 4, 4, 4, 4]);
    }

    #[test]
    fn printed_in_major_units() {
        assert_eq!(major(Amount::minor(1980), 0), "1980");
        assert_eq!(major(Amount::minor(-5), 2), "-0.05");
        assert_eq!(major(Amount::minor(3383), 3), "3.383");
        assert_eq!(major(Amount::minor(i64::MIN), 2), "-92233720368547758.08");
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        assert_eq!(Amount::minor(i64::MAX).plus(Amount::minor(1)), Err(Overflow));
        assert_eq!(Amount::minor(i64::MAX).times(2), Err(Overflow));
    }
}
