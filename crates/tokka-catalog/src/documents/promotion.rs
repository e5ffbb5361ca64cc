//! What may stand in a promotion, apart from its rule?

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Weekday;
use tokka_core::amount::Amount;
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{
    Audience, Bundle, BuyGet, Coupon, Display, Exclude, Funding, Include, ItemPrice, Limits, MixMatch, Owner, Party, Period,
    Promotion, Rule, Scope, Spend, Stacking, Status, VolumePrice, Window,
};
use tokka_core::rate::Rate;
use tokka_core::schedule::{Days, Session};

use super::built;
use crate::check::Code;
use crate::decode::Context;
use crate::document;
use crate::values::{Count, TimeOfDay};
use crate::yaml::Node;

document! {
    /// A rule that lowers a price or adds a gift. Exactly one rule block says what it does.
    pub(super) struct PromotionDocument {
        /// Unique among promotions and coupons.
        id: Id [required],
        /// What shoppers read.
        name: String [required],
        /// More for people; never part of a price.
        description: String [optional],
        /// A store's id, or `platform`. A store's promotion covers only its own lines.
        owner: Owner [required],
        /// Only a published promotion is active. Where it is not written: `draft`, in a scenario `published`.
        status: Status [optional],
        /// When it runs; either end may be missing.
        window: Window [default Window::default() => {}],
        /// The sessions in which it is open, in the catalogue's time zone; none = always.
        schedule: Vec<Session> [default Vec::new() => []],
        /// Who it is for; an empty list is no condition.
        audience: Audience [default Audience::default() => {}],
        /// The lines that it covers.
        scope: Scope [default Scope::default() => {"include": {"all": true}}],
        /// Higher goes first.
        priority: i32 [default 0 => 0],
        /// Which later stages may still use the units that it touched.
        stacking: Stacking [default Stacking::default() => {}],
        /// Its limited quantities; what is not written is unlimited.
        limits: Limits [default Limits::default() => {}],
        /// How pages show it; never part of a price.
        display: Display [default Display::default() => {}],
        /// Who pays its discount, summing to 100 percent; none = its owner.
        funding: Vec<Funding> [default Vec::new() => []],
        /// Codes of findings that would keep it from being published, and that are wanted all the same.
        acknowledge: Vec<Acknowledged> [default Vec::new() => []],
        /// Stage 1: a price for each eligible unit.
        item_price: ItemPrice [optional],
        /// Stage 1: a price by quantity.
        volume_price: VolumePrice [optional],
        /// Stage 1: free units for bought ones.
        buy_get: BuyGet [optional],
        /// Stage 2: any `pick` covered units form a set.
        mix_match: MixMatch [optional],
        /// Stage 2: a set of named components.
        bundle: Bundle [optional],
        /// Stage 3 of a store, stage 5 of the platform: spend and save.
        spend: Spend [optional],
        /// Stage 4 of a store, stage 6 of the platform: a discount that must be held or typed in.
        coupon: Coupon [optional],
    }
    exactly_one(item_price, volume_price, buy_get, mix_match, bundle, spend, coupon);
}

/// A finding that somebody has seen and wants all the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Acknowledged(Code);

crate::choice! {
    Acknowledged, "the code of a finding that can be acknowledged":
    "ITEM_PRICE_ON_EVERYTHING" => Acknowledged(Code::ItemPriceOnEverything),
    "STACKING_NOT_STATED" => Acknowledged(Code::StackingNotStated),
    "DISCOUNT_OVER_70" => Acknowledged(Code::DiscountOver70),
    "FLASH_WITHOUT_LIMIT" => Acknowledged(Code::FlashWithoutLimit),
}

/// A promotion, and whether its status was written.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftedPromotion {
    /// The promotion; a status that was not written is `draft`.
    pub promotion: Promotion,
    /// Was the status written?
    pub status_written: bool,
}

impl PromotionDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<DraftedPromotion> {
        let rules = [
            self.item_price.map(Rule::ItemPrice),
            self.volume_price.map(Rule::VolumePrice),
            self.buy_get.map(Rule::BuyGet),
            self.mix_match.map(Rule::MixMatch),
            self.bundle.map(Rule::Bundle),
            self.spend.map(Rule::Spend),
            self.coupon.map(Rule::Coupon),
        ];
        let promotion = Promotion {
            id: self.id,
            name: self.name,
            description: self.description,
            owner: self.owner,
            status: self.status.unwrap_or(Status::Draft),
            window: self.window,
            schedule: self.schedule,
            audience: self.audience,
            scope: self.scope,
            priority: self.priority,
            stacking: self.stacking,
            limits: self.limits,
            display: self.display,
            funding: self.funding,
            acknowledge: self.acknowledge.into_iter().filter_map(|Acknowledged(code)| Token::parse(code.name()).ok()).collect(),
            rule: rules.into_iter().flatten().next()?,
        };
        Some(DraftedPromotion { promotion, status_written: self.status.is_some() })
    }
}

document! {
    /// `start ≤ at < end`.
    pub(super) struct WindowDocument {
        /// The first moment; without it there is no beginning.
        start: Timestamp [optional],
        /// The first moment after; without it there is no end.
        end: Timestamp [optional],
    }
}

impl WindowDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Window> {
        Some(Window { start: self.start, end: self.end })
    }
}

document! {
    /// Open while `from ≤ local time < to`; `to ≤ from` runs past midnight and belongs to the day on which it began.
    pub(super) struct SessionDocument {
        /// On which days it begins; none = every day.
        days: Vec<Weekday> [default Vec::new() => []],
        /// `00:00` to `23:59`.
        from: TimeOfDay [required],
        /// `00:00` to `24:00`.
        to: TimeOfDay [required],
    }
}

impl SessionDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Session> {
        Some(Session { days: Days::of(self.days), from: self.from.0, to: self.to.0 })
    }
}

document! {
    /// Who a promotion is for: every condition that is given must hold.
    pub(super) struct AudienceDocument {
        /// The user has one of these tags.
        tags_any: Vec<Token> [default Vec::new() => []],
        /// The user has none of these tags.
        tags_none: Vec<Token> [default Vec::new() => []],
        /// The basket comes by one of these channels.
        channels: Vec<Token> [default Vec::new() => []],
        /// The basket comes from one of these regions.
        regions: Vec<Token> [default Vec::new() => []],
    }
}

impl AudienceDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Audience> {
        Some(Audience { tags_any: self.tags_any, tags_none: self.tags_none, channels: self.channels, regions: self.regions })
    }
}

document! {
    /// Which lines a promotion looks at. Exclusion always wins.
    pub(super) struct ScopeDocument {
        /// What is in.
        include: Include [default Include::default() => {"all": true}],
        /// What is out all the same.
        exclude: Exclude [default Exclude::default() => {}],
    }
}

impl ScopeDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Scope> {
        Some(Scope { include: self.include, exclude: self.exclude })
    }
}

document! {
    /// `all`, or any sku or any category listed; and, where stores are given, one of these. No list may be empty.
    pub(super) struct IncludeDocument {
        /// Every product; not beside `skus` or `categories`.
        all: bool [default false => false],
        /// These skus.
        skus: Vec<Token> [optional],
        /// Lines that list one of these categories.
        categories: Vec<Token> [optional],
        /// Only these stores; alone it means all their lines.
        stores: Vec<Id> [optional],
    }
}

impl IncludeDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Include> {
        Some(Include { all: self.all, skus: self.skus, categories: self.categories, stores: self.stores })
    }
}

document! {
    /// Lines of any store, sku or category listed are out.
    pub(super) struct ExcludeDocument {
        /// These skus.
        skus: Vec<Token> [default Vec::new() => []],
        /// Lines that list one of these categories.
        categories: Vec<Token> [default Vec::new() => []],
        /// Lines of these stores.
        stores: Vec<Id> [default Vec::new() => []],
    }
}

impl ExcludeDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Exclude> {
        Some(Exclude { skus: self.skus, categories: self.categories, stores: self.stores })
    }
}

document! {
    /// Which later stages may still use the units that a promotion of stages 1 to 3 touched. A key that cannot have an effect
    /// is an error. Where nothing is written: `set` no, the others yes.
    pub(super) struct StackingDocument {
        /// Stage 2.
        set: bool [optional],
        /// Stage 3.
        spend: bool [optional],
        /// Stage 4.
        store_coupon: bool [optional],
        /// Stages 5 and 6.
        platform: bool [optional],
    }
}

impl StackingDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Stacking> {
        Some(Stacking { set: self.set, spend: self.spend, store_coupon: self.store_coupon, platform: self.platform })
    }
}

document! {
    /// The limited quantities of a promotion.
    pub(super) struct LimitsDocument {
        /// For the promotion's life: units, free units, sets or orders.
        stock: Count [optional],
        /// The same for one sku; item promotions only.
        stock_by_sku: BTreeMap<Token, Count> [default BTreeMap::new() => {}],
        /// Units or sets in one order; item and set promotions only.
        units_per_order: Count [optional],
        /// Units or sets a user in one period; item and set promotions only.
        units_per_user: Count [optional],
        /// Orders a user in one period.
        orders_per_user: Count [optional],
        /// `units_per_order` and `units_per_user` count each sku by itself; item promotions only.
        per_sku: bool [default false => false],
        /// What the limits of a user count over, in the catalogue's time zone.
        period: Period [default Period::Lifetime => "lifetime"],
        /// Discount in all; all or nothing.
        budget: Amount [optional],
    }
}

impl LimitsDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Limits> {
        let count = |count: Option<Count>| count.map(|count| count.0);
        Some(Limits {
            stock: count(self.stock),
            stock_by_sku: self.stock_by_sku.into_iter().map(|(sku, stock)| (sku, stock.0)).collect(),
            units_per_order: count(self.units_per_order),
            units_per_user: count(self.units_per_user),
            orders_per_user: count(self.orders_per_user),
            per_sku: self.per_sku,
            period: self.period,
            budget: self.budget,
        })
    }
}

document! {
    /// How pages show a promotion.
    pub(super) struct DisplayDocument {
        /// The strike-through price, set by hand.
        original_price: Amount [optional],
        /// A short label.
        label: String [optional],
    }
}

impl DisplayDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Display> {
        Some(Display { original_price: self.original_price, label: self.label })
    }
}

document! {
    /// One party's part of what a promotion costs.
    pub(super) struct FundingDocument {
        /// `platform`, a store's id, or `seller`: the store of the line that the discount stands on.
        party: Party [required],
        /// How much; the parts of a promotion sum to 100.
        percent: Rate [required],
    }
}

impl FundingDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Funding> {
        Some(Funding { party: self.party, percent: self.percent })
    }
}

built! {
    DraftedPromotion, PromotionDocument;
    Window, WindowDocument;
    Session, SessionDocument;
    Audience, AudienceDocument;
    Scope, ScopeDocument;
    Include, IncludeDocument;
    Exclude, ExcludeDocument;
    Stacking, StackingDocument;
    Limits, LimitsDocument;
    Display, DisplayDocument;
    Funding, FundingDocument;
}
