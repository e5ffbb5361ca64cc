//! Does every finding of a large catalogue name what is there, and does a check end whatever its shape?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use jiff::Timestamp;
use tokka_catalog::check::{Code, Document, check, check_changed};
use tokka_catalog::{Source, load_to_check};

use crate::market::market;

fn at() -> Result<Timestamp, jiff::Error> {
    "2026-11-25T00:00:00Z".parse()
}

#[test]
fn every_finding_names_documents_that_exist() {
    let mut codes = BTreeSet::new();
    for seed in 0..12 {
        println!("seed {seed}");
        let market = market(400, seed);
        let (loaded, products) = load_to_check(&market.files, Some(&market.products)).unwrap();
        let report = check(&loaded, products.as_ref(), at().unwrap());
        assert!(!report.findings.is_empty());
        for finding in &report.findings {
            codes.insert(finding.code);
            for document in finding.others.iter().chain([&finding.document]) {
                let id = document.id(&loaded, products.as_ref());
                let id = id.unwrap_or_else(|| panic!("seed {seed}: {finding:?} names {document:?}, which is not there"));
                if matches!(document, Document::Product(_)) {
                    continue;
                }
                let place = document.place(&loaded).unwrap();
                let file = &market.files[place.source].text;
                let from = file.lines().skip(place.line as usize - 1).take(3).collect::<String>();
                assert!(from.contains(id), "seed {seed}: `{id}` does not stand on line {} but {from}", place.line);
            }
            let distinct: BTreeSet<_> = finding.others.iter().collect();
            assert_eq!(distinct.len(), finding.others.len(), "seed {seed}: {finding:?}");
        }
    }
    assert!(codes.len() >= 8, "the market is too tame: {codes:?}");
}

#[test]
fn the_order_of_the_files_changes_no_number_of_findings() {
    for seed in 0..4 {
        println!("seed {seed}");
        let mut market = market(3_000, seed);
        let products = market.products.clone();
        let counted = |files: &[Source]| {
            let (loaded, products) = load_to_check(files, Some(&products)).unwrap();
            let mut codes: BTreeMap<_, usize> = BTreeMap::new();
            // Of several chains that lose the same the first is told.
            let report = check(&loaded, products.as_ref(), at().unwrap());
            let others = report.findings.iter().filter(|finding| finding.code != Code::StacksBelowCost);
            others.for_each(|finding| *codes.entry(finding.code).or_default() += 1);
            codes
        };
        let forward = counted(&market.files);
        market.files.reverse();
        assert_eq!(forward, counted(&market.files), "seed {seed}");
    }
}

#[test]
fn promotions_that_all_name_the_same_are_not_compared_with_one_another() {
    let promotions = 8_000;
    let mut text = "kind: catalogue\ncurrency: JPY\n---\n{kind: store, id: shop, name: S}\n".to_owned();
    let start = at().unwrap();
    for number in 0..promotions {
        let hour = |hours: i64| start + jiff::SignedDuration::from_hours(hours);
        let _ = write!(
            text,
            "---\n{{kind: promotion, id: p-{number}, name: P, owner: shop, status: published, scope: {{include: {{skus: [a]}}}}, \
             window: {{start: \"{}\", end: \"{}\"}}, stacking: {{set: true}}, item_price: {{percent_off: \"{}\"}}}}\n",
            hour(number),
            hour(number + 1),
            1 + number % 50,
        );
    }
    let files = [Source { name: "one-an-hour.yaml".to_owned(), text }];
    let (loaded, _) = load_to_check(&files, None).unwrap();
    assert_eq!(check(&loaded, None, start).findings, [], "each is over when the next begins");
}

/// What a publication asks: it must be told all that a look at everything tells of the same promotions.
#[test]
fn a_look_at_some_promotions_tells_of_them_what_a_look_at_all_tells() {
    for seed in 0..2 {
        println!("seed {seed}");
        let market = market(400, seed);
        let (loaded, products) = load_to_check(&market.files, Some(&market.products)).unwrap();
        for products in [None, products.as_ref()] {
            let all = check(&loaded, products, at().unwrap());
            let every = (0..loaded.catalogue.promotions().len()).map(Document::Promotion);
            let every = every.chain((0..loaded.catalogue.gifts().len()).map(Document::Gift));
            let every = every.chain((0..loaded.distributions.len()).map(Document::Distribution));
            let every = every.chain((0..products.map_or(0, |products| products.len())).map(Document::Product));
            let every: BTreeSet<Document> = every.collect();
            assert_eq!(check_changed(&loaded, products, at().unwrap(), &every), all, "seed {seed}");
            let mut told = 0;
            for number in (0..loaded.catalogue.promotions().len()).step_by(23) {
                let one = Document::Promotion(number);
                let some = check_changed(&loaded, products, at().unwrap(), &BTreeSet::from([one]));
                let of = |findings: &[tokka_catalog::check::Finding]| {
                    findings.iter().filter(|finding| finding.document == one).cloned().collect::<Vec<_>>()
                };
                assert_eq!(of(&some.findings), of(&all.findings), "seed {seed}");
                assert!(some.findings.iter().all(|finding| finding.concerns(one)), "seed {seed}");
                // Whoever meets it is told, too, whichever of both begins first.
                for finding in all.concerning(one).filter(|finding| finding.code == Code::ItemOverlap) {
                    let again =
                        |told: &&tokka_catalog::check::Finding| told.document == finding.document && told.code == finding.code;
                    assert!(some.findings.iter().any(|told| again(&told)), "seed {seed}: {finding:?}");
                }
                told += some.findings.len();
            }
            assert!(told > 0, "seed {seed}: the market is too tame");
        }
    }
}
