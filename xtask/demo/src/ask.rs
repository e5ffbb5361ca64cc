//! What does the server answer? One basket of a file, sent over gRPC.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use tokka_catalog::Source;
use tokka_client::{Client, Config, Deadlines, v1};
use tokka_scenario::read_basket;
use tokka_server::asked;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::shop::Shop;

/// A request that fits on a line of a terminal.
pub(crate) const EXAMPLE: &str = "{\"basket\": {\"currency\": \"JPY\", \"lines\": [{\"line_id\": \"a\", \"sku\": \"hl-pan-24\", \
    \"store\": \"hinata-living\", \"categories\": [\"household\"], \"unit_price\": 2980, \"quantity\": 3}]}, \
    \"view\": \"VIEW_FULL\"}";

/// The price of a request, once the server says that it is healthy.
pub(crate) async fn quote(address: &str, request: v1::QuoteRequest) -> Result<v1::Quote> {
    let channel = Endpoint::new(format!("http://{address}"))?.connect().await.context("cannot connect")?;
    let probe = HealthCheckRequest { service: "tokka.v1.PricingService".to_owned() };
    let health = HealthClient::new(channel).check(probe).await?.into_inner();
    ensure!(health.status() == ServingStatus::Serving, "the server says that it is {}", health.status().as_str_name());
    quoted(&client(address)?, request).await
}

/// A client with a connection of its own. Nobody waits in front of it, and a machine that builds is slow.
pub(crate) fn client(address: &str) -> Result<Client> {
    let patient = Duration::from_secs(60);
    let config = Config { deadlines: Deadlines::all(patient), connect_max: patient, ..Config::new(format!("http://{address}")) };
    Ok(Client::new(config)?)
}

/// The price of a request.
pub(crate) async fn quoted(client: &Client, request: v1::QuoteRequest) -> Result<v1::Quote> {
    client.quote(request).await?.quote.context("the answer has no quote")
}

/// The basket of a file as a request, to be priced by the server's own clock.
pub(crate) fn request(file: &Path, shop: &Shop) -> Result<v1::QuoteRequest> {
    let source = Source::read(file).map_err(|problem| anyhow!("{problem}"))?;
    let basket = read_basket(&source, shop.currency, jiff::Timestamp::now()).map_err(|problems| anyhow!("{problems}"))?;
    Ok(v1::QuoteRequest { view: v1::View::Full.into(), ..asked(basket.request) })
}
