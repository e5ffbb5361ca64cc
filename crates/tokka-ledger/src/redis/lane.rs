//! How do many callers share a script? What arrives while one is on its way travels in the next one. No timer waits for
//! company: an idle lane sends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::Value;
use tokio::sync::{Notify, mpsc, oneshot};

use super::change::{Applied, Wire};
use super::layout::{self, Shard};
use super::link::{Fault, Lane, Link, Script, Wait};
use super::reply::Reply;
use super::scripts;
use super::server_clock::ServerClock;
use crate::ledger::LedgerError;
use crate::model::Millis;

/// At most this many operations a script, and …
const BATCH_MAX: usize = 64;
/// … about this many counters: a script stops its server for less than a millisecond.
const COUNTERS_MAX: usize = 512;
/// At most this many values a read.
const VALUES_MAX: usize = 1_024;
/// Operations that may wait for their script.
const QUEUE_MAX: usize = 8_192;

/// How to speak to one shard.
pub(crate) struct Post {
    pub(crate) link: Arc<Link>,
    pub(crate) shard: Shard,
    /// Layout, store and shards, as every script wants them.
    pub(crate) identity: [Vec<u8>; 3],
    pub(crate) clock: ServerClock,
    /// What every answer to a write waits for.
    pub(crate) wait: Option<Wait>,
    /// Somebody was told that the shard recovers.
    pub(crate) closed: Notify,
    /// The latest epoch that was seen.
    pub(crate) epoch: AtomicU64,
    /// The highest revision that was seen to be admitted.
    pub(crate) admitted: AtomicU64,
}

/// Why a script has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing was done; it may be better in a moment.
    NotNow(String),
    /// It may have been done, and may be asked for again.
    Unknown(String),
    /// Nothing was done, and asking again will not help.
    Never(LedgerError),
}

impl Post {
    pub(crate) fn new(link: Arc<Link>, shard: Shard, identity: [Vec<u8>; 3], clock: ServerClock, wait: Option<Wait>) -> Self {
        let (epoch, admitted) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { link, shard, identity, clock, wait, closed: Notify::new(), epoch, admitted }
    }

    /// An answer says in which epoch it was given, and when. What a server says of an earlier one counts no more: another
    /// has taken its place, and it has not heard of that yet.
    pub(crate) fn heard(&self, epoch: u64, time: Millis) -> Result<(), Trouble> {
        if self.epoch.fetch_max(epoch, Ordering::AcqRel) > epoch {
            return Err(Trouble::Unknown("a server answered that another one has replaced".to_owned()));
        }
        self.clock.heard(time);
        Ok(())
    }

    /// Runs a script over keys of this shard.
    pub(crate) async fn run(
        &self,
        lane: Lane,
        script: &'static Script,
        keys: Vec<Vec<u8>>,
        arguments: Vec<Vec<u8>>,
    ) -> Result<Value, Trouble> {
        self.run_in(lane, script, b"", keys, arguments, None).await
    }

    /// Likewise, in a mode of `scripts/head.lua`.
    pub(crate) async fn run_in(
        &self,
        lane: Lane,
        script: &'static Script,
        mode: &[u8],
        mut keys: Vec<Vec<u8>>,
        arguments: Vec<Vec<u8>>,
        wait: Option<Wait>,
    ) -> Result<Value, Trouble> {
        keys.insert(0, self.shard.head());
        let mut all = Vec::with_capacity(arguments.len().saturating_add(4));
        all.extend(self.identity.iter().cloned());
        all.push(mode.to_vec());
        all.extend(arguments);
        // Boxed: a call is a deep future, and all that waits for it would be as large.
        let answered = Box::pin(self.link.call(lane, self.shard.slot, script, &keys, &all, wait)).await;
        if matches!(&answered, Err(Fault::Script(why)) if why == "TOKKA RECOVERING") {
            self.closed.notify_one();
        }
        let (value, confirmed) = answered.map_err(Trouble::from)?;
        if let (Some(wait), Some(confirmed)) = (wait, confirmed)
            && confirmed < wait.replicas
        {
            let why = format!("{confirmed} of {} replicas have confirmed it", wait.replicas);
            return Err(Trouble::Unknown(why));
        }
        Ok(value)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NothingDone(why) => Self::NotNow(why),
            Fault::Unknown(why) => Self::Unknown(why),
            Fault::Script(why) => match why.strip_prefix("TOKKA ") {
                Some("RECOVERING") => Self::NotNow("the shard recovers from a change of its server".to_owned()),
                Some("EMPTY") => Self::Never(LedgerError::Empty(
                    "a shard has no head: it was emptied (`tokka store restore`), or never made (`tokka store init`)".to_owned(),
                )),
                Some(other) => Self::Never(LedgerError::Unavailable(format!(
                    "the store is not the one that this process has opened ({other}): restart it"
                ))),
                None => Self::Never(LedgerError::OutcomeUnknown(format!("a script failed: {why}"))),
            },
        }
    }
}

impl From<Trouble> for LedgerError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NotNow(why) => Self::Unavailable(why),
            Trouble::Unknown(why) => Self::OutcomeUnknown(why),
            Trouble::Never(error) => error,
        }
    }
}

/// Sends changes of records.
pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
    /// The number of the last batch that was acknowledged with an effect.
    pub(crate) acknowledged: Arc<AtomicU64>,
}

struct Job {
    wire: Wire,
    answer: oneshot::Sender<Result<Applied, Trouble>>,
}

impl Writer {
    pub(crate) fn start(post: Arc<Post>, instance: &str, log_max: u64) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let acknowledged = Arc::new(AtomicU64::new(0));
        let sending = Sending {
            post,
            instance: instance.as_bytes().to_vec(),
            log_max: log_max.to_string().into_bytes(),
            number: 0,
            acknowledged: Arc::clone(&acknowledged),
        };
        tokio::spawn(sending.run(jobs));
        Self { queue, acknowledged }
    }

    /// Does one operation, together with whatever else waits.
    pub(crate) async fn apply(&self, wire: Wire) -> Result<Applied, Trouble> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Job { wire, answer }).map_err(|_| Trouble::Never(LedgerError::Overloaded))?;
        answered.await.unwrap_or_else(|_| Err(Trouble::Unknown("the store is being closed".to_owned())))
    }
}

struct Sending {
    post: Arc<Post>,
    instance: Vec<u8>,
    log_max: Vec<u8>,
    number: u64,
    acknowledged: Arc<AtomicU64>,
}

impl Sending {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = Vec::with_capacity(BATCH_MAX);
        loop {
            let room = BATCH_MAX.saturating_sub(waiting.len());
            if waiting.is_empty() {
                if jobs.recv_many(&mut waiting, room).await == 0 {
                    return;
                }
            } else {
                while waiting.len() < BATCH_MAX {
                    let Ok(job) = jobs.try_recv() else { break };
                    waiting.push(job);
                }
            }
            let count = fitting(&waiting);
            let batch: Vec<Job> = waiting.drain(..count).collect();
            self.send(batch).await;
        }
    }

    async fn send(&mut self, batch: Vec<Job>) {
        let frees = batch.iter().all(|job| job.wire.frees);
        let script = if frees { &scripts::SETTLE } else { &scripts::APPLY };
        match self.call(script, &batch).await {
            Ok(answers) => tell(batch, answers),
            // No memory for what takes; what gives back still goes.
            Err(Trouble::NotNow(why)) if !frees && why.contains("OOM ") => {
                let (freeing, taking): (Vec<Job>, Vec<Job>) = batch.into_iter().partition(|job| job.wire.frees);
                fail(taking, &Trouble::Never(LedgerError::Unavailable(why)));
                if !freeing.is_empty() {
                    match self.call(&scripts::SETTLE, &freeing).await {
                        Ok(answers) => tell(freeing, answers),
                        Err(trouble) => fail(freeing, &trouble),
                    }
                }
            }
            Err(trouble) => fail(batch, &trouble),
        }
    }

    /// The answers, one an operation.
    async fn call(&mut self, script: &'static Script, batch: &[Job]) -> Result<Vec<Result<Applied, Trouble>>, Trouble> {
        self.number = self.number.saturating_add(1);
        let shard = &self.post.shard;
        let mut keys = vec![shard.deadlines(), shard.ages(), shard.log()];
        let mut arguments = vec![self.instance.clone(), self.number.to_string().into_bytes(), self.log_max.clone()];
        for job in batch {
            keys.extend(job.wire.keys.iter().cloned());
            arguments.extend(job.wire.arguments.iter().cloned());
        }
        let value = self.post.run_in(Lane::Write, script, b"", keys, arguments, self.post.wait).await?;
        let mut reply = Reply::of(value).map_err(Trouble::Never)?;
        let read = |reply: &mut Reply| Ok::<_, LedgerError>((reply.unsigned()?, reply.number()?));
        let (epoch, time) = read(&mut reply).map_err(Trouble::Never)?;
        self.post.heard(epoch, time)?;
        let mut answers = Vec::with_capacity(batch.len());
        let mut wrote = false;
        for job in batch {
            let applied = reply.next().and_then(|answer| job.wire.read(epoch, answer)).map_err(Trouble::Never);
            wrote |= matches!(applied, Ok(Applied::Done { .. }));
            answers.push(applied);
        }
        if wrote {
            self.acknowledged.store(self.number, Ordering::Release);
        }
        Ok(answers)
    }
}

/// How many of the first operations travel together.
fn fitting(waiting: &[Job]) -> usize {
    let mut counters = 0_usize;
    let mut count = 0_usize;
    for job in waiting.iter().take(BATCH_MAX) {
        counters = counters.saturating_add(job.wire.counters).saturating_add(1);
        // One alone goes whatever it names.
        if count > 0 && counters > COUNTERS_MAX {
            break;
        }
        count = count.saturating_add(1);
    }
    count
}

fn tell(batch: Vec<Job>, answers: Vec<Result<Applied, Trouble>>) {
    for (job, answer) in batch.into_iter().zip(answers) {
        // Whoever does not wait any more looks at the record by its id.
        let _ = job.answer.send(answer);
    }
}

fn fail(batch: Vec<Job>, trouble: &Trouble) {
    for job in batch {
        let _ = job.answer.send(Err(trouble.clone()));
    }
}

/// Reads values of keys.
pub(crate) struct Reader {
    queue: mpsc::Sender<Question>,
}

struct Question {
    keys: Vec<Vec<u8>>,
    answer: oneshot::Sender<Result<Values, Trouble>>,
}

/// What was read at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    /// The last position of the log then.
    pub(crate) end: u64,
    /// The shard recovers: what is not there may only not be there yet.
    pub(crate) recovering: bool,
    /// The lowest revision that holds are admitted at.
    pub(crate) admitted: u64,
    /// In the order of the keys.
    pub(crate) values: Vec<Option<Vec<u8>>>,
}

impl Reader {
    pub(crate) fn start(post: Arc<Post>) -> Self {
        let (queue, questions) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(answer(post, questions));
        Self { queue }
    }

    /// All of these as they are at one moment.
    pub(crate) async fn read(&self, keys: Vec<Vec<u8>>) -> Result<Values, Trouble> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Question { keys, answer }).map_err(|_| Trouble::Never(LedgerError::Overloaded))?;
        answered.await.unwrap_or_else(|_| Err(Trouble::NotNow("the store is being closed".to_owned())))
    }
}

async fn answer(post: Arc<Post>, mut questions: mpsc::Receiver<Question>) {
    let mut waiting: Vec<Question> = Vec::new();
    loop {
        if waiting.is_empty() && questions.recv_many(&mut waiting, BATCH_MAX).await == 0 {
            return;
        }
        let mut count = 0_usize;
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for question in &waiting {
            if count > 0 && keys.len().saturating_add(question.keys.len()) > VALUES_MAX {
                break;
            }
            keys.extend(question.keys.iter().cloned());
            count = count.saturating_add(1);
        }
        let batch: Vec<Question> = waiting.drain(..count).collect();
        let read = match post.run_in(Lane::Read, &scripts::READ, b"r", keys, Vec::new(), None).await {
            Ok(value) => values(&post, value),
            Err(trouble) => Err(trouble),
        };
        match read {
            Ok(Values { end, recovering, admitted, values }) => {
                let mut values = values.into_iter();
                for question in batch {
                    let values = values.by_ref().take(question.keys.len()).collect();
                    let _ = question.answer.send(Ok(Values { end, recovering, admitted, values }));
                }
            }
            Err(trouble) => {
                for question in batch {
                    let _ = question.answer.send(Err(trouble.clone()));
                }
            }
        }
    }
}

fn values(post: &Post, value: Value) -> Result<Values, Trouble> {
    let (epoch, time, values) = read_values(value).map_err(Trouble::Never)?;
    // Nothing was changed by it.
    post.heard(epoch, time).map_err(|trouble| Trouble::NotNow(LedgerError::from(trouble).to_string()))?;
    if values.recovering {
        post.closed.notify_one();
    }
    post.admitted.fetch_max(values.admitted, Ordering::AcqRel);
    Ok(values)
}

fn read_values(value: Value) -> Result<(u64, Millis, Values), LedgerError> {
    let mut reply = Reply::of(value)?;
    let (epoch, time) = (reply.unsigned()?, reply.number()?);
    let end = reply.unsigned()?;
    let recovering = reply.text()? != "open";
    let admitted = reply.unsigned()?;
    let mut values = Vec::new();
    while !reply.is_empty() {
        values.push(reply.bytes()?);
    }
    Ok((epoch, time, Values { end, recovering, admitted, values }))
}

/// A number as an argument.
pub(crate) fn digits(number: impl ToString) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// Layout, store and shards, as every script wants them.
pub(crate) fn identity(store: &str, shards: u16) -> [Vec<u8>; 3] {
    [digits(layout::LAYOUT), store.as_bytes().to_vec(), digits(shards)]
}
