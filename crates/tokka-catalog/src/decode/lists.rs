//! How are several values written? As lists, and as maps of free keys.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Context, Decode, Definitions, Key, Step};
use crate::yaml::Node;

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let nodes = context.list(node)?;
        let mut values = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            values.extend(context.inside(Step::Index(index), |context| T::decode(node, context)));
        }
        // An element that failed fails the list, once all its elements were looked at.
        (values.len() == nodes.len()).then_some(values)
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({ "type": "array", "items": T::schema(definitions) })
    }
}

impl<K: Key, T: Decode> Decode for BTreeMap<K, T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        context.expect_map(node)?;
        let mut values = BTreeMap::new();
        let mut failed = false;
        for entry in node.entries() {
            let key = context.key::<K>(entry);
            let value = context.inside(Step::Key(entry.key.clone()), |context| T::decode(&entry.value, context));
            match (key, value) {
                (Some(key), Some(value)) => {
                    values.insert(key, value);
                }
                _ => failed = true,
            }
        }
        (!failed).then_some(values)
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({ "type": "object", "propertyNames": K::key_schema(), "additionalProperties": T::schema(definitions) })
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        T::decode(node, context).map(Box::new)
    }

    fn schema(definitions: &mut Definitions) -> Json {
        T::schema(definitions)
    }
}
