//! What do the pages of a shop show before there is a basket? `StorefrontService`: cards, offers, zones.
//!
//! All three go the way of a quote: request → products → rulebook → usage → price → response. The usage of what all
//! customers share may be a second old.

use std::sync::Arc;

use jiff::Timestamp;
use prost::Message;
use tokka_core::card::{Known, Sold};
use tokka_core::id::Token;
use tokka_core::promotion::{Promotion, Status};
use tokka_core::zone;
use tokka_ledger::name::Name;
use tokka_proto::v1;
use tokka_proto::v1::storefront_service_server::StorefrontService;
use tonic::{Request, Response, Status as Refusal};

use crate::catalogue::Catalogue;
use crate::counters::{self, CounterState};
use crate::coupons::claimable;
use crate::error::ApiError;
use crate::page_token;
use crate::recent_usage::RecentUsage;
use crate::request::storefront as request;
use crate::response::storefront as response;
use crate::{claims, response::counter_state, response::timestamp};

/// The service. Every call shows the revision that is current when it begins.
#[derive(Debug)]
pub(crate) struct Storefront {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) usage: Arc<RecentUsage>,
}

#[tonic::async_trait]
impl StorefrontService for Storefront {
    async fn price_cards(&self, request: Request<v1::PriceCardsRequest>) -> Result<Response<v1::PriceCardsResponse>, Refusal> {
        Ok(Response::new(self.cards(request.into_inner(), Timestamp::now()).await?))
    }

    async fn get_product_offers(
        &self,
        request: Request<v1::GetProductOffersRequest>,
    ) -> Result<Response<v1::GetProductOffersResponse>, Refusal> {
        Ok(Response::new(self.offers(request.into_inner(), Timestamp::now()).await?))
    }

    async fn list_zone(&self, request: Request<v1::ListZoneRequest>) -> Result<Response<v1::ListZoneResponse>, Refusal> {
        Ok(Response::new(self.zone(request.into_inner(), Timestamp::now()).await?))
    }

    async fn list_claimable_coupons(
        &self,
        request: Request<v1::ListClaimableCouponsRequest>,
    ) -> Result<Response<v1::ListClaimableCouponsResponse>, Refusal> {
        Ok(Response::new(self.centre(request.into_inner(), Timestamp::now()).await?))
    }
}

impl Storefront {
    async fn cards(&self, asked: v1::PriceCardsRequest, now: Timestamp) -> Result<v1::PriceCardsResponse, ApiError> {
        let basket = request::products(asked, now)?;
        let published = self.catalogue.current();
        let rulebook = &published.rulebook;
        let shelf = rulebook.shelf(&basket).map_err(at_the_currency)?;
        let usage = counters::read(&*self.usage, rulebook, &basket, shelf.counters()).await;
        let cards = shelf.cards(&usage.used, known(usage.state))?;
        Ok(response::cards(rulebook, &published.revision, &basket, &cards, usage.state))
    }

    async fn offers(&self, asked: v1::GetProductOffersRequest, now: Timestamp) -> Result<v1::GetProductOffersResponse, ApiError> {
        let basket = request::product(asked, now)?;
        let published = self.catalogue.current();
        let rulebook = &published.rulebook;
        let hidden = |coupon: &Promotion| published.coupons.hides(coupon.id.as_str());
        let offers = rulebook.offers(&basket, hidden).map_err(at_the_currency)?;
        let usage = counters::read(&*self.usage, rulebook, &basket, offers.counters()).await;
        let quote = offers.quote(&usage.used)?;
        // Its card is of one piece, and its counters are among those that were read.
        let one_piece = request::one_piece(&basket)?;
        let shelf = rulebook.shelf(&one_piece)?;
        let position = |key| offers.counters().rows().iter().position(|counter| counter.key == key);
        let of_card = shelf.counters().rows().iter().map(|counter| position(counter.key));
        let used = of_card.map(|at| at.and_then(|at| usage.used.get(at)).copied().unwrap_or(0)).collect::<Vec<i64>>();
        let cards = shelf.cards(&used, known(usage.state))?;
        let card = cards.first().ok_or_else(|| ApiError::Bug("a product has no card".to_owned()))?;
        Ok(response::offers(rulebook, &published.revision, &basket, (card, &offers, &quote), usage.state))
    }

    async fn zone(&self, asked: v1::ListZoneRequest, now: Timestamp) -> Result<v1::ListZoneResponse, ApiError> {
        let list = v1::ListZoneRequest { page_size: 0, page_token: String::new(), ..asked.clone() }.encode_to_vec();
        let page = request::zone(asked, now)?;
        let published = self.catalogue.current();
        let rulebook = &published.rulebook;
        let found = rulebook.find(page.promotion.as_str());
        let found = found.filter(|ix| rulebook.promotions().at(*ix).status == Status::Published);
        let Some(ix) = found else { return Err(ApiError::NoPromotion(page.promotion.as_str().to_owned())) };
        let promotion = rulebook.promotions().at(ix);
        let covers = zone::zone(promotion);

        let token = page_token::Of::new(&list, &published.revision);
        let begin = match page.page_token.as_str() {
            "" => 0,
            text => token.read(text).filter(|begin| *begin < covers.skus.len()).ok_or_else(request::wrong_page)?,
        };
        let end = begin.saturating_add(page.page_size).min(covers.skus.len());
        let skus = covers.skus.get(begin..end).unwrap_or_default();
        let (stocks, state) = self.stocks(promotion, skus).await;
        let (whole, own) = stocks.split_first().map_or((None, [].as_slice()), |(whole, own)| (*whole, own));
        let products = skus
            .iter()
            .zip(own)
            .map(|(sku, sold)| v1::ZoneProduct { sku: sku.as_str().to_owned(), stock: sold.map(response::stock) });

        let at = page.looking.at;
        let closed = rulebook.why_not_active(ix, &page.looking.visitor());
        Ok(v1::ListZoneResponse {
            zone: Some(response::zone(rulebook, ix, &covers, closed.as_ref(), at, whole)),
            products: products.collect(),
            next_page_token: if end < covers.skus.len() { token.write(end) } else { String::new() },
            products_total: i64::try_from(covers.skus.len()).unwrap_or(i64::MAX),
            currency: rulebook.settings().currency.clone(),
            revision: published.revision.clone(),
            counters: counter_state(state).into(),
            at: Some(timestamp(at)),
        })
    }

    async fn centre(
        &self,
        asked: v1::ListClaimableCouponsRequest,
        now: Timestamp,
    ) -> Result<v1::ListClaimableCouponsResponse, ApiError> {
        let list = v1::ListClaimableCouponsRequest { page_size: 0, page_token: String::new(), ..asked.clone() }.encode_to_vec();
        let page = request::centre(asked, now)?;
        let published = self.catalogue.current();
        published.ready()?;
        let all = claimable::centre(&published, &page.looking.visitor(), page.owner.as_deref());
        let token = page_token::Of::new(&list, &published.revision);
        let begin = match page.page_token.as_str() {
            "" => 0,
            // What has ended since the page before is on no page.
            text => token.read(text).ok_or_else(request::wrong_page)?.min(all.len()),
        };
        let end = begin.saturating_add(page.page_size).min(all.len());
        let offers = all.get(begin..end).unwrap_or_default();
        let user = page.looking.user.as_ref().map(Token::as_str);
        let names = claimable::counters(offers, user);
        let (used, state) = match self.usage.of(&names).await {
            Ok(_) if names.is_empty() => (Some(Vec::new()), CounterState::NotLimited),
            Ok(used) => (Some(used), CounterState::Known),
            Err(_) => (None, CounterState::Unknown),
        };
        let coupons = claimable::with_usage(offers, user, used.as_deref());
        Ok(v1::ListClaimableCouponsResponse {
            coupons: coupons.iter().map(|coupon| response::claimable(&published.rulebook, coupon)).collect(),
            next_page_token: if end < all.len() { token.write(end) } else { String::new() },
            currency: published.rulebook.settings().currency.clone(),
            revision: published.revision.clone(),
            counters: counter_state(state).into(),
            at: Some(timestamp(page.looking.at)),
        })
    }

    /// The stock of a promotion in all, and then of each of these products, in one read.
    async fn stocks(&self, promotion: &Promotion, skus: &[&Token]) -> (Vec<Option<Sold>>, CounterState) {
        let id = promotion.id.as_str();
        let mut limits: Vec<Option<(Name, i64)>> = Vec::with_capacity(skus.len().saturating_add(1));
        limits.push(promotion.limits.stock.map(|limit| (claims::stock_name(id, None), limit)));
        for sku in skus {
            let limit = promotion.limits.stock_by_sku.get(*sku);
            limits.push(limit.map(|limit| (claims::stock_name(id, Some(sku.as_str())), *limit)));
        }
        let names: Vec<Name> = limits.iter().flatten().map(|(name, _)| name.clone()).collect();
        if names.is_empty() {
            return (vec![None; limits.len()], CounterState::NotLimited);
        }
        match self.usage.of(&names).await {
            Ok(used) => {
                let mut used = used.into_iter();
                let sold = |limit: Option<(Name, i64)>| {
                    let (_, limit) = limit?;
                    Some(Sold { limit, used: used.next().unwrap_or(0) })
                };
                (limits.into_iter().map(sold).collect(), CounterState::Known)
            }
            Err(_) => (vec![None; limits.len()], CounterState::Unknown),
        }
    }
}

fn known(state: CounterState) -> Known {
    match state {
        CounterState::Known | CounterState::NotLimited => Known::Usage,
        CounterState::Unknown => Known::Nothing,
    }
}

/// The one field that a rulebook may refuse here stands at the top of these requests.
fn at_the_currency(error: tokka_core::quote::QuoteError) -> ApiError {
    match error {
        tokka_core::quote::QuoteError::Invalid(violations) => ApiError::Invalid(violations),
        error => error.into(),
    }
}
