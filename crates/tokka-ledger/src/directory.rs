//! Is a new directory still there after the power is gone? An fsync of a file does not promise the names above it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Makes a directory and those above it that are missing, each durable before the next one is made in it.
///
/// # Errors
/// One of them cannot be made, or its parent cannot be synced.
pub fn make(dir: &Path) -> io::Result<()> {
    make_with(dir, &mut sync)
}

fn make_with(dir: &Path, sync: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut missing = Vec::new();
    for above in dir.ancestors() {
        if above.as_os_str().is_empty() || above.try_exists()? {
            break;
        }
        missing.push(above);
    }
    // One that exists may have been made just before a crash, and its name not be durable yet. Where nobody may look into
    // its parent, it was not this program that made it.
    if let Some(first) = missing.last().and_then(|first| first.parent()).filter(|first| !first.as_os_str().is_empty()) {
        match sync(&parent_of(first)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    for new in missing.into_iter().rev() {
        match std::fs::create_dir(new) {
            // Somebody else was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && new.is_dir() => {}
            made => made?,
        }
        sync(&parent_of(new))?;
    }
    // Says why, where something that is no directory is in the way.
    std::fs::create_dir_all(dir)
}

fn parent_of(dir: &Path) -> PathBuf {
    match dir.parent() {
        None => dir.to_owned(),
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
    }
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_durable_before_anything_is_made_below_it() {
        let root = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "a/b", "a/b/c"].map(|path| root.path().join(path));
        let mut synced = Vec::new();
        let mut note = |path: &Path| {
            // What is made next does not exist yet.
            let below = [&a, &b, &c].iter().filter(|dir| dir.exists()).count();
            synced.push((path.to_owned(), below));
            Ok(())
        };
        make_with(&c, &mut note).unwrap();
        make_with(&c, &mut note).unwrap();
        assert!(c.is_dir());
        let above = root.path().parent().unwrap().to_owned();
        assert_eq!(synced, [(above, 0), (root.path().to_owned(), 1), (a.clone(), 2), (b.clone(), 3)]);
    }

    #[test]
    fn a_name_that_cannot_be_made_durable_is_no_directory_to_write_in() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        let failed = make_with(&dir, &mut |path| if path == root.path() { Err(io::Error::other("disk")) } else { Ok(()) });
        assert!(failed.is_err() && !dir.exists());
        std::fs::write(root.path().join("file"), "").unwrap();
        assert!(make(&root.path().join("file/b")).is_err());
        assert!(make(&root.path().join("file")).is_err());
    }
}
