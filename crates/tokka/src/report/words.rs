//! Why did a promotion not apply, and what would a little more bring? Codes and numbers, in a shopkeeper's words.

use tokka_core::amount::Amount;
use tokka_core::id::Token;
use tokka_core::outcome::{Applied, LimitName, LimitUse, NotCovered, Shortfall, Verdict};
use tokka_core::promotion::{Audience, Basis, Discount, GiftReward, Limits, Owner, Period, Rule, Status, UnitPrice};
use tokka_core::quote::{Hint, Then};
use tokka_core::schedule::{Days, Session};
use tokka_core::table::{LineIx, PromoIx};

use super::Report;
use crate::money::{count, grouped};

impl Report<'_> {
    /// Why a promotion did not apply. `promotion` is missing for a coupon that the catalogue does not know.
    pub(crate) fn why_not(&self, promotion: Option<PromoIx>, verdict: &Verdict) -> String {
        let subject = promotion.map(|ix| self.promotion(ix));
        match verdict {
            Verdict::Applied(applied) => self.applied(promotion, applied).join("; "),
            Verdict::UnknownCoupon => "this catalogue has no such coupon".to_owned(),
            Verdict::NotPublished => match subject.map(|promotion| promotion.status) {
                Some(Status::Draft) => "still a draft".to_owned(),
                Some(Status::Paused) => "paused".to_owned(),
                Some(Status::Archived) => "ended for good (archived)".to_owned(),
                Some(Status::Published) | None => "not published".to_owned(),
            },
            Verdict::CouponNotOwned => "the customer does not hold this coupon".to_owned(),
            Verdict::CouponUsed => "the customer has used this coupon already".to_owned(),
            Verdict::CouponExpired => "the customer's coupon is past its validity".to_owned(),
            Verdict::NotStarted { start } => format!("starts on {}", self.when(*start)),
            Verdict::Ended { end } => format!("ended on {}", self.when(*end)),
            Verdict::OutOfSchedule => match subject.map(|promotion| sessions(&promotion.schedule)) {
                Some(sessions) if !sessions.is_empty() => format!("outside its hours ({sessions})"),
                _ => "outside its hours".to_owned(),
            },
            Verdict::Audience => match subject.map(|promotion| self.unmet(&promotion.audience)) {
                Some(unmet) if !unmet.is_empty() => format!("not for this customer: {}", unmet.join(", ")),
                _ => "not for this customer".to_owned(),
            },
            Verdict::NotCovered { lines } => format!("covers nothing here: {}", self.not_covered(lines)),
            Verdict::OnePerOrder { promotion: other } => match &self.promotion(*other).owner {
                Owner::Platform => format!("one coupon of the platform an order: {} was used", self.named(*other)),
                Owner::Store(_) => format!("one coupon a store: {} was used", self.named(*other)),
            },
            Verdict::ExcludedBy { promotion: other } => {
                let group = match &self.promotion(*other).rule {
                    Rule::Spend(spend) => format!(" (group `{}`)", spend.exclusion_group),
                    _ => String::new(),
                };
                format!("these items went to {}, one such promotion an item{group}", self.named(*other))
            }
            Verdict::NotStackable { promotion: other } => {
                format!("cannot be combined with {}, which these items already have", self.named(*other))
            }
            Verdict::LimitReached(limit) => format!("limit reached: {}", self.limit(promotion, limit)),
            Verdict::StockExhausted(limit) => format!("sold out: {}", self.limit(promotion, limit)),
            Verdict::BelowQuantity(shortfall) | Verdict::BelowThreshold(shortfall) => self.shortfall(promotion, shortfall),
            Verdict::NoBenefit => "would not make anything cheaper".to_owned(),
            Verdict::BudgetExhausted(limit) => format!("budget used up: {}", self.limit(promotion, limit)),
            Verdict::NotSelected => "would apply, but the basket chose otherwise".to_owned(),
            Verdict::BeatenBy { promotion: other, amount, winner } => match (amount, winner) {
                (Some(amount), Some(winner)) => {
                    // The default choice looks at priorities before amounts; a customer may also have selected the other.
                    let higher = subject.is_some_and(|this| self.promotion(*other).priority > this.priority);
                    let though = match (winner > amount, higher) {
                        (true, _) if self.quote.search.is_some() => ", which serves the whole order",
                        (true, true) => ", the former has the higher priority",
                        (true, false) => ", the basket chose the former",
                        (false, _) => "",
                    };
                    let [winner, amount] = [winner, amount].map(|amount| self.money(*amount));
                    format!("{} was taken instead: {winner} to pay with it, {amount} with this{though}", self.named(*other))
                }
                _ => format!("{} was taken instead", self.named(*other)),
            },
        }
    }

    /// What limits and floors took off a promotion that applied, and what it gave besides money.
    pub(crate) fn applied(&self, promotion: Option<PromoIx>, applied: &Applied) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        if applied.free_units > 0 {
            notes.push(count(applied.free_units, "free piece"));
        }
        for (gift, quantity) in &applied.gifts {
            notes.push(format!("{} × {}", self.gift(*gift), grouped(*quantity)));
        }
        for limit in &applied.cut {
            notes.push(format!("cut: {}", self.limit(promotion, limit)));
        }
        if applied.floor_cut.is_positive() {
            notes.push(format!("{} less, to keep the lowest prices", self.money(applied.floor_cut)));
        }
        notes
    }

    /// What a little more would bring: `1,460 more for 10 % off`.
    pub(crate) fn hint(&self, hint: &Hint) -> String {
        let missing = match hint.basis {
            Basis::Amount => format!("{} more", self.money(Amount::minor(hint.missing))),
            Basis::Quantity => count(hint.missing, "more piece"),
        };
        let of = match hint.line.and_then(|line| self.line(line)) {
            Some(line) => format!(" of {}", self.product(line)),
            None => String::new(),
        };
        let loses = if hint.loses { " (but something given now would be lost)" } else { "" };
        format!("{missing}{of} for {}{loses}", self.then(&hint.then))
    }

    /// Why a promotion does not look at a line.
    pub(crate) fn line_left_out(&self, why: NotCovered) -> String {
        match why {
            NotCovered::OtherStore => "sold by another store".to_owned(),
            NotCovered::NotIncluded => "not among its products".to_owned(),
            NotCovered::Excluded => "excluded".to_owned(),
            NotCovered::NotSelected => "kept for another".to_owned(),
            NotCovered::NotStackable(other) => format!("cannot be combined with {}", self.named(other)),
        }
    }

    /// A promotion's name in quotation marks.
    fn named(&self, promotion: PromoIx) -> String {
        format!("“{}”", self.promotion(promotion).name)
    }

    fn shortfall(&self, promotion: Option<PromoIx>, shortfall: &Shortfall) -> String {
        let Shortfall { basis, threshold, actual, missing, kept_out, limit } = shortfall;
        let of_a_set = matches!(promotion.map(|ix| &self.promotion(ix).rule), Some(Rule::Bundle(_)));
        let mut text = match basis {
            Basis::Quantity if of_a_set => {
                let pieces = count(*missing, "piece");
                format!("no whole set: a part of it is {pieces} short ({} of {})", grouped(*actual), grouped(*threshold))
            }
            Basis::Amount => {
                let [missing, threshold, actual] = [missing, threshold, actual].map(|n| self.money(Amount::minor(*n)));
                format!("{missing} short of {threshold} ({actual} counted)")
            }
            Basis::Quantity => {
                format!("{} short of {} ({} counted)", count(*missing, "piece"), grouped(*threshold), grouped(*actual))
            }
        };
        let mut by: Vec<(PromoIx, Vec<&str>)> = Vec::new();
        for (line, other) in kept_out {
            match by.iter_mut().find(|(promotion, _)| promotion == other) {
                Some((_, lines)) => lines.push(self.line_id(*line)),
                None => by.push((*other, vec![self.line_id(*line)])),
            }
        }
        for (other, lines) in by {
            text.push_str(&format!("; {} not counted because of {}", listed(&lines), self.named(other)));
        }
        if let Some(limit) = limit {
            text.push_str(&format!("; {}", self.limit(promotion, limit)));
        }
        text
    }

    /// A limit with its numbers: `2 pieces a customer, 2 used before`.
    fn limit(&self, promotion: Option<PromoIx>, limit: &LimitUse) -> String {
        let subject = promotion.map(|ix| self.promotion(ix));
        let noun = match subject.map(|promotion| &promotion.rule) {
            Some(Rule::BuyGet(_)) => "free piece",
            Some(Rule::MixMatch(_) | Rule::Bundle(_)) => "set",
            Some(Rule::Spend(_) | Rule::Coupon(_)) => "order",
            Some(Rule::ItemPrice(_) | Rule::VolumePrice(_)) | None => "piece",
        };
        let default = Limits::default();
        let limits = subject.map_or(&default, |promotion| &promotion.limits);
        let period = match limits.period {
            Period::Lifetime => "",
            Period::Day => " a day",
            Period::Week => " a week",
            Period::Month => " a month",
        };
        let product = if limits.per_sku { " of a product" } else { "" };
        let allowed = match limit.counter {
            LimitName::Stock => format!("{} in all", count(limit.limit, noun)),
            LimitName::StockBySku => format!("{} of this product", count(limit.limit, noun)),
            LimitName::UnitsPerOrder => format!("{}{product} an order", count(limit.limit, noun)),
            LimitName::UnitsPerUser => format!("{}{product} a customer{period}", count(limit.limit, noun)),
            LimitName::OrdersPerUser => format!("{} a customer{period}", count(limit.limit, "order")),
            LimitName::MaxSets => format!("{} an order", count(limit.limit, "set")),
            LimitName::Budget => {
                let [limit_text, used, requested] =
                    [limit.limit, limit.used, limit.requested].map(|amount| self.money(Amount::minor(amount)));
                return format!("{limit_text} in all, {used} used, {requested} needed");
            }
        };
        let used = if limit.used > 0 { format!(", {} used before", grouped(limit.used)) } else { String::new() };
        let wanted = if limit.requested > 1 { format!(", {} wanted", grouped(limit.requested)) } else { String::new() };
        format!("{allowed}{used}{wanted}")
    }

    /// The conditions of an audience that this basket does not meet.
    fn unmet(&self, audience: &Audience) -> Vec<String> {
        let has = |tag: &&Token| self.basket.user_tags().contains(tag);
        let missing =
            |allowed: &[Token], given: Option<&Token>| !allowed.is_empty() && !given.is_some_and(|given| allowed.contains(given));
        let mut unmet = Vec::new();
        if !audience.tags_any.is_empty() && !audience.tags_any.iter().any(|tag| has(&tag)) {
            unmet.push(format!("only for those tagged {}", alternatives(&audience.tags_any)));
        }
        let against: Vec<Token> = audience.tags_none.iter().filter(has).cloned().collect();
        if !against.is_empty() {
            unmet.push(format!("not for those tagged {}", alternatives(&against)));
        }
        if missing(&audience.channels, self.basket.channel()) {
            unmet.push(format!("only by the channel {}", alternatives(&audience.channels)));
        }
        if missing(&audience.regions, self.basket.region()) {
            unmet.push(format!("only in the region {}", alternatives(&audience.regions)));
        }
        unmet
    }

    /// Lines by the reason that leaves them out: `a, b (not among its products)`.
    pub(crate) fn not_covered(&self, lines: &[(LineIx, NotCovered)]) -> String {
        let mut by: Vec<(NotCovered, Vec<&str>)> = Vec::new();
        for (line, why) in lines {
            match by.iter_mut().find(|(reason, _)| reason == why) {
                Some((_, ids)) => ids.push(self.line_id(*line)),
                None => by.push((*why, vec![self.line_id(*line)])),
            }
        }
        let parts: Vec<String> =
            by.into_iter().map(|(why, ids)| format!("{} ({})", listed(&ids), self.line_left_out(why))).collect();
        parts.join(", ")
    }

    fn then(&self, then: &Then) -> String {
        match then {
            Then::Price(UnitPrice::Fixed(price)) => format!("{} each", self.money(*price)),
            Then::Price(UnitPrice::AmountOff(off)) => format!("{} off each", self.money(*off)),
            Then::Price(UnitPrice::PercentOff(rate)) => format!("{rate} % off each"),
            Then::FreeUnits(units) => format!("{} in all", count(*units, "free piece")),
            Then::Reward { discount, gifts, times } => {
                let mut parts: Vec<String> = Vec::new();
                match discount {
                    Some(Discount::AmountOff(off)) => {
                        // INVARIANT: the product is cut to the basket's amount when it applies; here it may only be large.
                        parts.push(format!("{} off", self.money(Amount::minor(off.get().saturating_mul(*times)))));
                    }
                    Some(Discount::PercentOff { rate, max_discount: None }) => parts.push(format!("{rate} % off")),
                    Some(Discount::PercentOff { rate, max_discount: Some(most) }) => {
                        parts.push(format!("{rate} % off (at most {})", self.money(*most)));
                    }
                    None => {}
                }
                parts.extend(gifts.iter().map(|gift| self.gift_reward(gift, *times)));
                parts.join(" + ")
            }
        }
    }

    fn gift_reward(&self, reward: &GiftReward, times: i64) -> String {
        let names: Vec<&str> =
            reward.options.iter().map(|id| self.rulebook.find_gift(id).map_or(id.as_str(), |gift| self.gift(gift))).collect();
        format!("{} × {}", names.join(" or "), grouped(reward.quantity.saturating_mul(times)))
    }
}

/// Up to five ids, and how many more.
fn listed(ids: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = ids.iter().copied().take(SHOWN).collect();
    match ids.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// `app`, or `app or web`.
fn alternatives(tokens: &[Token]) -> String {
    let texts: Vec<String> = tokens.iter().map(|token| format!("`{token}`")).collect();
    texts.join(" or ")
}

/// `mon tue 12:00–13:00, 22:00–02:00`: sessions of every day name no day.
fn sessions(schedule: &[Session]) -> String {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let texts: Vec<String> = schedule
        .iter()
        .map(|session| {
            let open: Vec<&str> =
                Days::WEEK.iter().filter(|(day, _)| session.days.contains(*day)).map(|(_, name)| *name).collect();
            let days = if open.len() == Days::WEEK.len() { String::new() } else { format!("{} ", open.join(" ")) };
            format!("{days}{}–{}", clock(session.from), clock(session.to))
        })
        .collect();
    texts.join(", ")
}
