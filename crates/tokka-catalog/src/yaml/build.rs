//! How do events become a tree? With a stack of what is open, so that depth costs no stack of ours.

use std::collections::HashMap;

use super::node::{Entry, Node, Scalar, Value};
use crate::problem::{Problem, ProblemKind, shown};

/// Documents are at most this deep; the deepest kind needs 9.
const DEPTH_MAX: usize = 64;
/// A document has at most this many nodes.
const NODES_MAX: usize = 4_000_000;
/// Maps with more fields than this find repeated keys by an index.
const SCANNED_FIELDS_MAX: usize = 16;

/// A document being built.
pub(super) struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    problems: Vec<Problem>,
    nodes: usize,
    /// Too deep or too large: the rest is read, and dropped.
    refused: bool,
    /// How deep we are within what is dropped.
    dropped_depth: usize,
}

struct Open {
    place: (u32, u32),
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// The line of each key, once there are many.
        index: HashMap<Box<str>, u32>,
        /// The key whose value comes next.
        key: Option<Key>,
    },
}

/// A key that has been read; `None` in `text` where its value is to be dropped.
struct Key {
    text: Option<Box<str>>,
    place: (u32, u32),
}

impl Builder {
    pub(super) fn new() -> Self {
        Self { open: Vec::new(), root: None, problems: Vec::new(), nodes: 0, refused: false, dropped_depth: 0 }
    }

    /// The tree, and what is wrong with it. A refused document has none.
    pub(super) fn finish(self) -> (Option<Node>, Vec<Problem>) {
        (self.root.filter(|_| !self.refused), self.problems)
    }

    fn fail(&mut self, place: (u32, u32), message: impl Into<String>, hint: &str) {
        let (line, column) = place;
        let whole = Problem::of_file("", ProblemKind::Syntax, message, Some(hint.to_owned()));
        self.problems.push(Problem { line, column, ..whole });
    }

    /// Anchors and tags.
    pub(super) fn refuse(&mut self, place: (u32, u32), anchor: usize, tag: bool) {
        if self.refused {
            return;
        }
        if anchor > 0 {
            self.fail(place, "has an anchor (`&`), which is not used here", "write the value out where it is needed");
        }
        if tag {
            self.fail(place, "has a tag (`!`), which is not used here", "leave the tag out; a text is put in quotes");
        }
    }

    pub(super) fn alias(&mut self, place: (u32, u32)) {
        if !self.refused {
            self.fail(
                place,
                "is an alias (`*`), which is not used here",
                "write the value out, or put a text with `*` in quotes",
            );
        }
        self.add(Node { line: place.0, column: place.1, value: Value::Scalar(Scalar { text: "".into(), plain: true }) });
    }

    pub(super) fn scalar(&mut self, place: (u32, u32), text: String, plain: bool) {
        self.add(Node { line: place.0, column: place.1, value: Value::Scalar(Scalar { text: text.into(), plain }) });
    }

    pub(super) fn open_list(&mut self, place: (u32, u32)) {
        self.push(place, Content::List(Vec::new()));
    }

    pub(super) fn open_map(&mut self, place: (u32, u32)) {
        self.push(place, Content::Map { entries: Vec::new(), index: HashMap::new(), key: None });
    }

    fn push(&mut self, place: (u32, u32), content: Content) {
        if self.refused {
            self.dropped_depth += 1;
            return;
        }
        if self.open.len() >= DEPTH_MAX {
            self.fail(place, format!("is nested more than {DEPTH_MAX} deep"), "no document needs that");
            self.refused = true;
            self.dropped_depth = 1;
            return;
        }
        self.open.push(Open { place, content });
    }

    pub(super) fn close(&mut self) {
        if self.dropped_depth > 0 {
            self.dropped_depth -= 1;
            return;
        }
        let Some(Open { place: (line, column), content }) = self.open.pop() else { return };
        let value = match content {
            Content::List(nodes) => Value::List(nodes),
            Content::Map { entries, .. } => Value::Map(entries),
        };
        self.add(Node { line, column, value });
    }

    fn add(&mut self, node: Node) {
        if self.refused {
            return;
        }
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            self.fail((node.line, node.column), format!("more than {NODES_MAX} values in one document"), "split it into several");
            self.refused = true;
            self.open.clear();
            return;
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { content: Content::List(nodes), .. }) => nodes.push(node),
            Some(Open { content: Content::Map { entries, index, key }, .. }) => match key.take() {
                Some(Key { text: Some(text), place: (line, column) }) => {
                    entries.push(Entry { key: text, line, column, value: node });
                }
                Some(Key { text: None, .. }) => {}
                None => {
                    let place = (node.line, node.column);
                    let (text, complaint) = match node.value {
                        Value::Scalar(scalar) => match earlier(entries, index, &scalar.text) {
                            None => (Some(scalar.text), None),
                            Some(line) => {
                                let message = format!("`{}` is written twice, first on line {line}", shown(&scalar.text));
                                (None, Some((message, "leave one of them out")))
                            }
                        },
                        _ => (None, Some(("a list or map cannot be the name of a field".to_owned(), "write a plain word"))),
                    };
                    if let Some(text) = &text
                        && entries.len() >= SCANNED_FIELDS_MAX
                    {
                        if index.is_empty() {
                            index.extend(entries.iter().map(|entry| (entry.key.clone(), entry.line)));
                        }
                        index.insert(text.clone(), place.0);
                    }
                    *key = Some(Key { text, place });
                    if let Some((message, hint)) = complaint {
                        self.fail(place, message, hint);
                    }
                }
            },
        }
    }
}

/// The line of an earlier field of this name.
fn earlier(entries: &[Entry], index: &HashMap<Box<str>, u32>, key: &str) -> Option<u32> {
    if index.is_empty() {
        entries.iter().find(|entry| &*entry.key == key).map(|entry| entry.line)
    } else {
        index.get(key).copied()
    }
}
