//! Which store lies in a server's data folder? Opened by this process, which nobody else may have open meanwhile.

use std::path::Path;

use tokka_ledger::Embedded;
use tokka_ledger::embedded::{Config, OpenError};
use tokka_ledger::name::Name;

use crate::failure::Failure;

/// Opens the store of a data folder and repeats what its log holds, as a server does at its start.
///
/// # Errors
/// No store, one that is in use, or one that cannot be read.
pub(crate) fn open(data: &Path) -> Result<Embedded, Failure> {
    let dir = data.join(FOLDER);
    let shown = data.display();
    // Opening makes a store where there is none, which would be a clean answer about nothing.
    if !dir.join(FILE).is_file() {
        return Err(Failure::Unreadable(vec![format!("{shown}: holds no store (there is no `{}`)", dir.join(FILE).display())]));
    }
    Embedded::open(Config::new(dir)).map_err(|error| match error {
        OpenError::InUse(_) => Failure::Unreadable(vec![format!(
            "{shown}: a server has the store open: stop it first, or ask about single orders with `tokka reservation`"
        )]),
        other => Failure::Unreadable(vec![format!("{shown}: {other}")]),
    })
}

/// Where in its data folder the server keeps the store, and what the embedded back end calls its file.
const FOLDER: &str = "ledger";
const FILE: &str = "ledger.redb";

/// A counter as people read it: its parts, joined.
pub(crate) fn shown(name: &Name) -> String {
    match name.parts() {
        Some(parts) => parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
        None => name.to_string(),
    }
}
