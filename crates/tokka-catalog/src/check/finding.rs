//! What does a finding say? Its code, of which documents, where, in words and in numbers.

use tokka_core::amount::Amount;

use super::code::{Code, Severity};
use crate::documents::Kind;
use crate::load::{DocumentPlace, Loaded};
use crate::products::Products;

/// A document that a finding is about, by its position among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// A gift, in the catalogue's order.
    Gift(usize),
    /// A promotion, in the catalogue's order.
    Promotion(usize),
    /// A distribution, in the catalogue's order.
    Distribution(usize),
    /// A product, in the order of its file.
    Product(usize),
}

impl Document {
    /// What it is called: `promotion`, `gift`, `distribution` or `product`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Gift(_) => Kind::Gift.name(),
            Self::Promotion(_) => Kind::Promotion.name(),
            Self::Distribution(_) => Kind::Distribution.name(),
            Self::Product(_) => "product",
        }
    }

    /// Its id; of a product its sku. `None` where there is no such document.
    #[must_use]
    pub fn id<'a>(self, loaded: &'a Loaded, products: Option<&'a Products>) -> Option<&'a str> {
        match self {
            Self::Gift(at) => loaded.catalogue.gifts().get(at).map(|gift| gift.id.as_str()),
            Self::Promotion(at) => loaded.catalogue.promotions().get(at).map(|promotion| promotion.id.as_str()),
            Self::Distribution(at) => loaded.distributions.get(at).map(|distribution| distribution.id.as_str()),
            Self::Product(at) => products?.get(at).map(|product| product.sku.as_str()),
        }
    }

    /// Where it stands in the files of the catalogue; `None` for a product, which has its own file.
    #[must_use]
    pub fn place(self, loaded: &Loaded) -> Option<DocumentPlace> {
        match self {
            Self::Gift(at) => loaded.gift_places.get(at),
            Self::Promotion(at) => loaded.promotion_places.get(at),
            Self::Distribution(at) => loaded.distribution_places.get(at),
            Self::Product(_) => None,
        }
        .copied()
    }
}

/// A number of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Minor units of the catalogue's currency.
    Amount(Amount),
    /// Millionths of a percent: 12.5 % is 12,500,000.
    Percent(u64),
    /// Pieces, orders, documents.
    Count(i64),
}

/// Something that obeys every rule, and that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// Where it is told.
    pub document: Document,
    /// The field within it; empty for the document as a whole.
    pub path: String,
    /// What is odd, in the shop's words.
    pub message: String,
    /// The numbers of the message, by name.
    pub numbers: Vec<(&'static str, Number)>,
    /// The other documents that it is about; of very many, the first.
    pub others: Vec<Document>,
    /// Does the promotion, or whoever asked, say that it is wanted all the same?
    pub acknowledged: bool,
}

impl Finding {
    pub(super) fn new(code: Code, document: Document, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            document,
            path: path.into(),
            message: message.into(),
            numbers: Vec::new(),
            others: Vec::new(),
            acknowledged: false,
        }
    }

    pub(super) fn amount(mut self, name: &'static str, amount: Amount) -> Self {
        self.numbers.push((name, Number::Amount(amount)));
        self
    }

    pub(super) fn percent(mut self, name: &'static str, micro_percent: u64) -> Self {
        self.numbers.push((name, Number::Percent(micro_percent)));
        self
    }

    pub(super) fn count(mut self, name: &'static str, count: i64) -> Self {
        self.numbers.push((name, Number::Count(count)));
        self
    }

    pub(super) fn beside(mut self, others: impl IntoIterator<Item = Document>) -> Self {
        self.others.extend(others);
        self
    }

    /// Does it keep what it is about from being published?
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Blocking && !self.acknowledged
    }

    /// Is it about this document, among others?
    #[must_use]
    pub fn concerns(&self, document: Document) -> bool {
        self.document == document || self.others.contains(&document)
    }
}

/// A percentage for a text: `12.5`.
#[must_use]
pub fn percent(micro_percent: u64) -> String {
    const MICRO: u64 = 1_000_000;
    let (whole, part) = (micro_percent / MICRO, micro_percent % MICRO);
    let text = format!("{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What part is of a whole, in millionths of a percent, rounded down; 0 of nothing.
pub(super) fn share(part: i64, whole: i64) -> u64 {
    const WHOLE: i128 = 100_000_000;
    let share = (i128::from(part) * WHOLE).checked_div(i128::from(whole)).unwrap_or(0);
    u64::try_from(share).unwrap_or(0)
}
