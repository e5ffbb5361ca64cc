//! Which basket does a file describe?

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokka_catalog::decode::{Context, Decode, Definitions, Later, Step, what, with};
use tokka_catalog::documents::document_schema;
use tokka_catalog::money::Currency;
use tokka_catalog::problem::on_one_line;
use tokka_catalog::values::{AnyWhole, Sum};
use tokka_catalog::yaml::{Documents, Node, Resolved, Value};
use tokka_catalog::{Problem, ProblemKind, Problems, Source, document};
use tokka_core::basket::{
    Basket, BasketRequest, CouponsOffered, FieldViolation, LineRequest, Selection, SpendSelection, Strategy,
};
use tokka_core::rulebook::Rulebook;

use crate::used::Used;

document! {
    /// What a customer wants to buy.
    pub(crate) struct BasketDocument {
        /// The moment to price for.
        at: Timestamp [optional],
        /// Who buys; without one, limits of a user count this order alone.
        user: String [optional],
        /// For audiences.
        user_tags: Vec<String> [default Vec::new() => []],
        /// For audiences, and to see later what came by which channel.
        channel: String [optional],
        /// For audiences.
        region: String [optional],
        /// What is bought, in the customer's order: 1 to 1,000 lines.
        lines: Vec<LineDocument> [required],
        /// The coupons offered, in order, at most 50; or `auto` for the best choice of those that the user holds.
        coupons: Coupons [default Coupons::These(Vec::new()) => []],
        /// With `coupons: auto`: the coupons that the user holds.
        held: Vec<String> [optional],
        /// By sku: one item promotion, or `none`.
        select: BTreeMap<String, String> [default BTreeMap::new() => {}],
        /// By line: the spend promotion that it is kept for, or several of different stages or groups, or `none`.
        select_spend: BTreeMap<String, OneOrMore> [default BTreeMap::new() => {}],
        /// By promotion: the gift taken of a choice.
        select_gift: BTreeMap<String, String> [default BTreeMap::new() => {}],
        /// How offers are chosen: by the documented order, or the lowest order payable.
        strategy: Strategy [default Strategy::Sequential => "sequential"],
    }
}

document! {
    /// One line of a basket.
    pub(crate) struct LineDocument {
        /// Unique in the basket.
        line_id: String [required],
        /// The product.
        sku: String [required],
        /// Who sells it.
        store: String [required],
        /// The categories of the product, ancestors too.
        categories: Vec<String> [default Vec::new() => []],
        /// The store's selling price today.
        unit_price: Sum [required],
        /// Pieces, 1 to 999,999.
        quantity: AnyWhole [required],
        /// For display.
        list_price: Sum [optional],
        /// No discount takes a unit below this.
        floor_price: Sum [optional],
        /// Totals are answered by class.
        tax_class: String [optional],
        /// The caller's own marks, carried along.
        tags: Vec<String> [default Vec::new() => []],
    }
}

/// Coupons as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Coupons {
    Auto,
    These(Vec<String>),
}

impl Decode for Coupons {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match node.text() {
            Some("auto") => Some(Self::Auto),
            Some(_) => context.fail(node, "is neither a list of ids nor `auto`", "write `[…]` or `auto`"),
            None => Vec::decode(node, context).map(Self::These),
        }
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({ "anyOf": [{ "const": "auto" }, Vec::<String>::schema(definitions)] })
    }
}

/// An id, or a list of ids.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OneOrMore(Vec<String>);

impl Decode for OneOrMore {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::List(_) => Vec::decode(node, context).map(Self),
            Value::Scalar(scalar) if scalar.resolve() == Resolved::Text => Some(Self(vec![scalar.text.to_string()])),
            _ => context.fail(node, format!("is {}, not an id", what(node)), "write an id, a list of ids, or `none`"),
        }
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({ "anyOf": [{ "type": "string" }, Vec::<String>::schema(definitions)] })
    }
}

impl BasketDocument {
    /// The request; `held` without `auto` is reported.
    pub(crate) fn request(self, node: &Node, currency: &str, at: Timestamp, context: &mut Context<'_>) -> BasketRequest {
        let coupons = match (self.coupons, self.held) {
            (Coupons::Auto, held) => CouponsOffered::Auto { held: held.unwrap_or_default() },
            (Coupons::These(ids), None) => CouponsOffered::These(ids),
            (Coupons::These(ids), Some(_)) => {
                context.contradiction(node, "held", "goes with `coupons: auto` only", "leave it out, or offer the coupons");
                CouponsOffered::These(ids)
            }
        };
        let selection = |id: String| if id == "none" { Selection::None } else { Selection::Promotion(id) };
        let spend = |OneOrMore(ids): OneOrMore| match ids.as_slice() {
            [only] if only == "none" => SpendSelection::None,
            _ => SpendSelection::Promotions(ids),
        };
        BasketRequest {
            currency: currency.to_owned(),
            at,
            user: self.user,
            user_tags: self.user_tags,
            channel: self.channel,
            region: self.region,
            lines: self.lines.into_iter().map(LineDocument::request).collect(),
            coupons,
            select: self.select.into_iter().map(|(sku, id)| (sku, selection(id))).collect(),
            select_spend: self.select_spend.into_iter().map(|(line, ids)| (line, spend(ids))).collect(),
            select_gift: self.select_gift,
            strategy: self.strategy,
        }
    }
}

impl LineDocument {
    fn request(self) -> LineRequest {
        LineRequest {
            line_id: self.line_id,
            sku: self.sku,
            store: self.store,
            categories: self.categories,
            unit_price: self.unit_price.0.get(),
            quantity: self.quantity.0,
            list_price: self.list_price.map(|price| price.0.get()),
            floor_price: self.floor_price.map(|price| price.0.get()),
            tax_class: self.tax_class,
            tags: self.tags,
        }
    }
}

/// Tells violations of a request at the places of its fields; `prefix` leads from `root` to the basket.
pub(crate) fn at_their_lines(file: &str, root: &Node, prefix: &str, violations: &[FieldViolation]) -> Vec<Problem> {
    let problem = |violation: &FieldViolation| {
        let path = format!("{prefix}{}", violation.field);
        let (line, column) = root.locate(&path);
        // Both may hold what the file says, at any length.
        let whole = Problem::of_file(file, ProblemKind::Value, on_one_line(&violation.description), None);
        Problem { line, column, path: on_one_line(&path), ..whole }
    };
    violations.iter().map(problem).collect()
}

/// A basket in a file of its own: `kind: basket`.
#[derive(Debug, Clone)]
pub struct BasketFile {
    /// What is bought, not yet checked.
    pub request: BasketRequest,
    /// Was the moment written?
    pub at_written: bool,
    /// What is used of counters.
    pub used: Used,
    file: String,
    root: Node,
}

impl BasketFile {
    /// Checks the basket and what is used of counters.
    ///
    /// # Errors
    /// Everything that is wrong, each at its line.
    pub fn check(&self, rulebook: &Rulebook) -> Result<Basket, Problems> {
        let unknown = self.used.unknown(rulebook, &self.file, &self.root, "");
        let basket = Basket::parse(self.request.clone());
        match basket {
            Ok(basket) if unknown.is_empty() => Ok(basket),
            Ok(_) => Err(Problems::new(unknown)),
            Err(violations) => {
                let violations = at_their_lines(&self.file, &self.root, "", &violations);
                Err(Problems::new(unknown.into_iter().chain(violations).collect()))
            }
        }
    }

    /// Tells violations that pricing found at the lines of their fields.
    #[must_use]
    pub fn problems(&self, violations: &[FieldViolation]) -> Problems {
        Problems::new(at_their_lines(&self.file, &self.root, "", violations))
    }
}

/// Fields that only a basket in a file of its own has.
const OWN_FIELDS: [&str; 2] = ["currency", "used"];

document! {
    /// What a basket in a file of its own says besides.
    pub(crate) struct OwnDocument {
        /// The currency of its amounts; must be that of the catalogue, which it is where it is not written.
        currency: Currency [optional],
        /// What is used of counters before, by promotion, sku, user and gift, of the current period.
        used: Later<Used> [default Later::of(Node::empty_map()) => {}],
    }
}

/// Reads the basket of a text that says its own currency. Where it writes no moment, that of the request is the epoch and
/// `at_written` is false. `name` is what problems call the text.
///
/// # Errors
/// Everything that is wrong, each at its line; also no basket, more than one, and no currency.
pub fn read(name: &str, text: &str) -> Result<BasketFile, Problems> {
    read_document(name, text, None, Timestamp::UNIX_EPOCH)
}

/// Reads the basket of a file: the one document of kind `basket`. Amounts are in `currency` where it does not say, and it
/// is priced for `now` where it does not say.
///
/// # Errors
/// Everything that is wrong, each at its line; also no basket, and more than one.
pub fn read_basket(source: &Source, currency: Currency, now: Timestamp) -> Result<BasketFile, Problems> {
    read_document(&source.name, &source.text, Some(currency), now)
}

fn read_document(name: &str, text: &str, usual: Option<Currency>, now: Timestamp) -> Result<BasketFile, Problems> {
    let (root, mut problems) = only_basket(name, text);
    let Some(root) = root else { return Err(Problems::new(problems)) };
    let (own, block) = root.split(&OWN_FIELDS);
    let mut context = Context::new(name, None);
    let own = OwnDocument::decode(&own, &mut context);
    let written = own.as_ref().and_then(|own| own.currency);
    let Some(currency) = written.or(usual) else {
        // Told already where it is written and no currency.
        if root.get("currency").is_none() {
            context.contradiction(&root, "currency", "is missing", "write a code of ISO 4217: `currency: JPY`");
        }
        problems.extend(context.into_problems());
        return Err(Problems::new(problems));
    };
    problems.extend(context.into_problems());
    let mut context = Context::new(name, Some(currency));
    let used = own.and_then(|own| context.inside(Step::Field("used"), |context| own.used.read(context)));
    let request = BasketDocument::decode(&block, &mut context).map(|document| {
        let at = document.at;
        (document.request(&block, currency.code(), at.unwrap_or(now), &mut context), at.is_some())
    });
    problems.extend(context.into_problems());
    match (request, used) {
        (Some((request, at_written)), Some(used)) if problems.is_empty() => {
            Ok(BasketFile { request, at_written, used, file: name.to_owned(), root })
        }
        _ => Err(Problems::new(problems)),
    }
}

/// The one document of kind `basket` of a text, and what is wrong with the text besides.
fn only_basket(name: &str, text: &str) -> (Option<Node>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut found: Option<Node> = None;
    for document in Documents::new(name, text) {
        problems.extend(document.problems);
        let Some(root) = document.root.filter(|root| !root.is_null()) else { continue };
        let mut context = Context::new(name, None);
        if root.get("kind").and_then(Node::text) != Some("basket") {
            context.contradiction(&root, "kind", "is not a basket", "write `kind: basket`");
        } else if found.is_some() {
            context.contradiction(&root, "", "is a second basket", "write one basket a file");
        } else {
            found = Some(root);
        }
        problems.extend(context.into_problems());
    }
    if found.is_none() && problems.is_empty() {
        let hint = Some("write `kind: basket` and its `lines`".to_owned());
        problems.push(Problem::of_file(name, ProblemKind::Rule, "holds no basket", hint));
    }
    (found, problems)
}

/// The JSON Schema of `kind: basket`.
pub(crate) fn schema() -> Json {
    let mut definitions = Definitions::default();
    let (own, block) = (OwnDocument::own_schema(&mut definitions), BasketDocument::own_schema(&mut definitions));
    let mut properties = block.get("properties").cloned().unwrap_or_default();
    if let (Some(properties), Some(own)) = (properties.as_object_mut(), own.get("properties").and_then(Json::as_object)) {
        properties.extend(own.clone());
    }
    document_schema("basket", with(block, "properties", properties), definitions)
}
