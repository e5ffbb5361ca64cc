//! Does a code bring its coupon to whoever has it, once, and to nobody who guesses?

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokka_proto::v1;
use tokka_proto::v1::coupon_offer::Offer;
use tokka_proto::v1::coupon_service_client::CouponServiceClient;
use tokka_proto::v1::reserve_request::Expect;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::coupon_shop::{Client, open, reason, wallet};
use crate::coupons::all_agree;
use crate::running::{Running, connect, line};

async fn redeem(client: &mut Client, user: &str, code: &str, request_id: &str) -> Result<v1::UserCoupon, Status> {
    let [user, code, request_id] = [user, code, request_id].map(str::to_owned);
    let answer = client.redeem_code(v1::RedeemCodeRequest { user, code, request_id }).await?;
    Ok(answer.into_inner().coupon.expect("a coupon"))
}

/// Codes of a distribution, from one number on.
async fn codes(server: &Running, distribution: &str, first: i64, count: i64) -> Result<Vec<String>, Status> {
    let mut desk = CouponServiceClient::new(connect(server.admin.expect("an admin address")).await);
    let request = v1::GenerateCodesRequest { distribution: distribution.to_owned(), first, count };
    let mut stream = desk.generate_codes(request).await?.into_inner();
    let mut codes = Vec::new();
    while let Some(page) = stream.message().await? {
        assert_eq!(page.first, first + i64::try_from(codes.len()).expect("few"));
        assert!((1..=1_000).contains(&page.codes.len()));
        codes.extend(page.codes);
    }
    Ok(codes)
}

fn asked(user: &str, codes: &[&str]) -> v1::QuoteRequest {
    let lines = vec![line("a", "mask", "pharma", 2, 1000)];
    let offer = |code: &&str| v1::CouponOffer { offer: Some(Offer::Code((*code).to_owned())) };
    let basket = v1::Basket { currency: "JPY".to_owned(), lines, user: Some(user.to_owned()), ..Default::default() };
    v1::QuoteRequest {
        basket: Some(basket),
        coupons: codes.iter().map(offer).collect(),
        view: v1::View::Full.into(),
        ..Default::default()
    }
}

fn order(id: &str, user: &str, codes: &[&str]) -> v1::ReserveRequest {
    let v1::QuoteRequest { basket, coupons, view, .. } = asked(user, codes);
    let expect = Some(Expect::ExpectedPayable(1700));
    v1::ReserveRequest { reservation_id: id.to_owned(), basket, coupons, view, expect, ..Default::default() }
}

fn outcome(quote: &v1::Quote) -> (v1::OutcomeCode, i64) {
    (quote.outcomes[0].code(), quote.payable)
}

#[tokio::test]
async fn codes_are_the_same_at_every_export_and_all_different() {
    let (server, _client) = open().await;
    let all = codes(&server, "paper", 0, 0).await.expect("codes");
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (2_000, 2_000));
    assert!(all.iter().all(|code| code.len() == 29));
    assert_eq!(codes(&server, "paper", 1_500, 0).await.expect("codes"), all[1_500..]);
    assert_eq!(codes(&server, "paper", 7, 2).await.expect("codes"), all[7..9]);
    assert_eq!(codes(&server, "paper", 1_999, 9).await.expect("codes"), all[1_999..]);
    assert_eq!(codes(&server, "paper", 2_000, 0).await.expect("codes"), Vec::<String>::new());
    for (distribution, expected) in [("nowhere", "DISTRIBUTION_NOT_FOUND"), ("fifty", "NO_CODES"), ("shared", "NO_CODES")] {
        let refused = codes(&server, distribution, 0, 0).await.expect_err("refused");
        assert_eq!(reason(&refused), expected, "{distribution}");
    }
    let mut caller = CouponServiceClient::new(server.channel.clone());
    let request = v1::GenerateCodesRequest { distribution: "paper".to_owned(), ..Default::default() };
    let refused = caller.generate_codes(request).await.expect_err("operators only");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OPERATORS_ONLY"));
}

#[tokio::test]
async fn a_code_brings_its_coupon_once() {
    let (server, mut client) = open().await;
    let paper = codes(&server, "paper", 0, 5).await.expect("codes");
    let typed = paper[0].to_lowercase().replace('-', " ");
    let coupon = redeem(&mut client, "u-1", &typed, "c-1").await.expect("redeemed");
    assert_eq!((coupon.distribution.as_str(), coupon.channel.as_str()), ("paper", "flyer"));
    assert_eq!((coupon.handed_out(), coupon.state()), (v1::HandedOut::Redeemed, v1::UserCouponState::Claimed));
    assert_eq!(redeem(&mut client, "u-1", &typed, "c-1").await.expect("the first answer"), coupon);
    let other = redeem(&mut client, "u-1", &paper[1], "c-1").await.expect_err("another request");
    assert_eq!(reason(&other), "ID_TAKEN");
    for user in ["u-1", "u-2"] {
        let used = redeem(&mut client, user, &paper[0], "c-2").await.expect_err("used");
        assert_eq!((used.code(), reason(&used).as_str()), (Code::ResourceExhausted, "CLAIM_REFUSED"));
    }
    redeem(&mut client, "u-1", &paper[1], "c-3").await.expect("redeemed");
    let capped = redeem(&mut client, "u-1", &paper[2], "c-4").await.expect_err("two to a user");
    assert_eq!(reason(&capped), "CLAIM_REFUSED");
    redeem(&mut client, "u-2", &paper[2], "c-4").await.expect("it was not used up by that");
    // A code of a distribution that is not open yet, or over.
    for (code, expected) in [("TOMORROW", "CLAIM_NOT_OPEN"), ("YESTERDAY", "CLAIM_OVER")] {
        assert_eq!(reason(&redeem(&mut client, "u-1", code, "c-5").await.expect_err(code)), expected);
    }
    assert_eq!(wallet(&mut client, "u-1").await.len(), 2);
    all_agree(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_bring_one_code_one_gets_it() {
    let (server, client) = open().await;
    let code = codes(&server, "paper", 3, 1).await.expect("codes").remove(0);
    let calls = (0..40).map(|n| {
        let (mut client, code) = (client.clone(), code.clone());
        async move { redeem(&mut client, &format!("u-{n}"), &code, "c-1").await }
    });
    let answers = join_all(calls).await;
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(refused.iter().all(|status| reason(status) == "CLAIM_REFUSED"), "{refused:?}");
    assert_eq!(refused.len(), 39);

    // A shared code has as many uses as its distribution says, whoever brings it and however.
    let calls = (0..40).map(|n| {
        let (mut client, mut pricing) = (client.clone(), server.client.clone());
        async move {
            let user = format!("s-{n}");
            if n % 2 == 0 {
                redeem(&mut client, &user, "save300", "c-1").await.is_ok()
            } else {
                pricing.reserve(order(&user, &user, &["SAVE300"])).await.is_ok()
            }
        }
    });
    assert_eq!(join_all(calls).await.into_iter().filter(|got| *got).count(), 10);
    all_agree(&server).await;
}

#[tokio::test]
async fn wrong_codes_are_counted_by_user_and_a_new_connection_is_no_new_beginning() {
    let (server, mut client) = open().await;
    let paper = codes(&server, "paper", 0, 1).await.expect("codes");
    // The same wrong code again is no further guess, redeemed or offered.
    for _ in 0..20 {
        let wrong = redeem(&mut client, "u-1", "SAVE301", "c-1").await.expect_err("wrong");
        assert_eq!((wrong.code(), reason(&wrong).as_str()), (Code::NotFound, "UNKNOWN_CODE"));
        let quote = server.client.clone().quote(asked("u-1", &["save301"])).await.expect("a price").into_inner();
        assert_eq!(outcome(&quote.quote.expect("a quote")), (v1::OutcomeCode::UnknownCoupon, 2000));
    }
    for n in 1..10 {
        let mut fresh = CouponServiceClient::new(connect(server.address).await);
        let wrong = redeem(&mut fresh, "u-1", &format!("GUESS-{n}"), "c-1").await.expect_err("wrong");
        assert_eq!(reason(&wrong), "UNKNOWN_CODE", "{n}");
    }
    for (code, by) in [("GUESS-10", "redeem"), (paper[0].as_str(), "redeem"), ("SAVE300", "quote"), ("SAVE300", "reserve")] {
        let refused = match by {
            "redeem" => redeem(&mut client, "u-1", code, "c-2").await.expect_err("refused"),
            "quote" => server.client.clone().quote(asked("u-1", &[code])).await.expect_err("refused"),
            _ => server.client.clone().reserve(order("r-1", "u-1", &[code])).await.expect_err("refused"),
        };
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS"), "{by}");
        let wait = refused.get_details_retry_info().expect("a RetryInfo").retry_delay.expect("a delay");
        assert!((3_000..=3_600).contains(&wait.as_secs()), "{wait:?}");
        assert!(!refused.message().contains(code), "{refused:?}");
    }
    redeem(&mut client, "u-2", &paper[0], "c-1").await.expect("another user");
    all_agree(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_guesses_at_once_ten_are_answered() {
    let (_server, client) = open().await;
    let calls = (0..60).map(|n| {
        let mut client = client.clone();
        async move { reason(&redeem(&mut client, "u-1", &format!("GUESS-{n}"), "c-1").await.expect_err("wrong")) }
    });
    let reasons = join_all(calls).await;
    assert_eq!(reasons.iter().filter(|reason| *reason == "UNKNOWN_CODE").count(), 10);
    assert_eq!(reasons.iter().filter(|reason| *reason == "TOO_MANY_ATTEMPTS").count(), 50);
}

#[tokio::test]
async fn a_basket_may_use_a_code_without_a_wallet_and_gives_it_back() {
    let (mut server, mut client) = open().await;
    let paper = codes(&server, "paper", 0, 3).await.expect("codes");
    let quote = server.quote(asked("u-1", &[&paper[0]])).await.expect("a price");
    assert_eq!(outcome(&quote), (v1::OutcomeCode::Applied, 1700));
    let used = &quote.coupons[0];
    assert_eq!((used.instance.as_str(), used.distribution.as_str(), used.channel.as_str()), ("", "paper", "flyer"));
    server.client.reserve(order("r-1", "u-1", &[&paper[0]])).await.expect("held");
    assert_eq!(outcome(&server.quote(asked("u-2", &[&paper[0]])).await.expect("a price")), (v1::OutcomeCode::CouponUsed, 2000));
    let refused = redeem(&mut client, "u-2", &paper[0], "c-1").await.expect_err("held");
    assert_eq!(reason(&refused), "CLAIM_REFUSED");
    let mut back = v1::RollbackRequest {
        reservation_id: "r-1".to_owned(),
        user: Some("u-1".to_owned()),
        rollback_id: "b-1".to_owned(),
        all: true,
        ..Default::default()
    };
    server.client.rollback(back.clone()).await.expect("cancelled");
    // It is free for another, and that user's cap too.
    server.client.reserve(order("r-2", "u-2", &[&paper[0]])).await.expect("held");
    let commit = v1::CommitRequest { reservation_id: "r-2".to_owned(), user: Some("u-2".to_owned()), ..Default::default() };
    server.client.commit(commit).await.expect("committed");
    // A part that does not end the coupon, then the rest.
    back.reservation_id = "r-2".to_owned();
    back.user = Some("u-2".to_owned());
    let part =
        v1::RollbackRequest { all: false, lines: vec![v1::LineUnits { line_id: "a".to_owned(), units: 1 }], ..back.clone() };
    server.client.rollback(part).await.expect("returned");
    assert_eq!(outcome(&server.quote(asked("u-3", &[&paper[0]])).await.expect("a price")).0, v1::OutcomeCode::CouponUsed);
    server.client.rollback(v1::RollbackRequest { rollback_id: "b-2".to_owned(), ..back }).await.expect("returned");
    assert_eq!(outcome(&server.quote(asked("u-3", &[&paper[0]])).await.expect("a price")).0, v1::OutcomeCode::Applied);

    // Who redeemed a code and offers it once more means the coupon that it brought.
    let held = redeem(&mut client, "u-4", &paper[1], "c-1").await.expect("redeemed");
    let answer = server.client.reserve(order("r-4", "u-4", &[&paper[1]])).await.expect("held").into_inner();
    assert_eq!(answer.reservation.expect("one").coupons[0].instance, held.instance);
    // The record of an order has no code in it, and is priced again without one.
    let look = v1::GetReservationRequest { reservation_id: "r-4".to_owned(), user: Some("u-4".to_owned()), ..Default::default() };
    assert_eq!(server.client.get_reservation(look).await.expect("found").into_inner().quote.expect("a quote").payable, 1700);
    all_agree(&server).await;
}

#[tokio::test]
async fn bad_codes_are_named_by_their_field_and_not_repeated() {
    let (server, mut client) = open().await;
    let field = |status: &Status| {
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let violation = status.get_details_bad_request().expect("a BadRequest").field_violations.remove(0);
        (violation.field, violation.description)
    };
    for code in ["", "  ", &"x".repeat(129), "コード", "a\tb"] {
        let status = redeem(&mut client, "u-1", code, "c-1").await.expect_err("refused");
        let (named, why) = field(&status);
        assert_eq!(named, "code");
        assert!(code.trim().is_empty() || !why.contains(code), "{why}");
        let status = server.client.clone().quote(asked("u-1", &[code])).await.expect_err("refused");
        assert_eq!(field(&status).0, "coupons[0].code");
    }
    let mut guest = asked("u-1", &["SAVE300"]);
    guest.basket.as_mut().expect("a basket").user = None;
    assert_eq!(field(&server.client.clone().quote(guest).await.expect_err("refused")).0, "basket.user");
    let status = redeem(&mut client, "u 1", "SAVE300", "").await.expect_err("refused");
    let fields = status.get_details_bad_request().expect("a BadRequest").field_violations;
    assert_eq!(fields.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>(), ["user", "request_id"]);
    for (first, count, expected) in [(-1, 0, "first"), (0, -1, "count"), (0, 16_777_217, "count")] {
        let status = codes(&server, "paper", first, count).await.expect_err("refused");
        assert_eq!(field(&status).0, expected);
    }
}
