//! Which products, for whom, when? Requests of pages, with every violation at once and at the place where callers know it.

use jiff::Timestamp;
use tokka_core::basket::{Basket, BasketRequest, FieldViolation, LineRequest};
use tokka_core::id::{Id, Token};
use tokka_core::prepare::Visitor;
use tokka_proto::v1;

use super::moment;
use crate::error::ApiError;

/// At most this many products a page of cards.
const PRODUCTS_MAX: usize = 200;
/// The owner of what no store owns.
const PLATFORM: &str = "platform";
/// The one line of a basket that shows the offers of a product.
const PRODUCT_LINE: &str = "product";

/// Products as lines of one piece each; `now` is the moment where the request names none.
pub(crate) fn products(request: v1::PriceCardsRequest, now: Timestamp) -> Result<Basket, ApiError> {
    let v1::PriceCardsRequest { currency, products, visitor } = request;
    let mut wrong = Vec::new();
    match products.len() {
        0 => wrong.push(FieldViolation::new("products", "a page has at least one product")),
        count if count > PRODUCTS_MAX => {
            wrong.push(FieldViolation::new("products", format!("{count} products, at most {PRODUCTS_MAX} are allowed")));
        }
        _ => {}
    }
    let lines = products.into_iter().take(PRODUCTS_MAX).enumerate();
    let lines = lines.map(|(index, product)| line(format!("{index}"), product, 1)).collect();
    let request = basket(currency, lines, visitor, now, &mut wrong);
    parse(request, wrong, |rest| if rest.is_empty() { "products".to_owned() } else { format!("products{rest}") })
}

/// One product, so many pieces of it.
pub(crate) fn product(request: v1::GetProductOffersRequest, now: Timestamp) -> Result<Basket, ApiError> {
    let v1::GetProductOffersRequest { currency, product, quantity, visitor } = request;
    let mut wrong = Vec::new();
    if product.is_none() {
        wrong.push(FieldViolation::new("product", "offers are asked for a product"));
    }
    let quantity = if quantity == 0 { 1 } else { quantity };
    let lines = product.into_iter().map(|product| line(PRODUCT_LINE.to_owned(), product, quantity)).collect();
    let request = basket(currency, lines, visitor, now, &mut wrong);
    parse(request, wrong, |rest| match rest.strip_prefix("[0].") {
        Some("quantity") => "quantity".to_owned(),
        Some(field) => format!("product.{field}"),
        None => "product".to_owned(),
    })
}

/// The same product, one piece of it.
///
/// INVARIANT: a basket that is valid is so with fewer pieces.
pub(crate) fn one_piece(basket: &Basket) -> Result<Basket, ApiError> {
    let mut request = basket.to_request();
    request.lines.iter_mut().for_each(|line| line.quantity = 1);
    Basket::parse(request).map_err(ApiError::Invalid)
}

/// A page of a zone.
#[derive(Debug)]
pub(crate) struct ZonePage {
    pub(crate) promotion: Id,
    pub(crate) page_size: usize,
    pub(crate) page_token: String,
    pub(crate) looking: Looking,
}

/// A page of the coupon centre.
#[derive(Debug)]
pub(crate) struct CentrePage {
    pub(crate) owner: Option<String>,
    pub(crate) page_size: usize,
    pub(crate) page_token: String,
    pub(crate) looking: Looking,
}

/// Who looks at a page that is of no basket.
#[derive(Debug)]
pub(crate) struct Looking {
    pub(crate) user: Option<Token>,
    user_tags: Vec<Token>,
    channel: Option<Token>,
    region: Option<Token>,
    pub(crate) at: Timestamp,
}

impl Looking {
    /// As the core knows them.
    pub(crate) fn visitor(&self) -> Visitor<'_> {
        let Self { user_tags, channel, region, at, .. } = self;
        Visitor { at: *at, user_tags, channel: channel.as_ref(), region: region.as_ref() }
    }
}

/// A page of a zone; `now` is the moment where the request names none.
pub(crate) fn zone(request: v1::ListZoneRequest, now: Timestamp) -> Result<ZonePage, ApiError> {
    let v1::ListZoneRequest { promotion, page_size, page_token, visitor } = request;
    let mut wrong = Vec::new();
    let promotion = match Id::parse(promotion.as_str()) {
        Ok(id) => Some(id),
        Err(error) => {
            wrong.push(FieldViolation::new("promotion", format!("`{promotion}`: {error}")));
            None
        }
    };
    let page_size = super::page_size(page_size, &mut wrong);
    let looking = self::looking(visitor, now, &mut wrong);
    match promotion {
        Some(promotion) if wrong.is_empty() => Ok(ZonePage { promotion, page_size, page_token, looking }),
        _ => Err(ApiError::Invalid(wrong)),
    }
}

/// A page of the coupon centre; `now` is the moment where the request names none.
pub(crate) fn centre(request: v1::ListClaimableCouponsRequest, now: Timestamp) -> Result<CentrePage, ApiError> {
    let v1::ListClaimableCouponsRequest { owner, page_size, page_token, visitor } = request;
    let mut wrong = Vec::new();
    if !owner.is_empty()
        && owner != PLATFORM
        && let Err(error) = Id::parse(owner.as_str())
    {
        wrong.push(FieldViolation::new("owner", format!("`{owner}`: {error}")));
    }
    let page_size = super::page_size(page_size, &mut wrong);
    let looking = self::looking(visitor, now, &mut wrong);
    let owner = (!owner.is_empty()).then_some(owner);
    if wrong.is_empty() { Ok(CentrePage { owner, page_size, page_token, looking }) } else { Err(ApiError::Invalid(wrong)) }
}

fn looking(visitor: Option<v1::Visitor>, now: Timestamp, wrong: &mut Vec<FieldViolation>) -> Looking {
    let v1::Visitor { user, user_tags, channel, region, at } = visitor.unwrap_or_default();
    let mut token = |field: String, text: String| match Token::parse(text) {
        Ok(token) => Some(token),
        Err(error) => {
            wrong.push(FieldViolation::new(field, error.to_string()));
            None
        }
    };
    let user = user.and_then(|user| token("visitor.user".to_owned(), user));
    let tags = user_tags.into_iter().enumerate();
    let user_tags = tags.filter_map(|(index, tag)| token(format!("visitor.user_tags[{index}]"), tag)).collect();
    let channel = channel.and_then(|channel| token("visitor.channel".to_owned(), channel));
    let region = region.and_then(|region| token("visitor.region".to_owned(), region));
    let at = shown_at(at, now, wrong);
    Looking { user, user_tags, channel, region, at }
}

/// A page that does not begin where its token says.
pub(crate) fn wrong_page() -> ApiError {
    let description = "no token of this list: its other fields are not the same, or the catalogue has changed; begin without one";
    ApiError::Invalid(vec![FieldViolation::new("page_token", description)])
}

fn line(line_id: String, product: v1::Product, quantity: i64) -> LineRequest {
    let v1::Product { sku, store, categories, unit_price, list_price, floor_price } = product;
    LineRequest { line_id, sku, store, categories, unit_price, quantity, list_price, floor_price, ..LineRequest::default() }
}

fn basket(
    currency: String,
    lines: Vec<LineRequest>,
    visitor: Option<v1::Visitor>,
    now: Timestamp,
    wrong: &mut Vec<FieldViolation>,
) -> BasketRequest {
    let v1::Visitor { user, user_tags, channel, region, at } = visitor.unwrap_or_default();
    let at = shown_at(at, now, wrong);
    BasketRequest { currency, at, user, user_tags, channel, region, lines, ..BasketRequest::default() }
}

fn shown_at(at: Option<prost_types::Timestamp>, now: Timestamp, wrong: &mut Vec<FieldViolation>) -> Timestamp {
    let mut of_moment = Vec::new();
    let at = at.map_or(now, |at| moment(at, now, &mut of_moment));
    wrong.extend(of_moment.into_iter().map(|violation| FieldViolation { field: "visitor.at".to_owned(), ..violation }));
    at
}

/// The basket, or what is wrong with it and what was wrong before; `place` names what the core calls `lines…`.
fn parse(request: BasketRequest, mut wrong: Vec<FieldViolation>, place: impl Fn(&str) -> String) -> Result<Basket, ApiError> {
    let nothing_listed = request.lines.is_empty();
    match Basket::parse(request) {
        Ok(basket) if wrong.is_empty() => Ok(basket),
        Ok(_) => Err(ApiError::Invalid(wrong)),
        Err(violations) => {
            for violation in violations {
                let field = match violation.field.strip_prefix("lines") {
                    // Told before, in words of this request.
                    Some("") if nothing_listed => continue,
                    Some(rest) => place(rest),
                    None if violation.field == "currency" => violation.field,
                    None => format!("visitor.{}", violation.field),
                };
                wrong.push(FieldViolation { field, ..violation });
            }
            Err(ApiError::Invalid(wrong))
        }
    }
}
