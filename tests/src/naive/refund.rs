//! What goes back when units do (`pricing.md` §7)? Step by step, under both policies.

use std::collections::{BTreeMap, BTreeSet};

use tokka_core::basket::{Basket, CouponsOffered, LineRequest};
use tokka_core::catalogue::Catalogue;
use tokka_core::promotion::{BuyGetMode, Rule, Stage};

use super::allocate::{Participant, allocate};
use super::defect::Defect;
use super::numbers::{Fraction, Minor, floor, fraction, round};
use super::order::{Order, Promo, World};
use super::totals::{claims, priced, unit_keys};
use crate::priced::{Key, Policy, Priced, PricedRefund};

/// Units by line id that go back in one step.
pub type Step = BTreeMap<String, i64>;

/// Answers a whole sequence of steps. Where a `qualify` lowered the order, PROPORTIONAL becomes CLAWBACK.
pub fn refunds(order: &Order<'_>, policy: Policy, steps: &[Step]) -> Vec<PricedRefund> {
    let lines = order.world.basket.lines().iter();
    let mut there: BTreeMap<String, i64> = lines.map(|line| (line.line_id.to_string(), line.quantity)).collect();
    let mut left: Vec<usize> = order.lines.iter().map(Vec::len).collect();
    let mut held = Held::after_reserve(order);
    let policy = if super::totals::clawback_only(order) { Policy::Clawback } else { policy };
    let mut answers = Vec::new();
    for step in steps {
        // More than is there, an unknown line, or 0 units: INVALID_ARGUMENT, nothing happens.
        let possible = |(line, units): (&String, &i64)| *units > 0 && there.get(line).is_some_and(|there| units <= there);
        if step.is_empty() || !step.iter().all(possible) {
            answers.push(PricedRefund { refused: true, ..PricedRefund::default() });
            continue;
        }
        for (line, units) in step {
            *there.get_mut(line).expect("looked at just now") -= units;
        }
        answers.push(match policy {
            Policy::Proportional => proportional(order, &mut left, step),
            Policy::Clawback => held.give_back(step),
        });
    }
    answers
}

fn small(amount: Minor) -> i64 {
    i64::try_from(amount).expect("an amount of a valid basket fits into 64 bits")
}

/// A returned unit gives back what was paid for it; units of a line go back from the highest index down.
fn proportional(order: &Order<'_>, left: &mut [usize], step: &Step) -> PricedRefund {
    let mut answer = PricedRefund::default();
    let before = left.to_vec();
    for (line, units) in order.lines.iter().enumerate() {
        let id = order.line(line).line_id.to_string();
        for _ in 0..step.get(&id).copied().unwrap_or(0) {
            left[line] -= 1;
            let unit = &units[left[line]];
            let mut back = small(unit.pay);
            match order.world.defect {
                Some(Defect::AverageOfTheLine) => {
                    let sum: Minor = units.iter().map(|unit| unit.pay).sum();
                    back = small(round(&fraction(sum, units.len() as Minor), tokka_core::rate::Rounding::HalfUp));
                }
                Some(Defect::DiscountMovesToThoseThatStay) if left.iter().any(|left| *left > 0) => back = small(unit.price),
                _ => {}
            }
            answer.refund += back;
            *answer.lines.entry(id.clone()).or_insert(0) += back;
            // For the returned units that a promotion touched: its stock, unit limits, and its part of the budget.
            for touch in &unit.touches {
                let promotion = order.promotion(touch.promotion);
                if matches!(promotion.rule, Rule::ItemPrice(_) | Rule::VolumePrice(_)) {
                    for key in unit_keys(order, touch.promotion, order.line(line).sku.as_str()) {
                        *answer.restored.entry(key).or_insert(0) += 1;
                    }
                }
                if promotion.limits.budget.is_some() {
                    let key = Key::Budget(promotion.id.to_string());
                    *answer.restored.entry(key).or_insert(0) += small(touch.before - touch.after);
                }
            }
        }
    }
    for promo in 0..order.world.catalogue.promotions().len() {
        with_the_last_unit(order, promo, &before, left, &mut answer);
    }
    answer.lines.retain(|_, amount| *amount != 0);
    answer.restored.retain(|_, amount| *amount != 0);
    answer
}

/// Orders, sets, gifts, free units and coupons return with the last unit that earned them. READING: that is the last one
/// that the promotion touched, for a `buy_get` the last one of the group.
fn with_the_last_unit(order: &Order<'_>, promo: Promo, before: &[usize], left: &[usize], answer: &mut PricedRefund) {
    let touched_in = |lines: &[usize], counts: &[usize]| {
        lines.iter().any(|&line| {
            order.lines[line][..counts[line]].iter().any(|unit| unit.touches.iter().any(|touch| touch.promotion == promo))
        })
    };
    let gone = |lines: &[usize]| touched_in(lines, before) && !touched_in(lines, left);
    let promotion = order.promotion(promo);
    let id = promotion.id.to_string();

    let groups = order.free_units.iter().map(|group| (group, true));
    for (&(_, first, units), on_top) in
        groups.chain(order.free_among.iter().map(|group| (group, false))).filter(|(group, _)| group.0 == promo)
    {
        let (store, sku) = (&order.line(first).store, &order.line(first).sku);
        let group: Vec<usize> =
            (0..order.lines.len()).filter(|&line| order.line(line).store == *store && order.line(line).sku == *sku).collect();
        if !gone(&group) {
            continue;
        }
        if on_top {
            *answer.free_to_return.entry((store.to_string(), sku.to_string())).or_insert(0) += small(units);
            *answer.to_return_of.entry((id.clone(), format!("{sku} in {store}"))).or_insert(0) += small(units);
        } else {
            for key in unit_keys(order, promo, sku.as_str()) {
                *answer.restored.entry(key).or_insert(0) += small(units);
            }
        }
    }
    let all: Vec<usize> = (0..order.lines.len()).collect();
    if !gone(&all) {
        return;
    }
    if promotion.stage() == Stage::Set {
        let sets = order.counted.get(&(promo, String::new())).copied().unwrap_or(0);
        for key in unit_keys(order, promo, "") {
            *answer.restored.entry(key).or_insert(0) += small(sets);
        }
    }
    if promotion.stage() > Stage::Set && promotion.limits.stock.is_some() {
        *answer.restored.entry(Key::Stock(id.clone())).or_insert(0) += 1;
    }
    if promotion.limits.orders_per_user.is_some() && order.world.basket.user().is_some() {
        *answer.restored.entry(Key::UserOrders(id.clone())).or_insert(0) += 1;
    }
    for (_, gift, _, given) in order.gifts.iter().filter(|(other, _, _, given)| *other == promo && *given > 0) {
        *answer.gifts_to_return.entry(gift.clone()).or_insert(0) += small(*given);
        *answer.to_return_of.entry((id.clone(), gift.clone())).or_insert(0) += small(*given);
    }
}

/// CLAWBACK: what an order holds between two steps.
struct Held<'a> {
    catalogue: &'a Catalogue,
    basket: &'a Basket,
    defect: Option<Defect>,
    /// Units of each line that are still there.
    quantities: BTreeMap<String, i64>,
    /// What was paid for each line and not given back.
    kept: BTreeMap<String, Minor>,
    claims: BTreeMap<Key, Minor>,
    coupons: Vec<String>,
    gifts: BTreeMap<String, i64>,
    /// Units on top that the customer has, by store and sku.
    free: BTreeMap<(String, String), i64>,
    /// The promotion that gave them.
    free_by: BTreeMap<(String, String), String>,
    funding: BTreeMap<String, Minor>,
}

impl<'a> Held<'a> {
    fn after_reserve(order: &Order<'a>) -> Self {
        let World { catalogue, basket, defect, .. } = order.world;
        let price = priced(order);
        let mut held = Self {
            catalogue,
            basket,
            defect,
            quantities: basket.lines().iter().map(|line| (line.line_id.to_string(), line.quantity)).collect(),
            kept: price.lines.iter().map(|line| (line.line_id.clone(), Minor::from(line.payable))).collect(),
            claims: BTreeMap::new(),
            coupons: Vec::new(),
            gifts: BTreeMap::new(),
            free: BTreeMap::new(),
            free_by: BTreeMap::new(),
            funding: BTreeMap::new(),
        };
        held.hold(&price, claims(order));
        held.gifts = price.gifts_given();
        held.free = free_units(basket, &price);
        for (id, line_id, _) in &price.free_units {
            let line = basket.lines().iter().find(|line| line.line_id == line_id.as_str()).expect("a line of the basket");
            held.free_by.insert((line.store.to_string(), line.sku.to_string()), id.clone());
        }
        held
    }

    /// Holds what a price takes.
    fn hold(&mut self, price: &Priced, claims: BTreeMap<Key, Minor>) {
        self.claims = claims;
        self.coupons = price
            .applied
            .iter()
            .filter(|id| {
                let promotion = self.catalogue.promotions().iter().find(|promotion| promotion.id == id.as_str());
                promotion.is_some_and(|promotion| matches!(promotion.rule, Rule::Coupon(_)))
            })
            .cloned()
            .collect();
        self.funding = price.funding_by_payer().into_iter().map(|(payer, amount)| (payer, amount.into())).collect();
    }

    /// What remains is priced again; the difference goes back, or is waived.
    fn give_back(&mut self, step: &Step) -> PricedRefund {
        for (line, units) in step {
            *self.quantities.get_mut(line).expect("a line of the basket") -= units;
        }
        let (price, claims) = self.price_what_remains();
        let kept: Minor = self.kept.values().sum();
        let new_payable = Minor::from(price.payable);
        let mut waived = (new_payable - kept).max(0);
        if self.defect == Some(Defect::WaivedForgotten) {
            waived = 0;
        }

        // The waived is a discount, allocated over the lines that remain with their new payables as weights.
        let participants: Vec<Participant> = price
            .lines
            .iter()
            .map(|line| Participant {
                store: line.store.clone(),
                line: line.line_id.clone(),
                segment: 0,
                weight: line.payable.into(),
            })
            .collect();
        let shares = allocate(waived, &participants, None);
        let mut now: BTreeMap<String, Minor> = BTreeMap::new();
        for (line, share) in price.lines.iter().zip(&shares) {
            now.insert(line.line_id.clone(), Minor::from(line.payable) - share);
        }
        let line_refund = |(line, old): (&String, &Minor)| (line.clone(), small(old - now.get(line).copied().unwrap_or(0)));
        let mut lines: BTreeMap<String, i64> = self.kept.iter().map(line_refund).collect();
        lines.retain(|_, amount| *amount != 0);

        let waived_funding = self.who_funds_the_waived(waived, &shares, &price);
        let restored = self.restored(&claims);
        let no_longer = |old: i64, new: Option<&i64>| (old - new.copied().unwrap_or(0)).max(0);
        let new_gifts = price.gifts_given();
        let new_free = free_units(self.basket, &price);
        let mut answer = PricedRefund {
            refused: false,
            to_return_of: BTreeMap::new(),
            refund: small((kept - new_payable).max(0)),
            lines,
            waived: small(waived),
            waived_funding: waived_funding.iter().map(|(payer, amount)| (payer.clone(), small(*amount))).collect(),
            gifts_to_return: self.gifts.iter().map(|(gift, old)| (gift.clone(), no_longer(*old, new_gifts.get(gift)))).collect(),
            free_to_return: self.free.iter().map(|(key, old)| (key.clone(), no_longer(*old, new_free.get(key)))).collect(),
            restored,
        };
        answer.gifts_to_return.retain(|_, units| *units > 0);
        answer.free_to_return.retain(|_, units| *units > 0);

        // The customer has what stays of what was sent; what only the new price gives is not sent.
        for (gift, units) in &answer.gifts_to_return {
            *self.gifts.get_mut(gift).expect("a gift that was sent") -= units;
        }
        for (key, units) in &answer.free_to_return {
            *self.free.get_mut(key).expect("units that were sent") -= units;
        }
        let claims = self.what_stays_held(claims, &answer);

        self.kept = now;
        self.hold(&price, claims);
        // The next step starts from there: the waived is a discount like others.
        for (payer, amount) in waived_funding {
            *self.funding.entry(payer).or_insert(0) += amount;
        }
        answer
    }

    /// Under the same catalogue, moment and selections, with the coupons that the order still holds; of a limited
    /// counter it may use what the order still holds, and nothing where it holds nothing. Nothing left costs 0.
    fn price_what_remains(&self) -> (Priced, BTreeMap<Key, Minor>) {
        let mut request = self.basket.to_request();
        let remains = |line: &LineRequest| self.quantities[&line.line_id] > 0;
        request.lines.retain(remains);
        if request.lines.is_empty() {
            return (Priced::default(), BTreeMap::new());
        }
        for line in &mut request.lines {
            line.quantity = self.quantities[&line.line_id];
        }
        let skus: BTreeSet<String> = request.lines.iter().map(|line| line.sku.clone()).collect();
        let ids: BTreeSet<String> = request.lines.iter().map(|line| line.line_id.clone()).collect();
        request.select.retain(|sku, _| skus.contains(sku));
        request.select_spend.retain(|line, _| ids.contains(line));
        let offered = match &request.coupons {
            CouponsOffered::These(ids) | CouponsOffered::Auto { held: ids } => ids.clone(),
        };
        request.coupons = CouponsOffered::These(offered.into_iter().filter(|id| self.coupons.contains(id)).collect());
        let basket = Basket::parse(request).expect("what remains of a valid basket is valid");
        let used = |key: &Key, limit: Minor| limit - self.claims.get(key).copied().unwrap_or(0);
        let order = super::price(World { catalogue: self.catalogue, basket: &basket, used: &used, defect: self.defect });
        (priced(&order), claims(&order))
    }

    /// By the parties that fund less than before, in proportion to how much less; by the lines' own stores if none does.
    fn who_funds_the_waived(&self, waived: Minor, shares: &[Minor], price: &Priced) -> BTreeMap<String, Minor> {
        let mut funders: BTreeMap<String, Minor> = BTreeMap::new();
        if waived == 0 {
            return funders;
        }
        let now = price.funding_by_payer();
        let less: Vec<(String, Minor)> = self
            .funding
            .iter()
            .map(|(payer, old)| (payer.clone(), old - now.get(payer).copied().map_or(0, Minor::from)))
            .filter(|(_, less)| *less > 0)
            .collect();
        let total: Minor = less.iter().map(|(_, less)| less).sum();
        if total == 0 {
            for (line, share) in price.lines.iter().zip(shares).filter(|(_, share)| **share > 0) {
                *funders.entry(line.store.clone()).or_insert(0) += share;
            }
            return funders;
        }
        // Floors, largest fractional parts, ties bytewise.
        let exact: Vec<Fraction> = less.iter().map(|(_, less)| fraction(waived * less, total)).collect();
        let mut parts: Vec<Minor> = exact.iter().map(floor).collect();
        let left_over = waived - parts.iter().sum::<Minor>();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by_key(|&i| (std::cmp::Reverse(exact[i].fract()), less[i].0.clone()));
        for &index in order.iter().take(usize::try_from(left_over).expect("the floors sum to at most the whole")) {
            parts[index] += 1;
        }
        less.into_iter().zip(parts).filter(|(_, part)| *part > 0).map(|((payer, _), part)| (payer, part)).collect()
    }

    /// Is the counter restored at once? That of gifts and of units on top is when they come back.
    fn at_once(&self, key: &Key) -> bool {
        let on_top = |id: &str| {
            let promotion = self.catalogue.promotions().iter().find(|promotion| promotion.id == id);
            promotion.is_some_and(|promotion| matches!(&promotion.rule, Rule::BuyGet(rule) if rule.mode == BuyGetMode::Add))
        };
        match key {
            Key::Stock(id) | Key::StockBySku(id, _) | Key::UserUnits(id) | Key::UserUnitsOfSku(id, _) => !on_top(id),
            Key::UserOrders(_) | Key::Budget(_) => true,
            Key::Gift(_) => false,
        }
    }

    /// What the new price no longer takes of a counter.
    fn restored(&self, new: &BTreeMap<Key, Minor>) -> BTreeMap<Key, i64> {
        let mut restored = BTreeMap::new();
        for (key, old) in self.claims.iter().filter(|(key, _)| self.at_once(key)) {
            let back = old - new.get(key).copied().unwrap_or(0);
            assert!(back >= 0, "{key}: an order holds {old} and takes {}", old - back);
            if back > 0 {
                restored.insert(key.clone(), small(back));
            }
        }
        restored
    }

    /// READING: what is asked back no longer serves the order, though its counter is not restored before it comes back.
    fn what_stays_held(&self, mut new: BTreeMap<Key, Minor>, answer: &PricedRefund) -> BTreeMap<Key, Minor> {
        let free_of = |id: &str, sku: Option<&str>| -> Minor {
            let asked = answer.free_to_return.iter();
            let asked = asked.filter(|(key, _)| self.free_by.get(*key).is_some_and(|by| by == id));
            asked.filter(|((_, of), _)| sku.is_none_or(|sku| sku == of)).map(|(_, units)| Minor::from(*units)).sum()
        };
        for (key, amount) in new.iter_mut().filter(|(key, _)| !self.at_once(key)) {
            let asked = match key {
                Key::Gift(gift) => answer.gifts_to_return.get(gift).copied().map_or(0, Minor::from),
                Key::Stock(id) | Key::UserUnits(id) => free_of(id, None),
                Key::StockBySku(id, sku) | Key::UserUnitsOfSku(id, sku) => free_of(id, Some(sku)),
                Key::UserOrders(_) | Key::Budget(_) => 0,
            };
            let held = self.claims.get(key).copied().unwrap_or(0);
            *amount = (*amount).min((held - asked).max(0));
        }
        new.retain(|_, amount| *amount > 0);
        new
    }
}

/// Free units by store and sku.
fn free_units(basket: &Basket, price: &Priced) -> BTreeMap<(String, String), i64> {
    let mut sums = BTreeMap::new();
    for (_, line_id, units) in &price.free_units {
        let line = basket.lines().iter().find(|line| line.line_id == line_id.as_str()).expect("a line of the basket");
        *sums.entry((line.store.to_string(), line.sku.to_string())).or_insert(0) += units;
    }
    sums
}
