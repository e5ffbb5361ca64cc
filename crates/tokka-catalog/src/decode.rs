//! How does a node become a value? By one description of each kind of document, which decodes, finds unknown fields,
//! knows the defaults and prints the JSON Schema.
//!
//! [`document!`](crate::document) describes a map of fields; [`Decode`] is what every value knows how to do. Decoding
//! never stops at the first problem: it collects them in the [`Context`] and goes on.

use serde_json::{Map, Value as Json, json};

use crate::yaml::Node;

pub use self::context::{Context, Slot, Step, what};
pub use self::document::{ObjectSchema, assert_default};
pub use self::later::Later;
pub use self::rule::Rule;

mod choice;
mod context;
mod document;
mod later;
mod lists;
mod rule;

/// A value that a node can hold.
pub trait Decode: Sized {
    /// Reads a node. `None` says that a problem was reported; a value does not say that there was none.
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self>;

    /// The JSON Schema of what [`Decode::decode`] accepts; named parts go to `definitions`.
    fn schema(definitions: &mut Definitions) -> Json;
}

/// A word that a value can be written as where it is the key of a map.
pub trait Key: Ord + Sized {
    /// Reads a key.
    ///
    /// # Errors
    /// What is wrong with it.
    fn from_key(key: &str) -> Result<Self, String>;

    /// The JSON Schema of a key.
    fn key_schema() -> Json;
}

/// Schemas by name, which others refer to.
#[derive(Debug, Default)]
pub struct Definitions(Map<String, Json>);

impl Definitions {
    /// A reference to the schema called `name`, which `schema` makes where it is not there yet.
    pub fn refer(&mut self, name: &str, schema: impl FnOnce(&mut Self) -> Json) -> Json {
        if !self.0.contains_key(name) {
            // Its place is taken first, so that a schema that contains itself ends.
            self.0.insert(name.to_owned(), Json::Null);
            let schema = schema(self);
            self.0.insert(name.to_owned(), schema);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// The schemas, by name.
    #[must_use]
    pub fn into_json(self) -> Json {
        Json::Object(self.0)
    }
}

/// A schema that also accepts `null`, which stands for a field that is not written.
#[must_use]
pub fn nullable(schema: Json) -> Json {
    match schema {
        Json::Object(mut object) if !object.contains_key("enum") && object.get("type").is_some_and(Json::is_string) => {
            let kind = object.remove("type").unwrap_or_default();
            object.insert("type".to_owned(), json!([kind, "null"]));
            Json::Object(object)
        }
        other => json!({ "anyOf": [other, { "type": "null" }] }),
    }
}

/// A schema with more said about it.
#[must_use]
pub fn with(schema: Json, key: &str, value: impl Into<Json>) -> Json {
    match schema {
        Json::Object(mut object) => {
            object.insert(key.to_owned(), value.into());
            Json::Object(object)
        }
        other => other,
    }
}
