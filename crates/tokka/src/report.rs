//! What does a shopkeeper read of a quote? Names, numbers and the tables made of them.

use jiff::Timestamp;
use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, Line, LineRequest};
use tokka_core::promotion::{Promotion, Stage};
use tokka_core::quote::{Counter, Payer, Quote, View};
use tokka_core::rulebook::Rulebook;
use tokka_core::suggest::Suggestion;
use tokka_core::table::{CounterIx, GiftIx, Ix, LineIx, PromoIx, StoreIx, Table};

use crate::money::money;
use crate::products::Products;

mod json;
mod lines;
mod parties;
mod promotions;
#[cfg(test)]
mod sample;
mod searched;
mod sums;
mod tables;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use json::json;

/// A quote, and what is needed to speak of it.
pub(crate) struct Report<'a> {
    /// The catalogue that priced it.
    pub(crate) rulebook: &'a Rulebook,
    /// What was priced.
    pub(crate) basket: &'a Basket,
    /// The price.
    pub(crate) quote: &'a Quote,
    /// Names of products, where a file was given.
    pub(crate) products: &'a Products,
    /// How much of the explanation was worked out.
    pub(crate) view: View,
    /// The limited quantities that the price depends on.
    pub(crate) counters: &'a Table<CounterIx, Counter>,
    /// What was used of them before, in the same order.
    pub(crate) usage: &'a [i64],
    /// Products that might be added.
    pub(crate) additions: &'a [LineRequest],
    /// Those that are worth their price.
    pub(crate) suggestions: &'a [Suggestion],
}

impl Report<'_> {
    /// An amount in major units with separators.
    pub(crate) fn money(&self, amount: Amount) -> String {
        money(amount, self.rulebook.settings().exponent)
    }

    /// A moment in the catalogue's time zone.
    pub(crate) fn when(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.rulebook.settings().time_zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The catalogue's distance from UTC at the basket's moment, `+09:00`.
    fn offset(&self) -> String {
        let zone = self.rulebook.settings().time_zone.clone();
        self.basket.at().to_zoned_datetime(zone).strftime("%:z").to_string()
    }

    /// A promotion as written.
    pub(crate) fn promotion(&self, promotion: PromoIx) -> &Promotion {
        self.rulebook.promotions().at(promotion)
    }

    /// What shoppers call a gift.
    pub(crate) fn gift(&self, gift: GiftIx) -> &str {
        &self.rulebook.gifts().at(gift).name
    }

    /// A line as brought.
    pub(crate) fn line(&self, line: LineIx) -> Option<&Line> {
        self.basket.lines().get(line.position())
    }

    /// The id of a line.
    pub(crate) fn line_id(&self, line: LineIx) -> &str {
        self.line(line).map_or("", |line| line.line_id.as_str())
    }

    /// What shoppers call the product of a line, or its sku.
    pub(crate) fn product(&self, line: &Line) -> String {
        let name = self.products.name(line.store.as_str(), line.sku.as_str());
        name.unwrap_or(line.sku.as_str()).to_owned()
    }

    /// The id of a sub-order's store.
    pub(crate) fn store_id(&self, store: StoreIx) -> &str {
        self.seller_id(self.quote.stores.at(store).first_line)
    }

    /// The id of the store that sells a line.
    fn seller_id(&self, line: LineIx) -> &str {
        self.line(line).map_or("", |line| line.store.as_str())
    }

    /// Does this order buy from a store?
    fn sells(&self, store: &str) -> bool {
        self.basket.lines().iter().any(|line| line.store == *store)
    }

    /// What a store is due, where that was worked out.
    fn settlement(&self, store: &str) -> Option<Amount> {
        self.quote.settlements.iter().find(|(id, _)| *id == *store).map(|(_, due)| *due)
    }

    /// What shoppers call a store, or its id.
    pub(crate) fn store_name<'b>(&'b self, id: &'b str) -> &'b str {
        self.rulebook.store(id).map_or(id, |store| store.name.as_str())
    }

    /// Who pays, by name.
    pub(crate) fn payer<'b>(&'b self, payer: &'b Payer) -> &'b str {
        match payer {
            Payer::Platform => "platform",
            Payer::Store(id) => self.store_name(id.as_str()),
        }
    }

    /// What each promotion took off the order, in order of application; those that only gave something too.
    pub(crate) fn discount_by_promotion(&self) -> Vec<(PromoIx, Amount)> {
        let mut sums: Vec<(PromoIx, Amount)> = self.quote.applied.iter().map(|ix| (*ix, Amount::ZERO)).collect();
        for segment in &self.quote.segments {
            let mut before = segment.gross;
            for touch in &segment.chain {
                let taken = before.get().saturating_sub(touch.after.get());
                before = touch.after;
                match sums.iter_mut().find(|(promotion, _)| *promotion == touch.promotion) {
                    Some((_, sum)) => *sum = Amount::minor(sum.get().saturating_add(taken)),
                    None => sums.push((touch.promotion, Amount::minor(taken))),
                }
            }
        }
        sums
    }
}

/// The amount of one stage.
pub(crate) fn of_stage(discounts: &[Amount; 6], stage: Stage) -> Amount {
    discounts.get(stage as usize).copied().unwrap_or_default()
}

/// The sum of amounts that a quote holds; they fit, since the order's gross does.
pub(crate) fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    Amount::minor(amounts.into_iter().fold(0i64, |sum, amount| sum.saturating_add(amount.get())))
}
