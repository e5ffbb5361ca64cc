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
    contract: BTreeMap<BackEnd, BTreeSet<String>>,
    /// The server on which tests run now; none = the usual one.
    server: Option<&'static str>,
    /// Those that are not on this machine.
    not_had: BTreeSet<&'static str>,
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

/// The server of every machine that tests tokka, …
pub(super) const REDIS: &str = "redis-server";
/// … and those that not every machine can have.
pub(super) const VALKEY: &str = "valkey-server";
pub(super) const OLDEST: &str = "redis-server-6.2";

/// Where tests of the contract of a store on servers stand, what it is called, and whether all of a store lies in one place.
pub(super) const AREAS: [(&str, &str, bool); 4] = [
    ("redis::tests::one_server::", "Redis", true),
    ("redis::tests::four_shards::", "4 shards", false),
    ("redis::tests::sentinel::", "Sentinel", true),
    ("redis::tests::cluster::", "Cluster", false),
];
/// Likewise, of stores that need no server.
const OWN: [(&str, &str, bool); 2] = [("embedded::tests::contract::", "embedded", true), ("memory::contract::", "memory", true)];
/// What only a store promises that lies in one place.
const ONE_PLACE: &str = "one_place::";
/// Areas of the contract: another test beside it is none of its promises.
const PROMISED: [&str; 8] =
    ["admitting::", "aging::", "holding::", ONE_PLACE, "reading::", "returning::", "settling::", "staying::"];

/// What it is called, and the server that it is on.
type BackEnd = (&'static str, &'static str);

impl Proofs {
    /// Reads a line that a step printed. Two tests at once may share a line, so it need not begin with what is looked for.
    pub(super) fn add_line(&mut self, line: &str) {
        if let Some((name, number, seed)) = line.split_once("proof: ").and_then(|(_, proof)| parsed(proof)) {
            let said = self.said.entry(name.to_owned()).or_default();
            said.number = said.number.saturating_add(number);
            said.seeds.extend(seed);
        }
        let test = line.strip_prefix("test ").and_then(|test| test.split_whitespace().next()).unwrap_or_default();
        for (area, name, _) in OWN.into_iter().chain(AREAS) {
            if let Some(promise) = test.strip_prefix(area).filter(|rest| PROMISED.iter().any(|of| rest.starts_with(of))) {
                self.contract.entry((name, self.server.unwrap_or(REDIS))).or_default().insert(promise.to_owned());
            }
        }
    }

    /// What comes now is told of tests on this server.
    pub(super) fn on(&mut self, server: &'static str) {
        self.server = Some(server);
    }

    /// This machine does not have this server.
    pub(super) fn not_had(&mut self, server: &'static str) {
        self.not_had.insert(server);
    }

    /// Every promise that any back end was put to.
    fn promises(&self) -> BTreeSet<&str> {
        self.contract.values().flatten().map(String::as_str).collect()
    }

    /// Those back ends that were not put to every promise of theirs.
    fn short<'a>(&self, back_ends: &'a [(&'static str, &'static str, bool)], server: &'static str) -> Vec<&'a str> {
        let promises = self.promises();
        let keeps = |name: &'static str, one_place: bool| {
            let put_to = self.contract.get(&(name, server));
            let of_it = |promise: &&str| one_place || !promise.starts_with(ONE_PLACE);
            !promises.is_empty()
                && promises.iter().copied().filter(of_it).all(|promise| put_to.is_some_and(|tests| tests.contains(promise)))
        };
        back_ends.iter().filter(|(_, name, one_place)| !keeps(name, *one_place)).map(|(_, name, _)| *name).collect()
    }

    /// The contract on these back ends.
    fn contract(&self, what: &'static str, back_ends: &[(&'static str, &'static str, bool)], server: &'static str) -> Proof {
        if self.not_had.contains(server) {
            return Proof { what, found: format!("NOT TESTED: {server} is not there, and cannot be had"), holds: true };
        }
        let names: Vec<&str> = back_ends.iter().map(|(_, name, _)| *name).collect();
        let short = self.short(back_ends, server);
        let promises = self.promises().len();
        let mut found = format!("{promises} promises × {} ({})", names.len(), names.join(", "));
        if !short.is_empty() {
            found.push_str(&format!("; not all of {}", short.join(", ")));
        }
        Proof { what, found, holds: short.is_empty() }
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
            self.contract("contract × back ends", &[OWN.as_slice(), AREAS.as_slice()].concat(), REDIS),
            self.contract("contract on Valkey", &AREAS, VALKEY),
            self.contract("contract on Redis 6.2", &AREAS, OLDEST),
            self.counted("stories told to model and store", "side by side, with restarts"),
            self.counted("stories told to model and one shard", "side by side, two processes on Redis"),
            self.counted("stories told to model and four shards", "likewise"),
            self.counted("crashes of a disk recovered", "any write, torn, or out of order"),
            self.counted("transfers left behind and finished", "after each step, by each who can"),
            self.counted("callers gone in the middle of a transfer", "at each await of it"),
            self.counted("processes killed while stock moves", "with kill -9, between shards"),
            self.counted("units sold exactly over three shards", "to uneven customers of a Cluster"),
            self.counted("servers over one Redis", "in sales to 200 customers"),
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

    fn tested(proofs: &mut Proofs, areas: &[(&str, &str, bool)], promise: &str) {
        areas.iter().for_each(|(area, ..)| proofs.add_line(&format!("test {area}{promise} ... ok")));
    }

    #[test]
    fn every_back_end_keeps_the_whole_contract() {
        let what = "contract × back ends";
        let mut proofs = Proofs::default();
        tested(&mut proofs, &OWN, "holding::a");
        tested(&mut proofs, &AREAS, "holding::a");
        assert_eq!(row(&proofs, what).found, "1 promises × 6 (embedded, memory, Redis, 4 shards, Sentinel, Cluster)");
        assert!(row(&proofs, what).holds);
        // What is no promise of the contract asks nothing of the others.
        proofs.add_line("test redis::tests::one_server::other::b ... ok");
        assert!(row(&proofs, what).holds);
        for (missing, _) in OWN.iter().chain(&AREAS).enumerate() {
            let mut one_short = said(&[]);
            for (at, area) in OWN.iter().chain(&AREAS).enumerate() {
                tested(&mut one_short, &[*area], "holding::a");
                tested(&mut one_short, if at == missing { &[] } else { std::slice::from_ref(area) }, "holding::b");
            }
            assert!(!row(&one_short, what).holds, "{missing}");
        }
        // Several shards have no one place; the others may not leave it out.
        tested(&mut proofs, &OWN, "one_place::c");
        tested(&mut proofs, &AREAS[..1], "one_place::c");
        assert_eq!(row(&proofs, what).found.split_once("; ").map(|(_, short)| short), Some("not all of Sentinel"));
        tested(&mut proofs, &AREAS[2..3], "one_place::c");
        assert!(row(&proofs, what).holds);
    }

    #[test]
    fn other_servers_are_tested_or_it_is_said_that_they_are_not() {
        let mut proofs = Proofs::default();
        tested(&mut proofs, &OWN, "holding::a");
        tested(&mut proofs, &AREAS, "holding::a");
        assert!(!row(&proofs, "contract on Valkey").holds);
        proofs.on(VALKEY);
        tested(&mut proofs, &AREAS[1..], "holding::a");
        assert!(!row(&proofs, "contract on Valkey").holds, "one is missing");
        tested(&mut proofs, &AREAS, "holding::a");
        assert!(row(&proofs, "contract on Valkey").holds);
        proofs.not_had(OLDEST);
        let found = row(&proofs, "contract on Redis 6.2");
        assert!(found.holds && found.found.starts_with("NOT TESTED: redis-server-6.2"), "{found:?}");
    }
}
