//! What is bought? Baskets of 20 lines in one of ten stores, under four promotions that apply, one of which is limited by
//! stock and by units a user: two claims.

use std::fmt::Write;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use tokka_proto::v1;

const STORES: u64 = 10;
const LINES: u64 = 20;
const BASKETS: u64 = 2_000;
const USERS: u64 = 1_000_000;
/// Promotions besides, of skus that nobody buys.
const OTHERS: u64 = 70;

/// Requests, written once and sent under many ids: what the generator costs is not what is measured.
pub(crate) struct Orders {
    /// All of a request but its id and its user.
    bodies: Vec<Bytes>,
    run: u32,
}

impl Orders {
    /// The ids of one process never meet those of another.
    pub(crate) fn new() -> Self {
        Self {
            bodies: (0..BASKETS).map(|basket| Bytes::from(request(basket).encode_to_vec())).collect(),
            run: std::process::id(),
        }
    }

    pub(crate) fn id(&self, number: u64) -> String {
        // Scattered, as ids are that come from many.
        format!("order-{:08x}{:016x}", self.run, number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Of the number-th order. A message of protobuf is its fields in any order, and a message in it that comes twice is both
    /// in one, so that id and user may be put before the rest.
    pub(crate) fn encoded(&self, number: u64) -> Bytes {
        let basket = Some(v1::Basket { user: Some(Self::user(number)), ..Default::default() });
        let first = v1::ReserveRequest { reservation_id: self.id(number), basket, ..Default::default() };
        let body = self.bodies.get(usize::try_from(number % BASKETS).unwrap_or(0)).cloned().unwrap_or_default();
        let mut bytes = BytesMut::with_capacity(first.encoded_len() + body.len());
        bytes.put_slice(&first.encode_to_vec());
        bytes.put_slice(&body);
        bytes.freeze()
    }

    pub(crate) fn user(number: u64) -> String {
        format!("user-{}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % USERS)
    }
}

fn request(number: u64) -> v1::ReserveRequest {
    let store = number % STORES;
    let lines = (0..LINES).map(|line| v1::Line {
        line_id: format!("l{line}"),
        sku: format!("s{store}-{}", (number * 7 + line * 11) % 200),
        store: format!("store-{store}"),
        // One line in five is on offer.
        categories: vec![if line % 5 == 0 { format!("offer-{store}") } else { format!("plain-{store}") }, "all".to_owned()],
        unit_price: i64::try_from(500 + (number * 31 + line * 97) % 2_000).unwrap_or(500),
        quantity: i64::try_from(1 + (number + line) % 5).unwrap_or(1),
        ..Default::default()
    });
    let basket = v1::Basket { currency: "JPY".to_owned(), lines: lines.collect(), ..Default::default() };
    v1::ReserveRequest {
        basket: Some(basket),
        coupons: vec![v1::CouponOffer { offer: Some(v1::coupon_offer::Offer::Design(format!("coupon-{store}"))) }],
        expect: Some(v1::reserve_request::Expect::AcceptAnyPrice(true)),
        ..Default::default()
    }
}

/// The catalogue, as a file.
pub(crate) fn catalogue() -> String {
    let mut text = String::from(
        "{kind: catalogue, currency: JPY, time_zone: Asia/Tokyo}\n---\n\
         {kind: promotion, id: platform-spend, name: Platform, owner: platform, status: published, scope: {include: {all: true}},\
         spend: {basis: amount, tiers: [{threshold: 3000, amount_off: 200}]}}\n",
    );
    for store in 0..STORES {
        let _ = write!(
            text,
            "---\n{{kind: store, id: store-{store}, name: Store {store}}}\n---\n\
             {{kind: promotion, id: flash-{store}, name: Flash, owner: store-{store}, status: published,\
             scope: {{include: {{categories: [offer-{store}]}}}}, limits: {{stock: 1000000000, units_per_user: 1000000}},\
             item_price: {{percent_off: \"10\"}}}}\n---\n\
             {{kind: promotion, id: spend-{store}, name: Spend, owner: store-{store}, status: published,\
             scope: {{include: {{stores: [store-{store}]}}}}, spend: {{basis: amount,\
             tiers: [{{threshold: 2000, amount_off: 100}}]}}}}\n---\n\
             {{kind: promotion, id: coupon-{store}, name: Coupon, owner: store-{store}, status: published,\
             scope: {{include: {{stores: [store-{store}]}}}}, coupon: {{threshold: 1000, amount_off: 50}}}}\n",
        );
    }
    for other in 0..OTHERS {
        let _ = write!(
            text,
            "---\n{{kind: promotion, id: other-{other}, name: Other, owner: store-{}, status: published,\
             scope: {{include: {{skus: [other-{other}]}}}}, item_price: {{percent_off: \"5\"}}}}\n",
            other % STORES
        );
    }
    text
}
