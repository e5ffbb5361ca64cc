//! How are the fields of a document put together, and what says nothing left out?

use serde_json::{Map, Value as Json};

use crate::documents::Kind;

/// A map of fields, in the order in which they are put.
pub(super) struct Fields(Map<String, Json>);

impl Fields {
    pub(super) fn new() -> Self {
        Self(Map::new())
    }

    pub(super) fn of_kind(kind: Kind) -> Self {
        Self::new().field("kind", kind.name())
    }

    pub(super) fn field(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Left out where there is none.
    pub(super) fn optional(self, key: &str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.field(key, value),
            None => self,
        }
    }

    /// Left out where it is the default.
    pub(super) fn unless(self, key: &str, value: impl Into<Json>, default: bool) -> Self {
        if default { self } else { self.field(key, value) }
    }

    /// Left out where it is an empty list or map, for fields in which that is the default.
    pub(super) fn filled(self, key: &str, value: Json) -> Self {
        let empty = match &value {
            Json::Array(values) => values.is_empty(),
            Json::Object(fields) => fields.is_empty(),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
        };
        self.unless(key, value, empty)
    }

    pub(super) fn into_json(self) -> Json {
        Json::Object(self.0)
    }
}
