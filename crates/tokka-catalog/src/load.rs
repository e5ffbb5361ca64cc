//! Do these texts make a catalogue? All of them are read, and everything that is wrong is told at once.

use std::collections::HashSet;

use tokka_core::catalogue::{Catalogue, Gift, Settings, Store};
use tokka_core::id::Id;
use tokka_core::promotion::{Owner, Party, Promotion, Scope, Status};
use tokka_core::rate::Rounding;

use crate::decode::{Context, Decode, Step, what};
use crate::documents::{BESIDE, CatalogueSettings, Distribution, DraftedPromotion, ItemOverlap, Kind, kind_names};
use crate::money::Currency;
use crate::problem::{Problem, ProblemKind, Problems, did_you_mean, listed, shown};
use crate::products::Products;
use crate::source::{Source, content_hash};
use crate::yaml::{Documents, Node, Value};

pub mod apart;

mod findings;

/// Less than so much is not worth a thread of its own.
const BYTES_A_THREAD: usize = 1 << 20;

/// A catalogue that obeys every rule.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the catalogue document says.
    pub settings: CatalogueSettings,
    /// Stores, gifts and promotions, checked together.
    pub catalogue: Catalogue,
    /// How coupons are handed out.
    pub distributions: Vec<Distribution>,
    /// How much there is.
    pub counts: Counts,
    /// 128 bits over the texts: the id of this revision.
    pub revision: u128,
    /// Where each promotion stands, in the catalogue's order.
    pub promotion_places: Vec<DocumentPlace>,
    /// The same of gifts.
    pub gift_places: Vec<DocumentPlace>,
    /// The same of distributions.
    pub distribution_places: Vec<DocumentPlace>,
}

/// How many documents a catalogue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Files read.
    pub files: usize,
    /// Sellers.
    pub stores: usize,
    /// Entries of the gift library.
    pub gifts: usize,
    /// Promotions, coupons among them.
    pub promotions: usize,
    /// How many of these are published.
    pub published: usize,
    /// Ways in which coupons are handed out.
    pub distributions: usize,
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentPlace {
    /// Position in the sources.
    pub source: usize,
    /// Number within the source, from 0.
    pub document: usize,
    /// Position in the list of an enclosing scenario, where it is not a document by itself.
    pub inline: Option<usize>,
    /// Line, from 1.
    pub line: u32,
}

/// Reads texts as one catalogue.
///
/// # Errors
/// Everything that is wrong.
pub fn load(sources: &[Source]) -> Result<Loaded, Problems> {
    read(sources).finish()
}

/// Reads texts as one catalogue, and beside it the products of its shops, in CSV. What only the products can decide is
/// decided by them: whether a sku is in a category.
///
/// # Errors
/// Everything that is wrong, with the products too.
pub fn load_with_products(sources: &[Source], products: &Source) -> Result<(Loaded, Products), Problems> {
    read(sources).finish_with(products)
}

/// Reads texts as one catalogue that is going to be [checked](crate::check()), beside its products where they are given.
/// Item promotions that `item_overlap: forbid` refuses are left to the check, which tells all of them as findings.
///
/// # Errors
/// Everything else that is wrong, with the products too.
pub fn load_to_check(sources: &[Source], products: Option<&Source>) -> Result<(Loaded, Option<Products>), Problems> {
    let mut assembly = read(sources);
    assembly.overlaps_are_checked = true;
    match products {
        None => assembly.finish().map(|loaded| (loaded, None)),
        Some(products) => assembly.finish_with(products).map(|(loaded, products)| (loaded, Some(products))),
    }
}

/// What is known of products.
enum Range<'p> {
    /// Nothing: nobody asked.
    Unknown,
    /// That they cannot be read, so that nothing is decided that they would decide.
    Unreadable,
    /// These.
    Of(&'p Products),
}

fn read(sources: &[Source]) -> Assembly<'_> {
    let mut assembly = Assembly::new(sources);
    assembly.find_settings();
    if !assembly.has_catalogue_document() {
        let hint = "write one document with `kind: catalogue` and its `currency`";
        assembly.problem(Problem::of_all(ProblemKind::Rule, "there is no document of kind `catalogue`", hint));
    }
    assembly.read_documents();
    assembly
}

/// Reads one text as a whole catalogue. No text makes it panic: this is where fuzzers begin.
///
/// # Errors
/// Everything that is wrong.
pub fn load_text(name: &str, text: &str) -> Result<Loaded, Problems> {
    load(&[Source { name: name.to_owned(), text: text.to_owned() }])
}

/// A catalogue while it is put together. [`load`] is the usual way; scenarios add documents of their own.
#[derive(Debug)]
pub struct Assembly<'s> {
    sources: Vec<&'s Source>,
    /// How many of the sources are files of the catalogue.
    files: usize,
    revision: u128,
    settings: Option<CatalogueSettings>,
    catalogue_documents: usize,
    /// Where the first of these stands.
    first_catalogue_document: String,
    stores: Documented<Store>,
    gifts: Documented<Gift>,
    promotions: Documented<Promotion>,
    distributions: Documented<Distribution>,
    /// Promotions that could not be read, so that nobody is told that they are not there.
    unread: HashSet<Id>,
    problems: Vec<Problem>,
    /// Are overlaps of item promotions left to the check?
    overlaps_are_checked: bool,
}

/// Documents of one kind with their places.
#[derive(Debug)]
struct Documented<T> {
    documents: Vec<T>,
    places: Vec<DocumentPlace>,
}

impl<T> Documented<T> {
    fn new() -> Self {
        Self { documents: Vec::new(), places: Vec::new() }
    }

    fn absorb(&mut self, others: Self) {
        self.documents.extend(others.documents);
        self.places.extend(others.places);
    }

    fn push(&mut self, document: T, place: DocumentPlace) {
        self.documents.push(document);
        self.places.push(place);
    }
}

impl<'s> Assembly<'s> {
    /// Of these files.
    #[must_use]
    pub fn new(sources: &'s [Source]) -> Self {
        Self {
            sources: sources.iter().collect(),
            files: sources.len(),
            revision: content_hash(sources),
            settings: None,
            catalogue_documents: 0,
            first_catalogue_document: String::new(),
            stores: Documented::new(),
            gifts: Documented::new(),
            promotions: Documented::new(),
            distributions: Documented::new(),
            unread: HashSet::new(),
            problems: Vec::new(),
            overlaps_are_checked: false,
        }
    }

    /// Adds a problem that somebody else found.
    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Is there a document of kind `catalogue`, readable or not?
    #[must_use]
    pub fn has_catalogue_document(&self) -> bool {
        self.catalogue_documents > 0
    }

    /// The settings, once they were found or given.
    #[must_use]
    pub fn settings(&self) -> Option<&CatalogueSettings> {
        self.settings.as_ref()
    }

    /// Gives the settings, where there is no catalogue document.
    pub fn set_settings(&mut self, settings: CatalogueSettings) {
        self.settings = Some(settings);
    }

    /// Finds the catalogue document in whatever file it is: no amount can be read before its currency is known.
    pub fn find_settings(&mut self) {
        for source in self.sources.clone().into_iter().take(self.files) {
            // The word cannot be written without itself or an escape, so most files are not even parsed.
            if !source.text.contains("catalogue") && !source.text.contains('\\') {
                continue;
            }
            // Nor are its documents after the last line with it.
            let last = source.text.rfind("catalogue").max(source.text.rfind('\\')).unwrap_or(0);
            let last_line = source.text.bytes().take(last).filter(|byte| *byte == b'\n').count() + 1;
            for document in Documents::new(&source.name, &source.text) {
                if document.root.as_ref().is_some_and(|root| root.line as usize > last_line) {
                    break;
                }
                document.root.iter().for_each(|root| self.find_settings_in(source, root));
            }
        }
    }

    /// Finds the settings in one document, where it is of kind `catalogue`.
    pub fn find_settings_in(&mut self, source: &Source, root: &Node) {
        if root.get("kind").and_then(Node::text) != Some(Kind::Catalogue.name()) {
            return;
        }
        let mut context = Context::new(&source.name, None);
        if self.catalogue_documents == 0 {
            self.settings = CatalogueSettings::decode(root, &mut context).filter(|_| context.is_clean());
            self.first_catalogue_document = format!("{} on line {}", source.name, root.line);
        } else {
            let message = "is a second document of kind `catalogue`";
            let first = &self.first_catalogue_document;
            context.contradiction(root, "", message, format!("the first is in {first}: leave one of them out"));
        }
        self.catalogue_documents += 1;
        self.problems.extend(context.into_problems());
    }

    /// Reads all other documents of the files, large catalogues on all processors. What is read, and its order, does not
    /// depend on how many there are.
    pub fn read_documents(&mut self) {
        let files: Vec<(usize, &'s Source)> = self.sources.iter().copied().enumerate().take(self.files).collect();
        let bytes: usize = files.iter().map(|(_, source)| source.text.len()).sum();
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if bytes < BYTES_A_THREAD || processors == 1 {
            return self.read_files(&files);
        }
        let each = (bytes / processors).max(BYTES_A_THREAD);
        let mut parts: Vec<Vec<(usize, &'s Source)>> = Vec::new();
        let mut filled = usize::MAX;
        for file in files {
            if filled >= each {
                parts.push(Vec::new());
                filled = 0;
            }
            filled = filled.saturating_add(file.1.text.len());
            parts.last_mut().into_iter().for_each(|part| part.push(file));
        }
        let read = std::thread::scope(|scope| {
            let this = &*self;
            let read = |part: Vec<(usize, &'s Source)>| {
                let mut assembly = Assembly { settings: this.settings.clone(), ..Assembly::new(&[]) };
                assembly.read_files(&part);
                assembly
            };
            let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || read(part))).collect();
            // A thread that panicked has found a defect, which is not to be hidden.
            let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            joined.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect::<Vec<_>>()
        });
        read.into_iter().for_each(|part| self.absorb(part));
    }

    fn read_files(&mut self, files: &[(usize, &'s Source)]) {
        for (number, source) in files {
            for document in Documents::new(&source.name, &source.text) {
                self.problems.extend(document.problems);
                document.root.iter().for_each(|root| self.read_document(*number, source, document.number, root));
            }
        }
    }

    /// Takes over what was read of files that come after.
    fn absorb(&mut self, part: Assembly<'_>) {
        self.stores.absorb(part.stores);
        self.gifts.absorb(part.gifts);
        self.promotions.absorb(part.promotions);
        self.distributions.absorb(part.distributions);
        self.unread.extend(part.unread);
        self.problems.extend(part.problems);
    }

    /// Reads a document that stands beside a scenario, in its file, as one of a file of the catalogue.
    pub fn add_beside(&mut self, source: &'s Source, document: usize, root: &Node) {
        let number = self.source_number(source);
        self.read_document(number, source, document, root);
    }

    fn read_document(&mut self, number: usize, source: &Source, document: usize, root: &Node) {
        if root.is_null() {
            return;
        }
        let mut context = Context::new(&source.name, self.currency());
        if let Some(kind) = kind_of(root, &mut context) {
            let place = DocumentPlace { source: number, document, inline: None, line: root.line };
            self.add(kind, root, place, Status::Draft, &mut context);
        }
        self.problems.extend(context.into_problems());
    }

    /// Adds documents that stand in a list of a scenario, without `kind`. Promotions that do not say their status are
    /// published.
    pub fn add_inline(&mut self, kind: Kind, source: &'s Source, document: usize, list: &Node) {
        let number = self.source_number(source);
        let mut context = Context::new(&source.name, self.currency());
        context.inside(Step::Field(list_name(kind)), |context| {
            for (index, node) in context.list(list).unwrap_or_default().iter().enumerate() {
                let place = DocumentPlace { source: number, document, inline: Some(index), line: node.line };
                context.inside(Step::Index(index), |context| self.add(kind, node, place, Status::Published, context));
            }
        });
        self.problems.extend(context.into_problems());
    }

    fn source_number(&mut self, source: &'s Source) -> usize {
        match self.sources.iter().position(|known| std::ptr::eq(*known, source)) {
            Some(number) => number,
            None => {
                self.sources.push(source);
                self.sources.len() - 1
            }
        }
    }

    fn currency(&self) -> Option<Currency> {
        self.settings.as_ref().map(|settings| settings.currency)
    }

    /// Decodes one document. One that cannot be read leaves its id behind, so that those that name it are not blamed.
    fn add(&mut self, kind: Kind, node: &Node, place: DocumentPlace, unwritten: Status, context: &mut Context<'_>) {
        let id = || {
            let mut quiet = Context::new("", None);
            node.get("id").and_then(|id| Id::decode(id, &mut quiet))
        };
        match kind {
            Kind::Catalogue => {}
            Kind::Store => {
                let unread = |id: Id| Store { name: id.to_string(), id, minimum_order: None };
                if let Some(store) = Store::decode(node, context).or_else(|| id().map(unread)) {
                    self.stores.push(store, place);
                }
            }
            Kind::Gift => {
                let unread = |id: Id| Gift { name: id.to_string(), id, sku: None, erp_sku: None, inventory: None, value: None };
                if let Some(gift) = Gift::decode(node, context).or_else(|| id().map(unread)) {
                    self.gifts.push(gift, place);
                }
            }
            Kind::Promotion => match DraftedPromotion::decode(node, context) {
                Some(DraftedPromotion { mut promotion, status_written }) => {
                    if !status_written {
                        promotion.status = unwritten;
                    }
                    self.promotions.push(promotion, place);
                }
                None => self.unread.extend(id()),
            },
            Kind::Distribution => {
                if let Some(distribution) = Distribution::decode(node, context) {
                    self.distributions.push(distribution, place);
                }
            }
        }
    }

    /// Declares every store that a promotion names, and `more`, as a scenario does: with nothing but an id.
    pub fn imply_stores(&mut self, source: &'s Source, document: usize, more: impl IntoIterator<Item = Id>) {
        let number = self.source_number(source);
        let mut known: HashSet<Id> = self.stores.documents.iter().map(|store| store.id.clone()).collect();
        let named: Vec<Id> = self.promotions.documents.iter().flat_map(stores_of).cloned().collect();
        for id in named.into_iter().chain(more) {
            if known.insert(id.clone()) {
                let place = DocumentPlace { source: number, document, inline: None, line: 0 };
                self.stores.push(Store { name: id.to_string(), id, minimum_order: None }, place);
            }
        }
    }

    /// Checks everything together.
    ///
    /// # Errors
    /// Everything that is wrong, here and before.
    pub fn finish(self) -> Result<Loaded, Problems> {
        self.check(&Range::Unknown)
    }

    fn finish_with(mut self, products: &Source) -> Result<(Loaded, Products), Problems> {
        match Products::parse(products, self.settings().map(|settings| settings.currency)) {
            Ok(products) => self.check(&Range::Of(&products)).map(|loaded| (loaded, products)),
            Err(problems) => {
                self.problems.extend(problems.as_slice().iter().cloned());
                Err(self.check(&Range::Unreadable).err().unwrap_or(problems))
            }
        }
    }

    fn check(mut self, range: &Range<'_>) -> Result<Loaded, Problems> {
        let counts = Counts {
            files: self.files,
            stores: self.stores.documents.len(),
            gifts: self.gifts.documents.len(),
            promotions: self.promotions.documents.len(),
            published: self.promotions.documents.iter().filter(|promotion| promotion.status == Status::Published).count(),
            distributions: self.distributions.documents.len(),
        };
        // Without settings nothing is loaded, but the other documents are checked all the same.
        let pricing = self.settings.as_ref().map_or_else(stand_in, |settings| settings.pricing.clone());
        let mut findings = self.check_distributions();
        let Documented { documents: stores, places } = std::mem::replace(&mut self.stores, Documented::new());
        let store_places = findings::PlacesOfKind::new(stores.iter().map(|store| &store.id), places);
        let Documented { documents: gifts, places } = std::mem::replace(&mut self.gifts, Documented::new());
        let gift_places = findings::PlacesOfKind::new(gifts.iter().map(|gift| &gift.id), places);
        let Documented { documents: promotions, places } = std::mem::replace(&mut self.promotions, Documented::new());
        let promotion_places = findings::PlacesOfKind::new(promotions.iter().map(|promotion| &promotion.id), places);
        let places = findings::Places { stores: store_places, gifts: gift_places, promotions: promotion_places };
        let ids = findings::Ids::new(&stores, &gifts);
        let catalogue = match Catalogue::new(pricing, stores, gifts, promotions) {
            Ok(catalogue) => {
                let products = match range {
                    Range::Unknown | Range::Unreadable => None,
                    Range::Of(products) => Some(*products),
                };
                let forbidden = self.settings.as_ref().is_some_and(|settings| settings.item_overlap == ItemOverlap::Forbid);
                if forbidden && !self.overlaps_are_checked && !matches!(range, Range::Unreadable) {
                    let pairs = crate::check::overlap::pairs(&catalogue, products).into_iter();
                    findings.extend(pairs.filter_map(|pair| places.overlap(pair, &catalogue)));
                }
                Some(catalogue)
            }
            Err(violations) => {
                findings.extend(violations.into_iter().filter_map(|violation| places.finding(violation)));
                None
            }
        };
        findings::locate(findings, &self.sources, &ids, &mut self.problems);
        match (catalogue, self.settings, self.problems.is_empty()) {
            (Some(catalogue), Some(settings), true) => Ok(Loaded {
                settings,
                catalogue,
                distributions: self.distributions.documents,
                counts,
                revision: self.revision,
                promotion_places: places.promotions.places,
                gift_places: places.gifts.places,
                distribution_places: self.distributions.places,
            }),
            _ => Err(Problems::new(self.problems)),
        }
    }

    fn check_distributions(&self) -> Vec<findings::Finding> {
        findings::of_distributions(
            &self.distributions.documents,
            &self.distributions.places,
            &self.promotions.documents,
            &self.unread,
        )
    }
}

/// The list of a scenario in which documents of a kind stand.
#[must_use]
pub const fn list_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Catalogue => "catalogue",
        Kind::Store => "stores",
        Kind::Gift => "gifts",
        Kind::Promotion => "promotions",
        Kind::Distribution => "distributions",
    }
}

fn stand_in() -> Settings {
    Settings { currency: String::new(), exponent: 0, rounding: Rounding::HalfUp, time_zone: jiff::tz::TimeZone::UTC }
}

/// The kind of a document; `None` for kinds that are no part of a catalogue, and for what is reported.
fn kind_of(root: &Node, context: &mut Context<'_>) -> Option<Kind> {
    if !matches!(root.value, Value::Map(_)) {
        context.expect_map(root);
        return None;
    }
    let names = kind_names();
    let known = || format!("known are {}", listed(&names));
    let Some(kind) = root.get("kind") else {
        let place = (root.line, root.column);
        context.inside(Step::Field("kind"), |context| {
            context.report(place, ProblemKind::MissingField, "is missing: what is this document?", Some(known()));
        });
        return None;
    };
    let Some(name) = kind.text() else {
        context.inside(Step::Field("kind"), |context| {
            let message = format!("is {}, not the name of a kind", what(kind));
            context.report((kind.line, kind.column), ProblemKind::Value, message, Some(known()));
        });
        return None;
    };
    if BESIDE.contains(&name) {
        return None;
    }
    let found = Kind::from_name(name);
    if found.is_none() {
        let hint = did_you_mean(name, &names).unwrap_or_else(known);
        context.inside(Step::Field("kind"), |context| {
            let message = format!("`{}` is not a kind of document", shown(name));
            context.report((kind.line, kind.column), ProblemKind::UnknownField, message, Some(hint));
        });
    }
    found
}

/// Every store that a promotion names.
fn stores_of(promotion: &Promotion) -> impl Iterator<Item = &Id> {
    let owner = match &promotion.owner {
        Owner::Store(id) => Some(id),
        Owner::Platform => None,
    };
    let funders = promotion.funding.iter().filter_map(|funding| match &funding.party {
        Party::Store(id) => Some(id),
        Party::Platform | Party::Seller => None,
    });
    let scopes = std::iter::once(&promotion.scope).chain(promotion.qualify());
    let scoped = scopes.flat_map(|Scope { include, exclude }| include.stores.iter().flatten().chain(&exclude.stores));
    owner.into_iter().chain(funders).chain(scoped)
}

#[cfg(test)]
mod tests;
