//! How does an operator speak to the catalogue of a server? At its admin address, by name, and asked before anything changes.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use tokka_client::{Config, ConnectError, Deadlines, Error, Operator, Promotions, v1};

use crate::failure::Failure;
use crate::remote::{self, Period};

/// Which server.
#[derive(Debug, Args)]
pub(crate) struct Desk {
    /// The admin address of the server (`tokka serve --admin`)
    #[arg(
        long = "to",
        visible_alias = "server",
        value_name = "URL",
        env = "TOKKA_ADMIN",
        default_value = "http://127.0.0.1:7071"
    )]
    server: String,
    /// Waits at most this long for an answer
    #[arg(long, value_name = "TIME", default_value = "2m")]
    timeout: Period,
}

/// Who changes something, and why.
#[derive(Debug, Args)]
pub(crate) struct Signed {
    /// Who: the name that stands in the history
    #[arg(long, value_name = "NAME", env = "TOKKA_AUTHOR")]
    author: Option<String>,
    /// Why
    #[arg(short, long, value_name = "TEXT", default_value = "")]
    message: String,
}

impl Desk {
    /// Asks the server.
    ///
    /// # Errors
    /// As other commands of operators.
    pub(crate) fn ask<A>(&self, call: impl AsyncFnOnce(Promotions) -> Result<A, Error>) -> Result<A, Failure> {
        self.ask_with(Promotions::new, async |client| self.told(call(client).await))
    }

    /// What an operator hears of an answer.
    ///
    /// # Errors
    /// The refusal, in words.
    pub(crate) fn told<A>(&self, answer: Result<A, Error>) -> Result<A, Failure> {
        answer.map_err(|error| remote::refused_to_operator(&self.server, &error))
    }

    /// Likewise, with a client of another service, in calls that follow each other.
    ///
    /// # Errors
    /// The address is none, or what the calls come to.
    pub(crate) fn ask_with<C, A>(
        &self,
        client: fn(Config) -> Result<C, ConnectError>,
        calls: impl AsyncFnOnce(C) -> Result<A, Failure>,
    ) -> Result<A, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::because)?;
        let mut config = Config::new(&self.server);
        config.deadlines = Deadlines::all(self.timeout.0);
        config.connect_max = remote::PATIENCE;
        runtime.block_on(async { calls(client(config).map_err(|error| Failure::Usage(error.to_string()))?).await })
    }

    /// Asks the server what operators ask besides.
    ///
    /// # Errors
    /// As other commands of operators.
    pub(crate) fn operate<A>(&self, call: impl AsyncFnOnce(Operator) -> Result<A, Error>) -> Result<A, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::because)?;
        runtime.block_on(async {
            let operator = remote::operator(&self.server, self.timeout.0)?;
            call(operator).await.map_err(|error| remote::refused_to_operator(&self.server, &error))
        })
    }

    /// Asks a person whether it shall be done.
    ///
    /// # Errors
    /// There is nobody to ask, or the answer is no.
    pub(crate) fn agreed(&self, yes: bool) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::Usage("nobody is there to agree: say `--yes`, or `--dry-run` to only look".to_owned()));
        }
        eprint!("Change this at {}? [y/N] ", self.server);
        let _ = io::stderr().flush();
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map_err(Failure::because)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Failure::because("not agreed: nothing was changed")),
        }
    }
}

impl Signed {
    /// Under a request id of its own, so that the client may repeat the call.
    ///
    /// # Errors
    /// Nobody says who it is.
    pub(crate) fn change(&self) -> Result<v1::Change, Failure> {
        let of_system = || std::env::var("USER").ok().filter(|user| !user.is_empty());
        match self.author.clone().or_else(of_system) {
            Some(author) => Ok(Promotions::change(author, &self.message)),
            None => Err(Failure::Usage("say who changes it: `--author NAME`".to_owned())),
        }
    }
}

/// `promotion/flash-1`, or `catalogue`.
pub(crate) fn called(kind: v1::DocumentKind, id: &str) -> String {
    let kind = match kind {
        v1::DocumentKind::Unspecified => "document",
        v1::DocumentKind::Catalogue => "catalogue",
        v1::DocumentKind::Store => "store",
        v1::DocumentKind::Gift => "gift",
        v1::DocumentKind::Promotion => "promotion",
        v1::DocumentKind::Distribution => "distribution",
    };
    if id.is_empty() { kind.to_owned() } else { format!("{kind}/{id}") }
}

/// Where a document stands, as a word.
pub(crate) const fn stands(state: v1::DocumentState) -> &'static str {
    match state {
        v1::DocumentState::Unspecified => "",
        v1::DocumentState::Draft => "draft",
        v1::DocumentState::Published => "published",
        v1::DocumentState::Paused => "paused",
        v1::DocumentState::Archived => "archived",
    }
}

/// A moment to the second.
pub(crate) fn moment(at: Option<&prost_types::Timestamp>) -> String {
    let at = at.and_then(|at| jiff::Timestamp::new(at.seconds, 0).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}
