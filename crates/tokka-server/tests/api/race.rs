//! Is nothing sold twice, whoever races for it and whenever the process is killed?

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokka_ledger::model::{Record, State};
use tokka_ledger::name::Name;
use tokka_proto::v1;
use tokka_proto::v1::pricing_service_client::PricingServiceClient;
use tokka_server::{Config, serve};
use tonic::transport::Channel;

use crate::kept::{self, Kept};
use crate::orders::{order, why};
use crate::running::{Running, connect, coupon, line};

/// 1,000 units at 100 yen, 8 a user, a coupon for 60 orders, and 25 gifts from 600 yen on.
pub(crate) const RUSH: &str = r#"
kind: catalogue
currency: JPY
---
{kind: store, id: shop, name: 店}
---
{kind: gift, id: tote, name: トート, inventory: 25}
---
kind: promotion
id: flash
name: 1,000個
owner: shop
status: published
scope: {include: {skus: [mask]}}
limits: {stock: 1000, units_per_user: 8}
item_price: {fixed: 100}
---
kind: promotion
id: bag
name: 600円以上でバッグ
owner: shop
status: published
spend: {tiers: [{threshold: 600, gifts: [{gift: tote, quantity: 1}]}]}
---
kind: promotion
id: fifty
name: 50円
owner: shop
status: published
limits: {stock: 60, orders_per_user: 1}
coupon: {threshold: 300, amount_off: 50}
"#;

const CLIENTS: usize = 200;
pub(crate) const STOCK: i64 = 1_000;
const UNITS_A_USER: i64 = 8;

/// Users that share an account: two clients each buy for one of them, so that the cap of a user is raced for as well.
fn user_of(client: usize) -> String {
    format!("u-{}", client % (CLIENTS * 3 / 4))
}

fn wanted(client: usize, attempt: usize) -> v1::ReserveRequest {
    let quantity = i64::try_from(1 + (client + attempt) % 5).expect("small");
    let id = format!("r-{client}-{attempt}");
    let request = order(&id, &user_of(client), vec![line("a", "mask", "shop", quantity, 150)]);
    v1::ReserveRequest { coupons: vec![coupon("fifty")], ..request }
}

/// What a client heard: the price and the pieces sold at 100 yen.
pub(crate) type Heard = HashMap<String, (v1::ReserveRequest, v1::ReserveResponse)>;

/// Buys until nothing is left for this user, or the server is gone. Contention is met by the same call again.
async fn buy(mut client: PricingServiceClient<Channel>, number: usize, acknowledged: Arc<AtomicUsize>) -> Heard {
    let mut heard = Heard::new();
    for attempt in 0..20 {
        let request = wanted(number, attempt);
        let answer = loop {
            match client.reserve(request.clone()).await {
                Ok(answer) => break answer.into_inner(),
                Err(status) if kept::AGAIN.contains(&why(&status).1.as_str()) => tokio::task::yield_now().await,
                // Without a reason of ours: the connection broke.
                Err(status) if why(&status).1.is_empty() => return heard,
                Err(status) => panic!("{status:?}"),
            }
        };
        acknowledged.fetch_add(1, Ordering::Relaxed);
        let sold_out = at_100(&answer) == 0;
        heard.insert(request.reservation_id.clone(), (request, answer));
        if sold_out {
            break;
        }
    }
    heard
}

/// Pieces sold at 100 yen instead of 150.
pub(crate) fn at_100(answer: &v1::ReserveResponse) -> i64 {
    let line = &answer.quote.as_ref().expect("a quote").lines[0];
    line.discounts.map_or(0, |discounts| discounts.item) / 50
}

/// A rush on all servers of a store at once.
pub(crate) async fn race(addresses: &[SocketAddr], acknowledged: &Arc<AtomicUsize>) -> Heard {
    let mut channels = Vec::new();
    for address in addresses.iter().cycle().take(8.max(addresses.len())) {
        channels.push(connect(*address).await);
    }
    let buyers: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = PricingServiceClient::new(channels[number % channels.len()].clone());
            tokio::spawn(buy(client, number, Arc::clone(acknowledged)))
        })
        .collect();
    let mut heard = Heard::new();
    for buyer in buyers {
        heard.extend(buyer.await.expect("no panic"));
    }
    heard
}

/// Everything that a server left, straight from its store.
pub(crate) async fn audit(data: &Kept) -> (BTreeMap<String, Record>, HashMap<Name, i64>) {
    use tokka_ledger::Ledger;
    use tokka_ledger::model::{Cursor, Events};
    let store = data.open().await;
    assert_eq!(store.verify().await.expect("an audit"), [], "counters differ from holds");
    let mut records = BTreeMap::new();
    let mut cursor = Cursor::default();
    loop {
        let Events::Batch(events, next) = store.events(&cursor, 500).await.expect("events") else { panic!("a gap") };
        if events.is_empty() {
            break;
        }
        for event in events {
            let record = event.record.expect("a record");
            records.insert(record.id.clone(), record);
        }
        cursor = next;
    }
    let mut held: HashMap<Name, i64> = HashMap::new();
    for record in records.values() {
        for portion in &record.holding {
            *held.entry(portion.counter.clone()).or_default() += portion.amount;
        }
    }
    let names: Vec<Name> = held.keys().cloned().collect();
    let used = store.usage(&names).await.expect("usage");
    for (name, used) in names.iter().zip(used) {
        assert_eq!(used, held[name], "{name}: what is used is what is held");
    }
    (records, held)
}

pub(crate) fn never_beyond_a_limit(held: &HashMap<Name, i64>) {
    let mut beyond = 0;
    for (name, used) in held {
        let most = match name.parts().expect("a name")[..] {
            ["stock", "flash"] => STOCK,
            ["stock", "fifty"] => 60,
            ["gift", "tote"] => 25,
            ["user_units", ..] => UNITS_A_USER,
            ["user_orders", ..] => 1,
            _ => panic!("{name} is no counter of this shop"),
        };
        beyond += (used - most).max(0);
    }
    proof("sold beyond a limit", beyond);
    assert_eq!(beyond, 0, "{held:?}");
}

/// Every order that was heard of is in the records.
pub(crate) fn nothing_acknowledged_is_lost(heard: &Heard, records: &BTreeMap<String, Record>) {
    let lost: Vec<&String> = heard.keys().filter(|id| !records.contains_key(*id)).collect();
    proof("acknowledged in a rush", i64::try_from(heard.len()).expect("few"));
    proof("acknowledged and lost", i64::try_from(lost.len()).expect("few"));
    assert!(lost.is_empty(), "promised and lost: {lost:?}");
}

/// Tells `cargo xtask test` a number for its table of proofs, past the harness, which keeps what tests print.
pub(crate) fn proof(name: &str, number: i64) {
    let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("proof: {name} = {number}\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_1000_units_exactly_1000_are_sold() {
    let server = Running::of(RUSH, |_| {}).await;
    let heard = race(&[server.address], &Arc::default()).await;
    let sold: i64 = heard.values().map(|(_, answer)| at_100(answer)).sum();
    let mut by_user: HashMap<&str, i64> = HashMap::new();
    for (request, answer) in heard.values() {
        let user = request.basket.as_ref().expect("a basket").user.as_deref().expect("a user");
        *by_user.entry(user).or_default() += at_100(answer);
    }
    assert_eq!(sold, STOCK);
    assert!(by_user.values().all(|units| *units <= UNITS_A_USER), "{by_user:?}");

    let Running { client, channel, data, stop, served, .. } = server;
    drop((client, channel));
    stop.send(()).expect("a server");
    served.await.expect("no panic").expect("a clean end");
    let (records, held) = audit(&data).await;
    nothing_acknowledged_is_lost(&heard, &records);
    assert_eq!(records.len(), heard.len(), "every order that was heard of, and no other");
    never_beyond_a_limit(&held);
    let of = |parts: &[&str]| held[&Name::of(parts)];
    assert_eq!((of(&["stock", "flash"]), of(&["stock", "fifty"]), of(&["gift", "tote"])), (STOCK, 60, 25));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_the_middle_of_a_rush_keeps_what_it_promised() {
    let (folder, data) = (tempfile::tempdir().expect("a folder"), Kept::new());
    std::fs::write(folder.path().join("catalogue.yaml"), RUSH).expect("a file");
    let mut heard = Heard::new();
    // Killed at several moments of one sale, each time after so many more answers.
    for kill_after in [1, 40, 90] {
        let mut process = Process::start(&folder, &data);
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let killer = async {
            while acknowledged.load(Ordering::Relaxed) < kill_after {
                tokio::task::yield_now().await;
            }
            process.0.kill().expect("killed");
            process.0.wait().expect("ended");
        };
        let addresses = [process.1];
        let (more, ()) = tokio::join!(race(&addresses, &acknowledged), killer);
        for (id, answer) in more {
            if let Some((_, first)) = heard.get(&id) {
                // The buyers began again from their first order: a repetition gets its first answer.
                assert_eq!(first, &answer.1, "{id}");
            }
            heard.insert(id, answer);
        }
    }
    assert!(heard.len() >= 90, "{} orders were heard of", heard.len());
    proof("servers killed with kill -9", 3);
    let (records, held) = audit(&data).await;
    nothing_acknowledged_is_lost(&heard, &records);
    never_beyond_a_limit(&held);
    for (id, (_, answer)) in &heard {
        let record = &records[id];
        assert_eq!((record.state, record.version), (State::Held, 1), "{id}");
        let flash = record.holding.iter().find(|portion| portion.counter == Name::of(&["stock", "flash"]));
        assert_eq!(flash.map_or(0, |portion| portion.amount), at_100(answer), "{id}");
    }
    // The rush goes on after all that: still exactly 1,000.
    let server = Running::over(folder, data, |_| {}).await;
    let rest = race(&[server.address], &Arc::default()).await;
    for (id, (_, answer)) in &heard {
        assert_eq!(rest.get(id).map(|(_, again)| again), Some(answer), "{id}");
    }
    let Running { client, channel, data, stop, served, .. } = server;
    drop((client, channel));
    stop.send(()).expect("a server");
    served.await.expect("no panic").expect("a clean end");
    let (records, held) = audit(&data).await;
    never_beyond_a_limit(&held);
    assert_eq!(held[&Name::of(&["stock", "flash"])], STOCK);
    let unheard = records.keys().filter(|id| !rest.contains_key(*id)).count();
    assert_eq!(unheard, 0, "what was under way at a kill has one answer by now");
}

/// A server in a process of its own: this test binary, asked to be one.
pub(crate) struct Process(pub(crate) Child, pub(crate) SocketAddr, pub(crate) SocketAddr);

const FOLDER: &str = "TOKKA_TEST_FOLDER";
const DATA: &str = "TOKKA_TEST_DATA";
const ARCHIVE: &str = "TOKKA_TEST_ARCHIVE";

impl Process {
    fn start(folder: &TempDir, data: &Kept) -> Self {
        Self::one_of(folder, data, true)
    }

    /// One of the servers of a store, of which at most one writes the archive.
    pub(crate) fn one_of(folder: &TempDir, data: &Kept, archive: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["--exact", "race::serves_where_it_is_told_to", "--nocapture", "--quiet"]);
        command.env(FOLDER, folder.path()).env(DATA, data.words()).env(ARCHIVE, archive.to_string()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut lines = lines.map(|line| line.expect("a line"));
        let ready = lines.find_map(|line| Some(line.split_once("ready on ")?.1.to_owned())).expect("it says where it is ready");
        let (main, admin) = ready.split_once(' ').expect("two addresses");
        Self(child, main.parse().expect("an address"), admin.parse().expect("an address"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The other process of the test above; by itself it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_where_it_is_told_to() {
    let (Ok(folder), Ok(data)) = (std::env::var(FOLDER), std::env::var(DATA)) else { return };
    let mut config = Config::new(SocketAddr::from(([127, 0, 0, 1], 0)), folder);
    kept::apply(&mut config, &data);
    if std::env::var(ARCHIVE).as_deref() == Ok("false") {
        config.archive = None;
    }
    config.admin = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let ready =
        |started: tokka_server::Started| println!("ready on {} {}", started.address, started.admin.expect("an admin address"));
    let served = serve(config, std::future::pending(), ready).await;
    panic!("it ended: {served:?}");
}
