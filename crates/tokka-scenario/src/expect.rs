//! What may a scenario expect?

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tokka_catalog::decode::{Context, Decode, Definitions};
use tokka_catalog::values::{AnyWhole, Sum};
use tokka_catalog::yaml::Node;
use tokka_catalog::{choice, document};
use tokka_core::promotion::GiftReward;
use tokka_core::rate::Rate;

document! {
    /// What has to come out. Maps are compared for the keys given, where a missing value is 0; lists are compared whole.
    pub(crate) struct ExpectDocument {
        /// What the customer pays.
        payable: Sum [optional],
        /// By store, after stage 4.
        subtotals: BTreeMap<String, Sum> [default BTreeMap::new() => {}],
        /// By store, after stage 6.
        stores: BTreeMap<String, Sum> [default BTreeMap::new() => {}],
        /// By store: what is missing to its minimum order.
        below_minimum: BTreeMap<String, Sum> [default BTreeMap::new() => {}],
        /// By line.
        lines: BTreeMap<String, LineExpectDocument> [default BTreeMap::new() => {}],
        /// Gifts given, summed by gift, in any order.
        gifts: Vec<GiftExpectDocument> [optional],
        /// Gifts earned of which too few are left, in any order.
        missing_gifts: Vec<MissingGiftDocument> [optional],
        /// Free units on top, by sku, over all stores.
        free_units: BTreeMap<String, AnyWhole> [default BTreeMap::new() => {}],
        /// By promotion: what became of it.
        outcomes: BTreeMap<String, OutcomeExpect> [default BTreeMap::new() => {}],
        /// By promotion: its first hint.
        hints: BTreeMap<String, HintExpectDocument> [default BTreeMap::new() => {}],
        /// The lines as pages show them together, all of them, in order.
        groups: Vec<GroupExpectDocument> [optional],
        /// Whether a limit of a user asks who buys.
        needs_user: bool [optional],
        /// By payer, a store or `platform`: the discount that it funds.
        funding: BTreeMap<String, Sum> [default BTreeMap::new() => {}],
        /// With `strategy: best`: how sure the answer is.
        certificate: Certificate [optional],
        /// Instead of all the others: why there is no price.
        error: ErrorCode [optional],
    }
}

document! {
    /// What one line has to come to.
    pub(crate) struct LineExpectDocument {
        /// What the customer pays for it.
        payable: Sum [optional],
        /// Discount of stage 1.
        item: Sum [optional],
        /// Discount of stage 2.
        set: Sum [optional],
        /// Discount of stage 3.
        store_spend: Sum [optional],
        /// Discount of stage 4.
        store_coupon: Sum [optional],
        /// Discount of stage 5.
        platform_spend: Sum [optional],
        /// Discount of stage 6.
        platform_coupon: Sum [optional],
        /// Units beyond the limits of its item promotion.
        over_limit: AnyWhole [optional],
        /// What each unit costs.
        units: Vec<Sum> [optional],
        /// The same as runs of equal units: `[[units, each], …]`.
        runs: Vec<RunExpect> [optional],
    }
    at_most_one(units, runs);
}

impl LineExpectDocument {
    /// The discounts that are given, by stage.
    pub(crate) fn discounts(&self) -> [Option<Sum>; 6] {
        [self.item, self.set, self.store_spend, self.store_coupon, self.platform_spend, self.platform_coupon]
    }
}

/// Some units that cost the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RunExpect {
    pub(crate) units: i64,
    pub(crate) each: Sum,
}

impl Decode for RunExpect {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let [units, each] = context.list(node)? else {
            return context.fail(node, "is not a pair of units and amount", "write `[2, 1280]`");
        };
        let units = AnyWhole::decode(units, context)?.0;
        Some(Self { units, each: Sum::decode(each, context)? })
    }

    fn schema(definitions: &mut Definitions) -> Json {
        let pair = [json!({ "type": "integer" }), Sum::schema(definitions)];
        json!({ "type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2 })
    }
}

document! {
    /// A gift and how many of it.
    pub(crate) struct GiftExpectDocument {
        /// The id of a gift.
        gift: String [required],
        /// How many.
        quantity: AnyWhole [required],
    }
}

document! {
    /// A gift of which too few are left.
    pub(crate) struct MissingGiftDocument {
        /// The id of a gift.
        gift: String [required],
        /// How many were earned.
        wanted: AnyWhole [required],
        /// How many were left.
        given: AnyWhole [required],
    }
}

/// An amount or a number of pieces: which it is, what came out decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    /// As an amount, in minor units.
    pub(crate) money: i64,
    /// As pieces, where it has no decimals.
    pub(crate) pieces: Option<i64>,
}

impl Decode for Figure {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let money = Sum::decode(node, context)?.0.get();
        Some(Self { money, pieces: node.text().and_then(|text| text.parse().ok()) })
    }

    fn schema(definitions: &mut Definitions) -> Json {
        Sum::schema(definitions)
    }
}

/// A code alone, or with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutcomeExpect {
    pub(crate) code: OutcomeCode,
    pub(crate) numbers: Option<OutcomeExpectDocument>,
}

impl Decode for OutcomeExpect {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if node.text().is_some() {
            return OutcomeCode::decode(node, context).map(|code| Self { code, numbers: None });
        }
        let numbers = OutcomeExpectDocument::decode(node, context)?;
        Some(Self { code: numbers.code, numbers: Some(numbers) })
    }

    fn schema(definitions: &mut Definitions) -> Json {
        let (code, numbers) = (OutcomeCode::schema(definitions), OutcomeExpectDocument::schema(definitions));
        json!({ "anyOf": [code, numbers] })
    }
}

document! {
    /// What became of a promotion, with the numbers behind it.
    pub(crate) struct OutcomeExpectDocument {
        /// The code.
        code: OutcomeCode [required],
        /// Below a threshold: the tier; an amount or pieces.
        threshold: Figure [optional],
        /// Below a threshold: what there is.
        actual: Figure [optional],
        /// Below a threshold: what is missing.
        missing: Figure [optional],
        /// The other promotion that is the reason.
        promotion: String [optional],
        /// The group in which the other one stood before.
        exclusion_group: String [optional],
        /// The limit that is the reason, by its key.
        counter: String [optional],
        /// What that limit allows.
        limit: Figure [optional],
        /// What was used of it.
        used: Figure [optional],
        /// What was asked of it.
        requested: Figure [optional],
        /// Applied: the discount in all.
        discount: Sum [optional],
        /// Applied: units on top.
        free_units: AnyWhole [optional],
        /// Applied: gifts given, in any order.
        gifts: Vec<GiftExpectDocument> [optional],
        /// Applied: the limits that cut it, in order.
        cut: Vec<CutExpectDocument> [optional],
        /// Applied: what floors took off the discount.
        floor_cut: Sum [optional],
        /// Beaten: what the group would have cost.
        amount: Sum [optional],
        /// Beaten: what the group costs under the other one.
        winner: Sum [optional],
        /// By line: why it was not looked at, or `COVERED`.
        lines: BTreeMap<String, String> [default BTreeMap::new() => {}],
        /// By line: the promotion that kept it out.
        kept_out: BTreeMap<String, String> [default BTreeMap::new() => {}],
    }
}

document! {
    /// A limit that cut a promotion.
    pub(crate) struct CutExpectDocument {
        /// The limit, by its key.
        counter: String [required],
        /// What it allows.
        limit: Figure [optional],
        /// What was used of it.
        used: Figure [optional],
        /// What was asked of it.
        requested: Figure [optional],
    }
}

document! {
    /// Lines that pages show together: by a spend promotion, by a set, or a single line.
    pub(crate) struct GroupExpectDocument {
        /// The store that sells them.
        store: String [required],
        /// The store's spend promotion that holds them together.
        spend: String [optional],
        /// The set promotion that does.
        set: String [optional],
        /// Their pieces.
        entries: Vec<GroupEntryExpectDocument> [required],
    }
    at_most_one(spend, set);
}

document! {
    /// Pieces of a line within a group.
    pub(crate) struct GroupEntryExpectDocument {
        /// The line.
        line: String [required],
        /// How many.
        units: AnyWhole [required],
        /// They are beyond the limits of the line's item promotion.
        over_limit: bool [default false => false],
        /// A spend promotion of the store that may not use them.
        not_in: String [optional],
        /// Why: `EXCLUDED`, `NOT_STACKABLE` or `NOT_SELECTED`.
        why: String [optional],
        /// The promotion that keeps it out.
        by: String [optional],
    }
}

document! {
    /// What a little more would bring.
    pub(crate) struct HintExpectDocument {
        /// What is missing; an amount or pieces.
        missing: Figure [optional],
        /// The next tier, or multiple.
        threshold: Figure [optional],
        /// `amount` or `quantity`.
        basis: String [optional],
        /// Item promotions: the first line of the group.
        line: String [optional],
        /// Whether buying more would lose something.
        loses: bool [optional],
        /// What the next tier brings.
        then: ThenExpectDocument [optional],
    }
}

document! {
    /// What a tier brings.
    pub(crate) struct ThenExpectDocument {
        /// A price for each unit.
        fixed: Sum [optional],
        /// Off each unit, or off the sum.
        amount_off: Sum [optional],
        /// Off each unit, or off the sum.
        percent_off: Rate [optional],
        /// The percentage brings at most this much.
        max_discount: Sum [optional],
        /// Free units in all.
        free_units: AnyWhole [optional],
        /// What is given.
        gifts: Vec<GiftReward> [optional],
        /// How often the reward counts.
        times: AnyWhole [optional],
    }
}

/// How sure the answer of a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    Proven,
    Bound,
}

choice! { Certificate, "a certificate": "PROVEN" => Certificate::Proven, "BOUND" => Certificate::Bound }

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorCode(pub(crate) &'static str);

pub(crate) const INVALID_ARGUMENT: ErrorCode = ErrorCode("INVALID_ARGUMENT");
pub(crate) const FAILED_PRECONDITION: ErrorCode = ErrorCode("FAILED_PRECONDITION");
pub(crate) const UNIMPLEMENTED: ErrorCode = ErrorCode("UNIMPLEMENTED");
pub(crate) const INTERNAL: ErrorCode = ErrorCode("INTERNAL");

choice! { ErrorCode, "a status":
"INVALID_ARGUMENT" => INVALID_ARGUMENT, "FAILED_PRECONDITION" => FAILED_PRECONDITION, "UNIMPLEMENTED" => UNIMPLEMENTED }

/// The code of an outcome, as the core names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutcomeCode(pub(crate) &'static str);

macro_rules! outcome_codes {
    ($($code:literal),+ $(,)?) => {
        choice! { OutcomeCode, "an outcome": $( $code => OutcomeCode($code) ),+ }
    };
}

outcome_codes! {
    "APPLIED", "UNKNOWN_COUPON", "NOT_PUBLISHED", "COUPON_NOT_OWNED", "COUPON_USED", "COUPON_EXPIRED", "NOT_STARTED", "ENDED",
    "OUT_OF_SCHEDULE", "AUDIENCE", "NOT_COVERED", "ONE_PER_ORDER", "EXCLUDED_BY", "NOT_STACKABLE", "LIMIT_REACHED",
    "STOCK_EXHAUSTED", "BELOW_QUANTITY", "BELOW_THRESHOLD", "NO_BENEFIT", "BUDGET_EXHAUSTED", "NOT_SELECTED", "BEATEN_BY",
}

impl ExpectDocument {
    /// Is there anything to expect beside an error?
    pub(crate) fn expects_a_price(&self) -> bool {
        let none = Self {
            payable: None,
            subtotals: BTreeMap::new(),
            stores: BTreeMap::new(),
            below_minimum: BTreeMap::new(),
            lines: BTreeMap::new(),
            gifts: None,
            missing_gifts: None,
            free_units: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            hints: BTreeMap::new(),
            groups: None,
            needs_user: None,
            funding: BTreeMap::new(),
            certificate: None,
            error: self.error,
        };
        *self != none
    }
}
