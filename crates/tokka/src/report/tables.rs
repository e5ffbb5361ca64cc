//! What does a quote look like on a screen? Its sections, from what is bought to why something did not apply.

use std::collections::BTreeMap;

use tokka_core::amount::Amount;
use tokka_core::promotion::Stage;

use super::{Report, of_stage, sum};

/// What a stage is called at the head of a column.
pub(crate) const fn heading(stage: Stage) -> &'static str {
    match stage {
        Stage::Item => "item\noffer",
        Stage::Set => "set\noffer",
        Stage::StoreSpend => "store\nspend",
        Stage::StoreCoupon => "store\ncoupon",
        Stage::PlatformSpend => "platform\nspend",
        Stage::PlatformCoupon => "platform\ncoupon",
    }
}

impl Report<'_> {
    /// Everything, for people: what is bought, what took how much off, what comes on top, who sells and who pays for
    /// what, what did not apply and why.
    pub(crate) fn tables(&self) -> String {
        let mut text = self.title();
        let mut section = |title: &str, body: Option<String>| {
            if let Some(body) = body {
                text.push_str(&format!("\n{title}\n\n{body}"));
            }
        };
        section("BEST PRICE", self.searched());
        section("LINES", Some(self.lines()));
        section("DISCOUNTS", self.discounts());
        section("GIFTS AND FREE PIECES", self.gifts());
        section("SELLERS", Some(self.sellers()));
        section("FUNDERS", self.funders());
        section("A LITTLE MORE", self.hints());
        section("WORTH ADDING", self.worth_adding());
        section("WHY NOT", self.why_nots());
        section("NOTES", self.notes());
        section("SUMS", Some(self.sums()));
        text
    }

    fn title(&self) -> String {
        let settings = self.rulebook.settings();
        let zone = settings.time_zone.iana_name().map_or_else(|| self.offset(), ToOwned::to_owned);
        let mut parts = vec![
            format!("{} ({zone})", self.when(self.basket.at())),
            self.basket.user().map_or("a guest".to_owned(), |user| format!("customer {user}")),
        ];
        if !self.basket.user_tags().is_empty() {
            let tags: Vec<&str> = self.basket.user_tags().iter().map(|tag| tag.as_str()).collect();
            parts.push(format!("tagged {}", tags.join(", ")));
        }
        parts.extend(self.basket.channel().map(|channel| format!("channel {channel}")));
        parts.extend(self.basket.region().map(|region| format!("region {region}")));
        format!(
            "{}\ngross {} - discounts {} = payable {} {}\n",
            parts.join(" · "),
            self.money(self.quote.gross),
            self.money(self.quote.discount()),
            self.money(self.quote.payable),
            settings.currency,
        )
    }

    /// The stages in which something was taken off: only these have columns.
    pub(crate) fn stages(&self) -> Vec<Stage> {
        Stage::ALL.into_iter().filter(|stage| !of_stage(&self.quote.discounts, *stage).is_zero()).collect()
    }

    /// An amount where there is one, else an empty cell.
    pub(crate) fn amount(&self, amount: Amount) -> String {
        if amount.is_zero() { String::new() } else { self.money(amount) }
    }

    /// A discount as it stands in a column that is added up: negative, or nothing at all.
    pub(crate) fn taken(&self, amount: Amount) -> String {
        self.amount(Amount::minor(amount.get().saturating_neg()))
    }

    fn notes(&self) -> Option<String> {
        let mut notes = Vec::new();
        if self.quote.needs_user {
            notes.push("a promotion counts what each customer takes: an order needs a signed-in customer".to_owned());
        }
        if self.quote.clawback_only {
            notes.push("what remains after a return is priced again: other items counted towards a threshold".to_owned());
        }
        for (ix, _) in self.quote.stores.iter().filter(|(_, store)| store.below_minimum.is_positive()) {
            notes.push(format!("{} takes no order below its minimum", self.store_name(self.store_id(ix))));
        }
        if let Some(next) = self.quote.next_change_at {
            notes.push(format!("prices may change next on {}, when a promotion of these items starts or ends", self.when(next)));
        }
        if self.quote.tax_totals.iter().any(|total| total.tax_class.is_some()) {
            let mut by_class: BTreeMap<&str, Amount> = BTreeMap::new();
            for total in &self.quote.tax_totals {
                let entry = by_class.entry(total.tax_class.as_ref().map_or("none", |class| class.as_str())).or_default();
                *entry = sum([*entry, total.payable]);
            }
            let classes: Vec<String> =
                by_class.iter().map(|(class, amount)| format!("{class} {}", self.money(*amount))).collect();
            notes.push(format!("payable by tax class: {}", classes.join(", ")));
        }
        if notes.is_empty() { None } else { Some(notes.join("\n") + "\n") }
    }
}
