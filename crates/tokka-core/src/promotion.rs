//! What may a merchant offer? The promotion as written: every rule block, its limits and who pays.
//!
//! These are plain values. A [`Catalogue`](crate::catalogue::Catalogue) checks them together, and only what it
//! accepted reaches the [`Rulebook`](crate::rulebook::Rulebook).

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::amount::Amount;
use crate::id::{Id, Token};
use crate::rate::Rate;
use crate::schedule::Session;

/// A rule that lowers a price or adds a gift. A coupon is a promotion that must be held or typed in.
#[derive(Debug, Clone, PartialEq)]
pub struct Promotion {
    /// Unique in the catalogue.
    pub id: Id,
    /// What shoppers read.
    pub name: String,
    /// More for people; never part of a price.
    pub description: Option<String>,
    /// Whose promotion it is; it covers only its store's lines.
    pub owner: Owner,
    /// Only a published promotion is active.
    pub status: Status,
    /// When it runs.
    pub window: Window,
    /// The sessions in which it is open, in the catalogue's time zone; empty = always.
    pub schedule: Vec<Session>,
    /// Who it is for.
    pub audience: Audience,
    /// The lines that it covers.
    pub scope: Scope,
    /// Higher goes first.
    pub priority: i32,
    /// Which later stages may still use the units that it touched, as written.
    pub stacking: Stacking,
    /// Its limited quantities.
    pub limits: Limits,
    /// How pages show it.
    pub display: Display,
    /// Who pays; empty = its owner.
    pub funding: Vec<Funding>,
    /// Codes of findings that its author has seen and wants all the same; never part of a price.
    pub acknowledge: Vec<Token>,
    /// What it does.
    pub rule: Rule,
}

/// A store or the platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The marketplace itself.
    Platform,
    /// One store.
    Store(Id),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Store(id) => id.fmt(f),
        }
    }
}

/// Where a promotion stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// Being designed: the default.
    #[default]
    Draft,
    /// Live, within its window, schedule and audience.
    Published,
    /// Stopped for now.
    Paused,
    /// Ended for good.
    Archived,
}

/// `start ≤ at < end`; a missing end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The first moment.
    pub start: Option<Timestamp>,
    /// The first moment after.
    pub end: Option<Timestamp>,
}

/// Who a promotion is for: every condition that is given must hold; an empty list is no condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    /// The user has one of these tags.
    pub tags_any: Vec<Token>,
    /// The user has none of these tags.
    pub tags_none: Vec<Token>,
    /// The basket comes by one of these channels.
    pub channels: Vec<Token>,
    /// The basket comes from one of these regions.
    pub regions: Vec<Token>,
}

/// Which lines a promotion covers. Exclusion always wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// What is in.
    pub include: Include,
    /// What is out all the same.
    pub exclude: Exclude,
}

/// `all`, or any sku or any category listed; and, where stores are given, one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// Every product; excludes `skus` and `categories`.
    pub all: bool,
    /// These skus; `None` = not given (an empty list is an error of validation).
    pub skus: Option<Vec<Token>>,
    /// Lines that list one of these categories.
    pub categories: Option<Vec<Token>>,
    /// Only these stores; alone it means all their lines.
    pub stores: Option<Vec<Id>>,
}

impl Default for Include {
    fn default() -> Self {
        Self { all: true, skus: None, categories: None, stores: None }
    }
}

/// Lines of any store, sku or category listed are out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exclude {
    /// These skus.
    pub skus: Vec<Token>,
    /// Lines that list one of these categories.
    pub categories: Vec<Token>,
    /// Lines of these stores.
    pub stores: Vec<Id>,
}

/// Which later stages may still use the units that a promotion of stages 1–3 touched; `None` = not written.
/// The defaults are `set: false` and everything else `true`. A key that cannot have an effect is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stacking {
    /// Stage 2.
    pub set: Option<bool>,
    /// Stage 3: the "takes part in full reduction" switch.
    pub spend: Option<bool>,
    /// Stage 4.
    pub store_coupon: Option<bool>,
    /// Stages 5 and 6.
    pub platform: Option<bool>,
}

/// The limited quantities of a promotion; `None` = unlimited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// For the promotion's life: units (item promotions; free units for `buy_get`), sets, or orders (spends, coupons).
    pub stock: Option<i64>,
    /// The same for one sku; item promotions only.
    pub stock_by_sku: BTreeMap<Token, i64>,
    /// Units (or sets) in one order; stages 1 and 2.
    pub units_per_order: Option<i64>,
    /// Units (or sets) a user in one period; stages 1 and 2.
    pub units_per_user: Option<i64>,
    /// Orders a user in one period.
    pub orders_per_user: Option<i64>,
    /// `units_*` count each sku by itself; item promotions only.
    pub per_sku: bool,
    /// What the per-user limits count over.
    pub period: Period,
    /// Discount in all; all or nothing.
    pub budget: Option<Amount>,
}

/// What a per-user limit counts over, in the catalogue's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Period {
    /// The promotion's life.
    #[default]
    Lifetime,
    /// The local day.
    Day,
    /// The local week, from Monday 00:00.
    Week,
    /// The local month.
    Month,
}

/// How pages show a promotion; never part of a price.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Display {
    /// The strike-through price, set by hand.
    pub original_price: Option<Amount>,
    /// A short label.
    pub label: Option<String>,
}

/// One party's part of what a promotion costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funding {
    /// Who.
    pub party: Party,
    /// How much; the parts of a promotion sum to 100.
    pub percent: Rate,
}

/// Who pays a part of a discount.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The marketplace.
    Platform,
    /// The store of the line that the discount stands on.
    Seller,
    /// A named store.
    Store(Id),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Seller => f.write_str("seller"),
            Self::Store(id) => id.fmt(f),
        }
    }
}

/// What a promotion does. The variants are in order of stages.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Stage 1: a price for each eligible unit.
    ItemPrice(ItemPrice),
    /// Stage 1: a price by quantity.
    VolumePrice(VolumePrice),
    /// Stage 1: free units for bought ones.
    BuyGet(BuyGet),
    /// Stage 2: any `pick` covered units form a set.
    MixMatch(MixMatch),
    /// Stage 2: a set of named components.
    Bundle(Bundle),
    /// Stage 3 (store) or 5 (platform): spend and save.
    Spend(Spend),
    /// Stage 4 (store) or 6 (platform).
    Coupon(Coupon),
}

impl Rule {
    /// The name of the block in files and on the wire.
    #[must_use]
    pub const fn block(&self) -> &'static str {
        match self {
            Self::ItemPrice(_) => "item_price",
            Self::VolumePrice(_) => "volume_price",
            Self::BuyGet(_) => "buy_get",
            Self::MixMatch(_) => "mix_match",
            Self::Bundle(_) => "bundle",
            Self::Spend(_) => "spend",
            Self::Coupon(_) => "coupon",
        }
    }
}

/// The price of one unit of `unit_price` p.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitPrice {
    /// This.
    Fixed(Amount),
    /// `max(0, p − this)`
    AmountOff(Amount),
    /// `p − round(p × this)`
    PercentOff(Rate),
}

/// See [`Rule::ItemPrice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemPrice {
    /// What an eligible unit costs.
    pub price: UnitPrice,
    /// Shown as a flash sale; never part of a price.
    pub flash: bool,
}

/// See [`Rule::VolumePrice`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumePrice {
    /// One price for all units, or one by the unit's number.
    pub mode: VolumeMode,
    /// In any order; quantities are distinct and at least 1.
    pub tiers: Vec<VolumeTier>,
}

/// How tiers price units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeMode {
    /// The highest tier reached prices all eligible units.
    AllUnits,
    /// The n-th eligible unit is priced by the highest tier with `min_quantity ≤ n`.
    Graduated,
}

/// A price from a quantity on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeTier {
    /// From this many units.
    pub min_quantity: i64,
    /// What a unit costs.
    pub price: UnitPrice,
}

/// See [`Rule::BuyGet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyGet {
    /// On top of the basket, or among its units.
    pub mode: BuyGetMode,
    /// As often as the rest of the quantity reaches a tier, or the highest tier once.
    pub repeat: bool,
    /// In any order; `buy` distinct, `get` never falling, with `repeat` `get / buy` never falling either.
    pub tiers: Vec<BuyGetTier>,
}

/// Where free units come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuyGetMode {
    /// They come on top.
    Add,
    /// They are the cheapest of the group's own.
    Include,
}

/// `get` free for `buy` bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuyGetTier {
    /// At least 1.
    pub buy: i64,
    /// At least 1.
    pub get: i64,
}

/// See [`Rule::MixMatch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MixMatch {
    /// Units a set, at least 2.
    pub pick: i64,
    /// What a set brings.
    pub reward: MixMatchReward,
    /// Sets an order; `None` = unlimited.
    pub max_sets: Option<i64>,
}

/// What a mix-and-match set brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MixMatchReward {
    /// A reward on the sum of the set.
    Set(SetReward),
    /// A percentage off each of the cheapest `count` units.
    Cheapest {
        /// At most `pick`.
        count: i64,
        /// Off each of them.
        percent_off: Rate,
    },
}

/// A reward on the sum of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetReward {
    /// The set costs this.
    FixedTotal(Amount),
    /// `min(this, sum)` off.
    AmountOff(Amount),
    /// `round(sum × this)` off.
    PercentOff(Rate),
}

/// See [`Rule::Bundle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// What a set is made of, in order of choice.
    pub components: Vec<Component>,
    /// A reward on the sum, or `None` where components carry percentages.
    pub reward: Option<SetReward>,
    /// Sets an order; `None` = unlimited.
    pub max_sets: Option<i64>,
}

/// One component of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Units of these skus …
    pub skus: Vec<Token>,
    /// … or of lines that list one of these categories. Exactly one of the two lists is not empty.
    pub categories: Vec<Token>,
    /// Units a set, at least 1.
    pub quantity: i64,
    /// Off each unit of this component; not on all components, and not beside a reward on the sum.
    pub percent_off: Option<Rate>,
}

/// See [`Rule::Spend`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// What thresholds are compared with.
    pub basis: Basis,
    /// The reward counts as often as the threshold fits: one tier, no percentage.
    pub repeat: bool,
    /// At most this often; only with `repeat`.
    pub max_repeats: Option<i64>,
    /// One promotion of a group for each segment, within one stage; `spend` where not written.
    pub exclusion_group: Id,
    /// In any order; thresholds are distinct and at least 1.
    pub tiers: Vec<SpendTier>,
    /// Which amounts thresholds are compared with.
    pub threshold_on: ThresholdOn,
    /// What counts towards thresholds, where that is not what is discounted.
    pub qualify: Option<Scope>,
}

/// What a spend threshold counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Basis {
    /// Money.
    #[default]
    Amount,
    /// Pieces.
    Quantity,
}

/// Which amounts a threshold is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThresholdOn {
    /// What earlier stages left.
    #[default]
    Left,
    /// What stage 1 left.
    Item,
}

/// A reward from a threshold on: a discount, gifts, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendTier {
    /// Minor units, or pieces; at least 1.
    pub threshold: i64,
    /// The discount.
    pub discount: Option<Discount>,
    /// The gifts.
    pub gifts: Vec<GiftReward>,
}

/// A discount on a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discount {
    /// This much.
    AmountOff(Amount),
    /// This part, no more than the maximum.
    PercentOff {
        /// The part.
        rate: Rate,
        /// At most this much.
        max_discount: Option<Amount>,
    },
}

/// Gifts of one kind, or of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiftReward {
    /// One gift, or the alternatives of a choice, in order.
    pub options: Vec<Id>,
    /// Is this written as a choice (also one of a single gift)?
    pub choose: bool,
    /// How many, at least 1.
    pub quantity: i64,
}

/// See [`Rule::Coupon`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    /// Minor units; 0 = none.
    pub threshold: Amount,
    /// What it takes off.
    pub discount: Discount,
    /// Which amounts the threshold is compared with.
    pub threshold_on: ThresholdOn,
    /// What counts towards the threshold, where that is not what is discounted.
    pub qualify: Option<Scope>,
}

/// The six stages, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Stage {
    /// 1: `item_price`, `volume_price`, `buy_get`.
    Item = 0,
    /// 2: `mix_match`, `bundle`.
    Set = 1,
    /// 3: a store's `spend`.
    StoreSpend = 2,
    /// 4: a store's `coupon`.
    StoreCoupon = 3,
    /// 5: the platform's `spend`.
    PlatformSpend = 4,
    /// 6: the platform's `coupon`.
    PlatformCoupon = 5,
}

impl Stage {
    /// All six, in order.
    pub const ALL: [Stage; 6] =
        [Stage::Item, Stage::Set, Stage::StoreSpend, Stage::StoreCoupon, Stage::PlatformSpend, Stage::PlatformCoupon];

    /// The name in scenario files and on the wire: `item`, `set`, `store_spend`, …
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Set => "set",
            Self::StoreSpend => "store_spend",
            Self::StoreCoupon => "store_coupon",
            Self::PlatformSpend => "platform_spend",
            Self::PlatformCoupon => "platform_coupon",
        }
    }
}

impl Promotion {
    /// The stage in which it runs.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        let store = matches!(self.owner, Owner::Store(_));
        match self.rule {
            Rule::ItemPrice(_) | Rule::VolumePrice(_) | Rule::BuyGet(_) => Stage::Item,
            Rule::MixMatch(_) | Rule::Bundle(_) => Stage::Set,
            Rule::Spend(_) if store => Stage::StoreSpend,
            Rule::Spend(_) => Stage::PlatformSpend,
            Rule::Coupon(_) if store => Stage::StoreCoupon,
            Rule::Coupon(_) => Stage::PlatformCoupon,
        }
    }

    /// What counts towards its threshold, where that is not what is discounted.
    #[must_use]
    pub const fn qualify(&self) -> Option<&Scope> {
        match &self.rule {
            Rule::Spend(spend) => spend.qualify.as_ref(),
            Rule::Coupon(coupon) => coupon.qualify.as_ref(),
            _ => None,
        }
    }
}
