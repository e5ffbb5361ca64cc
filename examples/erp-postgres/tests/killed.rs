//! Is every event in the database exactly once, although the consumer is killed again and again?
//!
//! `cfg(test)` always holds here; written out, it tells the lints that every function may panic, as a test may.
#![cfg(test)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_postgres::{Client, NoTls};
use tokka_client::v1;
use tokka_proto::v1::event_service_client::EventServiceClient;
use tokka_proto::v1::pricing_service_client::PricingServiceClient;
use tokka_server::{Config, Started, serve};
use tonic::transport::{Channel, Endpoint};

const KILLS: u64 = 10;
const ORDERS: u64 = 400;

const SHOP: &str = r#"
kind: catalogue
currency: JPY
---
{kind: store, id: shop, name: 店}
---
{kind: gift, id: tote, name: トートバッグ, erp_sku: E-1}
---
{kind: gift, id: card, name: しおり}
---
kind: promotion
id: five
name: 5,000円で
owner: shop
status: published
spend: {tiers: [{threshold: 5000, amount_off: 500, gifts: [{gift: tote, quantity: 1}, {gift: card, quantity: 2}]}]}
"#;

/// Ends the consumer also where the test fails.
struct Consumer(Child);

impl Drop for Consumer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn consumer(server: SocketAddr, database: &str, more: &[&str]) -> Consumer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokka-erp-postgres"));
    command.args(["--server", &format!("http://{server}"), "--database", database]).args(more).stdin(Stdio::null());
    Consumer(command.spawn().expect("the consumer"))
}

async fn connect(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).expect("an address").connect().await.expect("a connection")
}

async fn order(client: &mut PricingServiceClient<Channel>, number: u64) {
    let (id, user) = (format!("r-{number}"), Some("u".to_owned()));
    let line = v1::Line {
        line_id: "a".to_owned(),
        sku: "lamp".to_owned(),
        store: "shop".to_owned(),
        unit_price: 2_000,
        quantity: 3,
        ..Default::default()
    };
    let basket = v1::Basket { currency: "JPY".to_owned(), lines: vec![line], user: user.clone(), ..Default::default() };
    let request = v1::ReserveRequest {
        reservation_id: id.clone(),
        basket: Some(basket),
        expect: Some(v1::reserve_request::Expect::ExpectedPayable(5_500)),
        order: Some(v1::OrderReference { order_id: Some(format!("o-{number}")), ..Default::default() }),
        ..Default::default()
    };
    client.reserve(request).await.expect("held");
    if number.is_multiple_of(5) {
        return;
    }
    client
        .commit(v1::CommitRequest { reservation_id: id.clone(), user: user.clone(), ..Default::default() })
        .await
        .expect("paid");
    if number.is_multiple_of(3) {
        let lines = vec![v1::LineUnits { line_id: "a".to_owned(), units: 1 }];
        let rollback_id = "b-1".to_owned();
        let request = v1::RollbackRequest { reservation_id: id, user, rollback_id, lines, ..Default::default() };
        client.rollback(request).await.expect("returned");
    }
}

/// What the server says of its log.
async fn told(server: SocketAddr) -> Vec<v1::Event> {
    let mut client = EventServiceClient::new(connect(server).await);
    let request = v1::SubscribeRequest { stop_at_end: true, ..Default::default() };
    let mut stream = client.subscribe(request).await.expect("a stream").into_inner();
    let mut events = Vec::new();
    while let Some(message) = stream.message().await.expect("a message") {
        let Some(v1::subscribe_response::What::Batch(batch)) = message.what else { panic!("a gap") };
        events.extend(batch.events);
    }
    events
}

async fn number(database: &Client, query: &str) -> i64 {
    // There is no table before the first consumer has made it.
    database.query_one(query, &[]).await.map_or(0, |row| row.get(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_written_once_although_the_consumer_is_killed_ten_times() {
    let postgres = tokka_rig::Postgres::start();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("shop")).expect("a folder");
    std::fs::write(folder.path().join("shop/catalogue.yaml"), SHOP).expect("a file");
    let mut config = Config::new(SocketAddr::from(([127, 0, 0, 1], 0)), folder.path().join("shop"));
    config.data_dir = folder.path().join("data");
    config.admin = Some(([127, 0, 0, 1], 0).into());
    config.stop_pause = Duration::ZERO;
    let (stop, stopped) = oneshot::channel::<()>();
    let (ready, started) = oneshot::channel::<Started>();
    let ended = async {
        let _ = stopped.await;
    };
    let served = tokio::spawn(serve(config, ended, |started| drop(ready.send(started))));
    let Started { address, admin, .. } = started.await.expect("a server");
    let admin = admin.expect("an admin address");

    let (database, connection) = tokio_postgres::connect(&postgres.parameters(), NoTls).await.expect("a database");
    tokio::spawn(connection);
    let mut client = PricingServiceClient::new(connect(address).await);
    let buyers = tokio::spawn(async move {
        for number in 0..ORDERS {
            order(&mut client, number).await;
        }
    });
    // Each is killed once it has written a little more than the one before, in the middle of whatever it does then.
    let mut written = 0;
    for kill in 0..KILLS {
        let mut running = consumer(admin, &postgres.parameters(), &[]);
        while number(&database, "SELECT count(*) FROM tokka_event").await <= written
            && !(buyers.is_finished() && kill > 0 && written > 0)
        {
            tokio::time::sleep(Duration::from_micros(300 * (kill + 1))).await;
        }
        running.0.kill().expect("killed");
        running.0.wait().expect("ended");
        written = number(&database, "SELECT count(*) FROM tokka_event").await;
    }
    buyers.await.expect("no panic");
    let mut last = consumer(admin, &postgres.parameters(), &["--stop-at-end"]);
    assert!(last.0.wait().expect("ended").success());

    let events = told(admin).await;
    let mut expected: BTreeMap<(String, i64), String> = BTreeMap::new();
    for event in &events {
        let name = event.transition().as_str_name().trim_start_matches("TRANSITION_").to_owned();
        expected.insert((event.reservation_id.clone(), event.version), name);
    }
    let rows = database.query("SELECT reservation_id, version, transition, order_id FROM tokka_event", &[]).await.expect("rows");
    assert_eq!(rows.len(), expected.len(), "each event once");
    for row in &rows {
        let (id, version): (String, i64) = (row.get(0), row.get(1));
        assert_eq!(expected.get(&(id.clone(), version)).map(String::as_str), Some(row.get::<_, &str>(2)), "{id} {version}");
        assert_eq!(row.get::<_, Option<String>>(3), Some(id.replace('r', "o")));
    }
    let sum = |query: &'static str| number(&database, query);
    let orders = i64::try_from(ORDERS).expect("few");
    let paid = i64::try_from((0..ORDERS).filter(|number| number % 5 != 0).count()).expect("few");
    let returned = i64::try_from((0..ORDERS).filter(|number| number % 5 != 0 && number % 3 == 0).count()).expect("few");
    assert_eq!(sum("SELECT count(*) FROM tokka_event WHERE transition = 'COMMITTED' AND payable = 5500").await, paid);
    assert_eq!(sum("SELECT count(*) FROM tokka_event WHERE transition = 'PART_RETURNED' AND refund > 0").await, returned);
    // Gifts by the ERP's own sku, or with a note for a person.
    let bags = "SELECT count(*) FROM tokka_gift WHERE gift = 'tote' AND erp_sku = 'E-1' AND note IS NULL AND quantity = 1";
    assert_eq!(sum(bags).await, orders + paid);
    let cards =
        "SELECT count(*) FROM tokka_gift WHERE gift = 'card' AND erp_sku IS NULL AND note LIKE '%しおり%' AND quantity = 2";
    assert_eq!(sum(cards).await, orders + paid);
    assert_eq!(sum("SELECT count(*) FROM tokka_promotion WHERE promotion = 'five' AND discount = 500").await, orders + paid);
    assert_eq!(sum("SELECT count(*) FROM tokka_gaps").await, 0);
    println!("proof: kills of the ERP's consumer = {KILLS}");

    stop.send(()).expect("a server");
    served.await.expect("no panic").expect("a clean end");
}
