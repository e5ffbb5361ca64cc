//! What does the server answer? One basket sent over gRPC, and the columns of the answer added up once more.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tokka_core::basket::{BasketRequest, CouponsOffered, LineRequest, Selection, SpendSelection};
use tokka_proto::v1;
use tokka_proto::v1::coupon_offer::Offer;
use tokka_proto::v1::pricing_service_client::PricingServiceClient;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// A request that fits on a line of a terminal.
pub(crate) const EXAMPLE: &str = "{\"basket\": {\"currency\": \"JPY\", \"lines\": [{\"line_id\": \"a\", \"sku\": \"hl-pan-24\", \
    \"store\": \"hinata-living\", \"categories\": [\"household\"], \"unit_price\": 2980, \"quantity\": 3}]}, \
    \"view\": \"VIEW_FULL\"}";

/// A priced basket as the server sent it.
pub(crate) struct Answer {
    pub(crate) quote: v1::Quote,
    /// The moment that it was priced for.
    pub(crate) at: String,
}

/// Sends a basket file as a request, once the server says that it is healthy.
pub(crate) fn quote(address: &str, file: &Path) -> Result<Answer> {
    let request = request(file)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let response = runtime.block_on(async {
        let channel = Endpoint::new(format!("http://{address}"))?.connect().await.context("cannot connect")?;
        let probe = HealthCheckRequest { service: "tokka.v1.PricingService".to_owned() };
        let health = HealthClient::new(channel.clone()).check(probe).await?.into_inner();
        ensure!(health.status() == ServingStatus::Serving, "the server says that it is {}", health.status().as_str_name());
        Ok(PricingServiceClient::new(channel).quote(request).await?.into_inner())
    })?;
    let quote = response.quote.context("the answer has no quote")?;
    let at = quote.at.context("the quote names no moment")?.to_string();
    Ok(Answer { quote, at })
}

fn request(file: &Path) -> Result<v1::QuoteRequest> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let basket = tokka_scenario::basket::read(&file.display().to_string(), &text).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let BasketRequest { currency, at: _, user, user_tags, channel, region, lines, coupons, select, select_spend, select_gift, .. } =
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
        select_gift,
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

impl Answer {
    /// The answer in one line.
    pub(crate) fn summary(&self) -> String {
        let v1::Quote { revision, payable, currency, lines, stores, applied, fingerprint, .. } = &self.quote;
        format!(
            "revision {revision}, payable {payable} {currency}, {} lines of {} stores, {} promotions applied, fingerprint \
             {fingerprint}",
            lines.len(),
            stores.len(),
            applied.len()
        )
    }

    /// Adds every column up: lines to stores to the order at each stage, what pieces pay, and who funds what.
    pub(crate) fn check_sums(&self) -> Result<()> {
        let quote = &self.quote;
        let order = by_stage(quote.discounts.as_ref());
        let lines = quote.lines.iter().map(|line| (line.gross, by_stage(line.discounts.as_ref()), line.payable));
        let stores = quote.stores.iter().map(|store| (store.gross, by_stage(store.discounts.as_ref()), store.payable));
        for (level, rows) in [("lines", lines.collect::<Vec<_>>()), ("stores", stores.collect())] {
            let mut total = (0, [0; 6], 0);
            for (gross, discounts, payable) in rows {
                ensure!(gross - discounts.iter().sum::<i64>() == payable, "a row of the {level} does not add up");
                let stages = total.1.iter().zip(discounts).map(|(sum, discount)| sum + discount);
                let stages: Vec<i64> = stages.collect();
                total = (total.0 + gross, stages.try_into().unwrap_or_default(), total.2 + payable);
            }
            ensure!(total == (quote.gross, order, quote.payable), "the {level} do not add up to the order: {total:?}");
        }
        for line in &quote.lines {
            let pieces: i64 = line.runs.iter().map(|run| run.count * run.payable).sum();
            ensure!(pieces == line.payable, "the pieces of line `{}` pay {pieces}, not {}", line.line_id, line.payable);
        }
        let mut funders: BTreeMap<&str, i64> = BTreeMap::new();
        for part in &quote.funding {
            *funders.entry(&part.payer).or_default() += part.amount;
        }
        let funded: i64 = funders.values().sum();
        ensure!(funded == order.iter().sum::<i64>(), "the funders pay {funded}, the discounts are {order:?}");
        for funder in &quote.funders {
            let sum = funders.get(funder.payer.as_str()).copied().unwrap_or(0);
            ensure!(sum == funder.amount, "`{}` funds {sum} by line and {} in all", funder.payer, funder.amount);
        }
        let due: i64 = quote.stores.iter().filter_map(|store| store.settlement).sum();
        let platform = funders.get("platform").copied().unwrap_or(0);
        ensure!(due == quote.payable + platform, "the stores are due {due}; the customer pays {}, the platform {platform}", quote.payable);
        Ok(())
    }
}

fn by_stage(amounts: Option<&v1::StageAmounts>) -> [i64; 6] {
    let v1::StageAmounts { item, set, store_spend, store_coupon, platform_spend, platform_coupon } = amounts.copied().unwrap_or_default();
    [item, set, store_spend, store_coupon, platform_spend, platform_coupon]
}
