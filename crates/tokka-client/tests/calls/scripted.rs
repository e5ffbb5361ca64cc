//! Which server do the tests call? One that answers each call with the next line of a script and remembers what it got.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;
use tokka_client::{Client, Config, v1};
use tokka_proto::v1::coupon_service_server::{CouponService, CouponServiceServer};
use tokka_proto::v1::pricing_service_server::{PricingService, PricingServiceServer};
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Request, Response, Status, Streaming, async_trait};

/// What the server does with a call.
pub(crate) enum Line {
    /// Refuses.
    Refuse(Status),
    /// Never answers.
    Silence,
}

/// A call that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The method, and the id that made it repeatable.
    pub(crate) what: String,
    /// When, since the server started.
    pub(crate) after: Duration,
    /// What the caller said that it waits.
    pub(crate) timeout: Option<String>,
}

/// A server whose answers are written down before.
#[derive(Clone)]
pub(crate) struct Scripted {
    script: Arc<Mutex<VecDeque<Line>>>,
    calls: Arc<Mutex<Vec<Call>>>,
    started: Instant,
}

impl Scripted {
    /// A server that answers so; what is beyond the script gets an empty answer.
    pub(crate) fn new(script: impl IntoIterator<Item = Line>) -> Self {
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        Self { script, calls: Arc::default(), started: Instant::now() }
    }

    /// A client of it; `change` may change its configuration.
    pub(crate) fn client(&self, change: impl FnOnce(&mut Config)) -> Client {
        let mut config = Config::new("http://scripted");
        change(&mut config);
        Client::over(self.channel(), config)
    }

    /// A connection without a network.
    fn channel(&self) -> Channel {
        let server = self.clone();
        let connect = tower::service_fn(move |_: Uri| {
            let server = server.clone();
            async move {
                let (near, far) = duplex(1 << 16);
                tokio::spawn(server.serve(far));
                Ok::<_, std::io::Error>(TokioIo::new(near))
            }
        });
        Endpoint::from_static("http://scripted").connect_with_connector_lazy(connect)
    }

    async fn serve(self, connection: DuplexStream) {
        let incoming = tokio_stream::once(Ok::<_, std::io::Error>(connection));
        Server::builder()
            .add_service(PricingServiceServer::new(self.clone()))
            .add_service(CouponServiceServer::new(self))
            .serve_with_incoming(incoming)
            .await
            .unwrap();
    }

    /// What came in so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    async fn answer<Q, A: Default>(&self, what: impl FnOnce(&Q) -> String, request: Request<Q>) -> Result<Response<A>, Status> {
        let timeout = request.metadata().get("grpc-timeout").map(|value| value.to_str().unwrap().to_owned());
        let call = Call { what: what(request.get_ref()), after: self.started.elapsed(), timeout };
        self.calls.lock().unwrap().push(call);
        let line = self.script.lock().unwrap().pop_front();
        match line {
            None => Ok(Response::new(A::default())),
            Some(Line::Refuse(status)) => Err(status),
            Some(Line::Silence) => std::future::pending().await,
        }
    }
}

#[async_trait]
impl PricingService for Scripted {
    async fn quote(&self, request: Request<v1::QuoteRequest>) -> Result<Response<v1::QuoteResponse>, Status> {
        self.answer(|_| "quote".to_owned(), request).await
    }

    async fn reserve(&self, request: Request<v1::ReserveRequest>) -> Result<Response<v1::ReserveResponse>, Status> {
        self.answer(|request: &v1::ReserveRequest| format!("reserve {}", request.reservation_id), request).await
    }

    async fn commit(&self, request: Request<v1::CommitRequest>) -> Result<Response<v1::CommitResponse>, Status> {
        self.answer(|request: &v1::CommitRequest| format!("commit {}", request.reservation_id), request).await
    }

    async fn rollback(&self, request: Request<v1::RollbackRequest>) -> Result<Response<v1::RollbackResponse>, Status> {
        self.answer(|request: &v1::RollbackRequest| format!("rollback {}", request.rollback_id), request).await
    }

    async fn extend_reservation(
        &self,
        request: Request<v1::ExtendReservationRequest>,
    ) -> Result<Response<v1::ExtendReservationResponse>, Status> {
        self.answer(|request: &v1::ExtendReservationRequest| format!("extend {}", request.request_id), request).await
    }

    async fn get_reservation(
        &self,
        request: Request<v1::GetReservationRequest>,
    ) -> Result<Response<v1::GetReservationResponse>, Status> {
        self.answer(|request: &v1::GetReservationRequest| format!("get {}", request.reservation_id), request).await
    }
}

#[async_trait]
impl CouponService for Scripted {
    async fn claim_coupon(&self, request: Request<v1::ClaimCouponRequest>) -> Result<Response<v1::ClaimCouponResponse>, Status> {
        self.answer(|request: &v1::ClaimCouponRequest| format!("claim {}", request.request_id), request).await
    }

    async fn redeem_code(&self, request: Request<v1::RedeemCodeRequest>) -> Result<Response<v1::RedeemCodeResponse>, Status> {
        self.answer(|request: &v1::RedeemCodeRequest| format!("redeem {}", request.request_id), request).await
    }

    async fn list_user_coupons(
        &self,
        request: Request<v1::ListUserCouponsRequest>,
    ) -> Result<Response<v1::ListUserCouponsResponse>, Status> {
        self.answer(|_| "coupons".to_owned(), request).await
    }

    // What operators call is not repeated, and has no script.
    type IssueCouponsStream = tokio_stream::Empty<Result<v1::IssueCouponsResponse, Status>>;
    type GenerateCodesStream = tokio_stream::Empty<Result<v1::GenerateCodesResponse, Status>>;

    async fn issue_coupons(
        &self,
        _: Request<Streaming<v1::IssueCouponsRequest>>,
    ) -> Result<Response<Self::IssueCouponsStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }

    async fn generate_codes(&self, _: Request<v1::GenerateCodesRequest>) -> Result<Response<Self::GenerateCodesStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
}
