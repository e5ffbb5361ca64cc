//! Where does a command's answer go? To standard output, in colour where a person reads it.

use std::io::{self, IsTerminal, Write};

use crate::failure::Failure;

/// Writes an answer. A reader that has seen enough (`tokka … | head`) is no failure.
///
/// # Errors
/// Where it cannot be written, a full disk for example.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_while_read(text).map(|_| ())
}

/// Likewise, for an answer without an end: `false` once nobody reads it any more.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_while_read(text: &str) -> Result<bool, Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::because(format!("the answer cannot be written: {error}"))),
    }
}

/// How words are set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// On a terminal, unless `NO_COLOR` is set or the terminal is `dumb`.
    Colours,
    /// In files, pipes and logs.
    Plain,
}

impl Paint {
    /// What standard output can show.
    pub(crate) fn of_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        if io::stdout().is_terminal() && !unwanted && !dumb { Self::Colours } else { Self::Plain }
    }

    /// What is wrong.
    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// What is right.
    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// What a block is about.
    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Self::Colours => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_escapes() {
        assert_eq!(Paint::Plain.red("1"), "1");
        assert_eq!(Paint::Colours.green("ok"), "\u{1b}[32mok\u{1b}[0m");
        assert_eq!(Paint::Colours.bold("ok"), "\u{1b}[1mok\u{1b}[0m");
    }
}
