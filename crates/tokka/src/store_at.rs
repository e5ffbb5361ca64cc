//! Which store on Redis is meant? Its URL, and its password where that stands apart. Neither is ever printed as it came: a
//! URL may hold a password, and arguments stand in the list of processes.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use tokka_ledger::redis::{Config, OpenError, Redis, StoreUrl};

use crate::failure::Failure;

/// Where a password may stand as well.
const PASSWORD: &str = "TOKKA_STORE_PASSWORD";

/// A URL as it was written, not looked at yet: what clap finds wrong it repeats.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Unread(String);

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unread")
    }
}

impl FromStr for Unread {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// Where the password of a store stands, if not in its URL.
#[derive(Debug, Args)]
pub(crate) struct StorePassword {
    /// A file whose one line is the password of the store, instead of one in the URL; so is the variable
    /// TOKKA_STORE_PASSWORD
    #[arg(long, value_name = "FILE", env = "TOKKA_STORE_PASSWORD_FILE")]
    store_password_file: Option<PathBuf>,
}

impl StorePassword {
    /// The store that is meant.
    ///
    /// # Errors
    /// Not a URL of a store, or a password that cannot be read, or two of them.
    pub(crate) fn of(&self, Unread(url): &Unread) -> Result<StoreUrl, Failure> {
        let parsed = match self.read()? {
            Some(password) => StoreUrl::with_password(url, password),
            None => url.parse(),
        };
        parsed.map_err(|error| Failure::Usage(error.to_string()))
    }

    fn read(&self) -> Result<Option<String>, Failure> {
        let Some(file) = &self.store_password_file else {
            return match std::env::var(PASSWORD) {
                Ok(password) => Ok(Some(password).filter(|password| !password.is_empty())),
                Err(std::env::VarError::NotPresent) => Ok(None),
                Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Usage(format!("`{PASSWORD}` is not UTF-8"))),
            };
        };
        let unreadable = |why: &dyn fmt::Display| Failure::Unreadable(vec![format!("{}: {why}", file.display())]);
        let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
        let password = text.trim_end_matches(['\r', '\n']);
        if password.is_empty() || password.contains('\n') {
            return Err(unreadable(&"a password file has one line, the password"));
        }
        Ok(Some(password.to_owned()))
    }
}

/// Opens a store as one more of the processes that use it.
///
/// # Errors
/// It is not reached, or there is none.
pub(crate) async fn open(url: StoreUrl) -> Result<Redis, Failure> {
    Redis::open(Config::new(url, tokka_server::owner())).await.map_err(|error| not_opened(&error))
}

/// What a store that is not opened comes to.
pub(crate) fn not_opened(error: &OpenError) -> Failure {
    Failure::Unreadable(vec![error.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_comes_from_a_file_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let password = StorePassword { store_password_file: Some(file.clone()) };
        let unread: Unread = "redis://tokka@h/1".parse().unwrap();
        assert!(matches!(password.of(&unread), Err(Failure::Unreadable(_))));
        for (text, fits) in
            [("s3cr3t\n", true), ("s3cr3t\r\n", true), ("a b", true), ("", false), ("\n", false), ("a\nb\n", false)]
        {
            std::fs::write(&file, text).unwrap();
            let read = password.of(&unread);
            assert_eq!(read.is_ok(), fits, "{text:?}: {read:?}");
            assert!(!format!("{read:?} {unread:?}").contains("s3cr3t"));
            if let Ok(url) = read {
                assert_eq!(url.to_string(), "redis://tokka:***@h:6379/1");
            }
        }
        std::fs::write(&file, "s3cr3t").unwrap();
        let twice: Unread = "redis://:other@h".parse().unwrap();
        let Err(Failure::Usage(why)) = password.of(&twice) else { panic!() };
        assert!(why.contains("one of them is enough") && !why.contains("other") && !why.contains("s3cr3t"), "{why}");
    }
}
