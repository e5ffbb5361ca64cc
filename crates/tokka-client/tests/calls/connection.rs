//! What does a caller learn where there is no server, or where the connection breaks? Over real sockets.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokka_client::{Client, Config, ConnectError, Deadlines, Error, v1};

fn reserve() -> v1::ReserveRequest {
    v1::ReserveRequest { reservation_id: "r".to_owned(), ..Default::default() }
}

/// A client that a busy machine cannot make give up.
fn patient(server: String) -> Client {
    let mut config = Config::new(server);
    config.deadlines = Deadlines::all(Duration::from_secs(60));
    Client::new(config).unwrap()
}

#[tokio::test]
async fn nobody_listens() {
    // A port that was just free.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = patient(address.to_string()).reserve(reserve()).await.unwrap_err();
    let Error::Unavailable { refusal, .. } = &error else { panic!("{error:?}") };
    assert_eq!((refusal.reason.as_deref(), refusal.attempts), (None, 4));
    assert!(refusal.message.contains("refused"), "{}", refusal.message);
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            // Reads the beginning of a request and goes away.
            let mut bytes = [0; 64];
            let _ = connection.read(&mut bytes).await;
        }
    });
    let error = patient(format!("http://{address}")).reserve(reserve()).await.unwrap_err();
    let Error::OutcomeUnknown { refusal, .. } = &error else { panic!("{error:?}") };
    assert_eq!(refusal.attempts, 4, "{error:?}");
}

#[tokio::test]
async fn wrong_addresses_are_refused_at_once() {
    for server in ["", "http://", "https://tokka.example", "ftp://tokka.example", "http://a b", "127.0.0.1:70707"] {
        let refused = Client::new(Config::new(server));
        assert!(matches!(refused, Err(ConnectError::Address { .. })), "`{server}` gives {refused:?}");
    }
    for server in ["127.0.0.1:7070", "http://127.0.0.1:7070", "tokka.example:80", "http://[::1]:7070"] {
        Client::new(Config::new(server)).unwrap();
    }
}
