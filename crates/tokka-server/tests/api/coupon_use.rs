//! Is an instance used by one order at a time, and back in the wallet when that order is?

use std::time::Duration;

use futures_util::future::join_all;
use tokka_proto::v1;
use tokka_proto::v1::coupon_offer::Offer;
use tokka_proto::v1::event_service_client::EventServiceClient;
use tokka_proto::v1::reserve_request::Expect;
use tonic::{Code, Status};

use crate::coupon_shop::{Client, claim, open, reason, wallet};
use crate::coupons::all_agree;
use crate::running::{Running, connect, coupon, line};

fn instance(id: &str) -> v1::CouponOffer {
    v1::CouponOffer { offer: Some(Offer::Instance(id.to_owned())) }
}

/// Two lines of 1,000 of the store, and 500 of another.
fn basket(user: &str) -> v1::Basket {
    let lines = vec![line("a", "mask", "pharma", 2, 500), line("b", "tea", "pharma", 1, 1000), line("c", "pen", "books", 1, 500)];
    v1::Basket { currency: "JPY".to_owned(), lines, user: Some(user.to_owned()), ..Default::default() }
}

fn asked(user: &str, coupons: Vec<v1::CouponOffer>) -> v1::QuoteRequest {
    v1::QuoteRequest { basket: Some(basket(user)), coupons, view: v1::View::Full.into(), ..Default::default() }
}

fn order(id: &str, user: &str, coupons: Vec<v1::CouponOffer>, payable: i64) -> v1::ReserveRequest {
    v1::ReserveRequest {
        reservation_id: id.to_owned(),
        basket: Some(basket(user)),
        coupons,
        expect: Some(Expect::ExpectedPayable(payable)),
        view: v1::View::Full.into(),
        ..Default::default()
    }
}

fn outcomes<'a>(quote: &'a v1::Quote, design: &str) -> Vec<&'a v1::Outcome> {
    quote.outcomes.iter().filter(|outcome| outcome.promotion == design).collect()
}

fn codes(quote: &v1::Quote) -> Vec<(String, v1::OutcomeCode)> {
    quote.outcomes.iter().map(|outcome| (outcome.promotion.clone(), outcome.code())).collect()
}

async fn state(client: &mut Client, user: &str) -> Vec<v1::UserCouponState> {
    wallet(client, user).await.iter().map(v1::UserCoupon::state).collect()
}

async fn commit(server: &mut Running, id: &str, user: &str) -> v1::Reservation {
    let request = v1::CommitRequest { reservation_id: id.to_owned(), user: Some(user.to_owned()), ..Default::default() };
    server.client.commit(request).await.expect("committed").into_inner().reservation.expect("a reservation")
}

async fn back(server: &mut Running, id: &str, user: &str, what: &[(&str, i64)]) -> Result<v1::Refund, Status> {
    let lines = what.iter().map(|(line_id, units)| v1::LineUnits { line_id: (*line_id).to_owned(), units: *units });
    let request = v1::RollbackRequest {
        reservation_id: id.to_owned(),
        user: Some(user.to_owned()),
        rollback_id: format!("back-{what:?}").replace(' ', ""),
        lines: lines.collect(),
        all: what.is_empty(),
        ..Default::default()
    };
    Ok(server.client.rollback(request).await?.into_inner().refund.expect("a refund"))
}

#[tokio::test]
async fn a_coupon_that_is_handed_out_needs_its_instance() {
    let (mut server, mut client) = open().await;
    let quote = server.quote(asked("u-1", vec![coupon("store-300")])).await.expect("a price");
    assert_eq!((quote.payable, codes(&quote)), (2500, vec![("store-300".to_owned(), v1::OutcomeCode::CouponNotOwned)]));
    assert_eq!(outcomes(&quote, "store-300")[0].owner, "pharma");
    let held = claim(&mut client, "u-1", "no-end", "c-1").await.expect("claimed");
    for offer in [coupon("store-300"), instance(&held.instance)] {
        let quote = server.quote(asked("u-1", vec![offer])).await.expect("a price");
        assert_eq!(quote.payable, 2200);
        let applied = outcomes(&quote, "store-300")[0];
        let told = (applied.instance.as_str(), applied.distribution.as_str(), applied.channel.as_str());
        assert_eq!((applied.code(), told), (v1::OutcomeCode::Applied, (held.instance.as_str(), "no-end", "email")));
        assert_eq!(quote.coupons.len(), 1);
        assert_eq!((quote.coupons[0].instance.as_str(), quote.coupons[0].channel.as_str()), (held.instance.as_str(), "email"));
    }
    // Another user's instance is nobody's here.
    let quote = server.quote(asked("u-2", vec![instance(&held.instance)])).await.expect("a price");
    assert_eq!((quote.payable, codes(&quote)), (2500, vec![(held.instance.clone(), v1::OutcomeCode::CouponNotOwned)]));
    // Nor is a design a guest's.
    let mut guest = asked("u-1", vec![coupon("store-300")]);
    guest.basket.as_mut().expect("a basket").user = None;
    let quote = server.quote(guest).await.expect("a price");
    assert_eq!(codes(&quote), [("store-300".to_owned(), v1::OutcomeCode::CouponNotOwned)]);
    // What is not published says so first.
    let quote = server.quote(asked("u-1", vec![coupon("paused-100")])).await.expect("a price");
    assert_eq!(codes(&quote), [("paused-100".to_owned(), v1::OutcomeCode::NotPublished)]);
}

#[tokio::test]
async fn the_instance_that_expires_first_is_used() {
    let (mut server, mut client) = open().await;
    let lasting = claim(&mut client, "u-1", "no-end", "c-1").await.expect("claimed").instance;
    let first = claim(&mut client, "u-1", "two-each", "c-2").await.expect("claimed").instance;
    let second = claim(&mut client, "u-1", "two-each", "c-3").await.expect("claimed").instance;
    for (number, expected) in [&first, &second, &lasting].into_iter().enumerate() {
        let id = format!("r-{number}");
        let answer = server.client.reserve(order(&id, "u-1", vec![coupon("store-300")], 2200)).await.expect("held");
        let used = answer.into_inner().reservation.expect("a reservation").coupons;
        assert_eq!(used.iter().map(|used| &used.instance).collect::<Vec<_>>(), [expected]);
    }
    let quote = server.quote(asked("u-1", vec![coupon("store-300")])).await.expect("a price");
    assert_eq!(codes(&quote), [("store-300".to_owned(), v1::OutcomeCode::CouponUsed)]);
    all_agree(&server).await;
}

#[tokio::test]
async fn instances_of_one_design_are_offers_of_their_own_where_they_are_named() {
    let (mut server, mut client) = open().await;
    let one = claim(&mut client, "u-1", "no-end", "c-1").await.expect("claimed").instance;
    let two = claim(&mut client, "u-1", "no-end", "c-2").await.expect("claimed").instance;
    let offers = vec![instance(&two), instance(&one), coupon("store-300"), instance(&two)];
    let quote = server.quote(asked("u-1", offers)).await.expect("a price");
    let told: Vec<_> = quote.outcomes.iter().map(|outcome| (outcome.instance.as_str(), outcome.code())).collect();
    assert_eq!(told, [(two.as_str(), v1::OutcomeCode::Applied), (one.as_str(), v1::OutcomeCode::OnePerOrder)]);
    let mut small = asked("u-1", vec![instance(&one), instance(&two)]);
    small.basket.as_mut().expect("a basket").lines.truncate(1);
    small.basket.as_mut().expect("a basket").lines[0].quantity = 1;
    let quote = server.quote(small).await.expect("a price");
    let told: Vec<_> = quote.outcomes.iter().map(|outcome| (outcome.instance.as_str(), outcome.code())).collect();
    assert_eq!(told, [(one.as_str(), v1::OutcomeCode::BelowThreshold), (two.as_str(), v1::OutcomeCode::BelowThreshold)]);
}

#[tokio::test]
async fn an_instance_past_its_time_is_expired_whoever_asks_for_that_moment() {
    let (mut server, mut client) = open().await;
    let held = claim(&mut client, "u-1", "two-each", "c-1").await.expect("claimed");
    let expires = held.expires_at.expect("a moment");
    for (seconds, expected) in [(-1, v1::OutcomeCode::Applied), (1, v1::OutcomeCode::CouponExpired)] {
        for offer in [coupon("store-300"), instance(&held.instance)] {
            let mut request = asked("u-1", vec![offer]);
            let at = prost_types::Timestamp { seconds: expires.seconds + seconds, nanos: 0 };
            request.basket.as_mut().expect("a basket").at = Some(at);
            let quote = server.quote(request).await.expect("a price");
            assert_eq!(codes(&quote), [("store-300".to_owned(), expected)]);
        }
    }
}

#[tokio::test]
async fn an_instance_is_held_used_returned_and_used_again() {
    let (mut server, mut client) = open().await;
    let held = claim(&mut client, "u-1", "two-each", "c-1").await.expect("claimed");
    let offer = || vec![instance(&held.instance)];
    server.client.reserve(order("r-1", "u-1", offer(), 2200)).await.expect("held");
    assert_eq!(state(&mut client, "u-1").await, [v1::UserCouponState::Held]);
    // It is not offerable to another order meanwhile, at the price with it.
    let refused = server.client.reserve(order("r-2", "u-1", offer(), 2200)).await.expect_err("another price");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "PRICE_CHANGED"));
    let asking =
        v1::ReserveRequest { on_price_change: v1::OnPriceChange::ReturnQuote.into(), ..order("r-2", "u-1", offer(), 2200) };
    let answer = server.client.reserve(asking).await.expect("a quote").into_inner();
    let cause = &answer.price_change.expect("a change").counters[0];
    let counter = cause.counter.clone().expect("a counter");
    assert_eq!((counter.kind(), counter.instance.as_str()), (v1::CounterKind::CouponUse, held.instance.as_str()));
    assert_eq!((cause.limit, cause.used, cause.requested), (1, 1, 1));
    assert_eq!(codes(&answer.quote.expect("a quote")), [("store-300".to_owned(), v1::OutcomeCode::CouponUsed)]);

    // A cancelled order gives it back as it was; so it was never used.
    back(&mut server, "r-1", "u-1", &[]).await.expect("cancelled");
    assert_eq!(state(&mut client, "u-1").await, [v1::UserCouponState::Claimed]);

    let reserved = server.client.reserve(order("r-3", "u-1", offer(), 2200)).await.expect("held").into_inner();
    let reservation = commit(&mut server, "r-3", "u-1").await;
    assert_eq!(reservation.coupons, reserved.reservation.expect("one").coupons);
    assert_eq!(state(&mut client, "u-1").await, [v1::UserCouponState::Used]);
    // A repeated Reserve has its first answer, with the coupon that is used by now.
    let again = server.client.reserve(order("r-3", "u-1", offer(), 2200)).await.expect("the first answer").into_inner();
    assert_eq!(again.quote, reserved.quote);

    back(&mut server, "r-3", "u-1", &[]).await.expect("returned");
    let returned = wallet(&mut client, "u-1").await.remove(0);
    assert_eq!((returned.state(), returned.expires_at), (v1::UserCouponState::Returned, held.expires_at));
    server.client.reserve(order("r-4", "u-1", offer(), 2200)).await.expect("used again");
    assert_eq!(state(&mut client, "u-1").await, [v1::UserCouponState::Held]);
    all_agree(&server).await;
}

#[tokio::test]
async fn a_hold_that_expires_gives_its_coupon_back_and_late_money_takes_it_again() {
    let (mut server, mut client) = open().await;
    let held = claim(&mut client, "u-1", "two-each", "c-1").await.expect("claimed");
    let hold_for = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let short = v1::ReserveRequest { hold_for, ..order("r-1", "u-1", vec![coupon("store-300")], 2200) };
    server.client.reserve(short).await.expect("held");
    while state(&mut client, "u-1").await == [v1::UserCouponState::Held] {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(state(&mut client, "u-1").await, [v1::UserCouponState::Claimed]);
    commit(&mut server, "r-1", "u-1").await;
    assert_eq!(state(&mut client, "u-1").await, [v1::UserCouponState::Used]);
    back(&mut server, "r-1", "u-1", &[]).await.expect("returned");
    server.client.reserve(order("r-2", "u-1", vec![instance(&held.instance)], 2200)).await.expect("held");
    all_agree(&server).await;
}

#[tokio::test]
async fn a_coupon_comes_back_with_the_last_piece_that_earned_it() {
    for policy in [v1::RefundPolicy::Proportional, v1::RefundPolicy::Clawback] {
        let (mut server, mut client) = open().await;
        claim(&mut client, "u-1", "two-each", "c-1").await.expect("claimed");
        let request = v1::ReserveRequest { refund_policy: policy.into(), ..order("r-1", "u-1", vec![coupon("store-300")], 2200) };
        server.client.reserve(request).await.expect("held");
        commit(&mut server, "r-1", "u-1").await;
        let mut refunded = 0;
        // The last of the coupon's pieces goes back with the second step; under CLAWBACK 1,000 is still its threshold.
        for (step, used) in [(("a", 2), true), (("b", 1), false), (("c", 1), false)] {
            let refund = back(&mut server, "r-1", "u-1", &[step]).await.expect("returned");
            refunded += refund.amount;
            let expected = if used { v1::UserCouponState::Used } else { v1::UserCouponState::Returned };
            assert_eq!(state(&mut client, "u-1").await, [expected], "{policy:?} {step:?}");
            let told = refund.restored.iter().filter_map(|restored| restored.counter.as_ref());
            let uses = told.filter(|counter| counter.kind() == v1::CounterKind::CouponUse).count();
            assert_eq!(uses, usize::from(step.0 == "b"), "{policy:?} {step:?} {refund:?}");
        }
        assert_eq!(refunded, 2200);
        server.client.reserve(order("r-2", "u-1", vec![coupon("store-300")], 2200)).await.expect("used again");
        all_agree(&server).await;
    }
}

#[tokio::test]
async fn clawback_gives_the_coupon_back_once_what_is_left_is_below_its_threshold() {
    let (mut server, mut client) = open().await;
    claim(&mut client, "u-1", "two-each", "c-1").await.expect("claimed");
    let policy = v1::RefundPolicy::Clawback.into();
    let request = v1::ReserveRequest { refund_policy: policy, ..order("r-1", "u-1", vec![coupon("store-300")], 2200) };
    server.client.reserve(request).await.expect("held");
    commit(&mut server, "r-1", "u-1").await;
    back(&mut server, "r-1", "u-1", &[("b", 1), ("a", 1)]).await.expect("returned");
    assert_eq!(state(&mut client, "u-1").await, [v1::UserCouponState::Returned]);
    back(&mut server, "r-1", "u-1", &[]).await.expect("returned");
    all_agree(&server).await;
}

#[tokio::test]
async fn an_order_in_place_of_another_may_use_its_coupon() {
    let (mut server, mut client) = open().await;
    let held = claim(&mut client, "u-1", "two-each", "c-1").await.expect("claimed");
    server.client.reserve(order("r-1", "u-1", vec![coupon("store-300")], 2200)).await.expect("held");
    let replaces = Some("r-1".to_owned());
    let request = v1::ReserveRequest { replaces, ..order("r-2", "u-1", vec![coupon("store-300")], 2200) };
    let answer = server.client.reserve(request).await.expect("held in its place").into_inner();
    assert_eq!(answer.reservation.expect("one").coupons[0].instance, held.instance);
    back(&mut server, "r-2", "u-1", &[]).await.expect("cancelled");
    assert_eq!(state(&mut client, "u-1").await, [v1::UserCouponState::Claimed]);
    all_agree(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_orders_at_once_one_gets_the_coupon() {
    let (server, mut client) = open().await;
    claim(&mut client, "u-1", "two-each", "c-1").await.expect("claimed");
    let calls = (0..30).map(|n| {
        let mut client = server.client.clone();
        async move { client.reserve(order(&format!("r-{n}"), "u-1", vec![coupon("store-300")], 2200)).await }
    });
    let (held, refused): (Vec<_>, Vec<_>) = join_all(calls).await.into_iter().partition(Result::is_ok);
    assert_eq!((held.len(), refused.len()), (1, 29));
    for status in refused.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&status), "PRICE_CHANGED", "{status:?}");
    }
    all_agree(&server).await;
}

#[tokio::test]
async fn the_best_of_all_that_the_user_holds_is_chosen() {
    let (mut server, mut client) = open().await;
    claim(&mut client, "u-1", "ending", "c-1").await.expect("100 off");
    let best = claim(&mut client, "u-1", "two-each", "c-2").await.expect("300 off");
    claim(&mut client, "u-1", "no-end", "c-3").await.expect("300 off, for longer");
    let auto = v1::QuoteRequest { coupons_auto: true, ..asked("u-1", Vec::new()) };
    let quote = server.quote(auto.clone()).await.expect("a price");
    assert_eq!((quote.payable, quote.coupons.len()), (2200, 1));
    assert_eq!(quote.coupons[0].instance, best.instance, "of two of one design what expires first");
    assert_eq!(outcomes(&quote, "soon-over")[0].code(), v1::OutcomeCode::BeatenBy);
    let reserve = v1::ReserveRequest { coupons_auto: true, ..order("r-1", "u-1", Vec::new(), 2200) };
    let answer = server.client.reserve(reserve).await.expect("held").into_inner();
    assert_eq!(answer.reservation.expect("one").coupons[0].instance, best.instance);
    // It is priced again from its record, whatever the wallet has by now.
    commit(&mut server, "r-1", "u-1").await;
    let look = v1::GetReservationRequest { reservation_id: "r-1".to_owned(), user: Some("u-1".to_owned()), ..Default::default() };
    let found = server.client.get_reservation(look).await.expect("found").into_inner();
    let told = found.quote.expect("a quote");
    assert_eq!((told.payable, told.coupons), (2200, quote.coupons));
    // Nobody's wallet is empty.
    let nobody = v1::QuoteRequest { coupons_auto: true, ..asked("u-2", Vec::new()) };
    assert_eq!(server.quote(nobody).await.expect("a price").payable, 2500);
}

#[tokio::test]
async fn the_log_tells_which_coupons_an_order_used_and_over_which_channel() {
    let (mut server, mut client) = open().await;
    let held = claim(&mut client, "u-1", "no-end", "c-1").await.expect("claimed");
    server.client.reserve(order("r-1", "u-1", vec![coupon("store-300")], 2200)).await.expect("held");
    commit(&mut server, "r-1", "u-1").await;
    back(&mut server, "r-1", "u-1", &[]).await.expect("returned");
    let mut feed = EventServiceClient::new(connect(server.admin.expect("an admin address")).await);
    let mut stream =
        feed.subscribe(v1::SubscribeRequest { stop_at_end: true, ..Default::default() }).await.expect("a stream").into_inner();
    let mut told = Vec::new();
    while let Some(message) = stream.message().await.expect("a message") {
        let Some(v1::subscribe_response::What::Batch(batch)) = message.what else { continue };
        for event in batch.events.into_iter().filter(|event| event.reservation_id == "r-1") {
            let uses: Vec<i64> = event
                .moved
                .iter()
                .filter(|moved| moved.counter.as_ref().is_some_and(|counter| counter.instance == held.instance))
                .map(|moved| moved.by)
                .collect();
            assert_eq!(event.coupons.len(), 1);
            assert_eq!(
                (event.coupons[0].instance.as_str(), event.coupons[0].channel.as_str()),
                (held.instance.as_str(), "email")
            );
            told.push((event.transition(), uses));
        }
    }
    let expected =
        [(v1::Transition::Reserved, vec![1]), (v1::Transition::Committed, vec![]), (v1::Transition::RolledBack, vec![-1])];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_wallet_of_many_that_are_over_is_still_read_whole() {
    let (mut server, mut client) = open().await;
    for n in 0..70 {
        claim(&mut client, "u-1", "no-end", &format!("c-{n}")).await.expect("claimed");
    }
    // The list of what matters is written after 64, and goes on being right.
    for n in 0..3 {
        let quote = server.quote(asked("u-1", vec![coupon("store-300")])).await.expect("a price");
        assert_eq!(quote.payable, 2200);
        claim(&mut client, "u-1", "two-each", &format!("d-{n}")).await.map(|_| ()).unwrap_or_default();
    }
    let quote = server.quote(asked("u-1", vec![coupon("store-300")])).await.expect("a price");
    assert_eq!(quote.coupons[0].distribution, "two-each");
}
