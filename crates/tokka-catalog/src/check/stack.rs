//! Could several promotions together leave a store less than a product costs it?
//!
//! For each product the worst is put together of what covers it: an item price, and one promotion of each later stage that
//! the stacking of the ones before lets in and that runs at the same moment. A spend or a coupon takes the largest part that
//! it can take of a piece: that of a sum which has just reached its threshold. What others fund reaches the store and is no
//! loss of its own. Of each list the promotions that take most are tried, so a loss that is told can happen, and a rarer
//! one may stay unseen.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use tokka_core::amount::Amount;
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{
    Basis, Discount, MixMatchReward, Owner, Party, Promotion, Rule, SetReward, Stacking, Stage, ThresholdOn, Window,
};
use tokka_core::rate::{Rate, Rounding};

use super::cost::floor;
use super::overlap::{share_a_moment_by_the_clock, windows_meet};
use super::range::{Offer, Offers};
use super::{Code, Document, Finding, Telling};
use crate::products::{Product, Products};

/// Of each list so many are tried, those that take most.
const TRIED_MAX: usize = 8;

/// Looks at each product whose cost is known, beside what item promotions make of it.
pub(super) fn look(telling: &mut Telling<'_>, products: &Products, offers: &Offers) {
    let index = Index::of(telling);
    // One finding for promotions that meet, whatever the number of products on which they do.
    let mut losses: BTreeMap<Vec<usize>, Loss> = BTreeMap::new();
    for ((at, product), offers) in products.as_slice().iter().enumerate().zip(offers) {
        let Some(cost) = product.unit_cost else { continue };
        // One that sells below cost by itself was told.
        let alone = |offer: &&Offer| offer.price >= cost;
        let openings = offers.iter().filter(alone).map(Some).chain([None]);
        let worst = openings.filter_map(|offer| index.chain(offer, product, telling)).min_by_key(|chain| chain.left);
        if let Some(chain) = worst.filter(|chain| chain.left < cost && !chain.promotions.is_empty()) {
            let chain = index.without_the_needless(chain, product, cost, telling);
            let loss =
                losses.entry(chain.promotions.clone()).or_insert(Loss { at, left: chain.left, paid: chain.paid, cost, count: 0 });
            loss.count += 1;
            let missing = |left: Amount, cost: Amount| cost.less_or_zero(left);
            if missing(chain.left, cost) > missing(loss.left, loss.cost) {
                *loss = Loss { at, left: chain.left, paid: chain.paid, cost, count: loss.count };
            }
        }
    }
    for (promotions, loss) in losses {
        tell(&promotions, loss, telling, products);
    }
}

/// The product on which promotions together lose most.
#[derive(Debug, Clone, Copy)]
struct Loss {
    at: usize,
    left: Amount,
    paid: Amount,
    cost: Amount,
    count: i64,
}

fn tell(promotions: &[usize], loss: Loss, telling: &mut Telling<'_>, products: &Products) {
    let (Some((first, others)), Some(product)) = (promotions.split_first(), products.get(loss.at)) else { return };
    let name = |at: &usize| telling.promotion(*at).map_or_else(String::new, |one| format!("`{}`", one.id));
    let with: Vec<String> = others.iter().map(name).collect();
    let with = if with.is_empty() { String::new() } else { format!("together with {} ", with.join(", ")) };
    let more =
        if loss.count > 1 { format!(", and {} more of the products less than theirs", loss.count - 1) } else { String::new() };
    let (left, cost) = (telling.money(loss.left), telling.money(loss.cost));
    let message =
        format!("{with}leaves `{}` as little as {left} for `{}`, below its cost of {cost}{more}", product.store, product.sku);
    let finding = Finding::new(Code::StacksBelowCost, Document::Promotion(*first), "", message);
    let finding = finding.amount("left", loss.left).amount("paid", loss.paid).amount("cost", loss.cost);
    let documents = others.iter().map(|at| Document::Promotion(*at)).chain([Document::Product(loss.at)]);
    telling.tell(finding.count("products", loss.count).beside(documents));
}

/// Promotions that meet on a product, and what they make of it.
struct Chain {
    promotions: Vec<usize>,
    /// What the customer pays.
    paid: Amount,
    /// What reaches the store: that, and what others fund.
    left: Amount,
}

/// A word by which a promotion covers a product.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Word<'a> {
    Everything,
    Sku(&'a Token),
    Category(&'a Token),
}

/// Promotions after stage 1, by stage, store and word; `None` is the platform. Those that take most come first.
struct Index<'a>(HashMap<(Stage, Option<&'a Id>, Word<'a>), Vec<usize>>);

const LATER: [Stage; 5] = [Stage::Set, Stage::StoreSpend, Stage::StoreCoupon, Stage::PlatformSpend, Stage::PlatformCoupon];

impl<'a> Index<'a> {
    fn of(telling: &Telling<'a>) -> Self {
        let mut lists: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, promotion) in telling.promotions().filter(|(_, one)| can_run(one, telling.at)) {
            let owner = match &promotion.owner {
                Owner::Store(store) => Some(store),
                Owner::Platform => None,
            };
            let include = &promotion.scope.include;
            let skus = include.skus.iter().flatten().map(Word::Sku);
            let mut words: Vec<Word<'a>> = skus.chain(include.categories.iter().flatten().map(Word::Category)).collect();
            if include.skus.is_none() && include.categories.is_none() {
                words.push(Word::Everything);
            }
            for word in words {
                lists.entry((promotion.stage(), owner, word)).or_default().push(number);
            }
        }
        // What a piece of this price would lose says which of a list take most.
        let usual = Amount::minor(10i64.saturating_pow(telling.settings().exponent.saturating_add(3)));
        let strength = |number: &usize| telling.promotion(*number).map_or(Amount::ZERO, |one| takes(one, usual));
        lists.values_mut().for_each(|listed| listed.sort_by_cached_key(|number| (std::cmp::Reverse(strength(number)), *number)));
        Self(lists)
    }

    /// The worst that follows on an item price, or on the price of today.
    fn chain(&self, offer: Option<&Offer>, product: &Product, telling: &Telling<'_>) -> Option<Chain> {
        let mut running: Vec<usize> = Vec::new();
        let mut now = product.unit_price;
        if let Some(offer) = offer {
            running.push(offer.promotion);
            now = offer.price;
        }
        for stage in LATER {
            let owner = if stage < Stage::PlatformSpend { Some(&product.store) } else { None };
            let words = product.categories.iter().map(Word::Category);
            let words = words.chain([Word::Sku(&product.sku), Word::Everything]);
            let lists = words.filter_map(|word| self.0.get(&(stage, owner, word)));
            let mut best: Option<(Amount, usize)> = None;
            for number in lists.flat_map(|list| list.iter().take(TRIED_MAX)) {
                let Some(promotion) = telling.promotion(*number) else { continue };
                let off = takes_of_piece(promotion, now, product);
                let better = off.is_positive() && best.is_none_or(|(most, at)| off > most || (off == most && *number < at));
                if better && fits(promotion, stage, product, &running, telling) {
                    best = Some((off, *number));
                }
            }
            if let Some((off, number)) = best {
                running.push(number);
                now = now.less_or_zero(off);
            }
        }
        Self::add_up(running, product, telling)
    }

    /// What these, in order of their stages, make of the product.
    fn add_up(promotions: Vec<usize>, product: &Product, telling: &Telling<'_>) -> Option<Chain> {
        let rounding = telling.settings().rounding;
        let mut paid = product.unit_price;
        let mut funded = Amount::ZERO;
        for number in &promotions {
            let promotion = telling.promotion(*number)?;
            let off = if promotion.stage() == Stage::Item {
                let sale = super::cost::cheapest(promotion, product, rounding)?;
                paid.less_or_zero(sale.amount)
            } else {
                takes_of_piece(promotion, paid, product)
            };
            paid = paid.less_or_zero(off);
            let by_others = off.less_or_zero(of_the_store(promotion, &product.store, off));
            funded = Amount::minor(funded.get().saturating_add(by_others.get()));
        }
        let left = Amount::minor(paid.get().saturating_add(funded.get()));
        Some(Chain { promotions, paid, left })
    }

    /// The same loss without those that it does not take.
    fn without_the_needless(&self, mut chain: Chain, product: &Product, cost: Amount, telling: &Telling<'_>) -> Chain {
        for number in chain.promotions.clone() {
            let fewer: Vec<usize> = chain.promotions.iter().copied().filter(|other| *other != number).collect();
            if let Some(shorter) = Self::add_up(fewer, product, telling).filter(|chain| chain.left < cost) {
                chain = shorter;
            }
        }
        chain
    }
}

/// Is it of a later stage, not over, and with something left to give?
fn can_run(promotion: &Promotion, at: Timestamp) -> bool {
    let limits = &promotion.limits;
    let counts = [limits.stock, limits.units_per_order, limits.units_per_user, limits.orders_per_user];
    promotion.stage() > Stage::Item
        && promotion.window.end.is_none_or(|end| end > at)
        && !counts.contains(&Some(0))
        && limits.budget != Some(Amount::ZERO)
}

/// Does it cover the product, and run with all the others?
fn fits(promotion: &Promotion, stage: Stage, product: &Product, running: &[usize], telling: &Telling<'_>) -> bool {
    let zone = &telling.settings().time_zone;
    let others: Vec<&Promotion> = running.iter().filter_map(|number| telling.promotion(*number)).collect();
    let component = match &promotion.rule {
        Rule::Bundle(bundle) => bundle.components.iter().any(|component| {
            component.skus.contains(&product.sku) || component.categories.iter().any(|one| product.categories.contains(one))
        }),
        _ => true,
    };
    component
        && others.iter().all(|other| lets_into(other, stage) && windows_meet(&other.window, &promotion.window))
        && product.is_sold_under(&promotion.owner, &promotion.scope)
        && others.iter().all(|other| meet_one_customer(other, promotion))
        && common_moment(others.iter().map(|other| &other.window).chain([&promotion.window]))
        && others.iter().all(|other| share_a_moment_by_the_clock(other, promotion, zone))
}

fn lets_into(promotion: &Promotion, stage: Stage) -> bool {
    let Stacking { set, spend, store_coupon, platform } = promotion.stacking;
    match stage {
        Stage::Item => true,
        Stage::Set => set.unwrap_or(false),
        Stage::StoreSpend => spend.unwrap_or(true),
        Stage::StoreCoupon => store_coupon.unwrap_or(true),
        Stage::PlatformSpend | Stage::PlatformCoupon => platform.unwrap_or(true),
    }
}

/// Windows of which each two meet have a moment in common.
fn common_moment<'w>(windows: impl Iterator<Item = &'w Window>) -> bool {
    let (mut start, mut end): (Option<Timestamp>, Option<Timestamp>) = (None, None);
    for window in windows {
        start = start.max(window.start);
        end = match (end, window.end) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    start.is_none_or(|start| end.is_none_or(|end| start < end))
}

/// Can one basket be of both audiences, as far as that can be said?
fn meet_one_customer(one: &Promotion, other: &Promotion) -> bool {
    let (one, other) = (&one.audience, &other.audience);
    let meet = |one: &[Token], other: &[Token]| one.is_empty() || other.is_empty() || one.iter().any(|word| other.contains(word));
    let refused = |any: &[Token], none: &[Token]| !any.is_empty() && any.iter().all(|tag| none.contains(tag));
    meet(&one.channels, &other.channels)
        && meet(&one.regions, &other.regions)
        && !refused(&one.tags_any, &other.tags_none)
        && !refused(&other.tags_any, &one.tags_none)
}

/// What it takes of a piece at most, down to its floor.
fn takes_of_piece(promotion: &Promotion, now: Amount, product: &Product) -> Amount {
    takes(promotion, now).min(now.less_or_zero(floor(product)))
}

/// What it takes at most of a piece that costs so much, where the sum has just reached its threshold; rounded down.
fn takes(promotion: &Promotion, now: Amount) -> Amount {
    match &promotion.rule {
        Rule::MixMatch(rule) => match rule.reward {
            MixMatchReward::Set(reward) => of_set(reward, now, rule.pick),
            MixMatchReward::Cheapest { count, percent_off } => part(percent(percent_off, now), count, rule.pick),
        },
        Rule::Bundle(rule) => match rule.reward {
            Some(SetReward::PercentOff(rate)) => percent(rate, now),
            // The rest of a set has prices of its own.
            Some(SetReward::FixedTotal(_) | SetReward::AmountOff(_)) | None => Amount::ZERO,
        },
        // What is measured elsewhere says nothing of the sum that is discounted.
        Rule::Spend(rule) if rule.qualify.is_some() || rule.threshold_on == ThresholdOn::Item => Amount::ZERO,
        Rule::Spend(rule) => {
            let tiers = rule.tiers.iter().filter_map(|tier| Some((tier.threshold, tier.discount?)));
            let takes = tiers.map(|(threshold, discount)| match rule.basis {
                Basis::Amount => of_sum(discount, now, threshold),
                Basis::Quantity => of_sum(discount, now, now.get().saturating_mul(threshold)),
            });
            takes.max().unwrap_or(Amount::ZERO)
        }
        Rule::Coupon(rule) if rule.qualify.is_some() || rule.threshold_on == ThresholdOn::Item => Amount::ZERO,
        Rule::Coupon(rule) => of_sum(rule.discount, now, rule.threshold.get()),
        Rule::ItemPrice(_) | Rule::VolumePrice(_) | Rule::BuyGet(_) => Amount::ZERO,
    }
}

/// Of a set of equal pieces.
fn of_set(reward: SetReward, now: Amount, pick: i64) -> Amount {
    match reward {
        SetReward::PercentOff(rate) => percent(rate, now),
        SetReward::AmountOff(off) => part(off, 1, pick).min(now),
        SetReward::FixedTotal(total) => now.less_or_zero(part(total, 1, pick)),
    }
}

/// The piece's part of a discount on a sum that has just reached the threshold.
fn of_sum(discount: Discount, now: Amount, threshold: i64) -> Amount {
    let sum = threshold.max(now.get());
    match discount {
        Discount::AmountOff(off) => part(off.min(Amount::minor(sum)), now.get(), sum),
        Discount::PercentOff { rate, max_discount } => {
            let whole = percent(rate, Amount::minor(sum));
            part(max_discount.map_or(whole, |most| most.min(whole)), now.get(), sum)
        }
    }
}

fn percent(rate: Rate, amount: Amount) -> Amount {
    rate.of(amount, Rounding::Down)
}

/// `amount × numerator / denominator`, rounded down.
fn part(amount: Amount, numerator: i64, denominator: i64) -> Amount {
    let part = amount.wide_times(numerator).checked_div(i128::from(denominator)).unwrap_or(0);
    Amount::minor(i64::try_from(part).unwrap_or(i64::MAX))
}

/// What the store of the product funds of a discount on it, rounded up.
fn of_the_store(promotion: &Promotion, store: &Id, off: Amount) -> Amount {
    let own = |party: &Party| match party {
        Party::Platform => false,
        Party::Seller => true,
        Party::Store(id) => id == store,
    };
    if promotion.funding.is_empty() {
        return if promotion.owner == Owner::Platform { Amount::ZERO } else { off };
    }
    let parts = promotion.funding.iter().filter(|funding| own(&funding.party));
    let sum = parts.fold(0i64, |sum, funding| sum.saturating_add(funding.percent.of(off, Rounding::Up).get()));
    Amount::minor(sum).min(off)
}
