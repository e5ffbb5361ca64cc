//! Which store lies in a server's data folder? Opened by this process, which nobody else may have open meanwhile.

use std::path::Path;

use tokka_client::v1;
use tokka_ledger::Embedded;
use tokka_ledger::embedded::{Config, OpenError};

use crate::failure::Failure;
use crate::order;

/// Opens the store of a data folder and repeats what its log holds, as a server does at its start.
///
/// # Errors
/// No store, one that is in use, or one that cannot be read.
pub(crate) fn open(data: &Path) -> Result<Embedded, Failure> {
    let dir = data.join(tokka_server::LEDGER);
    let shown = data.display();
    // Opening makes a store where there is none, which would be a clean answer about nothing.
    if !dir.join(FILE).is_file() {
        return Err(Failure::Unreadable(vec![format!("{shown}: holds no store (there is no `{}`)", dir.join(FILE).display())]));
    }
    Embedded::open(Config::new(dir)).map_err(|error| match error {
        OpenError::InUse(_) => Failure::Unreadable(vec![format!(
            "{shown}: a server has the store open: stop it first, or ask it at its admin address with `--server`"
        )]),
        other => Failure::Unreadable(vec![format!("{shown}: {other}")]),
    })
}

/// What the embedded back end calls its file.
const FILE: &str = "ledger.redb";

/// A counter as people read it, and whose it is.
pub(crate) fn shown(counter: Option<&v1::Counter>, user: &str) -> String {
    let of = counter.map_or_else(|| "a limit that this program does not know".to_owned(), order::counter);
    if user.is_empty() { of } else { format!("{of} ({user})") }
}
