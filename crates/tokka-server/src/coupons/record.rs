//! What does the ledger's record of a coupon that was handed out remember? Who got what, by which distribution and over
//! which channel: all that a reader of the log wants to count.
//!
//! The bytes are a version, which no stored order begins with, then a protobuf message.

use prost::Message;
use tokka_ledger::model::Record;
use tokka_proto::v1;

/// Stored orders begin with 1 or 2.
const HANDED_OUT: u8 = 3;

/// An instance as its place keeps it. A message of protobuf may gain fields.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Entry {
    /// The coupon.
    #[prost(string, tag = "1")]
    pub(crate) design: String,
    #[prost(string, tag = "2")]
    pub(crate) distribution: String,
    /// As the distribution said; empty: nothing.
    #[prost(string, tag = "3")]
    pub(crate) channel: String,
    #[prost(enumeration = "v1::HandedOut", tag = "4")]
    pub(crate) how: i32,
    /// Milliseconds since 1970, by the server's clock.
    #[prost(int64, tag = "5")]
    pub(crate) at: i64,
    /// Likewise, where the distribution says how long it is valid.
    #[prost(int64, optional, tag = "6")]
    pub(crate) until: Option<i64>,
    /// The number of the single-use code that brought it.
    #[prost(uint32, optional, tag = "7")]
    pub(crate) code: Option<u32>,
}

/// A coupon that was handed out, as its record keeps it.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct HandedOut {
    #[prost(string, tag = "1")]
    pub(crate) user: String,
    /// In the user's wallet.
    #[prost(uint64, tag = "2")]
    pub(crate) place: u64,
    #[prost(message, optional, tag = "3")]
    pub(crate) entry: Option<Entry>,
    /// As the caller called it.
    #[prost(string, tag = "4")]
    pub(crate) request_id: String,
}

impl HandedOut {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [&[HANDED_OUT][..], &self.encode_to_vec()].concat()
    }

    /// What a record says was handed out; `None`: it is an order's.
    ///
    /// # Errors
    /// In words: it begins as one and cannot be read.
    pub(crate) fn of(record: &Record) -> Result<Option<Self>, String> {
        match record.payload.split_first() {
            Some((&HANDED_OUT, message)) => {
                let read = Self::decode(message);
                read.map(Some).map_err(|error| format!("a record of a coupon cannot be read: {error}"))
            }
            _ => Ok(None),
        }
    }
}
