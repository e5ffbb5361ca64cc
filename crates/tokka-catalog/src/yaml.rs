//! What is written in a text? Documents as trees of nodes, each with its line and column.
//!
//! YAML 1.2 in its core schema, and JSON, which is part of it. An alias is what its anchor stands for, written at the place
//! of the alias; how much a file may copy so is bounded. Tags, and the `<<` of YAML 1.1, are refused: no document needs them.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

use crate::problem::{Problem, ProblemKind, shown};

pub use self::node::{Entry, Node, Resolved, Scalar, Value};

mod build;
mod halves;
mod node;

/// One document of a text.
#[derive(Debug)]
pub struct Document {
    /// Its number within the text, from 0; empty documents count.
    pub number: usize,
    /// What it holds; `None` where its text ends in the middle or is not YAML.
    pub root: Option<Node>,
    /// What is wrong with its text.
    pub problems: Vec<Problem>,
}

/// The documents of a text, one after the other. After an error of syntax it goes on at the next `---`.
pub struct Documents<'s>(Way<'s>);

enum Way<'s> {
    /// As the text is written.
    AsWritten(Box<Reader<'s>>),
    /// Read to the end before, since characters that are escaped in halves had to be joined first.
    Joined(std::vec::IntoIter<Document>),
}

impl<'s> Documents<'s> {
    /// The documents of `text`; problems are told of the file `name`.
    #[must_use]
    pub fn new(name: &'s str, text: &'s str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some((joined, places)) = halves::join(text) {
            // Outside double quotes these twelve characters are themselves: only a text that cannot be read without is changed.
            let as_written: Vec<Document> = Reader::new(name, text, &[]).collect();
            let documents = match as_written.iter().all(|document| document.root.is_some()) {
                true => as_written,
                false => Reader::new(name, &joined, &places).collect(),
            };
            return Self(Way::Joined(documents.into_iter()));
        }
        Self(Way::AsWritten(Box::new(Reader::new(name, text, &[]))))
    }
}

impl Iterator for Documents<'_> {
    type Item = Document;

    fn next(&mut self) -> Option<Document> {
        match &mut self.0 {
            Way::AsWritten(reader) => reader.next(),
            Way::Joined(documents) => documents.next(),
        }
    }
}

struct Reader<'s> {
    name: &'s str,
    text: &'s str,
    parser: Option<Parser<'s, StrInput<'s>>>,
    /// Where the parser began: bytes and lines before it.
    start: Place,
    number: usize,
    /// How many values the documents so far have copied for anchors and aliases.
    copied: usize,
    /// Where the text is shorter than what was written, and by how much.
    shortened: &'s [halves::Shortened],
}

#[derive(Clone, Copy)]
struct Place {
    byte: usize,
    lines: usize,
}

impl<'s> Reader<'s> {
    fn new(name: &'s str, text: &'s str, shortened: &'s [halves::Shortened]) -> Self {
        let (parser, start) = (Some(Parser::new_from_str(text)), Place { byte: 0, lines: 0 });
        Self { name, text, parser, start, number: 0, copied: 0, shortened }
    }

    /// Goes on at the first `---` at or after the line of an error that is not where the parser began.
    fn go_on_after(&mut self, error: &ScanError) {
        let mut place = self.start;
        for line in self.text.get(place.byte..).unwrap_or_default().split_inclusive('\n') {
            let marks = line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
            let reached = place.lines - self.start.lines + 1 >= error.marker().line();
            if marks && reached && place.byte > self.start.byte {
                self.start = place;
                self.parser = self.text.get(place.byte..).map(Parser::new_from_str);
                return;
            }
            place = Place { byte: place.byte + line.len(), lines: place.lines + 1 };
        }
    }

    fn problem(&self, place: (u32, u32), message: String, hint: Option<&str>) -> Problem {
        let (line, column) = place;
        let whole = Problem::of_file(self.name, ProblemKind::Syntax, message, hint.map(str::to_owned));
        Problem { line, column, ..whole }
    }

    fn syntax_error(&self, error: &ScanError) -> Problem {
        let place = self.place_of(error.marker());
        if error.info().contains("unknown anchor") {
            let (message, hint) = build::NO_ANCHOR;
            return self.problem(place, message.to_owned(), Some(hint));
        }
        self.problem(place, format!("is not YAML: {}", shown(error.info())), None)
    }

    /// Line and column as written, from 1.
    fn place_of(&self, marker: &Marker) -> (u32, u32) {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let line = marker.line() + self.start.lines;
        (number(line).max(1), number(halves::column_as_written(self.shortened, line, marker.col()) + 1))
    }
}

impl Iterator for Reader<'_> {
    type Item = Document;

    fn next(&mut self) -> Option<Document> {
        let mut parser = self.parser.take()?;
        let mut builder: Option<build::Builder> = None;
        loop {
            let (event, span) = match parser.next_event()? {
                Ok(next) => next,
                Err(error) => {
                    self.copied = builder.as_ref().map_or(self.copied, build::Builder::copied);
                    let mut problems = builder.map(build::Builder::finish).map_or(Vec::new(), |(_, problems)| problems);
                    problems.push(self.syntax_error(&error));
                    self.go_on_after(&error);
                    let number = self.number;
                    self.number += 1;
                    return Some(Document { number, root: None, problems: self.name_them(problems) });
                }
            };
            let place = self.place_of(&span.start);
            match event {
                Event::DocumentStart(_) => builder = Some(build::Builder::new(self.copied)),
                Event::DocumentEnd => {
                    self.parser = Some(parser);
                    self.copied = builder.as_ref().map_or(self.copied, build::Builder::copied);
                    let (root, problems) = builder.map(build::Builder::finish)?;
                    let number = self.number;
                    self.number += 1;
                    return Some(Document { number, root, problems: self.name_them(problems) });
                }
                Event::StreamEnd => return None,
                Event::Nothing | Event::StreamStart => {}
                Event::Alias(anchor) => builder.as_mut()?.alias(place, anchor),
                Event::Scalar(text, style, anchor, tag) => {
                    let builder = builder.as_mut()?;
                    tag.iter().for_each(|_| builder.refuse_tag(place));
                    builder.scalar(place, text.into_owned(), style == ScalarStyle::Plain, anchor);
                }
                Event::SequenceStart(anchor, tag) => {
                    let builder = builder.as_mut()?;
                    tag.iter().for_each(|_| builder.refuse_tag(place));
                    builder.open_list(place, anchor);
                }
                Event::MappingStart(anchor, tag) => {
                    let builder = builder.as_mut()?;
                    tag.iter().for_each(|_| builder.refuse_tag(place));
                    builder.open_map(place, anchor);
                }
                Event::SequenceEnd | Event::MappingEnd => builder.as_mut()?.close(),
            }
        }
    }
}

impl Reader<'_> {
    fn name_them(&self, mut problems: Vec<Problem>) -> Vec<Problem> {
        for problem in &mut problems {
            self.name.clone_into(&mut problem.file);
        }
        problems
    }
}

#[cfg(test)]
mod tests;
