//! A table of stories: what is done to one record, one call a line, and what each call answers.

use std::collections::BTreeMap;

use super::*;

/// One counter, `stock`, of which others have used so much; records `r` (asked for) and `old` (to be replaced).
struct Desk {
    records: BTreeMap<String, Record>,
    used: BTreeMap<Name, i64>,
    now: Millis,
    admitted: u64,
    documents: Vec<String>,
}

/// Tells a story: each line is a call and what it must answer. Between calls the sum must hold: `used = Σ held or settled`,
/// beside what others have used from the beginning.
fn story(others: i64, lines: &[(&str, &str)]) {
    let mut desk = Desk {
        records: BTreeMap::new(),
        used: BTreeMap::from([(name("stock"), others)]),
        now: 0,
        admitted: 0,
        documents: Vec::new(),
    };
    for (number, (call, expected)) in lines.iter().enumerate() {
        assert_eq!(desk.say(call), *expected, "line {number}: `{call}`");
        let mut held: BTreeMap<Name, i64> = BTreeMap::from([(name("stock"), others)]);
        for portion in desk.records.values().flat_map(|record| &record.holding) {
            *held.entry(portion.counter.clone()).or_default() += portion.amount;
        }
        held.retain(|_, amount| *amount != 0);
        desk.used.retain(|_, amount| *amount != 0);
        assert_eq!(desk.used, held, "line {number}: `{call}`: used is what records hold");
    }
}

impl Desk {
    /// `verb [argument…]`; the answer is its name and, where there is one, the record: state, version, what it holds.
    fn say(&mut self, call: &str) -> String {
        let mut words = call.split(' ');
        let (verb, arguments): (&str, Vec<&str>) = (words.next().unwrap(), words.collect());
        let number = |at: usize| arguments.get(at).map_or(0, |word| word.parse::<i64>().unwrap());
        match verb {
            "later" => {
                self.now += number(0);
                String::new()
            }
            "admit" => {
                self.admitted = u64::try_from(number(0)).unwrap();
                String::new()
            }
            "documents" => self.documents.join(" "),
            // reserve AMOUNT LIMIT HASH [REVISION]
            "reserve" | "take" | "replace" => {
                let revision = u64::try_from(number(3)).unwrap();
                let hold = Hold { revision, ..hold("r", number(0), number(1), number(2)) };
                let old = self.records.get("old").cloned();
                self.step(
                    "r",
                    match verb {
                        "reserve" => Operation::Reserve(&hold),
                        "take" => Operation::Take(&hold),
                        _ => Operation::Replace { old: old.as_ref(), hold: &hold },
                    },
                )
            }
            "reserve-as-v" => {
                let hold = Hold { shard_key: "v".to_owned(), ..hold("r", number(0), number(1), number(2)) };
                self.step("r", Operation::Reserve(&hold))
            }
            "reserve-old" => self.step("old", Operation::Reserve(&hold("old", number(0), number(1), number(2)))),
            "commit" => self.commit("r", "u", &IfExpired::Reacquire(Vec::new())),
            "commit-old" => self.commit("old", "u", &IfExpired::Reacquire(Vec::new())),
            "commit-as-v" => self.commit("r", "v", &IfExpired::Reacquire(Vec::new())),
            "commit-or-refuse" => self.commit("r", "u", &IfExpired::Refuse),
            "commit-with-limit" => self.commit("r", "u", &IfExpired::Reacquire(vec![(name("stock"), number(0))])),
            "extend" => self.step("r", Operation::Extend { shard_key: "u", until: number(0) }),
            "expire" => self.step("r", Operation::Expire),
            // whole ID [VERSION [EXCEPT]]; 0 is no version
            "whole" => {
                let version = u64::try_from(number(1)).unwrap();
                let except = stock(number(2));
                self.roll_back("u", arguments[0], (version > 0).then_some(version), Extent::Whole { except })
            }
            // part ID VERSION AMOUNT
            "part" => {
                let version = u64::try_from(number(1)).unwrap();
                self.roll_back("u", arguments[0], Some(version), Extent::Part { portions: stock(number(2)) })
            }
            "whole-as-v" => self.roll_back("v", arguments[0], None, Extent::Whole { except: Vec::new() }),
            other => panic!("no verb `{other}`"),
        }
    }

    fn commit(&mut self, id: &str, shard_key: &str, if_expired: &IfExpired) -> String {
        self.step(id, Operation::Commit { shard_key, if_expired, note: None })
    }

    fn roll_back(&mut self, shard_key: &str, id: &str, version: Option<u64>, extent: Extent) -> String {
        let request_hash: u64 = match &extent {
            Extent::Whole { except: portions } | Extent::Part { portions } => {
                portions.iter().map(|p| p.amount.unsigned_abs()).sum()
            }
        };
        let rollback = Rollback {
            rollback_id: id.to_owned(),
            request_hash: u128::from(request_hash),
            version,
            extent,
            payload: None,
            answer: Vec::new(),
        };
        self.step("r", Operation::Rollback { shard_key, id: "r", rollback: &rollback })
    }

    fn step(&mut self, id: &str, operation: Operation<'_>) -> String {
        let moment = Moment { now: self.now, admitted: self.admitted };
        let step = step(self.records.get(id), operation, moment, &|counter| self.used.get(counter).copied().unwrap_or(0));
        for change in step.changes {
            for (name, bytes) in document_writes(&change) {
                let sign = if bytes.is_some() { '+' } else { '-' };
                self.documents.push(format!("{sign}{name}"));
            }
            for (counter, by) in change.moved {
                *self.used.entry(counter).or_default() += by;
            }
            let before = self.records.get(&change.record.id);
            assert_eq!(change.record.version, before.map_or(0, |before| before.version) + 1, "each change is one version");
            self.records.insert(change.record.id.clone(), change.record);
        }
        say(&step.answer)
    }
}

fn say(answer: &Answer) -> String {
    let of = |record: &Record| {
        let holds: i64 = record.holding.iter().map(|portion| portion.amount).sum();
        format!("{} {} {holds}", record.state.name(), record.version)
    };
    let short = |shortages: &[Shortage]| {
        let all: Vec<String> =
            shortages.iter().map(|s| format!("{}: {} of {} used, {} wanted", s.counter, s.used, s.limit, s.requested)).collect();
        all.join("; ")
    };
    match answer {
        Answer::Reserved(answer) => match answer {
            Reserved::Taken(record) => format!("taken {}", of(record)),
            Reserved::Repeated(record) => format!("repeated {}", of(record)),
            Reserved::Conflict => "conflict".to_owned(),
            Reserved::Ended(record) => format!("ended {}", of(record)),
            Reserved::Refused { shortages, .. } => format!("refused {}", short(shortages)),
            Reserved::Stale { admitted } => format!("stale, {admitted} is admitted"),
            Reserved::NotReplaceable(state) => format!("not replaceable {}", state.map_or("unknown", State::name)),
        },
        Answer::Committed(answer) => match answer {
            Committed::Done(record) => format!("done {}", of(record)),
            Committed::Repeated(record) => format!("repeated {}", of(record)),
            Committed::NotFound => "not found".to_owned(),
            Committed::RolledBack(record) => format!("rolled back {}", of(record)),
            Committed::Expired(record) => format!("expired {}", of(record)),
            Committed::Refused { shortages, .. } => format!("refused {}", short(shortages)),
        },
        Answer::RolledBack(answer) => match answer {
            RolledBack::Done(record) => format!("done {}", of(record)),
            RolledBack::Repeated(record) => format!("repeated {}", of(record)),
            RolledBack::Conflict => "conflict".to_owned(),
            RolledBack::VersionMoved(record) => format!("version moved {}", of(record)),
            RolledBack::NotFound => "not found".to_owned(),
            RolledBack::Unknown(record) => format!("unknown {}", of(record)),
            RolledBack::NotReturnable(record) => format!("not returnable {}", of(record)),
            RolledBack::TooManyReturns(record) => format!("too many returns {}", of(record)),
            RolledBack::Ended(record) => format!("ended {}", of(record)),
        },
        Answer::Extended(answer) => match answer {
            Extended::Done(record) => format!("until {} version {}", record.deadline, record.version),
            Extended::NotFound => "not found".to_owned(),
            Extended::NotHeld(record) => format!("not held {}", of(record)),
        },
        Answer::Expired(expired) => expired.to_string(),
    }
}

fn name(counter: &str) -> Name {
    Name::of(&[counter])
}

fn stock(amount: i64) -> Vec<Portion> {
    if amount == 0 { Vec::new() } else { vec![Portion { counter: name("stock"), amount }] }
}

/// Due at 100; it brings a wallet entry.
fn hold(id: &str, amount: i64, limit: i64, hash: i64) -> Hold {
    Hold {
        id: id.to_owned(),
        shard_key: "u".to_owned(),
        request_hash: u128::from(hash.unsigned_abs()),
        claims: vec![Claim { counter: name("stock"), amount, limit }],
        deadline: 100,
        revision: 0,
        payload: Vec::new(),
        documents: vec![Document { name: name("wallet"), bytes: Vec::new() }],
    }
}

#[test]
fn an_order_is_held_paid_and_returned_in_parts() {
    story(
        3,
        &[
            ("reserve 5 8 1", "taken HELD 1 5"),
            ("documents", ""),
            ("commit", "done COMMITTED 2 5"),
            ("documents", "+wallet"),
            ("part x 2 2", "done COMMITTED 3 3"),
            ("part y 3 3", "done COMMITTED 4 0"),
            ("part z 4 1", "not returnable COMMITTED 4 0"),
            ("documents", "+wallet"),
            ("whole w 4", "done ROLLED_BACK 5 0"),
            ("documents", "+wallet -wallet"),
        ],
    );
}

#[test]
fn a_hold_that_does_not_fit_is_refused_until_it_fits() {
    story(
        3,
        &[
            ("reserve 6 8 1", "refused stock: 3 of 8 used, 6 wanted"),
            ("take 6 8 1", "refused stock: 3 of 8 used, 6 wanted"),
            ("reserve 6 9 1", "taken HELD 1 6"),
        ],
    );
}

#[test]
fn sums_that_do_not_exist_are_refused() {
    story(
        AMOUNT_MAX - 1,
        &[
            ("reserve 2 9223372036854775807 1", "refused stock: 999999999999999 of 9223372036854775807 used, 2 wanted"),
            (
                "reserve 9223372036854775807 9223372036854775807 1",
                "refused stock: 999999999999999 of 9223372036854775807 used, 9223372036854775807 wanted",
            ),
            ("reserve 1 9223372036854775807 1", "taken HELD 1 1"),
        ],
    );
}

#[test]
fn a_negative_limit_lets_nothing_through() {
    story(0, &[("reserve 1 -1 1", "refused stock: 0 of -1 used, 1 wanted")]);
}

#[test]
fn an_id_speaks_for_one_request() {
    story(
        0,
        &[
            ("reserve 5 8 1", "taken HELD 1 5"),
            ("reserve 5 8 1", "repeated HELD 1 5"),
            // It would not fit a second time, and does not have to.
            ("reserve 5 5 1", "repeated HELD 1 5"),
            ("take 5 8 1", "repeated HELD 1 5"),
            ("reserve 5 8 2", "conflict"),
            ("take 5 8 2", "conflict"),
            ("reserve-as-v 5 8 1", "conflict"),
            ("commit", "done COMMITTED 2 5"),
            ("reserve 5 8 1", "repeated COMMITTED 2 5"),
            ("whole x", "done ROLLED_BACK 3 0"),
            ("reserve 5 8 1", "ended ROLLED_BACK 3 0"),
            ("reserve 5 8 2", "conflict"),
            ("reserve-as-v 5 8 1", "conflict"),
        ],
    );
}

#[test]
fn a_cancellation_overtakes_its_reserve() {
    story(
        0,
        &[
            ("part p 1 1", "not found"),
            ("whole x", "unknown ROLLED_BACK 1 0"),
            ("whole x", "repeated ROLLED_BACK 1 0"),
            ("whole y", "ended ROLLED_BACK 1 0"),
            ("part p 1 1", "not returnable ROLLED_BACK 1 0"),
            ("part p 1 0", "not returnable ROLLED_BACK 1 0"),
            ("reserve 5 8 1", "ended ROLLED_BACK 1 0"),
            ("reserve 5 8 0", "ended ROLLED_BACK 1 0"),
            ("take 5 8 1", "ended ROLLED_BACK 1 0"),
            ("replace 5 8 1", "ended ROLLED_BACK 1 0"),
            ("commit", "rolled back ROLLED_BACK 1 0"),
            ("extend 200", "not held ROLLED_BACK 1 0"),
            ("expire", "false"),
            ("documents", ""),
        ],
    );
}

#[test]
fn a_late_payment_takes_its_claims_again_or_is_refused() {
    story(
        3,
        &[
            ("reserve 5 8 1", "taken HELD 1 5"),
            ("later 99", ""),
            ("expire", "false"),
            ("later 1", ""),
            ("expire", "true"),
            ("expire", "false"),
            ("reserve 5 8 1", "ended EXPIRED 2 0"),
            ("extend 200", "not held EXPIRED 2 0"),
            ("part x 2 1", "not returnable EXPIRED 2 0"),
            ("commit-or-refuse", "expired EXPIRED 2 0"),
            ("commit-with-limit 7", "refused stock: 3 of 7 used, 5 wanted"),
            ("documents", ""),
            ("commit", "done COMMITTED 3 5"),
            ("documents", "+wallet"),
            ("commit-or-refuse", "repeated COMMITTED 3 5"),
            ("expire", "false"),
        ],
    );
}

#[test]
fn an_expired_hold_is_cancelled_without_giving_back_twice() {
    story(
        3,
        &[
            ("reserve 5 8 1", "taken HELD 1 5"),
            ("later 100", ""),
            ("expire", "true"),
            ("whole x 1", "version moved EXPIRED 2 0"),
            ("whole x 2 1", "not returnable EXPIRED 2 0"),
            ("whole x 2", "done ROLLED_BACK 3 0"),
            ("commit", "rolled back ROLLED_BACK 3 0"),
            ("documents", ""),
        ],
    );
}

#[test]
fn a_hold_past_its_deadline_lives_until_it_is_expired() {
    story(
        0,
        &[
            ("reserve 5 8 1", "taken HELD 1 5"),
            ("later 500", ""),
            ("reserve 5 8 1", "repeated HELD 1 5"),
            ("extend 600", "until 600 version 2"),
            ("expire", "false"),
            ("later 100", ""),
            ("commit-or-refuse", "done COMMITTED 3 5"),
            ("expire", "false"),
        ],
    );
}

#[test]
fn a_deadline_moves_later_only() {
    story(
        0,
        &[
            ("extend 200", "not found"),
            ("reserve 5 8 1", "taken HELD 1 5"),
            ("extend 200", "until 200 version 2"),
            ("extend 200", "until 200 version 2"),
            ("extend 150", "until 200 version 2"),
            ("commit", "done COMMITTED 3 5"),
            ("extend 300", "not held COMMITTED 3 5"),
        ],
    );
}

#[test]
fn each_refund_happens_once_and_a_stale_one_computes_again() {
    story(
        0,
        &[
            ("reserve 5 8 1", "taken HELD 1 5"),
            ("part x 1 1", "not returnable HELD 1 5"),
            ("commit", "done COMMITTED 2 5"),
            ("part x 1 1", "version moved COMMITTED 2 5"),
            ("part x 2 2", "done COMMITTED 3 3"),
            // The other refund was computed from version 2 as well.
            ("part y 2 2", "version moved COMMITTED 3 3"),
            ("part y 3 4", "not returnable COMMITTED 3 3"),
            ("part y 3 1", "done COMMITTED 4 2"),
            ("part x 2 2", "repeated COMMITTED 4 2"),
            ("part x 4 1", "conflict"),
            ("whole y", "conflict"),
            ("whole z 3", "version moved COMMITTED 4 2"),
            ("whole z 4 3", "not returnable COMMITTED 4 2"),
            ("whole z", "done ROLLED_BACK 5 0"),
            ("whole z", "repeated ROLLED_BACK 5 0"),
            ("part x 2 2", "repeated ROLLED_BACK 5 0"),
            ("whole w", "ended ROLLED_BACK 5 0"),
        ],
    );
}

#[test]
fn what_the_customer_still_has_comes_back_after_the_end() {
    story(
        0,
        &[
            ("take 5 8 1", "taken COMMITTED 1 5"),
            ("whole x 1 2", "done ROLLED_BACK 2 2"),
            ("commit", "rolled back ROLLED_BACK 2 2"),
            ("part y 2 3", "not returnable ROLLED_BACK 2 2"),
            ("part y 2 1", "done ROLLED_BACK 3 1"),
            ("part z 2 1", "version moved ROLLED_BACK 3 1"),
            ("part z 3 1", "done ROLLED_BACK 4 0"),
            ("part w 4 1", "not returnable ROLLED_BACK 4 0"),
            ("documents", "+wallet -wallet"),
        ],
    );
}

#[test]
fn a_replacement_releases_and_takes_or_changes_nothing() {
    story(
        3,
        &[
            ("replace 5 8 1", "not replaceable unknown"),
            ("reserve-old 5 8 9", "taken HELD 1 5"),
            ("replace 6 8 1", "refused stock: 3 of 8 used, 6 wanted"),
            ("replace 4 8 1", "taken HELD 1 4"),
            ("replace 4 8 1", "repeated HELD 1 4"),
            ("replace 4 8 2", "conflict"),
            ("commit-old", "rolled back ROLLED_BACK 2 0"),
            ("documents", ""),
        ],
    );
    story(
        0,
        &[
            ("reserve-old 5 8 9", "taken HELD 1 5"),
            ("commit-old", "done COMMITTED 2 5"),
            ("replace 1 8 1", "not replaceable COMMITTED"),
        ],
    );
}

#[test]
fn nobody_speaks_for_another_customer() {
    story(
        0,
        &[
            ("reserve 5 8 1", "taken HELD 1 5"),
            ("commit-as-v", "not found"),
            ("whole-as-v x", "not found"),
            ("reserve-as-v 5 8 1", "conflict"),
            ("commit", "done COMMITTED 2 5"),
        ],
    );
}

#[test]
fn every_counter_that_refuses_is_listed_with_the_usage_of_all() {
    let claim = |counter: &str, amount, limit| Claim { counter: name(counter), amount, limit };
    let hold = Hold { claims: vec![claim("a", 2, 3), claim("b", 2, 9), claim("c", 1, 0)], ..hold("r", 1, 1, 1) };
    let used = |counter: &Name| if *counter == name("a") { 2 } else { 0 };
    let step = step(None, Operation::Reserve(&hold), Moment { now: 0, admitted: 0 }, &used);
    assert_eq!(step.changes, []);
    let short = |counter: &str, limit, used, requested| Shortage { counter: name(counter), limit, used, requested };
    let shortages = vec![short("a", 3, 2, 2), short("c", 0, 0, 1)];
    assert_eq!(step.answer, Answer::Reserved(Reserved::Refused { shortages, usage: vec![2, 0, 0] }));
}

#[test]
fn a_price_of_an_older_revision_is_refused_before_the_counters_and_after_the_id() {
    story(
        0,
        &[
            ("reserve 2 5 1 3", "taken HELD 1 2"),
            ("admit 7", ""),
            ("reserve 2 5 1 3", "repeated HELD 1 2"),
            ("reserve 2 5 2 3", "conflict"),
            ("whole x", "done ROLLED_BACK 2 0"),
            ("reserve 2 5 1 3", "ended ROLLED_BACK 2 0"),
        ],
    );
    for verb in ["reserve", "take"] {
        story(
            0,
            &[
                ("admit 7", ""),
                (&format!("{verb} 9 5 1 6"), "stale, 7 is admitted"),
                (&format!("{verb} 9 5 1 7"), "refused stock: 0 of 5 used, 9 wanted"),
                (&format!("{verb} 9 5 1 8"), "refused stock: 0 of 5 used, 9 wanted"),
                // A catalogue without numbers is always admitted.
                (&format!("{verb} 9 5 1 0"), "refused stock: 0 of 5 used, 9 wanted"),
            ],
        );
    }
    story(
        0,
        &[
            ("admit 7", ""),
            ("replace 2 5 1 6", "not replaceable unknown"),
            ("reserve-old 1 5 1", "taken HELD 1 1"),
            ("replace 9 5 1 6", "stale, 7 is admitted"),
            ("replace 2 5 1 7", "taken HELD 1 2"),
        ],
    );
}
