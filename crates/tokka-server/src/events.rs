//! Who hears of what happened? `EventService`: the operation log as a stream, each event joined with its record.
//!
//! A stream is read from the log only as fast as its subscriber takes it: a slow one costs one batch of memory, and holds
//! nothing back. Whoever falls behind the log is told so, and goes on with what there is.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokka_core::basket::FieldViolation;
use tokka_ledger::model::{Cursor, Entry, Event, Events, Millis, Record};
use tokka_ledger::{Ledger, LedgerError};
use tokka_proto::v1;
use tokka_proto::v1::event_service_server::EventService;
use tokka_proto::v1::subscribe_response::What;
use tonic::{Request, Response, Status};

use crate::coupons::record::HandedOut;
use crate::error::ApiError;
use crate::payload::Stored;
use crate::reservations::{self, Reservations};
use crate::response::coupons;
use crate::response::event::{self as wire, OfOrder};

mod order;

/// Streams that are open at once.
pub(crate) const SUBSCRIBERS_MAX: u32 = 64;
/// Events that are read at once for one subscriber, with their records.
const BATCH_MAX: usize = 100;
/// Bytes of one message, about: callers refuse more than 4 MiB.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The service.
#[derive(Clone)]
pub(crate) struct EventFeed {
    reservations: Arc<Reservations>,
    places: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
    poll: Duration,
}

impl fmt::Debug for EventFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFeed").field("places", &self.places.available_permits()).finish_non_exhaustive()
    }
}

impl EventFeed {
    /// A feed whose streams end once `stopping` holds; a subscriber who has read everything looks again every `poll`.
    pub(crate) fn new(reservations: Arc<Reservations>, stopping: watch::Receiver<bool>, poll: Duration) -> Self {
        let places = Arc::new(Semaphore::new(usize::try_from(SUBSCRIBERS_MAX).unwrap_or(usize::MAX)));
        Self { reservations, places, stopping, poll }
    }

    /// Ready once no stream is open.
    pub(crate) async fn ended(&self) {
        // The semaphore is never closed, so all places come back in the end.
        let _ = self.places.acquire_many(SUBSCRIBERS_MAX).await;
    }

    fn ledger(&self) -> &dyn Ledger {
        &*self.reservations.ledger
    }
}

#[tonic::async_trait]
impl EventService for EventFeed {
    type SubscribeStream = BoxStream<'static, Result<v1::SubscribeResponse, Status>>;

    async fn subscribe(&self, request: Request<v1::SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
        if *self.stopping.borrow() {
            return Err(ApiError::Stopping.into());
        }
        let v1::SubscribeRequest { after, stop_at_end, events_max } = request.into_inner();
        let cursor = Cursor(after);
        let mut wrong = Vec::new();
        let left = u64::try_from(events_max).unwrap_or_else(|_| {
            wrong.push(FieldViolation::new("events_max", format!("`{events_max}` is below 0")));
            0
        });
        match self.ledger().events(&cursor, 0).await {
            Ok(_) => {}
            Err(LedgerError::Malformed(why)) => wrong.push(FieldViolation::new("after", why)),
            Err(other) => return Err(ApiError::Store(other).into()),
        }
        if !wrong.is_empty() {
            return Err(ApiError::Invalid(wrong).into());
        }
        let started = self.ledger().now().await.map_err(ApiError::Store)?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| ApiError::Store(LedgerError::Overloaded))?;
        let subscriber = Subscriber {
            feed: self.clone(),
            cursor,
            left: if left == 0 { u64::MAX } else { left },
            stop_at_end,
            started,
            ready: VecDeque::new(),
            over: false,
            _place: place,
        };
        Ok(Response::new(stream::unfold(subscriber, Subscriber::next).boxed()))
    }
}

/// One open stream.
struct Subscriber {
    feed: EventFeed,
    /// All up to here is told, or is `ready`.
    cursor: Cursor,
    /// Events that may still be told.
    left: u64,
    stop_at_end: bool,
    /// When it began, by the store's clock.
    started: Millis,
    /// The messages of a batch that are not taken yet.
    ready: VecDeque<v1::SubscribeResponse>,
    /// Nothing comes after what is ready.
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl Subscriber {
    async fn next(mut self) -> Option<(Result<v1::SubscribeResponse, Status>, Self)> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some((Ok(message), self));
            }
            if self.over || self.left == 0 {
                return None;
            }
            if *self.feed.stopping.borrow() {
                self.over = true;
                return Some((Err(ApiError::Stopping.into()), self));
            }
            if let Err(error) = self.read().await {
                self.over = true;
                return Some((Err(error.into()), self));
            }
        }
    }

    /// Reads the next batch, or waits for one.
    async fn read(&mut self) -> Result<(), ApiError> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(BATCH_MAX);
        let (events, next) = match self.feed.ledger().events(&self.cursor, wanted).await? {
            Events::Batch(events, next) => (events, next),
            Events::Gap(next) => {
                self.cursor = next;
                self.ready.push_back(message(What::Gap(v1::Gap {}), &self.cursor));
                return Ok(());
            }
        };
        let count = events.len();
        if count == 0 && !self.stop_at_end {
            tokio::select! {
                () = tokio::time::sleep(self.feed.poll) => {}
                // Also where nobody is left to say it.
                _ = self.feed.stopping.changed() => {}
            }
            return Ok(());
        }
        // What happened before the call is told once something is that happened later, or nothing is left. Fewer than
        // wanted say nothing: a batch is bounded by bytes too.
        let later = events.last().is_none_or(|event| event.entry.at > self.started);
        self.over = self.stop_at_end && later;
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        let mut complete: Vec<v1::Event> = events.iter().map(told).collect();
        for (event, told) in events.iter().zip(&mut complete) {
            order::complete(&self.feed.reservations, event, told).await?;
        }
        let before = std::mem::replace(&mut self.cursor, next);
        self.ready = messages(complete, &before, &self.cursor);
        Ok(())
    }
}

/// An event as `EventService` tells it. A record that cannot be read is told without its names: whoever follows has to get
/// past it.
#[must_use]
pub fn told(event: &Event) -> v1::Event {
    let Event { entry, record } = event;
    let Entry { id, version, .. } = entry;
    let Some(record) = record else { return wire::event(entry, None) };
    match HandedOut::of(record) {
        Ok(Some(handed_out)) => return wire::handed_out(entry, record, &handed_out),
        Ok(None) => {}
        Err(why) => tracing::error!(record_id = id, version, why, "an event is told without its coupon"),
    }
    let of_order = names(record).unwrap_or_else(|error| {
        tracing::error!(reservation_id = id, version, ?error, "an event is told without the names of its order");
        OfOrder::default()
    });
    wire::of_order(entry, record, of_order)
}

/// Who bought, with which coupons, and what the order is called by now.
fn names(record: &Record) -> Result<OfOrder, ApiError> {
    let (stored, order) = reservations::named(record)?;
    let user = stored.as_ref().map(Stored::buyer).transpose()?.unwrap_or_default().user;
    let coupons = stored.map(|stored| coupons::used(user.as_deref(), &stored.coupons)).unwrap_or_default();
    Ok(OfOrder { user, order, coupons })
}

/// A batch in messages that a caller takes. All but the last bring the cursor from before it: its other events are not
/// told yet.
fn messages(events: Vec<v1::Event>, before: &Cursor, after: &Cursor) -> VecDeque<v1::SubscribeResponse> {
    let (mut parts, mut bytes) = (vec![Vec::new()], 0_usize);
    for event in events {
        let length = event.encoded_len();
        bytes = bytes.saturating_add(length);
        match parts.last_mut() {
            Some(part) if bytes <= MESSAGE_BYTES_MAX || part.is_empty() => part.push(event),
            _ => {
                parts.push(vec![event]);
                bytes = length;
            }
        }
    }
    let last = parts.len().saturating_sub(1);
    let message = |(index, events)| {
        let cursor = if index == last { after } else { before };
        message(What::Batch(v1::EventBatch { events }), cursor)
    };
    parts.into_iter().enumerate().map(message).collect()
}

fn message(what: What, cursor: &Cursor) -> v1::SubscribeResponse {
    v1::SubscribeResponse { what: Some(what), cursor: cursor.0.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_large_events_comes_in_messages_that_a_caller_takes() {
        let event = |bytes: usize| v1::Event { reservation_id: "r".repeat(bytes), ..Default::default() };
        let (before, after) = (Cursor(vec![1]), Cursor(vec![2]));
        let sizes = |events: Vec<v1::Event>| -> Vec<(usize, Vec<u8>)> {
            let told = messages(events, &before, &after).into_iter();
            told.map(|message| match message.what {
                Some(What::Batch(batch)) => (batch.events.len(), message.cursor),
                other => panic!("{other:?}"),
            })
            .collect()
        };
        assert_eq!(sizes(Vec::new()), [(0, vec![2])]);
        assert_eq!(sizes(vec![event(10); 100]), [(100, vec![2])]);
        let half = MESSAGE_BYTES_MAX / 2 - 100;
        assert_eq!(sizes(vec![event(half); 5]), [(2, vec![1]), (2, vec![1]), (1, vec![2])]);
        // One that is larger than a message should be goes alone.
        assert_eq!(sizes(vec![event(half), event(3 * half), event(half)]), [(1, vec![1]), (1, vec![1]), (1, vec![2])]);
    }
}
