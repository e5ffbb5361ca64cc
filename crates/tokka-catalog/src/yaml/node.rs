//! What does a place of a document hold?

use serde_json::Value as Json;

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// What it holds.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A word, a number, a text.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Fields, in the order written, no key twice.
    Map(Vec<Entry>),
}

/// A scalar as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// Its text, without quotes.
    pub text: Box<str>,
    /// Without quotes: only then it may be a number, a truth or nothing.
    pub plain: bool,
}

/// A field of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub key: Box<str>,
    /// Line of the key, counted from 1.
    pub line: u32,
    /// Column of the key, counted from 1.
    pub column: u32,
    /// What it holds.
    pub value: Node,
}

/// What a scalar is in the core schema of YAML 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number, in any notation.
    Integer,
    /// A number with a point or an exponent.
    Float,
    /// Anything else, and everything in quotes.
    Text,
}

impl Scalar {
    /// Its type in the core schema.
    #[must_use]
    pub fn resolve(&self) -> Resolved {
        if !self.plain {
            return Resolved::Text;
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
            "true" | "True" | "TRUE" => Resolved::Bool(true),
            "false" | "False" | "FALSE" => Resolved::Bool(false),
            text => number(text),
        }
    }
}

fn number(text: &str) -> Resolved {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(unsigned) {
        return Resolved::Integer;
    }
    let radix = |prefix: &str, radix: u32| {
        text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    if radix("0x", 16) || radix("0o", 8) {
        return Resolved::Integer;
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Resolved::Float;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let decimal = (digits(whole) && (part.is_empty() || digits(part))) || (whole.is_empty() && digits(part));
    if decimal && exponent.is_none_or(digits) { Resolved::Float } else { Resolved::Text }
}

impl Node {
    /// An empty map.
    #[must_use]
    pub fn empty_map() -> Self {
        Self { line: 1, column: 1, value: Value::Map(Vec::new()) }
    }

    /// A map in two: the fields named, and the others.
    #[must_use]
    pub fn split(&self, fields: &[&str]) -> (Self, Self) {
        let (named, others) = self.entries().iter().cloned().partition(|entry| fields.contains(&&*entry.key));
        let map = |entries: Vec<Entry>| Self { value: Value::Map(entries), ..*self };
        (map(named), map(others))
    }

    /// Is it `null`, or nothing at all?
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.resolve() == Resolved::Null)
    }

    /// The fields of a map; none of anything else.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The field of a map.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// The value of a field of a map, where it is written and not `null`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value).filter(|value| !value.is_null())
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The place that a path such as `buy_get.tiers[1].get` or `select[mask-50]` leads to: line and column of the last step
    /// that is there. A key may itself hold points and brackets: the longest key that fits is taken.
    #[must_use]
    pub fn locate(&self, path: &str) -> (u32, u32) {
        let (mut node, mut place, mut rest) = (self, (self.line, self.column), path);
        while !rest.is_empty() {
            let step = match &node.value {
                Value::Map(entries) => entries
                    .iter()
                    .filter_map(|entry| Some((entry, after_key(rest, &entry.key)?)))
                    .max_by_key(|(entry, _)| entry.key.len()),
                Value::List(nodes) => {
                    let Some((element, after)) = after_index(rest).and_then(|(index, after)| Some((nodes.get(index)?, after)))
                    else {
                        break;
                    };
                    (node, place, rest) = (element, (element.line, element.column), after);
                    continue;
                }
                Value::Scalar(_) => None,
            };
            let Some((entry, after)) = step else { break };
            (node, place, rest) = (&entry.value, (entry.line, entry.column), after);
        }
        place
    }

    /// The same value as JSON, for validators of schemas. Numbers beyond 64 bits become texts.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => Json::Null,
                Resolved::Bool(value) => Json::Bool(value),
                Resolved::Integer => scalar.text.parse::<i64>().map_or_else(|_| (&*scalar.text).into(), Json::from),
                Resolved::Float => scalar.text.parse::<f64>().map_or_else(|_| (&*scalar.text).into(), Json::from),
                Resolved::Text => (&*scalar.text).into(),
            },
            Value::List(nodes) => nodes.iter().map(Node::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.to_string(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// What of a path comes after a key: `key.rest`, `key[rest`, `[key]rest`.
fn after_key<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    if let Some(bracketed) = path.strip_prefix('[') {
        return bracketed.strip_prefix(key)?.strip_prefix(']').map(without_point);
    }
    let rest = path.strip_prefix(key)?;
    (rest.is_empty() || rest.starts_with(['.', '['])).then(|| without_point(rest))
}

fn after_index(path: &str) -> Option<(usize, &str)> {
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, without_point(rest)))
}

fn without_point(rest: &str) -> &str {
    rest.strip_prefix('.').unwrap_or(rest)
}
