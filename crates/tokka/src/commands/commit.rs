//! How is an order paid? A reservation is committed on a server.

use clap::{Args, ValueEnum};
use tokka_client::v1;

use crate::failure::Failure;
use crate::order::Shown;
use crate::output;
use crate::reference::Reference;
use crate::remote::{Remote, print_json, with_advice};

/// What is committed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka commit order-1001 --user u-tanaka
  tokka commit order-1001 --user u-tanaka --order-id 1001 --if-expired refuse --json

A reservation is committed also past its deadline, while it is held. One that has expired is taken again where it still \
fits, since the money is there; where it does not, the command is refused and the shop refunds. Repeating it is safe.

Exit codes: 0 paid, 1 refused, 2 called wrongly, or no answer.")]
pub(crate) struct Commit {
    /// The reservation
    #[arg(value_name = "ID")]
    id: String,
    /// The customer that the basket named; none for a guest's
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    remote: Remote,
    /// What to do with one that has expired
    #[arg(long, value_enum, default_value_t = IfExpired::Reacquire)]
    if_expired: IfExpired,
    #[command(flatten)]
    reference: Reference,
    /// Prints the API's answer as JSON, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// What to do with an expired reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum IfExpired {
    /// Take it again where it still fits
    Reacquire,
    /// Refuse
    Refuse,
}

/// Commits a reservation and prints it.
pub(crate) fn run(arguments: &Commit) -> Result<(), Failure> {
    let request = v1::CommitRequest {
        reservation_id: arguments.id.clone(),
        user: arguments.user.clone(),
        receipt: Vec::new(),
        if_expired: match arguments.if_expired {
            IfExpired::Reacquire => v1::IfExpired::Reacquire,
            IfExpired::Refuse => v1::IfExpired::Refuse,
        }
        .into(),
        order: arguments.reference.message(),
    };
    let answer = arguments.remote.try_ask(async |client| client.commit(request).await)?;
    let answer = answer.map_err(|error| with_advice(&error, "repeat the command as it is"))?;
    if arguments.json {
        return print_json("CommitResponse", &answer);
    }
    let reservation = answer.reservation.unwrap_or_default();
    output::print(&Shown::of(&reservation.currency).title(&reservation))
}
