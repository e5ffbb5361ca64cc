//! Which files make a catalogue?

use std::fs;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3Default;

use crate::problem::{Problem, ProblemKind, Problems};

/// A file is at most 256 MiB.
const FILE_BYTES_MAX: usize = 256 << 20;
/// The endings of files that are read; others may stand beside them.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// A text with the name under which problems speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path, as the reader of a problem would open it.
    pub name: String,
    /// YAML or JSON.
    pub text: String,
}

impl Source {
    /// A source from bytes.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, with the line, and more than 256 MiB.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Problem> {
        let name = name.into();
        if bytes.len() > FILE_BYTES_MAX {
            return Err(too_large(name));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { name, text }),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let before = error.as_bytes().get(..valid).unwrap_or_default();
                let lines = before.iter().filter(|byte| **byte == b'\n').count();
                let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let in_line = String::from_utf8_lossy(before.get(line_start..).unwrap_or_default()).chars().count();
                let counted = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
                let message = "is not UTF-8 text";
                let hint = Some("save the file with the encoding UTF-8".to_owned());
                let whole = Problem::of_file(name, ProblemKind::Unreadable, message, hint);
                Err(Problem { line: counted(lines), column: counted(in_line), ..whole })
            }
        }
    }

    /// Reads one file, whatever its ending.
    ///
    /// # Errors
    /// A file that cannot be read, is not UTF-8 or larger than 256 MiB.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let name = path.to_string_lossy().into_owned();
        let length = fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
        if length > FILE_BYTES_MAX as u64 {
            return Err(too_large(name));
        }
        let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
        Self::from_bytes(name, bytes)
    }
}

/// Reads all `*.yaml`, `*.yml` and `*.json` below a folder (or one file), sorted by path. Hidden files and folders are left
/// out, and so are links that lead out of the folder.
///
/// # Errors
/// Every file and folder that cannot be read.
pub fn read_folder(folder: &Path) -> Result<Vec<Source>, Problems> {
    if folder.is_file() {
        return Source::read(folder).map(|source| vec![source]).map_err(Problems::from);
    }
    let root = folder.canonicalize().map_err(|error| Problems::from(unreadable(folder, &error)))?;
    let mut problems = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        if let Err(error) = list(&next, &root, &mut files, &mut folders) {
            problems.push(unreadable(&next, &error));
        }
    }
    files.sort();
    let mut sources = Vec::with_capacity(files.len());
    for file in files {
        match Source::read(&file) {
            Ok(source) => sources.push(source),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(sources) } else { Err(Problems::new(problems)) }
}

/// Adds the files and folders of one folder.
fn list(folder: &Path, root: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let known = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            folders.push(path);
        } else if kind.is_file() && known {
            files.push(path);
        } else if kind.is_symlink() && known {
            // Mounted configuration is a folder of links to files inside of it. A link to a folder is not followed, so
            // there are no circles.
            let target = path.canonicalize()?;
            if target.starts_with(root) && target.is_file() {
                files.push(path);
            }
        }
    }
    Ok(())
}

fn too_large(name: String) -> Problem {
    let hint = Some("split it into several files".to_owned());
    Problem::of_file(name, ProblemKind::Unreadable, "is larger than 256 MiB", hint)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::of_file(path.to_string_lossy(), ProblemKind::Unreadable, format!("cannot be read: {error}"), None)
}

/// 128 bits over the texts in their order: the same texts are the same revision, wherever they lie.
#[must_use]
pub fn content_hash(sources: &[Source]) -> u128 {
    let mut hash = Xxh3Default::new();
    for source in sources {
        hash.update(&(source.text.len() as u64).to_le_bytes());
        hash.update(source.text.as_bytes());
    }
    hash.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_in_order_without_hidden_files_and_links_out_of_it() {
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &Path, text: &str| fs::write(path, text).unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        fs::create_dir(folder.path().join(".hidden")).unwrap();
        write(&folder.path().join("b/c.yaml"), "1");
        write(&folder.path().join("a.json"), "2");
        write(&folder.path().join("z.YML"), "3");
        write(&folder.path().join("notes.txt"), "4");
        write(&folder.path().join(".draft.yaml"), "5");
        write(&folder.path().join(".hidden/d.yaml"), "6");
        write(&outside.path().join("e.yaml"), "7");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outside.path().join("e.yaml"), folder.path().join("e.yaml")).unwrap();
            std::os::unix::fs::symlink(folder.path().join(".hidden/d.yaml"), folder.path().join("mounted.yaml")).unwrap();
            std::os::unix::fs::symlink(folder.path(), folder.path().join("circle")).unwrap();
        }
        let texts: Vec<String> = read_folder(folder.path()).unwrap().into_iter().map(|source| source.text).collect();
        assert_eq!(texts, if cfg!(unix) { vec!["2", "1", "6", "3"] } else { vec!["2", "1", "3"] });
    }

    #[test]
    fn what_is_not_utf_8_is_reported_with_its_line() {
        let problem = Source::from_bytes("a.yaml", b"kind: store\nname: \xff".to_vec()).unwrap_err();
        assert_eq!(problem.to_string(), "a.yaml:2:7: is not UTF-8 text (save the file with the encoding UTF-8)");
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let problems = read_folder(&folder.path().join("none")).unwrap_err();
        assert!(problems.to_string().contains("cannot be read"), "{problems}");
    }

    #[test]
    fn the_hash_sees_texts_and_their_borders_but_not_their_folder() {
        let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
        let hash = content_hash(&[source("a", "x"), source("b", "yz")]);
        assert_eq!(hash, content_hash(&[source("q/a", "x"), source("q/b", "yz")]));
        assert_ne!(hash, content_hash(&[source("a", "xy"), source("b", "z")]));
    }
}
