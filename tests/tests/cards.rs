//! Does a card show the price that a quote of one piece alone has? Over random catalogues, many products in one pass.

use tokka_tests::generate::{Shape, case};
use tokka_tests::shelf::{is_sold_out, shown};
use tokka_tests::{cases, first_seed, proof};

#[test]
fn a_card_shows_what_a_quote_of_one_piece_alone_says() {
    let (mut cards, mut cheaper, mut sold_out, mut tiers) = (0, 0, 0, 0);
    for seed in first_seed()..first_seed() + cases(3_000) {
        let case = case(seed, Shape::SMALL);
        if case.catalogue().is_err() || case.basket().is_err() {
            continue;
        }
        for (line, shown) in case.request.lines.iter().zip(shown(&case).unwrap()) {
            let card = &shown.card;
            let place = format!("seed {seed}, line {}: {shown:#?}", line.line_id);
            cards += 1;
            assert_eq!(card.price.get(), shown.price, "the price, {place}");
            assert_eq!(card.from, shown.from, "from, {place}");
            let applies = card.promotion.as_ref().filter(|shown| shown.why_not.is_none());
            assert_eq!(applies.map(|shown| shown.promotion), shown.applied, "the promotion, {place}");
            assert!(card.original_price.is_none_or(|original| original > card.price), "{place}");
            if card.sold_out {
                let promotion = card.promotion.as_ref().unwrap().promotion;
                assert!(is_sold_out(&shown.outcomes, promotion), "sold out, {place}");
                assert_eq!(shown.price, line.unit_price, "{place}");
            }
            cheaper += u64::from(shown.price < line.unit_price);
            sold_out += u64::from(card.sold_out);
            tiers += u64::from(card.from.is_some());
        }
    }
    assert!(
        cheaper > 100 && sold_out > 30 && tiers > 100,
        "{cards} cards: {cheaper} cheaper, {sold_out} sold out, {tiers} tiers"
    );
    proof("cards as quoted", cards, first_seed());
}
