//! How do tests run a server, and what do they ask it?

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokka_proto::v1;
use tokka_proto::v1::pricing_service_client::PricingServiceClient;
use tokka_server::{CatalogueState, Config, ServeError, Started, serve};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::kept::{self, Kept};
use crate::sums;

/// Two stores, a gift library, and one promotion of most stages.
pub(crate) const SHOP: &str = r#"
kind: catalogue
currency: JPY
time_zone: Asia/Tokyo
---
{kind: store, id: pharma, name: 東京ファーマ, minimum_order: 3000}
---
{kind: store, id: books, name: 月読書房}
---
{kind: gift, id: tote-bag, name: トートバッグ, value: 300}
---
{kind: gift, id: lamp, name: ランプ, sku: lamp-1, erp_sku: E-77, inventory: 0}
---
kind: promotion
id: flash
name: マスク タイムセール
owner: pharma
status: published
scope: {include: {skus: [mask-50]}}
limits: {units_per_order: 2}
item_price: {fixed: 980, flash: true}
---
kind: promotion
id: spend-5000
name: 5,000円以上で500円引き
owner: pharma
status: published
spend: {tiers: [{threshold: 5000, amount_off: 500, gifts: [{gift: tote-bag, quantity: 1}]}]}
---
kind: promotion
id: store-300
name: 300円クーポン
owner: pharma
status: published
funding: [{party: platform, percent: "40"}, {party: pharma, percent: "60"}]
coupon: {threshold: 3000, amount_off: 300}
---
kind: promotion
id: lamps
name: ランプかバッグをプレゼント
owner: platform
status: published
spend: {tiers: [{threshold: 20000, gifts: [{choose: [lamp, tote-bag], quantity: 1}]}]}
---
kind: promotion
id: old-coupon
name: 昨年のクーポン
owner: platform
status: published
window: {end: "2025-01-01T00:00:00+09:00"}
coupon: {amount_off: 100}
"#;

/// A server over a folder that is there as long as it is.
pub(crate) struct Running {
    pub(crate) client: PricingServiceClient<Channel>,
    pub(crate) channel: Channel,
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) folder: TempDir,
    /// Outlives the server where another one is to begin with it.
    pub(crate) data: Kept,
    pub(crate) catalogue: watch::Receiver<CatalogueState>,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    /// A server of [`SHOP`].
    pub(crate) async fn shop() -> Self {
        Self::of(SHOP, |_| {}).await
    }

    /// A server of one file, `catalogue.yaml`; it looks at its folder very often, and stops without a pause.
    pub(crate) async fn of(text: &str, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("catalogue.yaml"), text).expect("a file");
        Self::over(folder, Kept::new(), change).await
    }

    /// A server of a folder, with data that another one may have left.
    pub(crate) async fn over(folder: TempDir, data: Kept, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(SocketAddr::from(([127, 0, 0, 1], 0)), folder.path());
        kept::apply(&mut config, &data.words());
        config.sweep_every = Duration::from_millis(10);
        config.events_poll = Duration::from_millis(5);
        config.archive_every = Duration::from_millis(10);
        config.catalogue_poll = Duration::from_millis(20);
        config.stop_pause = Duration::ZERO;
        change(&mut config);
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, started) = oneshot::channel::<Started>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let served = tokio::spawn(serve(config, shutdown, |started| drop(ready.send(started))));
        let Ok(Started { address, admin, catalogue }) = started.await else {
            panic!("the server did not start: {:?}", served.await);
        };
        let channel = connect(address).await;
        let client = PricingServiceClient::new(channel.clone());
        Self { client, channel, address, admin, folder, data, catalogue, stop, served }
    }

    /// Writes a file in one step, as whoever changes a catalogue in use should: a server that looks in between sees the
    /// old one or the new one. Names with a dot in front are not read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let draft = self.folder.path().join(".draft");
        std::fs::write(&draft, text).expect("a file");
        std::fs::rename(draft, self.folder.path().join(name)).expect("a place for it");
    }

    /// A price, whose columns add up, or a refusal.
    pub(crate) async fn quote(&mut self, request: v1::QuoteRequest) -> Result<v1::Quote, Status> {
        let answer = self.client.quote(request).await?.into_inner();
        let quote = answer.quote.expect("an answer has a quote");
        sums::hold(&quote);
        Ok(quote)
    }
}

pub(crate) async fn connect(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).expect("an address").connect().await.expect("a connection")
}

/// Three masks of one store, with the coupon that they can use.
pub(crate) fn masks() -> v1::QuoteRequest {
    v1::QuoteRequest {
        basket: Some(v1::Basket {
            currency: "JPY".to_owned(),
            lines: vec![line("a", "mask-50", "pharma", 3, 1280)],
            user: Some("u1".to_owned()),
            at: Some(prost_types::Timestamp { seconds: 1_794_358_800, nanos: 0 }),
            ..Default::default()
        }),
        coupons: vec![coupon("store-300")],
        ..Default::default()
    }
}

pub(crate) fn line(line_id: &str, sku: &str, store: &str, quantity: i64, unit_price: i64) -> v1::Line {
    let [line_id, sku, store] = [line_id, sku, store].map(str::to_owned);
    v1::Line { line_id, sku, store, quantity, unit_price, ..Default::default() }
}

pub(crate) fn coupon(design: &str) -> v1::CouponOffer {
    v1::CouponOffer { offer: Some(v1::coupon_offer::Offer::Design(design.to_owned())) }
}
