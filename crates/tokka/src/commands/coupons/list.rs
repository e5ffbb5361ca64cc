//! What does a customer hold, and what became of the rest? The wallet, newest first.

use clap::{Args, ValueEnum};
use tokka_client::v1;

use super::told;
use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::order::when;
use crate::output;
use crate::remote::{Remote, print_json};

/// Instances of one answer.
const AT_ONCE: i32 = 1_000;

/// Whose wallet is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka coupons list u-tanaka
  tokka coupons list u-tanaka --state claimed --state returned --json

Moments are in UTC.

Exit codes: 0 shown, 1 refused, 2 called wrongly, or no answer.")]
pub(crate) struct List {
    /// The customer
    #[arg(value_name = "USER")]
    user: String,
    /// Only what is in this state; may be given several times
    #[arg(long = "state", value_name = "STATE")]
    states: Vec<State>,
    #[command(flatten)]
    remote: Remote,
    /// Prints the API's answers as one, as JSON
    #[arg(long)]
    json: bool,
}

/// What became of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    Claimed,
    Held,
    Used,
    Returned,
    Expired,
}

impl State {
    fn of_api(self) -> v1::UserCouponState {
        match self {
            Self::Claimed => v1::UserCouponState::Claimed,
            Self::Held => v1::UserCouponState::Held,
            Self::Used => v1::UserCouponState::Used,
            Self::Returned => v1::UserCouponState::Returned,
            Self::Expired => v1::UserCouponState::Expired,
        }
    }
}

/// Prints a wallet.
pub(crate) fn run(arguments: &List) -> Result<(), Failure> {
    let states = arguments.states.iter().map(|state| state.of_api().into()).collect();
    let mut request =
        v1::ListUserCouponsRequest { user: arguments.user.clone(), states, page_size: AT_ONCE, page_token: String::new() };
    let all = arguments.remote.ask(async |client| {
        let mut all = v1::ListUserCouponsResponse::default();
        loop {
            let page = client.user_coupons(request.clone()).await?;
            let coupons = std::mem::take(&mut all.coupons);
            request.page_token.clone_from(&page.next_page_token);
            all = page;
            all.coupons.splice(0..0, coupons);
            if request.page_token.is_empty() {
                return Ok(all);
            }
        }
    })?;
    if arguments.json {
        return print_json("ListUserCouponsResponse", &all);
    }
    if all.coupons.is_empty() {
        return output::print(&format!("{} has no such coupon\n", arguments.user));
    }
    let columns = ["instance", "coupon", "by", "from", "until", ""].map(|column| (column, Side::Left));
    let mut grid = Grid::new(columns);
    for coupon in &all.coupons {
        let until = coupon.expires_at.map(|expires| when(Some(expires))).unwrap_or_default();
        let from = [coupon.distribution.as_str(), coupon.channel.as_str()].join("\n");
        let state = told::state(coupon.state()).to_owned();
        let named = format!("{}\n{}", coupon.name, coupon.design);
        grid.row([coupon.instance.clone(), named, coupon.owner.clone(), from, until, state]);
    }
    output::print(&grid.text())
}
