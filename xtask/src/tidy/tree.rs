//! Which files does the project consist of? All of them, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What tools leave behind, and git's own.
const NOT_OURS: [&str; 5] = ["target", ".git", ".tokka", "node_modules", "__pycache__"];

/// The files of the project by path from its root, `/` between parts.
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads everything below `root` that is ours. What is not UTF-8 is read with replacement characters: the rules
    /// look for text, and no rule speaks of a binary file.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        collect(root, "", &mut files)?;
        Ok(Self { files })
    }

    /// A made-up project, for the rules' own tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Files whose path ends so.
    pub(super) fn ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| path.ends_with(end))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Every directory that holds a file of ours, directly or further down, without a `/` at the end.
    pub(super) fn directories(&self) -> BTreeSet<&str> {
        let mut directories = BTreeSet::new();
        for path in self.files.keys() {
            let mut rest = path.as_str();
            while let Some((parent, _)) = rest.rsplit_once('/') {
                directories.insert(parent);
                rest = parent;
            }
        }
        directories
    }

    /// Is there such a file or directory?
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.contains_key(path) || self.directories().contains(path)
    }
}

fn collect(directory: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list `{}`", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &path, files)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read `{path}`"))?;
            files.insert(path, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_those_above_any_file() {
        let tree = Tree::of(&[("a/b/c.rs", ""), ("d.md", "")]);
        assert_eq!(tree.directories().into_iter().collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(tree.has("a/b/") && tree.has("d.md") && !tree.has("a/c.rs"));
    }
}
