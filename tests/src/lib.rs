//! Is every price the one that `docs/pricing.md` promises? A second, naive pricing, random catalogues and baskets,
//! and the promises as checks that any pricing can be put to.
#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "all of this runs inside tests, where a panic is a failed test"
)]
#![expect(clippy::result_large_err, reason = "the naive pricing is to be obvious, not fast")]

pub mod priced;

pub mod naive;

pub mod case;

pub mod generate;

pub mod pricer;

pub mod fast;

pub mod shelf;

pub mod shrink;

pub mod dump;

pub mod compare;

pub mod coverage;

pub mod promise;

pub mod scenario;

/// Tells `cargo xtask test` a number for its table of proofs; those of one name add up. Written past the test harness,
/// which keeps to itself what tests print.
pub fn proof(name: &str, number: u64, seed: u64) {
    // A closed pipe takes the table away and no promise with it.
    let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("proof: {name} = {number} from seed {seed}\n"));
}

/// The seed of the first case: `TOKKA_SEED`, or else 1.
#[must_use]
pub fn first_seed() -> u64 {
    std::env::var("TOKKA_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// How many cases a test runs: `TOKKA_CASES`, or else `default`.
#[must_use]
pub fn cases(default: u64) -> u64 {
    std::env::var("TOKKA_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
