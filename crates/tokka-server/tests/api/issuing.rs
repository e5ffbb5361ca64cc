//! Does everybody get theirs, once, also where the issue breaks off in the middle and is sent again?

use std::time::Instant;

use futures_util::future::join_all;
use tokka_proto::v1;
use tokka_proto::v1::coupon_service_client::CouponServiceClient;
use tokka_proto::v1::store_service_client::StoreServiceClient;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::coupon_shop::{self, Client, claim, open, reason, wallet};
use crate::coupons::all_agree;
use crate::kept::Kept;
use crate::race::Process;
use crate::running::{Running, connect};

async fn desk(server: &Running) -> Client {
    CouponServiceClient::new(connect(server.admin.expect("an admin address")).await)
}

/// Users in pages of a size.
fn pages(id: &str, distribution: &str, users: &[String], size: usize) -> Vec<v1::IssueCouponsRequest> {
    let page = |users: &[String]| v1::IssueCouponsRequest {
        request_id: id.to_owned(),
        distribution: distribution.to_owned(),
        users: users.to_vec(),
    };
    users.chunks(size).map(page).collect()
}

fn users(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("u-{n}")).collect()
}

/// Sends all pages; answers the progress of each, and what ended it.
async fn issue(desk: &mut Client, pages: Vec<v1::IssueCouponsRequest>) -> (Vec<v1::IssueCouponsResponse>, Option<Status>) {
    let mut told = Vec::new();
    let mut stream = match desk.issue_coupons(tokio_stream::iter(pages)).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return (told, Some(status)),
    };
    loop {
        match stream.message().await {
            Ok(Some(progress)) => told.push(progress),
            Ok(None) => return (told, None),
            Err(status) => return (told, Some(status)),
        }
    }
}

fn sums(progress: &v1::IssueCouponsResponse) -> (i64, i64, i64, i64) {
    (progress.users_done, progress.issued, progress.repeated, progress.refused_total)
}

#[tokio::test]
async fn everybody_gets_one_with_progress_and_a_repetition_changes_nothing() {
    let (server, mut client) = open().await;
    let mut desk = desk(&server).await;
    let all = users(500);
    let (told, ended) = issue(&mut desk, pages("mail-1", "crm", &all, 200)).await;
    assert_eq!(told.iter().map(sums).collect::<Vec<_>>(), [(200, 200, 0, 0), (400, 400, 0, 0), (500, 500, 0, 0)]);
    assert!(ended.is_none(), "{ended:?}");
    let held = wallet(&mut client, "u-499").await;
    assert_eq!((held.len(), held[0].handed_out(), held[0].channel.as_str()), (1, v1::HandedOut::Issued, "crm"));
    assert!(held[0].expires_at.is_some());

    // Again in other pages and another order, with some who are new, one twice, one who is no user, and one who has theirs.
    let mut more: Vec<String> = all.iter().rev().cloned().collect();
    more.extend(["new".to_owned(), "new".to_owned(), "no user".to_owned()]);
    let (told, ended) = issue(&mut desk, pages("mail-1", "crm", &more, 77)).await;
    let last = told.last().expect("progress");
    assert_eq!((sums(last), ended.is_none()), ((503, 1, 501, 1), true));
    assert_eq!((last.refused[0].user.as_str(), last.refused[0].reason.as_str()), ("no user", "INVALID_FIELDS"));
    // Another issue meets the cap of each.
    let (told, _) = issue(&mut desk, pages("mail-2", "crm", &users(3), 10)).await;
    assert_eq!(sums(&told[0]), (3, 0, 0, 3));
    assert!(told[0].refused.iter().all(|refused| refused.reason == "CLAIM_REFUSED"), "{told:?}");
    all_agree(&server).await;
}

#[tokio::test]
async fn an_issue_ends_with_what_there_is_whatever_is_claimed_meanwhile() {
    let (server, mut client) = open().await;
    let mut desk = desk(&server).await;
    let claims = (0..40).map(|n| {
        let mut client = client.clone();
        async move { claim(&mut client, &format!("c-{n}"), "fifty", "c-1").await.is_ok() }
    });
    let all = users(40);
    let ((told, ended), claimed) = tokio::join!(issue(&mut desk, pages("mail-1", "fifty", &all, 10)), join_all(claims));
    assert!(ended.is_none(), "{ended:?}");
    let claimed = i64::try_from(claimed.into_iter().filter(|got| *got).count()).expect("few");
    assert_eq!(told.last().expect("progress").issued + claimed, 50);
    let mut held = 0;
    for user in all.iter().cloned().chain((0..40).map(|n| format!("c-{n}"))) {
        held += wallet(&mut client, &user).await.len();
    }
    assert_eq!(held, 50);
    all_agree(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_killed_in_the_middle_goes_on_without_doubles() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("catalogue.yaml"), coupon_shop::catalogue()).expect("a file");
    let data = Kept::new();
    let all = users(3_000);
    let mut acknowledged = 0;
    for life in 0..3 {
        let before: i64 = acknowledged;
        let mut process = Process::one_of(&folder, &data, true);
        let mut desk = CouponServiceClient::new(connect(process.2).await);
        let mut stream =
            desk.issue_coupons(tokio_stream::iter(pages("mail-1", "crm", &all, 100))).await.expect("a stream").into_inner();
        while let Ok(Some(progress)) = stream.message().await {
            assert!(progress.repeated >= before.min(progress.users_done), "{progress:?}, {before} before");
            if life < 2 && progress.issued >= 700 {
                // What was acknowledged is there; what was on its way is there or is not.
                acknowledged = progress.users_done;
                process.0.kill().expect("killed");
                process.0.wait().expect("ended");
                break;
            }
            acknowledged = progress.users_done;
        }
        if life < 2 {
            continue;
        }
        assert_eq!(acknowledged, 3_000);
        let mut client = CouponServiceClient::new(connect(process.1).await);
        for user in &all {
            assert_eq!(wallet(&mut client, user).await.len(), 1, "{user}");
        }
        let mut store = StoreServiceClient::new(connect(process.2).await);
        let audit = store.verify(v1::VerifyRequest {}).await.expect("an audit").into_inner();
        assert!(audit.clean && audit.committed == 3_000, "{audit:?}");
    }
}

/// `TOKKA_ISSUE_USERS=1000000` for an evening; the time that it takes is printed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn very_many_users_in_one_call() {
    let count: usize = std::env::var("TOKKA_ISSUE_USERS").ok().and_then(|count| count.parse().ok()).unwrap_or(5_000);
    let (server, mut client) = open().await;
    let mut desk = desk(&server).await;
    let all = users(count);
    for expected in ["issued", "repeated"] {
        let started = Instant::now();
        let (told, ended) = issue(&mut desk, pages("mail-1", "million", &all, 1_000)).await;
        assert!(ended.is_none(), "{ended:?}");
        let last = told.last().expect("progress");
        let count = i64::try_from(count).expect("few");
        let wanted = if expected == "issued" { (count, count, 0, 0) } else { (count, 0, count, 0) };
        assert_eq!(sums(last), wanted);
        println!("issue of {count} users, {expected}: {} ms", started.elapsed().as_millis());
    }
    assert_eq!(wallet(&mut client, &format!("u-{}", count - 1)).await.len(), 1);
    all_agree(&server).await;
}

#[tokio::test]
async fn bad_issues_are_refused_by_field_and_reason() {
    let (server, client) = open().await;
    let mut desk = desk(&server).await;
    let page = |id: &str, distribution: &str, users: usize| v1::IssueCouponsRequest {
        request_id: id.to_owned(),
        distribution: distribution.to_owned(),
        users: self::users(users),
    };
    for (pages, fields) in [
        (vec![page("", "", 1)], vec!["request_id", "distribution"]),
        (vec![page("a b", "-", 1)], vec!["request_id", "distribution"]),
        (vec![page("i", "crm", 1_001)], vec!["users"]),
        (vec![page("i", "crm", 0), page("j", "two-each", 1)], vec!["request_id", "distribution"]),
    ] {
        let (_, ended) = issue(&mut desk, pages).await;
        let status = ended.expect("refused");
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let violations = status.get_details_bad_request().expect("a BadRequest").field_violations;
        assert_eq!(violations.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>(), fields);
    }
    // Later pages need not say again what the first one said.
    let (told, ended) = issue(&mut desk, vec![page("k", "crm", 2), page("", "", 3)]).await;
    assert_eq!((sums(&told[1]), ended.is_none()), ((5, 3, 2, 0), true));
    for (pages, code, expected) in [
        (vec![page("k", "two-each", 1)], Code::AlreadyExists, "ID_TAKEN"),
        (vec![page("l", "nowhere", 1)], Code::NotFound, "DISTRIBUTION_NOT_FOUND"),
        (vec![page("l", "of-paused", 1)], Code::FailedPrecondition, "COUPON_NOT_USABLE"),
    ] {
        let (_, ended) = issue(&mut desk, pages).await;
        let status = ended.expect("refused");
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected));
    }
    let (_, ended) = issue(&mut client.clone(), vec![page("m", "crm", 1)]).await;
    let status = ended.expect("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "OPERATORS_ONLY"));
    all_agree(&server).await;
}
