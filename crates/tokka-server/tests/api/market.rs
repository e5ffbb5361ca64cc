//! Which shop do the tests of statements buy in, and what do its random customers do?

use std::collections::BTreeMap;

use tokka_proto::v1;
use tokka_proto::v1::pricing_service_client::PricingServiceClient;
use tokka_proto::v1::reserve_request::Expect;
use tonic::Status;
use tonic::transport::Channel;

use crate::kept::AGAIN;
use crate::orders::{all, part, why};
use crate::running::{coupon, line};

/// Three stores, a promotion of every stage, funding of every kind, and limits that are reached.
pub(crate) const MARKET: &str = r#"
kind: catalogue
currency: JPY
time_zone: Asia/Tokyo
---
{kind: store, id: pharma, name: 東京ファーマ}
---
{kind: store, id: books, name: 月読書房}
---
{kind: store, id: tools, name: やまびこ工具}
---
{kind: gift, id: tote, name: トートバッグ, value: 300, inventory: 150}
---
{kind: gift, id: card, name: しおり, value: 35}
---
kind: promotion
id: flash
name: タイムセール
owner: pharma
status: published
scope: {include: {skus: [p-1, p-2]}}
limits: {stock: 900, units_per_user: 6}
item_price: {fixed: 777, flash: true}
---
kind: promotion
id: volume
name: まとめ買い
owner: books
status: published
funding: [{party: platform, percent: "33.3"}, {party: books, percent: "66.7"}]
scope: {include: {skus: [b-1]}}
volume_price: {mode: graduated, tiers: [{min_quantity: 2, percent_off: "7.5"}, {min_quantity: 4, percent_off: "13"}]}
---
kind: promotion
id: third-free
name: 3つで1つ無料
owner: tools
status: published
scope: {include: {skus: [t-2]}}
buy_get: {mode: add, repeat: true, tiers: [{buy: 2, get: 1}]}
---
kind: promotion
id: pair
name: 2冊で安く
owner: books
status: published
scope: {include: {skus: [b-2, b-3]}}
mix_match: {pick: 2, fixed_total: 1990}
---
kind: promotion
id: store-spend
name: 薬局の月間
owner: pharma
status: published
funding: [{party: pharma, percent: "70"}, {party: platform, percent: "30"}]
limits: {budget: "60000"}
spend: {tiers: [{threshold: 3000, percent_off: "5"}, {threshold: 7000, percent_off: "9", gifts: [{gift: tote, quantity: 1}]}]}
---
kind: promotion
id: tools-300
name: 工具300円
owner: tools
status: published
limits: {orders_per_user: 2}
coupon: {threshold: 2000, amount_off: 301}
---
kind: promotion
id: all-shops
name: 全店感謝祭
owner: platform
status: published
funding: [{party: platform, percent: "50"}, {party: seller, percent: "37"}, {party: tools, percent: "13"}]
spend: {tiers: [{threshold: 5000, amount_off: 403, gifts: [{gift: card, quantity: 2}]}, {threshold: 12000, percent_off: "8"}]}
---
kind: promotion
id: market-10
name: 全店10%
owner: platform
status: published
limits: {stock: 400}
coupon: {threshold: 1000, percent_off: "10", max_discount: 777}
---
kind: promotion
id: readers
name: 本と一緒に
owner: platform
status: published
scope: {include: {skus: [t-1]}}
coupon: {threshold: 500, amount_off: 99, qualify: {include: {skus: [b-1, b-2]}}}
"#;

const SKUS: [(&str, &str, i64); 8] = [
    ("p-1", "pharma", 1_280),
    ("p-2", "pharma", 999),
    ("p-3", "pharma", 2_450),
    ("b-1", "books", 703),
    ("b-2", "books", 1_200),
    ("b-3", "books", 1_111),
    ("t-1", "tools", 1_987),
    ("t-2", "tools", 350),
];
const COUPONS: [&str; 3] = ["tools-300", "market-10", "readers"];
const CHANNELS: [Option<&str>; 4] = [None, Some("app"), Some("web"), Some("email/11-11")];

/// The answer of a call that is repeated as long as it met others.
macro_rules! again {
    ($call:expr) => {
        loop {
            match $call.await {
                Err(status) if passes(&status) => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
                answered => break answered,
            }
        }
    };
}

/// Numbers from a seed (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `below` − 1.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.next() % below
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).expect("small")]
    }

    fn from(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below(u64::try_from(high - low + 1).expect("a range"))).expect("small")
    }

    /// One time in `of`.
    pub(crate) fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// What customers saw of their orders.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    /// Orders that were held, that never were paid, and that were paid.
    pub(crate) reserved: i64,
    pub(crate) cancelled: i64,
    pub(crate) orders: i64,
    pub(crate) wholly_returned: i64,
    pub(crate) payable: i64,
    pub(crate) refunds: i64,
    pub(crate) gross: i64,
    /// Paid: by store, gross, discounts by stage, payable, due.
    pub(crate) stores: BTreeMap<String, [i64; 9]>,
    /// Paid: by payer, promotion, seller.
    pub(crate) funding: BTreeMap<(String, String, String), i64>,
    /// Paid: by payer.
    pub(crate) given: BTreeMap<String, i64>,
    /// Paid orders, what they came to and went back, and what it took off, by promotion.
    pub(crate) promotions: BTreeMap<String, [i64; 4]>,
    /// Paid orders and what they came to, by channel.
    pub(crate) channels: BTreeMap<String, [i64; 2]>,
    /// Who paid.
    pub(crate) users: std::collections::BTreeSet<String>,
    /// The latest moment of the store.
    pub(crate) last: (i64, i32),
}

fn add<K: Ord, const N: usize>(sums: &mut BTreeMap<K, [i64; N]>, key: K, more: [i64; N]) {
    let sum = sums.entry(key).or_insert([0; N]);
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// Stage by stage.
pub(crate) fn by_stage(amounts: Option<&v1::StageAmounts>) -> [i64; 6] {
    let v1::StageAmounts { item, set, store_spend, store_coupon, platform_spend, platform_coupon } =
        amounts.copied().unwrap_or_default();
    [item, set, store_spend, store_coupon, platform_spend, platform_coupon]
}

impl Seen {
    pub(crate) fn add(&mut self, other: &Self) {
        self.reserved += other.reserved;
        self.cancelled += other.cancelled;
        self.orders += other.orders;
        self.wholly_returned += other.wholly_returned;
        self.payable += other.payable;
        self.refunds += other.refunds;
        self.gross += other.gross;
        other.stores.iter().for_each(|(key, more)| add(&mut self.stores, key.clone(), *more));
        other.promotions.iter().for_each(|(key, more)| add(&mut self.promotions, key.clone(), *more));
        other.channels.iter().for_each(|(key, more)| add(&mut self.channels, key.clone(), *more));
        other.funding.iter().for_each(|(key, more)| *self.funding.entry(key.clone()).or_insert(0) += more);
        other.given.iter().for_each(|(key, more)| *self.given.entry(key.clone()).or_insert(0) += more);
        self.users.extend(other.users.iter().cloned());
        self.last = self.last.max(other.last);
    }

    fn at(&mut self, reservation: &v1::Reservation) {
        let at = reservation.changed_at.expect("a moment");
        self.last = self.last.max((at.seconds, at.nanos));
    }

    fn paid(&mut self, basket: &[v1::Line], quote: &v1::Quote, user: Option<&String>, channel: Option<&str>) {
        self.orders += 1;
        self.payable += quote.payable;
        self.gross += quote.gross;
        for store in &quote.stores {
            let mut row = [0; 9];
            row[0] = store.gross;
            row[1..7].copy_from_slice(&by_stage(store.discounts.as_ref()));
            row[7] = store.payable;
            add(&mut self.stores, store.store.clone(), row);
        }
        for due in &quote.settlements {
            let mut row = [0; 9];
            row[8] = due.amount;
            add(&mut self.stores, due.store.clone(), row);
        }
        let seller = |line_id: &str| basket.iter().find(|line| line.line_id == line_id).expect("a line").store.clone();
        for part in &quote.funding {
            *self.funding.entry((part.payer.clone(), part.promotion.clone(), seller(&part.line_id))).or_insert(0) += part.amount;
        }
        for part in quote.funders.iter().filter(|part| part.given_value != 0) {
            *self.given.entry(part.payer.clone()).or_insert(0) += part.given_value;
        }
        for outcome in &quote.outcomes {
            if let Some(v1::outcome::Details::Applied(applied)) = &outcome.details {
                add(&mut self.promotions, outcome.promotion.clone(), [1, quote.payable, 0, applied.discount]);
            }
        }
        add(&mut self.channels, channel.unwrap_or_default().to_owned(), [1, quote.payable]);
        self.users.extend(user.cloned());
    }
}

/// One customer with one order: prices it, pays it or does not, and sends back what they do not like.
pub(crate) async fn customer(client: &mut PricingServiceClient<Channel>, dice: &mut Dice, id: &str, users: u64) -> Seen {
    let mut seen = Seen::default();
    let mut basket: Vec<v1::Line> = Vec::new();
    for number in 0..dice.from(1, 4) {
        let (sku, store, price) = dice.one_of(&SKUS);
        basket.push(line(&format!("l{number}"), sku, store, dice.from(1, 5), price));
    }
    let user = Some(format!("u-{}", dice.below(users)));
    let channel = dice.one_of(&CHANNELS);
    let offered = COUPONS.iter().filter(|_| dice.one_in(2)).map(|id| coupon(id)).collect();
    let policies = [v1::RefundPolicy::Unspecified, v1::RefundPolicy::Clawback];
    let request = v1::ReserveRequest {
        reservation_id: id.to_owned(),
        basket: Some(v1::Basket {
            currency: "JPY".to_owned(),
            lines: basket.clone(),
            user: user.clone(),
            channel: channel.map(str::to_owned),
            ..Default::default()
        }),
        coupons: offered,
        expect: Some(Expect::AcceptAnyPrice(true)),
        refund_policy: dice.one_of(&policies).into(),
        order: Some(v1::OrderReference { order_id: Some(format!("o-{id}")), ..Default::default() }),
        view: v1::View::Full.into(),
        ..Default::default()
    };
    let answer = again!(client.reserve(request.clone())).expect("a hold").into_inner();
    let (reservation, quote) = (answer.reservation.expect("a reservation"), answer.quote.expect("a quote"));
    seen.reserved += 1;
    seen.at(&reservation);
    let name = user.as_deref().expect("a user");
    if dice.one_in(12) {
        let answer = again!(client.rollback(all(id, name, "no"))).expect("cancelled").into_inner();
        seen.at(&answer.reservation.expect("a reservation"));
        seen.cancelled += 1;
        return seen;
    }
    let request = v1::CommitRequest { reservation_id: id.to_owned(), user: user.clone(), ..Default::default() };
    let answer = again!(client.commit(request.clone())).expect("paid").into_inner();
    seen.at(&answer.reservation.expect("a reservation"));
    seen.paid(&basket, &quote, user.as_ref(), channel);

    let mut left: Vec<(String, i64)> = basket.iter().map(|line| (line.line_id.clone(), line.quantity)).collect();
    let steps = if dice.one_in(2) { 0 } else { dice.from(1, 3) };
    let mut refunds = 0;
    for step in 0..steps {
        let rollback_id = format!("b-{step}");
        let request = if dice.one_in(4) {
            left.clear();
            all(id, name, &rollback_id)
        } else {
            let mut back: Vec<(String, i64)> = Vec::new();
            for (line, units) in left.iter_mut().filter(|(_, units)| *units > 0) {
                if dice.one_in(2) {
                    let units_back = dice.from(1, *units);
                    *units -= units_back;
                    back.push((line.clone(), units_back));
                }
            }
            left.retain(|(_, units)| *units > 0);
            if back.is_empty() {
                continue;
            }
            let back: Vec<(&str, i64)> = back.iter().map(|(line, units)| (line.as_str(), *units)).collect();
            part(id, name, &rollback_id, &back)
        };
        let answer = again!(client.rollback(request.clone())).expect("a return").into_inner();
        let (refund, reservation) = (answer.refund.expect("a refund"), answer.reservation.expect("a reservation"));
        refunds += refund.amount;
        assert_eq!((reservation.refunded, reservation.kept), (refunds, quote.payable - refunds), "{id}");
        seen.at(&reservation);
        // Some of what is to come back does.
        let came: Vec<v1::ReceivedUnits> = refund.to_return.iter().filter(|_| dice.one_in(2)).map(received).collect();
        if !came.is_empty() {
            let request = v1::RollbackRequest { all: false, received: came, ..all(id, name, &format!("g-{step}")) };
            let answer = again!(client.rollback(request.clone())).expect("goods received").into_inner();
            seen.at(&answer.reservation.expect("a reservation"));
        }
        if left.is_empty() {
            assert_eq!(refunds, quote.payable, "all of {id} is back");
            seen.wholly_returned += 1;
            break;
        }
    }
    seen.refunds += refunds;
    for row in seen.promotions.values_mut() {
        row[2] += refunds;
    }
    seen
}

fn received(asked: &v1::ToReturn) -> v1::ReceivedUnits {
    let what = match asked.what.clone().expect("something") {
        v1::to_return::What::Gift(gift) => v1::received_units::What::Gift(gift),
        v1::to_return::What::Sku(sku) => v1::received_units::What::Sku(sku),
    };
    v1::ReceivedUnits { what: Some(what), quantity: asked.quantity }
}

/// A refusal that the same call meets no more in a moment.
pub(crate) fn passes(status: &Status) -> bool {
    AGAIN.contains(&why(status).1.as_str())
}
