//! What may stand in a scenario?

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tokka_catalog::decode::{Context, Decode, Definitions, Later, Step, with};
use tokka_catalog::documents::{Distribution, DraftedPromotion, document_schema};
use tokka_catalog::money::Currency;
use tokka_catalog::values::{AnyWhole, Sum};
use tokka_catalog::yaml::Node;
use tokka_catalog::{ProblemKind, document, documents};
use tokka_core::catalogue::{Gift, Store};
use tokka_core::rate::Rounding;
use tokka_core::refund::RefundPolicy;

use crate::basket::{self, BasketDocument};
use crate::expect::{ErrorCode, ExpectDocument};
use crate::used::Used;

document! {
    /// An executable example: a catalogue, a basket, and what has to come out.
    pub(crate) struct ScenarioDocument {
        /// What it shows.
        name: String [required],
        /// Files and folders of a catalogue, relative to this file.
        catalogue: Vec<String> [default Vec::new() => []],
        /// Promotions and coupons, without `kind`; published where they do not say their status.
        promotions: Later<Vec<DraftedPromotion>> [optional],
        /// Stores, without `kind`; those that are only named need not stand here.
        stores: Later<Vec<Store>> [optional],
        /// Gifts, without `kind`.
        gifts: Later<Vec<Gift>> [optional],
        /// Distributions of coupons, without `kind`.
        distributions: Later<Vec<Distribution>> [optional],
        /// Where there is no catalogue document: code of ISO 4217.
        currency: Later<Currency> [optional],
        /// Where there is no catalogue document; `half_up` where it is not written.
        rounding: Later<Rounding> [optional],
        /// Where there is no catalogue document; `UTC` where it is not written.
        time_zone: Later<Zone> [optional],
        /// What is used of counters before the quote, of the current period.
        used: Later<Used> [optional],
        /// What is bought.
        basket: Later<DatedBasket> [required],
        /// What has to come out.
        expect: Later<ExpectDocument> [required],
        /// Units that go back after the expectation, step by step.
        refund: Later<RefundDocument> [optional],
    }
}

/// The time zone of a scenario.
pub(crate) type Zone = jiff::tz::TimeZone;

/// A basket that says its moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DatedBasket(pub(crate) BasketDocument);

impl Decode for DatedBasket {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let basket = BasketDocument::decode(node, context)?;
        if basket.at.is_none() {
            let hint = "a scenario has a moment: write `at: \"2026-11-11T10:00:00+09:00\"`";
            context.inside(Step::Field("at"), |context| {
                let place = (node.line, node.column);
                context.report(place, ProblemKind::MissingField, "is missing", Some(hint.to_owned()));
            });
            return None;
        }
        Some(Self(basket))
    }

    fn schema(definitions: &mut Definitions) -> Json {
        definitions.refer("Basket", |definitions| {
            let own = BasketDocument::own_schema(definitions);
            with(own, "required", json!(["at", "lines"]))
        })
    }
}

document! {
    /// Units that go back, in this order.
    pub(crate) struct RefundDocument {
        /// How refunds are computed; that of the catalogue where it is not written.
        policy: RefundPolicy [optional],
        /// The steps, each on what the one before left.
        steps: Vec<StepDocument> [default Vec::new() => []],
        /// In place of the steps: why there is no refund under this policy.
        error: ErrorCode [optional],
    }
}

document! {
    /// Units of lines that go back together, and what has to come out.
    pub(crate) struct StepDocument {
        /// Units by line.
        units as "return": BTreeMap<String, AnyWhole> [required],
        /// What the customer gets back.
        refund: Sum [optional],
        /// By line; may be negative.
        lines: BTreeMap<String, Sum> [default BTreeMap::new() => {}],
        /// What nobody is asked for, although what remains costs more.
        waived: Sum [optional],
        /// Gifts and free units that are no longer earned, in any order.
        to_return: Vec<ToReturnDocument> [optional],
        /// Why nothing goes back.
        error: ErrorCode [optional],
    }
}

document! {
    /// A gift, or free units of a sku, to be sent back.
    pub(crate) struct ToReturnDocument {
        /// The id of a gift.
        gift: String [optional],
        /// A product.
        sku: String [optional],
        /// How many.
        quantity: AnyWhole [required],
    }
    exactly_one(gift, sku);
}

/// The JSON Schema of a kind of document, by its name: those of a catalogue, `scenario` and `basket`.
#[must_use]
pub fn schema(kind: &str) -> Option<Json> {
    match kind {
        "scenario" => {
            let mut definitions = Definitions::default();
            let own = ScenarioDocument::own_schema(&mut definitions);
            Some(document_schema(kind, own, definitions))
        }
        "basket" => Some(basket::schema()),
        _ => documents::schema(kind),
    }
}
