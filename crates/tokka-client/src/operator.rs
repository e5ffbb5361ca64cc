//! What can an operator ask? What happened, as a stream that goes on after a broken connection, and whether the store
//! agrees with itself. At the admin address of a server.

use tokka_proto::v1;
use tokka_proto::v1::event_service_client::EventServiceClient;
use tokka_proto::v1::store_service_client::StoreServiceClient;
use tokka_proto::v1::subscribe_response::What;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::client::{ANSWER_BYTES_MAX, ConnectError, endpoint};
use crate::config::Config;
use crate::error::Error;
use crate::retry::{Kind, with_retries};

/// Asks the admin address of one server. A clone shares its connection.
#[derive(Debug, Clone)]
pub struct Operator {
    events: EventServiceClient<Channel>,
    stores: StoreServiceClient<Channel>,
    config: Config,
}

impl Operator {
    /// A client of an admin address. The connection comes up with the first call, and again whenever it broke.
    ///
    /// # Errors
    /// [`ConnectError`]: the address is none, or asks for TLS, which takes [`Operator::over`].
    pub fn new(config: Config) -> Result<Self, ConnectError> {
        let endpoint = endpoint(&config)?;
        Ok(Self::over(endpoint.connect_lazy(), config))
    }

    /// A client over a channel that the caller made; the address of the configuration means nothing then.
    ///
    /// Needs a Tokio runtime, as does [`Operator::new`].
    #[must_use]
    pub fn over(channel: Channel, config: Config) -> Self {
        let events = EventServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let stores = StoreServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Self { events, stores, config }
    }

    /// Reconciles counters, records and log. It reads every record, and its deadline is [`crate::Deadlines::operate`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn verify(&self) -> Result<v1::VerifyResponse, Error> {
        let Config { retries, deadlines, .. } = &self.config;
        with_retries(retries, Kind::Read, deadlines.operate, v1::VerifyRequest {}, |request| {
            let mut stores = self.stores.clone();
            async move { stores.verify(request).await }
        })
        .await
    }

    /// The log after a cursor, as the request says. Nothing is asked before [`Subscription::next`].
    #[must_use]
    pub fn subscribe(&self, request: v1::SubscribeRequest) -> Subscription {
        Subscription { operator: self.clone(), request, stream: None, over: false }
    }
}

/// A stream of events. A broken one goes on after the last cursor that came: every event comes at least once, and
/// readers drop repeats by `(reservation_id, version)`.
#[derive(Debug)]
pub struct Subscription {
    operator: Operator,
    /// What is asked for where the stream breaks now.
    request: v1::SubscribeRequest,
    stream: Option<Streaming<v1::SubscribeResponse>>,
    over: bool,
}

impl Subscription {
    /// The next part; `None` at the end. To wait for it is no failure, however long it takes. Dropping the call and
    /// calling again loses nothing.
    ///
    /// # Errors
    /// [`Error`]: a refusal, or a server that could not be reached as often as questions are tried. Calling again goes on.
    pub async fn next(&mut self) -> Result<Option<v1::SubscribeResponse>, Error> {
        let retries = self.operator.config.retries;
        let mut attempt = 0;
        while !self.over {
            attempt += 1;
            let error = match self.try_next().await {
                Ok(None) => {
                    self.over = true;
                    break;
                }
                Ok(Some(part)) => {
                    self.told(&part);
                    return Ok(Some(part));
                }
                Err(status) => Error::from_status(&status, attempt),
            };
            self.stream = None;
            let asked = match &error {
                Error::Unavailable { retry_after, .. } | Error::OutcomeUnknown { retry_after, .. } => *retry_after,
                _ => return Err(error),
            };
            if attempt >= retries.attempts_max(Kind::Read) {
                return Err(error);
            }
            tokio::time::sleep(retries.wait(attempt, asked, |range| fastrand::u64(0..=range))).await;
        }
        Ok(None)
    }

    /// Where to subscribe again: all up to here has come.
    #[must_use]
    pub fn cursor(&self) -> &[u8] {
        &self.request.after
    }

    async fn try_next(&mut self) -> Result<Option<v1::SubscribeResponse>, tonic::Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            // No deadline travels with it: the stream may last for days.
            none => none.insert(self.operator.events.subscribe(self.request.clone()).await?.into_inner()),
        };
        stream.message().await
    }

    fn told(&mut self, part: &v1::SubscribeResponse) {
        self.request.after.clone_from(&part.cursor);
        if self.request.events_max > 0
            && let Some(What::Batch(batch)) = &part.what
        {
            let told = i64::try_from(batch.events.len()).unwrap_or(i64::MAX);
            self.request.events_max = self.request.events_max.saturating_sub(told);
            // 0 would ask for all of them.
            self.over = self.request.events_max <= 0;
        }
    }
}
