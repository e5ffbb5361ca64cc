//! Which kinds of documents are there, and what may stand in each?

use serde_json::{Value as Json, json};

use crate::decode::{Definitions, with};

pub use self::catalogue::{CatalogueSettings, ItemOverlap};
pub use self::distribution::{CODES_MAX, Codes, Distribution};
pub use self::promotion::DraftedPromotion;

mod catalogue;
mod distribution;
mod promotion;
mod rules;

/// The documents of a catalogue; scenarios and baskets are kinds of files that stand beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What holds for all promotions; exactly one a catalogue.
    Catalogue,
    /// A seller.
    Store,
    /// An entry of the gift library.
    Gift,
    /// A promotion or a coupon.
    Promotion,
    /// How a coupon is handed out.
    Distribution,
}

impl Kind {
    /// All kinds of a catalogue.
    pub const ALL: [Kind; 5] = [Self::Catalogue, Self::Store, Self::Gift, Self::Promotion, Self::Distribution];

    /// As written in `kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Store => "store",
            Self::Gift => "gift",
            Self::Promotion => "promotion",
            Self::Distribution => "distribution",
        }
    }

    /// By its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Kinds of documents that may stand in the folder of a catalogue and are not part of it.
pub const BESIDE: [&str; 2] = ["scenario", "basket"];

/// The names of all kinds, those beside a catalogue too.
#[must_use]
pub fn kind_names() -> Vec<&'static str> {
    Kind::ALL.into_iter().map(Kind::name).chain(BESIDE).collect()
}

/// The JSON Schema of a kind of document of a catalogue, by its name.
#[must_use]
pub fn schema(kind: &str) -> Option<Json> {
    let mut definitions = Definitions::default();
    let own = match Kind::from_name(kind)? {
        Kind::Catalogue => catalogue::CatalogueDocument::own_schema(&mut definitions),
        Kind::Store => catalogue::StoreDocument::own_schema(&mut definitions),
        Kind::Gift => catalogue::GiftDocument::own_schema(&mut definitions),
        Kind::Promotion => promotion::PromotionDocument::own_schema(&mut definitions),
        Kind::Distribution => distribution::DistributionDocument::own_schema(&mut definitions),
    };
    Some(document_schema(kind, own, definitions))
}

/// Makes a whole schema of that of a document's fields: with `kind`, a title and the definitions.
#[must_use]
pub fn document_schema(kind: &str, own: Json, definitions: Definitions) -> Json {
    let mut properties = own.get("properties").cloned().unwrap_or_else(|| json!({}));
    let mut required = own.get("required").cloned().unwrap_or_else(|| json!([]));
    if let Some(properties) = properties.as_object_mut() {
        properties.insert("kind".to_owned(), json!({ "const": kind, "description": "What this document is." }));
    }
    if let Some(required) = required.as_array_mut() {
        required.insert(0, json!("kind"));
    }
    let own = with(with(own, "properties", properties), "required", required);
    let own = with(with(own, "$schema", "https://json-schema.org/draft/2020-12/schema"), "title", format!("tokka {kind}"));
    with(own, "$defs", definitions.into_json())
}

/// Makes a type of the core decodable through the document that describes it.
macro_rules! built {
    ($($target:ty, $document:ty);+ $(;)?) => {$(
        impl $crate::decode::Decode for $target {
            fn decode(node: &$crate::yaml::Node, context: &mut $crate::decode::Context<'_>) -> Option<Self> {
                <$document as $crate::decode::Decode>::decode(node, context)?.build(node, context)
            }

            fn schema(definitions: &mut $crate::decode::Definitions) -> ::serde_json::Value {
                <$document as $crate::decode::Decode>::schema(definitions)
            }
        }
    )+};
}
use built;
