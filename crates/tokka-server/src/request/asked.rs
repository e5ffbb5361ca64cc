//! How is the basket of a file asked for? The conversion of requests the other way round, for whoever calls a server.

use tokka_core::basket::{BasketRequest, CouponsOffered, LineRequest, Selection, SpendSelection, Strategy};
use tokka_proto::v1;

use super::{BESIDE_THE_BASKET, NONE};

/// A request that the server reads as this basket, to be priced by the server's own clock: `at` stays behind.
#[must_use]
pub fn asked(basket: BasketRequest) -> v1::QuoteRequest {
    let BasketRequest {
        currency,
        at: _,
        user,
        user_tags,
        channel,
        region,
        lines,
        coupons,
        select,
        select_spend,
        select_gift,
        strategy,
    } = basket;
    let (designs, coupons_auto) = match coupons {
        CouponsOffered::These(designs) => (designs, false),
        CouponsOffered::Auto { held } => (held, true),
    };
    let design = |design| v1::CouponOffer { offer: Some(v1::coupon_offer::Offer::Design(design)) };
    let lines = lines.into_iter().map(line).collect();
    v1::QuoteRequest {
        basket: Some(v1::Basket { currency, lines, user, at: None, user_tags, channel, region }),
        coupons: designs.into_iter().map(design).collect(),
        coupons_auto,
        select: select.into_iter().map(|(sku, selection)| (sku, selected(selection))).collect(),
        select_spend: select_spend.into_iter().map(|(line, selection)| (line, kept_for(selection))).collect(),
        select_gift: select_gift.into_iter().collect(),
        strategy: match strategy {
            Strategy::Sequential => v1::Strategy::Sequential,
            Strategy::Best => v1::Strategy::Best,
        }
        .into(),
        ..v1::QuoteRequest::default()
    }
}

/// The field of a basket file that a field of a request came from: the file has the basket's fields and those beside it
/// on one level. `None`: it came from none.
#[must_use]
pub fn field_of_file(wire: &str) -> Option<String> {
    if let Some(field) = wire.strip_prefix("basket.") {
        return Some(field.to_owned());
    }
    let field = wire.strip_suffix(".design").unwrap_or(wire);
    let root = field.split(['[', '.']).next().unwrap_or_default();
    BESIDE_THE_BASKET.contains(&root).then(|| field.to_owned())
}

fn line(line: LineRequest) -> v1::Line {
    let LineRequest { line_id, sku, store, categories, unit_price, quantity, list_price, floor_price, tax_class, tags } = line;
    v1::Line { line_id, sku, store, quantity, unit_price, categories, list_price, floor_price, tax_class, tags }
}

fn selected(selection: Selection) -> String {
    match selection {
        Selection::None => NONE.to_owned(),
        Selection::Promotion(id) => id,
    }
}

fn kept_for(selection: SpendSelection) -> v1::SpendSelection {
    let promotions = match selection {
        SpendSelection::None => vec![NONE.to_owned()],
        SpendSelection::Promotions(ids) => ids,
    };
    v1::SpendSelection { promotions }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::{quote_order, wire_path};
    use super::*;

    #[test]
    fn what_is_asked_is_read_back() {
        let text = |text: &str| text.to_owned();
        let line = |line_id: &str| LineRequest {
            line_id: text(line_id),
            sku: text("mask-50"),
            store: text("pharma"),
            categories: vec![text("masks")],
            unit_price: 1_280,
            quantity: 3,
            list_price: Some(1_980),
            floor_price: Some(900),
            tax_class: Some(text("reduced")),
            tags: vec![text("cold")],
        };
        let basket = BasketRequest {
            currency: text("JPY"),
            at: Timestamp::UNIX_EPOCH,
            user: Some(text("u1")),
            user_tags: vec![text("gold")],
            channel: Some(text("web")),
            region: Some(text("kanto")),
            lines: vec![line("a"), line("b")],
            coupons: CouponsOffered::These(vec![text("c-1"), text("c-2")]),
            select: [(text("mask-50"), Selection::None)].into(),
            select_spend: [
                (text("a"), SpendSelection::None),
                (text("b"), SpendSelection::Promotions(vec![text("p"), text("q")])),
            ]
            .into(),
            select_gift: [(text("p"), text("g"))].into(),
            strategy: Strategy::Sequential,
        };
        let searched = BasketRequest {
            coupons: CouponsOffered::Auto { held: vec![text("c-1"), text("c-2")] },
            strategy: Strategy::Best,
            ..basket.clone()
        };
        for basket in [basket, searched] {
            let read = quote_order(asked(basket.clone()), Timestamp::UNIX_EPOCH).expect("a valid request");
            assert_eq!(read.basket.to_request(), basket);
        }
    }

    #[test]
    fn a_field_finds_its_way_to_the_wire_and_back() {
        for field in ["currency", "lines[3].quantity", "coupons[0]", "select[a.b]", "select_spend[a]", "strategy"] {
            assert_eq!(field_of_file(&wire_path(field.to_owned())).as_deref(), Some(field));
        }
        assert_eq!(field_of_file("hold_for"), None);
    }
}
