//! What does an answer look like? Lines, sellers and funders as columns that add up, and one promotion that fell short.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use tokka_client::v1;
use tokka_client::v1::outcome::Details;

use crate::shop::Shop;
use crate::sums::by_stage;

/// Only a rule below the headings. Japanese characters are two columns wide, which comfy-table knows.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
const STAGES: [&str; 6] =
    ["1 item\noffer", "2 set\noffer", "3 store\nspend", "4 store\ncoupon", "5 platform\nspend", "6 platform\ncoupon"];

/// The whole answer, for people.
pub(crate) fn answer(shop: &Shop, request: &v1::QuoteRequest, quote: &v1::Quote) -> Result<String> {
    let page = Page { shop, request, quote };
    let mut text = format!("LINES, {}\n\n{}", quote.currency, page.lines()?);
    text.push_str(&format!("\nSELLERS\n\n{}", page.sellers()));
    text.push_str(&format!("\nFUNDERS\n\n{}", page.funders()));
    text.push_str(&format!("\nGIFTS\n\n{}", page.gifts()));
    text.push_str(&format!("\nDID NOT APPLY\n\n{}", page.fell_short()?));
    text.push_str(&format!("\nrevision {} · fingerprint {}\n", quote.revision, quote.fingerprint));
    Ok(text)
}

struct Page<'a> {
    shop: &'a Shop,
    request: &'a v1::QuoteRequest,
    quote: &'a v1::Quote,
}

impl Page<'_> {
    fn lines(&self) -> Result<String> {
        let mut rows = vec![headings(&["", "product", "store", "quantity\n× price", "gross"], &["payable"])];
        let asked = self.request.basket.as_ref().map(|basket| basket.lines.as_slice()).unwrap_or_default();
        for (line, price) in asked.iter().zip(&self.quote.lines) {
            let over = if price.over_limit > 0 { format!("\n{} over the limit", price.over_limit) } else { String::new() };
            let mut row = vec![
                line.line_id.clone(),
                self.shop.product(&line.store, &line.sku).to_owned() + &over,
                self.shop.store(&line.store).to_owned(),
                format!("{} × {}", line.quantity, self.shop.money(line.unit_price)),
            ];
            row.extend(self.amounts(price.gross, price.discounts.as_ref(), price.payable));
            rows.push(row);
        }
        let mut total = vec![String::new(), "order".to_owned(), String::new(), String::new()];
        total.extend(self.amounts(self.quote.gross, self.quote.discounts.as_ref(), self.quote.payable));
        rows.push(total);
        anyhow::ensure!(asked.len() == self.quote.lines.len(), "the answer has other lines than the request");
        Ok(table(rows, 3))
    }

    fn sellers(&self) -> String {
        let mut rows = vec![headings(&["store", "gross"], &["payable", "funded\nby others", "due to\nthe store"])];
        let mut due_in_all = 0;
        for store in &self.quote.stores {
            let due = self.quote.settlements.iter().find(|due| due.store == store.store).map_or(0, |due| due.amount);
            due_in_all += due;
            let mut row = vec![self.shop.store(&store.store).to_owned()];
            row.extend(self.amounts(store.gross, store.discounts.as_ref(), store.payable));
            row.extend([self.shop.money(due - store.payable), self.shop.money(due)]);
            rows.push(row);
        }
        let mut total = vec!["order".to_owned()];
        total.extend(self.amounts(self.quote.gross, self.quote.discounts.as_ref(), self.quote.payable));
        total.extend([self.shop.money(due_in_all - self.quote.payable), self.shop.money(due_in_all)]);
        rows.push(total);
        table(rows, 1)
    }

    fn funders(&self) -> String {
        let funders: Vec<&v1::FunderTotal> = self.quote.funders.iter().filter(|funder| funder.amount != 0).collect();
        let mut heading = vec!["promotion".to_owned(), "id".to_owned(), "stage".to_owned(), "discount".to_owned()];
        heading.extend(funders.iter().map(|funder| format!("paid by\n{}", self.shop.store(&funder.payer))));
        let mut rows = vec![heading];
        let mut parts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for part in &self.quote.funding {
            *parts.entry((&part.promotion, &part.payer)).or_default() += part.amount;
        }
        let mut discount_in_all = 0;
        for id in &self.quote.applied {
            let Some(outcome) = self.quote.outcomes.iter().find(|outcome| outcome.promotion == *id) else { continue };
            let Some(Details::Applied(applied)) = &outcome.details else { continue };
            discount_in_all += applied.discount;
            let stage = outcome.stage().as_str_name().trim_start_matches("STAGE_").to_lowercase().replace('_', " ");
            let mut row = vec![outcome.name.clone(), id.clone(), stage, self.taken(applied.discount)];
            row.extend(
                funders.iter().map(|funder| self.taken(parts.get(&(id.as_str(), funder.payer.as_str())).copied().unwrap_or(0))),
            );
            rows.push(row);
        }
        let mut total = vec!["order".to_owned(), String::new(), String::new(), self.taken(discount_in_all)];
        total.extend(funders.iter().map(|funder| self.taken(funder.amount)));
        rows.push(total);
        table(rows, 3)
    }

    fn gifts(&self) -> String {
        let mut text = String::new();
        for gift in &self.quote.gifts {
            text.push_str(&format!("{} × {} ({}), by {}\n", gift.quantity, gift.name, gift.gift, gift.promotion));
        }
        text
    }

    /// Of the promotions that fell short, the one that is nearest, with what is missing; of the others, the codes.
    fn fell_short(&self) -> Result<String> {
        let shortfall = |outcome: &v1::Outcome| match &outcome.details {
            Some(Details::Shortfall(shortfall)) if shortfall.basis() == v1::Basis::Amount => Some(shortfall.clone()),
            _ => None,
        };
        let short = self.quote.outcomes.iter().filter_map(|outcome| Some((outcome, shortfall(outcome)?)));
        let (outcome, short) = short.min_by_key(|(_, short)| short.missing).context("no promotion fell short")?;
        let money = |minor| self.shop.money(minor);
        let mut text = format!(
            "{} ({}): {}. It needs {}, there is {}: {} is missing.\n",
            outcome.name,
            outcome.promotion,
            code(outcome),
            money(short.threshold),
            money(short.actual),
            money(short.missing),
        );
        let mut others: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for other in self.quote.outcomes.iter().filter(|other| other.code() != v1::OutcomeCode::Applied) {
            if other.promotion != outcome.promotion {
                others.entry(code(other)).or_default().push(&other.promotion);
            }
        }
        for (code, promotions) in others {
            text.push_str(&format!("{code}: {}\n", promotions.join(", ")));
        }
        Ok(text)
    }

    /// Gross, what each stage took, payable: the columns that add up.
    fn amounts(&self, gross: i64, discounts: Option<&v1::StageAmounts>, payable: i64) -> Vec<String> {
        let mut cells = vec![self.shop.money(gross)];
        cells.extend(by_stage(discounts).map(|discount| self.taken(-discount)));
        cells.push(self.shop.money(payable));
        cells
    }

    /// Nothing is written as nothing, so that the eye finds what is there.
    fn taken(&self, minor: i64) -> String {
        if minor == 0 { String::new() } else { self.shop.money(minor) }
    }
}

fn code(outcome: &v1::Outcome) -> &'static str {
    outcome.code().as_str_name().trim_start_matches("OUTCOME_CODE_")
}

fn headings(before: &[&str], after: &[&str]) -> Vec<String> {
    before.iter().chain(&STAGES).chain(after).map(|heading| (*heading).to_owned()).collect()
}

/// Rows of one table: the first are headings, the last, below a rule, sums. The first `words` columns are words.
fn table(rows: Vec<Vec<String>>, words: usize) -> String {
    let mut rows = rows.into_iter();
    let heading = rows.next().unwrap_or_default();
    let heading_lines = heading.iter().map(|cell| cell.lines().count()).max().unwrap_or(1);
    let mut table = Table::new();
    table.load_style(STYLE).set_header(heading);
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_cell_alignment(if index < words { CellAlignment::Left } else { CellAlignment::Right });
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    let rule = lines.get(heading_lines).cloned().unwrap_or_default();
    let last = lines.len().saturating_sub(1);
    let mut text = String::new();
    for (position, line) in lines.into_iter().enumerate() {
        if position == last {
            text.push_str(&format!("{rule}\n"));
        }
        text.push_str(&format!("{line}\n"));
    }
    text
}
