//! How do events become a tree? With a stack of what is open, so that depth costs no stack of ours.

use std::collections::HashMap;

use super::node::{Entry, Node, Scalar, Value};
use crate::problem::{Problem, ProblemKind, shown};

/// Documents are at most this deep; the deepest kind needs 9.
const DEPTH_MAX: usize = 64;
const NOT_DEEPER: &str = "no document needs that";
/// A document has at most this many nodes.
const NODES_MAX: usize = 4_000_000;
/// Maps with more fields than this find repeated keys by an index.
const SCANNED_FIELDS_MAX: usize = 16;
/// So many values may be copied for anchors and aliases in one file: aliases of aliases make a short text a very large tree.
const COPIES_MAX: usize = 1_000_000;
/// A copied text counts once more for each of so many bytes.
const COPIED_TEXT_BYTES: usize = 64;

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
    /// What anchors stand for, by their number.
    anchors: HashMap<usize, Anchored>,
    /// How many values may still be copied.
    copies_left: usize,
}

/// What is told of an alias without an anchor.
pub(super) const NO_ANCHOR: (&str, &str) = (
    "is an alias (`*`) of an anchor that is not there",
    "write `&` and the name before the value that it stands for, in the same document, or put a text with `*` in quotes",
);

/// What an anchor stands for.
enum Anchored {
    /// It is still being read: an alias would stand within itself.
    Open,
    Node(Node),
}

struct Open {
    place: (u32, u32),
    content: Content,
    /// Its anchor; 0 = none.
    anchor: usize,
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
    /// `copied` is how many values the documents before have copied.
    pub(super) fn new(copied: usize) -> Self {
        Self {
            open: Vec::new(),
            root: None,
            problems: Vec::new(),
            nodes: 0,
            refused: false,
            dropped_depth: 0,
            anchors: HashMap::new(),
            copies_left: COPIES_MAX.saturating_sub(copied),
        }
    }

    /// How many values were copied so far, those of documents before too.
    pub(super) fn copied(&self) -> usize {
        COPIES_MAX.saturating_sub(self.copies_left)
    }

    /// The tree, and what is wrong with it. A refused document has none.
    pub(super) fn finish(self) -> (Option<Node>, Vec<Problem>) {
        (self.root.filter(|_| !self.refused), self.problems)
    }

    /// Drops the whole document: it goes on being read, for what comes after.
    fn refuse(&mut self, place: (u32, u32), message: String, hint: &str) {
        self.fail(place, message, hint);
        self.refused = true;
        self.dropped_depth = self.open.len();
        self.open.clear();
    }

    fn fail(&mut self, place: (u32, u32), message: impl Into<String>, hint: &str) {
        let (line, column) = place;
        let whole = Problem::of_file("", ProblemKind::Syntax, message, Some(hint.to_owned()));
        self.problems.push(Problem { line, column, ..whole });
    }

    /// Tags.
    pub(super) fn refuse_tag(&mut self, place: (u32, u32)) {
        if !self.refused {
            self.fail(place, "has a tag (`!`), which is not used here", "leave the tag out; a text is put in quotes");
        }
    }

    /// Stands for what its anchor does, all of it in the place of the alias.
    pub(super) fn alias(&mut self, place: (u32, u32), anchor: usize) {
        if self.refused {
            return;
        }
        let nothing = || Node { line: place.0, column: place.1, value: Value::Scalar(Scalar { text: "".into(), plain: true }) };
        let size = match self.anchors.get(&anchor) {
            Some(Anchored::Node(node)) => size(node),
            Some(Anchored::Open) => {
                let message = "is an alias (`*`) of what it stands in";
                self.fail(place, message, "write the value out, or put a text with `*` in quotes");
                return self.add(nothing(), 0);
            }
            // The parser also knows the anchors of documents before.
            None => {
                self.fail(place, NO_ANCHOR.0, NO_ANCHOR.1);
                return self.add(nothing(), 0);
            }
        };
        if self.open.len() + size.depth > DEPTH_MAX {
            return self.refuse(
                place,
                format!("is nested more than {DEPTH_MAX} deep, with what its alias stands for"),
                NOT_DEEPER,
            );
        }
        self.nodes = self.nodes.saturating_add(size.nodes.saturating_sub(1));
        if !self.copy(place, size.weight) {
            return;
        }
        let node = match self.anchors.get(&anchor) {
            Some(Anchored::Node(node)) => moved(node, place),
            _ => nothing(),
        };
        self.add(node, 0);
    }

    /// Takes what a copy weighs of what may be copied; without enough the document is refused.
    fn copy(&mut self, place: (u32, u32), weight: usize) -> bool {
        match self.copies_left.checked_sub(weight) {
            Some(left) => self.copies_left = left,
            None => {
                let message = format!("anchors (`&`) and aliases (`*`) copy more than {COPIES_MAX} values in one file");
                self.refuse(place, message, "write some of them out, or split the file");
            }
        }
        !self.refused
    }

    pub(super) fn scalar(&mut self, place: (u32, u32), text: String, plain: bool, anchor: usize) {
        self.add(Node { line: place.0, column: place.1, value: Value::Scalar(Scalar { text: text.into(), plain }) }, anchor);
    }

    pub(super) fn open_list(&mut self, place: (u32, u32), anchor: usize) {
        self.push(place, Content::List(Vec::new()), anchor);
    }

    pub(super) fn open_map(&mut self, place: (u32, u32), anchor: usize) {
        self.push(place, Content::Map { entries: Vec::new(), index: HashMap::new(), key: None }, anchor);
    }

    fn push(&mut self, place: (u32, u32), content: Content, anchor: usize) {
        if self.refused {
            self.dropped_depth += 1;
            return;
        }
        if self.open.len() >= DEPTH_MAX {
            self.refuse(place, format!("is nested more than {DEPTH_MAX} deep"), NOT_DEEPER);
            self.dropped_depth += 1;
            return;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored::Open);
        }
        self.open.push(Open { place, content, anchor });
    }

    pub(super) fn close(&mut self) {
        if self.dropped_depth > 0 {
            self.dropped_depth -= 1;
            return;
        }
        let Some(Open { place: (line, column), content, anchor }) = self.open.pop() else { return };
        let value = match content {
            Content::List(nodes) => Value::List(nodes),
            Content::Map { entries, .. } => Value::Map(entries),
        };
        self.add(Node { line, column, value }, anchor);
    }

    fn add(&mut self, node: Node, anchor: usize) {
        if self.refused {
            return;
        }
        let place = (node.line, node.column);
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return self.refuse(place, format!("more than {NODES_MAX} values in one document"), "split it into several");
        }
        if anchor > 0 {
            if !self.copy(place, size(&node).weight) {
                return;
            }
            self.anchors.insert(anchor, Anchored::Node(node.clone()));
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
                    let (text, complaint) = match node.value {
                        Value::Scalar(scalar) if scalar.plain && &*scalar.text == "<<" => {
                            let message = "`<<` merges fields in YAML 1.1, and is not used here".to_owned();
                            (None, Some((message, "write the fields out, or give each value an anchor of its own")))
                        }
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

/// How much there is in a value.
struct Size {
    nodes: usize,
    /// 1 for a single value.
    depth: usize,
    /// What copying it takes: its nodes, and long texts once more for each 64 bytes.
    weight: usize,
}

fn size(node: &Node) -> Size {
    let texts = |text: &str| text.len() / COPIED_TEXT_BYTES;
    let mut size = Size { nodes: 1, depth: 0, weight: 1 };
    let mut add = |inner: Size, key: usize| {
        size.nodes += inner.nodes;
        size.depth = size.depth.max(inner.depth);
        size.weight += inner.weight + key;
    };
    match &node.value {
        Value::Scalar(scalar) => size.weight += texts(&scalar.text),
        Value::List(nodes) => nodes.iter().for_each(|node| add(self::size(node), 0)),
        Value::Map(entries) => entries.iter().for_each(|entry| add(self::size(&entry.value), texts(&entry.key))),
    }
    size.depth += 1;
    size
}

/// A copy, all of it at one place.
fn moved(node: &Node, (line, column): (u32, u32)) -> Node {
    let inner = |node: &Node| moved(node, (line, column));
    let value = match &node.value {
        Value::Scalar(scalar) => Value::Scalar(scalar.clone()),
        Value::List(nodes) => Value::List(nodes.iter().map(inner).collect()),
        Value::Map(entries) => {
            let moved = |entry: &Entry| Entry { key: entry.key.clone(), line, column, value: inner(&entry.value) };
            Value::Map(entries.iter().map(moved).collect())
        }
    };
    Node { line, column, value }
}

/// The line of an earlier field of this name.
fn earlier(entries: &[Entry], index: &HashMap<Box<str>, u32>, key: &str) -> Option<u32> {
    if index.is_empty() {
        entries.iter().find(|entry| &*entry.key == key).map(|entry| entry.line)
    } else {
        index.get(key).copied()
    }
}
