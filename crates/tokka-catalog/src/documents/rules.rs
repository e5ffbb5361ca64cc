//! What may stand in each rule block?

use serde_json::{Value as Json, json};
use tokka_core::amount::Amount;
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{
    Basis, Bundle, BuyGet, BuyGetMode, BuyGetTier, Component, Coupon, Discount, GiftReward, ItemPrice, MixMatch, MixMatchReward,
    Scope, SetReward, Spend, SpendTier, ThresholdOn, UnitPrice, VolumeMode, VolumePrice, VolumeTier,
};
use tokka_core::rate::Rate;

use super::built;
use crate::decode::{Context, Decode, Definitions, Step};
use crate::document;
use crate::values::{Positive, Whole};
use crate::yaml::Node;

/// Pieces of one order.
type Pieces = Whole<1, { tokka_core::basket::QUANTITY_MAX }>;

document! {
    /// A price for each eligible unit.
    pub(super) struct ItemPriceDocument {
        /// What a unit costs.
        fixed: Amount [optional],
        /// Off each unit, down to 0.
        amount_off: Amount [optional],
        /// Off each unit, of its price.
        percent_off: Rate [optional],
        /// Shown as a flash sale; never part of a price.
        flash: bool [default false => false],
    }
    exactly_one(fixed, amount_off, percent_off);
}

/// The one that is written; rules have refused none and several.
fn unit_price(fixed: Option<Amount>, amount_off: Option<Amount>, percent_off: Option<Rate>) -> Option<UnitPrice> {
    fixed.map(UnitPrice::Fixed).or(amount_off.map(UnitPrice::AmountOff)).or(percent_off.map(UnitPrice::PercentOff))
}

impl ItemPriceDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<ItemPrice> {
        Some(ItemPrice { price: unit_price(self.fixed, self.amount_off, self.percent_off)?, flash: self.flash })
    }
}

document! {
    /// A price by quantity.
    pub(super) struct VolumePriceDocument {
        /// `all_units`: the highest tier reached prices all units; `graduated`: each unit has the price of its number.
        mode: VolumeMode [required],
        /// In any order, each from another quantity on.
        tiers: Vec<VolumeTier> [required],
    }
}

impl VolumePriceDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<VolumePrice> {
        Some(VolumePrice { mode: self.mode, tiers: self.tiers })
    }
}

document! {
    /// A price from a quantity on.
    pub(super) struct VolumeTierDocument {
        /// From this many units.
        min_quantity: Positive [required],
        /// What a unit costs.
        fixed: Amount [optional],
        /// Off each unit, down to 0.
        amount_off: Amount [optional],
        /// Off each unit, of its price.
        percent_off: Rate [optional],
    }
    exactly_one(fixed, amount_off, percent_off);
}

impl VolumeTierDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<VolumeTier> {
        let price = unit_price(self.fixed, self.amount_off, self.percent_off)?;
        Some(VolumeTier { min_quantity: self.min_quantity.0, price })
    }
}

document! {
    /// Free units for bought ones.
    pub(super) struct BuyGetDocument {
        /// `add`: free units come on top; `include`: they are the cheapest of the basket's own.
        mode: BuyGetMode [required],
        /// As often as the quantity reaches a tier, or the highest tier once.
        repeat: bool [default false => false],
        /// In any order; `buy` rises, `get` never falls, and with `repeat` neither does `get / buy`.
        tiers: Vec<BuyGetTier> [required],
    }
}

impl BuyGetDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<BuyGet> {
        Some(BuyGet { mode: self.mode, repeat: self.repeat, tiers: self.tiers })
    }
}

document! {
    /// `get` free for `buy` bought.
    pub(super) struct BuyGetTierDocument {
        /// Bought pieces.
        buy: Pieces [required],
        /// Free pieces.
        get: Pieces [required],
    }
}

impl BuyGetTierDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<BuyGetTier> {
        Some(BuyGetTier { buy: self.buy.0, get: self.get.0 })
    }
}

/// The one reward on a whole set that is written.
fn set_reward(fixed_total: Option<Amount>, amount_off: Option<Amount>, percent_off: Option<Rate>) -> Option<SetReward> {
    fixed_total.map(SetReward::FixedTotal).or(amount_off.map(SetReward::AmountOff)).or(percent_off.map(SetReward::PercentOff))
}

document! {
    /// Any `pick` covered units form a set.
    pub(super) struct MixMatchDocument {
        /// Units a set, at least 2.
        pick: Positive [required],
        /// What a set costs.
        fixed_total: Amount [optional],
        /// Off each set.
        amount_off: Amount [optional],
        /// Off each set, of its sum.
        percent_off: Rate [optional],
        /// Off the cheapest units of each set.
        cheapest: CheapestDocument [optional],
        /// Sets an order; without it there is no limit.
        max_sets: Positive [optional],
    }
    exactly_one(fixed_total, amount_off, percent_off, cheapest);
}

document! {
    /// A percentage off each of the cheapest units.
    pub(super) struct CheapestDocument {
        /// How many units of a set, at most `pick`.
        count: Positive [required],
        /// Off each of them.
        percent_off: Rate [required],
    }
}

impl MixMatchDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<MixMatch> {
        let cheapest =
            self.cheapest.map(|cheapest| MixMatchReward::Cheapest { count: cheapest.count.0, percent_off: cheapest.percent_off });
        let set = set_reward(self.fixed_total, self.amount_off, self.percent_off).map(MixMatchReward::Set);
        Some(MixMatch { pick: self.pick.0, reward: set.or(cheapest)?, max_sets: self.max_sets.map(|max| max.0) })
    }
}

document! {
    /// A set of named components. Its reward is one on the whole set, or a percentage on some of the components.
    pub(super) struct BundleDocument {
        /// What a set is made of, in order of choice.
        components: Vec<Component> [required],
        /// What a set costs.
        fixed_total: Amount [optional],
        /// Off each set.
        amount_off: Amount [optional],
        /// Off each set, of its sum.
        percent_off: Rate [optional],
        /// Sets an order; without it there is no limit.
        max_sets: Positive [optional],
    }
    at_most_one(fixed_total, amount_off, percent_off);
}

impl BundleDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Bundle> {
        Some(Bundle {
            components: self.components,
            reward: set_reward(self.fixed_total, self.amount_off, self.percent_off),
            max_sets: self.max_sets.map(|max| max.0),
        })
    }
}

document! {
    /// One component of a bundle.
    pub(super) struct ComponentDocument {
        /// Units of these skus.
        skus: Vec<Token> [optional],
        /// Units of lines that list one of these categories.
        categories: Vec<Token> [optional],
        /// Units a set.
        quantity: Positive [required],
        /// Off each unit of this component; not on all components, and not beside a reward on the whole set.
        percent_off: Rate [optional],
    }
    exactly_one(skus, categories);
}

impl ComponentDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Component> {
        Some(Component {
            skus: self.skus.unwrap_or_default(),
            categories: self.categories.unwrap_or_default(),
            quantity: self.quantity.0,
            percent_off: self.percent_off,
        })
    }
}

/// A threshold as written: what it counts depends on the basis, which stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Threshold(Node);

impl Decode for Threshold {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        context.scalar(node, "an amount or a number of pieces")?;
        Some(Self(node.clone()))
    }

    fn schema(definitions: &mut Definitions) -> Json {
        let (amount, pieces) = (Amount::schema(definitions), Positive::schema(definitions));
        json!({ "anyOf": [amount, pieces] })
    }
}

document! {
    /// Spend and save: the highest tier reached counts.
    pub(super) struct SpendDocument {
        /// What thresholds count: an amount, or pieces.
        basis: Basis [default Basis::Amount => "amount"],
        /// The reward counts as often as the threshold fits: one tier, no percentage.
        repeat: bool [default false => false],
        /// At most this often.
        max_repeats: Positive [optional],
        /// One promotion of a group for each segment, within one stage; `spend` where it is not written.
        exclusion_group: Id [optional],
        /// In any order, each from another threshold on.
        tiers: Vec<SpendTierDocument> [required],
        /// Thresholds look at what earlier stages left, or at what stage 1 left.
        threshold_on: ThresholdOn [default ThresholdOn::Left => "left"],
        /// What counts towards thresholds, where that is not what is discounted.
        qualify: Scope [optional],
    }
    needs(max_repeats => repeat);
}

impl SpendDocument {
    fn build(self, _: &Node, context: &mut Context<'_>) -> Option<Spend> {
        let exclusion_group = match self.exclusion_group {
            Some(group) => group,
            None => Id::parse("spend").ok()?,
        };
        let mut tiers = Vec::with_capacity(self.tiers.len());
        let count = self.tiers.len();
        for (index, tier) in self.tiers.into_iter().enumerate() {
            let tier = context.inside(Step::Field("tiers"), |context| {
                context.inside(Step::Index(index), |context| tier.build(self.basis, context))
            });
            tiers.extend(tier);
        }
        (tiers.len() == count).then_some(Spend {
            basis: self.basis,
            repeat: self.repeat,
            max_repeats: self.max_repeats.map(|max| max.0),
            exclusion_group,
            tiers,
            threshold_on: self.threshold_on,
            qualify: self.qualify,
        })
    }
}

document! {
    /// A reward from a threshold on: one discount, or gifts, or both.
    pub(super) struct SpendTierDocument {
        /// An amount, or pieces, by `basis`.
        threshold: Threshold [required],
        /// Off the sum.
        amount_off: Amount [optional],
        /// Off the sum, a part of it.
        percent_off: Rate [optional],
        /// The percentage brings at most this much.
        max_discount: Amount [optional],
        /// What is given.
        gifts: Vec<GiftReward> [default Vec::new() => []],
    }
    at_most_one(amount_off, percent_off);
    needs(max_discount => percent_off);
}

fn discount(amount_off: Option<Amount>, percent_off: Option<Rate>, max_discount: Option<Amount>) -> Option<Discount> {
    amount_off.map(Discount::AmountOff).or(percent_off.map(|rate| Discount::PercentOff { rate, max_discount }))
}

impl SpendTierDocument {
    fn build(self, basis: Basis, context: &mut Context<'_>) -> Option<SpendTier> {
        let threshold = context.inside(Step::Field("threshold"), |context| match basis {
            Basis::Amount => Amount::decode(&self.threshold.0, context).map(Amount::get),
            Basis::Quantity => Positive::decode(&self.threshold.0, context).map(|pieces| pieces.0),
        })?;
        let discount = discount(self.amount_off, self.percent_off, self.max_discount);
        Some(SpendTier { threshold, discount, gifts: self.gifts })
    }
}

document! {
    /// A gift, or one of several that the customer chooses from.
    pub(super) struct GiftRewardDocument {
        /// The id of a gift.
        gift: Id [optional],
        /// Ids of gifts; the first with any left is given where the customer does not choose.
        choose: Vec<Id> [optional],
        /// How many.
        quantity: Pieces [required],
    }
    exactly_one(gift, choose);
}

impl GiftRewardDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<GiftReward> {
        let quantity = self.quantity.0;
        match (self.gift, self.choose) {
            (Some(gift), None) => Some(GiftReward { options: vec![gift], choose: false, quantity }),
            (None, Some(options)) => Some(GiftReward { options, choose: true, quantity }),
            _ => None,
        }
    }
}

document! {
    /// A discount that must be held or typed in.
    pub(super) struct CouponDocument {
        /// From this amount on; 0 = from the start.
        threshold: Amount [default Amount::ZERO => 0],
        /// Off the sum.
        amount_off: Amount [optional],
        /// Off the sum, a part of it.
        percent_off: Rate [optional],
        /// The percentage brings at most this much.
        max_discount: Amount [optional],
        /// The threshold looks at what earlier stages left, or at what stage 1 left.
        threshold_on: ThresholdOn [default ThresholdOn::Left => "left"],
        /// What counts towards the threshold, where that is not what is discounted.
        qualify: Scope [optional],
    }
    exactly_one(amount_off, percent_off);
    needs(max_discount => percent_off);
}

impl CouponDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Coupon> {
        Some(Coupon {
            threshold: self.threshold,
            discount: discount(self.amount_off, self.percent_off, self.max_discount)?,
            threshold_on: self.threshold_on,
            qualify: self.qualify,
        })
    }
}

built! {
    ItemPrice, ItemPriceDocument;
    VolumePrice, VolumePriceDocument;
    VolumeTier, VolumeTierDocument;
    BuyGet, BuyGetDocument;
    BuyGetTier, BuyGetTierDocument;
    MixMatch, MixMatchDocument;
    Bundle, BundleDocument;
    Component, ComponentDocument;
    Spend, SpendDocument;
    GiftReward, GiftRewardDocument;
    Coupon, CouponDocument;
}
