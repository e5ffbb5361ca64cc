//! What did a script answer? Values of the protocol, taken apart in order; one that is not as it must be is a fault.

use redis::Value;

use super::link::Fault;
use crate::ledger::LedgerError;

/// The elements of an answer, in order.
pub(crate) struct Reply(std::vec::IntoIter<Value>);

impl Reply {
    pub(crate) fn of(value: Value) -> Result<Self, LedgerError> {
        match value {
            Value::Array(values) | Value::Set(values) => Ok(Self(values.into_iter())),
            Value::Map(pairs) => {
                let flat: Vec<Value> = pairs.into_iter().flat_map(|(key, value)| [key, value]).collect();
                Ok(Self(flat.into_iter()))
            }
            other => Err(strange(&other)),
        }
    }

    pub(crate) fn next(&mut self) -> Result<Value, LedgerError> {
        self.0.next().ok_or_else(|| strange(&Value::Nil))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    pub(crate) fn bytes(&mut self) -> Result<Option<Vec<u8>>, LedgerError> {
        match self.next()? {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => Ok(Some(bytes)),
            Value::SimpleString(text) => Ok(Some(text.into_bytes())),
            other => Err(strange(&other)),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, LedgerError> {
        let bytes = self.bytes()?.unwrap_or_default();
        String::from_utf8(bytes).map_err(|_| strange(&Value::Nil))
    }

    /// A number, also where it comes as its digits; nothing is 0.
    pub(crate) fn number(&mut self) -> Result<i64, LedgerError> {
        number(&self.next()?)
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, LedgerError> {
        unsigned(&self.next()?)
    }
}

pub(crate) fn number(value: &Value) -> Result<i64, LedgerError> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Nil => Ok(0),
        Value::BulkString(digits) => {
            let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            number.ok_or_else(|| strange(value))
        }
        other => Err(strange(other)),
    }
}

/// Likewise, of 64 bits without a sign.
pub(crate) fn unsigned(value: &Value) -> Result<u64, LedgerError> {
    match value {
        Value::BulkString(digits) => {
            let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            number.ok_or_else(|| strange(value))
        }
        other => Ok(u64::try_from(number(other)?).unwrap_or(0)),
    }
}

pub(crate) fn strange(value: &Value) -> LedgerError {
    LedgerError::OutcomeUnknown(format!("the store answered something unexpected: {}", kind(value)))
}

/// What it is, without what is in it: that may be a customer's.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) => "bytes",
        Value::Array(_) => "a list",
        _ => "another type",
    }
}

impl From<Fault> for LedgerError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NothingDone(why) => Self::Unavailable(why),
            Fault::Unknown(why) => Self::OutcomeUnknown(why),
            Fault::Script(why) => Self::Unavailable(why),
        }
    }
}
