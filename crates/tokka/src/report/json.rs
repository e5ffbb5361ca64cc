//! What does a program read of a quote? The same keys in every answer, amounts as whole minor units.
//!
//! Keys and shapes are those of the API's `Quote`; codes of outcomes are upper case, other words lower case.

use serde_json::{Map, Value, json};
use tokka_core::amount::Amount;
use tokka_core::outcome::{LimitUse, NotCovered, Outcome, Shortfall, Subject, Verdict};
use tokka_core::promotion::{Basis, Discount, GiftReward, Rule, Stage, UnitPrice};
use tokka_core::quote::{CounterKey, Group, GroupedBy, Hint, Then, View};
use tokka_core::table::{LineIx, PromoIx};

use super::{Report, of_stage};

/// A whole quote. View BASIC leaves `outcomes`, `hints`, `groups`, `funding`, `funders` and `settlements` empty and a
/// store's `settlement` null.
pub(crate) fn json(report: &Report<'_>) -> Value {
    let quote = report.quote;
    json!({
        "currency": report.basket.currency(),
        "at": report.basket.at().to_string(),
        "user": report.basket.user().map(|user| user.as_str()),
        "payable": quote.payable.get(),
        "gross": quote.gross.get(),
        "discount": quote.discount().get(),
        "discounts": stages(&quote.discounts),
        "lines": quote.lines.iter().map(|(ix, _)| report.json_line(ix)).collect::<Vec<_>>(),
        "stores": report.json_stores(),
        "gifts": quote.gifts.iter().filter(|gift| gift.given > 0).map(|gift| {
            let entry = report.rulebook.gifts().at(gift.gift);
            json!({
                "promotion": report.id(gift.promotion), "gift": entry.id.as_str(), "quantity": gift.given,
                "name": entry.name, "sku": entry.sku, "erp_sku": entry.erp_sku,
            })
        }).collect::<Vec<_>>(),
        "missing_gifts": quote.gifts.iter().filter(|gift| gift.given < gift.wanted).map(|gift| {
            let entry = report.rulebook.gifts().at(gift.gift);
            json!({
                "promotion": report.id(gift.promotion), "gift": entry.id.as_str(), "wanted": gift.wanted,
                "given": gift.given, "name": entry.name,
            })
        }).collect::<Vec<_>>(),
        "free_units": quote.free_units.iter().map(|free| json!({
            "promotion": report.id(free.promotion), "line_id": report.line_id(free.line),
            "sku": report.line(free.line).map(|line| line.sku.as_str()), "units": free.units,
        })).collect::<Vec<_>>(),
        "included_units": quote.included_units.iter().map(|free| json!({
            "promotion": report.id(free.promotion), "line_id": report.line_id(free.line), "units": free.units,
        })).collect::<Vec<_>>(),
        "applied": quote.applied.iter().map(|ix| report.id(*ix)).collect::<Vec<_>>(),
        "limits": report.json_limits(),
        "needs_user": quote.needs_user,
        "clawback_only": quote.clawback_only,
        "search": report.json_search(),
        "suggestions": report.json_suggestions(),
        "next_change_at": quote.next_change_at.map(|at| at.to_string()),
        "fingerprint": format!("{:032x}", quote.fingerprint),
        "outcomes": quote.outcomes.iter().map(|outcome| report.json_outcome(outcome)).collect::<Vec<_>>(),
        "hints": quote.hints.iter().map(|hint| report.json_hint(hint)).collect::<Vec<_>>(),
        "groups": quote.groups.iter().map(|group| report.json_group(group)).collect::<Vec<_>>(),
        "funding": quote.funding.iter().map(|part| json!({
            "promotion": report.id(part.promotion), "line_id": report.line_id(part.line),
            "payer": part.payer.to_string(), "amount": part.amount.get(),
        })).collect::<Vec<_>>(),
        "funders": report.json_funders(),
        "settlements": quote.settlements.iter().map(|(store, due)| json!({
            "store": store.as_str(), "amount": due.get(),
        })).collect::<Vec<_>>(),
    })
}

/// Every stage by name.
fn stages(discounts: &[Amount; 6]) -> Value {
    let amounts = Stage::ALL.into_iter().map(|stage| (stage.name().to_owned(), of_stage(discounts, stage).get().into()));
    Value::Object(amounts.collect::<Map<_, _>>())
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Amount => "amount",
        Basis::Quantity => "quantity",
    }
}

fn limit_use(limit: &LimitUse) -> Value {
    json!({
        "counter": limit.counter.as_str(), "limit": limit.limit, "used": limit.used, "requested": limit.requested,
    })
}

fn gift_reward(reward: &GiftReward) -> Value {
    let ids: Vec<&str> = reward.options.iter().map(|id| id.as_str()).collect();
    match ids.first() {
        Some(id) if !reward.choose => json!({"gift": id, "quantity": reward.quantity}),
        _ => json!({"choose": ids, "quantity": reward.quantity}),
    }
}

impl Report<'_> {
    fn id(&self, promotion: PromoIx) -> &str {
        self.promotion(promotion).id.as_str()
    }

    fn json_line(&self, ix: LineIx) -> Value {
        let price = self.quote.lines.at(ix);
        let line = self.line(ix);
        let segments = self.quote.segments_of(ix).iter().map(|segment| {
            let mut before = segment.gross;
            let touches: Vec<Value> = segment
                .chain
                .iter()
                .map(|touch| {
                    let discount = before.get().saturating_sub(touch.after.get());
                    before = touch.after;
                    json!({"promotion": self.id(touch.promotion), "stage": touch.stage.name(), "discount": discount})
                })
                .collect();
            json!({
                "units": segment.units, "gross": segment.gross.get(), "payable": segment.amount.get(),
                "over_limit": segment.over_limit, "touches": touches,
            })
        });
        json!({
            "line_id": self.line_id(ix),
            "sku": line.map(|line| line.sku.as_str()),
            "name": line.and_then(|line| self.products.name(line.store.as_str(), line.sku.as_str())),
            "store": line.map(|line| line.store.as_str()),
            "quantity": line.map(|line| line.quantity),
            "unit_price": line.map(|line| line.unit_price.get()),
            "gross": price.gross.get(),
            "discounts": stages(&price.discounts),
            "payable": price.payable.get(),
            "runs": self.quote.runs_of(ix).iter().map(|run| json!({"count": run.units, "payable": run.each.get()}))
                .collect::<Vec<_>>(),
            "over_limit": price.over_limit,
            "tax_class": line.and_then(|line| line.tax_class.as_ref()).map(|class| class.as_str()),
            "segments": segments.collect::<Vec<_>>(),
        })
    }

    fn json_stores(&self) -> Vec<Value> {
        let stores = self.quote.stores.iter().map(|(ix, store)| {
            let id = self.store_id(ix);
            let tax_totals = self.quote.tax_totals.iter().filter(|total| total.store == ix).map(|total| {
                json!({"tax_class": total.tax_class.as_ref().map(|class| class.as_str()), "payable": total.payable.get()})
            });
            json!({
                "store": id,
                "name": self.rulebook.store(id).map(|store| store.name.as_str()),
                "gross": store.gross.get(),
                "discounts": stages(&store.discounts),
                "subtotal": store.subtotal.get(),
                "payable": store.payable.get(),
                "below_minimum": store.below_minimum.get(),
                "tax_totals": tax_totals.collect::<Vec<_>>(),
                "settlement": (self.view == View::Full).then(|| self.settlement(id).unwrap_or_default().get()),
            })
        });
        stores.collect()
    }

    /// What limited quantities the price depended on, what was used of them before and what this order takes.
    fn json_limits(&self) -> Vec<Value> {
        let limits = self.counters.iter().zip(self.usage).map(|((ix, counter), used)| {
            let sku = |line: LineIx| self.line(line).map(|line| line.sku.as_str());
            let user = || self.basket.user().map(|user| user.as_str());
            let (subject, name, sku, user, period) = match counter.key {
                CounterKey::Stock(promotion) => (self.id(promotion), "stock", None, None, None),
                CounterKey::StockBySku(promotion, line) => (self.id(promotion), "stock_by_sku", sku(line), None, None),
                CounterKey::UserUnits(promotion, period) => (self.id(promotion), "units_per_user", None, user(), period),
                CounterKey::UserUnitsOfSku(promotion, line, period) => {
                    (self.id(promotion), "units_per_user", sku(line), user(), period)
                }
                CounterKey::UserOrders(promotion, period) => (self.id(promotion), "orders_per_user", None, user(), period),
                CounterKey::Budget(promotion) => (self.id(promotion), "budget", None, None, None),
                CounterKey::GiftInventory(gift) => (self.rulebook.gifts().at(gift).id.as_str(), "inventory", None, None, None),
            };
            let taken = self.quote.claims.iter().filter(|claim| claim.counter == ix).map(|claim| claim.amount).sum::<i64>();
            json!({
                "of": subject, "counter": name, "sku": sku, "user": user,
                "period_start": period.map(|date| date.to_string()),
                "limit": counter.limit, "used": used, "taken": taken,
            })
        });
        limits.collect()
    }

    fn json_outcome(&self, outcome: &Outcome) -> Value {
        let (ix, id) = match &outcome.subject {
            Subject::Promotion(ix) => (Some(*ix), self.id(*ix)),
            Subject::OutOfForce(id) => (None, id.as_str()),
        };
        let promotion = ix.map(|ix| self.promotion(ix));
        let mut answer = Map::new();
        let mut put = |key: &str, value: Value| {
            answer.insert(key.to_owned(), value);
        };
        put("promotion", id.into());
        put("code", outcome.verdict.code().into());
        put("name", promotion.map(|promotion| promotion.name.as_str()).into());
        put("owner", promotion.map(|promotion| promotion.owner.to_string()).into());
        put("stage", promotion.map(|promotion| promotion.stage().name()).into());
        put("words", self.why_not(ix, &outcome.verdict).into());
        let mut coverage = &outcome.coverage.iter().map(|line| (line.line, line.why_not)).collect::<Vec<_>>();
        let left_out: Vec<(LineIx, Option<NotCovered>)>;
        match &outcome.verdict {
            Verdict::Applied(applied) => put(
                "applied",
                json!({
                    "discount": applied.discount.get(),
                    "free_units": applied.free_units,
                    "gifts": applied.gifts.iter().map(|(gift, quantity)| json!({
                        "gift": self.rulebook.gifts().at(*gift).id.as_str(), "quantity": quantity,
                    })).collect::<Vec<_>>(),
                    "cut": applied.cut.iter().map(limit_use).collect::<Vec<_>>(),
                    "floor_cut": applied.floor_cut.get(),
                }),
            ),
            Verdict::NotStarted { start } => put("starts_at", start.to_string().into()),
            Verdict::Ended { end } => put("ended_at", end.to_string().into()),
            Verdict::NotCovered { lines } => {
                left_out = lines.iter().map(|(line, why)| (*line, Some(*why))).collect();
                coverage = &left_out;
            }
            Verdict::OnePerOrder { promotion } | Verdict::NotStackable { promotion } => {
                put("rival", json!({"promotion": self.id(*promotion)}));
            }
            Verdict::ExcludedBy { promotion } => {
                let group = match &self.promotion(*promotion).rule {
                    Rule::Spend(spend) => Some(spend.exclusion_group.as_str()),
                    _ => None,
                };
                put("rival", json!({"promotion": self.id(*promotion), "exclusion_group": group}));
            }
            Verdict::BeatenBy { promotion, amount, winner } => put(
                "rival",
                json!({
                    "promotion": self.id(*promotion),
                    "amount": amount.map(Amount::get),
                    "winner_amount": winner.map(Amount::get),
                }),
            ),
            Verdict::LimitReached(limit) | Verdict::StockExhausted(limit) | Verdict::BudgetExhausted(limit) => {
                put("limit", limit_use(limit));
            }
            Verdict::BelowQuantity(shortfall) | Verdict::BelowThreshold(shortfall) => {
                put("shortfall", self.json_shortfall(shortfall));
            }
            Verdict::UnknownCoupon
            | Verdict::NotPublished
            | Verdict::CouponNotOwned
            | Verdict::CouponUsed
            | Verdict::CouponExpired
            | Verdict::OutOfSchedule
            | Verdict::Audience
            | Verdict::NoBenefit
            | Verdict::NotSelected => {}
        }
        let lines: Vec<Value> = coverage
            .iter()
            .map(|(line, why)| {
                let kept_out_by = match why {
                    Some(NotCovered::NotStackable(other)) => Some(self.id(*other)),
                    _ => None,
                };
                json!({"line_id": self.line_id(*line), "why_not": why.map(NotCovered::code), "promotion": kept_out_by})
            })
            .collect();
        put("lines", lines.into());
        Value::Object(answer)
    }

    fn json_shortfall(&self, shortfall: &Shortfall) -> Value {
        json!({
            "basis": basis(shortfall.basis), "threshold": shortfall.threshold, "actual": shortfall.actual,
            "missing": shortfall.missing,
            "kept_out": shortfall.kept_out.iter().map(|(line, other)| json!({
                "line_id": self.line_id(*line), "promotion": self.id(*other),
            })).collect::<Vec<_>>(),
            "limit": shortfall.limit.as_ref().map(limit_use),
        })
    }

    fn json_hint(&self, hint: &Hint) -> Value {
        let (key, then) = match &hint.then {
            Then::Price(UnitPrice::Fixed(price)) => ("price", json!({"fixed": price.get()})),
            Then::Price(UnitPrice::AmountOff(off)) => ("price", json!({"amount_off": off.get()})),
            Then::Price(UnitPrice::PercentOff(rate)) => ("price", json!({"percent_off": rate.to_string()})),
            Then::FreeUnits(units) => ("free_units", (*units).into()),
            Then::Reward { discount, gifts, times } => {
                let discount = discount.map(|discount| match discount {
                    Discount::AmountOff(off) => json!({"amount_off": off.get()}),
                    Discount::PercentOff { rate, max_discount } => json!({
                        "percent_off": rate.to_string(), "max_discount": max_discount.map(Amount::get),
                    }),
                });
                let gifts: Vec<Value> = gifts.iter().map(gift_reward).collect();
                ("reward", json!({"discount": discount, "gifts": gifts, "times": times}))
            }
        };
        json!({
            "promotion": self.id(hint.promotion), "line_id": hint.line.map(|line| self.line_id(line)),
            "basis": basis(hint.basis), "threshold": hint.threshold, "missing": hint.missing, key: then,
            "loses": hint.loses, "words": self.hint(hint),
        })
    }

    fn json_group(&self, group: &Group) -> Value {
        let (key, by) = match group.by {
            GroupedBy::Spend(promotion) => ("spend", self.id(promotion).into()),
            GroupedBy::Set(promotion) => ("set", self.id(promotion).into()),
            GroupedBy::Line => ("single", Value::Bool(true)),
        };
        let entries: Vec<Value> = group
            .entries
            .iter()
            .map(|entry| {
                let not_in_spend = entry.not_in_spend.map(|(promotion, why)| {
                    let kept_out_by = match why {
                        NotCovered::NotStackable(other) => Some(self.id(other)),
                        NotCovered::OtherStore | NotCovered::NotIncluded | NotCovered::Excluded | NotCovered::NotSelected => None,
                    };
                    json!({"promotion": self.id(promotion), "why": why.code(), "kept_out_by": kept_out_by})
                });
                json!({
                    "line_id": self.line_id(entry.line), "units": entry.units, "over_limit": entry.over_limit,
                    "not_in_spend": not_in_spend,
                })
            })
            .collect();
        json!({"store": self.store_id(group.store), key: by, "entries": entries})
    }

    fn json_funders(&self) -> Vec<Value> {
        let funded = self.quote.funding_by_payer();
        let given = |payer| self.quote.given_value.iter().find(|(other, _)| other == payer).map_or(0, |(_, value)| value.get());
        let only_given = self.quote.given_value.iter().map(|(payer, _)| payer).filter(|payer| !funded.contains_key(payer));
        let payers: std::collections::BTreeSet<_> = funded.keys().chain(only_given).collect();
        payers
            .into_iter()
            .map(|payer| {
                let amount = funded.get(payer).copied().unwrap_or_default();
                json!({"payer": payer.to_string(), "amount": amount.get(), "given_value": given(payer)})
            })
            .collect()
    }
}
