//! What can an operator ask? What happened, as a stream that goes on after a broken connection, and whether the store
//! agrees with itself. At the admin address of a server.

use tokka_proto::v1;
use tokka_proto::v1::coupon_service_client::CouponServiceClient;
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
    coupons: CouponServiceClient<Channel>,
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
        let stores = StoreServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let coupons = CouponServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Self { events, stores, coupons, config }
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

    /// Gives a coupon to many users, page by page; every page names the issue and its distribution. `told` hears of each page
    /// that is done. A broken stream goes on with the first page that was not answered, which harms nobody: the id makes
    /// each user's coupon happen once. Answers the sums.
    ///
    /// # Errors
    /// [`Error`]: a refusal, or a server that could not be reached as often as changes are tried.
    pub async fn issue(
        &self,
        pages: Vec<v1::IssueCouponsRequest>,
        mut told: impl FnMut(&v1::IssueCouponsResponse),
    ) -> Result<v1::IssueCouponsResponse, Error> {
        let Config { retries, .. } = self.config;
        let mut sums = v1::IssueCouponsResponse::default();
        let (mut done, mut attempt) = (0_usize, 0);
        loop {
            attempt += 1;
            let begun = sums.clone();
            let left = pages.get(done..).unwrap_or_default().to_vec();
            let answered = async {
                let mut coupons = self.coupons.clone();
                let mut stream = coupons.issue_coupons(tokio_stream::iter(left)).await?.into_inner();
                while let Some(page) = stream.message().await? {
                    sums = added(&begun, page);
                    done = done.saturating_add(1);
                    attempt = 1;
                    told(&sums);
                }
                Ok::<(), tonic::Status>(())
            };
            let Err(status) = answered.await else { return Ok(sums) };
            self.wait_for_another(Error::from_status(&status, attempt), attempt, retries.attempts_max(Kind::Change)).await?;
        }
    }

    /// The single-use codes of a distribution; `told` hears of each page of them. A broken stream goes on where it stood.
    ///
    /// # Errors
    /// [`Error`]: a refusal, or a server that could not be reached as often as questions are tried.
    pub async fn codes(
        &self,
        mut request: v1::GenerateCodesRequest,
        mut told: impl FnMut(&v1::GenerateCodesResponse),
    ) -> Result<(), Error> {
        let Config { retries, .. } = self.config;
        let limited = request.count > 0;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let answered = async {
                let mut stream = self.coupons.clone().generate_codes(request.clone()).await?.into_inner();
                while let Some(page) = stream.message().await? {
                    let count = i64::try_from(page.codes.len()).unwrap_or(i64::MAX);
                    request.first = request.first.saturating_add(count);
                    request.count = request.count.saturating_sub(count).max(0);
                    attempt = 1;
                    told(&page);
                }
                Ok::<(), tonic::Status>(())
            };
            let Err(status) = answered.await else { return Ok(()) };
            // A count of 0 would ask for all of them.
            if limited && request.count == 0 {
                return Ok(());
            }
            self.wait_for_another(Error::from_status(&status, attempt), attempt, retries.attempts_max(Kind::Read)).await?;
        }
    }

    /// Waits where another attempt may help, and has a place left.
    async fn wait_for_another(&self, error: Error, attempt: u32, attempts_max: u32) -> Result<(), Error> {
        let asked = match &error {
            Error::Unavailable { retry_after, .. } | Error::OutcomeUnknown { retry_after, .. } => *retry_after,
            _ => return Err(error),
        };
        if attempt >= attempts_max {
            return Err(error);
        }
        tokio::time::sleep(self.config.retries.wait(attempt, asked, |range| fastrand::u64(0..=range))).await;
        Ok(())
    }

    /// The log after a cursor, as the request says. Nothing is asked before [`Subscription::next`].
    #[must_use]
    pub fn subscribe(&self, request: v1::SubscribeRequest) -> Subscription {
        Subscription { operator: self.clone(), request, stream: None, over: false }
    }
}

/// What was done before a stream, and what it says that it did.
fn added(before: &v1::IssueCouponsResponse, page: v1::IssueCouponsResponse) -> v1::IssueCouponsResponse {
    v1::IssueCouponsResponse {
        users_done: before.users_done.saturating_add(page.users_done),
        issued: before.issued.saturating_add(page.issued),
        repeated: before.repeated.saturating_add(page.repeated),
        refused_total: before.refused_total.saturating_add(page.refused_total),
        refused: page.refused,
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
            self.operator.wait_for_another(error, attempt, retries.attempts_max(Kind::Read)).await?;
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
