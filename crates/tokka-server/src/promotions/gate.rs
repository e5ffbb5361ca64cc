//! May this come into force? What obeys every rule and is hardly meant, as `tokka check` tells it, of what a change brings;
//! what blocks has to be acknowledged by its code.
//!
//! A text is asked about once, when it comes into force or is paused by its files: whoever lets a paused promotion go on, or
//! restores what was in force, is not kept from it. What `item_overlap: forbid` refuses is looked for each time, since it is
//! what else is in force that refuses it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokka_catalog::check::{Code, Document, Finding, Number, Report, Severity, percent};
use tokka_catalog::{CatalogueSettings, Kind, Loaded, Products, Source, check, check_changed};
use tokka_ledger::model::Millis;
use tokka_proto::v1;

use super::edit::{Edit, changes_live, unreadable};
use super::state::{Stand, State};
use super::stored::Key;
use crate::error::ApiError;
use crate::error::operator::{Blocking, Refused};

/// Findings that are told in one answer.
pub(super) const FINDINGS_MAX: usize = 1_000;
/// Where the pages of the codes are.
const PAGES: &str = "docs/findings";

/// Under which terms something is published or looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// Nothing is changed.
    pub(crate) validate_only: bool,
    /// What is meant all the same.
    pub(crate) acknowledge: Vec<Code>,
    /// The range of the shops.
    pub(crate) products: Option<Source>,
}

/// What is asked about.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What comes into force or changes there.
    changed: BTreeSet<Key>,
    /// Those of them whose text was not in force before.
    fresh: BTreeSet<Key>,
    /// The settings of the catalogue are others.
    settings: bool,
}

impl Asked {
    /// What a change brings into force.
    pub(super) fn by(edit: &Edit, before: &State) -> Self {
        let mut asked = Self::default();
        for (key, next) in &edit.entries {
            let was = before.entries.get(key).map(|entry| &**entry);
            let Some(live) = next.as_ref().and_then(|next| next.live.as_ref()) else { continue };
            if !changes_live(was, next.as_ref()) || live.stand == Stand::Archived {
                continue;
            }
            asked.settings |= key.kind() == Kind::Catalogue;
            asked.changed.insert(key.clone());
            let known = was.and_then(|was| was.live.as_ref()).is_some_and(|was| was.doc.hash == live.doc.hash);
            if !known && edit.restores == 0 {
                asked.fresh.insert(key.clone());
            }
        }
        asked
    }

    /// These, as if they came into force now.
    pub(super) fn about(keys: BTreeSet<Key>) -> Self {
        let settings = keys.iter().any(|key| key.kind() == Kind::Catalogue);
        Self { fresh: keys.clone(), changed: keys, settings }
    }
}

/// What is found, as it is told, and what of it blocks.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What blocks comes first.
    pub(super) findings: Vec<v1::Finding>,
}

impl Found {
    pub(super) fn blocks(&self) -> bool {
        self.findings.first().is_some_and(|finding| finding.blocking)
    }

    /// The refusal, where something blocks.
    pub(super) fn refusal(&self) -> Option<ApiError> {
        let blocking: Vec<Blocking> = self.findings.iter().take_while(|finding| finding.blocking).map(in_one_line).collect();
        if blocking.is_empty() { None } else { Some(Refused::Check { findings: blocking }.into()) }
    }
}

/// Looks at a catalogue as it would be: at what is asked about, or (`None`) at all of it.
///
/// # Errors
/// The products cannot be read.
pub(super) fn look(loaded: &Loaded, asked: Option<&Asked>, terms: &Terms, at: Millis) -> Result<Found, ApiError> {
    let products = match &terms.products {
        Some(source) => Some(parsed(source, &loaded.settings)?),
        None => None,
    };
    let products = products.as_ref();
    let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX);
    let mut report = match asked {
        Some(asked) => of_change(loaded, asked, products, at),
        None => check(loaded, products, at),
    };
    report.acknowledge(&terms.acknowledge);
    Ok(told(&report, loaded, products))
}

fn of_change(loaded: &Loaded, asked: &Asked, products: Option<&Products>, at: Timestamp) -> Report {
    let changed = documents(loaded, &asked.changed);
    let mut report = if asked.settings { check(loaded, products, at) } else { check_changed(loaded, products, at, &changed) };
    // Other settings may forbid what was in force before.
    let is_refused = |finding: &Finding| finding.code == Code::ItemOverlap && finding.blocks();
    report.findings.retain(|finding| changed.iter().any(|document| finding.concerns(*document)) || is_refused(finding));
    let fresh = documents(loaded, &asked.fresh);
    for finding in report.findings.iter_mut().filter(|finding| finding.code.can_be_acknowledged()) {
        finding.acknowledged |= !fresh.contains(&finding.document);
    }
    report
}

fn parsed(source: &Source, settings: &CatalogueSettings) -> Result<Products, ApiError> {
    Products::parse(source, Some(settings.currency)).map_err(|problems| unreadable(&problems, "products"))
}

/// Where documents stand in a catalogue.
fn documents(loaded: &Loaded, keys: &BTreeSet<Key>) -> BTreeSet<Document> {
    let has = |kind, id: &str| keys.contains(&Key::new(kind, id));
    let promotions = loaded.catalogue.promotions().iter().enumerate();
    let promotions = promotions.filter(|(_, one)| has(Kind::Promotion, one.id.as_str())).map(|(at, _)| Document::Promotion(at));
    let gifts = loaded.catalogue.gifts().iter().enumerate();
    let gifts = gifts.filter(|(_, one)| has(Kind::Gift, one.id.as_str())).map(|(at, _)| Document::Gift(at));
    let distributions = loaded.distributions.iter().enumerate();
    let distributions = distributions.filter(|(_, one)| has(Kind::Distribution, one.id.as_str()));
    promotions.chain(gifts).chain(distributions.map(|(at, _)| Document::Distribution(at))).collect()
}

fn told(report: &Report, loaded: &Loaded, products: Option<&Products>) -> Found {
    let called = |document: Document| {
        let id = document.id(loaded, products).unwrap_or_default();
        format!("{}/{id}", document.kind())
    };
    let mut order: Vec<&Finding> = report.findings.iter().collect();
    order.sort_by_key(|finding| (std::cmp::Reverse(finding.blocks()), std::cmp::Reverse(finding.severity)));
    let one = |finding: &Finding| v1::Finding {
        code: finding.code.name().to_owned(),
        blocking: finding.blocks(),
        document: called(finding.document),
        field: finding.path.clone(),
        message: finding.message.clone(),
        severity: match finding.severity {
            Severity::Note => v1::FindingSeverity::Note,
            Severity::Warning => v1::FindingSeverity::Warning,
            Severity::Blocking => v1::FindingSeverity::Blocking,
        }
        .into(),
        acknowledged: finding.acknowledged,
        numbers: finding.numbers.iter().map(|(name, number)| numbered(name, *number)).collect(),
        others: finding.others.iter().map(|other| called(*other)).collect(),
        page: format!("{PAGES}/{}.md", finding.code),
    };
    Found { findings: order.into_iter().map(one).collect() }
}

fn numbered(name: &str, number: Number) -> v1::FindingNumber {
    use v1::finding_number::Value;
    let value = match number {
        Number::Amount(amount) => Value::Amount(amount.get()),
        Number::Percent(micro) => Value::Percent(percent(micro)),
        Number::Count(count) => Value::Count(count),
    };
    v1::FindingNumber { name: name.to_owned(), value: Some(value) }
}

/// All of a finding that fits beside a status.
fn in_one_line(finding: &v1::Finding) -> Blocking {
    use v1::finding_number::Value;
    let number = |number: &v1::FindingNumber| match &number.value {
        Some(Value::Amount(amount) | Value::Count(amount)) => format!("{} {amount}", number.name),
        Some(Value::Percent(percent)) => format!("{} {percent} %", number.name),
        None => number.name.clone(),
    };
    let field = if finding.field.is_empty() { String::new() } else { format!("{}: ", finding.field) };
    let beside: Vec<String> = finding.numbers.iter().map(number).chain(finding.others.iter().cloned()).collect();
    let beside = if beside.is_empty() { String::new() } else { format!("{}; ", beside.join(", ")) };
    Blocking {
        code: finding.code.clone(),
        document: finding.document.clone(),
        words: format!("{field}{} ({beside}{})", finding.message, finding.page),
    }
}
