//! What does each document say by itself, and do documents that were read before make a catalogue? For whoever keeps
//! documents one by one: nothing is parsed again that did not change.

use tokka_core::catalogue::{Gift, Store};
use tokka_core::promotion::Promotion;

use super::{Assembly, DocumentPlace, Loaded};
use crate::documents::{CatalogueSettings, Distribution, Kind};
use crate::problem::{Problem, Problems};
use crate::source::Source;

/// What one document says.
#[derive(Debug, Clone)]
pub enum DocumentValue {
    /// What holds for the whole catalogue.
    Catalogue(Box<CatalogueSettings>),
    /// A seller.
    Store(Store),
    /// An entry of the gift library.
    Gift(Gift),
    /// A promotion or a coupon; one that does not say its status is a draft.
    Promotion(Box<Promotion>),
    /// How a coupon is handed out.
    Distribution(Box<Distribution>),
}

impl DocumentValue {
    /// Which kind of document it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Catalogue(_) => Kind::Catalogue,
            Self::Store(_) => Kind::Store,
            Self::Gift(_) => Kind::Gift,
            Self::Promotion(_) => Kind::Promotion,
            Self::Distribution(_) => Kind::Distribution,
        }
    }

    /// Its id; empty for the settings of the catalogue.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Catalogue(_) => "",
            Self::Store(store) => store.id.as_str(),
            Self::Gift(gift) => gift.id.as_str(),
            Self::Promotion(promotion) => promotion.id.as_str(),
            Self::Distribution(distribution) => distribution.id.as_str(),
        }
    }
}

/// Reads the documents of texts, each by itself: what they say of one another is not looked at. Amounts are of the currency
/// of their own catalogue document, or else of `settings`.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn read_apart(
    sources: &[Source],
    settings: Option<&CatalogueSettings>,
) -> Result<Vec<(DocumentValue, DocumentPlace)>, Problems> {
    let mut assembly = Assembly::new(sources);
    assembly.find_settings();
    let own = assembly.has_catalogue_document();
    if let (false, Some(settings)) = (own, settings) {
        assembly.set_settings(settings.clone());
    }
    assembly.read_documents();
    if !assembly.problems.is_empty() {
        return Err(Problems::new(assembly.problems));
    }
    let mut documents = Vec::new();
    if let (true, Some(settings)) = (own, assembly.settings) {
        let place = DocumentPlace { source: 0, document: 0, inline: None, line: 0 };
        documents.push((DocumentValue::Catalogue(Box::new(settings)), place));
    }
    let stores = assembly.stores;
    documents.extend(stores.documents.into_iter().map(DocumentValue::Store).zip(stores.places));
    let gifts = assembly.gifts;
    documents.extend(gifts.documents.into_iter().map(DocumentValue::Gift).zip(gifts.places));
    let promotions = assembly.promotions;
    let values = promotions.documents.into_iter().map(|promotion| DocumentValue::Promotion(Box::new(promotion)));
    documents.extend(values.zip(promotions.places));
    let distributions = assembly.distributions;
    let values = distributions.documents.into_iter().map(|distribution| DocumentValue::Distribution(Box::new(distribution)));
    documents.extend(values.zip(distributions.places));
    Ok(documents)
}

/// Puts documents together that were read before, each with the text that problems are shown in. Item promotions that
/// `item_overlap: forbid` refuses are left to the [check](crate::check_changed): what may come into force is decided when it
/// does, beside the products that were known then, and not each time that it is put together.
///
/// # Errors
/// Everything that is wrong with them together.
pub fn put_together(sources: &[Source], documents: impl IntoIterator<Item = DocumentValue>) -> Result<Loaded, Problems> {
    let mut assembly = Assembly::new(sources);
    assembly.overlaps_are_checked = true;
    for (source, document) in documents.into_iter().enumerate() {
        let place = DocumentPlace { source, document: 0, inline: None, line: 1 };
        match document {
            DocumentValue::Catalogue(settings) => {
                assembly.catalogue_documents += 1;
                assembly.settings = Some(*settings);
            }
            DocumentValue::Store(store) => assembly.stores.push(store, place),
            DocumentValue::Gift(gift) => assembly.gifts.push(gift, place),
            DocumentValue::Promotion(promotion) => assembly.promotions.push(*promotion, place),
            DocumentValue::Distribution(distribution) => assembly.distributions.push(*distribution, place),
        }
    }
    if !assembly.has_catalogue_document() {
        let hint = "write one document with `kind: catalogue` and its `currency`";
        let message = "there is no document of kind `catalogue`";
        return Err(Problems::from(Problem::of_all(crate::ProblemKind::Rule, message, hint)));
    }
    assembly.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;

    const SHOP: &str = r#"
{kind: catalogue, currency: USD, time_zone: Asia/Tokyo, rounding: down, item_overlap: forbid, refund_policy: clawback,
 hold: {default: 90s, max: 3d}, usage_max_age: 75ms}
---
{kind: store, id: shop, name: Shop, minimum_order: "10.50"}
---
{kind: gift, id: tote, name: Tote, inventory: 3}
---
{kind: promotion, id: c, name: C, owner: shop, status: published, coupon: {amount_off: "1.25"}}
---
{kind: distribution, id: d, coupon: c, channel: email, visible: true, window: {start: "2026-11-01T00:00:00Z"}, issued: 100,
 per_user: 2, valid_for: 14d, codes: {shared: SAVE, uses: 50}}
---
{kind: distribution, id: e, coupon: c, codes: {count: 7}, valid_for: 36h}
"#;

    fn source(text: &str) -> Source {
        Source { name: "shop.yaml".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_is_written_back_is_read_to_the_same() {
        let read = read_apart(&[source(SHOP)], None).expect("documents");
        let Some((DocumentValue::Catalogue(settings), _)) = read.first() else { panic!("no settings") };
        let texts: Vec<Source> =
            read.iter().map(|(value, _)| source(&encode::canonical(&encode::document(value, settings)))).collect();
        assert_eq!(texts.len(), 6);
        for (text, (value, _)) in texts.iter().zip(&read) {
            let again = read_apart(std::slice::from_ref(text), Some(settings)).expect("a document");
            let [(again, _)] = &again[..] else { panic!("{again:?}") };
            assert_eq!(format!("{again:?}"), format!("{value:?}"));
        }
        let loaded = put_together(&texts, read.iter().map(|(value, _)| value.clone())).expect("a catalogue");
        assert_eq!((loaded.counts.promotions, loaded.distributions.len()), (1, 2));
    }

    #[test]
    fn defaults_are_left_out() {
        let read = read_apart(&[source("{kind: catalogue, currency: JPY}")], None).expect("documents");
        let Some((DocumentValue::Catalogue(settings), _)) = read.first() else { panic!("no settings") };
        let text = encode::canonical(&encode::document(&read[0].0, settings));
        assert_eq!(text, r#"{"currency":"JPY","kind":"catalogue"}"#);
    }

    #[test]
    fn what_is_wrong_together_is_told_in_its_document() {
        let read = read_apart(&[source(SHOP)], None).expect("documents");
        let left: Vec<_> = read.iter().map(|(value, _)| value).filter(|value| value.kind() != Kind::Store).collect();
        let name =
            |value: &&DocumentValue| Source { name: format!("{}/{}", value.kind().name(), value.id()), text: String::new() };
        let sources: Vec<Source> = left.iter().map(name).collect();
        let problems = put_together(&sources, left.iter().copied().cloned()).expect_err("a problem");
        assert!(problems.to_string().contains("promotion/c:1:1: owner: no store is called `shop`"), "{problems}");
        let without = put_together(&[], []).expect_err("a problem");
        assert!(without.to_string().contains("no document of kind `catalogue`"), "{without}");
    }
}
