//! Does the right amount go back, once, and is what came back for sale again?

use tokka_proto::v1;
use tonic::Code;

use crate::orders::{SALE, all, gift, is, masks, order, part, rich};
use crate::running::{Running, line};

const POLICIES: [v1::RefundPolicy; 2] = [v1::RefundPolicy::Proportional, v1::RefundPolicy::Clawback];

fn under(policy: v1::RefundPolicy, request: v1::ReserveRequest) -> v1::ReserveRequest {
    v1::ReserveRequest { refund_policy: policy.into(), ..request }
}

fn sku(sku: &str, quantity: i64) -> v1::ReceivedUnits {
    v1::ReceivedUnits { what: Some(v1::received_units::What::Sku(sku.to_owned())), quantity }
}

fn restored(refund: &v1::Refund) -> Vec<(v1::CounterKind, i64)> {
    let one = |amount: &v1::CounterAmount| (amount.counter.as_ref().expect("a counter").kind(), amount.amount);
    let mut restored: Vec<_> = refund.restored.iter().map(one).collect();
    restored.sort();
    restored
}

#[tokio::test]
async fn parts_add_up_to_what_was_paid_under_both_policies() {
    for policy in POLICIES {
        let mut server = Running::sale().await;
        server.paid(under(policy, rich("r-1", "u-1"))).await;
        let mut back = 0;
        for (number, lines) in [&[("b", 1)][..], &[("a", 1), ("b", 1)], &[("b", 2)], &[("a", 1)]].into_iter().enumerate() {
            let request = part("r-1", "u-1", &format!("b-{number}"), lines);
            // What is previewed is what happens, and a preview changes nothing.
            let preview = v1::RollbackRequest { validate_only: true, rollback_id: String::new(), ..request.clone() };
            let (previewed, unchanged) = server.refund(preview).await;
            assert_eq!(unchanged.refunded, back);
            let (refund, head) = server.refund(request.clone()).await;
            assert_eq!(refund, previewed, "{policy:?}");
            back += refund.amount;
            assert_eq!((head.refunded, head.kept), (back, 4760 - back), "{policy:?}");
            // Repeated: the same answer, and no unit goes back twice.
            let (again, _) = server.refund(request).await;
            assert_eq!(again, refund);
            server = server.restarted().await;
            let got = server.get("r-1", "u-1").await.expect("a reservation");
            assert_eq!(got.rollbacks.len(), number + 1);
            assert_eq!(got.rollbacks.last().and_then(|step| step.refund.clone()), Some(refund));
            assert_eq!(got.left.iter().map(|line| line.payable).sum::<i64>(), 4760 - back, "{policy:?}");
        }
        let got = server.get("r-1", "u-1").await.expect("a reservation");
        let head = got.reservation.expect("a head");
        assert_eq!((back, head.state()), (4760, v1::ReservationState::RolledBack), "{policy:?}");
        // Everything is back but the tote bag, which the customer still has.
        for claim in &got.claims {
            let kind = claim.counter.as_ref().expect("a counter").kind();
            assert_eq!(claim.holding, i64::from(kind == v1::CounterKind::GiftInventory), "{policy:?} {claim:?}");
        }
        assert_eq!(server.flash_left().await, 10);
        let returned = v1::RollbackRequest { all: false, received: vec![gift("tote-bag", 1)], ..all("r-1", "u-1", "b-9") };
        let (refund, _) = server.refund(returned).await;
        assert_eq!((refund.amount, restored(&refund)), (0, vec![(v1::CounterKind::GiftInventory, 1)]));
        let got = server.get("r-1", "u-1").await.expect("a reservation");
        assert!(got.claims.iter().all(|claim| claim.holding == 0), "{policy:?}");
    }
}

#[tokio::test]
async fn all_and_by_store_go_back_as_by_units() {
    let lines = || {
        vec![line("n", "novel", "books", 2, 700), line("a", "mask-50", "pharma", 2, 1280), line("m", "novel", "books", 1, 700)]
    };
    let mut server = Running::sale().await;
    server.paid(order("r-1", "u-1", lines())).await;
    let stores = |stores: &[&str], rollback_id: &str| v1::RollbackRequest {
        all: false,
        stores: stores.iter().map(|store| (*store).to_owned()).collect(),
        ..all("r-1", "u-1", rollback_id)
    };
    server.refund(part("r-1", "u-1", "b-1", &[("n", 1)])).await;
    let (refund, head) = server.refund(stores(&["books"], "b-2")).await;
    assert_eq!((refund.amount, head.state()), (1400, v1::ReservationState::Committed));
    let nothing = server.rollback(stores(&["books"], "b-3")).await.expect_err("all of it is back");
    is(&nothing, Code::InvalidArgument, "INVALID_FIELDS");
    let (refund, head) = server.refund(all("r-1", "u-1", "b-4")).await;
    assert_eq!((refund.amount, head.refunded, head.state()), (1960, 4060, v1::ReservationState::RolledBack));
    is(&server.rollback(all("r-1", "u-1", "b-5")).await.expect_err("nothing left"), Code::FailedPrecondition, "ROLLED_BACK");
    // The refund of each id stays what it was.
    assert_eq!(server.refund(all("r-1", "u-1", "b-4")).await.0, refund);
}

#[tokio::test]
async fn a_rollback_id_stands_for_one_request() {
    let mut server = Running::sale().await;
    server.paid(masks("r-1", "u-1", 3)).await;
    server.refund(part("r-1", "u-1", "b-1", &[("a", 1)])).await;
    for other in [part("r-1", "u-1", "b-1", &[("a", 2)]), all("r-1", "u-1", "b-1")] {
        is(&server.rollback(other).await.expect_err("another request"), Code::AlreadyExists, "ID_TAKEN");
    }
    let stale = v1::RollbackRequest { version: Some(2), ..part("r-1", "u-1", "b-2", &[("a", 1)]) };
    is(&server.rollback(stale.clone()).await.expect_err("moved on"), Code::Aborted, "VERSION_MOVED");
    let (refund, head) = server.refund(v1::RollbackRequest { version: Some(3), ..stale }).await;
    assert_eq!((refund.amount, head.version), (980, 4));
}

#[tokio::test]
async fn what_cannot_go_back_is_refused_and_nothing_happens() {
    let mut server = Running::sale().await;
    server.hold(masks("r-1", "u-1", 3)).await;
    let early = server.rollback(part("r-1", "u-1", "b-1", &[("a", 1)])).await.expect_err("not paid");
    is(&early, Code::FailedPrecondition, "NOT_COMMITTED");
    server.commit("r-1", "u-1").await.expect("paid");
    let nothing = v1::RollbackRequest { all: false, ..all("r-1", "u-1", "b-1") };
    let both = v1::RollbackRequest { all: true, ..part("r-1", "u-1", "b-1", &[("a", 1)]) };
    let gifts = v1::RollbackRequest { received: vec![gift("tote-bag", 1)], ..part("r-1", "u-1", "b-1", &[("a", 1)]) };
    for wrong in [
        part("r-1", "u-1", "b-1", &[("a", 4)]),
        part("r-1", "u-1", "b-1", &[("a", 2), ("a", 2)]),
        part("r-1", "u-1", "b-1", &[("a", 0)]),
        part("r-1", "u-1", "b-1", &[("z", 1)]),
        part("r-1", "u-1", "", &[("a", 1)]),
        nothing,
        both,
        gifts,
    ] {
        is(&server.rollback(wrong).await.expect_err("refused"), Code::InvalidArgument, "INVALID_FIELDS");
    }
    let unknown = server.rollback(part("r-2", "u-1", "b-1", &[("a", 1)])).await.expect_err("unknown");
    is(&unknown, Code::NotFound, "RESERVATION_NOT_FOUND");
    let got = server.get("r-1", "u-1").await.expect("a reservation");
    assert_eq!((got.rollbacks.len(), got.left[0].units, got.left[0].refundable), (0, 3, 2940));
}

#[tokio::test]
async fn of_two_part_refunds_at_once_each_is_computed_from_what_the_other_left() {
    for policy in POLICIES {
        let mut server = Running::sale().await;
        server.paid(under(policy, rich("r-1", "u-1"))).await;
        let calls: Vec<_> = (0..4)
            .map(|number| {
                let mut client = server.client.clone();
                let request = part("r-1", "u-1", &format!("b-{number}"), &[("b", 1)]);
                tokio::spawn(async move { client.rollback(request).await.expect("a refund").into_inner() })
            })
            .collect();
        let mut sum = 0;
        for call in calls {
            sum += call.await.expect("no panic").refund.expect("a refund").amount;
        }
        let head = server.get("r-1", "u-1").await.expect("a reservation").reservation.expect("a head");
        assert_eq!((head.refunded, head.version), (sum, 6), "{policy:?}");
        // Of five at once for the last two masks, two happen.
        let calls: Vec<_> = (0..5)
            .map(|number| {
                let mut client = server.client.clone();
                let request = part("r-1", "u-1", &format!("c-{number}"), &[("a", 1)]);
                tokio::spawn(async move { client.rollback(request).await.map(|answer| answer.into_inner()) })
            })
            .collect();
        let mut happened = 0;
        for call in calls {
            happened += i32::from(call.await.expect("no panic").is_ok());
        }
        let head = server.get("r-1", "u-1").await.expect("a reservation").reservation.expect("a head");
        assert_eq!((happened, head.refunded, head.state()), (2, 4760, v1::ReservationState::RolledBack), "{policy:?}");
    }
}

#[tokio::test]
async fn clawback_prices_as_it_was_whatever_the_catalogue_says_by_then() {
    let mut server = Running::sale().await;
    server.paid(under(v1::RefundPolicy::Clawback, rich("r-1", "u-1"))).await;
    let preview = v1::RollbackRequest { validate_only: true, ..part("r-1", "u-1", "b-1", &[("b", 1)]) };
    let (before, _) = server.refund(preview.clone()).await;
    // 2 masks and 3 packs are 4,660: without the 500, with the 300, so 400 of 4,760 go back, and the tote bag should.
    assert_eq!((before.amount, before.waived), (400, 0));
    assert_eq!(before.to_return[0].what, Some(v1::to_return::What::Gift("tote-bag".to_owned())));
    server.write("catalogue.yaml", &SALE.replace("amount_off: 500", "amount_off: 1").replace("fixed: 980", "fixed: 1"));
    server.catalogue.wait_for(|state| state.revision.starts_with("2-")).await.expect("a new revision");
    assert_eq!(server.refund(preview.clone()).await.0, before);
    let mut server = server.restarted().await;
    assert_eq!(server.refund(preview).await.0, before);
    let (refund, _) = server.refund(part("r-1", "u-1", "b-1", &[("b", 1)])).await;
    assert_eq!(refund, before);
}

#[tokio::test]
async fn free_pieces_are_for_sale_again_when_they_come_back() {
    for policy in POLICIES {
        let mut server = Running::sale().await;
        let held = server.paid(under(policy, order("r-1", "u-1", vec![line("t", "tea", "pharma", 6, 500)]))).await;
        assert_eq!(held.payable, 3000);
        let claims = server.get("r-1", "u-1").await.expect("a reservation").claims;
        assert_eq!(claims[0].amount, 2, "two on top");
        let (refund, head) = server.refund(all("r-1", "u-1", "b-1")).await;
        assert_eq!(
            (refund.amount, head.state(), refund.restored.len()),
            (3000, v1::ReservationState::RolledBack, 0),
            "{policy:?}"
        );
        assert_eq!(refund.to_return.iter().map(|entry| entry.quantity).sum::<i64>(), 2, "{policy:?}");
        let came = |quantity, id: &str| v1::RollbackRequest {
            all: false,
            received: vec![sku("tea", quantity)],
            ..all("r-1", "u-1", id)
        };
        let too_many = server.rollback(came(3, "b-2")).await.expect_err("three of two");
        is(&too_many, Code::InvalidArgument, "INVALID_FIELDS");
        for id in ["b-2", "b-3"] {
            let (refund, _) = server.refund(came(1, id)).await;
            assert_eq!(restored(&refund), [(v1::CounterKind::Stock, 1)], "{policy:?}");
        }
        is(&server.rollback(came(1, "b-4")).await.expect_err("both are back"), Code::InvalidArgument, "INVALID_FIELDS");
        let claims = server.get("r-1", "u-1").await.expect("a reservation").claims;
        assert_eq!(claims[0].holding, 0, "{policy:?}");
    }
}

#[tokio::test]
async fn gifts_that_come_with_the_units_are_for_sale_again_at_once() {
    let mut server = Running::sale().await;
    server.paid(rich("r-1", "u-1")).await;
    let with_gift = v1::RollbackRequest { received: vec![gift("tote-bag", 1)], ..all("r-1", "u-1", "b-1") };
    let (refund, head) = server.refund(with_gift).await;
    assert_eq!((refund.amount, head.state()), (4760, v1::ReservationState::RolledBack));
    assert!(restored(&refund).contains(&(v1::CounterKind::GiftInventory, 1)), "{refund:?}");
    let claims = server.get("r-1", "u-1").await.expect("a reservation").claims;
    assert!(claims.iter().all(|claim| claim.holding == 0), "{claims:?}");
}

#[tokio::test]
async fn what_was_never_paid_brings_no_money_back() {
    for policy in POLICIES {
        let mut server = Running::sale().await;
        server.hold(under(policy, rich("r-1", "u-1"))).await;
        let left = server.get("r-1", "u-1").await.expect("a reservation").left;
        assert!(left.iter().all(|line| line.refundable == 0 && line.units > 0), "{left:?}");
        let second = Some(prost_types::Duration { seconds: 1, nanos: 0 });
        server.hold(v1::ReserveRequest { hold_for: second, ..under(policy, masks("r-2", "u-2", 2)) }).await;
        while server.get("r-2", "u-2").await.expect("a reservation").reservation.expect("a head").version == 1 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        for (id, user, given_back) in [("r-1", "u-1", 6), ("r-2", "u-2", 0)] {
            let preview = v1::RollbackRequest { validate_only: true, ..all(id, user, "b-1") };
            let previewed = server.rollback(preview).await.expect("a preview").refund.expect("a refund");
            let answer = server.rollback(all(id, user, "b-1")).await.expect("a rollback");
            let (refund, head) = (answer.refund.expect("a refund"), answer.reservation.expect("a reservation"));
            assert_eq!((refund.amount, refund.waived, refund.lines.len(), refund.to_return.len()), (0, 0, 0, 0), "{policy:?}");
            assert_eq!((refund.restored.len(), &previewed), (given_back, &refund), "{policy:?}");
            assert_eq!((head.state(), head.refunded, head.kept), (v1::ReservationState::RolledBack, 0, 0), "{policy:?}");
            let got = server.get(id, user).await.expect("a reservation");
            assert!(got.claims.iter().all(|claim| claim.holding == 0), "{policy:?}");
            assert_eq!((got.reservation, got.rollbacks[0].refund.as_ref()), (Some(head), Some(&refund)));
        }
        assert_eq!(server.flash_left().await, 10);
    }
}

#[tokio::test]
async fn a_receipt_is_good_however_long_its_record_is() {
    let mut server = Running::sale().await;
    let id = |number: usize| format!("{}{number}", "L".repeat(120));
    let lines = (0..1000).map(|number| line(&id(number), "novel", "books", 99, 700)).collect();
    let mut receipt = server.paid(order("r-1", "u-1", lines)).await.receipt;
    // Each step adds a quarter of a megabyte to the record, which is much the same as the step before.
    let lines: Vec<_> = (0..1000).map(|number| v1::LineUnits { line_id: id(number), units: 1 }).collect();
    let mut given = 0;
    for number in 0..6 {
        let request = v1::RollbackRequest { all: false, lines: lines.clone(), ..all("r-1", "u-1", &format!("b-{number}")) };
        let request = v1::RollbackRequest { reservation_id: String::new(), user: None, receipt: receipt.clone(), ..request };
        receipt = server.refund(request).await.1.receipt;
        if receipt.is_empty() {
            break;
        }
        assert!(receipt.len() <= 64 << 10);
        given += 1;
    }
    assert!(given >= 5, "the receipt is empty after {given} steps");
}
