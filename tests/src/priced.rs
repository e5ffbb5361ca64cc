//! How is a price written down so that two pricings can be compared? As plain values named by ids, which both fill.

use std::collections::BTreeMap;
use std::fmt;

use tokka_core::promotion::Stage;

/// A limited quantity, by the ids of what it counts. Users and periods are those of the basket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A promotion's stock.
    Stock(String),
    /// A promotion's stock of a sku.
    StockBySku(String, String),
    /// Units or sets of the user.
    UserUnits(String),
    /// Units of a sku of the user.
    UserUnitsOfSku(String, String),
    /// Orders of the user.
    UserOrders(String),
    /// A promotion's budget, minor units.
    Budget(String),
    /// A gift's inventory.
    Gift(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stock(promotion) => write!(f, "{promotion}: stock"),
            Self::StockBySku(promotion, sku) => write!(f, "{promotion}: stock of {sku}"),
            Self::UserUnits(promotion) => write!(f, "{promotion}: units of the user"),
            Self::UserUnitsOfSku(promotion, sku) => write!(f, "{promotion}: units of {sku} of the user"),
            Self::UserOrders(promotion) => write!(f, "{promotion}: orders of the user"),
            Self::Budget(promotion) => write!(f, "{promotion}: budget"),
            Self::Gift(gift) => write!(f, "gift {gift}"),
        }
    }
}

/// What is used of each counter before the order; what is missing counts as 0.
pub type Usage = BTreeMap<Key, i64>;

/// A price, all amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Priced {
    /// In the basket's order.
    pub lines: Vec<PricedLine>,
    /// Line by line, in unit order.
    pub segments: Vec<PricedSegment>,
    /// In order of their first line.
    pub stores: Vec<PricedStore>,
    /// Σ unit price × quantity.
    pub gross: i64,
    /// By stage.
    pub discounts: [i64; 6],
    /// What the customer pays.
    pub payable: i64,
    /// Payable by store and tax class (empty: none).
    pub taxes: BTreeMap<(String, String), i64>,
    /// In order of application.
    pub gifts: Vec<PricedGift>,
    /// On top, by promotion and group: promotion, the group's first line, units.
    pub free_units: Vec<(String, String, i64)>,
    /// The same for units of the basket itself that count as free.
    pub included_units: Vec<(String, String, i64)>,
    /// In order of stage and application.
    pub applied: Vec<String>,
    /// By promotion.
    pub outcomes: BTreeMap<String, PricedOutcome>,
    /// By promotion, line and payer.
    pub funding: BTreeMap<(String, String, String), i64>,
    /// By payer.
    pub given_value: BTreeMap<String, i64>,
    /// What a little more would bring.
    pub hints: Vec<PricedHint>,
    /// How pages group the lines.
    pub groups: Vec<PricedGroup>,
    /// What each store is due.
    pub settlements: BTreeMap<String, i64>,
    /// What the order takes of each counter.
    pub claims: BTreeMap<Key, i64>,
    /// Since when the counters of the user that it takes of count: a local date, or `ever`.
    pub periods: BTreeMap<Key, String>,
    /// The fingerprint, where the pricing makes one.
    pub fingerprint: Option<u128>,
    /// A per-user limit mattered and there is no user.
    pub needs_user: bool,
    /// A `qualify` lowered the order.
    pub clawback_only: bool,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PricedLine {
    /// Its id.
    pub line_id: String,
    /// Its store.
    pub store: String,
    /// By stage.
    pub discounts: [i64; 6],
    /// What is left.
    pub payable: i64,
    /// Units beyond the limits of its item promotion.
    pub over_limit: i64,
    /// Unit payables in order, equal neighbours together: units, each.
    pub runs: Vec<(i64, i64)>,
}

/// Equal units of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedSegment {
    /// Position of its line.
    pub line: usize,
    /// How many.
    pub units: i64,
    /// Beyond the limits of its item promotion.
    pub over_limit: bool,
    /// Unit price × units.
    pub gross: i64,
    /// Floor price × units.
    pub floor: i64,
    /// What is left.
    pub payable: i64,
    /// The promotions that touched it, in order, each with the amount that it found and the one that it left.
    pub chain: Vec<Link>,
}

/// One promotion's mark on a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Which promotion.
    pub promotion: String,
    /// Its stage.
    pub stage: Stage,
    /// The amount that it found.
    pub before: i64,
    /// The amount that it left.
    pub after: i64,
}

/// One store's sub-order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PricedStore {
    /// Its id.
    pub id: String,
    /// Σ unit price × quantity.
    pub gross: i64,
    /// By stage.
    pub discounts: [i64; 6],
    /// After stage 4.
    pub subtotal: i64,
    /// After stage 6.
    pub payable: i64,
    /// What is missing to its minimum order.
    pub below_minimum: i64,
}

/// What the next tier of a promotion would bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedHint {
    /// Of which promotion.
    pub promotion: String,
    /// Item promotions: the group's first line; else empty.
    pub line: String,
    /// `pieces` or `money`.
    pub basis: &'static str,
    /// The next tier, or multiple.
    pub threshold: i64,
    /// What is missing to it.
    pub missing: i64,
    /// What it brings, in words.
    pub then: String,
    /// Buying more would lose something that is given now.
    pub loses: bool,
}

/// Lines that pages show together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedGroup {
    /// Within which store.
    pub store: String,
    /// What holds it together: `spend ID`, `set ID`, `line`.
    pub by: String,
    /// Line, units, and marks in words.
    pub entries: Vec<(String, i64, String)>,
}

/// A gift of a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedGift {
    /// By which promotion.
    pub promotion: String,
    /// Which.
    pub gift: String,
    /// Earned.
    pub wanted: i64,
    /// Left of it.
    pub given: i64,
}

/// What became of a promotion: its code, and the numbers behind it as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PricedOutcome {
    /// `APPLIED`, or the reason.
    pub code: String,
    /// By name.
    pub facts: BTreeMap<String, String>,
}

impl PricedOutcome {
    /// Without numbers.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), facts: BTreeMap::new() }
    }

    /// With one more number or name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.facts.insert(name.to_owned(), value.to_string());
        self
    }

    /// Did it apply?
    #[must_use]
    pub fn applied(&self) -> bool {
        self.code == "APPLIED"
    }
}

/// One step of a return.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PricedRefund {
    /// INVALID_ARGUMENT: nothing happens.
    pub refused: bool,
    /// What the customer gets back.
    pub refund: i64,
    /// By line id, where not 0.
    pub lines: BTreeMap<String, i64>,
    /// What nobody is asked for.
    pub waived: i64,
    /// Who funds that.
    pub waived_funding: BTreeMap<String, i64>,
    /// Gifts no longer earned, by gift.
    pub gifts_to_return: BTreeMap<String, i64>,
    /// PROPORTIONAL: the same and the free units, by the promotion that gave them.
    pub to_return_of: BTreeMap<(String, String), i64>,
    /// Free units no longer earned, by store and sku.
    pub free_to_return: BTreeMap<(String, String), i64>,
    /// What goes back to each counter at once.
    pub restored: BTreeMap<Key, i64>,
}

/// What is asked of a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// A returned unit gives back what was paid for it.
    Proportional,
    /// What remains is priced again.
    Clawback,
}

/// A flat view: path → value. Two prices are equal where their views are.
#[derive(Debug, Default)]
pub struct Facts(pub BTreeMap<String, String>);

impl Facts {
    fn put(&mut self, path: impl Into<String>, value: impl ToString) {
        self.0.insert(path.into(), value.to_string());
    }

    fn stages(&mut self, path: &str, discounts: &[i64; 6]) {
        for (stage, discount) in Stage::ALL.iter().zip(discounts) {
            self.put(format!("{path}.{}", stage.name()), discount);
        }
    }

    /// Where two views differ: `path: left | right`.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let paths: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let shown = |value: Option<&String>| value.map_or("-", String::as_str).to_owned();
        paths
            .into_iter()
            .filter(|path| self.0.get(*path) != other.0.get(*path))
            .map(|path| format!("{path}: {} | {}", shown(self.0.get(path)), shown(other.0.get(path))))
            .collect()
    }
}

impl Priced {
    /// The flat view.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        for line in &self.lines {
            let path = format!("lines.{}", line.line_id);
            facts.stages(&path, &line.discounts);
            facts.put(format!("{path}.payable"), line.payable);
            facts.put(format!("{path}.over_limit"), line.over_limit);
            facts.put(format!("{path}.runs"), format!("{:?}", line.runs));
        }
        for (index, segment) in self.segments.iter().enumerate() {
            let mut shown = format!("line {} × {} {}", segment.line, segment.units, segment.gross);
            for link in &segment.chain {
                shown.push_str(&format!(" → {} ({})", link.after, link.promotion));
            }
            facts.put(format!("segments.{index:02}"), format!("{shown}, over limit: {}", segment.over_limit));
        }
        for store in &self.stores {
            let path = format!("stores.{}", store.id);
            facts.stages(&path, &store.discounts);
            facts.put(format!("{path}.gross"), store.gross);
            facts.put(format!("{path}.subtotal"), store.subtotal);
            facts.put(format!("{path}.payable"), store.payable);
            facts.put(format!("{path}.below_minimum"), store.below_minimum);
        }
        facts.stages("order", &self.discounts);
        facts.put("order.gross", self.gross);
        facts.put("order.payable", self.payable);
        for ((store, class), amount) in &self.taxes {
            facts.put(format!("taxes.{store}.{class}"), amount);
        }
        for (index, gift) in self.gifts.iter().enumerate() {
            let shown = format!("{} of {}: wanted {}, given {}", gift.gift, gift.promotion, gift.wanted, gift.given);
            facts.put(format!("gifts.{index}"), shown);
        }
        for (index, (promotion, line, units)) in self.free_units.iter().enumerate() {
            facts.put(format!("free_units.{index}"), format!("{units} on {line} by {promotion}"));
        }
        for (index, (promotion, line, units)) in self.included_units.iter().enumerate() {
            facts.put(format!("included_units.{index}"), format!("{units} on {line} by {promotion}"));
        }
        for (store, amount) in &self.settlements {
            facts.put(format!("settlements.{store}"), amount);
        }
        facts.put("applied", self.applied.join(" "));
        for (promotion, outcome) in &self.outcomes {
            facts.put(format!("outcomes.{promotion}"), &outcome.code);
            for (name, value) in &outcome.facts {
                facts.put(format!("outcomes.{promotion}.{name}"), value);
            }
        }
        for ((promotion, line, payer), amount) in &self.funding {
            facts.put(format!("funding.{promotion}.{line}.{payer}"), amount);
        }
        for (payer, amount) in &self.given_value {
            facts.put(format!("given_value.{payer}"), amount);
        }
        for hint in &self.hints {
            let path = format!("hints.{}.{}", hint.promotion, hint.line);
            facts.put(format!("{path}.threshold"), format!("{} {}", hint.threshold, hint.basis));
            facts.put(format!("{path}.missing"), hint.missing);
            facts.put(format!("{path}.then"), &hint.then);
            facts.put(format!("{path}.loses"), hint.loses);
        }
        for (index, group) in self.groups.iter().enumerate() {
            let mut shown = format!("{} {}:", group.store, group.by);
            for (line, units, marks) in &group.entries {
                shown.push_str(&format!(" {line} × {units}{marks}"));
            }
            facts.put(format!("groups.{index}"), shown);
        }
        for (key, amount) in &self.claims {
            facts.put(format!("claims.{key}"), amount);
        }
        for (key, since) in &self.periods {
            facts.put(format!("periods.{key}"), since);
        }
        if let Some(fingerprint) = self.fingerprint {
            facts.put("fingerprint", format!("{fingerprint:032x}"));
        }
        facts.put("needs_user", self.needs_user);
        facts.put("clawback_only", self.clawback_only);
        facts
    }

    /// What each payer funds in all; only what is above 0.
    #[must_use]
    pub fn funding_by_payer(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for ((_, _, payer), amount) in self.funding.iter().filter(|(_, amount)| **amount > 0) {
            *sums.entry(payer.clone()).or_insert(0) += amount;
        }
        sums
    }

    /// Gifts given, by gift.
    #[must_use]
    pub fn gifts_given(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for gift in self.gifts.iter().filter(|gift| gift.given > 0) {
            *sums.entry(gift.gift.clone()).or_insert(0) += gift.given;
        }
        sums
    }
}

impl PricedRefund {
    /// The flat view.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        facts.put("refused", self.refused);
        facts.put("refund", self.refund);
        facts.put("waived", self.waived);
        for (line, amount) in &self.lines {
            facts.put(format!("lines.{line}"), amount);
        }
        for (payer, amount) in &self.waived_funding {
            facts.put(format!("waived_funding.{payer}"), amount);
        }
        for (gift, units) in &self.gifts_to_return {
            facts.put(format!("to_return.gift.{gift}"), units);
        }
        for ((promotion, what), units) in &self.to_return_of {
            facts.put(format!("to_return of {promotion}.{what}"), units);
        }
        for ((store, sku), units) in &self.free_to_return {
            facts.put(format!("to_return.free.{store}.{sku}"), units);
        }
        for (key, amount) in &self.restored {
            facts.put(format!("restored.{key}"), amount);
        }
        facts
    }
}
