//! Where does an order stand? What it cost, what is left of it, what went back.

use clap::Args;
use tokka_client::v1;

use crate::failure::Failure;
use crate::order::Shown;
use crate::output;
use crate::remote::{Remote, print_json};

/// Which order is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka reservation order-1001 --user u-tanaka
  tokka reservation order-1001 --user u-tanaka --server http://tokka.internal:7070 --json

The price is that of the moment at which it was reserved. Moments are in UTC.

Exit codes: 0 shown, 1 there is no such reservation of this customer, 2 called wrongly, or no answer.")]
pub(crate) struct Reservation {
    /// The reservation
    #[arg(value_name = "ID")]
    id: String,
    /// The customer that the basket named; none for a guest's
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    remote: Remote,
    /// Prints the API's answer as JSON, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// Prints a reservation.
pub(crate) fn run(arguments: &Reservation) -> Result<(), Failure> {
    let request =
        v1::GetReservationRequest { reservation_id: arguments.id.clone(), user: arguments.user.clone(), receipt: Vec::new() };
    let answer = arguments.remote.ask(async |client| client.get(request).await)?;
    if arguments.json {
        return print_json("GetReservationResponse", &answer);
    }
    let reservation = answer.reservation.clone().unwrap_or_default();
    output::print(&Shown::of(&reservation.currency).whole(&reservation, &answer))
}
