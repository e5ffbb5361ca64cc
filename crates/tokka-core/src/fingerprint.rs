//! Is this still the price that the customer saw? 128 bits over what they would notice: amounts, gifts, free units and
//! the promotions behind them.

use xxhash_rust::xxh3::xxh3_128;

use crate::amount::Amount;
use crate::prepare::Prepared;
use crate::quote::{Quote, line_at};

/// Not over the revision, the moment, counters, or what did not apply. Texts are preceded by their length, and lists
/// by theirs, so that no two answers read the same.
pub(crate) fn of(prepared: &Prepared<'_>, quote: &Quote) -> u128 {
    let (basket, rulebook) = (prepared.basket, prepared.rulebook);
    // A line has its four numbers, six amounts, three lengths and three ids.
    let mut bytes = Bytes(Vec::with_capacity(quote.lines.len().saturating_mul(192).saturating_add(256)));
    bytes.text("tokka quote 1");
    bytes.text(basket.currency());
    bytes.number(i64::from(basket.user().is_some()));
    bytes.text(basket.user().map_or("", |user| user.as_str()));
    bytes.length(quote.lines.len());
    for (ix, price) in quote.lines.iter() {
        let Some(line) = line_at(basket, ix) else { continue };
        bytes.text(line.line_id.as_str());
        bytes.text(line.sku.as_str());
        bytes.text(line.store.as_str());
        let [item, set, store_spend, store_coupon, platform_spend, platform_coupon] = price.discounts.map(Amount::get);
        let unit_price = line.unit_price.get();
        bytes.numbers([line.quantity, unit_price, item, set, store_spend, store_coupon, platform_spend, platform_coupon]);
    }
    bytes.length(quote.gifts.iter().filter(|gift| gift.given > 0).count());
    for gift in quote.gifts.iter().filter(|gift| gift.given > 0) {
        bytes.text(rulebook.gifts().at(gift.gift).id.as_str());
        bytes.number(gift.given);
    }
    bytes.length(quote.free_units.len());
    for free in &quote.free_units {
        bytes.text(line_at(basket, free.line).map_or("", |line| line.line_id.as_str()));
        bytes.number(free.units);
    }
    bytes.length(quote.applied.len());
    for promotion in &quote.applied {
        bytes.text(rulebook.promotion(*promotion).id.as_str());
    }
    xxh3_128(&bytes.0)
}

struct Bytes(Vec<u8>);

impl Bytes {
    fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn numbers<const N: usize>(&mut self, numbers: [i64; N]) {
        self.0.extend_from_slice(numbers.map(i64::to_le_bytes).as_flattened());
    }

    fn length(&mut self, length: usize) {
        self.number(i64::try_from(length).unwrap_or(i64::MAX));
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }
}
