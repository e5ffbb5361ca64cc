//! What does an operator have to hear of? Things that a store on several servers can lose, and what was done about them.

use crate::name::Name;

/// Something that should not happen, and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// A shard found itself on another server (a fail-over, a restart) and is closed until what was lost is back.
    Recovering {
        /// Which one.
        shard: u16,
        /// How often that has happened to it.
        round: u64,
    },
    /// The server does not have what it had acknowledged to this process.
    LostWrites {
        /// Which shard.
        shard: u16,
        /// The last batch that was acknowledged.
        acknowledged: u64,
        /// The last one that the shard knows of.
        known: u64,
    },
    /// Records of this process stand again.
    Restored {
        /// In which shard.
        shard: u16,
        /// How many.
        records: usize,
    },
    /// A paid order stands again whose amounts did not fit any more: `OVERSOLD_BY_FAILOVER`.
    OversoldByFailover {
        /// Of what.
        counter: Name,
        /// The limit that its claim brought.
        limit: i64,
        /// What is used now.
        used: i64,
    },
    /// The shard takes orders again.
    Opened {
        /// Which one.
        shard: u16,
        /// The round that has ended.
        round: u64,
    },
}
