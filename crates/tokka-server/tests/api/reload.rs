//! Does the folder's last sound state hold, whatever is written into it?
//!
//! These tests wait until the server says that it looked, however long that takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokka_server::{CatalogueState, Config, ServeError, serve};

use crate::running::{Running, SHOP, masks};

/// The shop with another flash price.
fn shop_with_flash_at(price: i64) -> String {
    SHOP.replace("fixed: 980", &format!("fixed: {price}"))
}

async fn until(server: &mut Running, holds: impl FnMut(&CatalogueState) -> bool) -> CatalogueState {
    server.catalogue.wait_for(holds).await.expect("a server").clone()
}

#[tokio::test]
async fn a_changed_file_is_the_next_revision() {
    let mut server = Running::shop().await;
    let before = server.quote(masks()).await.expect("a price");
    server.write("catalogue.yaml", &shop_with_flash_at(900));
    let state = until(&mut server, |state| state.revision.starts_with("2-")).await;
    let after = server.quote(masks()).await.expect("a price");
    assert_eq!(after.revision, state.revision);
    assert_eq!(before.payable - after.payable, 160);
    assert_ne!(before.fingerprint, after.fingerprint);
}

#[tokio::test]
async fn a_new_file_and_a_removed_one_count_too() {
    let mut server = Running::shop().await;
    let extra = "{kind: promotion, id: extra, name: x, owner: books, status: published, item_price: {amount_off: 10}}";
    let promotions = server.catalogue.borrow().promotions;
    std::fs::create_dir(server.folder.path().join("more")).expect("a folder");
    server.write("more/extra.yaml", extra);
    until(&mut server, |state| state.promotions == promotions + 1).await;
    std::fs::remove_file(server.folder.path().join("more/extra.yaml")).expect("removed");
    let state = until(&mut server, |state| state.promotions == promotions).await;
    assert!(state.revision.starts_with("3-"), "{}", state.revision);
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_revision_until_it_is_mended() {
    let mut server = Running::shop().await;
    let before = server.quote(masks()).await.expect("a price");
    let broken = SHOP.replace("item_price:", "item_prize:");
    server.write("catalogue.yaml", &broken);
    let state = until(&mut server, |state| !state.refused.is_empty()).await;
    let why = state.refused.iter().find(|problem| problem.contains("item_prize")).expect("the field is named");
    assert!(why.contains("catalogue.yaml:") && why.contains("item_price"), "{why}");
    assert_eq!(state.revision, before.revision);
    assert_eq!(server.quote(masks()).await.expect("a price"), before);

    server.write("catalogue.yaml", &shop_with_flash_at(900));
    let state = until(&mut server, |state| state.refused.is_empty()).await;
    // A refused state of the folder takes no number.
    assert!(state.revision.starts_with("2-"), "{}", state.revision);
    assert_eq!(server.quote(masks()).await.expect("a price").payable, before.payable - 160);
}

#[tokio::test]
async fn a_change_that_is_taken_back_is_no_revision() {
    let mut server = Running::shop().await;
    let first = server.catalogue.borrow().revision.clone();
    server.write("catalogue.yaml", "kind: nonsense");
    until(&mut server, |state| !state.refused.is_empty()).await;
    server.write("catalogue.yaml", SHOP);
    assert_eq!(until(&mut server, |state| state.refused.is_empty()).await.revision, first);
}

/// Callers go on asking while the folder changes under them.
#[tokio::test]
async fn every_quote_is_wholly_of_the_revision_that_it_names() {
    let mut server = Running::shop().await;
    let mut client = server.client.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let asking = tokio::spawn(async move {
        let mut prices: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        while !stopped.load(Ordering::Relaxed) {
            let answer = client.quote(masks()).await.expect("a price").into_inner();
            let quote = answer.quote.expect("a quote");
            prices.entry(quote.revision).or_default().insert(quote.payable);
        }
        prices
    });
    // Two masks of three are cheaper by what the flash price takes off 1,280, and the coupon takes 300.
    let payable = |price: i64| 3 * 1280 - 2 * (1280 - price) - 300;
    let mut expected = BTreeMap::from([(server.catalogue.borrow().revision.clone(), payable(980))]);
    for (number, price) in (2..).zip([900, 1100, 980, 1000]) {
        server.write("catalogue.yaml", &shop_with_flash_at(price));
        let revision = until(&mut server, |state| state.revision.starts_with(&format!("{number}-"))).await.revision;
        assert_eq!(server.quote(masks()).await.expect("a price").payable, payable(price));
        expected.insert(revision, payable(price));
    }
    stop.store(true, Ordering::Relaxed);
    for (revision, payables) in asking.await.expect("no panic") {
        assert_eq!(payables, BTreeSet::from([expected[&revision]]), "revision {revision}");
    }
}

#[tokio::test]
async fn an_offer_that_stays_the_same_keeps_its_fingerprint() {
    let mut server = Running::shop().await;
    let before = server.quote(masks()).await.expect("a price");
    server.write("catalogue.yaml", &SHOP.replace("name: ランプ,", "name: 新しいランプ,"));
    until(&mut server, |state| state.revision.starts_with("2-")).await;
    let after = server.quote(masks()).await.expect("a price");
    assert_ne!(before.revision, after.revision);
    assert_eq!(before.fingerprint, after.fingerprint);
}

/// The system's notification alone: a poll would be an hour away.
#[tokio::test]
async fn a_change_is_told_of() {
    let mut server = Running::of(SHOP, |config| config.catalogue_poll = Duration::from_secs(3600)).await;
    for (price, revision) in [(900, "2-"), (901, "3-")] {
        server.write("catalogue.yaml", &shop_with_flash_at(price));
        until(&mut server, |state| state.revision.starts_with(revision)).await;
    }
}

#[tokio::test]
async fn a_folder_with_errors_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.yaml"), SHOP.replace("threshold: 5000", "threshold: 0")).expect("a file");
    std::fs::write(folder.path().join("b.yaml"), "{kind: shop, id: x}").expect("a file");
    let mut config = Config::new(([127, 0, 0, 1], 0).into(), folder.path());
    config.data_dir = folder.path().join(".data");
    let error = serve(config, std::future::pending(), |_| panic!("it started")).await.expect_err("errors");
    let ServeError::Catalogue(problems) = &error else { panic!("{error}") };
    assert!(problems.len() >= 2, "{problems}");
    let text = error.to_string();
    assert!(text.contains("a.yaml") && text.contains("b.yaml"), "{text}");
}
