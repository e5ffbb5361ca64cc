//! Is there a store, and which one? A store is made once, by an operator; an emptied one is not a new one.

use super::lane::Reader;
use super::layout::{LAYOUT, SHARDS_MAX, Shard};
use super::link::{Lane, Link, LinkConfig, StoreUrl, slot_of_tag};
use super::reply::Reply;
use super::{LinkError, OpenError, scripts};
use crate::ledger::LedgerError;

/// What a store is called, and how it is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) shards: u16,
}

impl Root {
    /// Half of the id, as cursors name the store.
    pub(crate) fn number(&self) -> u64 {
        self.id.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
    }
}

/// Why a store is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InitError {
    /// It is not reached, or its servers are not fit for it.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// That many shards there cannot be.
    #[error("a store has 1 to {SHARDS_MAX} shards, not {0}")]
    Shards(u16),
    /// There is one already, of another kind.
    #[error("there is a store already, `{id}` with {shards} shards: how it is divided is fixed when it is made")]
    Another {
        /// Its id.
        id: String,
        /// How many.
        shards: String,
    },
    /// It did not answer.
    #[error(transparent)]
    Store(#[from] LedgerError),
}

/// Makes a store of so many shards where there is none, and finishes one that was interrupted; answers its id. One that is
/// there already, with as many shards, stays as it is.
///
/// # Errors
/// [`InitError`].
pub async fn init(url: &StoreUrl, shards: u16) -> Result<String, InitError> {
    if !(1..=SHARDS_MAX).contains(&shards) {
        return Err(InitError::Shards(shards));
    }
    let link = Link::open(url, LinkConfig { scripts: scripts::ALL, ..LinkConfig::default() }).await?;
    let (key, slot) = root_key(url.prefix());
    let identity = [LAYOUT.to_string(), random_id(), shards.to_string()];
    let made = link.call(Lane::Admin, slot, &scripts::ROOT, &[key], &identity, None).await.map_err(LedgerError::from)?;
    let mut made = Reply::of(made.0)?;
    let (layout, id, there) = (made.text()?, made.text()?, made.text()?);
    if layout != LAYOUT.to_string() || there != shards.to_string() {
        return Err(InitError::Another { id, shards: there });
    }
    for shard in Shard::all(url.prefix(), shards) {
        let arguments = [layout.clone(), id.clone(), there.clone(), shard.number.to_string()];
        let head = link.call(Lane::Admin, shard.slot, &scripts::INIT, &[shard.head()], &arguments, None).await;
        let mut head = Reply::of(head.map_err(LedgerError::from)?.0)?;
        let (layout, of, shards) = (head.text()?, head.text()?, head.text()?);
        if layout != LAYOUT.to_string() || of != id || shards != there {
            return Err(InitError::Another { id: of, shards });
        }
    }
    Ok(id)
}

/// Reads what the store is.
pub(super) async fn root(link: &Link, prefix: &str) -> Result<Root, OpenError> {
    let (key, slot) = root_key(prefix);
    let command = redis::cmd("HMGET").arg(key).arg(&["layout", "store", "shards"]).to_owned();
    let found = link.command(Lane::Admin, slot, &command).await.map_err(LedgerError::from)?;
    let mut found = Reply::of(found)?;
    let (layout, id, shards) = (found.text()?, found.text()?, found.text()?);
    if layout.is_empty() {
        return Err(OpenError::Empty("there is no store at this address".to_owned()));
    }
    if layout != LAYOUT.to_string() {
        return Err(OpenError::Layout { found: layout });
    }
    let shards = shards.parse().ok().filter(|shards| (1..=SHARDS_MAX).contains(shards));
    let shards = shards.ok_or_else(|| OpenError::Empty("its root is damaged".to_owned()))?;
    Ok(Root { id, shards })
}

/// Is a shard there, and one of this store?
pub(super) async fn check(reader: &Reader, shard: &Shard) -> Result<(), OpenError> {
    match reader.read(Vec::new()).await {
        Ok(_) => Ok(()),
        // It recovers from a change of its server: it is there.
        Err(super::lane::Trouble::NotNow(_)) => Ok(()),
        Err(trouble) => match LedgerError::from(trouble) {
            LedgerError::Empty(_) => Err(OpenError::Empty(format!("shard {} has no head", shard.number))),
            other => Err(other.into()),
        },
    }
}

/// Where the root lies: in the slot of the prefix.
fn root_key(prefix: &str) -> (Vec<u8>, u16) {
    (format!("{{{prefix}}}").into_bytes(), slot_of_tag(prefix.as_bytes()))
}

/// 128 random bits, in hexadecimal.
pub(super) fn random_id() -> String {
    let mut bytes = [0_u8; 16];
    // Without random bits nothing here may be told apart; the time and the process are the next best.
    if getrandom::fill(&mut bytes).is_err() {
        let now = crate::clock::Clock::wall().now();
        bytes = ((u128::from(now.unsigned_abs()) << 64) | u128::from(std::process::id())).to_be_bytes();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
