//! Where does a shard keep what? Names of keys, and the bytes of what stands there. Layout 2: all of this is stored, so a
//! change of it is another layout.
//!
//! Every key of a shard begins with its hash tag, so that all of them lie in one slot of a cluster. One letter says what a
//! key is, and the rest is the name or the id as it is.
//!
//! | key | type | what |
//! |---|---|---|
//! | `{t}h` | hash | the head: layout, store, shards, epoch, end of the log, … (see `scripts/apply.lua`) |
//! | `{t}r`*id* | string | a record: stamp, then its body |
//! | `{t}c`*counter* | string | how much is used, in decimal |
//! | `{t}d` | sorted set | deadlines of HELD records, by id |
//! | `{t}a` | sorted set | when records age out that are not HELD, by id |
//! | `{t}A` | hash | what aged records still hold, by counter |
//! | `{t}s`*id* | string | what is left of an aged record that had returns |
//! | `{t}o`*shard key* | hash | ids of its HELD records, as fields without values: small hashes are smaller than small sets |
//! | `{t}l` | stream | the log: an entry at `position-0` |
//! | `{t}p` | hash | how far each registered reader has passed |
//! | `{t}w`*name* | string | a document: version, then its bytes |
//! | `{t}g`*counter* | string | what of a shared counter's limit this shard may sell, where there are several shards |
//! | `{t}b`*counter* | hash | how often that changed, and what of it is frozen; at the counter's bank what is granted in all, and by which limit |
//! | `{t}G` | sorted set | shared counters of which this shard's allotment changed lately, by when |
//! | `{t}t`, `{t}T` | hash | transfers that went out and are not closed; the last one that came in, by shard |

use xxhash_rust::xxh3::xxh3_64;

use super::link::slot_of_tag;
use crate::model::Place;
use crate::name::Name;

/// Of the keys and their bytes. A store of a higher one is not opened.
pub(crate) const LAYOUT: u32 = 2;

/// At most this many shards.
pub const SHARDS_MAX: u16 = 256;

/// Slots of a cluster.
const SLOTS: u32 = 16_384;

/// Stamp and version have these many bytes.
pub(crate) const STAMP_BYTES: usize = 16;
const VERSION_BYTES: usize = 8;

/// The keys of one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Which one, from 0.
    pub(crate) number: u16,
    /// In which slot of a cluster it lies.
    pub(crate) slot: u16,
    tag: Vec<u8>,
}

impl Shard {
    /// The shards of a store, spread evenly over the slots: number i of n has a tag whose slot is in the i-th of n parts.
    pub(crate) fn all(prefix: &str, shards: u16) -> Vec<Self> {
        (0..shards).map(|number| Self::of(prefix, number, shards)).collect()
    }

    /// The first of so many.
    pub(crate) fn first(prefix: &str, shards: u16) -> Self {
        Self::of(prefix, 0, shards)
    }

    fn of(prefix: &str, number: u16, shards: u16) -> Self {
        let mut salt = 0_u32;
        loop {
            let tag = if salt == 0 { format!("{prefix}:{number}") } else { format!("{prefix}:{number}.{salt}") };
            let slot = slot_of_tag(tag.as_bytes());
            let part = u32::from(slot).saturating_mul(u32::from(shards)) / SLOTS;
            // One tag in n falls into the part, so that one is found soon; the bound is for a hash that were broken.
            if part == u32::from(number) || salt > 1_000_000 {
                return Self { number, slot, tag: format!("{{{tag}}}").into_bytes() };
            }
            salt = salt.saturating_add(1);
        }
    }

    fn key(&self, letter: u8, rest: &[u8]) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.tag.len().saturating_add(rest.len()).saturating_add(1));
        key.extend_from_slice(&self.tag);
        key.push(letter);
        key.extend_from_slice(rest);
        key
    }

    pub(crate) fn head(&self) -> Vec<u8> {
        self.key(b'h', b"")
    }

    pub(crate) fn record(&self, id: &str) -> Vec<u8> {
        self.key(b'r', id.as_bytes())
    }

    /// What every key of a record begins with.
    pub(crate) fn records(&self) -> Vec<u8> {
        self.key(b'r', b"")
    }

    pub(crate) fn counter(&self, counter: &Name) -> Vec<u8> {
        self.key(b'c', counter.as_bytes())
    }

    /// What every key of a counter begins with.
    pub(crate) fn counters(&self) -> Vec<u8> {
        self.key(b'c', b"")
    }

    pub(crate) fn deadlines(&self) -> Vec<u8> {
        self.key(b'd', b"")
    }

    pub(crate) fn ages(&self) -> Vec<u8> {
        self.key(b'a', b"")
    }

    pub(crate) fn aged(&self) -> Vec<u8> {
        self.key(b'A', b"")
    }

    pub(crate) fn stub(&self, id: &str) -> Vec<u8> {
        self.key(b's', id.as_bytes())
    }

    pub(crate) fn open(&self, shard_key: &str) -> Vec<u8> {
        self.key(b'o', shard_key.as_bytes())
    }

    pub(crate) fn log(&self) -> Vec<u8> {
        self.key(b'l', b"")
    }

    pub(crate) fn readers(&self) -> Vec<u8> {
        self.key(b'p', b"")
    }

    pub(crate) fn document(&self, name: &Name) -> Vec<u8> {
        self.key(b'w', name.as_bytes())
    }

    pub(crate) fn grant(&self, counter: &Name) -> Vec<u8> {
        self.key(b'g', counter.as_bytes())
    }

    /// What every key of a grant begins with.
    pub(crate) fn grants(&self) -> Vec<u8> {
        self.key(b'g', b"")
    }

    /// What every key of a bank begins with.
    pub(crate) fn banks(&self) -> Vec<u8> {
        self.key(b'b', b"")
    }

    pub(crate) fn changed_allotments(&self) -> Vec<u8> {
        self.key(b'G', b"")
    }

    pub(crate) fn bank(&self, counter: &Name) -> Vec<u8> {
        self.key(b'b', counter.as_bytes())
    }

    pub(crate) fn sent(&self) -> Vec<u8> {
        self.key(b't', b"")
    }

    pub(crate) fn received(&self) -> Vec<u8> {
        self.key(b'T', b"")
    }
}

/// Which shard of n a shard key, a shared counter or a document belongs to.
pub(crate) fn shard_of(bytes: &[u8], shards: u16) -> u16 {
    let shard = xxh3_64(bytes).checked_rem(u64::from(shards)).unwrap_or(0);
    u16::try_from(shard).unwrap_or(0)
}

/// The bytes that tell one state of a record from every other one.
pub(crate) fn stamp(place: Place) -> [u8; STAMP_BYTES] {
    let mut stamp = [0; STAMP_BYTES];
    let (epoch, position) = stamp.split_at_mut(8);
    epoch.copy_from_slice(&place.epoch.to_be_bytes());
    position.copy_from_slice(&place.position.to_be_bytes());
    stamp
}

/// The place that a stored record begins with, and its body.
pub(crate) fn split_stamp(stored: &[u8]) -> Option<(Place, &[u8])> {
    let (epoch, rest) = stored.split_first_chunk::<8>()?;
    let (position, body) = rest.split_first_chunk::<8>()?;
    Some((Place { epoch: u64::from_be_bytes(*epoch), position: u64::from_be_bytes(*position) }, body))
}

/// The version that a stored document begins with, and its bytes.
pub(crate) fn split_version(stored: &[u8]) -> Option<(u64, &[u8])> {
    let (version, bytes) = stored.split_first_chunk::<VERSION_BYTES>()?;
    Some((u64::from_be_bytes(*version), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &[u8]) -> String {
        key.escape_ascii().to_string()
    }

    /// What is stored under these keys is looked for under these keys, by every later version.
    #[test]
    fn the_keys_of_layout_2_never_change() {
        let shard = &Shard::all("tk", 1)[0];
        let stock = Name::of(&["stock", "flash-1"]);
        let keys = [
            shard.head(),
            shard.record("r-1"),
            shard.counter(&stock),
            shard.deadlines(),
            shard.ages(),
            shard.aged(),
            shard.stub("r-1"),
            shard.open("u-1"),
            shard.log(),
            shard.readers(),
            shard.document(&Name::of(&["wallet", "u-1"])),
            shard.grant(&stock),
            shard.bank(&stock),
            shard.changed_allotments(),
            shard.sent(),
            shard.received(),
        ];
        let expected = [
            "{tk:0}h",
            "{tk:0}rr-1",
            r"{tk:0}c\x05stock\x07flash-1",
            "{tk:0}d",
            "{tk:0}a",
            "{tk:0}A",
            "{tk:0}sr-1",
            "{tk:0}ou-1",
            "{tk:0}l",
            "{tk:0}p",
            r"{tk:0}w\x06wallet\x03u-1",
            r"{tk:0}g\x05stock\x07flash-1",
            r"{tk:0}b\x05stock\x07flash-1",
            "{tk:0}G",
            "{tk:0}t",
            "{tk:0}T",
        ];
        assert_eq!(keys.map(|key| text(&key)), expected.map(str::to_owned));
        let tags: Vec<String> = Shard::all("tk", 3).iter().map(|shard| text(&shard.tag)).collect();
        assert_eq!(tags, ["{tk:0.2}", "{tk:1.3}", "{tk:2.3}"]);
        let place = Place { epoch: 2, position: 258 };
        assert_eq!(stamp(place), [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(split_stamp(&[&stamp(place)[..], b"body"].concat()), Some((place, &b"body"[..])));
        assert_eq!((shard_of(b"u-1", 3), shard_of(b"u-2", 3), shard_of(b"u-1", 1)), (2, 2, 0));
    }

    #[test]
    fn shards_lie_in_equal_parts_of_the_slots() {
        for shards in [1, 2, 3, 6, 16, SHARDS_MAX] {
            for shard in Shard::all("tokka", shards) {
                let part = u32::from(shard.slot) * u32::from(shards) / SLOTS;
                assert_eq!(part, u32::from(shard.number), "{shard:?} of {shards}");
            }
        }
    }

    #[test]
    fn customers_spread_over_the_shards() {
        let mut counts = [0_u32; 6];
        for user in 0..6_000 {
            counts[usize::from(shard_of(format!("user-{user}").as_bytes(), 6))] += 1;
        }
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }
}
