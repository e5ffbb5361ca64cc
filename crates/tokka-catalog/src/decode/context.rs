//! Where are we, and what was wrong so far?

use super::{Decode, Key};
use crate::money::Currency;
use crate::problem::{PROBLEMS_A_FILE_MAX, Problem, ProblemKind, did_you_mean, listed, shown};
use crate::yaml::{Entry, Node, Resolved, Scalar, Value};

/// A step of a path into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A field that the kind of document has.
    Field(&'static str),
    /// The key of a map of free keys.
    Key(Box<str>),
    /// A position in a list, from 0.
    Index(usize),
}

/// Decoding of one document: its file, the path that is being read, and the problems found.
#[derive(Debug)]
pub struct Context<'f> {
    file: &'f str,
    currency: Option<Currency>,
    path: Vec<Step>,
    problems: Vec<Problem>,
}

/// What a field of a map held.
#[derive(Debug)]
pub enum Slot<T> {
    /// It was not written.
    Missing,
    /// It was written as `null`.
    Null,
    /// It held something wrong, which was reported.
    Failed,
    /// It held this.
    Value(T),
}

impl<'f> Context<'f> {
    /// A fresh context. Without a currency, amounts are checked in shape only.
    #[must_use]
    pub fn new(file: &'f str, currency: Option<Currency>) -> Self {
        Self { file, currency, path: Vec::new(), problems: Vec::new() }
    }

    /// The currency of amounts.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// Is the document itself being read, not a part of it?
    #[must_use]
    pub fn at_root(&self) -> bool {
        self.path.is_empty()
    }

    /// Has anything been wrong so far?
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// What was wrong.
    #[must_use]
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Runs `read` one step further down the path.
    pub fn inside<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let answer = read(self);
        self.path.pop();
        answer
    }

    /// Reports a value that is wrong; answers `None`, so that it can end a decoding.
    pub fn fail<T>(&mut self, node: &Node, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.report((node.line, node.column), ProblemKind::Value, message, Some(hint.into()));
        None
    }

    /// Reports fields that contradict each other, at the place that `path` leads to from `node`.
    pub fn contradiction(&mut self, node: &Node, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        let place = node.locate(path);
        let before = self.path.len();
        if !path.is_empty() {
            self.path.push(Step::Key(path.into()));
        }
        self.report(place, ProblemKind::Rule, message, Some(hint.into()));
        self.path.truncate(before);
    }

    /// Reports a problem at a place.
    pub fn report(&mut self, place: (u32, u32), kind: ProblemKind, message: impl Into<String>, hint: Option<String>) {
        // One more than are shown, so that it is known that there are more.
        if self.problems.len() > PROBLEMS_A_FILE_MAX {
            return;
        }
        let (line, column) = place;
        let (file, path) = (self.file.to_owned(), self.path_text());
        self.problems.push(Problem { file, line, column, path, kind, message: message.into(), hint });
    }

    fn path_text(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Index(index) => text.push_str(&format!("[{index}]")),
                Step::Field(name) => point(&mut text, name),
                Step::Key(key) => point(&mut text, &shown(key)),
            }
        }
        text
    }

    /// Says whether a node is a map, and reports if it is not.
    pub fn expect_map(&mut self, node: &Node) -> Option<()> {
        match &node.value {
            Value::Map(_) => Some(()),
            _ => self.fail(node, format!("is {}, not a map of fields", what(node)), "write `field: value`"),
        }
    }

    /// The elements of a list.
    pub fn list<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(nodes) => Some(nodes),
            _ => self.fail(node, format!("is {}, not a list", what(node)), "write `[…]`, or one line with `- ` for each"),
        }
    }

    /// The scalar of a node.
    pub fn scalar<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n Scalar> {
        match &node.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => self.fail(node, format!("is {}, not {wanted}", what(node)), "write a single value"),
        }
    }

    /// The text of a node: a number, a truth or nothing is not one, unless it is in quotes.
    pub fn text<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n str> {
        let scalar = self.scalar(node, wanted)?;
        match scalar.resolve() {
            Resolved::Text => Some(&scalar.text),
            Resolved::Null => self.fail(node, "is empty", format!("write {wanted}")),
            _ => self.fail(
                node,
                format!("is {}, where {wanted} is text", what(node)),
                format!("quote it: \"{}\"", shown(&scalar.text)),
            ),
        }
    }

    /// Reads the value of a field.
    pub fn slot<T: Decode>(&mut self, field: &'static str, node: &Node) -> Slot<T> {
        if node.is_null() {
            return Slot::Null;
        }
        match self.inside(Step::Field(field), |context| T::decode(node, context)) {
            Some(value) => Slot::Value(value),
            None => Slot::Failed,
        }
    }

    /// The value of a field that has to be there.
    pub fn required<T>(&mut self, map: &Node, field: &'static str, slot: Slot<T>) -> Option<T> {
        let message = match slot {
            Slot::Value(value) => return Some(value),
            Slot::Failed => return None,
            Slot::Missing => "is missing",
            Slot::Null => "is empty",
        };
        let place = map.locate(field);
        let hint = format!("write `{field}: …`");
        self.inside(Step::Field(field), |context| context.report(place, ProblemKind::MissingField, message, Some(hint)));
        None
    }

    /// Reports a field that this kind of document does not have. `kind` at the top is read by whoever opened the document.
    pub fn unknown_field(&mut self, entry: &Entry, known: &[&'static str]) {
        if self.at_root() && &*entry.key == "kind" {
            return;
        }
        let hint = did_you_mean(&entry.key, known);
        self.inside(Step::Key(entry.key.clone()), |context| {
            context.report((entry.line, entry.column), ProblemKind::UnknownField, "there is no such field", hint);
        });
    }

    /// Reads a word that is one of few.
    pub fn one_of<T: Copy>(&mut self, node: &Node, wanted: &str, known: &[(&'static str, T)]) -> Option<T> {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let scalar = self.scalar(node, wanted)?;
        let found = known.iter().find(|(word, _)| *word == &*scalar.text);
        if let Some((_, value)) = found {
            return Some(*value);
        }
        let hint = did_you_mean(&scalar.text, &words).unwrap_or_else(|| format!("known are {}", listed(&words)));
        self.fail(node, format!("`{}` is not {wanted}", shown(&scalar.text)), hint)
    }

    /// Reads the key of a map of free keys.
    pub fn key<K: Key>(&mut self, entry: &Entry) -> Option<K> {
        match K::from_key(&entry.key) {
            Ok(key) => Some(key),
            Err(message) => {
                let message = format!("`{}`: {message}", shown(&entry.key));
                self.report((entry.line, entry.column), ProblemKind::Value, message, None);
                None
            }
        }
    }
}

fn point(text: &mut String, name: &str) {
    if !text.is_empty() && !name.starts_with('[') {
        text.push('.');
    }
    text.push_str(name);
}

/// What a node is, for a text.
#[must_use]
pub fn what(node: &Node) -> &'static str {
    match &node.value {
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Scalar(scalar) => match scalar.resolve() {
            Resolved::Null => "empty",
            Resolved::Bool(_) => "true or false",
            Resolved::Integer => "a number",
            Resolved::Float => "a number with decimals",
            Resolved::Text => "a text",
        },
    }
}
