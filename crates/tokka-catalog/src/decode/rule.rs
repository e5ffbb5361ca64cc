//! Which fields of one map go together?

use serde_json::{Value as Json, json};

use super::Context;
use crate::problem::listed;
use crate::yaml::Node;

/// A rule about which fields stand beside each other.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// One of these has to be written, and no second one.
    ExactlyOne(&'static [&'static str]),
    /// Of these at most one may be written.
    AtMostOne(&'static [&'static str]),
    /// The first may be written only beside the second.
    Needs(&'static str, &'static str),
}

impl Rule {
    /// Says whether a map keeps the rule, and reports where it does not.
    pub fn holds(self, node: &Node, context: &mut Context<'_>) -> bool {
        match self {
            Self::ExactlyOne(fields) => {
                if fields.iter().any(|field| node.get(field).is_some()) {
                    return at_most_one(fields, node, context);
                }
                context.contradiction(node, "", format!("has none of {}", listed(fields)), "write exactly one of them");
                false
            }
            Self::AtMostOne(fields) => at_most_one(fields, node, context),
            Self::Needs(field, other) => {
                if node.get(field).is_none() || node.get(other).is_some() {
                    return true;
                }
                let message = format!("goes with `{other}` only");
                context.contradiction(node, field, message, format!("leave it out, or write `{other}`"));
                false
            }
        }
    }

    /// The same rule in JSON Schema.
    #[must_use]
    pub fn schema(self) -> Json {
        let required = |field: &&str| json!({ "required": [field] });
        match self {
            Self::ExactlyOne(fields) => json!({ "oneOf": fields.iter().map(required).collect::<Vec<_>>() }),
            Self::AtMostOne(fields) => {
                let none = json!({ "not": { "anyOf": fields.iter().map(required).collect::<Vec<_>>() } });
                let one = fields.iter().map(required);
                json!({ "oneOf": one.chain([none]).collect::<Vec<_>>() })
            }
            Self::Needs(field, other) => json!({ "dependentRequired": { field: [other] } }),
        }
    }
}

/// Names the first two of several that are written, at the second.
fn at_most_one(fields: &[&'static str], node: &Node, context: &mut Context<'_>) -> bool {
    let mut written = node.entries().iter().filter(|entry| !entry.value.is_null() && fields.contains(&&*entry.key));
    let (Some(first), Some(second)) = (written.next(), written.next()) else { return true };
    let message = format!("stands beside `{}`", first.key);
    context.contradiction(node, &second.key, message, format!("write one of {}", listed(fields)));
    false
}
