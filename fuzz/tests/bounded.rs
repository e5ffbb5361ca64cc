//! Do the targets survive so many inputs? A bounded hunt, always from the same seed; `cargo xtask fuzz` hunts for longer.

use anyhow::bail;
use tokka_fuzz::hunt::{Broken, Until, hunt, keep};
use tokka_fuzz::{Target, catalogue, quote};
use tokka_tests::{cases, proof};

const SEED: u64 = 20_261_111;

fn survives(name: &str, target: Target, inputs: u64) -> anyhow::Result<()> {
    println!("target {name}, seed {SEED}, {inputs} inputs");
    if let (_, Some(broken)) = hunt(name, target, SEED, Until::Inputs(inputs))? {
        let path = keep(name, &broken)?;
        bail!("input {} of seed {SEED} broke it; again: cargo xtask fuzz --again {name} {}", broken.number, path.display());
    }
    proof("hostile inputs survived", inputs, SEED);
    Ok(())
}

#[test]
fn the_parser_takes_any_bytes() {
    survives("catalogue", catalogue, cases(2_000)).unwrap();
}

#[test]
fn the_pricing_takes_any_catalogue_and_basket() {
    survives("quote", quote, cases(4_000)).unwrap();
}

/// A hunt that never finds anything would pass, too.
#[test]
fn a_target_that_breaks_is_found_again_from_its_seed() {
    let fragile = |data: &[u8]| assert!(!data.windows(4).any(|word| word == b"1e3\n"), "a float was not refused");
    let find = || hunt("catalogue", fragile, SEED, Until::Inputs(100_000)).unwrap().1;
    let Broken { data, number } = find().expect("some child of the corpus holds it");
    assert_eq!(find(), Some(Broken { data, number }));
}
