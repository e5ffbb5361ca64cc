//! Do thousands of revisions cost no quote, and does every price name a revision that was?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokka_proto::v1;

use crate::desk::{Desk, by};
use crate::orders::{SALE, masks};

/// So many revisions are published under load: 1,000 with `TOKKA_REVISIONS=1000`.
fn revisions() -> i64 {
    std::env::var("TOKKA_REVISIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

fn flash_at(price: i64) -> String {
    format!(
        "{{kind: promotion, id: flash, name: x, owner: pharma, status: published, scope: {{include: {{skus: [mask-50]}}}}, item_price: {{fixed: {price}}}}}"
    )
}

/// Quotes and orders go on while prices are published as fast as they can be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_many_revisions_fails_no_quote_and_no_price_is_of_none() {
    let mut desk = Desk::of(SALE).await;
    // Without limits, so that a revision has one price.
    desk.apply(&[("flash.yaml", &flash_at(999))], false).await.expect("published");
    let (stop, quotes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut asking = tokio::task::JoinSet::new();
    for user in 0..2 {
        let (mut client, stop, quotes) = (desk.server.client.clone(), Arc::clone(&stop), Arc::clone(&quotes));
        asking.spawn(async move {
            let mut seen: BTreeMap<i64, i64> = BTreeMap::new();
            let mut newest = 0;
            for round in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let order = masks(&format!("r-{user}-{round}"), &format!("u-{user}-{round}"), 1);
                let quote = v1::QuoteRequest { basket: order.basket.clone(), ..Default::default() };
                let quote = client.quote(quote).await.expect("no quote fails").into_inner().quote.expect("a quote");
                let revision: i64 = quote.revision.parse().expect("a number");
                assert!(revision >= newest, "a later quote is of a later revision");
                newest = revision;
                assert_eq!(*seen.entry(revision).or_insert(quote.payable), quote.payable, "one revision, one price");
                quotes.fetch_add(1, Ordering::Relaxed);
                if round % 20 == 0 {
                    let held = client.reserve(order).await.expect("no order fails").into_inner().reservation.expect("one");
                    let revision: i64 = held.revision.parse().expect("a number");
                    assert_eq!(*seen.entry(revision).or_insert(held.payable), held.payable);
                    assert!(revision >= newest, "an order is not held on an older revision");
                }
            }
            seen
        });
    }
    let many = revisions();
    let mut prices = BTreeMap::from([(2, 999)]);
    for round in 0..many {
        let price = 500 + round % 400;
        let published = desk.apply(&[("flash.yaml", &flash_at(price))], false).await.expect("published");
        prices.insert(published.revision, price);
        assert_eq!(published.revision, round + 3);
    }
    stop.store(true, Ordering::Relaxed);
    let mut named = 0;
    while let Some(seen) = asking.join_next().await {
        for (revision, price) in seen.expect("no panic") {
            assert_eq!(prices.get(&revision), Some(&price), "revision {revision}");
            named += 1;
        }
    }
    let quoted = quotes.load(Ordering::Relaxed);
    println!("{many} revisions under {quoted} quotes, which name {named} of them");

    // All of them are there, beyond a page of them too.
    let mut token = String::new();
    let mut numbers = Vec::new();
    loop {
        let request = v1::ListRevisionsRequest { page_size: 64, page_token: token };
        let page = desk.calls.list_revisions(request).await.expect("a page").into_inner();
        numbers.extend(page.revisions.iter().map(|revision| revision.number));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(numbers, (1..=many + 2).rev().collect::<Vec<_>>());
}

/// Of a large catalogue, a publication rewrites its own part.
#[tokio::test]
async fn one_of_many_promotions_is_published_without_touching_the_others() {
    const MANY: usize = 2_000;
    let mut desk = Desk::of(SALE).await;
    let one = |n: usize| {
        format!(
            "{{kind: promotion, id: p-{n}, name: x, owner: pharma, status: published, scope: {{include: {{skus: [s-{n}]}}}}, item_price: {{fixed: 1}}}}"
        )
    };
    let text: Vec<String> = (0..MANY).map(one).collect();
    let applied = desk.apply(&[("many.yaml", &text.join("\n---\n"))], false).await.expect("applied");
    assert_eq!((applied.revision, applied.changes.len()), (2, MANY));
    let started = std::time::Instant::now();
    for n in 0..10 {
        desk.pause(&format!("p-{n}")).await.expect("paused");
    }
    println!("{MANY} promotions: one is paused in {:?}", started.elapsed() / 10);
    let revision = desk.revision(0).await.expect("a revision");
    assert_eq!((revision.revision.expect("one").number, revision.changes.len()), (12, 1));
    let started = std::time::Instant::now();
    let mut desk = desk.restarted().await;
    println!("a restart with them takes {:?}", started.elapsed());
    assert_eq!(desk.get("p-3").await.expect("a document").state(), v1::DocumentState::Paused);
    let request = v1::ListDocumentsRequest { page_size: 1_000, kind: v1::DocumentKind::Promotion.into(), ..Default::default() };
    assert_eq!(desk.calls.list_documents(request).await.expect("a page").into_inner().documents.len(), 1_000);
    let request = v1::RestoreRevisionRequest { number: 2, validate_only: false, change: Some(by("ada")) };
    assert_eq!(desk.calls.restore_revision(request).await.expect("restored").into_inner().changes.len(), 10);
}
