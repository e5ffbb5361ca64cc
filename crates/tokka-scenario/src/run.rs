//! Does a scenario come out as expected?

use std::path::Path;

use tokka_catalog::decode::{Context, Decode, Later, Step};
use tokka_catalog::documents::{CatalogueSettings, Kind};
use tokka_catalog::load::Assembly;
use tokka_catalog::money::Currency;
use tokka_catalog::problem::on_one_line;
use tokka_catalog::yaml::{Document, Documents, Node};
use tokka_catalog::{Loaded, Problem, ProblemKind, Problems, Source, read_folder};
use tokka_core::basket::{Basket, BasketRequest};
use tokka_core::id::Id;
use tokka_core::quote::{QuoteError, View, quote};
use tokka_core::rate::Rounding;
use tokka_core::rulebook::Rulebook;

use crate::basket::at_their_lines;
use crate::compare::{Comparison, compare_refund};
use crate::document::{DatedBasket, RefundDocument, ScenarioDocument};
use crate::expect::{ErrorCode, ExpectDocument, INTERNAL, INVALID_ARGUMENT};
use crate::report::{Difference, Report, RunResult};
use crate::used::Used;

/// Runs all scenarios of a file. A file of other documents holds none.
#[must_use]
pub fn run_file(path: &Path) -> Vec<Report> {
    match Source::read(path) {
        Ok(source) => run_source(&source, path.parent().unwrap_or(Path::new(""))),
        Err(problem) => {
            let file = path.to_string_lossy().into_owned();
            vec![Report { file, line: 1, name: String::new(), result: RunResult::Broken(Problems::from(problem)) }]
        }
    }
}

/// Runs all scenarios of a text; `folder` is where its paths begin. Documents of a catalogue that stand beside them are
/// part of the catalogue of each.
#[must_use]
pub fn run_source(source: &Source, folder: &Path) -> Vec<Report> {
    let documents: Vec<Document> = Documents::new(&source.name, &source.text).collect();
    let scenarios = documents.iter().filter(|document| kind_of(document) == Some("scenario")).count();
    let of_catalogue = |document: &&Document| kind_of(document).is_some_and(|kind| Kind::from_name(kind).is_some());
    let beside = Beside { documents: documents.iter().filter(of_catalogue).collect() };
    let mut reports = Vec::new();
    for document in &documents {
        let root = document.root.as_ref().filter(|root| !root.is_null());
        if !document.problems.is_empty() {
            let line = document.problems.first().map_or(1, |problem| problem.line);
            let name = root.map_or_else(String::new, name_of);
            let result = RunResult::Broken(Problems::new(document.problems.clone()));
            reports.push(Report { file: source.name.clone(), line, name, result });
            continue;
        }
        let Some(root) = root else { continue };
        let (message, hint) = match kind_of(document) {
            Some("scenario") => {
                let result = run(source, folder, &beside, document.number, root).unwrap_or_else(|stop| stop);
                reports.push(Report { file: source.name.clone(), line: root.line, name: name_of(root), result });
                continue;
            }
            Some("basket") if scenarios == 0 => continue,
            Some("basket") => {
                ("is a basket, which no scenario uses", "write it as `basket` of a scenario, or in a file of its own")
            }
            Some(kind) if Kind::from_name(kind).is_some() => continue,
            _ => ("is not `kind: scenario`", "a file of scenarios holds these, and documents of their catalogue"),
        };
        let (line, column) = root.locate("kind");
        let whole = Problem::of_file(source.name.as_str(), ProblemKind::Rule, message, Some(hint.to_owned()));
        let result = RunResult::Broken(Problems::from(Problem { line, column, path: "kind".to_owned(), ..whole }));
        reports.push(Report { file: source.name.clone(), line: root.line, name: String::new(), result });
    }
    reports
}

fn kind_of(document: &Document) -> Option<&str> {
    document.root.as_ref()?.get("kind").and_then(Node::text)
}

/// The documents of a catalogue that stand beside scenarios.
struct Beside<'d> {
    documents: Vec<&'d Document>,
}

impl Beside<'_> {
    fn roots(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.documents.iter().filter_map(|document| Some((document.number, document.root.as_ref()?)))
    }
}

fn name_of(root: &Node) -> String {
    root.get("name").and_then(Node::text).unwrap_or_default().to_owned()
}

/// A scenario, decoded as far as a currency is known.
struct Scenario<'s> {
    source: &'s Source,
    number: usize,
    root: &'s Node,
    document: ScenarioDocument,
    /// What is wrong with the scenario itself: it cannot be run.
    broken: Vec<Problem>,
    /// What is wrong with what it tries: its catalogue and its basket. An error may be expected of these.
    refused: Vec<Problem>,
}

/// Runs one scenario. Both sides of the answer are its end.
fn run(source: &Source, folder: &Path, beside: &Beside<'_>, number: usize, root: &Node) -> Result<RunResult, RunResult> {
    let mut context = Context::new(&source.name, None);
    let document = ScenarioDocument::decode(root, &mut context);
    let broken = context.into_problems();
    let Some(document) = document else { return Err(RunResult::Broken(Problems::new(broken))) };
    let files = read_catalogue(source, folder, root, &document.catalogue);
    let (mut sources, unread) = files.map_or_else(|problems| (Vec::new(), problems), |sources| (sources, Vec::new()));
    // What the folder of a catalogue holds of this very file is here already.
    sources.retain(|file| !is_same_file(file, source));
    let mut scenario =
        Scenario { source, number, root, document, broken: broken.into_iter().chain(unread).collect(), refused: Vec::new() };

    let mut assembly = Assembly::new(&sources);
    assembly.find_settings();
    beside.roots().for_each(|(_, root)| assembly.find_settings_in(source, root));
    scenario.settle(&mut assembly);
    let currency = assembly.settings().map(|settings| settings.currency);
    let used = scenario.read("used", currency, |document| document.used.as_ref()).unwrap_or_default();
    let expect: Option<ExpectDocument> = scenario.read("expect", currency, |document| Some(&document.expect));
    let refund: Option<RefundDocument> = scenario.read("refund", currency, |document| document.refund.as_ref());
    let request = scenario.read_basket(currency);
    if let Some(expect) = &expect
        && expect.error.is_some()
        && (expect.expects_a_price() || scenario.document.refund.is_some())
    {
        let mut context = Context::new(&source.name, currency);
        context.contradiction(root, "expect.error", "stands beside other expectations", "an error comes instead of all others");
        scenario.broken.extend(context.into_problems());
    }
    let loaded = scenario.load(assembly, beside, request.as_ref());
    let (Some(expect), true) = (expect, scenario.broken.is_empty()) else {
        return Err(RunResult::Broken(Problems::new(scenario.broken)));
    };
    let (Some(loaded), Some(request), true) = (loaded, request, scenario.refused.is_empty()) else {
        return Err(refused(&expect, scenario.refused));
    };
    let tried = Tried { scenario: &scenario, used, expect, refund };
    tried.price(loaded, request)
}

/// Reads the files of the catalogue that a scenario names.
fn read_catalogue(source: &Source, folder: &Path, root: &Node, paths: &[String]) -> Result<Vec<Source>, Vec<Problem>> {
    let mut sources: Vec<Source> = Vec::new();
    let mut problems = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        match read_folder(&folder.join(path)) {
            Ok(read) => sources.extend(read),
            Err(unread) => problems.extend(unread.into_vec().into_iter().map(|unread| {
                // It is this file that names the other one.
                let path = format!("catalogue[{index}]");
                let (line, column) = root.locate(&path);
                let message = on_one_line(&format!("`{}` {}", unread.file, unread.message));
                let whole = Problem::of_file(source.name.as_str(), ProblemKind::Unreadable, message, None);
                Problem { line, column, path, ..whole }
            })),
        }
    }
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

fn is_same_file(one: &Source, other: &Source) -> bool {
    let whole = |source: &Source| Path::new(&source.name).canonicalize().ok();
    one.name == other.name || (one.text == other.text && whole(one).is_some_and(|path| Some(path) == whole(other)))
}

/// The end of a scenario whose catalogue or basket is refused.
fn refused(expect: &ExpectDocument, problems: Vec<Problem>) -> RunResult {
    match expect.error {
        Some(INVALID_ARGUMENT) => RunResult::Passed,
        Some(ErrorCode(code)) => {
            let problems = Problems::new(problems);
            let first = problems.as_slice().first().map_or_else(String::new, |problem| format!(": {problem}"));
            RunResult::Failed(vec![Difference::new("error", code, format!("{}{first}", INVALID_ARGUMENT.0))])
        }
        None => RunResult::Broken(Problems::new(problems)),
    }
}

impl<'s> Scenario<'s> {
    /// Reads a part that waited for the currency.
    fn read<T: Decode>(
        &mut self,
        field: &'static str,
        currency: Option<Currency>,
        part: impl FnOnce(&ScenarioDocument) -> Option<&Later<T>>,
    ) -> Option<T> {
        let mut context = Context::new(&self.source.name, currency);
        let later = part(&self.document)?;
        let value = context.inside(Step::Field(field), |context| later.read(context));
        self.broken.extend(context.into_problems());
        value
    }

    /// Reads a part that an error may be expected of; fields that are unknown or missing are never that error.
    fn try_to_read<T: Decode>(&mut self, field: &'static str, later: Option<&Later<T>>, currency: Option<Currency>) -> Option<T> {
        let mut context = Context::new(&self.source.name, currency);
        let value = context.inside(Step::Field(field), |context| later?.read(context));
        self.blame(context.into_problems());
        value
    }

    fn blame(&mut self, problems: Vec<Problem>) {
        let (fields, wrong): (Vec<Problem>, Vec<Problem>) = problems
            .into_iter()
            .partition(|problem| matches!(problem.kind, ProblemKind::UnknownField | ProblemKind::MissingField));
        self.broken.extend(fields);
        self.refused.extend(wrong);
    }

    /// Finds the settings: those of a catalogue document, or the scenario's own.
    fn settle(&mut self, assembly: &mut Assembly<'_>) {
        let document = self.document.clone();
        let currency = self.try_to_read("currency", document.currency.as_ref(), None);
        let rounding = self.try_to_read("rounding", document.rounding.as_ref(), None);
        let time_zone = self.try_to_read("time_zone", document.time_zone.as_ref(), None);
        if assembly.has_catalogue_document() {
            let Some(settings) = assembly.settings() else { return };
            let contradicts = [
                ("currency", currency.is_some_and(|currency| currency != settings.currency)),
                ("rounding", rounding.is_some_and(|rounding| rounding != settings.pricing.rounding)),
                ("time_zone", time_zone.as_ref().is_some_and(|zone| *zone != settings.pricing.time_zone)),
            ];
            let mut context = Context::new(&self.source.name, None);
            for (field, _) in contradicts.iter().filter(|(_, contradicts)| *contradicts) {
                context.contradiction(self.root, field, "is not what the catalogue document says", "leave it out");
            }
            self.broken.extend(context.into_problems());
        } else if let Some(currency) = currency {
            let rounding = rounding.unwrap_or(Rounding::HalfUp);
            assembly.set_settings(CatalogueSettings::of(currency, rounding, time_zone.unwrap_or(jiff::tz::TimeZone::UTC)));
        } else if document.currency.is_none() && self.broken.is_empty() {
            let mut context = Context::new(&self.source.name, None);
            let hint = "write it, or name a catalogue that has a document of kind `catalogue`";
            context.contradiction(self.root, "currency", "is missing", hint);
            self.broken.extend(context.into_problems());
        }
    }

    fn read_basket(&mut self, currency: Option<Currency>) -> Option<BasketRequest> {
        let later = self.document.basket.clone();
        let DatedBasket(basket) = self.try_to_read("basket", Some(&later), currency)?;
        let at = basket.at?;
        let mut context = Context::new(&self.source.name, currency);
        let code = currency.map_or("", Currency::code);
        let request = context.inside(Step::Field("basket"), |context| basket.request(later.node(), code, at, context));
        self.broken.extend(context.into_problems());
        Some(request)
    }

    /// Checks the catalogue: its files, what stands beside the scenario, and what stands in the scenario.
    fn load(&mut self, mut assembly: Assembly<'s>, beside: &Beside<'_>, request: Option<&BasketRequest>) -> Option<Loaded> {
        let document = self.document.clone();
        let lists = [
            (Kind::Store, document.stores.as_ref().map(Later::node)),
            (Kind::Gift, document.gifts.as_ref().map(Later::node)),
            (Kind::Promotion, document.promotions.as_ref().map(Later::node)),
            (Kind::Distribution, document.distributions.as_ref().map(Later::node)),
        ];
        assembly.read_documents();
        beside.roots().for_each(|(number, root)| assembly.add_beside(self.source, number, root));
        for (kind, list) in lists {
            if let Some(list) = list {
                assembly.add_inline(kind, self.source, self.number, list);
            }
        }
        let lines = request.iter().flat_map(|request| &request.lines);
        let sellers = lines.filter_map(|line| Id::parse(line.store.as_str()).ok());
        assembly.imply_stores(self.source, self.number, sellers);
        if assembly.settings().is_none() && !assembly.has_catalogue_document() {
            // Told by `settle`: there is nothing to check these documents with.
            return None;
        }
        match assembly.finish() {
            Ok(loaded) => Some(loaded),
            Err(problems) => {
                self.refused.extend(problems.into_vec());
                None
            }
        }
    }
}

/// A scenario that can be tried.
struct Tried<'a> {
    scenario: &'a Scenario<'a>,
    used: Used,
    expect: ExpectDocument,
    refund: Option<RefundDocument>,
}

impl Tried<'_> {
    fn price(self, loaded: Loaded, request: BasketRequest) -> Result<RunResult, RunResult> {
        let Scenario { source, root, .. } = self.scenario;
        let basket = Basket::parse(request)
            .map_err(|violations| refused(&self.expect, at_their_lines(&source.name, root, "basket.", &violations)))?;
        let settings = loaded.settings;
        let rulebook = Rulebook::compile(loaded.catalogue);
        let unknown = self.used.unknown(&rulebook, &source.name, root, "");
        if !unknown.is_empty() {
            return Err(RunResult::Broken(Problems::new(unknown)));
        }
        let usage = |counter: &tokka_core::quote::Counter| self.used.of(&rulebook, &basket, counter);
        let priced = match quote(&rulebook, &basket, usage, View::Full) {
            Ok(priced) => priced,
            Err(QuoteError::Invalid(violations)) => {
                return Err(refused(&self.expect, at_their_lines(&source.name, root, "basket.", &violations)));
            }
            Err(QuoteError::Overflow) => return Err(self.no_price(INTERNAL, "a sum left 64 bits")),
        };
        if let Some(ErrorCode(code)) = self.expect.error {
            return Err(RunResult::Failed(vec![Difference::new("error", code, "none")]));
        }
        let exponent = settings.pricing.exponent;
        let mut compare = Comparison { rulebook: &rulebook, basket: &basket, exponent, differences: Vec::new() };
        compare.quote(&priced, &self.expect);
        let somebodys = basket.clone().as_somebodys();
        if let Some(refund) = &self.refund {
            // Nothing is used of what is counted by somebody.
            let usage = |counter: &tokka_core::quote::Counter| self.used.of(&rulebook, &basket, counter);
            let priced = if priced.needs_user { quote(&rulebook, &somebodys, usage, View::Full) } else { Ok(priced) };
            let Ok(priced) = priced else { return Err(self.no_price(INTERNAL, "a sum left 64 bits")) };
            compare.basket = &somebodys;
            compare_refund(&mut compare, priced, refund, settings.refund_policy);
        }
        Ok(if compare.differences.is_empty() { RunResult::Passed } else { RunResult::Failed(compare.differences) })
    }

    fn no_price(&self, code: ErrorCode, why: &str) -> RunResult {
        if self.expect.error == Some(code) {
            return RunResult::Passed;
        }
        let expected = self.expect.error.map_or("none", |code| code.0);
        RunResult::Failed(vec![Difference::new("error", expected, format!("{}: {why}", code.0))])
    }
}
