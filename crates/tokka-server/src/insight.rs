//! What did it bring, who is due what, and how much is left? `InsightService`: totals over the log, and counters as they are.
//!
//! `facts` says what an entry of the log means, `fold` what facts add up to, `tables` keeps it, and `follow` goes along with
//! the log; `statements` reads the totals, `watch` the counters.

use std::fmt;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use tokio::sync::{Semaphore, watch};
use tokka_ledger::Ledger;
use tokka_proto::v1;
use tokka_proto::v1::insight_service_server::InsightService;
use tonic::{Request, Response, Status};

use crate::catalogue::Catalogue;
use crate::error::ApiError;
use crate::error::operator::Refused;

mod facts;
mod fold;
mod follow;
mod people;
mod statements;
mod tables;
mod totals;
mod watch_sale;

pub(crate) use fold::{Cell, Entry};
pub(crate) use follow::{Follower, Totals};
pub(crate) use people::Count;
use statements::Here;
pub(crate) use totals::{Column, Granted, Seller, Stat};

/// The file of totals within the data directory.
pub(crate) const FILE: &str = "insight.redb";

/// Sales that are watched at once.
const WATCHERS_MAX: usize = 64;

/// The service.
#[derive(Clone)]
pub(crate) struct Insight {
    catalogue: Arc<Catalogue>,
    ledger: Arc<dyn Ledger>,
    /// Where this server writes the archive.
    totals: Option<Arc<Totals>>,
    places: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl fmt::Debug for Insight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insight").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl Insight {
    /// Of a store; its streams end once `stopping` holds.
    pub(crate) fn new(
        catalogue: Arc<Catalogue>,
        ledger: Arc<dyn Ledger>,
        totals: Option<Arc<Totals>>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { catalogue, ledger, totals, places: Arc::new(Semaphore::new(WATCHERS_MAX)), stopping }
    }

    fn totals(&self) -> Result<Arc<Totals>, ApiError> {
        self.totals.clone().ok_or_else(|| Refused::NoArchive.into())
    }

    /// Reads totals on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Totals) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let totals = self.totals()?;
        let done = tokio::task::spawn_blocking(move || read(&totals)).await;
        done.map_err(|failure| ApiError::Bug(failure.to_string()))?
    }

    fn here(&self) -> Here {
        let published = self.catalogue.current();
        let settings = published.rulebook.settings();
        Here { currency: settings.currency.clone(), zone: settings.time_zone.clone() }
    }
}

#[tonic::async_trait]
impl InsightService for Insight {
    type WatchSaleStream = BoxStream<'static, Result<v1::WatchSaleResponse, Status>>;

    async fn promotion_stats(
        &self,
        request: Request<v1::PromotionStatsRequest>,
    ) -> Result<Response<v1::PromotionStatsResponse>, Status> {
        let asked = statements::stats_asked(request.into_inner())?;
        let here = self.here();
        Ok(Response::new(self.read(move |totals| statements::stats(totals, &asked, here)).await?))
    }

    async fn settlement(&self, request: Request<v1::SettlementRequest>) -> Result<Response<v1::SettlementResponse>, Status> {
        let v1::SettlementRequest { first_day, last_day } = request.into_inner();
        let days = statements::days(first_day, last_day)?;
        let here = self.here();
        Ok(Response::new(self.read(move |totals| statements::settlement(totals, &days, here)).await?))
    }

    async fn list_entries(&self, request: Request<v1::ListEntriesRequest>) -> Result<Response<v1::ListEntriesResponse>, Status> {
        let asked = statements::entries_asked(request.into_inner())?;
        let here = self.here();
        Ok(Response::new(self.read(move |totals| statements::entries(totals, &asked, here)).await?))
    }

    async fn counter_usage(
        &self,
        request: Request<v1::CounterUsageRequest>,
    ) -> Result<Response<v1::CounterUsageResponse>, Status> {
        Ok(Response::new(self.usage_of(request.into_inner()).await?))
    }

    async fn watch_sale(&self, request: Request<v1::WatchSaleRequest>) -> Result<Response<Self::WatchSaleStream>, Status> {
        Ok(Response::new(self.watch(request.into_inner()).await?))
    }
}
