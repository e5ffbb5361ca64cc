//! Do files come into the store as they are, once, and only as far as they were shown?

use tokka_proto::v1;
use tonic::Code;

use crate::desk::{Desk, apply, by};
use crate::orders::{SALE, is};

/// Kinds of changes by document.
fn told(changes: &[v1::DocumentChange]) -> Vec<(String, v1::ChangeType, v1::DocumentState)> {
    changes.iter().map(|change| (change.id.clone(), change.r#type(), change.state_after())).collect()
}

#[tokio::test]
async fn applied_twice_changes_nothing_the_second_time() {
    let mut desk = Desk::empty().await;
    let first = desk.apply(&[("shop.yaml", SALE)], false).await.expect("applied");
    assert_eq!((first.revision, first.changes.len(), first.unchanged), (1, 9, 0));
    assert!(first.changes.iter().all(|change| change.r#type() == v1::ChangeType::Added));
    let second = desk.apply(&[("shop.yaml", SALE)], false).await.expect("applied");
    assert_eq!((second.revision, second.changes, second.unchanged, second.etag), (1, vec![], 9, first.etag));
    // Written otherwise, it says the same.
    let spelled = SALE.replace("owner: pharma\n", "owner: \"pharma\"\npriority: 0\n").replace("fixed: 980", "fixed: \"980\"");
    assert_eq!(desk.apply(&[("shop.yaml", &spelled)], true).await.expect("applied").changes, vec![]);
}

#[tokio::test]
async fn a_dry_run_shows_everything_and_changes_nothing() {
    let mut desk = Desk::of(SALE).await;
    let files = SALE.replace("fixed: 980", "fixed: 880");
    let request = v1::ApplyRequest { validate_only: true, ..apply(&[("shop.yaml", &files)]) };
    let shown = desk.calls.apply(request.clone()).await.expect("shown").into_inner();
    assert_eq!(told(&shown.changes), [("flash".to_owned(), v1::ChangeType::Changed, v1::DocumentState::Published)]);
    assert_eq!((shown.revision, desk.revision(0).await.expect("one").revision.expect("one").number), (1, 1));
    assert!(desk.get("flash").await.expect("a document").text.contains(r#""980""#));

    // Somebody is quicker than the one who agrees to what was shown.
    desk.pause("store-300").await.expect("paused");
    let agreed = v1::ApplyRequest { validate_only: false, etag: shown.etag, change: Some(by("ada")), ..request.clone() };
    is(&desk.calls.apply(agreed).await.expect_err("something changed"), Code::Aborted, "ETAG");
    let shown = desk.calls.apply(request.clone()).await.expect("shown").into_inner();
    let all = [
        ("flash".to_owned(), v1::ChangeType::Changed, v1::DocumentState::Published),
        ("store-300".to_owned(), v1::ChangeType::Changed, v1::DocumentState::Published),
    ];
    assert_eq!(told(&shown.changes), all, "the files want it published");
    let agreed = v1::ApplyRequest { validate_only: false, etag: shown.etag, change: Some(by("ada")), ..request };
    assert_eq!(desk.calls.apply(agreed).await.expect("applied").into_inner().revision, 3);

    // What would be refused is refused in a dry run, too.
    let broken = SALE.replace("owner: books", "owner: nobody").replace("gift: tote-bag", "gift: mug");
    let request = v1::ApplyRequest { validate_only: true, ..apply(&[("shop.yaml", &broken)]) };
    is(&desk.calls.apply(request).await.expect_err("no such gift"), Code::FailedPrecondition, "CHECK_REFUSED");
}

#[tokio::test]
async fn nothing_is_removed_unless_it_is_to_be_pruned() {
    let mut desk = Desk::of(SALE).await;
    desk.write("{kind: promotion, id: idea, name: x, owner: pharma, item_price: {fixed: 1}}", "").await.expect("a draft");
    let (head, _) = SALE.split_once("---\nkind: promotion\nid: tea-3-1").expect("a promotion");
    let less = head.replace("{kind: store, id: books, name: 月読書房, minimum_order: 1000}", "");
    assert_eq!(desk.apply(&[("shop.yaml", &less)], false).await.expect("applied").changes, vec![]);
    let pruned = desk.apply(&[("shop.yaml", &less)], true).await.expect("applied");
    let expected = [
        ("books".to_owned(), v1::ChangeType::Removed, v1::DocumentState::Unspecified),
        ("idea".to_owned(), v1::ChangeType::Removed, v1::DocumentState::Unspecified),
        ("readers".to_owned(), v1::ChangeType::Removed, v1::DocumentState::Archived),
        ("tea-3-1".to_owned(), v1::ChangeType::Removed, v1::DocumentState::Archived),
    ];
    assert_eq!((pruned.revision, told(&pruned.changes)), (2, expected.to_vec()));
    assert_eq!(desk.apply(&[("shop.yaml", &less)], true).await.expect("applied").changes, vec![]);
}

#[tokio::test]
async fn files_that_are_drafts_leave_what_is_in_force() {
    let mut desk = Desk::of(SALE).await;
    let draft =
        "{kind: promotion, id: flash, name: y, owner: pharma, scope: {include: {skus: [mask-50]}}, item_price: {fixed: 800}}";
    let applied = desk.apply(&[("flash.yaml", draft)], false).await.expect("applied");
    assert_eq!((applied.revision, applied.changes.len()), (1, 1));
    assert!(applied.changes[0].draft && applied.changes[0].before.contains("980"), "{applied:?}");
    assert_eq!(desk.apply(&[("flash.yaml", draft)], false).await.expect("applied").changes, vec![]);
    // The files of what is in force do not touch it.
    assert_eq!(desk.apply(&[("shop.yaml", SALE)], false).await.expect("applied").changes, vec![]);
    assert_eq!(desk.publish("flash").await.expect("published"), 2);
    assert!(desk.get("flash").await.expect("a document").text.contains(r#""800""#));
}

#[tokio::test]
async fn an_older_revision_is_restored_by_a_new_one() {
    let mut desk = Desk::of(SALE).await;
    let changed = SALE.replace("fixed: 980", "fixed: 880").replace("name: 月読書房", "name: 別の書房");
    let new = "---\n{kind: promotion, id: later, name: x, owner: pharma, status: published, item_price: {fixed: 1}}\n";
    desk.apply(&[("shop.yaml", &(changed + new))], false).await.expect("applied");
    desk.archive("tea-3-1").await.expect("archived");
    desk.pause("store-300").await.expect("paused");

    let request = v1::RestoreRevisionRequest { number: 1, validate_only: true, change: None };
    let shown = desk.calls.restore_revision(request.clone()).await.expect("shown").into_inner();
    assert_eq!((shown.revision, shown.left_archived), (4, vec!["tea-3-1".to_owned()]));
    let expected = [
        ("books".to_owned(), v1::ChangeType::Changed, v1::DocumentState::Published),
        ("flash".to_owned(), v1::ChangeType::Changed, v1::DocumentState::Published),
        ("later".to_owned(), v1::ChangeType::Changed, v1::DocumentState::Paused),
        ("store-300".to_owned(), v1::ChangeType::Changed, v1::DocumentState::Published),
    ];
    assert_eq!(told(&shown.changes), expected);
    let change = v1::Change { request_id: "back".to_owned(), ..by("grace") };
    let request = v1::RestoreRevisionRequest { validate_only: false, change: Some(change), ..request };
    let done = desk.calls.restore_revision(request.clone()).await.expect("restored").into_inner();
    assert_eq!((done.revision, told(&done.changes)), (5, expected.to_vec()));
    assert!(desk.get("flash").await.expect("a document").text.contains(r#""980""#));
    let revision = desk.revision(5).await.expect("a revision");
    assert_eq!((revision.revision.expect("one").restores, told(&revision.changes)), (1, expected.to_vec()));
    // The same call again says the same, and nothing happens.
    let again = desk.calls.restore_revision(request).await.expect("an answer").into_inner();
    assert_eq!((again.revision, told(&again.changes)), (5, expected.to_vec()));
    let mut desk = desk.restarted().await;
    let old = v1::GetDocumentRequest { kind: v1::DocumentKind::Promotion.into(), id: "flash".to_owned(), revision: 2 };
    let old = desk.calls.get_document(old).await.expect("a document").into_inner().document.expect("one");
    assert!(old.text.contains(r#""880""#) && old.etag.is_empty(), "{old:?}");
}

#[tokio::test]
async fn lists_come_in_pages_of_one_state() {
    let mut desk = Desk::of(SALE).await;
    let many: Vec<String> = (0..30)
        .map(|n| format!("{{kind: promotion, id: p-{n:02}, name: x, owner: pharma, priority: {n}, status: published, item_price: {{amount_off: 1}}}}"))
        .collect();
    desk.apply(&[("many.yaml", &many.join("\n---\n"))], false).await.expect("applied");
    let request = v1::ListDocumentsRequest { kind: v1::DocumentKind::Promotion.into(), page_size: 10, ..Default::default() };
    let mut ids = Vec::new();
    let mut page = desk.calls.list_documents(request.clone()).await.expect("a page").into_inner();
    let first_token = page.next_page_token.clone();
    loop {
        ids.extend(page.documents.iter().map(|document| document.id.clone()));
        assert!(page.documents.iter().all(|document| document.text.is_empty() && document.promotion.is_some()));
        if page.next_page_token.is_empty() {
            break;
        }
        let next = v1::ListDocumentsRequest { page_token: page.next_page_token, ..request.clone() };
        page = desk.calls.list_documents(next).await.expect("a page").into_inner();
    }
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((ids.len(), &ids), (35, &sorted));

    let other = v1::ListDocumentsRequest { page_token: first_token.clone(), texts: true, ..request.clone() };
    is(&desk.calls.list_documents(other).await.expect_err("another question"), Code::InvalidArgument, "INVALID_FIELDS");
    for token in ["zz", "abc", "00", "é"] {
        let other = v1::ListDocumentsRequest { page_token: token.to_owned(), ..request.clone() };
        is(&desk.calls.list_documents(other).await.expect_err(token), Code::InvalidArgument, "INVALID_FIELDS");
    }
    desk.pause("p-07").await.expect("paused");
    let late = v1::ListDocumentsRequest { page_token: first_token, ..request.clone() };
    is(&desk.calls.list_documents(late).await.expect_err("it changed"), Code::Aborted, "ETAG");
    let paused = v1::ListDocumentsRequest { state: v1::DocumentState::Paused.into(), ..request };
    let paused = desk.calls.list_documents(paused).await.expect("a page").into_inner();
    assert_eq!((paused.documents.len(), paused.documents[0].id.as_str()), (1, "p-07"));
}
