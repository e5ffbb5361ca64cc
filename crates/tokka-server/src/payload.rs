//! What does a record remember of an order? The question and what it was answered from, never the answer: the core is
//! pure, so that price, refunds and funding are computed again whenever they are asked for.
//!
//! The bytes are a version, then a protobuf message, as it is or, where that is shorter, compressed. A message of
//! protobuf may gain fields, so that what an old server wrote is read by a new one.

use std::collections::BTreeMap;

use prost::Message;
use tokka_core::refund::RefundPolicy;
use tokka_proto::v1;

use crate::coupons::offers::Offered;
use crate::packed;

/// The message follows as it is.
const PLAIN: u8 = 1;
/// Its length in four bytes, the lowest first, then the message, compressed by zstd.
const COMPRESSED: u8 = 2;
/// Shorter messages are not worth the time.
const COMPRESS_FROM_BYTES: usize = 512;
/// The longest request, and as much again for what was seen of counters.
const BYTES_MAX: usize = 2 << 20;

/// A priced order as it is stored.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Stored {
    /// The canonical request, as it is written: a message in a message and its bytes are the same on the wire.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) request: Vec<u8>,
    /// The moment that it was priced for.
    #[prost(message, optional, tag = "2")]
    pub(crate) at: Option<prost_types::Timestamp>,
    /// What was used of each counter, in the order in which the core names them.
    #[prost(int64, repeated, tag = "3")]
    pub(crate) usage: Vec<i64>,
    /// The refund policy that holds, as on the wire.
    #[prost(enumeration = "v1::RefundPolicy", tag = "4")]
    pub(crate) refund_policy: i32,
    /// Hashes of the documents that priced it, 16 bytes each.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) frozen: Vec<u8>,
    /// The answer, to be checked against: minor units.
    #[prost(int64, tag = "6")]
    pub(crate) payable: i64,
    /// The answer, to be checked against: 16 bytes, the highest first.
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) fingerprint: Vec<u8>,
    /// The revision that priced it.
    #[prost(string, tag = "8")]
    pub(crate) revision: String,
    /// As the quote said; documents that begin later are not frozen, so that it cannot be computed again.
    #[prost(message, optional, tag = "9")]
    pub(crate) next_change_at: Option<prost_types::Timestamp>,
    /// What the caller calls the order, as Reserve said.
    #[prost(message, optional, tag = "10")]
    pub(crate) order: Option<v1::OrderReference>,
    /// The coupons of the user's wallet that were offered.
    #[prost(message, repeated, tag = "12")]
    pub(crate) coupons: Vec<Offered>,
    /// What it names that was not in force, so that it is not unknown later either: stages, as numbers, by id.
    #[prost(btree_map = "string, uint32", tag = "11")]
    pub(crate) out_of_force: BTreeMap<String, u32>,
}

/// What nearly all answers say of a basket: of a request all but this is skipped.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Buyer {
    /// ISO 4217.
    #[prost(string, tag = "1")]
    pub(crate) currency: String,
    /// The user that Reserve named.
    #[prost(string, optional, tag = "3")]
    pub(crate) user: Option<String>,
}

/// [`v1::ReserveRequest`], as far as [`Buyer`] is in it.
#[derive(Clone, PartialEq, Message)]
struct Asked {
    #[prost(message, optional, tag = "2")]
    basket: Option<Buyer>,
}

/// Bytes that are no stored order: a bug, or a newer server's.
#[derive(Debug, thiserror::Error)]
#[error("a stored order cannot be read: {0}")]
pub(crate) struct Unreadable(pub(crate) String);

impl Stored {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let plain = self.encode_to_vec();
        if plain.len() >= COMPRESS_FROM_BYTES
            && let Ok(length) = u32::try_from(plain.len())
            && let Some(compressed) = packed::compress(&plain)
            && compressed.len() < plain.len()
        {
            return [&[COMPRESSED][..], &length.to_le_bytes(), &compressed].concat();
        }
        [&[PLAIN][..], &plain].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let unreadable = |why: &dyn std::fmt::Display| Unreadable(why.to_string());
        match bytes.split_first() {
            Some((&PLAIN, plain)) => Self::decode(plain).map_err(|error| unreadable(&error)),
            Some((&COMPRESSED, rest)) => {
                let (length, compressed) = rest.split_first_chunk::<4>().ok_or_else(|| unreadable(&"it is cut short"))?;
                let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX).min(BYTES_MAX);
                let plain = zstd::bulk::decompress(compressed, length).map_err(|error| unreadable(&error))?;
                Self::decode(plain.as_slice()).map_err(|error| unreadable(&error))
            }
            Some((version, _)) => Err(unreadable(&format!("version {version} is not known"))),
            None => Err(unreadable(&"it is empty")),
        }
    }

    /// The canonical request.
    pub(crate) fn request(&self) -> Result<v1::ReserveRequest, Unreadable> {
        v1::ReserveRequest::decode(self.request.as_slice()).map_err(|error| Unreadable(error.to_string()))
    }

    /// Who buys, in which currency, as Reserve said.
    pub(crate) fn buyer(&self) -> Result<Buyer, Unreadable> {
        let read = Asked::decode(self.request.as_slice()).map_err(|error| Unreadable(error.to_string()))?;
        Ok(read.basket.unwrap_or_default())
    }

    pub(crate) fn policy(&self) -> RefundPolicy {
        match self.refund_policy() {
            v1::RefundPolicy::Clawback => RefundPolicy::Clawback,
            v1::RefundPolicy::Proportional | v1::RefundPolicy::Unspecified => RefundPolicy::Proportional,
        }
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(lines: usize) -> Stored {
        let line = v1::Line { line_id: "a".to_owned(), sku: "mask-50".to_owned(), quantity: 3, ..Default::default() };
        let basket = v1::Basket { currency: "JPY".to_owned(), lines: vec![line; lines], ..Default::default() };
        let request = v1::ReserveRequest { basket: Some(basket), ..Default::default() };
        Stored { request: request.encode_to_vec(), usage: vec![0, 7], payable: 2940, ..Default::default() }
    }

    #[test]
    fn what_is_stored_is_read_back_short_or_long() {
        for (lines, version) in [(1, PLAIN), (100, COMPRESSED), (1_000, COMPRESSED)] {
            let bytes = order(lines).to_bytes();
            assert_eq!(bytes[0], version);
            assert_eq!(Stored::from_bytes(&bytes).expect("readable"), order(lines));
        }
    }

    #[test]
    fn the_buyer_is_read_without_the_rest() {
        let basket = v1::Basket { currency: "JPY".to_owned(), user: Some("u-1".to_owned()), ..Default::default() };
        let request = v1::ReserveRequest { reservation_id: "r".to_owned(), basket: Some(basket), ..Default::default() };
        let stored = Stored { request: request.encode_to_vec(), ..Default::default() };
        assert_eq!(stored.buyer().expect("readable"), Buyer { currency: "JPY".to_owned(), user: Some("u-1".to_owned()) });
        assert_eq!(stored.request().expect("readable"), request);
    }

    #[test]
    fn other_bytes_are_told_from_orders() {
        for bytes in [&[][..], &[9, 1], &[PLAIN, 0xff], &[COMPRESSED, 1], &[COMPRESSED, 255, 255, 255, 255, 1, 2]] {
            assert!(Stored::from_bytes(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn the_form_never_changes() {
        let stored = Stored { usage: vec![1, 300], payable: 5, revision: "1-a".to_owned(), ..Default::default() };
        assert_eq!(stored.to_bytes(), b"\x01\x1a\x03\x01\xac\x02\x30\x05\x42\x031-a");
    }
}
