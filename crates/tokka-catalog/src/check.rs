//! Should this catalogue be published? What obeys every rule and is hardly meant, each with a code, a page and its numbers.
//!
//! Loading refuses what is wrong; this tells what is odd. Every promotion that is not archived is looked at, as if it were
//! published. It costs what the promotions name and cover: nothing is compared with everything.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokka_core::amount::{Amount, major};
use tokka_core::catalogue::Settings;
use tokka_core::promotion::{Promotion, Status};

use crate::load::Loaded;
use crate::products::Products;

mod alone;
mod code;
mod cost;
mod discount;
mod dominated;
mod finding;
mod gifts;
mod limits;
pub(crate) mod overlap;
mod range;
mod stack;
mod tiers;

pub use self::code::{Code, CodeError, Severity};
pub use self::finding::{Document, Finding, Number, percent};

/// Everything that was found, by document and code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

/// Looks at a catalogue as it would be at this moment. With products, also at what it makes of their prices.
#[must_use]
pub fn check(loaded: &Loaded, products: Option<&Products>, at: Timestamp) -> Report {
    look(loaded, products, at, None)
}

/// Likewise, and tells only what concerns these documents: what a change of them brings. It costs what they name, and not
/// what the whole catalogue does, as long as there are no products.
#[must_use]
pub fn check_changed(loaded: &Loaded, products: Option<&Products>, at: Timestamp, changed: &BTreeSet<Document>) -> Report {
    look(loaded, products, at, Some(changed))
}

fn look(loaded: &Loaded, products: Option<&Products>, at: Timestamp, changed: Option<&BTreeSet<Document>>) -> Report {
    let mut telling = Telling { loaded, at, changed, found: Vec::new() };
    telling.over();
    for (number, promotion) in telling.promotions().filter(|(number, _)| is_changed(changed, *number)) {
        alone::look(number, promotion, &mut telling);
        discount::look(number, promotion, &mut telling);
        tiers::look(number, promotion, &mut telling);
        limits::look(number, promotion, &mut telling);
    }
    overlap::look(&mut telling, products);
    dominated::look(&mut telling);
    gifts::look(&mut telling);
    if let Some(products) = products {
        let offers = range::look(&mut telling, products);
        stack::look(&mut telling, products, &offers);
    }
    telling.report(products.is_some())
}

impl Report {
    /// Says of all findings with these codes that they are wanted; blocking ones that can be acknowledged only.
    pub fn acknowledge(&mut self, codes: &[Code]) {
        for finding in self.findings.iter_mut().filter(|finding| finding.code.can_be_acknowledged()) {
            finding.acknowledged |= codes.contains(&finding.code);
        }
    }

    /// Does anything keep the catalogue from being published?
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.findings.iter().any(Finding::blocks)
    }

    /// What is about this document, among others.
    pub fn concerning(&self, document: Document) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.concerns(document))
    }
}

/// Is a promotion among what is asked about?
fn is_changed(changed: Option<&BTreeSet<Document>>, number: usize) -> bool {
    changed.is_none_or(|changed| changed.contains(&Document::Promotion(number)))
}

fn is_over(promotion: &Promotion, at: Timestamp) -> bool {
    promotion.window.end.is_some_and(|end| end <= at)
}

/// A look at a catalogue, and what was found so far.
struct Telling<'a> {
    loaded: &'a Loaded,
    at: Timestamp,
    /// What is asked about; `None`: everything.
    changed: Option<&'a BTreeSet<Document>>,
    found: Vec<Finding>,
}

impl<'a> Telling<'a> {
    fn tell(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    fn settings(&self) -> &'a Settings {
        self.loaded.catalogue.settings()
    }

    /// Those that are not archived and not over: of what is over nothing else matters.
    fn promotions(&self) -> impl Iterator<Item = (usize, &'a Promotion)> + use<'a> {
        let (all, at) = (self.loaded.catalogue.promotions().iter().enumerate(), self.at);
        all.filter(move |(_, promotion)| promotion.status != Status::Archived && !is_over(promotion, at))
    }

    /// Tells those that are over.
    fn over(&mut self) {
        let all = self.loaded.catalogue.promotions().iter().enumerate();
        for (number, promotion) in all.filter(|(_, promotion)| promotion.status != Status::Archived) {
            if let Some(end) = promotion.window.end.filter(|end| *end <= self.at) {
                let message = format!("is over since {end}: archive it");
                self.tell(Finding::new(Code::WindowPast, Document::Promotion(number), "window.end", message));
            }
        }
    }

    fn promotion(&self, at: usize) -> Option<&'a Promotion> {
        self.loaded.catalogue.promotions().get(at)
    }

    /// For a text.
    fn money(&self, amount: Amount) -> String {
        major(amount, self.settings().exponent)
    }

    fn report(mut self, with_products: bool) -> Report {
        if let Some(changed) = self.changed {
            let concerns =
                |finding: &Finding| std::iter::once(&finding.document).chain(&finding.others).any(|it| changed.contains(it));
            self.found.retain(concerns);
        }
        self.found.sort_by(|a, b| (a.document, a.code).cmp(&(b.document, b.code)).then_with(|| a.path.cmp(&b.path)));
        // The same may be seen in what is written and in what it makes of the products.
        let twice = [Code::DiscountOver70, Code::CoversNothing, Code::CouponUnsatisfiable];
        let same = |a: &Finding, b: &Finding| (a.document, a.code, &a.path) == (b.document, b.code, &b.path);
        self.found.dedup_by(|next, first| twice.contains(&first.code) && same(next, first));
        let mut in_vain = Vec::new();
        let changed = self.changed;
        let asked = self.promotions().filter(|(number, _)| is_changed(changed, *number));
        for (number, promotion) in asked.filter(|(_, promotion)| !promotion.acknowledge.is_empty()) {
            let document = Document::Promotion(number);
            let start = self.found.partition_point(|finding| finding.document < document);
            let mut acknowledged = Vec::new();
            for finding in self.found.iter_mut().skip(start).take_while(|finding| finding.document == document) {
                if finding.code.can_be_acknowledged() && promotion.acknowledge.iter().any(|code| *code == finding.code.name()) {
                    finding.acknowledged = true;
                    acknowledged.push(finding.code.name());
                }
            }
            // Without products it is not known how much is off.
            let undecided = |code: &str| !with_products && code == Code::DiscountOver70.name();
            let missed = |code: &str| !acknowledged.contains(&code) && !undecided(code);
            for code in promotion.acknowledge.iter().filter(|code| missed(code.as_str())) {
                let message = format!("`{code}` is acknowledged and was not found: leave it out, or a later one goes unseen");
                in_vain.push(Finding::new(Code::AcknowledgedInVain, document, "acknowledge", message));
            }
        }
        self.found.extend(in_vain);
        self.found.sort_by(|a, b| (a.document, a.code).cmp(&(b.document, b.code)).then_with(|| a.path.cmp(&b.path)));
        Report { findings: self.found }
    }
}
