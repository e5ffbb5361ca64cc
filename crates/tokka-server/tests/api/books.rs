//! Do the books close? Thousands of random orders with returns go through the whole service, and everything that it says of
//! them afterwards is compared, to the minor unit, with what their customers saw.
//!
//! `TOKKA_ORDERS` says how many, `TOKKA_SEED` which.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokka_ledger::Ledger;
use tokka_proto::v1;
use tokka_proto::v1::StatsDimension as By;
use tokka_proto::v1::insight_service_client::InsightServiceClient;
use tokka_proto::v1::pricing_service_client::PricingServiceClient;
use tonic::transport::Channel;

use crate::market::{Dice, MARKET, Seen, by_stage, customer};
use crate::race::proof;
use crate::running::{Running, connect};

const CUSTOMERS: u64 = 32;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What `config` is told, so that there is an admin address.
pub(crate) fn administered(config: &mut tokka_server::Config) {
    config.admin = Some(([127, 0, 0, 1], 0).into());
    config.insight_every = Duration::from_millis(5);
}

pub(crate) async fn insight(server: &Running) -> InsightServiceClient<Channel> {
    InsightServiceClient::new(connect(server.admin.expect("an admin address")).await)
}

/// Orders from number to number, by many customers at once.
async fn shop(server: &Running, seed: u64, orders: std::ops::Range<u64>, users: u64) -> Seen {
    let (next, end) = (Arc::new(AtomicU64::new(orders.start)), orders.end);
    let mut customers = Vec::new();
    for _ in 0..CUSTOMERS {
        let (next, channel) = (Arc::clone(&next), server.channel.clone());
        customers.push(tokio::spawn(async move {
            let (mut client, mut seen) = (PricingServiceClient::new(channel), Seen::default());
            loop {
                let order = next.fetch_add(1, Ordering::Relaxed);
                if order >= end {
                    return seen;
                }
                let mut dice = Dice(seed.wrapping_mul(1_000_003).wrapping_add(order));
                seen.add(&customer(&mut client, &mut dice, &format!("r-{order}"), users).await);
            }
        }));
    }
    let mut seen = Seen::default();
    for customer in customers {
        seen.add(&customer.await.expect("no panic"));
    }
    seen
}

/// Waits until everything is counted that these customers did.
pub(crate) async fn counted(insight: &mut InsightServiceClient<Channel>, last: (i64, i32)) -> v1::SettlementResponse {
    loop {
        let answer = insight.settlement(v1::SettlementRequest::default()).await.expect("a settlement").into_inner();
        let counted = answer.counted.as_ref().expect("what it counts");
        let as_of = counted.as_of.expect("a moment");
        if !counted.rebuilding && (as_of.seconds, as_of.nanos) > last {
            assert_eq!((counted.gaps, counted.unreadable), (0, 0));
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn stats(insight: &mut InsightServiceClient<Channel>, by: &[By]) -> Vec<v1::StatsRow> {
    let by = by.iter().map(|by| i32::from(*by)).collect();
    let request = v1::PromotionStatsRequest { by, page_size: 1_000, ..Default::default() };
    insight.promotion_stats(request).await.expect("statistics").into_inner().rows
}

async fn entries(insight: &mut InsightServiceClient<Channel>) -> Vec<v1::SettlementEntry> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListEntriesRequest { page_size: 500, page_token, ..Default::default() };
        let page = insight.list_entries(request).await.expect("entries").into_inner();
        all.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_close_to_the_minor_unit() {
    let (orders, seed) = (number("TOKKA_ORDERS", 2_000), number("TOKKA_SEED", 20_261_125));
    println!("seed {seed}, {orders} orders");
    let users = orders / 3 + 1;
    let server = Running::of(MARKET, administered).await;
    let mut seen = shop(&server, seed, 0..orders / 2, users).await;
    // A server that stops in the middle goes on where it was, and counts nothing twice.
    let server = server.again(administered).await;
    seen.add(&shop(&server, seed, orders / 2..orders, users).await);

    let mut client = insight(&server).await;
    let settlement = counted(&mut client, seen.last).await;
    as_customers_saw(&settlement, &seen);
    statement_adds_up(&settlement);

    let all = entries(&mut client).await;
    entries_are_the_settlement(&all, &settlement);
    of_each_day(&mut client, &all, &settlement).await;
    statistics(&mut client, &seen, &settlement).await;
    counters(&mut client, &settlement).await;

    // Counted anew from the archive and the log, it is the same.
    let before = everything(&mut client).await;
    drop(client);
    let file = server.data.path().join("insight.redb");
    let server = server.again_after(administered, || std::fs::remove_file(&file).expect("the file of totals")).await;
    let mut client = insight(&server).await;
    counted(&mut client, seen.last).await;
    assert_eq!(everything(&mut client).await, before);

    let kept = server.ended().await;
    assert_eq!(kept.open().await.verify().await, Ok(Vec::new()), "counters that differ from what records hold");
    proof("orders whose books close", i64::try_from(orders).expect("few"));
}

/// All that is answered, without the moment of the answer.
async fn everything(client: &mut InsightServiceClient<Channel>) -> (v1::SettlementResponse, Vec<Vec<v1::StatsRow>>, usize) {
    let mut settlement = client.settlement(v1::SettlementRequest::default()).await.expect("a settlement").into_inner();
    settlement.counted = None;
    let mut rows = Vec::new();
    for by in [&[][..], &[By::Promotion], &[By::Promotion, By::Store, By::Channel, By::Day], &[By::Store, By::Channel]] {
        rows.push(stats(client, by).await);
    }
    (settlement, rows, entries(client).await.len())
}

fn column(column: &v1::SettlementColumn) -> Vec<i64> {
    let v1::SettlementColumn { gross, discounts, waived, payable, funded_by_others, funded_for_others, due } = column;
    [&[*gross], &by_stage(discounts.as_ref())[..], &[*waived, *payable, *funded_by_others, *funded_for_others, *due]].concat()
}

fn columns(seller: &v1::SellerStatement) -> [Vec<i64>; 3] {
    [&seller.sold, &seller.returned, &seller.net].map(|of| column(of.as_ref().expect("a column")))
}

fn as_customers_saw(settlement: &v1::SettlementResponse, seen: &Seen) {
    let total = settlement.total.as_ref().expect("a total");
    let (sold, returned) = (total.sold.as_ref().expect("sold"), total.returned.as_ref().expect("returned"));
    assert_eq!((total.orders, sold.payable, sold.gross), (seen.orders, seen.payable, seen.gross));
    assert_eq!(returned.payable, seen.refunds, "Σ refunds");
    for seller in &settlement.sellers {
        let sold = seller.sold.as_ref().expect("sold");
        let row = [&[sold.gross], &by_stage(sold.discounts.as_ref())[..], &[sold.payable, sold.due]].concat();
        assert_eq!(row, seen.stores.get(&seller.store).copied().unwrap_or_default(), "{}", seller.store);
    }
    let mut funding: BTreeMap<(String, String, String), i64> = BTreeMap::new();
    for part in settlement.funders.iter().filter(|part| !part.promotion.is_empty() && part.funded != 0) {
        *funding.entry((part.payer.clone(), part.promotion.clone(), part.seller.clone())).or_insert(0) += part.funded;
    }
    assert_eq!(funding, seen.funding, "Σ funding");
    let given: BTreeMap<String, i64> = settlement.given.iter().map(|part| (part.payer.clone(), part.given)).collect();
    assert_eq!(given, seen.given);
}

/// What holds of any statement.
fn statement_adds_up(settlement: &v1::SettlementResponse) {
    let total = settlement.total.as_ref().expect("a total");
    for (at, of_total) in columns(total).into_iter().enumerate() {
        let mut sums = vec![0; of_total.len()];
        for seller in &settlement.sellers {
            let row = &columns(seller)[at];
            sums.iter_mut().zip(row).for_each(|(sum, amount)| *sum += amount);
            let [gross, waived, payable, by_others, for_others, due] = [0, 7, 8, 9, 10, 11].map(|at| row[at]);
            assert_eq!(gross - row[1..7].iter().sum::<i64>() - waived, payable, "{}", seller.store);
            assert_eq!(payable + by_others - for_others, due, "{}", seller.store);
        }
        assert_eq!(sums, of_total, "sellers sum to the platform");
        let funded = |of: &v1::FunderStatement| [of.funded, of.returned, of.net][at];
        let by_all: i64 = settlement.funders.iter().map(funded).sum();
        assert_eq!(by_all, of_total[1..8].iter().sum::<i64>(), "who funds it sums to what is off");
        let by_platform: i64 = settlement.funders.iter().filter(|of| of.payer == "platform").map(funded).sum();
        assert_eq!(of_total[11], of_total[8] + by_platform, "stores are due what is paid, and what the platform funds");
    }
}

fn entries_are_the_settlement(entries: &[v1::SettlementEntry], settlement: &v1::SettlementResponse) {
    let mut sums: BTreeMap<(String, bool), Vec<i64>> = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    for entry in entries {
        assert!(ids.insert((entry.reservation_id.clone(), entry.version)), "an entry stands twice: {entry:?}");
        assert_eq!(entry.order.as_ref().and_then(|order| order.order_id.clone()), Some(format!("o-{}", entry.reservation_id)));
        for seller in &entry.sellers {
            let row = column(seller.amounts.as_ref().expect("amounts"));
            let sum = sums.entry((seller.store.clone(), entry.is_return)).or_insert_with(|| vec![0; row.len()]);
            sum.iter_mut().zip(row).for_each(|(sum, amount)| *sum += amount);
        }
    }
    for seller in &settlement.sellers {
        for (is_return, at) in [(false, 0), (true, 1)] {
            let none = vec![0; 12];
            let sum = sums.get(&(seller.store.clone(), is_return)).unwrap_or(&none);
            assert_eq!(*sum, columns(seller)[at], "orders' parts sum to the statement of {}", seller.store);
        }
    }
}

/// The statements of single days add up, each by itself and all of them.
async fn of_each_day(
    client: &mut InsightServiceClient<Channel>,
    entries: &[v1::SettlementEntry],
    settlement: &v1::SettlementResponse,
) {
    let days: std::collections::BTreeSet<&str> = entries.iter().map(|entry| entry.day.as_str()).collect();
    let (mut orders, mut due) = (0, 0);
    for day in days {
        let request = v1::SettlementRequest { first_day: day.to_owned(), last_day: day.to_owned() };
        let of_day = client.settlement(request).await.expect("a settlement").into_inner();
        statement_adds_up(&of_day);
        let total = of_day.total.expect("a total");
        orders += total.orders;
        due += total.net.expect("net").due;
    }
    let total = settlement.total.as_ref().expect("a total");
    assert_eq!((orders, due), (total.orders, total.net.as_ref().expect("net").due));
}

async fn statistics(client: &mut InsightServiceClient<Channel>, seen: &Seen, settlement: &v1::SettlementResponse) {
    let whole = stats(client, &[]).await;
    let [whole] = &whole[..] else { panic!("one row: {whole:?}") };
    assert_eq!((whole.reserved, whole.cancelled, whole.expired), (seen.reserved, seen.cancelled, 0));
    assert_eq!((whole.orders, whole.orders_returned), (seen.orders, seen.wholly_returned));
    assert_eq!((whole.value, whole.value_returned), (seen.payable, seen.refunds));
    assert_eq!(whole.participants, Some(v1::People { count: i64::try_from(seen.users.len()).expect("few"), estimate: None }));
    let net = settlement.total.as_ref().and_then(|total| total.net.as_ref()).expect("net");
    assert_eq!(whole.discount - whole.discount_returned, by_stage(net.discounts.as_ref()).iter().sum::<i64>() + net.waived);
    let given: i64 = settlement.given.iter().map(|part| part.given - part.came_back).sum();
    assert_eq!(whole.given_value, given);

    for row in stats(client, &[By::Promotion]).await {
        let of_customers = seen.promotions.get(&row.promotion).copied().unwrap_or_default();
        assert_eq!([row.orders, row.value, row.value_returned, row.discount], of_customers, "{}", row.promotion);
        let funded = settlement.funders.iter().filter(|part| part.promotion == row.promotion);
        let (funded, net): (i64, i64) = funded.fold((0, 0), |sum, part| (sum.0 + part.funded, sum.1 + part.net));
        assert_eq!((row.discount, row.discount - row.discount_returned), (funded, net), "{}", row.promotion);
        let is_coupon = ["tools-300", "market-10", "readers"].contains(&row.promotion.as_str());
        assert_eq!(row.coupons_used, if is_coupon { row.orders } else { 0 });
        assert!(row.coupons_returned <= row.coupons_used && (!is_coupon || row.used_by == row.participants), "{row:?}");
    }
    let mut channels = BTreeMap::new();
    for row in stats(client, &[By::Channel]).await {
        channels.insert(row.channel.clone(), [row.orders, row.value]);
    }
    assert_eq!(channels, seen.channels);
    // A store's part of every order adds up to the orders.
    let stores = stats(client, &[By::Store]).await;
    let sum = |of: fn(&v1::StatsRow) -> i64| stores.iter().map(of).sum::<i64>();
    assert_eq!((sum(|row| row.units), sum(|row| row.units_returned)), (whole.units, whole.units_returned));
    assert_eq!((sum(|row| row.value), sum(|row| row.value_returned)), (whole.value, whole.value_returned));
    assert_eq!((sum(|row| row.discount), sum(|row| row.discount_returned)), (whole.discount, whole.discount_returned));
}

/// Nothing is held any more, so that counters say what statistics do.
async fn counters(client: &mut InsightServiceClient<Channel>, settlement: &v1::SettlementResponse) {
    let [promotions, gifts] =
        [&["flash", "store-spend", "market-10"][..], &["tote"]].map(|ids| ids.iter().map(ToString::to_string));
    let request = v1::CounterUsageRequest { promotions: promotions.collect(), gifts: gifts.collect() };
    let counters = client.counter_usage(request).await.expect("counters").into_inner().counters;
    let used = |kind: v1::CounterKind, of: &str| {
        let mut found = counters.iter().filter(|row| {
            let counter = row.counter.as_ref().expect("a counter");
            counter.kind() == kind && (counter.promotion == of || counter.gift == of)
        });
        let row = found.next().expect("a counter");
        assert!(row.used <= row.limit, "{row:?}");
        row.used
    };
    let rows = stats(client, &[By::Promotion]).await;
    let of = |id: &str| rows.iter().find(|row| row.promotion == id).expect("a row");
    let flash = of("flash");
    assert_eq!(used(v1::CounterKind::Stock, "flash"), flash.units - flash.units_returned);
    let spend = settlement.funders.iter().filter(|part| part.promotion == "store-spend");
    assert_eq!(used(v1::CounterKind::Budget, "store-spend"), spend.map(|part| part.net).sum::<i64>());
    let coupon = of("market-10");
    assert_eq!(used(v1::CounterKind::Stock, "market-10"), coupon.coupons_used - coupon.coupons_returned);
    assert_eq!(used(v1::CounterKind::GiftInventory, "tote") * 300, of("store-spend").given_value);
}
