//! Is what somebody knows and what is not in force told apart from what nobody knows? Coupons and selections of drafts, of
//! what is paused, and of what was archived.

use tokka_proto::v1;
use tonic::Code;

use crate::desk::Desk;
use crate::orders::{SALE, is, order};
use crate::running::line;

const COUPON: &str = "{kind: promotion, id: later, name: あとで, owner: pharma, coupon: {amount_off: 10}}";
const SPEND: &str =
    "{kind: promotion, id: spend-later, name: あとで, owner: pharma, spend: {tiers: [{threshold: 10, amount_off: 1}]}}";

fn basket() -> v1::Basket {
    let lines = vec![line("a", "mask-50", "pharma", 1, 1280), line("b", "tea", "pharma", 1, 300)];
    v1::Basket { currency: "JPY".to_owned(), user: Some("u-1".to_owned()), lines, ..Default::default() }
}

fn offering(ids: &[&str]) -> Vec<v1::CouponOffer> {
    let offer = |id: &&str| v1::CouponOffer { offer: Some(v1::coupon_offer::Offer::Design((*id).to_owned())) };
    ids.iter().map(offer).collect()
}

/// What became of a coupon.
async fn outcome(desk: &mut Desk, id: &str) -> v1::OutcomeCode {
    let view = v1::View::Full.into();
    let request = v1::QuoteRequest { basket: Some(basket()), coupons: offering(&[id]), view, ..Default::default() };
    let quote = desk.server.quote(request).await.expect("a price");
    let mut of_it = quote.outcomes.iter().filter(|outcome| outcome.promotion == id);
    let found = of_it.next().expect("an outcome");
    assert!(of_it.next().is_none(), "one outcome each");
    found.code()
}

#[tokio::test]
async fn a_coupon_is_not_published_before_its_life_and_after_and_unknown_only_where_nobody_knows_it() {
    let mut desk = Desk::of(SALE).await;
    assert_eq!(outcome(&mut desk, "later").await, v1::OutcomeCode::UnknownCoupon);
    desk.write(COUPON, "").await.expect("a draft");
    assert_eq!(outcome(&mut desk, "later").await, v1::OutcomeCode::NotPublished, "a draft");
    desk.publish("later").await.expect("published");
    assert_eq!(outcome(&mut desk, "later").await, v1::OutcomeCode::Applied);
    desk.pause("later").await.expect("paused");
    assert_eq!(outcome(&mut desk, "later").await, v1::OutcomeCode::NotPublished, "paused");
    desk.archive("later").await.expect("archived");
    assert_eq!(outcome(&mut desk, "later").await, v1::OutcomeCode::NotPublished, "archived");
    let mut desk = desk.restarted().await;
    assert_eq!(outcome(&mut desk, "later").await, v1::OutcomeCode::NotPublished, "after a restart");
    // What is no coupon is no coupon that anybody knows.
    desk.archive("flash").await.expect("archived");
    assert_eq!(outcome(&mut desk, "flash").await, v1::OutcomeCode::UnknownCoupon);
}

#[tokio::test]
async fn a_selection_of_what_is_not_in_force_is_told_and_the_default_choice_is_made() {
    let mut desk = Desk::of(SALE).await;
    desk.write(SPEND, "").await.expect("a draft");
    desk.archive("tea-3-1").await.expect("archived");
    let quote = |select: &str, select_spend: &str| {
        let spend = v1::SpendSelection { promotions: vec![select_spend.to_owned()] };
        v1::QuoteRequest {
            basket: Some(basket()),
            select: [("mask-50".to_owned(), select.to_owned())].into(),
            select_spend: [("a".to_owned(), spend)].into(),
            view: v1::View::Full.into(),
            ..Default::default()
        }
    };
    let answer = desk.server.quote(quote("tea-3-1", "spend-later")).await.expect("a price");
    assert_eq!(answer.payable, 980 + 300, "the mask's own promotion");
    for id in ["tea-3-1", "spend-later"] {
        let outcome = answer.outcomes.iter().find(|outcome| outcome.promotion == id).expect(id);
        assert_eq!(outcome.code(), v1::OutcomeCode::NotPublished, "{id}");
    }
    for (select, spend) in
        [("nothing", "spend-later"), ("tea-3-1", "nothing"), ("spend-later", "spend-later"), ("flash", "tea-3-1")]
    {
        let refused = desk.server.quote(quote(select, spend)).await.expect_err("nobody knows it, or it is another kind");
        is(&refused, Code::InvalidArgument, "INVALID_FIELDS");
    }
}

/// An order remembers what it was told: its price and its refunds are computed again from its own documents alone.
#[tokio::test]
async fn an_order_that_named_what_was_not_in_force_is_computed_again_as_it_was() {
    let mut desk = Desk::of(&SALE.replace("currency: JPY", "currency: JPY\nrefund_policy: clawback")).await;
    desk.write(COUPON, "").await.expect("a draft");
    desk.archive("tea-3-1").await.expect("archived");
    let lines = vec![line("a", "mask-50", "pharma", 2, 1280), line("b", "tea", "pharma", 2, 300)];
    let request = v1::ReserveRequest {
        coupons: offering(&["later", "nobody-knows"]),
        select: [("tea".to_owned(), "tea-3-1".to_owned())].into(),
        ..order("r-1", "u-1", lines)
    };
    let held = desk.server.hold(request).await;
    desk.server.commit("r-1", "u-1").await.expect("paid");
    // It comes into force later; the order was told that it is not.
    desk.publish("later").await.expect("published");
    let codes = |quote: &v1::Quote| {
        let of = |id: &str| quote.outcomes.iter().find(|outcome| outcome.promotion == id).map(v1::Outcome::code);
        [of("later"), of("nobody-knows"), of("tea-3-1")]
    };
    let expected = [v1::OutcomeCode::NotPublished, v1::OutcomeCode::UnknownCoupon, v1::OutcomeCode::NotPublished].map(Some);
    let found = desk.server.get("r-1", "u-1").await.expect("a reservation");
    assert_eq!(codes(found.quote.as_ref().expect("a quote")), expected);
    let (refund, _) = desk.server.refund(crate::orders::part("r-1", "u-1", "back", &[("a", 1)])).await;
    assert_eq!((held.payable, refund.amount), (2 * 980 + 2 * 300, 980));
    let (refund, _) = desk.server.refund(crate::orders::all("r-1", "u-1", "rest")).await;
    assert_eq!(refund.amount, 980 + 600);
}
