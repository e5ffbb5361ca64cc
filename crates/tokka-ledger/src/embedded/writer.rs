//! In which order does a store do what? The one thread that owns the state: take what queued, decide, make it durable,
//! publish, answer.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::shared::Shared;
use super::tables::{Append, BatchKey, Item, Tables, Watermark};
use super::{BATCH_MAX, Config, OpenError};
use crate::book::{Ask, Book, Count, Map, Reply};
use crate::ledger::LedgerError;
use crate::name::Name;

/// A batch ends early above this many bytes of payload and documents.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// A call, and who waits for its answer.
pub(super) struct Job {
    pub(super) ask: Ask,
    pub(super) answer: oneshot::Sender<Result<Reply, LedgerError>>,
}

pub(super) struct Writer {
    book: Book<Arc<Shared>>,
    tables: Tables,
    config: Config,
    jobs: mpsc::Receiver<Job>,
    tell: Tell,
    last: BatchKey,
    /// Up to where everything is in the tables.
    folded: BatchKey,
    /// The counters that moved since the last checkpoint began, for the next one, and by how many effects.
    dirty: Map<Name, Count>,
    effects: usize,
    checkpoint: Option<Checkpoint>,
    /// What is written is encoded here first.
    scratch: Vec<u8>,
}

/// A checkpoint that is being written: every batch takes a slice of it with it, so that no caller waits for all of it.
struct Checkpoint {
    items: Vec<Item>,
    written: usize,
    watermark: Watermark,
}

impl Checkpoint {
    /// As much as finishes it within half the effects until the next one.
    fn slice(&self, effects: usize, checkpoint_every: usize) -> &[Item] {
        let share = self.items.len().saturating_mul(effects).saturating_mul(2) / checkpoint_every.max(1);
        let end = self.written.saturating_add(share.max(1)).min(self.items.len());
        self.items.get(self.written..end).unwrap_or_default()
    }
}

impl Writer {
    /// Reads what was folded and repeats the log after it.
    pub(super) fn recover(
        tables: Tables,
        config: Config,
        jobs: mpsc::Receiver<Job>,
        tell: watch::Sender<Option<String>>,
    ) -> Result<Self, OpenError> {
        let broken = |error: LedgerError| OpenError::Store(error.to_string());
        let mut folded = tables.folded(config.log_max, config.log_min).map_err(broken)?;
        let shared = Arc::new(Shared::new(tables.clone(), &mut folded));
        let book = Book::new(shared, folded.window, folded.start, config.retention, Arc::clone(&config.on_broken));
        let last = folded.folded;
        let mut writer = Self {
            book,
            tables,
            config,
            jobs,
            tell: Tell(tell),
            last,
            folded: last,
            dirty: Map::default(),
            effects: 0,
            checkpoint: None,
            scratch: Vec::new(),
        };
        let tables = writer.tables.clone();
        let replayed = tables.batches_after(folded.folded, |key, effects| {
            writer.last = key;
            for logged in effects {
                writer.book.replay(logged)?;
            }
            writer.publish();
            Ok(())
        });
        replayed.map_err(broken)?;
        writer.book.window.trim();
        writer.publish();
        Ok(writer)
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.book.base)
    }

    /// Until every handle is gone, or something cannot be made durable.
    pub(super) fn run(mut self) {
        while let Some(first) = self.jobs.blocking_recv() {
            let batch = self.gather(first);
            if let Err(cause) = self.serve(batch) {
                self.tell.failed(cause);
                return;
            }
        }
    }

    /// Whatever queued meanwhile: no timer, so an idle store adds no latency.
    fn gather(&mut self, first: Job) -> Vec<Job> {
        let mut bytes = weight(&first.ask);
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX {
            let Ok(job) = self.jobs.try_recv() else { break };
            bytes = bytes.saturating_add(weight(&job.ask));
            batch.push(job);
        }
        batch
    }

    fn serve(&mut self, batch: Vec<Job>) -> Result<(), String> {
        let now = self.config.clock.now();
        let mut answers = Vec::with_capacity(batch.len());
        let mut fault = None;
        for Job { ask, answer } in batch {
            let reply = match &fault {
                None => self.book.run(&ask, now),
                Some(cause) => Err(LedgerError::Unavailable(String::clone(cause))),
            };
            if let Err(LedgerError::Unavailable(cause)) = &reply {
                // The file cannot be read: what the draft holds by now may be half of a call.
                fault.get_or_insert_with(|| cause.clone());
            }
            answers.push((answer, reply));
        }
        let durable = match fault {
            Some(cause) => Err(cause),
            None => self.settle(),
        };
        if let Err(cause) = &durable {
            // Told before anybody is answered, so that nobody who was refused finds the store still open.
            self.tell.failed(cause.clone());
        }
        for (answer, reply) in answers {
            let reply = match (&durable, reply) {
                (Ok(()), reply) => reply,
                (Err(cause), Ok(_)) => Err(LedgerError::OutcomeUnknown(cause.clone())),
                (Err(_), Err(error)) => Err(error),
            };
            // Nobody waits any more: the work is done all the same, and a repetition finds it.
            let _ = answer.send(reply);
        }
        durable?;
        if self.effects >= self.config.checkpoint_every && self.checkpoint.is_none() {
            self.begin_checkpoint();
        }
        Ok(())
    }

    /// Makes the draft durable, then visible. Without effects there is nothing to wait for: everything that the batch
    /// has seen was durable before it.
    fn settle(&mut self) -> Result<(), String> {
        if self.book.draft().is_empty() {
            return Ok(());
        }
        let draft = self.book.draft();
        let first = draft.logged.iter().find_map(crate::book::Logged::position);
        let position = first.unwrap_or_else(|| self.book.window.end.saturating_add(1));
        let key = BatchKey { position, batch: self.last.batch.saturating_add(1) };
        let every = self.config.checkpoint_every;
        let slice = self.checkpoint.as_ref().map_or(&[][..], |checkpoint| checkpoint.slice(draft.logged.len(), every));
        let written = slice.len();
        let finished = self.checkpoint.as_ref().and_then(|checkpoint| {
            (checkpoint.written.saturating_add(written) >= checkpoint.items.len()).then_some(checkpoint.watermark)
        });
        let append = Append {
            key,
            logged: &draft.logged,
            readers: draft.readers_moved.then_some(&self.book.window.readers),
            admitted: draft.admitted,
            slice,
            finished,
            folded: self.folded,
            start: self.book.window.start,
        };
        self.tables.append(&append, &mut self.scratch).map_err(|error| format!("a batch could not be written: {error}"))?;
        self.last = key;
        self.publish();
        if let Some(watermark) = finished {
            self.folded = watermark.folded;
            let melted = (self.checkpoint.take(), self.book.base.melt());
            // Where no thread can be had, it is freed here.
            drop(std::thread::Builder::new().spawn(move || drop(melted)));
        } else if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.written = checkpoint.written.saturating_add(written);
        }
        Ok(())
    }

    fn publish(&mut self) {
        let draft = self.book.take_draft();
        self.effects = self.effects.saturating_add(draft.logged.len());
        let moved = self.book.base.publish(draft, &self.book.window, self.last);
        self.dirty.extend(moved);
    }

    fn begin_checkpoint(&mut self) {
        let watermark = Watermark { folded: self.last, end: self.book.window.end };
        let items = self.book.base.freeze(std::mem::take(&mut self.dirty));
        self.checkpoint = Some(Checkpoint { items, written: 0, watermark });
        self.effects = 0;
    }
}

/// Tells everybody once that the store can acknowledge nothing any more; also when its thread panics.
struct Tell(watch::Sender<Option<String>>);

impl Tell {
    fn failed(&self, cause: String) {
        self.0.send_if_modified(|told| {
            let first = told.is_none();
            if first {
                *told = Some(cause);
            }
            first
        });
    }
}

impl Drop for Tell {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.failed("the store's thread panicked".to_owned());
        }
    }
}

/// The bytes that a call adds to its batch, about.
fn weight(ask: &Ask) -> usize {
    match ask {
        Ask::Reserve(hold) | Ask::Take(hold) | Ask::Replace { hold, .. } => {
            hold.documents.iter().fold(hold.payload.len(), |sum, document| sum.saturating_add(document.bytes.len()))
        }
        Ask::Rollback { rollback, .. } => rollback.answer.len().saturating_add(rollback.payload.as_ref().map_or(0, Vec::len)),
        Ask::Put { bytes, .. } => bytes.len(),
        // About what a record holds that moves: each is written again.
        Ask::Expire { max } => max.saturating_mul(4_096),
        // What is written of one is its id, and of its counters; what comes back is written whole.
        Ask::Age { max } => max.saturating_mul(256),
        Ask::Revive(record) => record.payload.len(),
        Ask::Commit { note, .. } => note.as_ref().map_or(0, Vec::len),
        Ask::Extend { .. } | Ask::Pass { .. } | Ask::Admit(_) => 0,
    }
}
