//! Do the tables say what the messages say? On an order that was worked out by hand.

use tokka_client::v1;

use super::Shown;

/// Three masks, of which one went back: 3,546 + 1,194 = 4,740, of which 1,158 was refunded.
fn order() -> v1::GetReservationResponse {
    let line = |line_id: &str, gross, payable, runs: &[(i64, i64)]| v1::LinePrice {
        line_id: line_id.to_owned(),
        gross,
        discounts: Some(v1::StageAmounts { item: gross - payable, ..Default::default() }),
        payable,
        runs: runs.iter().map(|(count, payable)| v1::Run { count: *count, payable: *payable }).collect(),
        ..Default::default()
    };
    let quote = v1::Quote {
        currency: "USD".to_owned(),
        payable: 474_000,
        gross: 584_000,
        discounts: Some(v1::StageAmounts { item: 110_000, ..Default::default() }),
        lines: vec![line("a", 384_000, 293_100, &[(2, 88_650), (1, 115_800)]), line("b", 200_000, 180_900, &[(1, 180_900)])],
        ..Default::default()
    };
    let units = v1::Counter {
        kind: v1::CounterKind::UnitsPerUser.into(),
        promotion: "flash".to_owned(),
        period: "2026-11-11".to_owned(),
        ..Default::default()
    };
    let refund = v1::Refund {
        amount: 115_800,
        lines: vec![v1::LineRefund { line_id: "a".to_owned(), amount: 115_800 }],
        restored: vec![v1::CounterAmount { counter: Some(units.clone()), amount: 1 }],
        to_return: vec![v1::ToReturn {
            promotion: "autumn".to_owned(),
            what: Some(v1::to_return::What::Gift("tote".to_owned())),
            line_id: String::new(),
            quantity: 1,
        }],
        ..Default::default()
    };
    v1::GetReservationResponse {
        reservation: Some(v1::Reservation {
            reservation_id: "r".to_owned(),
            user: Some("u1".to_owned()),
            state: v1::ReservationState::Committed.into(),
            version: 3,
            payable: 474_000,
            refunded: 115_800,
            kept: 358_200,
            currency: "USD".to_owned(),
            order: Some(v1::OrderReference { order_id: Some("o-1".to_owned()), ..Default::default() }),
            ..Default::default()
        }),
        quote: Some(quote),
        left: vec![
            v1::LineLeft { line_id: "a".to_owned(), units: 2, payable: 177_300, refundable: 177_300 },
            v1::LineLeft { line_id: "b".to_owned(), units: 1, payable: 180_900, refundable: 180_900 },
        ],
        rollbacks: vec![v1::RollbackStep {
            rollback_id: "back-1".to_owned(),
            version: 3,
            at: Some(prost_types::Timestamp { seconds: 1_794_355_200, nanos: 0 }),
            refund: Some(refund),
            lines: vec![v1::LineUnits { line_id: "a".to_owned(), units: 1 }],
            received: Vec::new(),
        }],
        claims: vec![v1::Claim { counter: Some(units), amount: 2, limit: 2, holding: 1 }],
    }
}

#[track_caller]
fn says(text: &str, words: &str) {
    assert!(text.contains(words), "no `{words}` in\n{text}");
}

#[test]
fn an_order_is_told_in_major_units_and_adds_up() {
    let answer = order();
    let text = Shown::of("USD").whole(answer.reservation.as_ref().unwrap(), &answer);
    for words in [
        "reservation r of customer u1: COMMITTED (paid, and returned in part) · order o-1",
        "refunded 1,158.00 + kept 3,582.00 = paid 4,740.00 USD",
        "flash: the customer's pieces since 2026-11-11",
        "back-1    2026-11-11 00:00:00 UTC  a × 1  1,158.00",
        "returns 1,158.00 = refunded 1,158.00",
        "lines 4,740.00 = quote 4,740.00 = payable 4,740.00",
    ] {
        says(&text, words);
    }
    assert!(!text.contains("DOES NOT"), "{text}");
    let row = text.lines().find(|line| line.starts_with("a ")).unwrap();
    let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells, ["a", "3", "3,840.00", "-909.00", "2,931.00", "2 × 886.50", "2", "1,773.00", "1,773.00"]);
}

#[test]
fn one_minor_unit_too_many_is_seen() {
    let broken = |change: fn(&mut v1::GetReservationResponse)| {
        let mut answer = order();
        change(&mut answer);
        let reservation = answer.reservation.clone().unwrap();
        says(&Shown::of("USD").whole(&reservation, &answer), "DOES NOT ADD UP");
    };
    broken(|answer| answer.reservation.as_mut().unwrap().kept += 1);
    broken(|answer| answer.rollbacks[0].refund.as_mut().unwrap().amount += 1);
    broken(|answer| answer.quote.as_mut().unwrap().lines[0].payable += 1);
}

#[test]
fn a_refund_says_what_it_is_made_of() {
    let answer = order();
    let refund = answer.rollbacks[0].refund.clone();
    let request = v1::RollbackRequest { reservation_id: "r".to_owned(), rollback_id: "back-1".to_owned(), ..Default::default() };
    let rolled = v1::RollbackResponse { refund, reservation: answer.reservation, unknown: false };
    let text = Shown::of("USD").refunded(&request, &rolled);
    for words in ["1,158.00 USD refunded, rollback back-1\n", "gift tote", "FOR SALE AGAIN", "= paid 4,740.00 USD"] {
        says(&text, words);
    }
    let preview = v1::RollbackRequest { rollback_id: String::new(), validate_only: true, ..request.clone() };
    says(&Shown::of("USD").refunded(&preview, &rolled), "1,158.00 USD would be refunded; nothing has changed\n");
    let unknown = v1::RollbackResponse { unknown: true, ..Default::default() };
    says(&Shown::of("").refunded(&request, &unknown), "reservation r was never seen");
}

#[test]
fn a_currency_that_nobody_knows_is_shown_in_minor_units() {
    assert_eq!(Shown::of("QQQ").price(123_456), "123,456 QQQ");
    assert_eq!(Shown::of("JPY").price(123_456), "123,456 JPY");
    assert_eq!(Shown::of("USD").price(123_456), "1,234.56 USD");
}
