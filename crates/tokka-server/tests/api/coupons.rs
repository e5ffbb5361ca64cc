//! Does every claim come with its wallet entry, once, and never beyond what there is?

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokka_proto::v1;
use tokka_proto::v1::event_service_client::EventServiceClient;
use tokka_proto::v1::store_service_client::StoreServiceClient;
use tonic::Code;
use tonic_types::StatusExt;

use crate::coupon_shop::{claim, open, reason, wallet};
use crate::running::{Running, connect};

/// Counters, records and log agree.
pub(crate) async fn all_agree(server: &Running) {
    let mut store = StoreServiceClient::new(connect(server.admin.expect("an admin address")).await);
    let audit = store.verify(v1::VerifyRequest {}).await.expect("an audit").into_inner();
    assert!(audit.clean, "{audit:?}");
}

#[tokio::test]
async fn a_claim_is_in_the_wallet_and_happens_once() {
    let (server, mut client) = open().await;
    let first = claim(&mut client, "u-1", "two-each", "c-1").await.expect("claimed");
    assert_eq!((first.design.as_str(), first.distribution.as_str(), first.owner.as_str()), ("store-300", "two-each", "pharma"));
    assert_eq!((first.state(), first.handed_out()), (v1::UserCouponState::Claimed, v1::HandedOut::Claimed));
    let Some(v1::terms::Rule::Coupon(terms)) = first.terms.clone().and_then(|terms| terms.rule) else { panic!("{first:?}") };
    assert_eq!(terms.threshold, 1000);
    assert_eq!(wallet(&mut client, "u-1").await, std::slice::from_ref(&first));

    let again = claim(&mut client, "u-1", "two-each", "c-1").await.expect("the first answer");
    assert_eq!(again, first);
    assert_eq!(wallet(&mut client, "u-1").await.len(), 1);
    let other = claim(&mut client, "u-1", "no-end", "c-1").await.expect_err("another request");
    assert_eq!((other.code(), reason(&other).as_str()), (Code::AlreadyExists, "ID_TAKEN"));
    // Ids are each user's own.
    let of_another = claim(&mut client, "u-2", "no-end", "c-1").await.expect("claimed");
    assert_ne!(of_another.instance, first.instance);
    all_agree(&server).await;
}

#[tokio::test]
async fn validity_counts_from_the_claim_and_ends_with_the_coupons_window() {
    let (_server, mut client) = open().await;
    let seconds = |moment: Option<prost_types::Timestamp>| moment.map(|moment| moment.seconds);
    let from_claim = claim(&mut client, "u-1", "two-each", "c-1").await.expect("claimed");
    let claimed_at = seconds(from_claim.handed_out_at).expect("a moment");
    assert_eq!(seconds(from_claim.expires_at), Some(claimed_at + 14 * 24 * 3_600));
    let window_first = claim(&mut client, "u-1", "ending", "c-2").await.expect("claimed");
    let until = seconds(window_first.expires_at).expect("a moment") - claimed_at;
    assert!((23 * 3_600..=24 * 3_600).contains(&until), "{until} s");
    let fixed = claim(&mut client, "u-1", "no-end", "c-3").await.expect("claimed");
    assert_eq!(fixed.expires_at, None);
}

#[tokio::test]
async fn what_cannot_be_claimed_says_why_and_costs_nothing() {
    let (server, mut client) = open().await;
    for (distribution, code, expected) in [
        ("nowhere", Code::NotFound, "DISTRIBUTION_NOT_FOUND"),
        ("hidden", Code::FailedPrecondition, "NOT_CLAIMABLE"),
        ("paper", Code::FailedPrecondition, "NOT_CLAIMABLE"),
        ("later", Code::FailedPrecondition, "CLAIM_NOT_OPEN"),
        ("over", Code::FailedPrecondition, "CLAIM_OVER"),
        ("of-paused", Code::FailedPrecondition, "COUPON_NOT_USABLE"),
        ("of-past", Code::FailedPrecondition, "COUPON_NOT_USABLE"),
    ] {
        let status = claim(&mut client, "u-1", distribution, "c-1").await.expect_err("refused");
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{distribution}");
    }
    assert_eq!(wallet(&mut client, "u-1").await, []);
    claim(&mut client, "u-1", "two-each", "c-1").await.expect("the id is still free");
    all_agree(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_claim_the_last_fifty() {
    let (server, client) = open().await;
    let calls = (0..200).map(|n| {
        let mut client = client.clone();
        async move { (n, claim(&mut client, &format!("u-{n}"), "fifty", "c-1").await) }
    });
    let mut got = BTreeSet::new();
    for (n, answer) in join_all(calls).await {
        match answer {
            Ok(coupon) => assert!(got.insert(n), "{coupon:?}"),
            Err(status) => {
                assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "CLAIM_REFUSED"));
                let quota = status.get_details_quota_failure().expect("a QuotaFailure");
                assert_eq!(quota.violations.len(), 1, "{quota:?}");
            }
        }
    }
    assert_eq!(got.len(), 50);
    let mut client = client;
    for n in 0..200 {
        let held = wallet(&mut client, &format!("u-{n}")).await;
        assert_eq!(held.len(), usize::from(got.contains(&n)), "u-{n}");
    }
    all_agree(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_at_many_windows_gets_what_one_may_have() {
    let (server, mut client) = open().await;
    let calls = (0..40).map(|n| {
        let mut client = client.clone();
        async move { claim(&mut client, "u-1", "two-each", &format!("c-{n}")).await }
    });
    let answers = join_all(calls).await;
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(refused.iter().all(|status| reason(status) == "CLAIM_REFUSED"), "{refused:?}");
    let instances: BTreeSet<_> = answers.iter().flatten().map(|coupon| coupon.instance.clone()).collect();
    assert_eq!((instances.len(), refused.len()), (2, 38));
    let held: BTreeSet<_> = wallet(&mut client, "u-1").await.into_iter().map(|coupon| coupon.instance).collect();
    assert_eq!(held, instances);

    // Where there is no cap, each of them gets its own place.
    let calls = (0..30).map(|n| {
        let mut client = client.clone();
        async move { claim(&mut client, "u-2", "no-end", &format!("c-{n}")).await.expect("claimed").instance }
    });
    let instances: BTreeSet<_> = join_all(calls).await.into_iter().collect();
    assert_eq!(instances.len(), 30);
    assert_eq!(wallet(&mut client, "u-2").await.len(), 30);
    all_agree(&server).await;
}

#[tokio::test]
async fn a_wallet_comes_page_by_page_newest_first() {
    let (_server, mut client) = open().await;
    let mut claimed = Vec::new();
    for n in 0..5 {
        claimed.push(claim(&mut client, "u-1", "no-end", &format!("c-{n}")).await.expect("claimed").instance);
    }
    claimed.reverse();
    let list = v1::ListUserCouponsRequest { user: "u-1".to_owned(), page_size: 2, ..Default::default() };
    let mut request = list.clone();
    let mut told = Vec::new();
    let mut pages = 0;
    loop {
        let page = client.list_user_coupons(request.clone()).await.expect("a page").into_inner();
        assert!(page.coupons.len() <= 2);
        pages += 1;
        if pages == 1 {
            // What comes meanwhile stands before the first page.
            claim(&mut client, "u-1", "no-end", "c-late").await.expect("claimed");
            let of_another =
                v1::ListUserCouponsRequest { user: "u-2".to_owned(), page_token: page.next_page_token.clone(), ..list.clone() };
            let refused = client.list_user_coupons(of_another).await.expect_err("another list");
            let field = &refused.get_details_bad_request().expect("a BadRequest").field_violations[0].field;
            assert_eq!(field, "page_token");
        }
        told.extend(page.coupons.into_iter().map(|coupon| coupon.instance));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!((told, pages), (claimed, 3));

    let used = v1::ListUserCouponsRequest { states: vec![v1::UserCouponState::Used.into()], ..list.clone() };
    let page = client.list_user_coupons(used).await.expect("a page").into_inner();
    assert_eq!((page.coupons.len(), page.next_page_token.as_str(), page.coupons_total), (0, "", 6));
    let states = vec![v1::UserCouponState::Claimed.into()];
    let page = client.list_user_coupons(v1::ListUserCouponsRequest { states, ..list }).await.expect("a page").into_inner();
    assert_eq!(page.coupons.len(), 2);
}

#[tokio::test]
async fn the_log_tells_of_every_coupon_and_its_channel() {
    let (server, mut client) = open().await;
    let coupon = claim(&mut client, "u-1", "no-end", "c-1").await.expect("claimed");
    let mut feed = EventServiceClient::new(connect(server.admin.expect("an admin address")).await);
    let asked = v1::SubscribeRequest { stop_at_end: true, ..Default::default() };
    let mut stream = feed.subscribe(asked).await.expect("a stream").into_inner();
    let mut events = Vec::new();
    while let Some(message) = stream.message().await.expect("a message") {
        if let Some(v1::subscribe_response::What::Batch(batch)) = message.what {
            events.extend(batch.events);
        }
    }
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.transition(), event.user.as_deref()), (v1::Transition::Taken, Some("u-1")));
    assert!(event.reservation_id.starts_with(' '), "{event:?}");
    let told = event.handed_out.clone().expect("the coupon");
    let expected = v1::HandedOutCoupon {
        user: "u-1".to_owned(),
        instance: coupon.instance,
        design: "store-300".to_owned(),
        distribution: "no-end".to_owned(),
        channel: "email".to_owned(),
        how: v1::HandedOut::Claimed.into(),
        request_id: "c-1".to_owned(),
        at: coupon.handed_out_at,
        expires_at: None,
    };
    assert_eq!(told, expected);
    let moved: Vec<_> = event.moved.iter().map(|moved| (moved.counter.clone().expect("a counter").kind(), moved.by)).collect();
    assert_eq!(moved, [(v1::CounterKind::CouponsPerUser, 1), (v1::CounterKind::CouponsIssued, 1)]);
}
