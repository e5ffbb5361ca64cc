//! How are amounts divided? As whole fractions, rounded once (`pricing.md` §1).

use num_bigint::BigInt;
use num_rational::Ratio;
use tokka_core::rate::{Rate, Rounding};

/// Minor units.
pub type Minor = i128;

/// An exact fraction of any size.
pub type Fraction = Ratio<BigInt>;

/// `numerator / denominator`
pub fn fraction(numerator: Minor, denominator: Minor) -> Fraction {
    Fraction::new(BigInt::from(numerator), BigInt::from(denominator))
}

/// ⌊x⌋
pub fn floor(x: &Fraction) -> Minor {
    Minor::try_from(x.floor().to_integer()).expect("an amount fits")
}

/// ⌈x⌉
pub fn ceiling(x: &Fraction) -> Minor {
    Minor::try_from(x.ceil().to_integer()).expect("an amount fits")
}

/// §1: round(x), in the direction that the catalogue names. x is never negative.
pub fn round(x: &Fraction, rounding: Rounding) -> Minor {
    let whole = floor(x);
    let rest = x - Fraction::from_integer(BigInt::from(whole));
    let half = fraction(1, 2);
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest > fraction(0, 1),
        Rounding::HalfUp => rest >= half,
        Rounding::HalfDown => rest > half,
        Rounding::HalfEven => rest > half || (rest == half && whole % 2 != 0),
    };
    if up { whole + 1 } else { whole }
}

/// §1: round(amount × rate). A rate is a count of millionths of a percent.
pub fn percent_of(amount: Minor, rate: Rate, rounding: Rounding) -> Minor {
    round(&fraction(amount * Minor::from(rate.as_micro_percent()), 100_000_000), rounding)
}
