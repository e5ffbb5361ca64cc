//! Does a promotion live as its operators want it to, and does every change get its number, its author and its place behind
//! all others?

use tokka_proto::v1;
use tonic::Code;
use tonic_types::StatusExt;

use crate::desk::{Desk, all_meant, by, named};
use crate::orders::{SALE, is, masks};
use crate::running::{Running, line};

const LAMP: &str =
    "{kind: promotion, id: lamp, name: ランプ, owner: pharma, scope: {include: {skus: [lamp]}}, item_price: {fixed: 500}}";

fn lamp_at(price: i64) -> String {
    LAMP.replace("fixed: 500", &format!("fixed: {price}"))
}

/// What a lamp of 900 costs, and the revision that says so.
async fn lamp_costs(desk: &mut Desk) -> (i64, String) {
    let lines = vec![line("a", "lamp", "pharma", 1, 900)];
    let basket = v1::Basket { currency: "JPY".to_owned(), lines, ..Default::default() };
    let quote = desk.server.quote(v1::QuoteRequest { basket: Some(basket), ..Default::default() }).await.expect("a price");
    (quote.payable, quote.revision)
}

#[tokio::test]
async fn a_promotion_lives_from_draft_to_archive() {
    let mut desk = Desk::of(SALE).await;
    assert_eq!(lamp_costs(&mut desk).await, (900, "1".to_owned()));

    let draft = desk.write(LAMP, "").await.expect("a draft");
    assert_eq!((draft.state(), draft.revision, draft.has_draft), (v1::DocumentState::Draft, 0, false));
    assert_eq!(lamp_costs(&mut desk).await, (900, "1".to_owned()), "a draft sells nothing and is no revision");
    is(&desk.pause("lamp").await.expect_err("a draft"), Code::FailedPrecondition, "NEVER_PUBLISHED");

    assert_eq!(desk.publish("lamp").await.expect("published"), 2);
    assert_eq!(lamp_costs(&mut desk).await, (500, "2".to_owned()));
    assert_eq!(desk.publish("lamp").await.expect("as it is"), 2, "nothing to change is no revision");

    // An edit stands beside what is in force.
    let live = desk.get("lamp").await.expect("a document");
    let edited = desk.write(&lamp_at(400), &live.etag).await.expect("a draft beside it");
    assert_eq!((edited.state(), edited.has_draft), (v1::DocumentState::Published, true));
    assert!(edited.text.contains(r#""fixed":"500""#) && edited.draft.contains(r#""fixed":"400""#), "{edited:?}");
    assert_eq!(lamp_costs(&mut desk).await, (500, "2".to_owned()));
    assert_eq!(desk.publish("lamp").await.expect("published"), 3);
    assert_eq!(lamp_costs(&mut desk).await, (400, "3".to_owned()));

    assert_eq!(desk.pause("lamp").await.expect("paused"), 4);
    assert_eq!(lamp_costs(&mut desk).await, (900, "4".to_owned()));
    let request = v1::ResumeRequest { promotions: vec![named("lamp")], change: Some(by("ada")) };
    assert_eq!(desk.calls.resume(request).await.expect("it goes on").into_inner().revision, 5);
    assert_eq!(lamp_costs(&mut desk).await, (400, "5".to_owned()));
    desk.pause("lamp").await.expect("paused");
    assert_eq!(desk.publish("lamp").await.expect("again"), 7);

    assert_eq!(desk.archive("lamp").await.expect("archived"), 8);
    assert_eq!(lamp_costs(&mut desk).await, (900, "8".to_owned()));
    let archived = desk.get("lamp").await.expect("still there");
    assert_eq!(archived.state(), v1::DocumentState::Archived);

    let history = desk.calls.list_revisions(v1::ListRevisionsRequest::default()).await.expect("a history").into_inner();
    let told: Vec<_> = history.revisions.iter().map(|one| (one.number, one.author.as_str(), one.changes)).collect();
    assert_eq!(told[..3], [(8, "grace", 1), (7, "ada", 1), (6, "grace", 1)]);
    assert_eq!(history.revisions[0].changed, ["promotion/lamp"]);
    let third = desk.revision(3).await.expect("a revision");
    let [change] = &third.changes[..] else { panic!("{third:?}") };
    assert_eq!((change.id.as_str(), change.r#type()), ("lamp", v1::ChangeType::Changed));
    assert!(change.before.contains(r#""500""#) && change.after.contains(r#""400""#), "{change:?}");
}

#[tokio::test]
async fn what_was_archived_never_comes_back_and_its_id_is_never_used_again() {
    let mut desk = Desk::of(SALE).await;
    desk.server.paid(masks("r-1", "u-1", 3)).await;
    desk.archive("flash").await.expect("archived");
    let archived = desk.get("flash").await.expect("a document");
    is(&desk.publish("flash").await.expect_err("final"), Code::FailedPrecondition, "ARCHIVED");
    is(&desk.pause("flash").await.expect_err("final"), Code::FailedPrecondition, "ARCHIVED");
    let text = "{kind: promotion, id: flash, name: x, owner: pharma, item_price: {fixed: 1}}";
    is(&desk.write(text, "").await.expect_err("taken"), Code::AlreadyExists, "DOCUMENT_EXISTS");
    is(&desk.write(text, &archived.etag).await.expect_err("final"), Code::FailedPrecondition, "ARCHIVED");
    let file = text.replace("name: x", "name: x, status: published");
    is(&desk.apply(&[("a.yaml", &file)], false).await.expect_err("final"), Code::FailedPrecondition, "ARCHIVED");
    let request = v1::DeleteDocumentRequest {
        kind: v1::DocumentKind::Promotion.into(),
        id: "flash".to_owned(),
        etag: archived.etag.clone(),
        change: Some(by("ada")),
    };
    is(&desk.calls.delete_document(request).await.expect_err("kept"), Code::FailedPrecondition, "NOT_DELETABLE");
    assert_eq!(desk.archive("flash").await.expect("as it is"), 2);
    assert_eq!(desk.get("flash").await.expect("a document").etag, archived.etag);

    // What it counted is still counted: the paid order of it can be returned.
    let (refund, _) = desk.server.refund(crate::orders::all("r-1", "u-1", "back")).await;
    assert_eq!(refund.amount, 3 * 980);
    let reservation = desk.server.get("r-1", "u-1").await.expect("a reservation").reservation.expect("one");
    assert_eq!(reservation.state(), v1::ReservationState::RolledBack);
}

#[tokio::test]
async fn of_two_operators_the_second_one_is_told() {
    let mut desk = Desk::of(SALE).await;
    let first = desk.write(LAMP, "").await.expect("a draft");
    let status = {
        desk.write(&lamp_at(400), &first.etag).await.expect("the quicker one");
        desk.write(&lamp_at(300), &first.etag).await.expect_err("the slower one")
    };
    is(&status, Code::Aborted, "ETAG");
    let now = desk.get("lamp").await.expect("a document");
    assert_eq!(status.get_details_error_info().expect("an ErrorInfo").metadata["etag"], now.etag);
    assert!(now.text.contains(r#""400""#), "{now:?}");
    // Who published what they saw is told, too.
    let stale = v1::PromotionRef { etag: first.etag, ..named("lamp") };
    let request = v1::PublishRequest { promotions: vec![stale], change: Some(by("ada")), ..Default::default() };
    is(&desk.calls.publish(request).await.expect_err("a stale etag"), Code::Aborted, "ETAG");

    // Many at once over two connections: each etag is good for one change.
    let mut other = desk.calls.clone();
    for _ in 0..20 {
        let etag = desk.get("lamp").await.expect("a document").etag;
        let write = |price: i64| v1::WriteDocumentRequest { text: lamp_at(price), etag: etag.clone(), change: Some(by("ada")) };
        let (a, b) = tokio::join!(desk.calls.write_document(write(100)), other.write_document(write(200)));
        assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "{a:?} {b:?}");
        for refused in [a.err(), b.err()].into_iter().flatten() {
            is(&refused, Code::Aborted, "ETAG");
        }
        // Back to another text, or the same one would be no change the next time.
        let etag = desk.get("lamp").await.expect("a document").etag;
        desk.write(&lamp_at(300), &etag).await.expect("written");
    }
}

#[tokio::test]
async fn a_call_under_the_same_request_id_happens_once() {
    let mut desk = Desk::of(SALE).await;
    desk.write(LAMP, "").await.expect("a draft");
    let change = v1::Change { request_id: "p-1".to_owned(), ..by("ada") };
    let publish = v1::PublishRequest {
        promotions: vec![named("lamp")],
        change: Some(change.clone()),
        acknowledge: all_meant(),
        ..Default::default()
    };
    assert_eq!(desk.calls.publish(publish.clone()).await.expect("published").into_inner().revision, 2);
    desk.pause("lamp").await.expect("paused");
    // The repetition comes late: it does not start the lamp again.
    let again = desk.calls.publish(publish).await.expect("an answer").into_inner();
    assert_eq!((again.revision, again.documents[0].state()), (3, v1::DocumentState::Paused));
    let other = v1::PublishRequest { promotions: vec![named("flash")], change: Some(change), ..Default::default() };
    is(&desk.calls.publish(other).await.expect_err("another call"), Code::AlreadyExists, "ID_TAKEN");
    let mut desk = desk.restarted().await;
    assert_eq!(lamp_costs(&mut desk).await, (900, "3".to_owned()));
}

#[tokio::test]
async fn a_paused_promotion_is_not_quoted_any_more_and_its_holds_commit() {
    let mut desk = Desk::of(SALE).await;
    let held = desk.server.hold(masks("r-1", "u-1", 2)).await;
    assert_eq!((held.payable, held.revision.as_str()), (2 * 980, "1"));
    desk.pause("flash").await.expect("paused");
    let v1::ReserveRequest { basket, .. } = masks("x", "u-2", 2);
    let quote = desk.server.quote(v1::QuoteRequest { basket, ..Default::default() }).await.expect("a price");
    assert_eq!((quote.payable, quote.revision.as_str()), (2 * 1280, "2"));
    let paid = desk.server.commit("r-1", "u-1").await.expect("paid");
    assert_eq!((paid.payable, paid.revision.as_str()), (2 * 980, "1"));
    let (refund, _) = desk.server.refund(crate::orders::part("r-1", "u-1", "back", &[("a", 1)])).await;
    assert_eq!(refund.amount, 980, "priced as it was");
}

#[tokio::test]
async fn an_order_agreed_to_on_an_older_revision_is_told_the_new_price() {
    let mut desk = Desk::of(SALE).await;
    let v1::ReserveRequest { basket, .. } = masks("x", "u-1", 2);
    let seen = desk.server.quote(v1::QuoteRequest { basket, ..Default::default() }).await.expect("a price");
    desk.pause("flash").await.expect("paused");
    let expect = Some(v1::reserve_request::Expect::Fingerprint(seen.fingerprint));
    let refused = desk.server.refused(v1::ReserveRequest { expect, ..masks("r-1", "u-1", 2) }).await;
    is(&refused, Code::Aborted, "PRICE_CHANGED");
    let held = desk.server.hold(masks("r-1", "u-1", 2)).await;
    assert_eq!((held.payable, held.revision.as_str()), (2 * 1280, "2"));
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let mut desk = Desk::of(SALE).await;
    desk.write(LAMP, "").await.expect("a draft");
    desk.publish("lamp").await.expect("published");
    let live = desk.get("lamp").await.expect("a document");
    desk.write(&lamp_at(400), &live.etag).await.expect("a draft");
    desk.archive("tea-3-1").await.expect("archived");
    desk.pause("flash").await.expect("paused");
    let all = v1::ListDocumentsRequest { texts: true, ..Default::default() };
    let before = desk.calls.list_documents(all.clone()).await.expect("documents").into_inner();
    let history = desk.calls.list_revisions(v1::ListRevisionsRequest::default()).await.expect("a history").into_inner();
    assert_eq!((before.revision, history.revisions.len()), (4, 4));

    let mut desk = desk.restarted().await;
    assert_eq!(lamp_costs(&mut desk).await, (500, "4".to_owned()));
    assert_eq!(desk.calls.list_documents(all).await.expect("documents").into_inner(), before);
    let again = desk.calls.list_revisions(v1::ListRevisionsRequest::default()).await.expect("a history").into_inner();
    assert_eq!(again, history);
    assert_eq!(desk.publish("lamp").await.expect("its draft"), 5);
    assert_eq!(lamp_costs(&mut desk).await, (400, "5".to_owned()));
}

#[tokio::test]
async fn what_breaks_a_rule_is_not_published_and_changes_nothing() {
    let mut desk = Desk::of(SALE).await;
    let gift = "{kind: promotion, id: more, name: x, owner: pharma, spend: {tiers: [{threshold: 10, gifts: [{gift: mug, quantity: 1}]}]}}";
    desk.write(gift, "").await.expect("a draft may speak of what comes later");
    let status = desk.publish("more").await.expect_err("no such gift");
    is(&status, Code::FailedPrecondition, "CHECK_REFUSED");
    let details = status.get_details_precondition_failure().expect("details");
    let [violation] = &details.violations[..] else { panic!("{details:?}") };
    assert_eq!(violation.subject, "promotion/more");
    assert!(violation.description.contains("no gift is called `mug`"), "{violation:?}");
    let check = v1::CheckRequest { drafts: vec!["more".to_owned()], ..Default::default() };
    let found = desk.calls.check(check).await.expect("findings").into_inner();
    assert_eq!((found.findings_total, found.findings[0].document.as_str()), (1, "promotion/more"));
    assert!(found.findings[0].blocking);
    assert_eq!(lamp_costs(&mut desk).await, (900, "1".to_owned()));

    // Another kind is in force at once.
    let mug = desk.write("{kind: gift, id: mug, name: マグ}", "").await.expect("a gift");
    assert_eq!((mug.state(), mug.revision), (v1::DocumentState::Published, 2));
    assert_eq!(desk.publish("more").await.expect("published"), 3);
    let delete = v1::DeleteDocumentRequest {
        kind: v1::DocumentKind::Gift.into(),
        id: "mug".to_owned(),
        etag: mug.etag,
        change: Some(by("ada")),
    };
    is(&desk.calls.delete_document(delete.clone()).await.expect_err("given"), Code::FailedPrecondition, "CHECK_REFUSED");
    desk.archive("more").await.expect("archived");
    assert_eq!(desk.calls.delete_document(delete).await.expect("deleted").into_inner().revision, 5);
}

#[tokio::test]
async fn requests_are_told_everything_that_is_wrong_with_them() {
    let mut desk = Desk::of(SALE).await;
    let request = v1::PublishRequest::default();
    let status = desk.calls.publish(request).await.expect_err("nothing");
    is(&status, Code::InvalidArgument, "INVALID_FIELDS");
    let fields: Vec<String> =
        status.get_details_bad_request().expect("details").field_violations.into_iter().map(|one| one.field).collect();
    assert_eq!(fields, ["change.author", "promotions"]);
    is(&desk.publish("nothing").await.expect_err("none"), Code::NotFound, "DOCUMENT_NOT_FOUND");
    is(&desk.revision(7).await.expect_err("none"), Code::NotFound, "REVISION_NOT_FOUND");
    for text in
        ["kind: nonsense", "", "{kind: gift, id: a, name: a}\n---\n{kind: gift, id: b, name: b}", &LAMP.replace("owner", "owned")]
    {
        is(&desk.write(text, "").await.expect_err(text), Code::InvalidArgument, "INVALID_FIELDS");
    }
    let published = LAMP.replace("owner", "status: published, owner");
    is(&desk.write(&published, "").await.expect_err("a status"), Code::InvalidArgument, "INVALID_FIELDS");
    let euros = "{kind: catalogue, currency: EUR}";
    is(&desk.apply(&[("a", euros)], false).await.expect_err("another currency"), Code::InvalidArgument, "INVALID_FIELDS");
    is(&desk.write("{kind: gift, id: a, name: a}", "1-0").await.expect_err("none"), Code::NotFound, "DOCUMENT_NOT_FOUND");
}

#[tokio::test]
async fn an_empty_store_prices_nothing_until_it_has_a_catalogue() {
    let mut desk = Desk::empty().await;
    let v1::ReserveRequest { basket, .. } = masks("x", "u-1", 1);
    let quote = v1::QuoteRequest { basket, ..Default::default() };
    is(&desk.server.quote(quote.clone()).await.expect_err("nothing"), Code::FailedPrecondition, "NO_CATALOGUE");
    is(&desk.server.refused(masks("r-1", "u-1", 1)).await, Code::FailedPrecondition, "NO_CATALOGUE");
    is(&desk.write(LAMP, "").await.expect_err("no currency"), Code::InvalidArgument, "INVALID_FIELDS");
    desk.apply(&[("shop.yaml", SALE)], false).await.expect("applied");
    assert_eq!(desk.server.quote(quote).await.expect("a price").payable, 980);
}

#[tokio::test]
async fn a_catalogue_of_files_is_changed_in_its_files() {
    let server = Running::of(SALE, |config| config.admin = Some(([127, 0, 0, 1], 0).into())).await;
    let channel = crate::running::connect(server.admin.expect("an address")).await;
    let mut calls = v1::promotion_service_client::PromotionServiceClient::new(channel);
    let request = v1::PauseRequest { promotions: vec![named("flash")], change: Some(by("ada")) };
    is(&calls.pause(request).await.expect_err("files"), Code::FailedPrecondition, "CATALOGUE_IS_FILES");
    let list = calls.list_documents(v1::ListDocumentsRequest::default()).await;
    is(&list.expect_err("files"), Code::FailedPrecondition, "CATALOGUE_IS_FILES");
    let files = vec![v1::SourceFile { name: "shop.yaml".to_owned(), text: SALE.replace("owner: books", "owner: nobody") }];
    let check = v1::CheckRequest { files, acknowledge: all_meant(), ..Default::default() };
    let found = calls.check(check).await.expect("findings").into_inner();
    assert!(found.findings_total == 1 && found.findings[0].acknowledged, "{found:?}");
    // Callers do not get here.
    let mut calls = v1::promotion_service_client::PromotionServiceClient::new(server.channel.clone());
    let refused = calls.list_documents(v1::ListDocumentsRequest::default()).await.expect_err("not served");
    assert_eq!(refused.code(), Code::Unimplemented);
}
