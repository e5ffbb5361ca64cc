//! What is said beside a status? As many details as fit into a trailer, and how many there are in all.

use std::collections::HashMap;

use tokka_core::basket::FieldViolation;
use tokka_proto::v1;
use tonic_types::{ErrorDetails, QuotaViolation};

/// Violations named in one answer; `ErrorInfo` says how many there are in all.
const VIOLATIONS_MAX: usize = 20;
/// Bytes of all violations together. With the rest, details stay below 4 KiB: Java breaks at 8 KiB of trailers.
const VIOLATIONS_BYTES_MAX: usize = 3_200;
/// Bytes of one field path, and of one description. Both may repeat what a caller wrote, which may be long.
pub(super) const FIELD_BYTES_MAX: usize = 120;
pub(super) const DESCRIPTION_BYTES_MAX: usize = 240;
/// Bytes of what a finding says, with its numbers and the other documents.
const FINDING_BYTES_MAX: usize = 480;
/// Bytes of the message beside the details, which the wire percent-encodes.
pub(super) const MESSAGE_BYTES_MAX: usize = 240;

/// The first violation and how many more there are: enough for a log line without the details.
pub(super) fn first_of(violations: &[FieldViolation]) -> String {
    let Some(first) = violations.first() else { return "a field breaks a rule".to_owned() };
    let first = format!("`{}`: {}", clip(first.field.clone(), FIELD_BYTES_MAX), first.description);
    match violations.len().saturating_sub(1) {
        0 => first,
        more => format!("{} (and {more} more)", clip(first, MESSAGE_BYTES_MAX.saturating_sub(24))),
    }
}

pub(super) fn add_violations(details: &mut ErrorDetails, violations: Vec<FieldViolation>) {
    let mut bytes = 0usize;
    for violation in violations.into_iter().take(VIOLATIONS_MAX) {
        let field = clip(violation.field, FIELD_BYTES_MAX);
        let description = clip(violation.description, DESCRIPTION_BYTES_MAX);
        // Tags and lengths of the entry and its two fields take at most 9 bytes.
        bytes = bytes.saturating_add(field.len()).saturating_add(description.len()).saturating_add(9);
        if bytes > VIOLATIONS_BYTES_MAX {
            break;
        }
        details.add_bad_request_violation(field, description);
    }
}

/// The first things that are not as they have to be, each with its kind and what it is about, and how many there are in all.
pub(super) fn add_preconditions(
    details: &mut ErrorDetails,
    violations: Vec<(String, String, String)>,
    about: &mut HashMap<String, String>,
) {
    about.insert("violations".to_owned(), violations.len().to_string());
    let mut bytes = 0usize;
    for (kind, subject, description) in violations.into_iter().take(VIOLATIONS_MAX) {
        let subject = clip(subject, FIELD_BYTES_MAX);
        let description = clip(description, FINDING_BYTES_MAX);
        bytes =
            bytes.saturating_add(subject.len()).saturating_add(description.len()).saturating_add(kind.len()).saturating_add(12);
        if bytes > VIOLATIONS_BYTES_MAX {
            break;
        }
        details.add_precondition_failure_violation(kind, subject, description);
    }
}

/// The first counters that have too little, by name and in words.
pub(super) fn add_shortages(details: &mut ErrorDetails, shortages: Vec<v1::CounterShortage>) {
    let mut violations = Vec::new();
    let mut bytes = 0usize;
    for shortage in shortages.into_iter().take(VIOLATIONS_MAX) {
        let v1::CounterShortage { counter, limit, used, requested, held_by_open_orders } = shortage;
        let counter = counter.unwrap_or_default();
        let whose = if counter.gift.is_empty() { ("promotion", &counter.promotion) } else { ("gift", &counter.gift) };
        let left = limit.saturating_sub(used).max(0);
        let description = format!("{} `{}` has {left} left of {limit}, {requested} requested", whose.0, whose.1);
        let kind = counter.kind().as_str_name().trim_start_matches("COUNTER_KIND_").to_owned();
        let numbers = [("limit", Some(limit)), ("used", Some(used)), ("requested", Some(requested))];
        let numbers = numbers.into_iter().chain([("held_by_open_orders", held_by_open_orders)]);
        let mut dimensions: HashMap<String, String> =
            numbers.filter_map(|(name, number)| Some((name.to_owned(), number?.to_string()))).collect();
        for (name, text) in [("sku", counter.sku), ("period", counter.period)] {
            if !text.is_empty() {
                dimensions.insert(name.to_owned(), text);
            }
        }
        let mut violation = QuotaViolation::new(format!("{}:{}", whose.0, whose.1), description);
        violation.quota_metric = kind;
        violation.quota_dimensions = dimensions;
        bytes = bytes.saturating_add(violation_bytes(&violation));
        if bytes > VIOLATIONS_BYTES_MAX {
            break;
        }
        violations.push(violation);
    }
    details.set_quota_failure(violations);
}

/// Texts, and what tags and lengths take at most.
fn violation_bytes(violation: &QuotaViolation) -> usize {
    let dimensions =
        violation.quota_dimensions.iter().map(|(name, text)| name.len().saturating_add(text.len()).saturating_add(6));
    let texts = [&violation.subject, &violation.description, &violation.quota_metric].map(|text| text.len().saturating_add(3));
    dimensions.chain(texts).fold(4, usize::saturating_add)
}

/// At most `bytes_max` bytes of a text, cut between characters.
pub(super) fn clip(mut text: String, bytes_max: usize) -> String {
    const CUT: &str = "…";
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max.saturating_sub(CUT.len())));
        text.push_str(CUT);
    }
    text
}
