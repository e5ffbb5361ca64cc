//! How does a server start, and how does it stop? Read from top to bottom.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokka_catalog::Problems;
use tokka_proto::v1::coupon_service_server::CouponServiceServer;
use tokka_proto::v1::event_service_server::EventServiceServer;
use tokka_proto::v1::insight_service_server::InsightServiceServer;
use tokka_proto::v1::pricing_service_server::PricingServiceServer;
use tokka_proto::v1::promotion_service_server::PromotionServiceServer;
use tokka_proto::v1::store_service_server::StoreServiceServer;
use tokka_proto::v1::storefront_service_server::StorefrontServiceServer;
use tonic::server::NamedService;
use tonic::service::RoutesBuilder;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::catalogue::{Catalogue, CatalogueState, Watch};
use crate::claims::LedgerCounters;
use crate::config::Config;
use crate::coupons::{CouponDesk, Coupons};
use crate::events::EventFeed;
use crate::frozen::Thawed;
use crate::guard::Guard;
use crate::insight::{self, Follower, Insight, Totals};
use crate::pricing::Pricing;
use crate::promotions::{Line, Promotions};
use crate::recent_usage::RecentUsage;
use crate::reservations::{Reservations, Scarce};
use crate::store::on_redis::STORE;
use crate::store::{self, Store};
use crate::storefront::Storefront;
use crate::verify::Verifier;

/// A dead peer is noticed after the first silence and this answer that did not come.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEP_ALIVE_WITHIN: Duration = Duration::from_secs(10);
/// Open calls of one connection; tonic has no bound of its own.
const STREAMS_MAX: u32 = 256;
/// A request is at most 1 MiB: 1,000 lines with 20 categories each fit in.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// An operator brings a whole catalogue at once.
const CATALOGUE_BYTES_MAX: usize = 64 << 20;

/// The names by which probes ask for the services.
const PRICING: &str = <PricingServiceServer<Pricing> as NamedService>::NAME;
const STOREFRONT: &str = <StorefrontServiceServer<Storefront> as NamedService>::NAME;
const COUPONS: &str = <CouponServiceServer<CouponDesk> as NamedService>::NAME;

/// What is served to callers, and what to operators, besides reflection itself.
const CALLERS: [&str; 4] = [PRICING, STOREFRONT, COUPONS, HEALTH];
const OPERATORS: [&str; 6] = [
    COUPONS,
    <PromotionServiceServer<Promotions> as NamedService>::NAME,
    <EventServiceServer<EventFeed> as NamedService>::NAME,
    <InsightServiceServer<Insight> as NamedService>::NAME,
    <StoreServiceServer<Verifier> as NamedService>::NAME,
    HEALTH,
];
const HEALTH: &str = "grpc.health.v1.Health";
/// The last answers of the admin address get this long to leave.
const ADMIN_FLUSH_MAX: Duration = Duration::from_secs(1);

/// The name by which probes ask for the folder: it is NOT_SERVING while the files as they are now are refused. Prices go
/// on under the old revision, so the service itself stays SERVING, and no orchestrator restarts it.
const CATALOGUE: &str = "tokka.catalogue";

/// Why a server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// At the first start the catalogue has to be without errors; there is no older revision to stay with.
    #[error("the catalogue has errors:\n{0}")]
    Catalogue(Problems),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The data directory cannot be used: another process has it, or the disk does not answer.
    #[error("the data in `{path}` cannot be opened: {why}")]
    Data {
        /// As configured.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The store on Redis cannot be used: it is not reached, its servers are not fit for it, or it is not there.
    #[error("{why}")]
    Remote {
        /// Its URL, without the password.
        store: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The store can acknowledge nothing any more. What the disk holds is known again after a restart.
    #[error("the store failed, and the server with it: {0}")]
    Store(String),
    /// The catalogue that the store keeps cannot be read.
    #[error("the catalogue in the store cannot be read: {0}")]
    Kept(String),
    /// Accepting connections failed.
    #[error("the server ended: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The descriptors of the API are damaged.
    #[error("reflection cannot be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// A server that takes calls.
#[derive(Debug)]
pub struct Started {
    /// Where it listens; with the port that was taken for 0.
    pub address: SocketAddr,
    /// Where operators and probes may come in besides.
    pub admin: Option<SocketAddr>,
    /// What it serves, and why it does not serve what lies in the folder now.
    pub catalogue: watch::Receiver<CatalogueState>,
}

/// Serves until `shutdown` is ready, then lets open calls end. `ready` is told once calls are taken.
///
/// # Errors
/// [`ServeError`]; a catalogue with errors is one at the start and none later.
pub async fn serve(config: Config, shutdown: impl Future<Output = ()>, ready: impl FnOnce(Started)) -> Result<(), ServeError> {
    let catalogue = Arc::new(match &config.catalogue {
        Some(folder) => Catalogue::open(folder.clone()).await.map_err(ServeError::Catalogue)?,
        None => Catalogue::stored(),
    });
    let main = listen(config.listen).await?;
    let admin = match config.admin {
        Some(address) => Some(listen(address).await?),
        None => None,
    };

    // After the addresses: a server that cannot be reached leaves no data behind.
    let store = Store::open(&config).await?;
    let mut failed = pin!(store.failed);
    let ledger = Arc::clone(&store.ledger);

    // What runs beside the calls ends with this set.
    let mut beside = JoinSet::new();
    let line = match &config.catalogue {
        Some(folder) => {
            beside.spawn(Watch::start(folder).follow(Arc::clone(&catalogue), config.catalogue_poll));
            None
        }
        None => {
            let line = Line::open(Arc::clone(&ledger), Arc::clone(&catalogue)).await;
            let line = Arc::new(line.map_err(|error| ServeError::Kept(error.into_status().message().to_owned()))?);
            beside.spawn(Arc::clone(&line).follow(config.revisions_poll));
            Some(line)
        }
    };

    beside.spawn(store::sweep(Arc::clone(&ledger), config.sweep_every));
    let (end_archive, archive_ends) = watch::channel(false);
    let mut archiving = JoinSet::new();
    let counted = store.archive.clone();
    if let Some(archive) = store.archive {
        archiving.spawn(store::archive(Arc::clone(&ledger), archive, config.archive_every, archive_ends));
    }

    let (health, probes) = tonic_health::server::health_reporter();
    set_health(&health, ServingStatus::Serving).await;
    health.set_service_status(CATALOGUE, ServingStatus::Serving).await;
    beside.spawn(report_catalogue(health.clone(), catalogue.state()));
    health.set_service_status(STORE, ServingStatus::Serving).await;
    if let Some(redis) = store.redis {
        beside.spawn(store::on_redis::report(redis, health.clone()));
    }
    let started =
        Started { address: main.address, admin: admin.as_ref().map(|admin| admin.address), catalogue: catalogue.state() };

    let coupons = Arc::new(Coupons::new(Arc::clone(&catalogue), Arc::clone(&ledger)));
    let reservations = Arc::new(Reservations {
        catalogue: Arc::clone(&catalogue),
        ledger: Arc::clone(&ledger),
        coupons: Arc::clone(&coupons),
        receipts: store.receipts,
        thawed: Thawed::default(),
        scarce: Scarce::default(),
    });
    let (end_streams, streams_end) = watch::channel(false);
    let mut counting = JoinSet::new();
    let totals = match counted {
        Some(archive) => {
            let (path, id) = (config.data_dir.join(insight::FILE), store.id.clone());
            let opened = tokio::task::spawn_blocking(move || Totals::open(&path, &id)).await;
            let data = |why: String| ServeError::Data { path: config.data_dir.join(insight::FILE), why };
            let opened = opened.map_err(|failure| data(failure.to_string()))?;
            let totals = Arc::new(opened.map_err(|error| data(error.to_string()))?);
            let follower = Follower {
                totals: Arc::clone(&totals),
                reservations: Arc::clone(&reservations),
                archive,
                every: config.insight_every,
            };
            counting.spawn(follower.follow(streams_end.clone()));
            Some(totals)
        }
        None => None,
    };
    let insight = Insight::new(Arc::clone(&catalogue), Arc::clone(&ledger), totals.clone(), streams_end.clone());
    let storefront = Storefront { catalogue: Arc::clone(&catalogue), usage: Arc::new(RecentUsage::new(Arc::clone(&ledger))) };
    let pricing = Pricing {
        catalogue: Arc::clone(&catalogue),
        counters: Arc::new(LedgerCounters(ledger)),
        reservations: Arc::clone(&reservations),
    };
    let feed = EventFeed::new(reservations, streams_end, config.events_poll);
    let mut services = RoutesBuilder::default();
    services
        .add_service(probes.clone())
        .add_service(reflection(&CALLERS).build_v1()?)
        .add_service(reflection(&CALLERS).build_v1alpha()?)
        .add_service(StorefrontServiceServer::new(storefront).max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(PricingServiceServer::new(pricing).max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(
            CouponServiceServer::new(CouponDesk { coupons: Arc::clone(&coupons), of_operators: false })
                .max_decoding_message_size(REQUEST_BYTES_MAX),
        );
    let (end_admin, admin_ends) = oneshot::channel::<()>();
    let mut administered = JoinSet::new();
    if let Some(admin) = admin {
        let mut services = RoutesBuilder::default();
        services
            .add_service(probes)
            .add_service(reflection(&OPERATORS).build_v1()?)
            .add_service(reflection(&OPERATORS).build_v1alpha()?)
            .add_service(
                PromotionServiceServer::new(Promotions::new(line))
                    .max_decoding_message_size(CATALOGUE_BYTES_MAX)
                    .max_encoding_message_size(usize::MAX),
            )
            .add_service(
                CouponServiceServer::new(CouponDesk { coupons, of_operators: true }).max_decoding_message_size(REQUEST_BYTES_MAX),
            )
            .add_service(EventServiceServer::new(feed.clone()))
            .add_service(InsightServiceServer::new(insight))
            .add_service(StoreServiceServer::new(Verifier::new(store.ledger)));
        let serving = transport().layer(tower::layer::layer_fn(Guard)).add_routes(services.routes());
        administered.spawn(async move {
            let ended = serving.serve_with_incoming_shutdown(admin.incoming, async {
                let _ = admin_ends.await;
            });
            if let Err(error) = ended.await {
                tracing::error!(%error, "the admin address is no longer served");
            }
        });
    }

    let (stop, stopped) = oneshot::channel::<()>();
    let serving = transport().layer(tower::layer::layer_fn(Guard)).add_routes(services.routes()).serve_with_incoming_shutdown(
        main.incoming,
        async {
            // A dropped sender stops as well.
            let _ = stopped.await;
        },
    );
    let mut serving = pin!(serving);

    tracing::info!(address = %started.address, "serving");
    ready(started);
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        cause = &mut failed => return Err(ServeError::Store(cause)),
        () = shutdown => {}
    }

    // Balancers look away while calls are still answered; then connections are told to go (GOAWAY), and open calls end.
    tracing::info!(pause_ms = config.stop_pause.as_millis(), "stopping");
    set_health(&health, ServingStatus::NotServing).await;
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        cause = &mut failed => return Err(ServeError::Store(cause)),
        () = tokio::time::sleep(config.stop_pause) => {}
    }
    let drained = tokio::time::Instant::now() + config.drain_max;
    drop(stop);
    end_streams.send_replace(true);
    let calls = async {
        let ended = serving.await;
        feed.ended().await;
        ended
    };
    match tokio::time::timeout_at(drained, calls).await {
        Ok(ended) => ended?,
        Err(_) => tracing::warn!(drain_max_ms = config.drain_max.as_millis(), "calls that are still open are cut"),
    }
    // Until the very end a probe learns that the server stops, and is not left without an answer.
    drop(end_admin);
    let _ = tokio::time::timeout(ADMIN_FLUSH_MAX, administered.join_next()).await;
    administered.shutdown().await;
    let _ = tokio::time::timeout_at(drained, counting.join_next()).await;
    counting.shutdown().await;
    if let Some(totals) = totals {
        // Also while a connection still holds it.
        let _ = tokio::task::spawn_blocking(move || totals.close()).await;
    }
    // What is left in the log is for the next start, where the time does not suffice.
    end_archive.send_replace(true);
    let _ = tokio::time::timeout_at(drained, archiving.join_next()).await;
    archiving.shutdown().await;
    // Whoever opens the data next finds it closed.
    beside.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

/// Ready when the process is asked to stop: SIGTERM, as orchestrators send, or Ctrl-C.
pub async fn shutdown_signal() {
    let interrupt = async {
        // Where it cannot be listened for, it ends the process as it does by default.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

/// A bound port, not accepting yet.
struct Bound {
    address: SocketAddr,
    incoming: TcpIncoming,
}

async fn listen(address: SocketAddr) -> Result<Bound, ServeError> {
    let at = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(at)?;
    let address = listener.local_addr().map_err(at)?;
    // Answers are small: waiting to fill a packet would cost 40 ms where the other side delays its ACK.
    Ok(Bound { address, incoming: TcpIncoming::from(listener).with_nodelay(Some(true)) })
}

/// What every port has in common.
fn transport() -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE_AFTER))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_WITHIN))
        .max_concurrent_streams(STREAMS_MAX)
}

/// The API, the probes and the details of errors, so that grpcurl can print them all; the services that are listed are
/// those of the address.
fn reflection(services: &[&str]) -> tonic_reflection::server::Builder<'static> {
    let listed = tonic_reflection::server::Builder::configure();
    let listed = services.iter().fold(listed, |listed, service| listed.with_service_name(*service));
    listed
        .register_encoded_file_descriptor_set(tokka_proto::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}

/// The server as a whole and its services stand and fall together.
async fn set_health(health: &HealthReporter, status: ServingStatus) {
    health.set_service_status("", status).await;
    health.set_service_status(PRICING, status).await;
    health.set_service_status(STOREFRONT, status).await;
    health.set_service_status(COUPONS, status).await;
}

/// Tells probes whether the folder's files are those that are served, for ever.
async fn report_catalogue(health: HealthReporter, mut state: watch::Receiver<CatalogueState>) {
    loop {
        let as_written = state.borrow_and_update().refused.is_empty();
        let status = if as_written { ServingStatus::Serving } else { ServingStatus::NotServing };
        health.set_service_status(CATALOGUE, status).await;
        if state.changed().await.is_err() {
            return;
        }
    }
}
