//! What keeps allotments right when somebody died or a server lost something? Open transfers are finished, and after a loss
//! every shard may sell what it has sold, and every bank has granted what the shards have.

use std::collections::BTreeSet;

use super::super::change::Move;
use super::super::lane::{Trouble, digits};
use super::super::link::Lane;
use super::super::reply::{Reply, number};
use super::super::{Part, Store, scripts};
use super::transfer::{self, transfers};
use crate::ledger::LedgerError;
use crate::name::Name;

impl Store {
    /// Finishes every transfer that is open: somebody may have died over it. A shard that does not answer keeps its own.
    pub(in super::super) async fn finish_open(&self) -> usize {
        if self.parts.len() < 2 {
            return 0;
        }
        let each = self.parts.iter().map(|part| self.finish_open_of(part));
        futures_util::future::join_all(each).await.into_iter().map(|finished| finished.unwrap_or(0)).sum()
    }

    async fn finish_open_of(&self, part: &Part) -> Result<usize, Trouble> {
        let command = redis::cmd("HGETALL").arg(part.post.shard.sent()).to_owned();
        let open = part.post.link.command(Lane::Admin, part.post.shard.slot, &command).await?;
        let mut open = Reply::of(open).map_err(Trouble::Never)?;
        let open = transfers(part.post.shard.number, &mut open).map_err(Trouble::Never)?;
        for transfer in &open {
            self.finish(transfer).await?;
        }
        Ok(open.len())
    }

    /// After a loss: what left a shard and is not known there any more arrives nowhere, and allotments add up again.
    pub(in super::super) async fn balance_all(&self) -> Result<(), LedgerError> {
        if self.parts.len() < 2 {
            return Ok(());
        }
        let nothing = Name::from_bytes(b"");
        let stands = self.patiently(|| self.survey(&nothing)).await?;
        for part in &self.parts {
            self.patiently(|| self.finish_open_of(part)).await?;
        }
        for (from, stand) in (0_u16..).zip(&stands) {
            for to in (0..self.shards()).filter(|to| *to != from) {
                self.patiently(|| self.fence(from, to, stand.epoch)).await?;
            }
        }
        let mut counters = BTreeSet::new();
        for part in &self.parts {
            // What has not changed for long has reached every replica.
            let command = redis::cmd("ZRANGE").arg(part.post.shard.changed_allotments()).arg(0).arg(-1).to_owned();
            let read = || async { Ok(part.post.link.command(Lane::Admin, part.post.shard.slot, &command).await?) };
            let mut changed = Reply::of(self.patiently(read).await?)?;
            while !changed.is_empty() {
                counters.extend(changed.bytes()?.map(|name| Name::from_bytes(&name)));
            }
        }
        for counter in counters {
            self.patiently(|| self.balance(&counter)).await?;
        }
        Ok(())
    }

    /// A record that was lost is back: its shard may sell what it has sold. While it recovers, all is balanced before it opens.
    pub(in super::super) async fn mend_allotments(
        &self,
        part: &Part,
        shared: &[Move],
        recovering: bool,
    ) -> Result<(), LedgerError> {
        for Move { counter, .. } in shared.iter().filter(|moved| moved.by > 0) {
            if recovering {
                self.patiently(|| self.lift(part, counter)).await?;
            } else {
                self.patiently(|| self.balance(counter)).await?;
            }
        }
        Ok(())
    }

    /// Makes the allotments of a counter add up again.
    pub(in super::super) async fn balance(&self, counter: &Name) -> Result<(), Trouble> {
        for part in &self.parts {
            self.lift(part, counter).await?;
        }
        let stands = self.settled(counter).await?;
        let truth = stands.iter().map(|stand| stand.granted).fold(0, i64::saturating_add);
        let bank = self.part(self.bank_of(counter));
        let stand = stands.get(usize::from(bank.post.shard.number)).ok_or_else(transfer::no_such_shard)?;
        if stand.bank == truth {
            return Ok(());
        }
        let arguments = vec![digits(stand.changes), digits(truth)];
        let keys = vec![bank.post.shard.bank(counter)];
        let stood = bank.post.run_in(Lane::Admin, &scripts::BALANCE, b"r", keys, arguments, bank.post.wait).await?;
        match number(&stood).map_err(Trouble::Never)? {
            1 => Ok(()),
            _ => Err(Trouble::NotNow(format!("stock of `{counter}` moves between shards"))),
        }
    }

    /// A shard may sell at least what it has sold.
    pub(in super::super) async fn lift(&self, part: &Part, counter: &Name) -> Result<(), Trouble> {
        let shard = &part.post.shard;
        let keys = vec![shard.counter(counter), shard.grant(counter), shard.bank(counter), shard.changed_allotments()];
        let arguments = vec![counter.as_bytes().to_vec()];
        part.post.run_in(Lane::Admin, &scripts::LIFT, b"r", keys, arguments, part.post.wait).await.map(|_| ())
    }
}
