//! What does the coupon centre show? What can be claimed, and how much of it is left.

use clap::Args;
use tokka_client::v1;

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::grouped;
use crate::order::{Shown, when};
use crate::output;
use crate::page::{self, Looking};
use crate::remote::{Remote, print_json};

/// Distributions of one answer.
const AT_ONCE: i32 = 1_000;

/// Who looks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka coupons claimable --user u-tanaka
  tokka coupons claimable --owner hinata-living --json

Exit codes: 0 shown, 1 refused, 2 called wrongly, or no answer.")]
pub(crate) struct Claimable {
    /// Only coupons of this store, or of `platform`
    #[arg(long, value_name = "STORE", default_value = "")]
    owner: String,
    #[command(flatten)]
    looking: Looking,
    #[command(flatten)]
    remote: Remote,
    /// Prints the API's answers as one, as JSON, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// Prints what can be claimed.
pub(crate) fn run(arguments: &Claimable) -> Result<(), Failure> {
    let mut request = v1::ListClaimableCouponsRequest {
        owner: arguments.owner.clone(),
        page_size: AT_ONCE,
        page_token: String::new(),
        visitor: Some(arguments.looking.visitor()),
    };
    let all = arguments.remote.ask(async |client| {
        let mut all = v1::ListClaimableCouponsResponse::default();
        loop {
            let page = client.claimable_coupons(request.clone()).await?;
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
        return print_json("ListClaimableCouponsResponse", &all);
    }
    if all.coupons.is_empty() {
        return output::print("nothing can be claimed\n");
    }
    let shown = Shown::of(&all.currency);
    let columns = ["distribution", "coupon", "by", "it gives", "left", "until"].map(|column| (column, Side::Left));
    let mut grid = Grid::new(columns);
    for coupon in &all.coupons {
        let left = coupon.left.map_or_else(|| "any number".to_owned(), grouped);
        let until = coupon.claim_until.map(|until| when(Some(until))).unwrap_or_default();
        let terms = page::terms(&shown, coupon.terms.as_ref()).join("\n");
        let named = format!("{}\n{}", coupon.name, coupon.design);
        grid.row([coupon.distribution.clone(), named, coupon.owner.clone(), terms, left, until]);
    }
    output::print(&grid.text())
}
