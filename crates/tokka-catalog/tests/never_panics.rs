//! Does any text make the reader panic, or point at a place that is not there? Good files, damaged at random.
//!
//! `TOKKA_FUZZ_RUNS` says how many texts are tried (2,000 where it does not), `TOKKA_FUZZ_SEED` which ones; both are
//! printed. The entry for other fuzzers is [`tokka_catalog::load_text`].

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tokka_catalog::{load_text, read_folder};

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

#[test]
fn damaged_files_are_read_or_refused_at_a_place_that_is_there() {
    let runs = of_environment("TOKKA_FUZZ_RUNS").unwrap_or(RUNS);
    let now =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs() ^ u64::from(since.subsec_nanos()));
    let seed = of_environment("TOKKA_FUZZ_SEED").unwrap_or_else(now);
    println!("TOKKA_FUZZ_RUNS={runs} TOKKA_FUZZ_SEED={seed}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/bad", "../../examples/us-store", "../../examples/baskets", "../../tests/scenarios"];
    let sources: Vec<_> = folders.iter().flat_map(|folder| read_folder(&root.join(folder)).unwrap()).collect();
    // Short ones, so that damage hits something that matters.
    let texts: Vec<&str> = sources.iter().map(|source| source.text.as_str()).filter(|text| text.len() < 4_000).collect();
    assert!(texts.len() > 100, "{} texts", texts.len());
    let mut random = Random(seed);
    let (mut read, mut refused) = (0, 0);
    for run in 0..runs {
        let text = damage(random.pick(&texts).unwrap(), &texts, &mut random);
        let head = if random.below(2) == 0 {
            "kind: catalogue\ncurrency: USD\n---\nkind: store\nid: shop\nname: Shop\n---\n"
        } else {
            ""
        };
        let text = format!("{head}{text}");
        match load_text("fuzz.yaml", &text) {
            Ok(loaded) => read += u64::from(loaded.counts.files == 1),
            Err(problems) => {
                refused += 1;
                assert!(!problems.is_empty(), "run {run} of seed {seed} is refused for nothing:\n{text}");
                // The reader counts a line of its own after the last break.
                let lines = text.chars().filter(|c| matches!(c, '\n' | '\r')).count() + 1;
                for problem in &problems {
                    let line = problem.line as usize;
                    assert!(line <= lines + 1, "run {run} of seed {seed}: {problem}, of {lines} lines:\n{text}");
                    assert!(!problem.to_string().contains('\n'), "run {run} of seed {seed}: {problem:?}");
                }
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(runs < RUNS || (read > 0 && refused > read), "{read} read, {refused} refused");
}
