//! What does an operator ask for? From the wire, with every violation at once.

use tokka_catalog::check::Code;
use tokka_catalog::{Kind, Source};
use tokka_core::basket::FieldViolation;
use tokka_core::id::Token;
use tokka_proto::v1;
use xxhash_rust::xxh3::xxh3_128;

use super::edit::invalid;
use super::gate::Terms;
use super::line::By;
use super::stored::{Key, kind_of};
use crate::error::ApiError;

const PROMOTIONS_MAX: usize = 1_000;
const AUTHOR_CHARS_MAX: usize = 64;
const MESSAGE_CHARS_MAX: usize = 500;
const TEXT_BYTES_MAX: usize = 1 << 20;
const ETAG_BYTES_MAX: usize = 64;
const ACKNOWLEDGED_MAX: usize = 16;
const PRODUCTS_BYTES_MAX: usize = 32 << 20;

/// Who changes something; `call` is the hash of all that is asked for.
pub(super) fn by(change: Option<v1::Change>, call: u128) -> Result<By, ApiError> {
    let v1::Change { author, message, request_id } = change.unwrap_or_default();
    let mut wrong = Vec::new();
    let chars = author.chars().count();
    if author.trim().is_empty() || chars > AUTHOR_CHARS_MAX || author.chars().any(char::is_control) {
        let rule = format!("says who changes it, in 1 to {AUTHOR_CHARS_MAX} characters on one line");
        wrong.push(FieldViolation::new("change.author", rule));
    }
    if message.chars().count() > MESSAGE_CHARS_MAX {
        wrong.push(FieldViolation::new("change.message", format!("has at most {MESSAGE_CHARS_MAX} characters")));
    }
    let mut request = None;
    if !request_id.is_empty() {
        match Token::parse(request_id.as_str()) {
            Ok(id) => request = Some((xxh3_128(id.as_str().as_bytes()), call)),
            Err(error) => wrong.push(FieldViolation::new("change.request_id", error.to_string())),
        }
    }
    if wrong.is_empty() { Ok(By { author, message, request }) } else { Err(ApiError::Invalid(wrong)) }
}

/// Promotions, each once: ids and etags.
pub(super) fn promotions(promotions: Vec<v1::PromotionRef>) -> Result<Vec<(String, String)>, ApiError> {
    if promotions.is_empty() || promotions.len() > PROMOTIONS_MAX {
        return Err(invalid("promotions", format!("names 1 to {PROMOTIONS_MAX} promotions")));
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut wrong = Vec::new();
    for (index, promotion) in promotions.iter().enumerate() {
        if !seen.insert(promotion.id.as_str()) {
            wrong.push(FieldViolation::new(format!("promotions[{index}].id"), format!("`{}` is named twice", promotion.id)));
        }
        if promotion.etag.len() > ETAG_BYTES_MAX {
            wrong.push(FieldViolation::new(format!("promotions[{index}].etag"), "is none that this server gave"));
        }
    }
    if !wrong.is_empty() {
        return Err(ApiError::Invalid(wrong));
    }
    Ok(promotions.into_iter().map(|v1::PromotionRef { id, etag }| (id, etag)).collect())
}

/// Two parts of a request, or what is wrong with either.
pub(super) fn both<A, B>(a: Result<A, ApiError>, b: Result<B, ApiError>) -> Result<(A, B), ApiError> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(ApiError::Invalid(mut a)), Err(ApiError::Invalid(b))) => {
            a.extend(b);
            Err(ApiError::Invalid(a))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// Codes of findings that are meant, and the products.
pub(super) fn terms(validate_only: bool, acknowledge: &[String], products: Option<v1::SourceFile>) -> Result<Terms, ApiError> {
    let mut wrong = Vec::new();
    if acknowledge.len() > ACKNOWLEDGED_MAX {
        wrong.push(FieldViolation::new("acknowledge", format!("has at most {ACKNOWLEDGED_MAX} codes")));
    }
    let mut codes = Vec::new();
    for (index, code) in acknowledge.iter().take(ACKNOWLEDGED_MAX).enumerate() {
        match Code::acknowledgeable(code) {
            Ok(code) => codes.push(code),
            Err(error) => wrong.push(FieldViolation::new(format!("acknowledge[{index}]"), error.to_string())),
        }
    }
    if products.as_ref().is_some_and(|products| products.text.len() > PRODUCTS_BYTES_MAX) {
        wrong.push(FieldViolation::new("products", format!("has at most {PRODUCTS_BYTES_MAX} bytes")));
    }
    if !wrong.is_empty() {
        return Err(ApiError::Invalid(wrong));
    }
    let products = products.map(|v1::SourceFile { name, text }| Source { name, text });
    Ok(Terms { validate_only, acknowledge: codes, products })
}

/// The one document that is written.
pub(super) fn text(text: String) -> Result<String, ApiError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(invalid("text", format!("has {} bytes, at most {TEXT_BYTES_MAX}", text.len())));
    }
    Ok(text)
}

/// Files as sources.
pub(super) fn files(files: Vec<v1::SourceFile>) -> Vec<Source> {
    files.into_iter().map(|v1::SourceFile { name, text }| Source { name, text }).collect()
}

/// One document; the settings of the catalogue have no id, everything else has one.
pub(super) fn key(kind: i32, id: String) -> Result<Key, ApiError> {
    let Some(kind) = u32::try_from(kind).ok().and_then(kind_of) else {
        return Err(invalid("kind", "says which kind of document is meant"));
    };
    match (kind, id.is_empty()) {
        (Kind::Catalogue, false) => Err(invalid("id", "the settings of the catalogue have none")),
        (Kind::Store | Kind::Gift | Kind::Promotion | Kind::Distribution, true) => {
            Err(invalid("id", "says which document is meant"))
        }
        _ => Ok(Key::new(kind, id)),
    }
}
