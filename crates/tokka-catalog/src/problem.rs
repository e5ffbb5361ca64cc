//! What is wrong with these files, where, and what should stand there instead?

use std::fmt;

/// Of one file at most this many problems are reported.
pub(crate) const PROBLEMS_A_FILE_MAX: usize = 1_000;
/// User input longer than this is cut in texts.
const SHOWN_CHARS_MAX: usize = 64;
/// Sentences longer than this are cut.
const SENTENCE_CHARS_MAX: usize = 400;

/// What sort of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// A file or folder that cannot be read.
    Unreadable,
    /// Not YAML or JSON, or a part of YAML that is not used here (tags).
    Syntax,
    /// A field that this kind of document does not have, or an unknown kind.
    UnknownField,
    /// A field that has to be there and is not.
    MissingField,
    /// A value of the wrong type or out of bounds.
    Value,
    /// Fields, or documents, that contradict each other.
    Rule,
}

/// One thing that is wrong, at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the source; empty where no file is at fault.
    pub file: String,
    /// Counted from 1; 0 = the file as a whole.
    pub line: u32,
    /// Counted from 1, in characters; 0 = the file as a whole.
    pub column: u32,
    /// The field within its document, `buy_get.tiers[1].get`; empty for the document as a whole.
    pub path: String,
    /// What sort of problem it is.
    pub kind: ProblemKind,
    /// What is wrong, in the shop's words.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of the files as a whole.
    #[must_use]
    pub fn of_all(kind: ProblemKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::of_file("", kind, message, Some(hint.into()))
    }

    /// A problem of one file as a whole.
    #[must_use]
    pub fn of_file(file: impl Into<String>, kind: ProblemKind, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { file: file.into(), line: 0, column: 0, path: String::new(), kind, message: message.into(), hint }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.line) {
            (true, _) => {}
            (false, 0) => write!(f, "{}: ", self.file)?,
            (false, line) => write!(f, "{}:{line}:{}: ", self.file, self.column)?,
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, by file, line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts problems; of a file with very many, the first 1,000 are kept.
    #[must_use]
    pub fn new(mut problems: Vec<Problem>) -> Self {
        let place = |problem: &Problem| (problem.line, problem.column);
        problems.sort_by(|a, b| {
            a.file
                .cmp(&b.file)
                .then_with(|| place(a).cmp(&place(b)))
                .then_with(|| a.path.cmp(&b.path))
                .then_with(|| a.message.cmp(&b.message))
        });
        problems.dedup();
        let mut kept: Vec<Problem> = Vec::new();
        for same_file in problems.chunk_by(|a, b| a.file == b.file) {
            kept.extend(same_file.iter().take(PROBLEMS_A_FILE_MAX).cloned());
            if let Some(next) = same_file.get(PROBLEMS_A_FILE_MAX) {
                let message = format!("has more problems than these {PROBLEMS_A_FILE_MAX}");
                kept.push(Problem::of_file(next.file.as_str(), next.kind, message, None));
            }
        }
        Self(kept)
    }

    /// The problems, by file, line and column.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is nothing wrong?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems themselves.
    #[must_use]
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// User input for a text: cut where it is long, and on one line.
#[must_use]
pub fn shown(input: &str) -> String {
    cut(input, SHOWN_CHARS_MAX)
}

/// A sentence of somebody else, which may hold user input: on one line, and cut where it is very long.
#[must_use]
pub fn on_one_line(sentence: &str) -> String {
    cut(sentence, SENTENCE_CHARS_MAX)
}

fn cut(text: &str, chars: usize) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(chars).map(plain).collect();
    if text.chars().nth(chars).is_some() {
        short.push('…');
    }
    short
}

/// The known word that an unknown one is nearest to, if it is near enough to be meant.
#[must_use]
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if unknown.len() > SHOWN_CHARS_MAX {
        return None;
    }
    let unknown = unknown.to_lowercase();
    let distance = |word: &str| strsim::damerau_levenshtein(&unknown, &word.to_lowercase());
    let near = |word: &str, distance: usize| distance <= (word.chars().count().max(unknown.chars().count()) / 3).max(1);
    known
        .into_iter()
        .map(|word| (distance(word), word))
        .filter(|(distance, word)| near(word, *distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// A hint that names the nearest known word, or else all of them where they are few.
#[must_use]
pub fn did_you_mean(unknown: &str, known: &[&str]) -> Option<String> {
    const FEW: usize = 30;
    match nearest(unknown, known.iter().copied()) {
        Some(word) => Some(format!("did you mean `{word}`?")),
        None if known.is_empty() || known.len() > FEW => None,
        None => Some(format!("known are {}", listed(known))),
    }
}

/// Words in backticks, with commas.
#[must_use]
pub fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_one_line() {
        let mut problem = Problem {
            file: "a.yaml".into(),
            line: 3,
            column: 5,
            path: "limits.stok".into(),
            kind: ProblemKind::UnknownField,
            message: "there is no such field".into(),
            hint: Some("did you mean `stock`?".into()),
        };
        assert_eq!(problem.to_string(), "a.yaml:3:5: limits.stok: there is no such field (did you mean `stock`?)");
        problem.hint = None;
        problem.path.clear();
        assert_eq!(problem.to_string(), "a.yaml:3:5: there is no such field");
        assert_eq!(Problem::of_all(ProblemKind::Rule, "nothing here", "write some").to_string(), "nothing here (write some)");
    }

    #[test]
    fn of_very_many_the_first_are_kept() {
        let at = |line| Problem { line, ..Problem::of_file("a", ProblemKind::Value, "bad", None) };
        let problems = Problems::new((1..=1_500).rev().map(at).collect());
        assert_eq!(problems.len(), 1_001);
        assert_eq!(problems.as_slice().first().map(|problem| problem.line), Some(1));
        assert_eq!(problems.as_slice().last().map(|problem| problem.message.as_str()), Some("has more problems than these 1000"));
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("stok", ["stock", "budget"]), Some("stock"));
        assert_eq!(nearest("Half_Up", ["half_up"]), Some("half_up"));
        assert_eq!(nearest("zzz", ["stock", "budget"]), None);
        assert_eq!(did_you_mean("zzz", &["up", "down"]).as_deref(), Some("known are `up`, `down`"));
    }
}
