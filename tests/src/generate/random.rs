//! Where does chance come from? From a seed, which is printed when something fails.

/// A small generator (splitmix64): the same seed gives the same case, for ever and on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Mixed, so that the numbers of one seed are not those of the seed before, one further on.
        Self(mix(seed.wrapping_add(0x1234_5678_9ABC_DEF1)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// `least ..= most`
    pub fn from(&mut self, least: i64, most: i64) -> i64 {
        let span = u64::try_from(most - least).expect("least is not above most") + 1;
        least + i64::try_from(self.next() % span).expect("below the span")
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: i64) -> bool {
        self.from(1, 100) <= percent
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let last = i64::try_from(of.len()).expect("a length") - 1;
        &of[usize::try_from(self.from(0, last)).expect("an index")]
    }

    /// Something, in so many of a hundred cases.
    pub fn maybe<T>(&mut self, percent: i64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.chance(percent) { Some(make(self)) } else { None }
    }

    /// In another order.
    pub fn shuffle<T>(&mut self, rows: &mut [T]) {
        for last in (1..rows.len()).rev() {
            let other = usize::try_from(self.from(0, i64::try_from(last).expect("a length"))).expect("an index");
            rows.swap(last, other);
        }
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
