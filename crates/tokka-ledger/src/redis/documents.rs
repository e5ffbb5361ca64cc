//! How are small documents kept? Each is one string, its version before its bytes; whoever writes names the version read.

use super::lane::{Trouble, digits};
use super::link::Lane;
use super::reply::Reply;
use super::{Store, codec, layout, scripts};
use crate::bounds;
use crate::ledger::LedgerError;
use crate::model::{Put, Versioned};
use crate::name::Name;

impl Store {
    pub(super) async fn put_document(&self, name: &Name, if_version: u64, bytes: Vec<u8>) -> Result<Put, LedgerError> {
        bounds::bytes("document", &bytes)?;
        let part = self.home_of(name);
        let post = &part.post;
        let put = || async {
            let arguments = vec![digits(if_version), bytes.clone()];
            let keys = vec![post.shard.document(name)];
            let value = post.run_in(Lane::Write, &scripts::PUT, b"", keys, arguments, post.wait).await?;
            (|| {
                let mut reply = Reply::of(value)?;
                post.clock.heard(reply.number()?);
                let written = reply.number()? == 1;
                let version = reply.unsigned()?;
                Ok((written, version, if written { None } else { reply.bytes()? }))
            })()
            .map_err(Trouble::Never)
        };
        let (began, mut tries, mut doubt) = (std::time::Instant::now(), 0_u32, false);
        let (written, version, stands) = loop {
            match put().await {
                Ok(answer) => break answer,
                Err(Trouble::Unknown(_)) if began.elapsed() < self.config.patience => {
                    doubt = true;
                    tries = tries.saturating_add(1);
                    tokio::time::sleep(self.config.pause(tries)).await;
                }
                Err(trouble) if doubt => return Err(LedgerError::OutcomeUnknown(LedgerError::from(trouble).to_string())),
                Err(trouble) => return Err(trouble.into()),
            }
        };
        // What was sent before may have arrived: then it is these bytes that stand in the way.
        let ours = doubt && version == if_version.saturating_add(1) && stands.as_deref() == Some(&*bytes);
        if written || ours {
            part.recent.keep_document(name, Versioned { version, bytes });
            return Ok(Put::Done(version));
        }
        Ok(Put::Moved(version))
    }

    pub(super) async fn read_document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        let part = self.home_of(name);
        let read = self.patiently(|| part.reader.read(vec![part.post.shard.document(name)])).await?;
        let Some(stored) = read.values.into_iter().next().flatten() else {
            if read.recovering {
                return Err(LedgerError::Unavailable("the shard recovers: a document may come back".to_owned()));
            }
            return Ok(None);
        };
        let (version, bytes) = layout::split_version(&stored).ok_or_else(|| codec::damaged("a document"))?;
        Ok(Some(Versioned { version, bytes: bytes.to_vec() }))
    }
}
