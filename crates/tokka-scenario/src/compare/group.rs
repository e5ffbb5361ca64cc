//! Do pages show the lines together as expected?

use tokka_core::outcome::NotCovered;
use tokka_core::quote::{GroupEntry, GroupedBy, Quote};

use super::Comparison;
use crate::expect::{GroupEntryExpectDocument, GroupExpectDocument};

impl Comparison<'_> {
    /// Compares all groups, one difference each.
    pub(super) fn groups(&mut self, expected: &[GroupExpectDocument], quote: &Quote) {
        let actual: Vec<String> = quote
            .groups
            .iter()
            .map(|group| {
                let store = self.line(quote.stores.at(group.store).first_line, |line| line.store.as_str());
                let by = match group.by {
                    GroupedBy::Spend(promotion) => format!(" by {}", self.promotion_id(promotion)),
                    GroupedBy::Set(promotion) => format!(" as {}", self.promotion_id(promotion)),
                    GroupedBy::Line => String::new(),
                };
                let entries: Vec<String> = group.entries.iter().map(|entry| self.entry(entry)).collect();
                format!("{store}{by}: {}", entries.join(", "))
            })
            .collect();
        let expected: Vec<String> = expected.iter().map(in_words).collect();
        for position in 0..expected.len().max(actual.len()) {
            let at = |groups: &[String]| groups.get(position).cloned().unwrap_or_else(|| "none".to_owned());
            self.same(format!("groups[{position}]"), at(&expected), at(&actual));
        }
    }

    fn entry(&self, entry: &GroupEntry) -> String {
        let mut words = format!("{} × {}", entry.units, self.line(entry.line, |line| line.line_id.as_str()));
        if entry.over_limit {
            words.push_str(" over limit");
        }
        if let Some((promotion, why)) = entry.not_in_spend {
            words.push_str(&format!(" not in {}: {}", self.promotion_id(promotion), why.code()));
            if let NotCovered::NotStackable(by) = why {
                words.push_str(&format!(" by {}", self.promotion_id(by)));
            }
        }
        words
    }
}

fn in_words(expected: &GroupExpectDocument) -> String {
    let entry = |entry: &GroupEntryExpectDocument| {
        let mut words = format!("{} × {}", entry.units.0, entry.line);
        if entry.over_limit {
            words.push_str(" over limit");
        }
        if let Some(promotion) = &entry.not_in {
            words.push_str(&format!(" not in {promotion}: {}", entry.why.as_deref().unwrap_or_default()));
        }
        if let Some(by) = &entry.by {
            words.push_str(&format!(" by {by}"));
        }
        words
    };
    let by = match (&expected.spend, &expected.set) {
        (Some(promotion), _) => format!(" by {promotion}"),
        (None, Some(promotion)) => format!(" as {promotion}"),
        (None, None) => String::new(),
    };
    let entries: Vec<String> = expected.entries.iter().map(entry).collect();
    format!("{}{by}: {}", expected.store, entries.join(", "))
}
