//! Who sells, who pays, and who is due how much? Sellers with their settlement, funders with their part of each stage.

use std::collections::{BTreeMap, BTreeSet};

use tokka_core::amount::Amount;
use tokka_core::promotion::Stage;
use tokka_core::quote::{Payer, View};

use super::tables::heading;
use super::{Report, of_stage, sum};
use crate::grid::{Grid, Side};

/// The stages of the platform's own offers.
const PLATFORM: [Stage; 2] = [Stage::PlatformSpend, Stage::PlatformCoupon];

/// What stands in a row of the sellers.
#[derive(Default)]
struct Seller {
    gross: Amount,
    discounts: [Amount; 6],
    payable: Amount,
    /// What others funded of the discounts on its lines.
    by_others: Amount,
    /// What it funded of discounts on the lines of others.
    for_others: Amount,
    due: Amount,
}

impl Report<'_> {
    /// The sub-orders, each row adding up to what the customer pays there and to what the store is due.
    pub(crate) fn sellers(&self) -> String {
        let mut grid = Grid::new([
            ("seller", Side::Left),
            ("gross", Side::Right),
            ("store's\noffers", Side::Right),
            ("subtotal", Side::Right),
            ("platform's\noffers", Side::Right),
            ("payable", Side::Right),
            ("paid by\nothers", Side::Right),
            ("paid for\nothers", Side::Right),
            ("due to\nthe store", Side::Right),
            ("minimum order", Side::Left),
        ]);
        let row = |name: String, seller: &Seller, minimum: String| {
            let platform = sum(PLATFORM.map(|stage| of_stage(&seller.discounts, stage)));
            let own = Amount::minor(sum(seller.discounts).get().saturating_sub(platform.get()));
            let subtotal = Amount::minor(seller.gross.get().saturating_sub(own.get()));
            [
                name,
                self.money(seller.gross),
                self.taken(own),
                self.money(subtotal),
                self.taken(platform),
                self.money(seller.payable),
                self.amount(seller.by_others),
                self.taken(seller.for_others),
                // Settled only where funding was worked out.
                if self.view == View::Full { self.money(seller.due) } else { String::new() },
                minimum,
            ]
        };
        let mut order =
            Seller { gross: self.quote.gross, discounts: self.quote.discounts, payable: self.quote.payable, ..Seller::default() };
        let mut add = |seller: &Seller| {
            order.by_others = sum([order.by_others, seller.by_others]);
            order.for_others = sum([order.for_others, seller.for_others]);
            order.due = sum([order.due, seller.due]);
        };
        for (ix, store) in self.quote.stores.iter() {
            let id = self.store_id(ix);
            let (by_others, for_others) = self.exchanged(id);
            let due = self.settlement(id).unwrap_or_default();
            let seller =
                Seller { gross: store.gross, discounts: store.discounts, payable: store.payable, by_others, for_others, due };
            add(&seller);
            let minimum = match self.rulebook.store(id).and_then(|store| store.minimum_order) {
                Some(minimum) if store.below_minimum.is_positive() => {
                    format!("{} short of {}", self.money(store.below_minimum), self.money(minimum))
                }
                Some(minimum) => format!("{} reached", self.money(minimum)),
                None => String::new(),
            };
            grid.row(row(self.store_name(id).to_owned(), &seller, minimum));
        }
        // Stores that sell nothing here and fund others' discounts.
        for (id, due) in self.quote.settlements.iter().filter(|(id, _)| !self.sells(id.as_str())) {
            let (by_others, for_others) = self.exchanged(id.as_str());
            let seller = Seller { by_others, for_others, due: *due, ..Seller::default() };
            add(&seller);
            grid.row(row(self.store_name(id.as_str()).to_owned(), &seller, String::new()));
        }
        grid.text_with_totals(row("the whole order".to_owned(), &order, String::new()))
    }

    /// Funders × stages: each column adds up to the order's discount in that stage. `None` where nothing was funded.
    pub(crate) fn funders(&self) -> Option<String> {
        let stages = self.stages();
        let mut by_payer: BTreeMap<&Payer, [Amount; 6]> = BTreeMap::new();
        for part in &self.quote.funding {
            let row = by_payer.entry(&part.payer).or_default();
            if let Some(amount) = row.get_mut(self.promotion(part.promotion).stage() as usize) {
                *amount = sum([*amount, part.amount]);
            }
        }
        let given: BTreeMap<&Payer, Amount> = self
            .quote
            .given_value
            .iter()
            .filter(|(_, worth)| worth.is_positive())
            .map(|(payer, worth)| (payer, *worth))
            .collect();
        let payers: BTreeSet<&Payer> = by_payer.keys().chain(given.keys()).copied().collect();
        if payers.is_empty() {
            return None;
        }
        let mut columns = vec![("paid by", Side::Left)];
        columns.extend(stages.iter().map(|stage| (heading(*stage), Side::Right)));
        columns.extend([("discounts", Side::Right), ("besides: worth of\ngifts and free pieces", Side::Right)]);
        let mut grid = Grid::new(columns);
        let row = |name: String, discounts: &[Amount; 6], worth: Amount| {
            let mut row = vec![name];
            row.extend(stages.iter().map(|stage| self.amount(of_stage(discounts, *stage))));
            row.extend([self.money(sum(*discounts)), self.amount(worth)]);
            row
        };
        let mut totals = [Amount::ZERO; 6];
        for payer in payers {
            let discounts = by_payer.get(payer).copied().unwrap_or_default();
            for (total, amount) in totals.iter_mut().zip(discounts) {
                *total = sum([*total, amount]);
            }
            grid.row(row(self.payer(payer).to_owned(), &discounts, given.get(payer).copied().unwrap_or_default()));
        }
        let worth = sum(given.values().copied());
        Some(grid.text_with_totals(row("all".to_owned(), &totals, worth)))
    }

    /// What others funded on a store's lines, and what it funded on lines of others.
    fn exchanged(&self, store: &str) -> (Amount, Amount) {
        let (mut by_others, mut for_others) = (Amount::ZERO, Amount::ZERO);
        for part in &self.quote.funding {
            let own_line = self.seller_id(part.line) == store;
            let own_money = matches!(&part.payer, Payer::Store(id) if *id == *store);
            match (own_line, own_money) {
                (true, false) => by_others = sum([by_others, part.amount]),
                (false, true) => for_others = sum([for_others, part.amount]),
                (true, true) | (false, false) => {}
            }
        }
        (by_others, for_others)
    }
}
