//! What does the customer want to buy? A basket that exists is valid: parsed once, trusted ever after.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::amount::{Amount, Exact};
use crate::id::{Id, RESERVED, Token};
use crate::promotion::Stage;

/// At most this many lines a basket.
pub const LINES_MAX: usize = 1_000;
/// At most this many units a line.
pub const QUANTITY_MAX: i64 = 999_999;
/// At most this many minor units a unit.
pub const UNIT_PRICE_MAX: i64 = 1_000_000_000_000;
/// At most this many coupons offered.
pub const COUPONS_MAX: usize = 50;

/// A basket as a caller brings it, before any check.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BasketRequest {
    /// ISO 4217; must be the catalogue's.
    pub currency: String,
    /// The moment to price for.
    pub at: Timestamp,
    /// Who buys; without one, per-user limits count this order alone.
    pub user: Option<String>,
    /// For audiences.
    pub user_tags: Vec<String>,
    /// For audiences and attribution.
    pub channel: Option<String>,
    /// For audiences.
    pub region: Option<String>,
    /// What is bought, in the customer's order.
    pub lines: Vec<LineRequest>,
    /// The coupons offered.
    pub coupons: CouponsOffered,
    /// By sku: one item promotion, or none, in every group of the sku.
    pub select: BTreeMap<String, Selection>,
    /// By line: the spend promotions that it is kept for, or none.
    pub select_spend: BTreeMap<String, SpendSelection>,
    /// By promotion: the gift taken of a choice.
    pub select_gift: BTreeMap<String, String>,
    /// How offers are chosen.
    pub strategy: Strategy,
}

/// One line as a caller brings it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineRequest {
    /// Unique in the request.
    pub line_id: String,
    /// The product.
    pub sku: String,
    /// Who sells it.
    pub store: String,
    /// The categories of the product, ancestors too.
    pub categories: Vec<String>,
    /// The store's selling price today, minor units.
    pub unit_price: i64,
    /// Pieces.
    pub quantity: i64,
    /// For display, minor units.
    pub list_price: Option<i64>,
    /// No discount takes a unit below this, minor units.
    pub floor_price: Option<i64>,
    /// Totals are answered by class.
    pub tax_class: Option<String>,
    /// The caller's own marks, carried along.
    pub tags: Vec<String>,
}

/// Which coupons a request offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CouponsOffered {
    /// These, in order.
    These(Vec<String>),
    /// All that the user holds: the best choice is taken.
    Auto {
        /// What the user holds.
        held: Vec<String>,
    },
}

impl Default for CouponsOffered {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

/// The item promotion that a request chose for a sku.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// None at all.
    None,
    /// This one.
    Promotion(String),
}

/// The spend promotions that a request keeps a line for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpendSelection {
    /// Out of stages 3 and 5.
    None,
    /// These, each alone in its stage and exclusion group.
    Promotions(Vec<String>),
}

/// How offers are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The documented rules of choice.
    #[default]
    Sequential,
    /// The lowest order payable, with a certificate.
    Best,
}

/// A field of a request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The path, `lines[3].quantity`.
    pub field: String,
    /// What is wrong, in the shop's words, with the offending value.
    pub description: String,
}

impl FieldViolation {
    /// A violation at `field`. Both texts repeat what the caller wrote, so they are made fit for one line of a log:
    /// control characters are escaped, and what is longer than 300 characters is cut.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: one_line(field.into()), description: one_line(description.into()) }
    }
}

/// At most this many characters of a caller's text in an answer.
const SHOWN_MAX: usize = 300;

fn one_line(text: String) -> String {
    if text.len() <= SHOWN_MAX && !text.contains(char::is_control) {
        return text;
    }
    let mut line = String::new();
    for (number, character) in text.chars().enumerate() {
        if number == SHOWN_MAX {
            line.push('…');
            break;
        }
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

impl fmt::Display for FieldViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.description)
    }
}

/// A line that satisfies every bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Unique in the basket.
    pub line_id: Token,
    /// The product.
    pub sku: Token,
    /// Who sells it.
    pub store: Id,
    /// Categories of the product, ancestors too.
    pub categories: Vec<Token>,
    /// 0 – [`UNIT_PRICE_MAX`].
    pub unit_price: Amount,
    /// 1 – [`QUANTITY_MAX`].
    pub quantity: i64,
    /// For display.
    pub list_price: Option<Amount>,
    /// As given; see [`Line::floor`].
    pub floor_price: Option<Amount>,
    /// Totals are answered by class.
    pub tax_class: Option<Token>,
    /// The caller's own marks.
    pub tags: Vec<Token>,
}

impl Line {
    /// The price below which no discount takes a unit: absent is 0, above the unit price it counts as that.
    #[must_use]
    pub fn floor(&self) -> Amount {
        self.floor_price.map_or(Amount::ZERO, |floor| floor.min(self.unit_price))
    }
}

/// A valid basket. Its gross fits into 64 bits, and so does every sum that pricing forms of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Basket {
    currency: String,
    at: Timestamp,
    user: Option<Token>,
    user_tags: Vec<Token>,
    channel: Option<Token>,
    region: Option<Token>,
    lines: Vec<Line>,
    coupons: CouponsOffered,
    select: BTreeMap<String, Selection>,
    select_spend: BTreeMap<String, SpendSelection>,
    select_gift: BTreeMap<String, String>,
    strategy: Strategy,
    gross: Amount,
    /// Promotions that the request names and that no rulebook holds, though they are known.
    out_of_force: Vec<(String, Stage)>,
}

impl Basket {
    /// Checks every bound of a request; ids of promotions are looked up later, by the rulebook.
    ///
    /// # Errors
    /// Every violation, in the order of fields.
    pub fn parse(request: BasketRequest) -> Result<Self, Vec<FieldViolation>> {
        let mut check = Check::default();
        let BasketRequest {
            currency,
            at,
            user,
            user_tags,
            channel,
            region,
            lines,
            coupons,
            select,
            select_spend,
            select_gift,
            strategy,
        } = request;

        if !(currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase())) {
            check.fail("currency", format!("`{currency}` is not an ISO 4217 code"));
        }
        let user = user.and_then(|text| check.token("user", text));
        let user_tags = check.tokens("user_tags", user_tags);
        let channel = channel.and_then(|text| check.token("channel", text));
        let region = region.and_then(|text| check.token("region", text));
        match lines.len() {
            0 => check.fail("lines", "a basket has at least one line"),
            count if count > LINES_MAX => check.fail("lines", format!("{count} lines, at most {LINES_MAX} are allowed")),
            _ => {}
        }
        let (repeated, unnamed) = {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            let repeated: Vec<bool> = lines.iter().take(LINES_MAX).map(|line| !seen.insert(line.line_id.as_str())).collect();
            let unnamed = select_spend.keys().filter(|line_id| !seen.contains(line_id.as_str()));
            (repeated, unnamed.cloned().collect::<Vec<String>>())
        };
        let mut parsed = Vec::with_capacity(lines.len());
        // A request far out of bounds is not checked line by line: it would only bring a thousand equal complaints.
        for (index, (line, repeated)) in lines.into_iter().zip(repeated).enumerate() {
            check.line = Some(index);
            if repeated {
                check.fail("line_id", format!("`{}` is used by an earlier line", line.line_id));
            }
            parsed.extend(check.line(line));
        }
        check.line = None;
        let offered = match &coupons {
            CouponsOffered::These(ids) | CouponsOffered::Auto { held: ids } => ids,
        };
        if offered.len() > COUPONS_MAX {
            check.fail("coupons", format!("{} coupons, at most {COUPONS_MAX} are allowed", offered.len()));
        }
        for (index, id) in offered.iter().take(COUPONS_MAX).enumerate() {
            if let Err(error) = Id::parse(id.as_str()) {
                check.fail(format!("coupons[{index}]"), format!("`{id}`: {error}"));
            }
        }
        for sku in select.keys() {
            if !parsed.iter().any(|line: &Line| line.sku == sku.as_str()) && check.violations.is_empty() {
                check.fail(format!("select[{sku}]"), format!("no line has the sku `{sku}`"));
            }
        }
        for line_id in unnamed {
            check.fail(format!("select_spend[{line_id}]"), format!("no line is called `{line_id}`"));
        }
        let gross = gross(&parsed);
        if gross.is_none() {
            check.fail("lines", "the gross of the order does not fit into 64 bits");
        }
        match gross {
            Some(gross) if check.violations.is_empty() => Ok(Self {
                currency,
                at,
                user,
                user_tags,
                channel,
                region,
                lines: parsed,
                coupons,
                select,
                select_spend,
                select_gift,
                strategy,
                gross,
                out_of_force: Vec::new(),
            }),
            _ => Err(check.violations),
        }
    }

    /// The same basket as somebody's: to a guest a limit by user is one of this order alone, which each price begins
    /// anew; to somebody it is a counter, of which an order holds what it took and no more.
    #[must_use]
    pub fn as_somebodys(mut self) -> Self {
        self.user.get_or_insert_with(Token::somebody);
        self
    }

    /// The same basket with other coupons, offered in the same way: what a wallet has is known only after it was asked.
    /// Those beyond [`COUPONS_MAX`] are left out.
    #[must_use]
    pub fn with_coupons(mut self, coupons: Vec<Id>) -> Self {
        let ids = coupons.into_iter().take(COUPONS_MAX).map(|id| id.as_str().to_owned()).collect();
        self.coupons = match self.coupons {
            CouponsOffered::These(_) => CouponsOffered::These(ids),
            CouponsOffered::Auto { .. } => CouponsOffered::Auto { held: ids },
        };
        self
    }

    /// The same basket, by somebody who knows promotions that are not in the rulebook: drafts, and what has ended for good.
    /// Where the request names one of them it is not published, and not unknown.
    #[must_use]
    pub fn knowing(mut self, stage_of: impl Fn(&str) -> Option<Stage>) -> Self {
        let (CouponsOffered::These(offered) | CouponsOffered::Auto { held: offered }) = &self.coupons;
        let selected = self.select.values().filter_map(|selection| match selection {
            Selection::Promotion(id) => Some(id),
            Selection::None => None,
        });
        let kept_for = self.select_spend.values().flat_map(|selection| match selection {
            SpendSelection::Promotions(ids) => ids.as_slice(),
            SpendSelection::None => &[],
        });
        let named = offered.iter().chain(selected).chain(kept_for).chain(self.select_gift.keys());
        self.out_of_force = named.filter_map(|id| Some((id.clone(), stage_of(id)?))).collect();
        self
    }

    /// Promotions that the request names, that are known and in no rulebook, with the stage that they would be of.
    #[must_use]
    pub fn out_of_force(&self) -> &[(String, Stage)] {
        &self.out_of_force
    }

    /// The stage of one of them.
    #[must_use]
    pub fn stage_out_of_force(&self, id: &str) -> Option<Stage> {
        self.out_of_force.iter().find(|(known, _)| known == id).map(|(_, stage)| *stage)
    }

    /// ISO 4217.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The moment to price for.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Who buys.
    #[must_use]
    pub fn user(&self) -> Option<&Token> {
        self.user.as_ref()
    }

    /// For audiences.
    #[must_use]
    pub fn user_tags(&self) -> &[Token] {
        &self.user_tags
    }

    /// For audiences and attribution.
    #[must_use]
    pub fn channel(&self) -> Option<&Token> {
        self.channel.as_ref()
    }

    /// For audiences.
    #[must_use]
    pub fn region(&self) -> Option<&Token> {
        self.region.as_ref()
    }

    /// 1 – [`LINES_MAX`] lines, in the customer's order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The coupons offered.
    #[must_use]
    pub fn coupons(&self) -> &CouponsOffered {
        &self.coupons
    }

    /// By sku: the item promotion chosen.
    #[must_use]
    pub fn select(&self) -> &BTreeMap<String, Selection> {
        &self.select
    }

    /// By line: the spend promotions that it is kept for.
    #[must_use]
    pub fn select_spend(&self) -> &BTreeMap<String, SpendSelection> {
        &self.select_spend
    }

    /// By promotion: the gift taken of a choice.
    #[must_use]
    pub fn select_gift(&self) -> &BTreeMap<String, String> {
        &self.select_gift
    }

    /// How offers are chosen.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Σ unit price × quantity.
    #[must_use]
    pub fn gross(&self) -> Amount {
        self.gross
    }

    /// The request that this basket answers to, to be changed and parsed again.
    #[must_use]
    pub fn to_request(&self) -> BasketRequest {
        let text = |token: &Token| token.as_str().to_owned();
        let texts = |tokens: &[Token]| tokens.iter().map(text).collect();
        BasketRequest {
            currency: self.currency.clone(),
            at: self.at,
            user: self.user.as_ref().map(text),
            user_tags: texts(&self.user_tags),
            channel: self.channel.as_ref().map(text),
            region: self.region.as_ref().map(text),
            lines: self
                .lines
                .iter()
                .map(|line| LineRequest {
                    line_id: text(&line.line_id),
                    sku: text(&line.sku),
                    store: line.store.as_str().to_owned(),
                    categories: texts(&line.categories),
                    unit_price: line.unit_price.get(),
                    quantity: line.quantity,
                    list_price: line.list_price.map(Amount::get),
                    floor_price: line.floor_price.map(Amount::get),
                    tax_class: line.tax_class.as_ref().map(text),
                    tags: texts(&line.tags),
                })
                .collect(),
            coupons: self.coupons.clone(),
            select: self.select.clone(),
            select_spend: self.select_spend.clone(),
            select_gift: self.select_gift.clone(),
            strategy: self.strategy,
        }
    }
}

/// Σ unit price × quantity, if it fits.
fn gross(lines: &[Line]) -> Option<Amount> {
    lines.iter().try_fold(Amount::ZERO, |sum, line| sum.plus(line.unit_price.times(line.quantity)?)).ok()
}

/// Collects violations while a request is read. Paths are written where something is wrong: nearly nothing is.
#[derive(Default)]
struct Check {
    violations: Vec<FieldViolation>,
    /// Fields are those of this line.
    line: Option<usize>,
}

impl Check {
    fn fail(&mut self, field: impl AsRef<str>, description: impl Into<String>) {
        let field = field.as_ref();
        let path = self.line.map_or_else(|| field.to_owned(), |line| format!("lines[{line}].{field}"));
        self.violations.push(FieldViolation::new(path, description));
    }

    fn token(&mut self, field: &str, text: String) -> Option<Token> {
        match Token::parse(text) {
            Ok(token) => Some(token),
            Err(error) => {
                self.fail(field, error.to_string());
                None
            }
        }
    }

    fn tokens(&mut self, field: &str, texts: Vec<String>) -> Vec<Token> {
        let mut tokens = Vec::with_capacity(texts.len());
        for (index, text) in texts.into_iter().enumerate() {
            match Token::parse(text) {
                Ok(token) => tokens.push(token),
                Err(error) => self.fail(format!("{field}[{index}]"), error.to_string()),
            }
        }
        tokens
    }

    fn price(&mut self, field: &str, value: i64) -> Amount {
        if !(0..=UNIT_PRICE_MAX).contains(&value) {
            self.fail(field, format!("`{value}` is not between 0 and {UNIT_PRICE_MAX} minor units"));
        }
        Amount::minor(value)
    }

    fn line(&mut self, line: LineRequest) -> Option<Line> {
        let before = self.violations.len();
        let line_id = self.token("line_id", line.line_id);
        let sku = self.token("sku", line.sku);
        let store = match Id::parse(line.store.as_str()) {
            Ok(id) => Some(id),
            Err(error) => {
                let reserved = if RESERVED.contains(&line.store.as_str()) { "; a line is sold by a store" } else { "" };
                self.fail("store", format!("`{}`: {error}{reserved}", line.store));
                None
            }
        };
        let categories = self.tokens("categories", line.categories);
        let unit_price = self.price("unit_price", line.unit_price);
        if !(1..=QUANTITY_MAX).contains(&line.quantity) {
            self.fail("quantity", format!("`{}` is not between 1 and {QUANTITY_MAX}", line.quantity));
        }
        let list_price = line.list_price.map(|value| self.price("list_price", value));
        let floor_price = line.floor_price.map(|value| self.price("floor_price", value));
        let tax_class = line.tax_class.and_then(|text| self.token("tax_class", text));
        let tags = self.tokens("tags", line.tags);
        let (Some(line_id), Some(sku), Some(store), true) = (line_id, sku, store, before == self.violations.len()) else {
            return None;
        };
        Some(Line {
            line_id,
            sku,
            store,
            categories,
            unit_price,
            quantity: line.quantity,
            list_price,
            floor_price,
            tax_class,
            tags,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_wrote_is_shown_on_one_line() {
        let violation = FieldViolation::new("coupons[0]", format!("`a\nb{}` is no id", "x".repeat(1_000)));
        assert!(violation.description.starts_with("`a\\nbxxx"), "{}", violation.description);
        assert!(violation.description.ends_with("x…"));
        assert_eq!(FieldViolation::new("currency", "`yen` is not an ISO 4217 code").description, "`yen` is not an ISO 4217 code");
    }
}
