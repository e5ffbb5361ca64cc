//! Which part of a long list is answered, and where does the next one begin? A token is bound to what was asked, and to the
//! state that it was asked of.

use prost::Message;
use tokka_proto::v1;
use xxhash_rust::xxh3::xxh3_128;

use super::edit::invalid;
use super::line::Line;
use super::state::State;
use super::stored::{Key, kind_of};
use super::{answer, keep};
use crate::error::ApiError;
use crate::error::operator::Refused;

const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;
/// Bytes of one answer, about.
const PAGE_BYTES_MAX: usize = 16 << 20;

/// Where a list goes on.
#[derive(Clone, PartialEq, Message)]
struct Token {
    /// The hash of all other fields of the request.
    #[prost(bytes = "vec", tag = "1")]
    of: Vec<u8>,
    /// The state of the catalogue, where the list is of that.
    #[prost(string, tag = "2")]
    etag: String,
    #[prost(uint32, tag = "3")]
    kind: u32,
    /// The last one told.
    #[prost(string, tag = "4")]
    id: String,
    #[prost(uint64, tag = "5")]
    number: u64,
}

/// Documents by kind and id.
pub(super) fn documents(state: &State, request: v1::ListDocumentsRequest) -> Result<v1::ListDocumentsResponse, ApiError> {
    let kind = match request.kind {
        0 => None,
        kind => Some(u32::try_from(kind).ok().and_then(kind_of).ok_or_else(|| invalid("kind", "is no kind of document"))?),
    };
    let wanted = v1::DocumentState::try_from(request.state).map_err(|_| invalid("state", "is no state of a document"))?;
    let size = size(request.page_size)?;
    let of = xxh3_128(&v1::ListDocumentsRequest { page_size: 0, page_token: String::new(), ..request.clone() }.encode_to_vec());
    let etag = state.etag();
    let after = match token(&request.page_token, of)? {
        Some(token) if token.etag != etag => return Err(Refused::Etag { key: None, is: etag }.into()),
        Some(token) => Some(Key::new(kind_of(token.kind).ok_or_else(unknown)?, token.id)),
        None => None,
    };
    let mut answer = v1::ListDocumentsResponse { revision: answer::number(state.number), ..Default::default() };
    let mut bytes = 0_usize;
    let from = match &after {
        Some(key) => (std::ops::Bound::Excluded(key), std::ops::Bound::Unbounded),
        None => (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded),
    };
    for (key, entry) in state.entries.range::<Key, _>(from) {
        if kind.is_some_and(|kind| kind != key.kind()) || request.drafts && entry.draft.is_none() {
            continue;
        }
        let document = answer::document(key, entry, request.texts);
        let as_wanted = match wanted {
            v1::DocumentState::Unspecified => document.state() != v1::DocumentState::Archived,
            wanted => document.state() == wanted,
        };
        if !as_wanted {
            continue;
        }
        if answer.documents.len() == size || bytes > PAGE_BYTES_MAX {
            let last = answer.documents.last();
            let (kind, id) = last.map(|last| (u32::try_from(last.kind).unwrap_or(0), last.id.clone())).unwrap_or_default();
            answer.next_page_token = text(&Token { of: of.to_be_bytes().to_vec(), etag, kind, id, number: 0 });
            break;
        }
        bytes = bytes.saturating_add(document.encoded_len());
        answer.documents.push(document);
    }
    Ok(answer)
}

/// Revisions, the newest first. They never change, so that a list of them goes on whatever is published meanwhile.
pub(super) async fn revisions(line: &Line, request: v1::ListRevisionsRequest) -> Result<v1::ListRevisionsResponse, ApiError> {
    let size = size(request.page_size)?;
    let known = line.now();
    let newest = match token(&request.page_token, 0)? {
        Some(token) => token.number.min(known.head.number),
        None => known.head.number,
    };
    let numbers: Vec<u64> = (1..=newest).rev().take(size).collect();
    let next = numbers.last().and_then(|last| last.checked_sub(1)).filter(|next| *next > 0);
    let revisions = keep::revisions(&*line.ledger, &known.head, numbers).await?;
    let token = |number| Token { of: 0_u128.to_be_bytes().to_vec(), number, ..Default::default() };
    Ok(v1::ListRevisionsResponse {
        revisions: revisions.into_iter().map(answer::revision).collect(),
        next_page_token: next.map(|next| text(&token(next))).unwrap_or_default(),
    })
}

fn size(page_size: i32) -> Result<usize, ApiError> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(PAGE),
        Ok(size) => Ok(size.min(PAGE_MAX)),
        Err(_) => Err(invalid("page_size", "is below 0")),
    }
}

/// A token as hexadecimal digits.
fn text(token: &Token) -> String {
    token.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn token(text: &str, of: u128) -> Result<Option<Token>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let byte = |at: usize| u8::from_str_radix(text.get(at..at.saturating_add(2))?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    let token = bytes.and_then(|bytes| Token::decode(&*bytes).ok()).ok_or_else(unknown)?;
    if token.of != of.to_be_bytes() {
        return Err(invalid("page_token", "belongs to another question: repeat all other fields"));
    }
    Ok(Some(token))
}

fn unknown() -> ApiError {
    invalid("page_token", "is none that this server gave")
}
