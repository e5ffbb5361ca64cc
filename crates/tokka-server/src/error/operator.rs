//! What does an operator get to hear? Why a change of the catalogue is refused, each by its own reason.

use std::collections::BTreeSet;

use tonic::Code;

use super::ApiError;
use crate::promotions::Key;

/// Why a call about the catalogue is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The catalogue is a folder of files.
    Files,
    /// Nothing was ever published, so that there is nothing to price with.
    NoCatalogue,
    /// There is no such document.
    NoDocument { key: Key },
    /// There is no such revision.
    NoRevision { number: i64 },
    /// There is such a document, and the caller does not know it.
    Exists { key: Key },
    /// Somebody changed it; `None`: the catalogue as a whole.
    Etag { key: Option<Key>, is: String },
    /// It has ended for good.
    Archived { key: Key },
    /// It was never in force.
    NeverPublished { key: Key },
    /// It was in force, or everything needs it.
    NotDeletable { key: Key },
    /// The catalogue would break rules, or something of it is hardly meant and not acknowledged.
    Check { findings: Vec<Blocking> },
}

/// What keeps a document from being published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocking {
    /// Of a finding; empty where a rule is broken.
    pub(crate) code: String,
    pub(crate) document: String,
    pub(crate) words: String,
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self::Operator(refused)
    }
}

impl Refused {
    pub(super) const fn row(&self) -> (Code, &'static str) {
        match self {
            Self::Files => (Code::FailedPrecondition, "CATALOGUE_IS_FILES"),
            Self::NoCatalogue => (Code::FailedPrecondition, "NO_CATALOGUE"),
            Self::NoDocument { .. } => (Code::NotFound, "DOCUMENT_NOT_FOUND"),
            Self::NoRevision { .. } => (Code::NotFound, "REVISION_NOT_FOUND"),
            Self::Exists { .. } => (Code::AlreadyExists, "DOCUMENT_EXISTS"),
            Self::Etag { .. } => (Code::Aborted, "ETAG"),
            Self::Archived { .. } => (Code::FailedPrecondition, "ARCHIVED"),
            Self::NeverPublished { .. } => (Code::FailedPrecondition, "NEVER_PUBLISHED"),
            Self::NotDeletable { .. } => (Code::FailedPrecondition, "NOT_DELETABLE"),
            Self::Check { .. } => (Code::FailedPrecondition, "CHECK_REFUSED"),
        }
    }

    /// What it speaks of, and why.
    pub(super) fn in_words(&self) -> (String, String) {
        let about = |key: &Key| key.to_string();
        match self {
            Self::Files => {
                let words = "the catalogue of this server is a folder of files: change the files";
                ("catalogue".to_owned(), words.to_owned())
            }
            Self::NoCatalogue => {
                let words = "there is no catalogue yet: bring one with `tokka apply`";
                ("catalogue".to_owned(), words.to_owned())
            }
            Self::NoDocument { key } => (about(key), format!("there is no `{key}`")),
            Self::NoRevision { number } => ("number".to_owned(), format!("there is no revision {number}")),
            Self::Exists { key } => (about(key), format!("there is a `{key}` already: bring its etag to replace it")),
            Self::Etag { key: Some(key), .. } => (about(key), format!("`{key}` was changed since it was read: read it again")),
            Self::Etag { key: None, .. } => {
                ("catalogue".to_owned(), "the catalogue was changed since it was read: look at the difference again".to_owned())
            }
            Self::Archived { key } => (about(key), format!("`{key}` was archived, which is final: take another id")),
            Self::NeverPublished { key } => (about(key), format!("`{key}` was never published")),
            Self::NotDeletable { key } => (about(key), format!("`{key}` cannot be deleted: what was published is archived")),
            Self::Check { findings } => {
                let first = findings.first().map(|one| format!("{}: {}", one.document, one.words)).unwrap_or_default();
                let more = match findings.len().saturating_sub(1) {
                    0 => String::new(),
                    more => format!(" (and {more} more)"),
                };
                ("catalogue".to_owned(), first + &more)
            }
        }
    }

    /// What stands beside the words, of what a caller may need.
    pub(super) fn etag(&self) -> Option<&str> {
        match self {
            Self::Etag { is, .. } => Some(is),
            _ => None,
        }
    }

    /// Every finding, where there are any; else the one thing that it says: its kind, what it is about, and in words.
    pub(super) fn violations(&self) -> Vec<(String, String, String)> {
        let reason = self.row().1.to_owned();
        match self {
            Self::Check { findings } => {
                let kind = |one: &Blocking| if one.code.is_empty() { reason.clone() } else { one.code.clone() };
                findings.iter().map(|one| (kind(one), one.document.clone(), one.words.clone())).collect()
            }
            other => {
                let (subject, words) = other.in_words();
                vec![(reason, subject, words)]
            }
        }
    }

    /// The codes of findings that block, each once: all of them have to be acknowledged, where they can be.
    pub(super) fn codes(&self) -> BTreeSet<&str> {
        let Self::Check { findings } = self else { return BTreeSet::new() };
        findings.iter().map(|one| one.code.as_str()).filter(|code| !code.is_empty()).collect()
    }
}
