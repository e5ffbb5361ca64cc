//! What became of a promotion (`pricing.md` §9)?

use super::numbers::Minor;
use crate::priced::PricedOutcome;

/// Applied, or the first reason that holds.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It lowered the amount, or gave something.
    Applied(Applied),
    /// It did not, and why.
    Not(PricedOutcome),
}

/// What a promotion brought, over all groups.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// In all.
    pub discount: Minor,
    /// Units on top.
    pub free_units: Minor,
    /// What floors took off the discount.
    pub floor_cut: Minor,
    /// Limits that cut it.
    pub cut: Vec<String>,
    /// Gifts given, in order.
    pub gifts: Vec<(String, Minor)>,
}

impl Verdict {
    /// Only a reason without numbers.
    pub fn not(code: &str) -> Self {
        Self::Not(PricedOutcome::new(code))
    }

    /// With one more number or name, where it is a reason.
    pub fn with(self, name: &str, value: impl ToString) -> Self {
        match self {
            Self::Not(outcome) => Self::Not(outcome.with(name, value)),
            applied @ Self::Applied(_) => applied,
        }
    }

    /// Did it apply?
    pub fn applied(&self) -> bool {
        matches!(self, Self::Applied(_))
    }

    /// Over several groups: applied if in any, else the reason in the first.
    pub fn then(self, later: Self) -> Self {
        match (self, later) {
            (Self::Applied(mut sum), Self::Applied(more)) => {
                sum.discount += more.discount;
                sum.free_units += more.free_units;
                sum.floor_cut += more.floor_cut;
                sum.cut.extend(more.cut);
                Self::Applied(sum)
            }
            (applied @ Self::Applied(_), Self::Not(_)) | (Self::Not(_), applied @ Self::Applied(_)) => applied,
            (first @ Self::Not(_), Self::Not(_)) => first,
        }
    }

    /// As it is compared.
    pub fn outcome(&self) -> PricedOutcome {
        match self {
            Self::Not(outcome) => outcome.clone(),
            Self::Applied(applied) => {
                let gifts: Vec<String> = applied.gifts.iter().map(|(gift, given)| format!("{given} {gift}")).collect();
                PricedOutcome::new("APPLIED")
                    .with("discount", applied.discount)
                    .with("free_units", applied.free_units)
                    .with("floor_cut", applied.floor_cut)
                    .with("cut", applied.cut.join("; "))
                    .with("gifts", gifts.join(", "))
            }
        }
    }
}
