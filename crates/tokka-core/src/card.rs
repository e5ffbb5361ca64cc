//! What does a product's card show? What one piece costs after stage 1 in a basket of it alone, and what may be said of
//! the promotion behind that price: its label, its end, what is left of it.
//!
//! Many products are priced in one pass, each by the bids and the choice of stage 1 as any basket is, and each as if it
//! were alone: nothing is taken of a limit, so that what one card promises takes nothing from the next.

use jiff::Timestamp;
use smallvec::{SmallVec, smallvec};

use crate::amount::Amount;
use crate::basket::{Basket, Line, QUANTITY_MAX};
use crate::outcome::{LimitUse, Verdict};
use crate::prepare::{Candidate, ItemLook, Prepared};
use crate::promotion::{Promotion, Rule, UnitPrice};
use crate::quote::{Counter, QuoteError, View};
use crate::rulebook::Rulebook;
use crate::stages::Pricing;
use crate::stages::item::{self, Offer};
use crate::table::{CounterIx, Ix, LineIx, PromoIx, Table};

/// Products, as lines of a basket, each for itself. Two lines of one product have the same card.
#[derive(Debug)]
pub struct Shelf<'a> {
    prepared: Prepared<'a>,
}

/// How much is known of what is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The usage that is given was read.
    Usage,
    /// The store did not answer: what is limited counts as used up, and nothing is said of it.
    Nothing,
}

/// What a page shows of one product.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// What one piece costs after stage 1 in a basket of it alone: the unit price where nothing makes it cheaper.
    pub price: Amount,
    /// To be struck through: the display price of the promotion that made it cheaper, else the list price; only what is
    /// above `price`.
    pub original_price: Option<Amount>,
    /// Of the promotion that is shown nothing is left.
    pub sold_out: bool,
    /// Where one piece costs its unit price: from how many on a `volume_price` makes it cheaper.
    pub from: Option<From>,
    /// The promotion behind the price; else the first, in order of application, that would bring something: for more
    /// pieces, or if there were any left.
    pub promotion: Option<Shown>,
    /// The nearest moment at which a promotion of stage 1 that covers it opens or closes.
    pub next_change_at: Option<Timestamp>,
}

/// A price by quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct From {
    /// By which promotion.
    pub promotion: PromoIx,
    /// So many pieces, at least 2.
    pub quantity: i64,
    /// What the last of them costs, in a basket of these alone.
    pub price: Amount,
}

/// A promotion as a card shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Which.
    pub promotion: PromoIx,
    /// `None`: one piece has it. Else why not.
    pub why_not: Option<Verdict>,
    /// When it closes: its window or its session, whichever is first.
    pub ends_at: Option<Timestamp>,
    /// Of its stock, or of its stock of this product, whichever is the more used up; `None`: it has none, or nothing is
    /// known.
    pub sold: Option<Sold>,
    /// How many pieces this customer may still have of it in one order; `None`: it has no such limit, or nothing is
    /// known. Stock is not looked at.
    pub limit_left: Option<i64>,
}

/// How much of a stock is sold or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    /// Pieces in all, at least 1.
    pub limit: i64,
    /// Of these, used.
    pub used: i64,
}

impl Sold {
    /// In percent, 0–100, rounded down: 100 is sold out.
    #[must_use]
    pub fn percent(&self) -> i32 {
        let used = i128::from(self.used.clamp(0, self.limit));
        let percent = used.saturating_mul(100).checked_div(i128::from(self.limit)).unwrap_or(100);
        i32::try_from(percent).unwrap_or(100)
    }

    /// Is a larger part of this one used?
    fn beyond(&self, other: &Self) -> bool {
        let across = |used: i64, limit: i64| i128::from(used).saturating_mul(i128::from(limit));
        across(self.used, other.limit) > across(other.used, self.limit)
    }
}

impl Rulebook {
    /// The products of a page, as lines of one piece each; what else the basket brings (user, moment, channel) holds for all.
    ///
    /// # Errors
    /// [`QuoteError::Invalid`] for another currency.
    pub fn shelf<'a>(&'a self, products: &'a Basket) -> Result<Shelf<'a>, QuoteError> {
        Ok(Shelf { prepared: Prepared::of_each_line(self, products)? })
    }
}

impl Shelf<'_> {
    /// The limited quantities that the cards depend on, to be read before [`Shelf::cards`]: each once, however many
    /// products ask about it.
    #[must_use]
    pub fn counters(&self) -> &Table<CounterIx, Counter> {
        self.prepared.counters()
    }

    /// A card for each product, in their order; `usage` is parallel to [`Shelf::counters`], what is missing counts as 0.
    ///
    /// # Errors
    /// [`QuoteError::Overflow`]: a bug of ours.
    pub fn cards(&self, usage: &[i64], known: Known) -> Result<Vec<Card>, QuoteError> {
        let pricing = Pricing::new(&self.prepared, usage, View::Basic);
        let mut looks = self.prepared.item_looks.chunk_by(|a, b| a.group == b.group).peekable();
        let mut cards = Vec::with_capacity(self.prepared.basket.lines().len());
        for (position, line) in self.prepared.basket.lines().iter().enumerate() {
            let own = |looks: &&[ItemLook]| looks.first().and_then(|look| usize::try_from(look.group).ok()) == Some(position);
            let looks = looks.next_if(own).unwrap_or_default();
            let product = Product { pricing: &pricing, ix: LineIx::new(position), line, looks, known };
            cards.push(product.card()?);
        }
        Ok(cards)
    }
}

/// A product, and who looks at it.
struct Product<'s> {
    pricing: &'s Pricing<'s>,
    ix: LineIx,
    line: &'s Line,
    /// In order of application.
    looks: &'s [ItemLook],
    known: Known,
}

/// What each promotion makes of a product.
type Bids<'s> = SmallVec<[(&'s Candidate, Result<Offer, Verdict>); 4]>;

impl<'s> Product<'s> {
    fn card(&self) -> Result<Card, QuoteError> {
        let bids = self.bids(self.line)?;
        let winner = self.winner(&bids);
        let discount = winner.map_or(Amount::ZERO, |(_, offer)| offer.discount);
        // INVARIANT: no offer takes more off than the line costs; a line has one piece.
        let price = self.line.unit_price.less_or_zero(discount);
        let shown = match winner {
            Some((candidate, _)) => Some((candidate, None)),
            None => bids.iter().find_map(|(candidate, bid)| match bid {
                Err(verdict) if self.may_show(candidate, verdict) => Some((*candidate, Some(verdict.clone()))),
                _ => None,
            }),
        };
        let made_cheaper = shown.as_ref().filter(|_| discount.is_positive()).map(|(candidate, _)| self.document(candidate));
        let display = made_cheaper.and_then(|promotion| promotion.display.original_price).filter(|shown| *shown > price);
        Ok(Card {
            price,
            original_price: display.or(self.line.list_price.filter(|list| *list > price)),
            sold_out: shown.as_ref().is_some_and(|(_, why_not)| matches!(why_not, Some(Verdict::StockExhausted(_)))),
            from: if discount.is_zero() { self.from()? } else { None },
            promotion: shown.map(|(candidate, why_not)| self.shown(candidate, why_not)),
            next_change_at: self.pricing.prepared.line_changes.get(self.ix.position()).copied().flatten(),
        })
    }

    /// Every promotion that looks at it bids for the line as it is written here.
    fn bids(&self, line: &Line) -> Result<Bids<'s>, QuoteError> {
        let mut bids = SmallVec::new();
        for look in self.looks {
            let Some(candidate) = self.pricing.prepared.candidates.get(look.candidate) else { continue };
            let bid = item::bid_for(self.pricing, look.candidate, smallvec![(self.ix, line)])?;
            bids.push((candidate, bid.map_err(|refusal| refusal.verdict)));
        }
        Ok(bids)
    }

    fn winner<'b>(&self, bids: &'b Bids<'s>) -> Option<(&'s Candidate, &'b Offer)> {
        let offers = || bids.iter().filter_map(|(candidate, bid)| Some((*candidate, bid.as_ref().ok()?)));
        let rulebook = self.pricing.prepared.rulebook;
        let best = item::best_of(rulebook, offers().map(|(candidate, offer)| (candidate.promotion, offer)))?;
        offers().nth(best)
    }

    /// Is it worth a word on a card that one piece does not have it? Not where it would bring nothing anyway, and not where
    /// the only reason is that nothing is known.
    fn may_show(&self, candidate: &Candidate, verdict: &Verdict) -> bool {
        let limited = matches!(verdict, Verdict::StockExhausted(_) | Verdict::LimitReached(_) | Verdict::BudgetExhausted(_));
        let said = matches!(verdict, Verdict::BelowQuantity(_)) || (limited && self.known == Known::Usage);
        said && self.would_bring(candidate)
    }

    /// Would it bring something, were there enough pieces and enough of it left?
    fn would_bring(&self, candidate: &Candidate) -> bool {
        match &self.document(candidate).rule {
            Rule::ItemPrice(rule) => self.lowers(rule.price),
            Rule::VolumePrice(rule) => rule.tiers.iter().any(|tier| self.lowers(tier.price)),
            Rule::BuyGet(_) => true,
            Rule::MixMatch(_) | Rule::Bundle(_) | Rule::Spend(_) | Rule::Coupon(_) => false,
        }
    }

    fn lowers(&self, price: UnitPrice) -> bool {
        let rounding = self.pricing.prepared.rulebook.settings().rounding;
        item::target(self.line.unit_price, price, rounding).max(self.line.floor()) < self.line.unit_price
    }

    /// The smallest tier that makes its last piece cheaper, in a basket of so many alone.
    fn from(&self) -> Result<Option<From>, QuoteError> {
        let mut quantities: SmallVec<[i64; 8]> = SmallVec::new();
        for look in self.looks {
            let candidate = self.pricing.prepared.candidates.get(look.candidate);
            if let Some(Rule::VolumePrice(rule)) = candidate.map(|candidate| &self.document(candidate).rule) {
                quantities.extend(rule.tiers.iter().filter(|tier| self.lowers(tier.price)).map(|tier| tier.min_quantity));
            }
        }
        quantities.sort_unstable();
        quantities.dedup();
        for quantity in quantities.into_iter().filter(|quantity| (2..=QUANTITY_MAX).contains(quantity)) {
            let line = Line { quantity, ..self.line.clone() };
            let bids = self.bids(&line)?;
            let Some((candidate, offer)) = self.winner(&bids) else { continue };
            let last = offer.pieces.last().filter(|piece| !piece.over_limit);
            if let Some((promotion, price)) = last.and_then(|piece| piece.made_cheaper)
                && matches!(self.document(candidate).rule, Rule::VolumePrice(_))
            {
                return Ok(Some(From { promotion, quantity, price }));
            }
        }
        Ok(None)
    }

    fn shown(&self, candidate: &Candidate, why_not: Option<Verdict>) -> Shown {
        let prepared = self.pricing.prepared;
        let known = self.known == Known::Usage;
        Shown {
            promotion: candidate.promotion,
            why_not,
            ends_at: prepared.rulebook.next_change(candidate.promotion, prepared.basket.at()),
            sold: if known { self.sold(candidate) } else { None },
            limit_left: if known { self.limit_left(candidate) } else { None },
        }
    }

    /// The stock that is the more used up; of equals the product's own.
    fn sold(&self, candidate: &Candidate) -> Option<Sold> {
        let units = candidate.limits.units_of(&self.pricing.prepared.layout, self.ix);
        let stands = |slot: Option<usize>| {
            let LimitUse { limit, used, .. } = self.pricing.limit_use(slot?, 0)?;
            Some(Sold { limit, used })
        };
        match (stands(units.stock_by_sku), stands(candidate.limits.stock)) {
            (Some(own), Some(all)) => Some(if all.beyond(&own) { all } else { own }),
            (own, all) => own.or(all),
        }
    }

    fn limit_left(&self, candidate: &Candidate) -> Option<i64> {
        let units = candidate.limits.units_of(&self.pricing.prepared.layout, self.ix);
        let left = |slot: Option<usize>| slot.map(|slot| self.pricing.left(slot));
        let no_order = left(candidate.limits.orders_per_user).filter(|left| *left == 0);
        [left(units.units_per_order), left(units.units_per_user), no_order].into_iter().flatten().min()
    }

    fn document(&self, candidate: &Candidate) -> &'s Promotion {
        self.pricing.prepared.promotion_of(candidate)
    }
}
