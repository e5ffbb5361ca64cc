//! Do any bytes make a catalogue, or a list of what is wrong with them? Never anything else.

use tokka_catalog::{Problems, Source, load};
use tokka_core::rulebook::Rulebook;

/// The files of a catalogue, as one text.
pub fn catalogue(data: &[u8]) {
    let source = match Source::from_bytes("fuzz.yaml", data.to_vec()) {
        Ok(source) => source,
        Err(problem) => return assert!(problem.line > 0, "bytes that are not UTF-8 stand in a line: {problem}"),
    };
    let lines = source.text.lines().count();
    let sources = [source];
    match load(&sources) {
        Ok(loaded) => {
            let again = load(&sources).map(|again| again.revision);
            assert_eq!(again.ok(), Some(loaded.revision), "the same text is another revision");
            let rulebook = Rulebook::compile(loaded.catalogue);
            for (ix, promotion) in rulebook.promotions().iter() {
                assert_eq!(rulebook.find(promotion.id.as_str()), Some(ix), "a promotion is lost: {}", promotion.id);
            }
        }
        Err(problems) => {
            told_well(&problems, lines);
            assert_eq!(load(&sources).err().as_ref(), Some(&problems), "the same text has other problems");
        }
    }
}

/// Every problem says where it is and what it is, on one line.
pub(crate) fn told_well(problems: &Problems, lines: usize) {
    assert!(!problems.is_empty(), "refused without a reason");
    for problem in problems.as_slice() {
        let told = problem.to_string();
        assert!(!problem.message.is_empty() && !told.contains('\n'), "not a sentence on one line: {told:?}");
        // The end of a text counts as a line of its own.
        let line = usize::try_from(problem.line).unwrap_or(usize::MAX);
        assert!(line <= lines.saturating_add(1), "there are {lines} lines: {told}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_taken() {
        for data in [
            &b""[..],
            b"\xff",
            b"---\n---\n",
            b"kind: catalogue",
            b"[[[[[[{{{{",
            b"a: &a [*a]",
            b"kind: catalogue\ncurrency: JPY\n",
        ] {
            catalogue(data);
        }
    }
}
