//! Does a stream of events go on where it broke, and end where it should?

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use hyper_util::rt::TokioIo;
use tokio::io::duplex;
use tokio_stream::Stream;
use tokka_client::{Config, Error, Operator, v1};
use tokka_proto::v1::event_service_server::{EventService, EventServiceServer};
use tokka_proto::v1::subscribe_response::What;
use tonic::transport::{Endpoint, Server, Uri};
use tonic::{Code, Request, Response, Status, async_trait};

type Part = Result<v1::SubscribeResponse, Status>;
type Answer = Result<Vec<Part>, Status>;

/// Answers each subscription with the next parts of a script, or refuses it, and remembers what was asked.
#[derive(Clone, Default)]
struct Feed {
    script: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<v1::SubscribeRequest>>>,
}

#[async_trait]
impl EventService for Feed {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Part> + Send>>;

    async fn subscribe(&self, request: Request<v1::SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
        assert!(request.metadata().get("grpc-timeout").is_none(), "a stream has no deadline");
        self.asked.lock().unwrap().push(request.into_inner());
        let next = self.script.lock().unwrap().pop_front();
        let parts = next.unwrap_or_else(|| Err(Status::unavailable("nothing is left to say")))?;
        Ok(Response::new(Box::pin(tokio_stream::iter(parts))))
    }
}

impl Feed {
    fn new(script: impl IntoIterator<Item = Answer>) -> Self {
        Self { script: Arc::new(Mutex::new(script.into_iter().collect())), asked: Arc::default() }
    }

    fn operator(&self) -> Operator {
        let feed = self.clone();
        let connect = tower::service_fn(move |_: Uri| {
            let feed = feed.clone();
            async move {
                let (near, far) = duplex(1 << 16);
                let incoming = tokio_stream::once(Ok::<_, std::io::Error>(far));
                tokio::spawn(Server::builder().add_service(EventServiceServer::new(feed)).serve_with_incoming(incoming));
                Ok::<_, std::io::Error>(TokioIo::new(near))
            }
        });
        let channel = Endpoint::from_static("http://scripted").connect_with_connector_lazy(connect);
        Operator::over(channel, Config::new("http://scripted"))
    }

    /// What was asked for: after which cursor, and at most how many.
    fn asked(&self) -> Vec<(Vec<u8>, i64)> {
        self.asked.lock().unwrap().iter().map(|request| (request.after.clone(), request.events_max)).collect()
    }
}

/// So many events, up to a cursor.
fn part(events: usize, cursor: u8) -> Part {
    let batch = v1::EventBatch { events: vec![v1::Event::default(); events] };
    Ok(v1::SubscribeResponse { what: Some(What::Batch(batch)), cursor: vec![cursor] })
}

/// A server that stops.
fn gone() -> Status {
    Status::unavailable("the server stops")
}

/// The cursors that came.
async fn all(stream: &mut tokka_client::Subscription) -> Result<Vec<u8>, Error> {
    let mut cursors = Vec::new();
    while let Some(part) = stream.next().await? {
        cursors.extend(part.cursor);
    }
    Ok(cursors)
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_goes_on_after_the_last_cursor_that_came() {
    let script = [Ok(vec![part(2, 1), part(1, 2), Err(gone())]), Err(gone()), Ok(vec![part(1, 3)])];
    let feed = Feed::new(script);
    let mut stream = feed.operator().subscribe(v1::SubscribeRequest { after: vec![0], ..Default::default() });
    assert_eq!((stream.cursor(), feed.asked()), (&[0][..], Vec::new()), "nothing is asked before it is waited for");
    assert_eq!(all(&mut stream).await.unwrap(), [1, 2, 3]);
    assert_eq!(feed.asked(), [(vec![0], 0), (vec![2], 0), (vec![2], 0)]);
    assert_eq!(stream.cursor(), [3]);
    assert_eq!(stream.next().await.unwrap(), None, "an end is an end");
}

#[tokio::test(start_paused = true)]
async fn so_many_events_are_so_many_also_over_a_break() {
    let feed = Feed::new([Ok(vec![part(2, 1), Err(gone())]), Ok(vec![part(3, 2), part(9, 9)])]);
    let mut stream = feed.operator().subscribe(v1::SubscribeRequest { events_max: 5, ..Default::default() });
    assert_eq!(all(&mut stream).await.unwrap(), [1, 2]);
    assert_eq!(feed.asked(), [(Vec::new(), 5), (vec![1], 3)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_away_is_told_and_may_be_asked_again() {
    let feed = Feed::new([Ok(vec![part(1, 1), Err(gone())])]);
    let mut stream = feed.operator().subscribe(v1::SubscribeRequest::default());
    stream.next().await.unwrap();
    let error = stream.next().await.unwrap_err();
    assert_eq!((error.refusal().code, error.refusal().attempts), (Code::Unavailable, 5));
    feed.script.lock().unwrap().push_back(Ok(vec![part(1, 2)]));
    assert_eq!(all(&mut stream).await.unwrap(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer() {
    let feed = Feed::new([Err(Status::invalid_argument("`after`: not a cursor of this store")), Ok(Vec::new())]);
    let mut stream = feed.operator().subscribe(v1::SubscribeRequest::default());
    assert!(matches!(stream.next().await.unwrap_err(), Error::Invalid { .. }));
    assert_eq!(feed.asked().len(), 1);
}
