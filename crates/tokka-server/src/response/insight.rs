//! Totals, on the wire.

use tokka_core::amount::Amount;
use tokka_proto::v1;

use super::reservation::moment;
use crate::insight::{Cell, Column, Count, Entry, Granted, Seller, Stat};

/// A row of statistics, with its people in the order of [`crate::insight::ROLES`].
pub(crate) fn stats_row(cell: &Cell, stat: &Stat, people: &[Count; 5]) -> v1::StatsRow {
    let [took, issued_to, claimed_by, used_by, returned_by] = people.map(|count| Some(self::people(count)));
    let value = stat.value.saturating_sub(stat.value_returned);
    let discount = stat.discount.saturating_sub(stat.discount_returned);
    let orders = stat.orders.saturating_sub(stat.orders_returned);
    v1::StatsRow {
        promotion: cell.promotion.clone(),
        store: cell.store.clone(),
        channel: cell.channel.clone(),
        coupon_channel: cell.coupon_channel.clone(),
        day: cell.day.clone(),
        reserved: stat.reserved,
        expired: stat.expired,
        cancelled: stat.cancelled,
        orders: stat.orders,
        orders_with_returns: stat.orders_with_returns,
        orders_returned: stat.orders_returned,
        units: stat.units,
        units_returned: stat.units_returned,
        value: stat.value,
        value_returned: stat.value_returned,
        average_order_value: if orders > 0 { value.div_euclid(orders) } else { 0 },
        discount: stat.discount,
        discount_returned: stat.discount_returned,
        return_on_discount_percent: if discount > 0 { percent(value, discount) } else { 0 },
        gifts: stat.gifts,
        free_units: stat.free_units,
        given_value: stat.given_value,
        participants: took,
        coupons_issued: stat.issued,
        issued_to,
        coupons_claimed: stat.claimed,
        claimed_by,
        coupons_used: stat.used,
        used_by,
        coupons_returned: stat.used_returned,
        returned_by,
    }
}

/// 100 × a / b, rounded down.
fn percent(a: i64, b: i64) -> i64 {
    let percent = i128::from(a).saturating_mul(100).div_euclid(i128::from(b.max(1)));
    i64::try_from(percent).unwrap_or(i64::MAX)
}

fn people(Count { count, between }: Count) -> v1::People {
    v1::People { count, estimate: between.map(|(low, high)| v1::Estimate { low, high }) }
}

/// A store's part of a statement.
pub(crate) fn seller(store: &str, seller: &Seller) -> v1::SellerStatement {
    v1::SellerStatement {
        store: store.to_owned(),
        orders: seller.orders,
        sold: Some(column(&seller.sold)),
        returned: Some(column(&seller.returned)),
        net: Some(column(&seller.sold.less(&seller.returned))),
    }
}

fn column(column: &Column) -> v1::SettlementColumn {
    v1::SettlementColumn {
        gross: column.gross,
        discounts: super::stage_amounts(&column.discounts.map(Amount::minor)),
        waived: column.waived,
        payable: column.payable,
        funded_by_others: column.funded_by_others,
        funded_for_others: column.funded_for_others,
        due: column.due,
    }
}

/// What a payer funds.
pub(crate) fn funder([payer, promotion, stage, seller]: &[String; 4], granted: &Granted) -> v1::FunderStatement {
    v1::FunderStatement {
        payer: payer.clone(),
        promotion: promotion.clone(),
        stage: stage.clone(),
        seller: seller.clone(),
        funded: granted.given,
        returned: granted.back,
        net: granted.given.saturating_sub(granted.back),
    }
}

/// What a payer gave.
pub(crate) fn given(payer: &str, granted: &Granted) -> v1::GivenValue {
    v1::GivenValue { payer: payer.to_owned(), given: granted.given, came_back: granted.back }
}

/// One payment or return.
pub(crate) fn entry(entry: &Entry, order: Option<v1::OrderReference>) -> v1::SettlementEntry {
    let granted = |amount: i64| match entry.is_return {
        true => Granted { given: 0, back: amount },
        false => Granted { given: amount, back: 0 },
    };
    let sellers = entry.account.sellers.iter().map(|(store, (units, amounts))| v1::EntrySeller {
        store: store.clone(),
        units: *units,
        amounts: Some(column(amounts)),
    });
    let funders = entry.account.funding.iter().map(|((payer, promotion, stage, seller), amount)| {
        funder(&[payer.clone(), promotion.clone(), stage.clone(), seller.clone()], &granted(*amount))
    });
    let given = entry.account.given.iter().map(|(payer, amount)| given(payer, &granted(*amount)));
    v1::SettlementEntry {
        reservation_id: entry.reservation_id.clone(),
        version: i64::try_from(entry.version).unwrap_or(i64::MAX),
        at: Some(moment(entry.at)),
        day: entry.day.clone(),
        is_return: entry.is_return,
        user: entry.user.clone().unwrap_or_default(),
        channel: entry.channel.clone(),
        order,
        sellers: sellers.collect(),
        funders: funders.collect(),
        given: given.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_and_returns_are_rounded_down_and_never_divide_by_nothing() {
        let row = |stat: Stat| {
            let row = stats_row(&Cell::default(), &stat, &[Count::default(); 5]);
            (row.average_order_value, row.return_on_discount_percent)
        };
        assert_eq!(row(Stat::default()), (0, 0));
        assert_eq!(row(Stat { orders: 3, value: 1_000, discount: 70, ..Stat::default() }), (333, 1_428));
        let returned = Stat { orders: 3, orders_returned: 3, value: 1_000, value_returned: 1_000, ..Stat::default() };
        assert_eq!(row(returned), (0, 0));
        assert_eq!(percent(i64::MAX, 1), i64::MAX);
    }
}
