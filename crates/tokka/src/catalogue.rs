//! What does a folder of files hold? The files, and the catalogue that they make.

use std::path::Path;

use tokka_catalog::{Loaded, Problems, Source, load as load_sources, read_folder};

/// Reads a folder as a catalogue.
///
/// # Errors
/// Everything that is wrong with its files.
pub(crate) fn load(folder: &Path) -> Result<(Vec<Source>, Loaded), Problems> {
    let sources = read_folder(folder)?;
    let loaded = load_sources(&sources)?;
    Ok((sources, loaded))
}
