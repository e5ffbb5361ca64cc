//! What fields does a map have? The one place where each is described.

use serde_json::{Map, Value as Json, json};

use super::Rule;

/// Describes a map of fields, and by it makes the struct, its decoding and its JSON Schema.
///
/// ```
/// tokka_catalog::document! {
///     /// A box.
///     pub struct BoxDocument {
///         /// How wide, in centimetres.
///         width: tokka_catalog::values::Count [required],
///         /// What is written on it.
///         label: String [optional],
///         /// How often it is sold.
///         packs: i32 [default 1 => 1],
///     }
///     needs(label => width);
/// }
/// ```
///
/// A field is `required`, `optional` (an `Option`), or has a `default`, written as the value and as JSON. A field whose name
/// is a word of Rust is renamed: `units as "return": …`. Rules follow: `exactly_one(a, b)`, `at_most_one(a, b)`,
/// `needs(a => b)`. A doc comment becomes the description in the schema.
#[macro_export]
macro_rules! document {
    (
        $(#[doc = $doc:literal])+
        $vis:vis struct $name:ident {
            $( $(#[doc = $field_doc:literal])+ $field:ident $(as $key:literal)? : $type:ty [ $($presence:tt)+ ] ),+ $(,)?
        }
        $( $rule:ident ( $($rule_fields:tt)* ); )*
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $field_doc])+ $vis $field: $crate::document!(@type $type, $($presence)+), )+
        }

        impl $name {
            const RULES: &'static [$crate::decode::Rule] = &[ $( $crate::document!(@rule $rule $($rule_fields)*) ),* ];

            /// Its schema, written out and not as a reference.
            $vis fn own_schema(definitions: &mut $crate::decode::Definitions) -> ::serde_json::Value {
                let mut object = $crate::decode::ObjectSchema::new(concat!($($doc),+));
                $(
                    let schema = <$type as $crate::decode::Decode>::schema(definitions);
                    $crate::document!(
                        @property object, $crate::document!(@key $field $($key)?), concat!($($field_doc),+), schema, $type, $($presence)+
                    );
                )+
                object.finish(Self::RULES)
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &$crate::yaml::Node, context: &mut $crate::decode::Context<'_>) -> Option<Self> {
                context.expect_map(node)?;
                $( let mut $field = $crate::decode::Slot::<$type>::Missing; )+
                for entry in node.entries() {
                    match &*entry.key {
                        $(
                            key if key == $crate::document!(@key $field $($key)?) => {
                                $field = context.slot($crate::document!(@key $field $($key)?), &entry.value);
                            }
                        )+
                        _ => context.unknown_field(entry, &[ $( $crate::document!(@key $field $($key)?) ),+ ]),
                    }
                }
                let broken = Self::RULES.iter().filter(|rule| !rule.holds(node, context)).count();
                $( let $field = $crate::document!(@take context, node, $field, $crate::document!(@key $field $($key)?), $($presence)+); )+
                // Only now, when every field was looked at.
                if broken > 0 {
                    return None;
                }
                Some(Self { $( $field: $field? ),+ })
            }

            fn schema(definitions: &mut $crate::decode::Definitions) -> ::serde_json::Value {
                let name = stringify!($name);
                definitions.refer(name.strip_suffix("Document").unwrap_or(name), Self::own_schema)
            }
        }
    };

    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };

    (@type $type:ty, required) => { $type };
    (@type $type:ty, optional) => { Option<$type> };
    (@type $type:ty, default $value:expr => $json:tt) => { $type };

    (@take $context:ident, $node:ident, $slot:ident, $key:expr, required) => { $context.required($node, $key, $slot) };
    (@take $context:ident, $node:ident, $slot:ident, $key:expr, optional) => {
        match $slot {
            $crate::decode::Slot::Value(value) => Some(Some(value)),
            $crate::decode::Slot::Missing | $crate::decode::Slot::Null => Some(None),
            $crate::decode::Slot::Failed => None,
        }
    };
    (@take $context:ident, $node:ident, $slot:ident, $key:expr, default $value:expr => $json:tt) => {
        match $slot {
            $crate::decode::Slot::Value(value) => Some(value),
            $crate::decode::Slot::Missing | $crate::decode::Slot::Null => Some($value),
            $crate::decode::Slot::Failed => None,
        }
    };

    (@property $object:ident, $key:expr, $doc:expr, $schema:ident, $type:ty, required) => {
        $object.required($key, $doc, $schema)
    };
    (@property $object:ident, $key:expr, $doc:expr, $schema:ident, $type:ty, optional) => {
        $object.optional($key, $doc, $schema)
    };
    (@property $object:ident, $key:expr, $doc:expr, $schema:ident, $type:ty, default $value:expr => $json:tt) => {{
        #[cfg(test)]
        $crate::decode::assert_default::<$type>($key, &$value, &::serde_json::json!($json));
        $object.default($key, $doc, $schema, ::serde_json::json!($json))
    }};

    (@rule exactly_one $($field:ident),+) => { $crate::decode::Rule::ExactlyOne(&[ $( stringify!($field) ),+ ]) };
    (@rule at_most_one $($field:ident),+) => { $crate::decode::Rule::AtMostOne(&[ $( stringify!($field) ),+ ]) };
    (@rule needs $field:ident => $other:ident) => { $crate::decode::Rule::Needs(stringify!($field), stringify!($other)) };
}

/// The schema of a map of fields, while it is collected.
#[derive(Debug)]
pub struct ObjectSchema {
    description: &'static str,
    properties: Map<String, Json>,
    required: Vec<&'static str>,
}

impl ObjectSchema {
    /// An object with no fields yet.
    #[must_use]
    pub fn new(description: &'static str) -> Self {
        Self { description: description.trim(), properties: Map::new(), required: Vec::new() }
    }

    fn property(&mut self, key: &'static str, doc: &str, schema: Json) {
        self.properties.insert(key.to_owned(), super::with(schema, "description", doc.trim()));
    }

    /// A field that has to be there.
    pub fn required(&mut self, key: &'static str, doc: &str, schema: Json) {
        self.required.push(key);
        self.property(key, doc, schema);
    }

    /// A field that may be missing, or `null`.
    pub fn optional(&mut self, key: &'static str, doc: &str, schema: Json) {
        self.property(key, doc, super::nullable(schema));
    }

    /// A field that may be missing, or `null`, and then counts as `default`.
    pub fn default(&mut self, key: &'static str, doc: &str, schema: Json, default: Json) {
        self.property(key, doc, super::with(super::nullable(schema), "default", default));
    }

    /// The schema.
    #[must_use]
    pub fn finish(self, rules: &[Rule]) -> Json {
        let object = json!({
            "type": "object",
            "description": self.description,
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": false,
        });
        if rules.is_empty() {
            return object;
        }
        super::with(object, "allOf", rules.iter().map(|rule| rule.schema()).collect::<Vec<_>>())
    }
}

/// Checks that a default means the same as a value and as JSON: what [`document!`](crate::document) does in tests.
///
/// # Panics
/// If it does not.
pub fn assert_default<T: super::Decode + PartialEq + std::fmt::Debug>(key: &str, value: &T, json: &Json) {
    let text = json.to_string();
    let mut context = super::Context::new("default", None);
    let root = crate::yaml::Documents::new("default", &text).next().and_then(|document| document.root);
    let decoded = root.and_then(|node| T::decode(&node, &mut context));
    assert_eq!(decoded.as_ref(), Some(value), "the default of `{key}` and its JSON {text} differ: {:?}", context.into_problems());
}
