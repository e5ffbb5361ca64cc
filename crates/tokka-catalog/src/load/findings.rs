//! Where in the files does a rule break that only all documents together can break?

use std::collections::{HashMap, HashSet};

use tokka_core::catalogue::{Catalogue, Gift, Store, Subject, Violation};
use tokka_core::id::Id;
use tokka_core::promotion::{Promotion, Rule};

use super::{DocumentPlace, list_name};
use crate::documents::{Codes, Distribution, Kind};
use crate::problem::{Problem, ProblemKind, nearest};
use crate::source::Source;
use crate::yaml::{Documents, Node};

/// Near ids are looked for in catalogues of at most this many, and for this many findings.
const IDS_SEARCHED_MAX: usize = 10_000;
const HINTS_MAX: usize = 100;

/// A rule that a document breaks, before its line is known.
#[derive(Debug)]
pub(super) struct Finding {
    place: DocumentPlace,
    /// The list that holds it, where it stands in a scenario.
    list: &'static str,
    path: String,
    message: String,
    hint: Option<String>,
    /// The earlier document that it contradicts, and what to do about it.
    first: Option<Earlier>,
}

/// An earlier document that a finding is about as well.
#[derive(Debug, Clone, Copy)]
struct Earlier {
    word: &'static str,
    place: DocumentPlace,
    advice: &'static str,
}

impl Earlier {
    /// The one that has the same id.
    fn of_id(place: DocumentPlace) -> Self {
        Self { word: "first", place, advice: "give one of them another id" }
    }
}

/// Where the documents stand that the core has checked.
pub(super) struct Places {
    pub(super) stores: PlacesOfKind,
    pub(super) gifts: PlacesOfKind,
    pub(super) promotions: PlacesOfKind,
}

/// Where the documents of one kind stand.
pub(super) struct PlacesOfKind {
    pub(super) places: Vec<DocumentPlace>,
    /// By the position of a document whose id an earlier one has: where that one stands.
    firsts: HashMap<usize, DocumentPlace>,
}

impl PlacesOfKind {
    pub(super) fn new<'a>(ids: impl Iterator<Item = &'a Id>, places: Vec<DocumentPlace>) -> Self {
        let (mut seen, mut firsts) = (HashMap::new(), HashMap::new());
        for (index, (id, place)) in ids.zip(&places).enumerate() {
            let first = *seen.entry(id).or_insert(*place);
            if first != *place {
                firsts.insert(index, first);
            }
        }
        Self { places, firsts }
    }
}

impl Places {
    pub(super) fn finding(&self, violation: Violation) -> Option<Finding> {
        let (kind, places, index) = match violation.subject {
            Subject::Catalogue => return None,
            Subject::Store(index) => (Kind::Store, &self.stores, index),
            Subject::Gift(index) => (Kind::Gift, &self.gifts, index),
            Subject::Promotion(index) => (Kind::Promotion, &self.promotions, index),
        };
        let Violation { path, message, .. } = violation;
        let place = *places.places.get(index)?;
        let first = if path == "id" { places.firsts.get(&index).copied().map(Earlier::of_id) } else { None };
        Some(Finding { place, list: list_name(kind), path, message, hint: None, first })
    }
}

impl Places {
    /// Two item promotions that `item_overlap: forbid` refuses, told at the later one.
    pub(super) fn overlap(&self, (later, earlier): (usize, usize), catalogue: &Catalogue) -> Option<Finding> {
        let other = &catalogue.promotions().get(earlier)?.id;
        let message = format!("could be active for one product together with `{other}`, which `item_overlap: forbid` refuses");
        let advice = "end one before the other begins, or name other products";
        let place = |at: usize| self.promotions.places.get(at).copied();
        let first = Some(Earlier { word: "other", place: place(earlier)?, advice });
        let list = list_name(Kind::Promotion);
        Some(Finding { place: place(later)?, list, path: "scope".to_owned(), message, hint: None, first })
    }
}

/// The ids that documents may name, for hints.
pub(super) struct Ids {
    stores: Vec<Id>,
    gifts: Vec<Id>,
}

impl Ids {
    pub(super) fn new(stores: &[Store], gifts: &[Gift]) -> Self {
        let few = |ids: Vec<Id>| if ids.len() > IDS_SEARCHED_MAX { Vec::new() } else { ids };
        Self {
            stores: few(stores.iter().map(|store| store.id.clone()).collect()),
            gifts: few(gifts.iter().map(|gift| gift.id.clone()).collect()),
        }
    }

    /// The id that was probably meant where one is named that is not there.
    fn hint(&self, message: &str) -> Option<String> {
        let (known, unknown) = match message.strip_prefix("no store is called `") {
            Some(rest) => (&self.stores, rest),
            None => (&self.gifts, message.strip_prefix("no gift is called `")?),
        };
        let near = nearest(unknown.strip_suffix('`')?, known.iter().map(Id::as_str))?;
        Some(format!("did you mean `{near}`?"))
    }
}

/// What is wrong with the ways in which coupons are handed out.
pub(super) fn of_distributions(
    distributions: &[Distribution],
    places: &[DocumentPlace],
    promotions: &[Promotion],
    unread: &HashSet<Id>,
) -> Vec<Finding> {
    if distributions.is_empty() {
        return Vec::new();
    }
    let by_id: HashMap<&Id, &Promotion> = promotions.iter().map(|promotion| (&promotion.id, promotion)).collect();
    let mut findings = Vec::new();
    let (mut ids, mut codes) = (HashMap::new(), HashMap::new());
    for (distribution, place) in distributions.iter().zip(places) {
        let list = list_name(Kind::Distribution);
        let id = &distribution.id;
        let first = *ids.entry(id).or_insert(*place);
        if first != *place {
            let message = format!("`{id}` is the id of an earlier document of this kind too");
            findings.push(Finding {
                place: *place,
                list,
                path: "id".to_owned(),
                message,
                hint: None,
                first: Some(Earlier::of_id(first)),
            });
        }
        let mut fail = |path: &str, message: String, hint: &str| {
            let hint = Some(hint.to_owned());
            findings.push(Finding { place: *place, list, path: path.to_owned(), message, hint, first: None });
        };
        if let Codes::Shared { code, .. } = &distribution.codes
            && let Some(other) = codes.insert(code.as_str().to_ascii_uppercase(), id)
        {
            fail("codes.shared", format!("`{code}` is the code of `{other}` too"), "a shared code belongs to one distribution");
        }
        let coupon = &distribution.coupon;
        match by_id.get(coupon) {
            None if unread.contains(coupon) => {}
            None => {
                fail("coupon", format!("no promotion is called `{coupon}`"), "write the id of a promotion with a `coupon` block")
            }
            Some(Promotion { rule: Rule::Coupon(_), window, .. }) => {
                if let (Some(start), Some(end)) = (distribution.window.start, window.end)
                    && start >= end
                {
                    let message = format!("begins when `{coupon}` is over, at {end}");
                    fail("window.start", message, "hand it out while it can be used");
                }
            }
            Some(Promotion { rule, .. }) => {
                let message = format!("`{coupon}` has a `{}` block, so it is not a coupon", rule.block());
                fail("coupon", message, "write the id of a promotion with a `coupon` block");
            }
        }
    }
    findings
}

/// Finds the lines of findings: the files that have any are parsed once more, so that nobody has to keep the trees of all.
pub(super) fn locate(mut findings: Vec<Finding>, sources: &[&Source], ids: &Ids, problems: &mut Vec<Problem>) {
    findings.sort_by_key(|finding| (finding.place.source, finding.place.document));
    let mut hints_left = HINTS_MAX;
    for in_source in findings.chunk_by(|a, b| a.place.source == b.place.source) {
        let Some(source) = in_source.first().and_then(|finding| sources.get(finding.place.source)) else { continue };
        let mut documents = Documents::new(&source.name, &source.text);
        for in_document in in_source.chunk_by(|a, b| a.place.document == b.place.document) {
            let number = in_document.first().map_or(0, |finding| finding.place.document);
            let root = documents.by_ref().find(|document| document.number == number).and_then(|document| document.root);
            for finding in in_document {
                let mut problem = at_its_line(finding, source, root.as_ref());
                if let Some(Earlier { word, place, advice }) = finding.first
                    && let Some(source) = sources.get(place.source)
                {
                    problem.hint = Some(format!("the {word} is in {} on line {}: {advice}", source.name, place.line));
                }
                if problem.hint.is_none() && hints_left > 0 {
                    problem.hint = ids.hint(&problem.message);
                    hints_left -= usize::from(problem.hint.is_some());
                }
                problems.push(problem);
            }
        }
    }
}

fn at_its_line(finding: &Finding, source: &Source, root: Option<&Node>) -> Problem {
    let path = match finding.place.inline {
        None => finding.path.clone(),
        Some(index) if finding.path.is_empty() => format!("{}[{index}]", finding.list),
        Some(index) => format!("{}[{index}].{}", finding.list, finding.path),
    };
    let (line, column) = root.map_or((finding.place.line, 1), |root| root.locate(&path));
    let whole = Problem::of_file(source.name.as_str(), ProblemKind::Rule, finding.message.as_str(), finding.hint.clone());
    Problem { line, column, path, ..whole }
}
