//! Which columns does an exported file have? They are never renamed; new ones come at the end.

use tokka_client::v1;

use super::Format;
use crate::statement::by_stage;

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// Rows under headings. A column holds texts or numbers, never both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) columns: Vec<(&'static str, Of)>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Texts,
    Numbers,
}

const AMOUNTS: [&str; 12] = [
    "gross",
    "item",
    "set",
    "store_spend",
    "store_coupon",
    "platform_spend",
    "platform_coupon",
    "waived",
    "payable",
    "funded_by_others",
    "funded_for_others",
    "due",
];

fn amounts(column: Option<&v1::SettlementColumn>) -> impl Iterator<Item = Value> + use<> {
    let column = column.cloned().unwrap_or_default();
    let stages = by_stage(column.discounts.as_ref());
    let v1::SettlementColumn { gross, waived, payable, funded_by_others, funded_for_others, due, .. } = column;
    let rest = [waived, payable, funded_by_others, funded_for_others, due];
    [gross].into_iter().chain(stages).chain(rest).map(Value::Number)
}

impl Sheet {
    fn new(texts: &[&'static str], numbers: &[&'static str], last: &[&'static str]) -> Self {
        let of = |names: &[&'static str], of: Of| names.iter().map(|name| (*name, of)).collect::<Vec<_>>();
        let columns = [of(texts, Of::Texts), of(numbers, Of::Numbers), of(last, Of::Texts)].concat();
        Self { columns, rows: Vec::new() }
    }

    /// For payments and returns by store.
    pub(super) fn orders() -> Self {
        let mut sheet = Self::new(&ENTRY, &["units"], &[]);
        sheet.columns.extend(AMOUNTS.map(|name| (name, Of::Numbers)));
        sheet.columns.extend([("currency", Of::Texts), ("labels", Of::Texts)]);
        sheet
    }

    /// For payments and returns by payer.
    pub(super) fn funding() -> Self {
        Self::new(&[&ENTRY[..], &["payer", "promotion", "stage"]].concat(), &["amount"], &["currency"])
    }

    /// Adds a payment or a return, by store or by payer.
    pub(super) fn entry(&mut self, by_store: bool, entry: &v1::SettlementEntry, currency: &str) {
        if by_store {
            let labels = entry.order.as_ref().map(|order| serde_json::json!(order.labels).to_string()).unwrap_or_default();
            for seller in &entry.sellers {
                let first = of_entry(entry, &seller.store).into_iter().chain([seller.units.into()]);
                let last = [currency.into(), Value::Text(labels.clone())];
                self.rows.push(first.chain(amounts(seller.amounts.as_ref())).chain(last).collect());
            }
            return;
        }
        for part in &entry.funders {
            let amount = if entry.is_return { part.returned } else { part.funded };
            let last = [(&part.payer).into(), (&part.promotion).into(), (&part.stage).into(), amount.into(), currency.into()];
            self.rows.push(of_entry(entry, &part.seller).into_iter().chain(last).collect());
        }
    }

    /// A row a store.
    pub(super) fn settlement(day: &str, answer: &v1::SettlementResponse) -> Self {
        let mut sheet = Self::new(&["day", "store", "what"], &["orders"], &[]);
        sheet.columns.extend(AMOUNTS.map(|name| (name, Of::Numbers)));
        sheet.columns.push(("currency", Of::Texts));
        for seller in &answer.sellers {
            for (what, column) in [("sold", &seller.sold), ("returned", &seller.returned), ("net", &seller.net)] {
                let first = [day.into(), (&seller.store).into(), what.into(), seller.orders.into()];
                let last = [answer.currency.as_str().into()];
                sheet.rows.push(first.into_iter().chain(amounts(column.as_ref())).chain(last).collect());
            }
        }
        sheet
    }

    /// A row a payer, promotion and seller.
    pub(super) fn funders(day: &str, answer: &v1::SettlementResponse) -> Self {
        let texts = ["day", "payer", "promotion", "stage", "store"];
        let mut sheet = Self::new(&texts, &["funded", "returned", "net"], &["currency"]);
        for part in &answer.funders {
            let names = [day.into(), (&part.payer).into(), (&part.promotion).into(), (&part.stage).into(), (&part.seller).into()];
            let numbers = [part.funded, part.returned, part.net].map(Value::Number);
            sheet.rows.push(names.into_iter().chain(numbers).chain([answer.currency.as_str().into()]).collect());
        }
        sheet
    }

    /// A row of statistics.
    pub(super) fn stats(day: &str, answer: &v1::PromotionStatsResponse) -> Self {
        let numbers = [
            "reserved",
            "expired",
            "cancelled",
            "orders",
            "orders_with_returns",
            "orders_returned",
            "units",
            "units_returned",
            "value",
            "value_returned",
            "discount",
            "discount_returned",
            "gifts",
            "free_units",
            "given_value",
            "participants",
            "coupons_issued",
            "issued_to",
            "coupons_claimed",
            "claimed_by",
            "coupons_used",
            "used_by",
            "coupons_returned",
            "returned_by",
        ];
        let mut sheet = Self::new(&["day", "promotion", "channel", "coupon_channel"], &numbers, &["currency"]);
        let people = |people: &Option<v1::People>| people.as_ref().map_or(0, |people| people.count);
        for row in &answer.rows {
            let names = [day.into(), (&row.promotion).into(), (&row.channel).into(), (&row.coupon_channel).into()];
            let counts = [
                row.reserved,
                row.expired,
                row.cancelled,
                row.orders,
                row.orders_with_returns,
                row.orders_returned,
                row.units,
                row.units_returned,
                row.value,
                row.value_returned,
                row.discount,
                row.discount_returned,
                row.gifts,
                row.free_units,
                row.given_value,
                people(&row.participants),
                row.coupons_issued,
                people(&row.issued_to),
                row.coupons_claimed,
                people(&row.claimed_by),
                row.coupons_used,
                people(&row.used_by),
                row.coupons_returned,
                people(&row.returned_by),
            ];
            let last = [answer.currency.as_str().into()];
            sheet.rows.push(names.into_iter().chain(counts.map(Value::Number)).chain(last).collect());
        }
        sheet
    }

    /// The file.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub(super) fn bytes(&self, format: Format) -> Result<Vec<u8>, String> {
        match format {
            Format::Csv => self.csv().map_err(|error| error.to_string()),
            #[cfg(feature = "parquet")]
            Format::Parquet => super::parquet::bytes(self).map_err(|error| error.to_string()),
        }
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|(name, _)| *name))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|value| match value {
                Value::Text(text) => text.clone(),
                Value::Number(number) => number.to_string(),
            }))?;
        }
        writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

const ENTRY: [&str; 10] =
    ["day", "at", "reservation_id", "version", "what", "order_id", "store_order_id", "user", "channel", "store"];

fn of_entry(entry: &v1::SettlementEntry, store: &str) -> [Value; 10] {
    let at = entry.at.and_then(|at| jiff::Timestamp::new(at.seconds, at.nanos).ok()).unwrap_or_default().to_string();
    let order = entry.order.clone().unwrap_or_default();
    let of_store = order.store_order_ids.get(store).cloned().unwrap_or_default();
    [
        (&entry.day).into(),
        Value::Text(at),
        (&entry.reservation_id).into(),
        Value::Text(entry.version.to_string()),
        if entry.is_return { "return".into() } else { "sale".into() },
        Value::Text(order.order_id.unwrap_or_default()),
        Value::Text(of_store),
        (&entry.user).into(),
        (&entry.channel).into(),
        store.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shop_writes_into_its_labels_stays_in_its_cell() {
        let order = v1::OrderReference {
            order_id: Some("1001".to_owned()),
            store_order_ids: [("books".to_owned(), "b,7".to_owned())].into(),
            labels: [("a\"b".to_owned(), "x\ny".to_owned())].into(),
        };
        let discounts = Some(v1::StageAmounts { item: 100, ..Default::default() });
        let amounts = v1::SettlementColumn { gross: 1_000, discounts, payable: 900, due: 900, ..Default::default() };
        let seller = v1::EntrySeller { store: "books".to_owned(), units: 2, amounts: Some(amounts) };
        let entry = v1::SettlementEntry {
            reservation_id: "r-1".to_owned(),
            version: 2,
            day: "2026-11-24".to_owned(),
            order: Some(order),
            sellers: vec![seller],
            ..Default::default()
        };
        let mut sheet = Sheet::orders();
        sheet.entry(true, &entry, "JPY");
        let bytes = sheet.bytes(Format::Csv).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let headings = reader.headers().unwrap().clone();
        let row = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| row.get(headings.iter().position(|heading| heading == name).unwrap()).unwrap().to_owned();
        assert_eq!([cell("store_order_id"), cell("payable"), cell("units")], ["b,7", "900", "2"]);
        let labels: serde_json::Value = serde_json::from_str(&cell("labels")).unwrap();
        assert_eq!(labels, serde_json::json!({"a\"b": "x\ny"}));
    }

    #[test]
    fn every_row_has_as_many_cells_as_there_are_columns() {
        let answer = v1::PromotionStatsResponse { rows: vec![v1::StatsRow::default()], ..Default::default() };
        let seller = v1::SellerStatement::default();
        let funder = v1::FunderStatement::default();
        let statement = v1::SettlementResponse { sellers: vec![seller], funders: vec![funder.clone()], ..Default::default() };
        let mut funding = Sheet::funding();
        funding.entry(false, &v1::SettlementEntry { funders: vec![funder], ..Default::default() }, "JPY");
        let sheets = [Sheet::stats("d", &answer), Sheet::settlement("d", &statement), Sheet::funders("d", &statement), funding];
        for sheet in sheets {
            assert!(!sheet.rows.is_empty());
            for row in &sheet.rows {
                assert_eq!(row.len(), sheet.columns.len(), "{row:?}");
                for (value, (name, of)) in row.iter().zip(&sheet.columns) {
                    assert_eq!(matches!(value, Value::Number(_)), *of == Of::Numbers, "{name}");
                }
            }
        }
    }
}
