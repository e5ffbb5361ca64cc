//! How does the fast pricing answer the same questions? Its quote and refunds, with numbers of tables turned into ids.

use std::collections::BTreeMap;

use tokka_core::basket::Basket;
use tokka_core::outcome::{LimitUse, LineCoverage, NotCovered, Shortfall, Subject, Verdict};
use tokka_core::promotion::{BuyGetMode, Rule};
use tokka_core::quote::{Counter, CounterKey, GroupEntry, GroupedBy, Quote, Then, View, quote};
use tokka_core::refund::{Order, Refund, RefundError, RefundPolicy, ToReturn};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{GiftIx, Ix, LineIx, PromoIx};

use crate::case::Case;
use crate::naive::hint::{free_in_words, price_in_words, reward_in_words};
use crate::naive::totals::{basis_in_words, since_in_words};
use crate::priced::{
    Facts, Key, Link, Policy, Priced, PricedGift, PricedGroup, PricedHint, PricedLine, PricedOutcome, PricedRefund,
    PricedSegment, PricedStore,
};
use crate::pricer::Pricer;

/// The pricing of `tokka-core`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fast;

impl Pricer for Fast {
    fn name(&self) -> String {
        "the fast pricing".to_owned()
    }

    fn price(&self, case: &Case) -> Result<Priced, String> {
        let rulebook = Rulebook::compile(case.catalogue()?);
        let basket = case.basket()?;
        let names = Names { rulebook: &rulebook, basket: &basket };
        let price = names.quote(case)?;
        Ok(names.priced(&price))
    }

    fn refunds(&self, case: &Case, policy: Policy) -> Result<Vec<PricedRefund>, String> {
        let rulebook = Rulebook::compile(case.catalogue()?);
        let basket = case.basket()?;
        let names = Names { rulebook: &rulebook, basket: &basket };
        let price = names.quote(case)?;
        let policy = match policy {
            Policy::Proportional => RefundPolicy::Proportional,
            Policy::Clawback => RefundPolicy::Clawback,
        };
        let mut order = Order::new(&rulebook, &basket, price, policy, false).map_err(|error| format!("{error:?}"))?;
        let mut refunds = Vec::new();
        for step in &case.steps {
            let units: Vec<(&str, i64)> = step.iter().map(|(line, units)| (line.as_str(), *units)).collect();
            match order.give_back(&rulebook, &units) {
                Ok((left, refund)) => {
                    refunds.push(names.refund(&refund, order.policy()));
                    order = left;
                }
                Err(RefundError::Invalid(_)) => refunds.push(PricedRefund { refused: true, ..PricedRefund::default() }),
                Err(error) => return Err(format!("{error:?}")),
            }
        }
        Ok(refunds)
    }
}

/// Prices with the two verbs that Reserve uses, [`Rulebook::prepare`] and `price`.
///
/// # Errors
/// What was refused, in words.
pub fn prepared_price(case: &Case) -> Result<(Quote, Quote), String> {
    let rulebook = Rulebook::compile(case.catalogue()?);
    let basket = case.basket()?;
    let names = Names { rulebook: &rulebook, basket: &basket };
    let prepared = rulebook.prepare(&basket).map_err(|error| format!("{error:?}"))?;
    let usage: Vec<i64> = prepared.counters().rows().iter().map(|counter| names.used(case, counter)).collect();
    let price = prepared.price(&usage, View::Full).map_err(|error| format!("{error:?}"))?;
    Ok((price, names.quote(case)?))
}

/// The moment until which the price of a case holds.
///
/// # Errors
/// What was refused, in words.
pub fn next_change_at(case: &Case) -> Result<Option<jiff::Timestamp>, String> {
    let rulebook = Rulebook::compile(case.catalogue()?);
    let basket = case.basket()?;
    let names = Names { rulebook: &rulebook, basket: &basket };
    Ok(names.quote(case)?.next_change_at)
}

/// Both views of one price, without what only FULL says.
///
/// # Errors
/// What was refused, in words.
pub fn views(case: &Case) -> Result<(Facts, Facts), String> {
    let rulebook = Rulebook::compile(case.catalogue()?);
    let basket = case.basket()?;
    let names = Names { rulebook: &rulebook, basket: &basket };
    let view = |view: View| -> Result<Facts, String> {
        let price = quote(&rulebook, &basket, |counter: &Counter| names.used(case, counter), view);
        let price = price.map_err(|error| format!("{error:?}"))?;
        let mut facts = names.priced(&price).facts();
        let full_only = ["outcomes.", "hints.", "groups.", "funding.", "given_value.", "settlements."];
        facts.0.retain(|path, _| !full_only.iter().any(|prefix| path.starts_with(prefix)));
        facts.0.insert("next_change_at".to_owned(), format!("{:?}", price.next_change_at));
        Ok(facts)
    };
    Ok((view(View::Basic)?, view(View::Full)?))
}

pub(crate) struct Names<'a> {
    pub(crate) rulebook: &'a Rulebook,
    pub(crate) basket: &'a Basket,
}

impl Names<'_> {
    fn quote(&self, case: &Case) -> Result<Quote, String> {
        let usage = |counter: &Counter| self.used(case, counter);
        quote(self.rulebook, self.basket, usage, View::Full).map_err(|error| format!("{error:?}"))
    }

    pub(crate) fn used(&self, case: &Case, counter: &Counter) -> i64 {
        case.usage.get(&self.key(counter.key)).copied().unwrap_or(0)
    }

    fn promotion(&self, ix: PromoIx) -> String {
        self.rulebook.promotions()[ix].id.to_string()
    }

    fn gift(&self, ix: GiftIx) -> String {
        self.rulebook.gifts()[ix].id.to_string()
    }

    fn line(&self, ix: LineIx) -> &tokka_core::basket::Line {
        &self.basket.lines()[ix.position()]
    }

    fn line_id(&self, ix: LineIx) -> String {
        self.line(ix).line_id.to_string()
    }

    fn key(&self, key: CounterKey) -> Key {
        match key {
            CounterKey::Stock(promotion) => Key::Stock(self.promotion(promotion)),
            CounterKey::StockBySku(promotion, line) => {
                Key::StockBySku(self.promotion(promotion), self.line(line).sku.to_string())
            }
            CounterKey::UserUnits(promotion, _) => Key::UserUnits(self.promotion(promotion)),
            CounterKey::UserUnitsOfSku(promotion, line, _) => {
                Key::UserUnitsOfSku(self.promotion(promotion), self.line(line).sku.to_string())
            }
            CounterKey::UserOrders(promotion, _) => Key::UserOrders(self.promotion(promotion)),
            CounterKey::Budget(promotion) => Key::Budget(self.promotion(promotion)),
            CounterKey::GiftInventory(gift) => Key::Gift(self.gift(gift)),
        }
    }

    fn priced(&self, quote: &Quote) -> Priced {
        let prepared = self.rulebook.prepare(self.basket).expect("it was priced");
        let mut priced = Priced {
            gross: quote.gross.get(),
            discounts: quote.discounts.map(|amount| amount.get()),
            payable: quote.payable.get(),
            applied: quote.applied.iter().map(|ix| self.promotion(*ix)).collect(),
            needs_user: quote.needs_user,
            clawback_only: quote.clawback_only,
            fingerprint: Some(quote.fingerprint),
            ..Priced::default()
        };
        for (ix, line) in quote.lines.iter() {
            priced.lines.push(PricedLine {
                line_id: self.line_id(ix),
                store: self.line(ix).store.to_string(),
                discounts: line.discounts.map(|amount| amount.get()),
                payable: line.payable.get(),
                over_limit: line.over_limit,
                runs: quote.runs_of(ix).iter().map(|run| (run.units, run.each.get())).collect(),
            });
        }
        priced.segments = quote.segments.iter().map(|segment| self.segment(segment)).collect();
        for store in quote.stores.rows() {
            priced.stores.push(PricedStore {
                id: self.line(store.first_line).store.to_string(),
                gross: store.gross.get(),
                discounts: store.discounts.map(|amount| amount.get()),
                subtotal: store.subtotal.get(),
                payable: store.payable.get(),
                below_minimum: store.below_minimum.get(),
            });
        }
        for total in &quote.tax_totals {
            let store = priced.stores[total.store.position()].id.clone();
            let class = total.tax_class.as_ref().map_or(String::new(), ToString::to_string);
            priced.taxes.insert((store, class), total.payable.get());
        }
        for gift in &quote.gifts {
            priced.gifts.push(PricedGift {
                promotion: self.promotion(gift.promotion),
                gift: self.gift(gift.gift),
                wanted: gift.wanted,
                given: gift.given,
            });
        }
        for free in &quote.free_units {
            priced.free_units.push((self.promotion(free.promotion), self.line_id(free.line), free.units));
        }
        for free in &quote.included_units {
            priced.included_units.push((self.promotion(free.promotion), self.line_id(free.line), free.units));
        }
        priced.settlements = quote.settlements.iter().map(|(store, amount)| (store.to_string(), amount.get())).collect();
        for outcome in &quote.outcomes {
            let id = match &outcome.subject {
                Subject::Promotion(ix) => self.promotion(*ix),
                Subject::OutOfForce(id) => format!("unknown coupon {id}"),
            };
            let bundle = matches!(outcome.subject, Subject::Promotion(ix) if matches!(self.rulebook.promotions()[ix].rule, Rule::Bundle(_)));
            let mut row = self.outcome(&outcome.verdict, &outcome.subject, bundle);
            if !outcome.coverage.is_empty() {
                let shown = |line: &LineCoverage| {
                    let why = line.why_not.map_or_else(|| "COVERED".to_owned(), |why| self.why_in_words(why));
                    format!("{} {why}", self.line_id(line.line))
                };
                row = row.with("coverage", outcome.coverage.iter().map(shown).collect::<Vec<_>>().join(", "));
            }
            priced.outcomes.insert(id.clone(), row);
        }
        for part in quote.funding.iter().filter(|part| part.amount.is_positive()) {
            let key = (self.promotion(part.promotion), self.line_id(part.line), part.payer.to_string());
            *priced.funding.entry(key).or_insert(0) += part.amount.get();
        }
        for (payer, amount) in quote.given_value.iter().filter(|(_, amount)| amount.is_positive()) {
            *priced.given_value.entry(payer.to_string()).or_insert(0) += amount.get();
        }
        for hint in &quote.hints {
            priced.hints.push(PricedHint {
                promotion: self.promotion(hint.promotion),
                line: hint.line.map_or(String::new(), |line| self.line_id(line)),
                basis: basis_in_words(hint.basis),
                threshold: hint.threshold,
                missing: hint.missing,
                then: match &hint.then {
                    Then::Price(price) => price_in_words(*price),
                    Then::FreeUnits(units) => free_in_words((*units).into()),
                    Then::Reward { discount, gifts, times } => reward_in_words(*discount, gifts, (*times).into()),
                },
                loses: hint.loses,
            });
        }
        for group in &quote.groups {
            priced.groups.push(PricedGroup {
                store: priced.stores[group.store.position()].id.clone(),
                by: match group.by {
                    GroupedBy::Spend(promotion) => format!("spend {}", self.promotion(promotion)),
                    GroupedBy::Set(promotion) => format!("set {}", self.promotion(promotion)),
                    GroupedBy::Line => "line".to_owned(),
                },
                entries: group.entries.iter().map(|entry| self.group_entry(entry)).collect(),
            });
        }
        for claim in &quote.claims {
            let counter = prepared.counters()[claim.counter].key;
            let key = self.key(counter);
            let since = match counter {
                CounterKey::UserUnits(_, since) | CounterKey::UserUnitsOfSku(_, _, since) | CounterKey::UserOrders(_, since) => {
                    Some(since)
                }
                _ => None,
            };
            priced.periods.extend(since.map(|since| (key.clone(), since_in_words(since))));
            *priced.claims.entry(key).or_insert(0) += claim.amount;
        }
        priced
    }

    fn group_entry(&self, entry: &GroupEntry) -> (String, i64, String) {
        let mut marks = String::new();
        if entry.over_limit {
            marks.push_str(" over limit");
        }
        if let Some((promotion, why)) = entry.not_in_spend {
            marks.push_str(&format!(" not in {}: {}", self.promotion(promotion), self.why_in_words(why)));
        }
        (self.line_id(entry.line), entry.units, marks)
    }

    fn why_in_words(&self, why: NotCovered) -> String {
        match why {
            NotCovered::NotStackable(promotion) => format!("NOT_STACKABLE by {}", self.promotion(promotion)),
            why => why.code().to_owned(),
        }
    }

    fn segment(&self, segment: &tokka_core::quote::Segment) -> PricedSegment {
        let mut before = segment.gross.get();
        let mut chain = Vec::new();
        for touch in &segment.chain {
            chain.push(Link { promotion: self.promotion(touch.promotion), stage: touch.stage, before, after: touch.after.get() });
            before = touch.after.get();
        }
        PricedSegment {
            line: segment.line.position(),
            units: segment.units,
            over_limit: segment.over_limit,
            gross: segment.gross.get(),
            floor: self.line(segment.line).floor().get() * segment.units,
            payable: segment.amount.get(),
            chain,
        }
    }

    fn outcome(&self, verdict: &Verdict, subject: &Subject, bundle: bool) -> PricedOutcome {
        let outcome = PricedOutcome::new(verdict.code());
        let limit = |outcome: PricedOutcome, limit: &LimitUse| {
            outcome
                .with("counter", limit.counter.as_str())
                .with("limit", limit.limit)
                .with("used", limit.used)
                .with("requested", limit.requested)
        };
        let short = |outcome: PricedOutcome, short: &Shortfall| {
            if bundle {
                return outcome;
            }
            let one = |(line, by): &(LineIx, PromoIx)| format!("{} by {}", self.line_id(*line), self.promotion(*by));
            let kept_out: Vec<String> = short.kept_out.iter().map(one).collect();
            let cut = short.limit.as_ref().map_or_else(|| "-".to_owned(), limit_in_words);
            let outcome = outcome.with("threshold", short.threshold).with("actual", short.actual).with("missing", short.missing);
            outcome.with("kept_out", kept_out.join(", ")).with("limit_that_cut", cut)
        };
        let other = |outcome: PricedOutcome, ix: &PromoIx| outcome.with("promotion", self.promotion(*ix));
        match verdict {
            Verdict::Applied(applied) => {
                let gifts: Vec<String> =
                    applied.gifts.iter().map(|(gift, given)| format!("{given} {}", self.gift(*gift))).collect();
                let cut: Vec<String> = applied.cut.iter().map(limit_in_words).collect();
                outcome
                    .with("discount", applied.discount.get())
                    .with("free_units", applied.free_units)
                    .with("floor_cut", applied.floor_cut.get())
                    .with("cut", cut.join("; "))
                    .with("gifts", gifts.join(", "))
            }
            Verdict::NotStarted { start } => outcome.with("start", start),
            Verdict::Ended { end } => outcome.with("end", end),
            Verdict::NotCovered { lines } => {
                let shown = |(line, why): &(LineIx, NotCovered)| format!("{} {}", self.line_id(*line), why.code());
                outcome.with("lines", lines.iter().map(shown).collect::<Vec<_>>().join(", "))
            }
            Verdict::OnePerOrder { promotion } | Verdict::NotStackable { promotion } => other(outcome, promotion),
            Verdict::ExcludedBy { promotion } => {
                let group = match subject {
                    Subject::Promotion(ix) => match &self.rulebook.promotions()[*ix].rule {
                        Rule::Spend(spend) => spend.exclusion_group.to_string(),
                        _ => "-".to_owned(),
                    },
                    Subject::OutOfForce(_) => "-".to_owned(),
                };
                other(outcome, promotion).with("exclusion_group", group)
            }
            Verdict::LimitReached(stands) | Verdict::StockExhausted(stands) | Verdict::BudgetExhausted(stands) => {
                limit(outcome, stands)
            }
            Verdict::BelowQuantity(shortfall) | Verdict::BelowThreshold(shortfall) => short(outcome, shortfall),
            Verdict::BeatenBy { promotion, amount, winner } => {
                let mut outcome = other(outcome, promotion);
                for (name, amount) in [("amount", amount), ("winner", winner)] {
                    if let Some(amount) = amount {
                        outcome = outcome.with(name, amount.get());
                    }
                }
                outcome
            }
            _ => outcome,
        }
    }

    fn refund(&self, refund: &Refund, policy: RefundPolicy) -> PricedRefund {
        let mut priced = PricedRefund {
            refund: refund.refund.get(),
            lines: refund.lines.iter().map(|(line, amount)| (self.line_id(*line), amount.get())).collect(),
            waived: refund.waived.get(),
            ..PricedRefund::default()
        };
        for back in &refund.to_return {
            let (promotion, what, units) = match back {
                ToReturn::Gift { gift, units, promotion } => {
                    *priced.gifts_to_return.entry(self.gift(*gift)).or_insert(0) += units;
                    (promotion, self.gift(*gift), units)
                }
                ToReturn::FreeUnits { line, units, promotion } => {
                    let line = self.line(*line);
                    let key = (line.store.to_string(), line.sku.to_string());
                    *priced.free_to_return.entry(key).or_insert(0) += units;
                    (promotion, format!("{} in {}", line.sku, line.store), units)
                }
            };
            if policy == RefundPolicy::Proportional {
                *priced.to_return_of.entry((self.promotion(*promotion), what)).or_insert(0) += units;
            }
        }
        let mut restored: BTreeMap<Key, i64> = BTreeMap::new();
        for (key, amount) in refund.restored.iter().filter(|(_, amount)| *amount != 0) {
            *restored.entry(self.key(*key)).or_insert(0) += amount;
        }
        priced.restored = restored;
        let funders = refund.waived_by.iter().map(|(payer, amount)| (payer.to_string(), amount.get()));
        priced.waived_funding = funders.collect();
        priced
    }
}

fn limit_in_words(limit: &LimitUse) -> String {
    format!("{} limit {} used {} requested {}", limit.counter.as_str(), limit.limit, limit.used, limit.requested)
}

/// Does a promotion give its free units on top?
#[must_use]
pub fn gives_on_top(rule: &Rule) -> bool {
    matches!(rule, Rule::BuyGet(rule) if rule.mode == BuyGetMode::Add)
}

/// What is used of each counter that a basket asks about, as the case says.
#[must_use]
pub fn usage_of(case: &Case, rulebook: &Rulebook, basket: &Basket, prepared: &tokka_core::prepare::Prepared<'_>) -> Vec<i64> {
    let names = Names { rulebook, basket };
    prepared.counters().rows().iter().map(|counter| names.used(case, counter)).collect()
}
