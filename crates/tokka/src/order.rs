//! What does a person read of a reservation? Tables made of the messages of the API, amounts in major units.

use tokka_catalog::money::Currency;
use tokka_client::v1;
use tokka_core::amount::Amount;

use crate::grid::{Grid, Side};
use crate::money::{count, grouped, money};

mod price;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use words::{counter, when};
use words::{gone, policy, state};

/// How amounts of an order are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    currency: String,
    exponent: u32,
}

impl Shown {
    /// Amounts of a currency; of one that this program does not know, in minor units.
    pub(crate) fn of(currency: &str) -> Self {
        let exponent = Currency::from_code(currency).map_or(0, Currency::exponent);
        Self { currency: currency.to_owned(), exponent }
    }

    /// An amount in major units with separators.
    pub(crate) fn money(&self, minor: i64) -> String {
        money(Amount::minor(minor), self.exponent)
    }

    /// Likewise, with its currency.
    pub(crate) fn price(&self, minor: i64) -> String {
        format!("{} {}", self.money(minor), self.currency)
    }

    /// An amount where there is one, else an empty cell.
    fn amount(&self, minor: i64) -> String {
        if minor == 0 { String::new() } else { self.money(minor) }
    }

    /// What a counter counts: money for a budget, else pieces, sets or orders.
    pub(crate) fn counted(&self, counter: &v1::Counter, amount: i64) -> String {
        if counter.kind() == v1::CounterKind::Budget { self.money(amount) } else { grouped(amount) }
    }

    /// Where a reservation stands, in one or two lines: `reservation r of customer u: held until …`.
    pub(crate) fn title(&self, reservation: &v1::Reservation) -> String {
        let of = reservation.user.as_ref().map_or_else(|| " of a guest".to_owned(), |user| format!(" of customer {user}"));
        let mut parts = vec![format!("reservation {}{of}: {}", reservation.reservation_id, state(reservation))];
        let order = reservation.order.as_ref();
        parts.extend(order.and_then(|order| order.order_id.as_ref()).map(|id| format!("order {id}")));
        let stores = order.into_iter().flat_map(|order| &order.store_order_ids);
        parts.extend(stores.map(|(store, id)| format!("{store} {id}")));
        parts.extend(order.into_iter().flat_map(|order| &order.labels).map(|(name, value)| format!("{name}={value}")));
        format!("{}\n{}\n", parts.join(" · "), self.paid(reservation))
    }

    /// `refunded 1,158 + kept 3,582 = paid 4,740 JPY`, or what is to be paid.
    fn paid(&self, reservation: &v1::Reservation) -> String {
        let v1::Reservation { payable, refunded, kept, .. } = reservation;
        match reservation.state() {
            v1::ReservationState::Committed => {
                let holds = refunded.checked_add(*kept) == Some(*payable);
                let verdict = if holds { "" } else { "   DOES NOT ADD UP" };
                let [refunded, kept] = [refunded, kept].map(|amount| self.money(*amount));
                format!("refunded {refunded} + kept {kept} = paid {}{verdict}", self.price(*payable))
            }
            v1::ReservationState::Held => format!("payable {}", self.price(*payable)),
            v1::ReservationState::RolledBack if *refunded > 0 => {
                format!("refunded {} of {}", self.money(*refunded), self.price(*payable))
            }
            _ => format!("{} was payable", self.price(*payable)),
        }
    }

    /// What Reserve answered.
    pub(crate) fn reserved(&self, reservation: &v1::Reservation, quote: Option<&v1::Quote>) -> String {
        let mut text = self.title(reservation);
        if let Some(quote) = quote {
            self.price_sections(&mut text, quote, &[]);
        }
        text.push_str(&format!("\nNOTES\n\nfingerprint {}, revision {}\n", reservation.fingerprint, reservation.revision));
        text
    }

    /// Everything that is known of a reservation.
    pub(crate) fn whole(&self, reservation: &v1::Reservation, answer: &v1::GetReservationResponse) -> String {
        let mut text = self.title(reservation);
        if let Some(quote) = &answer.quote {
            self.price_sections(&mut text, quote, &answer.left);
        }
        section(&mut text, "HELD", self.claims(&answer.claims));
        section(&mut text, "RETURNS", self.returns(&answer.rollbacks));
        text.push_str(&format!("\nNOTES\n\n{}\n", self.notes(reservation).join("\n")));
        text.push_str(&format!("\nSUMS\n\n{}", self.sums(reservation, answer)));
        text
    }

    /// What went back, or would.
    pub(crate) fn refunded(&self, request: &v1::RollbackRequest, answer: &v1::RollbackResponse) -> String {
        let id = &request.reservation_id;
        if answer.unknown {
            return format!(
                "reservation {id} was never seen: it is cancelled from now on, and nothing will be held under this id\n"
            );
        }
        let refund = answer.refund.clone().unwrap_or_default();
        let verb = if request.validate_only { "would be refunded; nothing has changed" } else { "refunded" };
        let by = if request.rollback_id.is_empty() { String::new() } else { format!(", rollback {}", request.rollback_id) };
        let mut text = format!("{} {verb}{by}\n", self.price(refund.amount));
        text.push_str(&answer.reservation.as_ref().map(|reservation| self.title(reservation)).unwrap_or_default());
        section(&mut text, "REFUND", self.refund_lines(&refund));
        section(&mut text, "TO COME BACK", self.to_return(&refund));
        section(&mut text, "FOR SALE AGAIN", self.restored(&refund));
        if refund.waived > 0 {
            let payers: Vec<String> =
                refund.waived_by.iter().map(|part| format!("{} {}", part.payer, self.money(part.amount))).collect();
            text.push_str(&format!(
                "\nNOTES\n\nwhat remains costs {} more than was kept, which nobody is asked for: {}\n",
                self.price(refund.waived),
                payers.join(", ")
            ));
        }
        text
    }

    fn refund_lines(&self, refund: &v1::Refund) -> Option<String> {
        let mut grid = Grid::new([("line", Side::Left), ("refund", Side::Right)]);
        for line in &refund.lines {
            grid.row([line.line_id.clone(), self.money(line.amount)]);
        }
        (!grid.is_empty()).then(|| grid.text_with_totals(["all".to_owned(), self.money(refund.amount)]))
    }

    fn to_return(&self, refund: &v1::Refund) -> Option<String> {
        let mut grid = Grid::new([("gift or free piece", Side::Left), ("pieces", Side::Right), ("given by", Side::Left)]);
        for gift in &refund.to_return {
            let what = match &gift.what {
                Some(v1::to_return::What::Gift(gift)) => format!("gift {gift}"),
                Some(v1::to_return::What::Sku(sku)) => sku.clone(),
                None => String::new(),
            };
            grid.row([what, grouped(gift.quantity), gift.promotion.clone()]);
        }
        (!grid.is_empty()).then(|| grid.text())
    }

    fn restored(&self, refund: &v1::Refund) -> Option<String> {
        let mut grid = Grid::new([("limited quantity", Side::Left), ("amount", Side::Right)]);
        for entry in &refund.restored {
            let Some(of) = &entry.counter else { continue };
            grid.row([counter(of), self.counted(of, entry.amount)]);
        }
        (!grid.is_empty()).then(|| grid.text())
    }

    fn claims(&self, claims: &[v1::Claim]) -> Option<String> {
        let columns = [("limited quantity", Side::Left), ("limit", Side::Right), ("taken", Side::Right), ("held", Side::Right)];
        let mut grid = Grid::new(columns);
        for claim in claims {
            let Some(of) = &claim.counter else { continue };
            let [limit, taken, held] = [claim.limit, claim.amount, claim.holding].map(|amount| self.counted(of, amount));
            grid.row([counter(of), limit, taken, held]);
        }
        (!grid.is_empty()).then(|| grid.text())
    }

    fn returns(&self, steps: &[v1::RollbackStep]) -> Option<String> {
        let columns = [
            ("rollback", Side::Left),
            ("when", Side::Left),
            ("what", Side::Left),
            ("refund", Side::Right),
            ("waived", Side::Right),
        ];
        let mut grid = Grid::new(columns);
        let mut sum = 0_i64;
        for step in steps {
            let refund = step.refund.clone().unwrap_or_default();
            sum = sum.saturating_add(refund.amount);
            let amounts = [self.money(refund.amount), self.amount(refund.waived)];
            grid.row([step.rollback_id.clone(), when(step.at), gone(step)].into_iter().chain(amounts));
        }
        let nothing = String::new;
        (!grid.is_empty()).then(|| grid.text_with_totals(["all".to_owned(), nothing(), nothing(), self.money(sum), nothing()]))
    }

    fn notes(&self, reservation: &v1::Reservation) -> Vec<String> {
        vec![
            format!("refunds: {}", policy(reservation.refund_policy())),
            format!(
                "made {}, changed {}, version {}",
                when(reservation.created_at),
                when(reservation.changed_at),
                grouped(reservation.version)
            ),
            format!("fingerprint {}, revision {}", reservation.fingerprint, reservation.revision),
            format!("receipt of {}", count(i64::try_from(reservation.receipt.len()).unwrap_or(i64::MAX), "byte")),
        ]
    }

    /// One line for each equation that must hold, marked where it does not.
    fn sums(&self, reservation: &v1::Reservation, answer: &v1::GetReservationResponse) -> String {
        let refunded = sum(answer.rollbacks.iter().filter_map(|step| step.refund.as_ref()).map(|refund| refund.amount));
        let mut equations = Vec::new();
        if reservation.state() == v1::ReservationState::Committed || reservation.refunded > 0 {
            let both = sum([reservation.refunded, reservation.kept]);
            equations.push(vec![("refunded and kept", both), ("paid", reservation.payable)]);
            equations.push(vec![("returns", refunded), ("refunded", reservation.refunded)]);
        }
        if let Some(quote) = &answer.quote {
            let lines = sum(quote.lines.iter().map(|line| line.payable));
            equations.push(vec![("lines", lines), ("quote", quote.payable), ("payable", reservation.payable)]);
        }
        let mut text = String::new();
        for equation in equations {
            let holds = equation.windows(2).all(|pair| matches!(pair, [(_, one), (_, other)] if one == other));
            let sides: Vec<String> = equation.iter().map(|(name, amount)| format!("{name} {}", self.money(*amount))).collect();
            text.push_str(&format!("{}{}\n", sides.join(" = "), if holds { "" } else { "   DOES NOT ADD UP" }));
        }
        text
    }
}

/// Adds a section where there is something to show.
fn section(text: &mut String, title: &str, body: Option<String>) {
    if let Some(body) = body {
        text.push_str(&format!("\n{title}\n\n{body}"));
    }
}

/// The sum of amounts of one order; they fit, since the order's gross does.
fn sum(amounts: impl IntoIterator<Item = i64>) -> i64 {
    amounts.into_iter().fold(0, i64::saturating_add)
}
