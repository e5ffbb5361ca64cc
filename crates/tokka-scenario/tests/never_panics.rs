//! Does any text make the runner of scenarios panic, or point at a place that is not there? Good scenarios and baskets,
//! damaged at random, read, priced, compared and taken back.
//!
//! `TOKKA_FUZZ_RUNS` says how many texts are tried (2,000 where it does not), `TOKKA_FUZZ_SEED` which ones; both are
//! printed. The reader of catalogues has a fuzz target of its own.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tokka_catalog::{Problems, Source, read_folder};
use tokka_scenario::{RunResult, basket, run_source};

const RUNS: u64 = 2_000;

/// What YAML, JSON and the documents are made of; damage puts these where they do not belong.
const SCRAPS: [&str; 34] = [
    "---\n",
    "...\n",
    "\n",
    "\n\n  ",
    "\t",
    " ",
    ": ",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "#",
    "|\n",
    ">-\n",
    "&a ",
    "*a",
    "!!str ",
    "!",
    "%YAML 1.2\n",
    "~",
    "null",
    "1e999",
    "-",
    "0x",
    "99999999999999999999",
    "\u{feff}",
    "\u{0}",
    "日本",
    "kind: catalogue\n",
];

/// A small generator, so that a seed names the same texts everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // Splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or(0)
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> Option<&'a T> {
        from.get(self.below(from.len())).copied()
    }
}

/// One to six times: cuts, doubles, swaps or puts something in.
fn damage(text: &str, others: &[&str], random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(6) {
        let (from, length) = (random.below(bytes.len() + 1), random.below(40));
        let to = (from + length).min(bytes.len());
        match random.below(6) {
            0 => drop(bytes.drain(from..to)),
            1 => {
                let piece: Vec<u8> = bytes.drain(from..to).collect();
                let at = random.below(bytes.len() + 1);
                drop(bytes.splice(at..at, piece));
            }
            2 => {
                let scrap = random.pick(&SCRAPS).unwrap_or_default();
                drop(bytes.splice(from..to, scrap.bytes()));
            }
            3 => {
                let scrap = random.pick(&SCRAPS).unwrap_or_default().repeat(1 + random.below(200));
                drop(bytes.splice(from..from, scrap.bytes()));
            }
            4 => {
                let other = random.pick(others).unwrap_or_default().as_bytes();
                let start = random.below(other.len());
                let piece = other.get(start..(start + length).min(other.len())).unwrap_or_default();
                drop(bytes.splice(from..to, piece.iter().copied()));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(from) {
                    *byte = random.next().to_le_bytes()[0];
                }
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn of_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// Every problem says on one line what is wrong, at a line that is there.
fn told_well(problems: &Problems, text: &str, case: &str) {
    assert!(!problems.is_empty(), "{case} is refused for nothing:\n{text}");
    // The end of a text counts as a line of its own; a problem of another file does not count here.
    let lines = text.chars().filter(|c| matches!(c, '\n' | '\r')).count() + 2;
    for problem in problems.into_iter().filter(|problem| problem.file == NAME) {
        assert!(problem.line as usize <= lines, "{case}: {problem}, of {lines} lines:\n{text}");
        assert!(!problem.to_string().contains('\n'), "{case}: {problem:?}");
    }
}

const NAME: &str = "fuzz.yaml";

#[test]
fn damaged_scenarios_and_baskets_are_run_or_refused() {
    let runs = of_environment("TOKKA_FUZZ_RUNS").unwrap_or(RUNS);
    let now =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs() ^ u64::from(since.subsec_nanos()));
    let seed = of_environment("TOKKA_FUZZ_SEED").unwrap_or_else(now);
    println!("TOKKA_FUZZ_RUNS={runs} TOKKA_FUZZ_SEED={seed}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = ["examples/baskets", "tests/scenarios"];
    let sources: Vec<_> = folders.iter().flat_map(|folder| read_folder(&root.join(folder)).unwrap()).collect();
    let texts: Vec<&str> = sources.iter().map(|source| source.text.as_str()).collect();
    assert!(texts.len() > 100, "{} texts", texts.len());
    let mut random = Random(seed);
    let (mut passed, mut failed, mut broken, mut read) = (0, 0, 0, 0);
    for run in 0..runs {
        let text = damage(random.pick(&texts).unwrap(), &texts, &mut random);
        let case = format!("run {run} of seed {seed}");
        match basket::read(NAME, &text) {
            Ok(_) => read += 1,
            Err(problems) => told_well(&problems, &text, &case),
        }
        let source = Source { name: NAME.to_owned(), text };
        for report in run_source(&source, &root.join("tests/scenarios/item")) {
            match &report.result {
                RunResult::Passed => passed += 1,
                RunResult::Failed(differences) => {
                    failed += 1;
                    assert!(!differences.is_empty(), "{case}:\n{}", source.text);
                    let internal = differences.iter().find(|difference| difference.actual.starts_with("INTERNAL"));
                    assert_eq!(internal, None, "{case}:\n{}", source.text);
                }
                RunResult::Broken(problems) => {
                    broken += 1;
                    told_well(problems, &source.text, &case);
                }
            }
            assert!(!report.to_string().is_empty());
        }
    }
    println!("{passed} passed, {failed} failed, {broken} broken; {read} baskets read");
    assert!(runs < RUNS || (passed > 0 && failed > 0 && broken > 0 && read > 0), "{passed}, {failed}, {broken}, {read}");
}
