//! Is there a store, and which one? A store is made once, by an operator; an emptied one is not a new one.

use std::time::Duration;

use super::layout::{LAYOUT, SHARDS_MAX, Shard};
use super::link::{Lane, Link, LinkConfig, StoreUrl, Wait, slot_of_tag};
use super::reply::Reply;
use super::{LinkError, OpenError, scripts};
use crate::ledger::LedgerError;

/// How long the making of a store waits for replicas, where the URL asks for some.
const REPLICAS_WITHIN: Duration = Duration::from_secs(2);

/// What a store is called, and how it is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) shards: u16,
    /// Every shard has been made: one that has no head was lost.
    pub(crate) whole: bool,
    /// What stores were called whose history was restored into this one.
    pub(crate) formerly: Vec<String>,
}

impl Root {
    /// Half of the id, as cursors name the store.
    pub(crate) fn number(&self) -> u64 {
        self.id.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
    }
}

/// How a shard's head stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    layout: String,
    store: String,
    shards: String,
    pub(super) epoch: u64,
    pub(super) end: u64,
    pub(super) state: String,
    /// The number of the last transfer that left it.
    pub(super) transfers: u64,
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
    /// There is one already, made by another tokka.
    #[error("there is a store already, of layout {found}: this tokka reads and makes layout {LAYOUT}")]
    Layout {
        /// What it says.
        found: String,
    },
    /// Some of its shards were emptied. They are not made anew: what they had sold would be for sale once more.
    #[error(
        "STORE_EMPTY: store `{id}` has lost {} of its {shards}: only `tokka store restore` brings back what was in there, from \
         archive and receipts, and leaves the others as they are",
        list(lost)
    )]
    Lost {
        /// Its id.
        id: String,
        /// How many there are to be.
        shards: u16,
        /// Those without a head, in order.
        lost: Vec<u16>,
    },
    /// It did not answer.
    #[error(transparent)]
    Store(#[from] LedgerError),
}

/// Makes a store of so many shards where there is none, and finishes one that was interrupted; answers its id. One that is
/// there already, with as many shards, stays as it is. A shard that was there once and is empty is not made again.
///
/// # Errors
/// [`InitError`].
pub async fn init(url: &StoreUrl, shards: u16) -> Result<String, InitError> {
    if !(1..=SHARDS_MAX).contains(&shards) {
        return Err(InitError::Shards(shards));
    }
    let link = Link::open(url, LinkConfig { scripts: scripts::ALL, ..LinkConfig::default() }).await?;
    let all = Shard::all(url.prefix(), shards);
    let heads = heads(&link, &all).await?;
    let root = match read_root(&link, url.prefix()).await? {
        Some(root) => root,
        // Its slot may have been lost, and the shards not.
        None => match heads.iter().flatten().next() {
            Some(head) => {
                let stood = Written::of_head(head);
                refuse_other(&stood, shards)?;
                write_root(&link, url, [&stood.layout, &stood.id, &stood.shards, "1", ""]).await?
            }
            None => {
                no_other(&link, url.prefix()).await?;
                write_root(&link, url, [&LAYOUT.to_string(), &random_id(), &shards.to_string(), "", ""]).await?
            }
        },
    };
    refuse_other(&root, shards)?;
    for head in heads.iter().flatten() {
        let stood = Written::of_head(head);
        refuse_other(&stood, shards)?;
        if stood.id != root.id {
            return Err(InitError::Another { id: stood.id, shards: stood.shards });
        }
    }
    let lost: Vec<u16> = (0_u16..).zip(&heads).filter(|(_, head)| head.is_none()).map(|(number, _)| number).collect();
    if !lost.is_empty() && (root.whole || heads.iter().flatten().any(|head| head.end > 0)) {
        return Err(InitError::Lost { id: root.id, shards, lost });
    }
    for (shard, _) in all.iter().zip(&heads).filter(|(_, head)| head.is_none()) {
        make(&link, url, shard, &root, "open", &[]).await?;
    }
    if !root.whole {
        write_root(&link, url, [&root.layout, &root.id, &root.shards, "1", ""]).await?;
    }
    Ok(root.id)
}

/// Makes a shard that has no head; with the last transfer that each other shard had sent to the one that was there before.
pub(super) async fn make(
    link: &Link,
    url: &StoreUrl,
    shard: &Shard,
    root: &Written,
    state: &str,
    fences: &[(u16, u64, u64)],
) -> Result<(), InitError> {
    let number = shard.number.to_string();
    let mut arguments = [&root.layout, &root.id, &root.shards, &number, state].map(str::to_owned).to_vec();
    for (from, epoch, transfers) in fences {
        arguments.extend([from.to_string(), format!("{epoch} {transfers}")]);
    }
    let keys = [shard.head(), shard.received()];
    let made = link.call(Lane::Admin, shard.slot, &scripts::INIT, &keys, &arguments, wait_of(url)).await;
    let mut head = Reply::of(confirmed(url, made.map_err(LedgerError::from)?)?)?;
    let (layout, id, shards) = (head.text()?, head.text()?, head.text()?);
    if layout != root.layout || id != root.id || shards != root.shards {
        return Err(InitError::Another { id, shards });
    }
    Ok(())
}

/// Is there a store with another number of shards? The first shard of one has one of few tags.
async fn no_other(link: &Link, prefix: &str) -> Result<(), InitError> {
    let mut firsts: Vec<Shard> = (1..=SHARDS_MAX).map(|shards| Shard::first(prefix, shards)).collect();
    firsts.dedup();
    let heads = heads(link, &firsts).await?;
    match heads.into_iter().flatten().next() {
        Some(head) => Err(InitError::Another { id: head.store, shards: head.shards }),
        None => Ok(()),
    }
}

fn refuse_other(stands: &Written, shards: u16) -> Result<(), InitError> {
    if stands.layout != LAYOUT.to_string() {
        return Err(InitError::Layout { found: stands.layout.clone() });
    }
    if stands.shards != shards.to_string() {
        return Err(InitError::Another { id: stands.id.clone(), shards: stands.shards.clone() });
    }
    Ok(())
}

/// How the heads of these shards stand; `None` where there is none.
pub(super) async fn heads(link: &Link, shards: &[Shard]) -> Result<Vec<Option<Head>>, LedgerError> {
    futures_util::future::try_join_all(shards.iter().map(|shard| head(link, shard))).await
}

async fn head(link: &Link, shard: &Shard) -> Result<Option<Head>, LedgerError> {
    let fields = ["layout", "store", "shards", "epoch", "end", "state", "transfers"];
    let command = redis::cmd("HMGET").arg(shard.head()).arg(&fields).to_owned();
    let mut found = Reply::of(link.command(Lane::Admin, shard.slot, &command).await?)?;
    let head = Head {
        layout: found.text()?,
        store: found.text()?,
        shards: found.text()?,
        epoch: found.unsigned()?,
        end: found.unsigned()?,
        state: found.text()?,
        transfers: found.unsigned()?,
    };
    Ok((!head.layout.is_empty()).then_some(head))
}

/// A root as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    layout: String,
    id: String,
    shards: String,
    whole: bool,
    formerly: String,
}

impl Written {
    fn of(reply: redis::Value) -> Result<Option<Self>, LedgerError> {
        let mut found = Reply::of(reply)?;
        let (layout, id, shards) = (found.text()?, found.text()?, found.text()?);
        let (whole, formerly) = (found.text()? == "1", found.text()?);
        Ok((!layout.is_empty()).then_some(Self { layout, id, shards, whole, formerly }))
    }

    /// What the head of a shard knows of its root, which is no more.
    fn of_head(head: &Head) -> Self {
        let (layout, id, shards) = (head.layout.clone(), head.store.clone(), head.shards.clone());
        Self { layout, id, shards, whole: true, formerly: String::new() }
    }

    /// What it says, if this tokka can read it.
    pub(super) fn read(&self) -> Result<Root, OpenError> {
        if self.layout != LAYOUT.to_string() {
            return Err(OpenError::Layout { found: self.layout.clone() });
        }
        let shards = self.shards.parse().ok().filter(|shards| (1..=SHARDS_MAX).contains(shards));
        let shards = shards.ok_or_else(|| OpenError::Empty("its root is damaged".to_owned()))?;
        let formerly = self.formerly.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
        Ok(Root { id: self.id.clone(), shards, whole: self.whole, formerly })
    }
}

/// Layout, id, shards, whether all are made, and earlier ids; answers what stands.
async fn write_root(link: &Link, url: &StoreUrl, fields: [&str; 5]) -> Result<Written, LedgerError> {
    let (key, slot) = root_key(url.prefix());
    let written = link.call(Lane::Admin, slot, &scripts::ROOT, &[key], &fields, wait_of(url)).await?;
    Written::of(confirmed(url, written)?)?.ok_or_else(|| super::reply::strange(&redis::Value::Nil))
}

/// Notes that the history of these stores is restored into this one.
pub(super) async fn succeed(link: &Link, url: &StoreUrl, root: &Written, stores: &[String]) -> Result<(), LedgerError> {
    let mut formerly: Vec<&str> = root.formerly.split(',').filter(|id| !id.is_empty()).collect();
    formerly.extend(stores.iter().map(String::as_str).filter(|id| *id != root.id));
    formerly.sort_unstable();
    formerly.dedup();
    if !formerly.is_empty() {
        write_root(link, url, [&root.layout, &root.id, &root.shards, "", &formerly.join(",")]).await?;
    }
    Ok(())
}

/// The root, if there is one.
pub(super) async fn read_root(link: &Link, prefix: &str) -> Result<Option<Written>, LedgerError> {
    let (key, slot) = root_key(prefix);
    let command = redis::cmd("HMGET").arg(key).arg(&["layout", "store", "shards", "whole", "formerly"]).to_owned();
    Written::of(link.command(Lane::Admin, slot, &command).await?)
}

/// What is made is made for good: it waits for replicas as every write does.
fn wait_of(url: &StoreUrl) -> Option<Wait> {
    Wait::of(url, REPLICAS_WITHIN)
}

fn confirmed(url: &StoreUrl, (value, confirmed): (redis::Value, Option<u32>)) -> Result<redis::Value, LedgerError> {
    match confirmed {
        Some(confirmed) if confirmed < url.min_replicas() => Err(LedgerError::OutcomeUnknown(format!(
            "{confirmed} of {} replicas have confirmed it: do it again",
            url.min_replicas()
        ))),
        _ => Ok(value),
    }
}

/// `shard 2`, `shards 0, 1 and 3`.
fn list(shards: &[u16]) -> String {
    let numbers: Vec<String> = shards.iter().map(u16::to_string).collect();
    match numbers.split_last() {
        None => "no shard".to_owned(),
        Some((one, [])) => format!("shard {one}"),
        Some((last, others)) => format!("shards {} and {last}", others.join(", ")),
    }
}

/// Reads what the store is.
pub(super) async fn root(link: &Link, prefix: &str) -> Result<Root, OpenError> {
    match read_root(link, prefix).await? {
        Some(root) => root.read(),
        None => Err(OpenError::Empty("there is no store at this address".to_owned())),
    }
}

/// Is all of the store there?
pub(super) async fn check(link: &Link, root: &Root, shards: &[Shard]) -> Result<(), OpenError> {
    if !root.whole {
        return Err(OpenError::Empty(format!("the making of store `{}` was interrupted", root.id)));
    }
    let mut lost = Vec::new();
    let each = shards.iter().map(|shard| async move { (shard, head(link, shard).await) });
    for (shard, head) in futures_util::future::join_all(each).await {
        match head {
            Ok(Some(head)) if head.store == root.id => {}
            Ok(Some(head)) => {
                let why = format!("shard {} is of store `{}`, and the root of `{}`", shard.number, head.store, root.id);
                return Err(LedgerError::Unavailable(why).into());
            }
            Ok(None) => lost.push(shard.number),
            // Its slot is on its way, or its server starts: it is there.
            Err(LedgerError::Unavailable(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let some =
        |lost: &[u16]| format!("{} of {} {} no head", list(lost), root.shards, if lost.len() == 1 { "has" } else { "have" });
    if lost.is_empty() { Ok(()) } else { Err(OpenError::Empty(some(&lost))) }
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
