//! How do many callers share a script? What arrives while one is on its way travels in the next one. No timer waits for
//! company: an idle lane sends at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::Value;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

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
/// At most this many questions a read, and …
const QUESTIONS_MAX: usize = 256;
/// … about this many values.
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
        keys: Vec<Vec<u8>>,
        arguments: Vec<Vec<u8>>,
        wait: Option<Wait>,
    ) -> Result<Value, Trouble> {
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        self.run_with(lane, script, mode, &keys, &arguments, wait).await
    }

    /// Likewise, of what others own.
    async fn run_with(
        &self,
        lane: Lane,
        script: &'static Script,
        mode: &[u8],
        keys: &[&[u8]],
        arguments: &[&[u8]],
        wait: Option<Wait>,
    ) -> Result<Value, Trouble> {
        let head = self.shard.head();
        let mut all_keys = Vec::with_capacity(keys.len().saturating_add(1));
        all_keys.push(head.as_slice());
        all_keys.extend_from_slice(keys);
        let mut all = Vec::with_capacity(arguments.len().saturating_add(4));
        all.extend(self.identity.iter().map(Vec::as_slice));
        all.push(mode);
        all.extend_from_slice(arguments);
        // Boxed: a call is a deep future, and all that waits for it would be as large.
        let answered = Box::pin(self.link.call(lane, self.shard.slot, script, &all_keys, &all, wait)).await;
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

/// Who sends what waits, and how much of it at once.
trait Carrier: Send + Sized + 'static {
    type Job: Send + 'static;

    /// How many of the first jobs travel together; of some at least one.
    fn fitting(waiting: &VecDeque<Self::Job>) -> usize;

    /// Sends them and answers each.
    fn carry(&mut self, batch: Vec<Self::Job>) -> impl Future<Output = ()> + Send;
}

/// One batch at a time is on its way. Whoever finds the lane idle sends for himself, with no hop to another task; what
/// arrives meanwhile is sent by a task that lives until nothing waits.
struct Queue<C: Carrier>(Arc<Mutex<State<C>>>);

struct State<C: Carrier> {
    /// Here while nothing is on its way, and then nothing waits.
    idle: Option<C>,
    waiting: VecDeque<C::Job>,
}

impl<C: Carrier> Queue<C> {
    fn new(carrier: C) -> Self {
        Self(Arc::new(Mutex::new(State { idle: Some(carrier), waiting: VecDeque::new() })))
    }

    /// Returns once the job was sent, or when it waits for its turn.
    async fn enter(&self, job: C::Job) -> Result<(), Trouble> {
        let carrier = {
            let mut state = lock(&self.0);
            let Some(carrier) = state.idle.take() else {
                if state.waiting.len() >= QUEUE_MAX {
                    return Err(Trouble::Never(LedgerError::Overloaded));
                }
                state.waiting.push_back(job);
                return Ok(());
            };
            carrier
        };
        let mut turn = Turn { state: Arc::clone(&self.0), carrier: Some(carrier), hands_on: true };
        if let Some(carrier) = &mut turn.carrier {
            carrier.carry(vec![job]).await;
        }
        Ok(())
    }
}

/// The right to send. It is given back when this is dropped, also where its holder does not wait any more.
struct Turn<C: Carrier> {
    state: Arc<Mutex<State<C>>>,
    carrier: Option<C>,
    /// What waits by then gets a task of its own.
    hands_on: bool,
}

impl<C: Carrier> Turn<C> {
    async fn drain(mut self) {
        loop {
            let batch: Vec<C::Job> = {
                let mut state = lock(&self.state);
                if state.waiting.is_empty() {
                    state.idle = self.carrier.take();
                    return;
                }
                let count = C::fitting(&state.waiting);
                state.waiting.drain(..count).collect()
            };
            let Some(carrier) = &mut self.carrier else { return };
            carrier.carry(batch).await;
        }
    }
}

impl<C: Carrier> Drop for Turn<C> {
    fn drop(&mut self) {
        let Some(carrier) = self.carrier.take() else { return };
        let mut state = lock(&self.state);
        if !state.waiting.is_empty()
            && self.hands_on
            && let Ok(runtime) = Handle::try_current()
        {
            drop(state);
            let next = Self { state: Arc::clone(&self.state), carrier: Some(carrier), hands_on: false };
            runtime.spawn(next.drain());
            return;
        }
        // The process ends: nobody sends any more, and who waits is told so.
        let given_up = std::mem::take(&mut state.waiting);
        state.idle = Some(carrier);
        drop(state);
        drop(given_up);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends changes of records.
pub(crate) struct Writer {
    queue: Queue<Sending>,
    /// The number of the last batch that was acknowledged with an effect.
    pub(crate) acknowledged: Arc<AtomicU64>,
}

struct Job {
    wire: Wire,
    answer: oneshot::Sender<Result<Applied, Trouble>>,
}

impl Writer {
    pub(crate) fn start(post: Arc<Post>, instance: &str, log_max: u64) -> Self {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let sending = Sending {
            shared: [post.shard.deadlines(), post.shard.ages(), post.shard.log()],
            post,
            instance: instance.as_bytes().to_vec(),
            log_max: log_max.to_string().into_bytes(),
            number: 0,
            acknowledged: Arc::clone(&acknowledged),
        };
        Self { queue: Queue::new(sending), acknowledged }
    }

    /// Does one operation, together with whatever else waits.
    pub(crate) async fn apply(&self, wire: Wire) -> Result<Applied, Trouble> {
        let (answer, answered) = oneshot::channel();
        self.queue.enter(Job { wire, answer }).await?;
        answered.await.unwrap_or_else(|_| Err(Trouble::Unknown("the store is being closed".to_owned())))
    }
}

struct Sending {
    post: Arc<Post>,
    /// The keys that every batch names.
    shared: [Vec<u8>; 3],
    instance: Vec<u8>,
    log_max: Vec<u8>,
    number: u64,
    acknowledged: Arc<AtomicU64>,
}

impl Carrier for Sending {
    type Job = Job;

    fn fitting(waiting: &VecDeque<Job>) -> usize {
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

    async fn carry(&mut self, batch: Vec<Job>) {
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
}

impl Sending {
    /// The answers, one an operation.
    async fn call(&mut self, script: &'static Script, batch: &[Job]) -> Result<Vec<Result<Applied, Trouble>>, Trouble> {
        self.number = self.number.saturating_add(1);
        let number = self.number.to_string();
        let mut keys: Vec<&[u8]> = self.shared.iter().map(Vec::as_slice).collect();
        let mut arguments: Vec<&[u8]> = vec![&self.instance, number.as_bytes(), &self.log_max];
        for job in batch {
            keys.extend(job.wire.keys.iter().map(Vec::as_slice));
            arguments.extend(job.wire.arguments.iter().map(Vec::as_slice));
        }
        let value = self.post.run_with(Lane::Write, script, b"", &keys, &arguments, self.post.wait).await?;
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
    queue: Queue<Asking>,
}

struct Question {
    keys: Vec<Vec<u8>>,
    answer: oneshot::Sender<Result<Values, Trouble>>,
}

/// What was read at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    /// The history that they are of.
    pub(crate) epoch: u64,
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
        Self { queue: Queue::new(Asking { post }) }
    }

    /// All of these as they are at one moment.
    pub(crate) async fn read(&self, keys: Vec<Vec<u8>>) -> Result<Values, Trouble> {
        let (answer, answered) = oneshot::channel();
        self.queue.enter(Question { keys, answer }).await?;
        answered.await.unwrap_or_else(|_| Err(Trouble::NotNow("the store is being closed".to_owned())))
    }
}

struct Asking {
    post: Arc<Post>,
}

impl Carrier for Asking {
    type Job = Question;

    fn fitting(waiting: &VecDeque<Question>) -> usize {
        let mut keys = 0_usize;
        let mut count = 0_usize;
        for question in waiting.iter().take(QUESTIONS_MAX) {
            keys = keys.saturating_add(question.keys.len());
            // One alone goes whatever it asks for.
            if count > 0 && keys > VALUES_MAX {
                break;
            }
            count = count.saturating_add(1);
        }
        count
    }

    async fn carry(&mut self, batch: Vec<Question>) {
        let keys: Vec<&[u8]> = batch.iter().flat_map(|question| &question.keys).map(Vec::as_slice).collect();
        let read = match self.post.run_with(Lane::Read, &scripts::READ, b"r", &keys, &[], None).await {
            Ok(value) => values(&self.post, value),
            Err(trouble) => Err(trouble),
        };
        match read {
            Ok(Values { epoch, end, recovering, admitted, values }) => {
                let mut values = values.into_iter();
                for question in batch {
                    let values = values.by_ref().take(question.keys.len()).collect();
                    let _ = question.answer.send(Ok(Values { epoch, end, recovering, admitted, values }));
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
    Ok((epoch, time, Values { epoch, end, recovering, admitted, values }))
}

/// A number as an argument.
pub(crate) fn digits(number: impl ToString) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// Layout, store and shards, as every script wants them.
pub(crate) fn identity(store: &str, shards: u16) -> [Vec<u8>; 3] {
    [digits(layout::LAYOUT), store.as_bytes().to_vec(), digits(shards)]
}
