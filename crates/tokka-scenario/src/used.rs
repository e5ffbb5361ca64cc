//! What is used of counters before the price is asked?

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tokka_catalog::decode::{Context, Decode, Definitions, Step};
use tokka_catalog::problem::{nearest, on_one_line, shown};
use tokka_catalog::values::Count;
use tokka_catalog::yaml::Node;
use tokka_catalog::{Problem, ProblemKind, document};
use tokka_core::amount::Amount;
use tokka_core::basket::Basket;
use tokka_core::id::Id;
use tokka_core::quote::{Counter, CounterKey};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{GiftIx, Ix, LineIx, PromoIx};

document! {
    /// What is used of the counters of a promotion (`<id>`), of its sku (`<id>/sku/<sku>`), of its user (`<id>/user/<user>`,
    /// `<id>/user/<user>/sku/<sku>`), or of a gift (`gift/<id>`).
    pub(crate) struct UsedDocument {
        /// Of a promotion or its sku: units, free units, sets or orders.
        stock: Count [optional],
        /// Of a promotion: discount given.
        budget: Amount [optional],
        /// Of a user: units or sets in the current period.
        units: Count [optional],
        /// Of a user: orders in the current period.
        orders: Count [optional],
        /// Of a gift: given so far.
        inventory: Count [optional],
    }
}

/// What is used of counters, by the key of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Used(BTreeMap<String, UsedDocument>);

/// What a key speaks of.
enum Subject<'k> {
    Gift(&'k str),
    Promotion(&'k str),
    Sku(&'k str),
    User(&'k str),
    UserSku(&'k str),
}

impl<'k> Subject<'k> {
    /// Ids hold no `/`, but users and skus may.
    fn of(key: &'k str) -> Option<Self> {
        let Some((id, rest)) = key.split_once('/') else { return Some(Self::Promotion(key)) };
        if id == "gift" && !rest.contains('/') {
            return Some(Self::Gift(rest));
        }
        match rest.split_once('/')? {
            ("sku", _) => Some(Self::Sku(id)),
            ("user", user) if user.contains("/sku/") => Some(Self::UserSku(id)),
            ("user", _) => Some(Self::User(id)),
            _ => None,
        }
    }

    /// The fields that a key of this sort may have.
    const fn fields(&self) -> &'static [&'static str] {
        match self {
            Self::Gift(_) => &["inventory"],
            Self::Promotion(_) => &["stock", "budget"],
            Self::Sku(_) => &["stock"],
            // The user may be called `a/sku/b`, so what is counted of a user without a sku may stand here too.
            Self::User(_) | Self::UserSku(_) => &["units", "orders"],
        }
    }
}

impl Decode for Used {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let used = BTreeMap::<String, UsedDocument>::decode(node, context)?;
        for entry in node.entries() {
            let place = (entry.line, entry.column);
            let Some(subject) = Subject::of(&entry.key) else {
                let hint = "write `<promotion>`, `<promotion>/sku/<sku>`, `<promotion>/user/<user>` or `gift/<gift>`";
                context.inside(Step::Key(entry.key.clone()), |context| {
                    context.report(place, ProblemKind::UnknownField, "is not the key of a counter", Some(hint.to_owned()));
                });
                continue;
            };
            let fields = subject.fields();
            for field in entry.value.entries().iter().filter(|field| !fields.contains(&&*field.key) && !field.value.is_null()) {
                let message = format!("is not counted here, but {} is", fields.join(" or "));
                context.inside(Step::Key(entry.key.clone()), |context| {
                    context.contradiction(&entry.value, &field.key, message, "write it under the key that it belongs to");
                });
            }
        }
        Some(Self(used))
    }

    fn schema(definitions: &mut Definitions) -> Json {
        BTreeMap::<String, UsedDocument>::schema(definitions)
    }
}

impl Used {
    /// Keys that name a promotion or gift that the rulebook does not have; `prefix` leads from `root` to the keys' map.
    #[must_use]
    pub fn unknown(&self, rulebook: &Rulebook, file: &str, root: &Node, prefix: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for key in self.0.keys() {
            let (word, id, known) = match Subject::of(key) {
                Some(Subject::Gift(id)) => {
                    let known = Id::parse(id).is_ok_and(|id| rulebook.find_gift(&id).is_some());
                    ("gift", id, known)
                }
                Some(Subject::Promotion(id) | Subject::Sku(id) | Subject::User(id) | Subject::UserSku(id)) => {
                    ("promotion", id, rulebook.find(id).is_some())
                }
                None => continue,
            };
            if known {
                continue;
            }
            let near = match word {
                "gift" => nearest(id, rulebook.gifts().rows().iter().map(|gift| gift.id.as_str())),
                _ => nearest(id, rulebook.promotions().rows().iter().map(|promotion| promotion.id.as_str())),
            };
            let path = format!("{prefix}used.{key}");
            let (line, column) = root.locate(&path);
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let whole = Problem::of_file(file, ProblemKind::Rule, format!("no {word} is called `{}`", shown(id)), hint);
            problems.push(Problem { line, column, path: on_one_line(&path), ..whole });
        }
        problems
    }

    /// What is used of a counter that a basket asks about: 0 where nothing is written.
    #[must_use]
    pub fn of(&self, rulebook: &Rulebook, basket: &Basket, counter: &Counter) -> i64 {
        let promotion = |ix: PromoIx| rulebook.promotions().get(ix).map_or("", |promotion| promotion.id.as_str());
        let gift = |ix: GiftIx| rulebook.gifts().get(ix).map_or("", |gift| gift.id.as_str());
        let sku = |ix: LineIx| basket.lines().get(ix.position()).map_or("", |line| line.sku.as_str());
        let user = basket.user().map_or("", |user| user.as_str());
        let count =
            |key: String, field: fn(&UsedDocument) -> Option<Count>| self.0.get(&key).and_then(field).map_or(0, |count| count.0);
        match counter.key {
            CounterKey::Stock(of) => count(promotion(of).to_owned(), |used| used.stock),
            CounterKey::StockBySku(of, line) => count(format!("{}/sku/{}", promotion(of), sku(line)), |used| used.stock),
            CounterKey::UserUnits(of, _) => count(format!("{}/user/{user}", promotion(of)), |used| used.units),
            CounterKey::UserUnitsOfSku(of, line, _) => {
                count(format!("{}/user/{user}/sku/{}", promotion(of), sku(line)), |used| used.units)
            }
            CounterKey::UserOrders(of, _) => count(format!("{}/user/{user}", promotion(of)), |used| used.orders),
            CounterKey::Budget(of) => self.0.get(promotion(of)).and_then(|used| used.budget).map_or(0, Amount::get),
            CounterKey::GiftInventory(of) => count(format!("gift/{}", gift(of)), |used| used.inventory),
        }
    }
}
