//! What does a basket cost? `PricingService`: request → basket → rulebook → usage of counters → price → response.

use std::sync::Arc;

use jiff::Timestamp;
use tokka_proto::v1;
use tokka_proto::v1::pricing_service_server::PricingService;
use tonic::{Request, Response, Status};

use crate::catalogue::Catalogue;
use crate::error::ApiError;
use crate::{counters, request, response};

/// The service. Every call prices with the revision that is current when it begins.
#[derive(Debug)]
pub(crate) struct Pricing {
    pub(crate) catalogue: Arc<Catalogue>,
}

#[tonic::async_trait]
impl PricingService for Pricing {
    async fn quote(&self, request: Request<v1::QuoteRequest>) -> Result<Response<v1::QuoteResponse>, Status> {
        let quote = self.priced(request.into_inner(), Timestamp::now()).await?;
        Ok(Response::new(v1::QuoteResponse { quote: Some(quote) }))
    }
}

impl Pricing {
    /// Pricing takes microseconds, so it runs where the request was read: handing it over would cost more.
    async fn priced(&self, request: v1::QuoteRequest, now: Timestamp) -> Result<v1::Quote, ApiError> {
        let order = request::quote_order(request, now)?;
        let published = self.catalogue.current();
        let prepared = published.rulebook.prepare(&order.basket)?;
        let usage = counters::read(prepared.counters().rows()).await;
        let quote = prepared.price(&usage.used, order.view)?;
        Ok(response::quote(&published.rulebook, &published.revision, &order.basket, &quote, usage.state, order.view))
    }
}
