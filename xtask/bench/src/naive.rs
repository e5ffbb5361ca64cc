//! What would the plainest service be that holds stock? One script a call over one connection: two limits are checked, two
//! counters move, a record and a deadline are written. It prices nothing, keeps no log, and cannot give anything back.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use redis::Script;
use redis::aio::MultiplexedConnection;
use tokio::net::TcpListener;
use tokka_proto::v1;
use tokka_proto::v1::pricing_service_server::{PricingService, PricingServiceServer};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

const SCRIPT: &str = "\
local stock = tonumber(redis.call('GET', KEYS[1]) or '0') + tonumber(ARGV[1])
local user = tonumber(redis.call('GET', KEYS[2]) or '0') + tonumber(ARGV[1])
if stock > tonumber(ARGV[2]) or user > tonumber(ARGV[3]) then return 0 end
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('INCRBY', KEYS[2], ARGV[1])
redis.call('SET', KEYS[3], ARGV[4])
redis.call('ZADD', KEYS[4], ARGV[5], ARGV[6])
return 1";

struct Naive {
    redis: MultiplexedConnection,
    script: Script,
    record: Vec<u8>,
}

/// Serves until it is killed; says where on its first line.
pub(crate) fn serve(redis: &str, record: usize) -> Result<()> {
    // As `tokka serve` is set up.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = redis::Client::open(redis)?;
        let redis = client.get_multiplexed_async_connection().await?;
        let naive = Naive { redis, script: Script::new(SCRIPT), record: vec![b'x'; record] };
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        println!("the plainest service is ready on {}", listener.local_addr()?);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .http2_keepalive_timeout(Some(Duration::from_secs(10)))
            .max_concurrent_streams(256)
            .add_service(PricingServiceServer::new(naive))
            .serve_with_incoming(incoming)
            .await?;
        Ok(())
    })
}

#[tonic::async_trait]
impl PricingService for Naive {
    async fn reserve(&self, request: Request<v1::ReserveRequest>) -> Result<Response<v1::ReserveResponse>, Status> {
        let order = request.into_inner();
        let basket = order.basket.ok_or_else(|| Status::invalid_argument("no basket"))?;
        let store = basket.lines.first().map(|line| line.store.as_str()).unwrap_or_default();
        let user = basket.user.as_deref().unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let deadline = (now + Duration::from_secs(900)).as_millis().to_string();
        let mut redis = self.redis.clone();
        let fits: i64 = self
            .script
            .key(format!("stock:flash-{store}"))
            .key(format!("user:flash-{store}:{user}"))
            .key(format!("record:{}", order.reservation_id))
            .key("deadlines")
            .arg(4)
            .arg(1_000_000_000_i64)
            .arg(1_000_000_i64)
            .arg(self.record.as_slice())
            .arg(deadline)
            .arg(&order.reservation_id)
            .invoke_async(&mut redis)
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        if fits == 0 {
            return Err(Status::resource_exhausted("it is sold out"));
        }
        let reservation = v1::Reservation { reservation_id: order.reservation_id, ..Default::default() };
        let outcome = v1::ReserveOutcome::Reserved.into();
        Ok(Response::new(v1::ReserveResponse { outcome, reservation: Some(reservation), ..Default::default() }))
    }

    async fn quote(&self, _: Request<v1::QuoteRequest>) -> Result<Response<v1::QuoteResponse>, Status> {
        Err(Status::unimplemented("it only reserves"))
    }

    async fn commit(&self, _: Request<v1::CommitRequest>) -> Result<Response<v1::CommitResponse>, Status> {
        Err(Status::unimplemented("it only reserves"))
    }

    async fn rollback(&self, _: Request<v1::RollbackRequest>) -> Result<Response<v1::RollbackResponse>, Status> {
        Err(Status::unimplemented("it only reserves"))
    }

    async fn extend_reservation(
        &self,
        _: Request<v1::ExtendReservationRequest>,
    ) -> Result<Response<v1::ExtendReservationResponse>, Status> {
        Err(Status::unimplemented("it only reserves"))
    }

    async fn get_reservation(
        &self,
        _: Request<v1::GetReservationRequest>,
    ) -> Result<Response<v1::GetReservationResponse>, Status> {
        Err(Status::unimplemented("it only reserves"))
    }
}
