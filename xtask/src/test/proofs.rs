//! What was proved, and how often was it tried? A table of what the tests of this run said that they counted; a number
//! that nobody said is a failure, not a gap.
//!
//! A test writes `proof: NAME = NUMBER` to its standard output, past the harness that keeps what tests print, with ` from
//! seed S` behind it where chance is in it. Numbers of one name add up. The contract of the ledger is counted by the
//! names of its tests.

use std::collections::{BTreeMap, BTreeSet};

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    said: BTreeMap<String, Said>,
    /// Tests of the ledger's contract, by back end.
    contract: BTreeMap<String, BTreeSet<String>>,
    scenarios: u64,
}

#[derive(Debug, Default)]
struct Said {
    number: u64,
    seeds: BTreeSet<u64>,
}

/// One line of the table, and whether it may stand as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) what: &'static str,
    pub(super) found: String,
    pub(super) holds: bool,
}

/// The promises of `docs/pricing.md` §10 that random cases are put to. (h) speaks of the search, which is not built.
const PROMISES: [char; 9] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'i', 'j'];
const BACK_ENDS: [&str; 2] = ["embedded", "memory"];

impl Proofs {
    /// Reads a line that a step printed. Two tests at once may share a line, so it need not begin with what is looked for.
    pub(super) fn add_line(&mut self, line: &str) {
        if let Some((name, number, seed)) = line.split_once("proof: ").and_then(|(_, proof)| parsed(proof)) {
            let said = self.said.entry(name.to_owned()).or_default();
            said.number = said.number.saturating_add(number);
            said.seeds.extend(seed);
        }
        let test = line.strip_prefix("test ").and_then(|test| test.split_whitespace().next()).unwrap_or_default();
        if let Some((back_end, promise)) = test.split_once("::contract::") {
            let back_end = back_end.split("::").next().unwrap_or_default();
            self.contract.entry(back_end.to_owned()).or_default().insert(promise.to_owned());
        }
    }

    /// How many scenarios passed.
    pub(super) fn add_scenarios(&mut self, passed: u64) {
        self.scenarios = self.scenarios.saturating_add(passed);
    }

    /// The table.
    pub(super) fn table(&self) -> Vec<Proof> {
        let promises: Vec<u64> = PROMISES.iter().map(|letter| self.number(&format!("promise {letter}"))).collect();
        let kept = promises.iter().filter(|cases| **cases > 0).count();
        let cases: u64 = promises.iter().sum();
        let least = promises.iter().min().copied().unwrap_or_default();
        let contract: Vec<usize> =
            BACK_ENDS.iter().map(|back_end| self.contract.get(*back_end).map_or(0, BTreeSet::len)).collect();
        let promises_of_the_ledger = contract.iter().max().copied().unwrap_or_default();
        let heard = self.number("acknowledged in a rush");
        vec![
            Proof {
                what: "scenarios",
                found: format!("{} come out as worked by hand", grouped(self.scenarios)),
                holds: self.scenarios > 0,
            },
            Proof {
                what: "promises × cases",
                found: format!(
                    "{kept} promises, at least {} cases each, {} in all{}",
                    grouped(least),
                    grouped(cases),
                    self.seeds("promise a")
                ),
                holds: kept == PROMISES.len(),
            },
            self.counted("two pricings agree", "cases, naive and fast"),
            self.counted("cards as quoted", "products, each as if it were alone"),
            self.counted("best prices tried out", "baskets of which every choice was priced"),
            self.counted("hostile inputs survived", "of parser and pricing"),
            Proof {
                what: "contract × back ends",
                found: format!("{promises_of_the_ledger} promises × {} ({})", BACK_ENDS.len(), BACK_ENDS.join(", ")),
                holds: promises_of_the_ledger > 0 && contract.iter().all(|tests| *tests == promises_of_the_ledger),
            },
            self.counted("stories told to model and store", "side by side, with restarts"),
            self.counted("crashes of a disk recovered", "any write, torn, or out of order"),
            self.counted("servers killed with kill -9", "in the middle of a rush"),
            self.none("sold beyond a limit", "units, orders, coupons or gifts, after all that", heard > 0),
            self.none("acknowledged and lost", &format!("of {} reservations", grouped(heard)), heard > 0),
        ]
    }

    /// Something that has to have been tried.
    fn counted(&self, what: &'static str, of: &str) -> Proof {
        let number = self.number(what);
        Proof { what, found: format!("{} {of}{}", grouped(number), self.seeds(what)), holds: number > 0 }
    }

    /// Something that has to have been looked for, and not found.
    fn none(&self, what: &'static str, of: &str, tried: bool) -> Proof {
        match self.said.get(what) {
            Some(said) => Proof { what, found: format!("{} {of}", grouped(said.number)), holds: said.number == 0 && tried },
            None => Proof { what, found: "nobody looked".to_owned(), holds: false },
        }
    }

    fn number(&self, name: &str) -> u64 {
        self.said.get(name).map_or(0, |said| said.number)
    }

    fn seeds(&self, name: &str) -> String {
        let seeds = self.said.get(name).map(|said| said.seeds.iter().map(u64::to_string).collect::<Vec<_>>()).unwrap_or_default();
        let word = if seeds.len() == 1 { "seed" } else { "seeds" };
        if seeds.is_empty() { String::new() } else { format!(", from {word} {}", seeds.join(", ")) }
    }
}

/// `3,214`; seeds stay as they are to be typed.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && digits.len().saturating_sub(position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `NAME = NUMBER`, and perhaps ` from seed S`.
fn parsed(proof: &str) -> Option<(&str, u64, Option<u64>)> {
    let (name, rest) = proof.split_once(" = ")?;
    let (number, seed) = match rest.split_once(" from seed ") {
        Some((number, seed)) => (number, Some(seed.trim().parse().ok()?)),
        None => (rest.trim(), None),
    };
    Some((name, number.parse().ok()?, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Proofs {
        let mut proofs = Proofs::default();
        lines.iter().for_each(|line| proofs.add_line(line));
        proofs
    }

    fn row(proofs: &Proofs, what: &str) -> Proof {
        proofs.table().into_iter().find(|proof| proof.what == what).expect("such a row")
    }

    #[test]
    fn numbers_of_one_name_add_up_wherever_they_stand() {
        let proofs = said(&[
            "proof: crashes of a disk recovered = 214 from seed 7",
            "test embedded::tests::slow ... proof: crashes of a disk recovered = 3000 from seed 9",
            "proof: crashes of a disk recovered = many",
        ]);
        let row = row(&proofs, "crashes of a disk recovered");
        assert_eq!((row.found.as_str(), row.holds), ("3,214 any write, torn, or out of order, from seeds 7, 9", true));
    }

    #[test]
    fn what_nobody_said_does_not_hold() {
        for proof in Proofs::default().table() {
            assert!(!proof.holds, "{proof:?}");
        }
        let looked = said(&["proof: sold beyond a limit = 0", "proof: acknowledged in a rush = 90"]);
        assert!(row(&looked, "sold beyond a limit").holds);
        assert!(!row(&looked, "acknowledged and lost").holds, "nobody looked");
        assert!(!row(&said(&["proof: sold beyond a limit = 0"]), "sold beyond a limit").holds, "nobody bought");
    }

    #[test]
    fn one_that_is_lost_or_sold_twice_is_enough() {
        for what in ["sold beyond a limit", "acknowledged and lost"] {
            let found = format!("proof: {what} = 1");
            let proofs = said(&["proof: acknowledged in a rush = 90", &format!("proof: {what} = 0"), &found]);
            assert!(!row(&proofs, what).holds, "{what}");
        }
    }

    #[test]
    fn every_back_end_keeps_the_whole_contract() {
        let both = ["test embedded::tests::contract::holding::a ... ok", "test memory::contract::holding::a ... ok"];
        let proofs = said(&both);
        assert_eq!(row(&proofs, "contract × back ends").found, "1 promises × 2 (embedded, memory)");
        assert!(row(&proofs, "contract × back ends").holds);
        let one_short = said(&[both[0], both[1], "test memory::contract::holding::b ... ok"]);
        assert!(!row(&one_short, "contract × back ends").holds);
        assert!(!row(&said(&both[..1]), "contract × back ends").holds);
    }
}
