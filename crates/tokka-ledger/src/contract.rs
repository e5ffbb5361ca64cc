//! Does a back end keep the ledger's promises? The contract as tests: one line a back end (`ledger_contract!`), one
//! named test a promise.
//!
//! A test opens a store of its own and speaks to it through the trait alone, so that it knows nothing of how a back end
//! keeps time or files: a hold that must be due is made with a deadline that has passed.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "these are tests, compiled outside of `cfg(test)` only so that other crates can run them; their names say what they show"
)]

use std::fmt::Debug;
use std::time::Duration;

use crate::ledger::{Ledger, LedgerError};
use crate::model::{
    Claim, Committed, Cursor, Document, Event, Events, Extent, Hold, IfExpired, Portion, Record, Reserved, Rollback, RolledBack,
    Transition,
};
use crate::name::Name;

pub mod admitting;
pub mod aging;
pub mod holding;
pub mod one_place;
pub mod reading;
pub mod returning;
pub mod settling;
pub mod staying;

/// The whole contract, one test a promise. `$open` is an `async fn(Settings) -> (impl Ledger, impl Any)`: a new, empty
/// store, and what must outlive it (a directory). Where customers are divided into several shards, nothing looks into
/// another customer's, so that an id that two of them use stands for a record of each.
#[macro_export]
macro_rules! ledger_contract {
    ($open:path) => {
        $crate::ledger_contract!($open, several shards);
        $crate::ledger_contract!(@area $open, $crate::contract::RETENTION, one_place:
            an_id_belongs_to_the_shard_key_that_reserved_it
            another_customers_record_is_not_found
        );
    };
    ($open:path, several shards) => {
        $crate::ledger_contract!(@area $open, $crate::contract::RETENTION, holding:
            every_claim_is_taken
            a_limit_is_reached_exactly
            a_refusal_lists_every_counter_that_refused_and_takes_nothing
            a_refusal_is_not_remembered
            a_refusal_counts_what_others_hold
            raising_a_limit_needs_no_write_to_the_counter
            usage_above_a_lowered_limit_stays_and_refuses
            the_same_request_again_has_the_first_answer_and_no_effect
            the_same_request_again_shows_the_present_state
            the_same_id_with_another_request_is_a_conflict
            an_expired_id_is_never_held_again
            a_rolled_back_id_is_never_held_again
            a_hold_without_claims_is_a_hold
            malformed_holds_are_refused_and_count_nothing
            fifty_buyers_race_for_ten_units
            a_request_sent_many_times_at_once_is_held_once
            taking_settles_and_writes_documents_in_one_step
            a_refused_taking_writes_nothing
            replacing_releases_and_takes_in_one_step
            a_refused_replacement_changes_nothing
            only_a_held_reservation_of_the_same_customer_is_replaced
            a_replacement_sent_again_has_the_first_answer
            nothing_replaces_itself
        );
        $crate::ledger_contract!(@area $open, $crate::contract::RETENTION, settling:
            a_commit_happens_once_and_answers_again
            a_note_is_kept_by_the_call_that_commits_and_no_other
            a_note_comes_with_a_late_payment_and_stays
            a_hold_past_its_deadline_is_committed_as_long_as_nobody_expired_it
            a_late_payment_takes_its_claims_again
            a_late_payment_that_does_not_fit_is_refused_with_the_counters
            a_late_payment_meets_the_newest_limits
            a_late_payment_is_refused_where_that_was_asked_for
            a_rolled_back_reservation_is_not_committed
            an_unknown_reservation_is_not_committed
            documents_come_with_the_commit_not_with_the_hold
            extending_moves_the_deadline_later_only
            only_a_held_reservation_is_extended
            expiry_takes_due_holds_alone
            expiry_takes_each_hold_once
            expiry_is_bounded_and_takes_the_oldest_first
            an_extended_hold_is_not_due
            two_sweepers_at_once_expire_each_hold_once
        );
        $crate::ledger_contract!(@area $open, $crate::contract::RETENTION, returning:
            a_whole_rollback_gives_everything_back
            a_whole_rollback_after_payment_removes_the_documents
            a_whole_rollback_of_an_expired_hold_gives_nothing_back_twice
            parts_go_back_after_payment_and_add_up
            a_part_before_payment_is_refused
            a_part_of_an_expired_hold_is_refused
            more_than_is_held_is_refused_whole
            what_stays_out_comes_back_later
            a_repeated_refund_has_its_stored_answer
            parts_are_bounded_and_the_rest_still_goes_back_whole
            what_is_kept_of_parts_is_bounded_in_bytes
            a_refund_id_with_other_content_is_a_conflict
            two_part_refunds_at_once_one_computes_again
            a_stale_version_is_refused_also_for_a_whole_rollback
            a_part_names_its_version
            the_new_payload_is_written_in_the_same_step
            a_second_whole_rollback_finds_the_end
            a_cancellation_that_overtakes_its_reserve_leaves_no_hold_to_make
            a_repeated_overtaking_cancellation_has_its_first_answer
            a_part_of_an_unknown_id_is_not_found_and_leaves_nothing
            a_version_of_an_unknown_id_is_not_found_and_leaves_nothing
        );
        $crate::ledger_contract!(@area $open, $crate::contract::RETENTION, reading:
            a_counter_never_seen_is_zero
            usage_answers_in_the_order_asked
            open_orders_of_a_customer_are_added_up_by_counter
            what_is_no_longer_held_is_no_longer_open
            an_unknown_record_is_none
            documents_are_written_only_over_the_version_that_was_read
            every_transition_is_one_entry_with_what_it_moved
            refusals_and_repetitions_log_nothing
            the_log_adds_up_to_the_counters
            a_cursor_goes_on_where_it_stopped
            an_event_shows_the_record
            an_event_tells_what_was_answered_to_the_return_that_made_it_and_to_no_other
            a_bite_of_the_log_is_bounded_in_bytes
            entries_wait_for_registered_readers
            a_reader_too_far_behind_is_told
            a_cursor_that_is_none_is_refused
            a_reader_never_goes_back
            the_clock_never_goes_back
            counters_are_what_records_hold
            a_record_says_where_its_last_transition_stands
            the_place_is_in_the_answer_and_in_the_store
            an_audit_counts_what_there_is
        );
        $crate::ledger_contract!(@area $open, ::std::time::Duration::ZERO, aging:
            what_has_rested_for_long_enough_goes
            what_is_held_never_goes
            an_order_rests_from_its_deadline_if_that_is_later
            the_oldest_go_first_and_in_bounded_bites
            what_aged_stays_used_and_is_no_longer_held
            an_aged_id_is_unknown
            the_log_says_nothing_of_aging_and_keeps_what_it_told
            documents_outlive_the_record_that_wrote_them
            a_receipt_brings_an_aged_order_back_to_be_returned
            a_receipt_brings_back_each_order_once
            what_came_back_goes_again
            parts_that_went_back_before_do_not_go_back_again
            an_older_receipt_than_the_last_return_is_superseded
            a_receipt_of_an_order_that_is_there_changes_nothing
            only_paid_orders_that_have_aged_come_back
            a_forgotten_counter_gives_nothing_back
            a_tombstone_goes_too
            a_receipt_must_be_well_formed
        );
        $crate::ledger_contract!(@area $open, $crate::contract::RETENTION, staying:
            nothing_goes_before_its_time
            a_receipt_of_a_young_order_that_is_not_there_brings_nothing_back
        );
        $crate::ledger_contract!(@area $open, $crate::contract::RETENTION, admitting:
            a_price_of_an_older_revision_is_refused
            the_admitted_revision_only_rises
            known_ids_are_answered_whatever_is_admitted
            a_catalogue_without_numbers_is_always_admitted
            a_late_payment_is_of_no_revision
        );
    };
    (@area $open:path, $retention:expr, $area:ident: $($name:ident)+) => {
        mod $area {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let settings = $crate::contract::Settings {
                        log_max: $crate::contract::LOG_MAX,
                        retention: $retention,
                    };
                    let opened = $open(settings).await;
                    $crate::contract::$area::$name(&opened.0).await;
                    $crate::contract::counters_equal_holds(&opened.0).await;
                }
            )+
        }
    };
}

/// How a store of the suite is to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// It keeps this many entries of the log.
    pub log_max: u64,
    /// A record may go so long after its last transition or its deadline.
    pub retention: Duration,
}

/// The stores that the suite opens keep this many entries of the log.
pub const LOG_MAX: u64 = 32;

/// Longer than a test, for the stores of every area but one.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);

/// An hour: far enough for a test, in milliseconds.
pub const HOUR: i64 = 3_600_000;

/// After each test, whatever it did: `used = aged + Σ held or settled − returned`, and the log tells of the same records.
pub async fn counters_equal_holds(ledger: &dyn Ledger) {
    assert_eq!(ledger.verify().await, Ok(Vec::new()), "counters differ from what records hold");
    assert_eq!(ledger.audit().await.unwrap().versions, [""; 0], "the log knows other versions than the records");
}

pub(crate) fn name(counter: &str) -> Name {
    Name::of(&[counter])
}

/// `(counter, amount, limit)`, of user `u`, due in an hour; its request hash is over id and claims.
pub(crate) async fn hold(ledger: &dyn Ledger, id: &str, claims: &[(&str, i64, i64)]) -> Hold {
    due_at(id, claims, ledger.now().await.unwrap().saturating_add(HOUR))
}

/// Likewise, due a second ago.
pub(crate) async fn overdue(ledger: &dyn Ledger, id: &str, claims: &[(&str, i64, i64)]) -> Hold {
    due_at(id, claims, ledger.now().await.unwrap().saturating_sub(1_000))
}

fn due_at(id: &str, claims: &[(&str, i64, i64)], deadline: i64) -> Hold {
    let claims = claims.iter().map(|(counter, amount, limit)| Claim { counter: name(counter), amount: *amount, limit: *limit });
    let claims: Vec<Claim> = claims.collect();
    let request_hash =
        claims.iter().fold(7_u128, |hash, claim| hash.wrapping_mul(31).wrapping_add(claim.amount.unsigned_abs().into()));
    Hold {
        id: id.to_owned(),
        shard_key: "u".to_owned(),
        request_hash,
        claims,
        deadline,
        revision: 0,
        payload: format!("priced {id}").into_bytes(),
        documents: Vec::new(),
    }
}

pub(crate) fn document(of: &str) -> Document {
    Document { name: Name::of(&["wallet", of]), bytes: of.as_bytes().to_vec() }
}

/// Reserves and expects it taken.
pub(crate) async fn taken(ledger: &dyn Ledger, id: &str, claims: &[(&str, i64, i64)]) -> Record {
    match ledger.reserve(hold(ledger, id, claims).await).await.unwrap() {
        Reserved::Taken(record) => record,
        other => unexpected(other),
    }
}

/// Reserves and commits.
pub(crate) async fn paid(ledger: &dyn Ledger, id: &str, claims: &[(&str, i64, i64)]) -> Record {
    taken(ledger, id, claims).await;
    match ledger.commit("u", id, IfExpired::Refuse, None).await.unwrap() {
        Committed::Done(record) => record,
        other => unexpected(other),
    }
}

/// Reserves, and expires it.
pub(crate) async fn lapsed(ledger: &dyn Ledger, id: &str, claims: &[(&str, i64, i64)]) -> Record {
    assert!(matches!(ledger.reserve(overdue(ledger, id, claims).await).await, Ok(Reserved::Taken(_))));
    assert_eq!(ledger.expire(10).await, Ok(1));
    ledger.get("u", id).await.unwrap().unwrap()
}

pub(crate) fn whole(rollback_id: &str) -> Rollback {
    Rollback {
        rollback_id: rollback_id.to_owned(),
        request_hash: 1,
        version: None,
        extent: Extent::Whole { except: Vec::new() },
        payload: None,
        answer: format!("answer {rollback_id}").into_bytes(),
    }
}

pub(crate) fn part(rollback_id: &str, version: u64, portions: &[(&str, i64)]) -> Rollback {
    Rollback { version: Some(version), extent: Extent::Part { portions: portions_of(portions) }, ..whole(rollback_id) }
}

pub(crate) fn portions_of(portions: &[(&str, i64)]) -> Vec<Portion> {
    portions.iter().map(|(counter, amount)| Portion { counter: name(counter), amount: *amount }).collect()
}

pub(crate) async fn rolled_back(ledger: &dyn Ledger, id: &str, rollback: Rollback) -> Record {
    match ledger.rollback("u", id, rollback).await.unwrap() {
        RolledBack::Done(record) => record,
        other => unexpected(other),
    }
}

pub(crate) async fn used<const N: usize>(ledger: &dyn Ledger, counters: [&str; N]) -> [i64; N] {
    let names: Vec<Name> = counters.iter().map(|counter| name(counter)).collect();
    ledger.usage(&names).await.unwrap().try_into().unwrap()
}

pub(crate) async fn events(ledger: &dyn Ledger, after: &Cursor) -> (Vec<Event>, Cursor) {
    match ledger.events(after, 1_000).await.unwrap() {
        Events::Batch(events, cursor) => (events, cursor),
        gap => unexpected(gap),
    }
}

pub(crate) async fn transitions(ledger: &dyn Ledger) -> Vec<(String, u64, Transition)> {
    let (events, _) = events(ledger, &Cursor::default()).await;
    events.into_iter().map(|event| (event.entry.id, event.entry.version, event.entry.transition)).collect()
}

pub(crate) fn assert_malformed<T: Debug>(answer: Result<T, LedgerError>) {
    assert!(matches!(answer, Err(LedgerError::Malformed(_))), "{answer:?} is not refused as malformed");
}

pub(crate) fn unexpected<T>(answer: impl Debug) -> T {
    panic!("unexpected answer: {answer:#?}")
}
