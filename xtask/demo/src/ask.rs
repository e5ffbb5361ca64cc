//! What does the server answer? One basket of a file, sent over gRPC.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokka_catalog::Source;
use tokka_client::v1::coupon_offer::Offer;
use tokka_client::{Client, Config, Deadlines, v1};
use tokka_core::basket::{BasketRequest, CouponsOffered, LineRequest, Selection, SpendSelection};
use tokka_scenario::read_basket;
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
    let BasketRequest { currency, user, user_tags, channel, region, lines, coupons, select, select_spend, select_gift, .. } =
        basket.request;
    let CouponsOffered::These(designs) = coupons else { bail!("`coupons: auto` is not served yet") };
    Ok(v1::QuoteRequest {
        basket: Some(v1::Basket {
            currency,
            lines: lines.into_iter().map(line).collect(),
            user,
            at: None,
            user_tags,
            channel,
            region,
        }),
        coupons: designs.into_iter().map(|design| v1::CouponOffer { offer: Some(Offer::Design(design)) }).collect(),
        select: select.into_iter().map(|(sku, selection)| (sku, selected(selection))).collect(),
        select_spend: select_spend.into_iter().map(|(line, selection)| (line, kept_for(selection))).collect(),
        select_gift: select_gift.into_iter().collect(),
        view: v1::View::Full.into(),
        ..v1::QuoteRequest::default()
    })
}

fn line(line: LineRequest) -> v1::Line {
    let LineRequest { line_id, sku, store, categories, unit_price, quantity, list_price, floor_price, tax_class, tags } = line;
    v1::Line { line_id, sku, store, quantity, unit_price, categories, list_price, floor_price, tax_class, tags }
}

fn selected(selection: Selection) -> String {
    match selection {
        Selection::None => "none".to_owned(),
        Selection::Promotion(id) => id,
    }
}

fn kept_for(selection: SpendSelection) -> v1::SpendSelection {
    let promotions = match selection {
        SpendSelection::None => vec!["none".to_owned()],
        SpendSelection::Promotions(ids) => ids,
    };
    v1::SpendSelection { promotions }
}
