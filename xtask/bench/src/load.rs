//! How fast does a server answer? A closed loop: each of so many callers sends its next reservation when the last one is
//! answered. Requests are sent and answers read as bytes, so that the generator takes little of the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::{Buf, BufMut, Bytes};
use hdrhistogram::Histogram;
use http::uri::PathAndQuery;
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::orders::Orders;

const RESERVE: &str = "/tokka.v1.PricingService/Reserve";
/// `outcome: RESERVED`, the first field of an answer.
const RESERVED: [u8; 2] = [0x08, 0x01];
const MICROS_MAX: u64 = 60_000_000;

/// What a load came to.
pub(crate) struct Load {
    pub(crate) answered: u64,
    pub(crate) lasted: Duration,
    /// In microseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        self.answered as f64 / self.lasted.as_secs_f64()
    }
}

/// Callers of one server.
#[derive(Clone)]
pub(crate) struct Callers {
    channels: Vec<Channel>,
    orders: Arc<Orders>,
    next: Arc<AtomicU64>,
}

impl Callers {
    pub(crate) async fn connect(url: &str, connections: usize, orders: Arc<Orders>) -> Result<Self> {
        let mut channels = Vec::new();
        for _ in 0..connections {
            let endpoint = Endpoint::from_shared(url.to_owned())?.tcp_nodelay(true);
            channels.push(endpoint.connect().await.with_context(|| format!("no connection to {url}"))?);
        }
        Ok(Self { channels, orders, next: Arc::new(AtomicU64::new(0)) })
    }

    /// How many orders were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// So many in flight for so long.
    pub(crate) async fn load(&self, in_flight: usize, lasts: Duration) -> Result<Load> {
        self.run(in_flight, lasts, u64::MAX).await
    }

    /// So many orders and no more.
    pub(crate) async fn make(&self, in_flight: usize, orders: u64) -> Result<Load> {
        self.run(in_flight, Duration::MAX, self.sent().saturating_add(orders)).await
    }

    async fn run(&self, in_flight: usize, lasts: Duration, until: u64) -> Result<Load> {
        let began = Instant::now();
        let mut callers = JoinSet::new();
        for caller in 0..in_flight {
            let channel = self.channels.get(caller % self.channels.len()).context("no connection")?;
            let mut client = Grpc::new(channel.clone());
            let (orders, next) = (Arc::clone(&self.orders), Arc::clone(&self.next));
            callers.spawn(async move {
                let mut latency = Histogram::<u64>::new_with_bounds(1, MICROS_MAX, 3)?;
                while began.elapsed() < lasts {
                    if next.load(Ordering::Relaxed) >= until {
                        break;
                    }
                    let request = orders.encoded(next.fetch_add(1, Ordering::Relaxed));
                    let sent = Instant::now();
                    client.ready().await?;
                    let answer = client.unary(Request::new(request), PathAndQuery::from_static(RESERVE), Raw).await?.into_inner();
                    latency.saturating_record(u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX));
                    ensure!(answer.starts_with(&RESERVED), "an order was not reserved");
                }
                Ok(latency)
            });
        }
        let mut latency = Histogram::<u64>::new_with_bounds(1, MICROS_MAX, 3)?;
        while let Some(ended) = callers.join_next().await {
            latency.add(&ended??)?;
        }
        Ok(Load { answered: latency.len(), lasted: began.elapsed(), latency })
    }
}

/// Messages as bytes.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
