//! Is there an input that breaks a target? Tried one after the other, from a seed, until a bound.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use tokka_tests::generate::Random;

use crate::{corpus, mutate};

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After so many inputs.
    Inputs(u64),
    /// At this moment.
    Moment(Instant),
}

/// An input that broke a target.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken {
    /// The input.
    pub data: Vec<u8>,
    /// Its number since the seed, from 0.
    pub number: u64,
}

/// Feeds `run` with what the corpus of the target `name` becomes; the first input that makes it panic ends it. The same
/// seed tries the same inputs.
///
/// # Errors
/// A corpus that cannot be read.
pub fn hunt(name: &str, run: impl Fn(&[u8]), seed: u64, until: Until) -> Result<(u64, Option<Broken>)> {
    let corpus = corpus::of(name)?;
    let mut number = 0;
    loop {
        let more = match until {
            Until::Inputs(most) => number < most,
            Until::Moment(moment) => Instant::now() < moment,
        };
        if !more {
            return Ok((number, None));
        }
        let data = input(name, &corpus, seed, number);
        if catch_unwind(AssertUnwindSafe(|| run(&data))).is_err() {
            return Ok((number, Some(Broken { data, number })));
        }
        number += 1;
    }
}

/// The input of this number: the corpus itself first, then its children; of the pricing, mostly made-up cases.
fn input(name: &str, corpus: &[Vec<u8>], seed: u64, number: u64) -> Vec<u8> {
    let as_it_is = usize::try_from(number).ok().and_then(|number| corpus.get(number));
    if let Some(data) = as_it_is {
        return data.clone();
    }
    let mut random = Random::new(seed ^ number.rotate_left(32));
    if name == "quote" && random.chance(95) {
        return corpus::made_up(&mut random);
    }
    let (of, other) = (random.pick(corpus), random.pick(corpus));
    mutate::mutate(of, other, &mut random)
}

/// Keeps an input below `target/`, so that it can be tried again.
///
/// # Errors
/// A directory that cannot be written.
pub fn keep(name: &str, broken: &Broken) -> Result<PathBuf> {
    let folder = corpus::root().join("target").join("fuzz");
    let path = folder.join(format!("{name}-{}", broken.number));
    fs::create_dir_all(&folder)?;
    fs::write(&path, &broken.data).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(path)
}
