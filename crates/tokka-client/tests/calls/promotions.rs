//! Which calls of an operator are repeated? Questions and previews; changes only under a request id.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::rt::TokioIo;
use tokio::io::duplex;
use tokka_client::{Config, Error, Promotions, v1};
use tokka_proto::v1::pricing_service_server::PricingServiceServer;
use tonic::service::interceptor::InterceptorLayer;
use tonic::transport::{Endpoint, Server, Uri};
use tonic::{Request, Status};

use crate::scripted::Scripted;

/// A client of a server that refuses every call as a store that is away, and how many came.
fn refusing() -> (Promotions, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let connect = tower::service_fn(move |_: Uri| {
        let calls = counted.clone();
        async move {
            let (near, far) = duplex(1 << 16);
            let refuse = move |_: Request<()>| -> Result<Request<()>, Status> {
                calls.fetch_add(1, Ordering::SeqCst);
                Err(Status::unavailable("away"))
            };
            // The call is refused before anybody looks for its service.
            let server = Server::builder()
                .layer(InterceptorLayer::new(refuse))
                .add_service(PricingServiceServer::new(Scripted::new([])))
                .serve_with_incoming(tokio_stream::once(Ok::<_, std::io::Error>(far)));
            tokio::spawn(server);
            Ok::<_, std::io::Error>(TokioIo::new(near))
        }
    });
    let channel = Endpoint::from_static("http://refusing").connect_with_connector_lazy(connect);
    (Promotions::over(channel, Config::new("http://refusing")), calls)
}

/// How often `call` comes in.
async fn attempts<A>(call: impl AsyncFnOnce(&Promotions) -> Result<A, Error>) -> usize {
    let (client, calls) = refusing();
    assert!(call(&client).await.is_err());
    calls.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_change_is_repeated_only_under_a_request_id() {
    let change = |request_id: &str| Some(v1::Change { request_id: request_id.to_owned(), ..Default::default() });
    for (change, expected) in [(None, 1), (change(""), 1), (change("p-1"), 4), (Some(Promotions::change("ada", "why")), 4)] {
        let (a, b, c) = (change.clone(), change.clone(), change.clone());
        let write = v1::WriteDocumentRequest { change: a, ..Default::default() };
        assert_eq!(attempts(async |client| client.write_document(write).await).await, expected);
        let publish = v1::PublishRequest { change: b, ..Default::default() };
        assert_eq!(attempts(async |client| client.publish(publish).await).await, expected);
        let apply = v1::ApplyRequest { change: c, ..Default::default() };
        assert_eq!(attempts(async |client| client.apply(apply).await).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn questions_and_previews_are_repeated_without() {
    assert_eq!(attempts(async |client| client.get_document(v1::GetDocumentRequest::default()).await).await, 5);
    let preview = v1::ApplyRequest { validate_only: true, ..Default::default() };
    assert_eq!(attempts(async |client| client.apply(preview).await).await, 5);
    let preview = v1::RestoreRevisionRequest { validate_only: true, ..Default::default() };
    assert_eq!(attempts(async |client| client.restore_revision(preview).await).await, 5);
}
