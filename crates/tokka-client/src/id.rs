//! What is a new reservation, or a new rollback, called?

use uuid::Uuid;

/// An id that nobody else makes: a UUID of version 7, whose beginning is the time, so that a store finds new ones side
/// by side. Keep it before it is used: whoever has lost it cannot repeat the call.
#[must_use]
pub fn fresh_id() -> String {
    Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::fresh_id;

    #[test]
    fn ids_differ_and_are_ids() {
        let ids: BTreeSet<String> = (0..10_000).map(|_| fresh_id()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 36 && id.bytes().all(|byte| (b'!'..=b'~').contains(&byte))));
    }
}
