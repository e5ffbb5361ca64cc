//! Which promotions may stand together? The whole set of documents, checked: every rule of validation is here.

use std::collections::BTreeSet;
use std::fmt;

use jiff::tz::TimeZone;

use crate::amount::Amount;
use crate::id::Id;
use crate::promotion::Promotion;
use crate::rate::Rounding;

mod validate;

/// Amounts in promotions are 0 – 10^15 minor units.
pub const PROMOTION_AMOUNT_MAX: i64 = 1_000_000_000_000_000;

/// What holds for all promotions of a catalogue.
#[derive(Debug, Clone)]
pub struct Settings {
    /// ISO 4217, upper case.
    pub currency: String,
    /// Decimals of the currency: JPY 0, USD 2, KWD 3.
    pub exponent: u32,
    /// How discounts are rounded.
    pub rounding: Rounding,
    /// For schedules and periods.
    pub time_zone: TimeZone,
}

/// A seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Unique among stores.
    pub id: Id,
    /// What shoppers read.
    pub name: String,
    /// Compared with the amount of its lines after stage 3.
    pub minimum_order: Option<Amount>,
}

/// An entry of the gift library: a real sku, or a virtual gift that has only a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gift {
    /// Unique among gifts.
    pub id: Id,
    /// What shoppers read.
    pub name: String,
    /// A product, or `None` for a virtual gift.
    pub sku: Option<String>,
    /// What the ERP calls it; without one a note travels instead.
    pub erp_sku: Option<String>,
    /// How many there are, apart from product stock; `None` = unlimited.
    pub inventory: Option<i64>,
    /// What one is worth, for shoppers and statistics.
    pub value: Option<Amount>,
}

/// Which document breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The catalogue document.
    Catalogue,
    /// A store, by position in the input.
    Store(usize),
    /// A gift, by position in the input.
    Gift(usize),
    /// A promotion, by position in the input.
    Promotion(usize),
}

/// A rule of validation that a document breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which document.
    pub subject: Subject,
    /// Its id, as written.
    pub id: String,
    /// The field within it, `buy_get.tiers[1].get`; empty for the document as a whole.
    pub path: String,
    /// What is wrong and what to do, in the shop's words.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.subject {
            Subject::Catalogue => "catalogue",
            Subject::Store(_) => "store",
            Subject::Gift(_) => "gift",
            Subject::Promotion(_) => "promotion",
        };
        write!(f, "{kind} `{}`: {}{}{}", self.id, self.path, if self.path.is_empty() { "" } else { ": " }, self.message)
    }
}

/// A set of documents that obeys every rule of validation. Only such a set becomes a rulebook.
#[derive(Debug, Clone)]
pub struct Catalogue {
    settings: Settings,
    stores: Vec<Store>,
    gifts: Vec<Gift>,
    promotions: Vec<Promotion>,
}

impl Catalogue {
    /// Checks documents together.
    ///
    /// # Errors
    /// Every violation, in order of documents.
    pub fn new(
        settings: Settings,
        stores: Vec<Store>,
        gifts: Vec<Gift>,
        promotions: Vec<Promotion>,
    ) -> Result<Self, Vec<Violation>> {
        let violations = validate::all(&stores, &gifts, &promotions);
        if violations.is_empty() { Ok(Self { settings, stores, gifts, promotions }) } else { Err(violations) }
    }

    /// One without any document.
    #[must_use]
    pub const fn empty(settings: Settings) -> Self {
        Self { settings, stores: Vec::new(), gifts: Vec::new(), promotions: Vec::new() }
    }

    /// What holds for all promotions.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The sellers, as given.
    #[must_use]
    pub fn stores(&self) -> &[Store] {
        &self.stores
    }

    /// The gift library, as given.
    #[must_use]
    pub fn gifts(&self) -> &[Gift] {
        &self.gifts
    }

    /// The promotions, as given.
    #[must_use]
    pub fn promotions(&self) -> &[Promotion] {
        &self.promotions
    }

    /// Its parts, to be compiled.
    #[must_use]
    pub fn into_parts(self) -> (Settings, Vec<Store>, Vec<Gift>, Vec<Promotion>) {
        (self.settings, self.stores, self.gifts, self.promotions)
    }
}

/// Positions of ids that an earlier document has too.
fn repeated<'a>(ids: impl Iterator<Item = &'a Id>) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    ids.enumerate().filter(|(_, id)| !seen.insert(*id)).map(|(index, _)| index).collect()
}

/// The ids of documents, to look references up.
struct Known<'a> {
    stores: BTreeSet<&'a Id>,
    gifts: BTreeSet<&'a Id>,
}
