//! What is counted? Amounts and pieces that add up, in any order and to the same sum.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Adds field by field. What no 64 bits hold stays at their end: it is money beyond any that there is.
macro_rules! adds {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $name {
            /// Adds the other's amounts to these.
            pub(crate) fn add(&mut self, other: &Self) {
                $(self.$field = self.$field.saturating_add(other.$field);)*
            }
        }
    };
}

/// What one combination of promotion, store, channel and day brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stat {
    pub(crate) reserved: i64,
    pub(crate) expired: i64,
    pub(crate) cancelled: i64,
    pub(crate) orders: i64,
    pub(crate) orders_with_returns: i64,
    pub(crate) orders_returned: i64,
    pub(crate) units: i64,
    pub(crate) units_returned: i64,
    pub(crate) value: i64,
    pub(crate) value_returned: i64,
    pub(crate) discount: i64,
    pub(crate) discount_returned: i64,
    pub(crate) gifts: i64,
    pub(crate) free_units: i64,
    pub(crate) given_value: i64,
    pub(crate) issued: i64,
    pub(crate) claimed: i64,
    pub(crate) used: i64,
    pub(crate) used_returned: i64,
}

adds!(Stat {
    reserved,
    expired,
    cancelled,
    orders,
    orders_with_returns,
    orders_returned,
    units,
    units_returned,
    value,
    value_returned,
    discount,
    discount_returned,
    gifts,
    free_units,
    given_value,
    issued,
    claimed,
    used,
    used_returned,
});

/// A store's part of what was sold, or of what went back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) gross: i64,
    pub(crate) discounts: [i64; 6],
    pub(crate) waived: i64,
    pub(crate) payable: i64,
    pub(crate) funded_by_others: i64,
    pub(crate) funded_for_others: i64,
    pub(crate) due: i64,
}

impl Column {
    fn each(&mut self, other: &Self, with: fn(i64, i64) -> i64) {
        let pairs = [
            (&mut self.gross, other.gross),
            (&mut self.waived, other.waived),
            (&mut self.payable, other.payable),
            (&mut self.funded_by_others, other.funded_by_others),
            (&mut self.funded_for_others, other.funded_for_others),
            (&mut self.due, other.due),
        ];
        let discounts = self.discounts.iter_mut().zip(other.discounts);
        for (amount, other) in pairs.into_iter().chain(discounts) {
            *amount = with(*amount, other);
        }
    }

    /// Adds the other's amounts to these.
    pub(crate) fn add(&mut self, other: &Self) {
        self.each(other, i64::saturating_add);
    }

    /// These less the other's.
    pub(crate) fn less(mut self, other: &Self) -> Self {
        self.each(other, i64::saturating_sub);
        self
    }
}

/// What a store sold on a day, and what went back to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seller {
    pub(crate) orders: i64,
    pub(crate) sold: Column,
    pub(crate) returned: Column,
}

impl Seller {
    /// Adds the other's amounts to these.
    pub(crate) fn add(&mut self, other: &Self) {
        self.orders = self.orders.saturating_add(other.orders);
        self.sold.add(&other.sold);
        self.returned.add(&other.returned);
    }
}

/// An amount that was granted, and what of it is granted no longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(crate) given: i64,
    pub(crate) back: i64,
}

adds!(Granted { given, back });

/// An order's books by store and payer, with every name written out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// By store: pieces, and the amounts.
    pub(crate) sellers: BTreeMap<String, (i64, Column)>,
    /// By payer, promotion (empty: waived), stage (likewise) and seller.
    pub(crate) funding: BTreeMap<(String, String, String, String), i64>,
    /// What gifts and free pieces are worth, by payer.
    pub(crate) given: BTreeMap<String, i64>,
}

impl Account {
    /// What there was and is no longer: this less a later one. What is 0 in everything is left out.
    pub(crate) fn less(&self, later: &Self) -> Self {
        let mut difference = self.clone();
        for (store, (units, column)) in &later.sellers {
            let of = difference.sellers.entry(store.clone()).or_default();
            *of = (of.0.saturating_sub(*units), of.1.less(column));
        }
        for (key, amount) in &later.funding {
            let of = difference.funding.entry(key.clone()).or_default();
            *of = of.saturating_sub(*amount);
        }
        for (payer, amount) in &later.given {
            let of = difference.given.entry(payer.clone()).or_default();
            *of = of.saturating_sub(*amount);
        }
        difference.sellers.retain(|_, of| *of != Default::default());
        difference.funding.retain(|_, of| *of != 0);
        difference.given.retain(|_, of| *of != 0);
        difference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_added_again_is_the_whole() {
        let column =
            |gross| Column { gross, discounts: [gross / 10, 0, 0, 1, 0, 0], payable: gross / 2, due: gross, ..Column::default() };
        let account = |gross| Account {
            sellers: [("a".to_owned(), (3, column(gross))), ("b".to_owned(), (1, column(70)))].into(),
            funding: [(("platform".to_owned(), "p".to_owned(), "item".to_owned(), "a".to_owned()), gross)].into(),
            given: BTreeMap::new(),
        };
        let difference = account(1_000).less(&account(400));
        assert_eq!(difference.sellers.keys().collect::<Vec<_>>(), ["a"], "nothing went back of b");
        let mut whole = account(400).sellers["a"].1;
        whole.add(&difference.sellers["a"].1);
        assert_eq!(whole, column(1_000));
        assert_eq!(difference.funding.values().collect::<Vec<_>>(), [&600]);
    }
}
