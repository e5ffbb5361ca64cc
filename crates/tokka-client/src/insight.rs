//! What can finance and marketing ask? Statistics, settlement and counters, one method a call, at the admin address of a
//! server.

use tokka_proto::v1;
use tokka_proto::v1::insight_service_client::InsightServiceClient;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::calls::calls;
use crate::client::{ConnectError, endpoint};
use crate::config::Config;
use crate::error::Error;
use crate::retry::with_retries;

/// A statement names every promotion of a period with its payers and sellers.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Asks the admin address of one server about what happened. A clone shares its connection.
#[derive(Debug, Clone)]
pub struct Insight {
    calls: InsightServiceClient<Channel>,
    config: Config,
}

calls! { Insight:
    /// What promotions, channels, stores and days brought.
    read promotion_stats(PromotionStatsRequest) -> PromotionStatsResponse;
    /// Who sold what, who funded which part of it, and what each store is due.
    read settlement(SettlementRequest) -> SettlementResponse;
    /// The payments and returns that a settlement is the sum of.
    read list_entries(ListEntriesRequest) -> ListEntriesResponse;
    /// How much of limited quantities is used now.
    read counter_usage(CounterUsageRequest) -> CounterUsageResponse;
}

impl Insight {
    /// A client of an admin address. The connection comes up with the first call, and again whenever it broke.
    ///
    /// # Errors
    /// [`ConnectError`]: the address is none.
    pub fn new(config: Config) -> Result<Self, ConnectError> {
        let calls = InsightServiceClient::new(endpoint(&config)?.connect_lazy());
        Ok(Self { calls: calls.max_decoding_message_size(ANSWER_BYTES_MAX), config })
    }

    /// The stock of a promotion as it goes. No deadline travels with it: it may last for days.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn watch_sale(&self, request: v1::WatchSaleRequest) -> Result<Sale, Error> {
        let stream = self.calls.clone().watch_sale(request).await;
        Ok(Sale(stream.map_err(|status| Error::from_status(&status, 1))?.into_inner()))
    }
}

/// A sale that is watched.
#[derive(Debug)]
pub struct Sale(Streaming<v1::WatchSaleResponse>);

impl Sale {
    /// The next look; `None` at the end.
    ///
    /// # Errors
    /// [`Error`]: the server stops, or cannot be reached any more.
    pub async fn next(&mut self) -> Result<Option<v1::WatchSaleResponse>, Error> {
        self.0.message().await.map_err(|status| Error::from_status(&status, 1))
    }
}
