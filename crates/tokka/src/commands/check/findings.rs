//! How are findings told? Line by line with their files, counted by code, or as JSON.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tokka_catalog::check::{Code, Document, Finding, Number, Report, Severity, percent};
use tokka_catalog::{Loaded, Problems, Products, Source};

use crate::grid::{Grid, Side};
use crate::money::{count, grouped};

/// Of one code so many are printed, unless all are asked for.
const SHOWN_MAX: usize = 20;
/// Where the pages of the codes are.
const PAGES: &str = "docs/findings";

/// What was found, with what it was found in.
pub(super) struct Told<'a> {
    pub(super) report: &'a Report,
    pub(super) loaded: &'a Loaded,
    pub(super) products: Option<&'a Products>,
    pub(super) sources: &'a [Source],
    /// The name of the file of products.
    pub(super) csv: Option<&'a str>,
}

/// As it is said of a finding: one that is acknowledged is no longer blocking.
fn weight(finding: &Finding) -> &'static str {
    if finding.acknowledged { "acknowledged" } else { finding.severity.name() }
}

impl Told<'_> {
    /// One line a finding, what blocks first, and how many there are of each code.
    pub(super) fn text(&self, all: bool) -> String {
        let findings = &self.report.findings;
        if findings.is_empty() {
            return "\nno findings\n".to_owned();
        }
        let of = |word: &str| findings.iter().filter(|finding| weight(finding) == word).count() as i64;
        let mut counted = Vec::new();
        for (word, noun) in [("blocking", "blocking finding"), ("warning", "warning"), ("note", "note")] {
            if of(word) > 0 {
                counted.push(count(of(word), noun));
            }
        }
        if of("acknowledged") > 0 {
            counted.push(format!("{} acknowledged", grouped(of("acknowledged"))));
        }
        let mut text = format!("\n{}\n\n", counted.join(", "));
        let mut order: Vec<&Finding> = findings.iter().collect();
        order.sort_by_key(|finding| (std::cmp::Reverse(finding.blocks()), std::cmp::Reverse(finding.severity), finding.code));
        for same in order.chunk_by(|a, b| (a.code, a.severity, a.blocks()) == (b.code, b.severity, b.blocks())) {
            let shown = if all { same.len() } else { same.len().min(SHOWN_MAX) };
            same.iter().take(shown).for_each(|finding| text.push_str(&self.line(finding)));
            if let (Some(first), hidden @ 1..) = (same.first(), same.len() - shown) {
                text.push_str(&format!(
                    "{}: {} more {}; `--all` prints them\n",
                    weight(first),
                    grouped(hidden as i64),
                    first.code
                ));
            }
        }
        text.push('\n');
        text.push_str(&self.by_code());
        text
    }

    /// `warning: file:line: promotion `id`: field: what is odd [CODE]`
    fn line(&self, finding: &Finding) -> String {
        let place = self.place(finding.document).map_or_else(String::new, |(file, line)| format!("{file}:{line}: "));
        let id = finding.document.id(self.loaded, self.products).unwrap_or_default();
        let path = if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path) };
        let (kind, message) = (finding.document.kind(), &finding.message);
        format!("{}: {place}{kind} `{id}`: {path}{message} [{}]\n", weight(finding), finding.code)
    }

    fn by_code(&self) -> String {
        let mut codes: BTreeMap<(std::cmp::Reverse<Severity>, Code), [i64; 2]> = BTreeMap::new();
        for finding in &self.report.findings {
            let [found, acknowledged] = codes.entry((std::cmp::Reverse(finding.severity), finding.code)).or_default();
            *found += 1;
            *acknowledged += i64::from(finding.acknowledged);
        }
        let columns = [("code", Side::Left), ("severity", Side::Left), ("found", Side::Right), ("acknowledged", Side::Right)];
        let mut grid = Grid::new(columns.into_iter().chain([("page", Side::Left)]));
        for ((severity, code), [found, acknowledged]) in codes {
            let acknowledged = if acknowledged == 0 { String::new() } else { grouped(acknowledged) };
            let page = format!("{PAGES}/{code}.md");
            grid.row([code.to_string(), severity.0.name().to_owned(), grouped(found), acknowledged, page]);
        }
        grid.text()
    }

    fn place(&self, document: Document) -> Option<(&str, u32)> {
        if let Document::Product(at) = document {
            return Some((self.csv?, self.products?.get(at)?.line));
        }
        let place = document.place(self.loaded)?;
        Some((self.sources.get(place.source)?.name.as_str(), place.line))
    }

    /// Everything, for programs.
    pub(super) fn json(&self) -> Json {
        let findings: Vec<Json> = self.report.findings.iter().map(|finding| self.finding_json(finding)).collect();
        json!({
            "currency": self.loaded.settings.currency.code(),
            "blocked": self.report.blocks(),
            "problems": [],
            "findings": findings,
        })
    }

    fn finding_json(&self, finding: &Finding) -> Json {
        let number = |(name, number): &(&str, Number)| match number {
            Number::Amount(amount) => json!({ "name": name, "amount": amount.get() }),
            Number::Percent(micro) => json!({ "name": name, "percent": percent(*micro) }),
            Number::Count(count) => json!({ "name": name, "count": count }),
        };
        json!({
            "code": finding.code.name(),
            "severity": finding.severity.name(),
            "acknowledged": finding.acknowledged,
            "blocks": finding.blocks(),
            "page": format!("{PAGES}/{}.md", finding.code),
            "document": self.document_json(finding.document),
            "path": finding.path,
            "message": finding.message,
            "numbers": finding.numbers.iter().map(number).collect::<Vec<_>>(),
            "others": finding.others.iter().map(|other| self.document_json(*other)).collect::<Vec<_>>(),
        })
    }

    fn document_json(&self, document: Document) -> Json {
        let place = self.place(document);
        json!({
            "kind": document.kind(),
            "id": document.id(self.loaded, self.products),
            "store": match document {
                Document::Product(at) => self.products.and_then(|products| products.get(at)).map(|product| product.store.as_str()),
                _ => None,
            },
            "file": place.map(|(file, _)| file),
            "line": place.map(|(_, line)| line),
        })
    }
}

/// What is wrong, for programs: a catalogue with problems has no findings.
pub(super) fn problems_json(problems: &Problems) -> Json {
    let problem = |problem: &tokka_catalog::Problem| {
        json!({
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "path": problem.path,
            "message": problem.message,
            "hint": problem.hint,
        })
    };
    json!({ "blocked": true, "problems": problems.into_iter().map(problem).collect::<Vec<_>>(), "findings": [] })
}
