//! How is a failed case shown? As a scenario document that can be read, and kept beside the others.

use std::fmt::{Display, Write as _};

use tokka_core::basket::{BasketRequest, CouponsOffered, Selection, SpendSelection};
use tokka_core::promotion::{
    Basis, BuyGetMode, Discount, GiftReward, Include, Limits, MixMatchReward, Promotion, Rule, Scope, SetReward, Stacking,
    Status, ThresholdOn, UnitPrice, VolumeMode,
};
use tokka_core::rate::Rounding;

use crate::case::Case;
use crate::priced::Key;

/// The case as a scenario, in yen.
#[must_use]
pub fn scenario(case: &Case, name: &str) -> String {
    let mut out = format!("kind: scenario\nname: \"{name}\"\ncurrency: JPY\n");
    let rounding = match case.rounding {
        Rounding::HalfUp => "half_up",
        Rounding::HalfDown => "half_down",
        Rounding::HalfEven => "half_even",
        Rounding::Down => "down",
        Rounding::Up => "up",
    };
    let _ = writeln!(out, "rounding: {rounding}\ntime_zone: {}\nstores:", case.time_zone.iana_name().unwrap_or("UTC"));
    for store in &case.stores {
        let minimum = store.minimum_order.map_or(String::new(), |amount| format!(", minimum_order: {}", amount.get()));
        let _ = writeln!(out, "  - {{id: {}, name: {}{minimum}}}", store.id, store.name);
    }
    if !case.gifts.is_empty() {
        out.push_str("gifts:\n");
    }
    for gift in &case.gifts {
        let inventory = gift.inventory.map_or(String::new(), |count| format!(", inventory: {count}"));
        let value = gift.value.map_or(String::new(), |value| format!(", value: {}", value.get()));
        let _ = writeln!(out, "  - {{id: {}, name: {}{inventory}{value}}}", gift.id, gift.name);
    }
    out.push_str(if case.promotions.is_empty() { "promotions: []\n" } else { "promotions:\n" });
    for promotion in &case.promotions {
        write_promotion(&mut out, promotion);
    }
    if !case.usage.is_empty() {
        out.push_str("used:\n");
    }
    for (key, used) in &case.usage {
        let (path, name) = match key {
            Key::Stock(id) => (id.clone(), "stock"),
            Key::StockBySku(id, sku) => (format!("{id}/sku/{sku}"), "stock"),
            Key::UserUnits(id) => (format!("{id}/user/u1"), "units"),
            Key::UserUnitsOfSku(id, sku) => (format!("{id}/user/u1/sku/{sku}"), "units"),
            Key::UserOrders(id) => (format!("{id}/user/u1"), "orders"),
            Key::Budget(id) => (id.clone(), "budget"),
            Key::Gift(id) => (format!("gift/{id}"), "inventory"),
        };
        let _ = writeln!(out, "  {path}: {{{name}: {used}}}");
    }
    write_basket(&mut out, &case.request);
    if !case.steps.is_empty() {
        let steps: Vec<String> = case
            .steps
            .iter()
            .map(|step| format!("{{return: {{{}}}}}", list(step.iter().map(|(line, units)| format!("{line}: {units}")))))
            .collect();
        let _ = writeln!(out, "refund: {{steps: [{}]}}", steps.join(", "));
    }
    out
}

fn list<T: Display>(rows: impl IntoIterator<Item = T>) -> String {
    rows.into_iter().map(|row| row.to_string()).collect::<Vec<_>>().join(", ")
}

fn write_basket(out: &mut String, request: &BasketRequest) {
    let _ = writeln!(out, "basket:\n  at: \"{}\"", request.at);
    for (name, value) in [("user", &request.user), ("channel", &request.channel), ("region", &request.region)] {
        if let Some(value) = value {
            let _ = writeln!(out, "  {name}: {value}");
        }
    }
    if !request.user_tags.is_empty() {
        let _ = writeln!(out, "  user_tags: [{}]", list(&request.user_tags));
    }
    out.push_str("  lines:\n");
    for line in &request.lines {
        let floor = line.floor_price.map_or(String::new(), |floor| format!(", floor_price: {floor}"));
        let tax = line.tax_class.as_ref().map_or(String::new(), |class| format!(", tax_class: {class}"));
        let _ = writeln!(
            out,
            "    - {{line_id: {}, sku: {}, store: {}, categories: [{}], unit_price: {}, quantity: {}{floor}{tax}}}",
            line.line_id,
            line.sku,
            line.store,
            list(&line.categories),
            line.unit_price,
            line.quantity
        );
    }
    if let CouponsOffered::These(ids) = &request.coupons
        && !ids.is_empty()
    {
        let _ = writeln!(out, "  coupons: [{}]", list(ids));
    }
    let select = request.select.iter().map(|(sku, selection)| match selection {
        Selection::None => format!("{sku}: none"),
        Selection::Promotion(id) => format!("{sku}: {id}"),
    });
    let spends = request.select_spend.iter().map(|(line, selection)| match selection {
        SpendSelection::None => format!("{line}: none"),
        SpendSelection::Promotions(ids) => format!("{line}: [{}]", list(ids)),
    });
    let gifts = request.select_gift.iter().map(|(promotion, gift)| format!("{promotion}: {gift}"));
    for (name, shown) in [("select", list(select)), ("select_spend", list(spends)), ("select_gift", list(gifts))] {
        if !shown.is_empty() {
            let _ = writeln!(out, "  {name}: {{{shown}}}");
        }
    }
}

fn write_promotion(out: &mut String, promotion: &Promotion) {
    let _ = writeln!(out, "  - id: {}\n    name: {}\n    owner: {}", promotion.id, promotion.name, promotion.owner);
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "    {name}: {value}");
        }
    };
    if promotion.status != Status::Published {
        row("status", format!("{:?}", promotion.status).to_lowercase());
    }
    let edge = |name: &str, at: Option<jiff::Timestamp>| at.map(|at| format!("{name}: \"{at}\""));
    let window: Vec<String> =
        [edge("start", promotion.window.start), edge("end", promotion.window.end)].into_iter().flatten().collect();
    if !window.is_empty() {
        row("window", format!("{{{}}}", window.join(", ")));
    }
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let sessions = promotion
        .schedule
        .iter()
        .map(|session| format!("{{days: {:?}, from: \"{}\", to: \"{}\"}}", session.days, clock(session.from), clock(session.to)));
    let sessions = list(sessions);
    if !sessions.is_empty() {
        row("schedule", format!("[{sessions}]"));
    }
    let audience = &promotion.audience;
    let lists = [
        ("tags_any", &audience.tags_any),
        ("tags_none", &audience.tags_none),
        ("channels", &audience.channels),
        ("regions", &audience.regions),
    ];
    let lists = list(lists.iter().filter(|(_, of)| !of.is_empty()).map(|(name, of)| format!("{name}: [{}]", list(*of))));
    if !lists.is_empty() {
        row("audience", format!("{{{lists}}}"));
    }
    row("scope", scope(&promotion.scope));
    if promotion.priority != 0 {
        row("priority", promotion.priority.to_string());
    }
    row("stacking", stacking(promotion.stacking));
    row("limits", limits(&promotion.limits));
    let funding = promotion.funding.iter().map(|part| format!("{{party: {}, percent: \"{}\"}}", part.party, part.percent));
    let funding = list(funding);
    if !funding.is_empty() {
        row("funding", format!("[{funding}]"));
    }
    row(promotion.rule.block(), rule(&promotion.rule));
}

fn scope(scope: &Scope) -> String {
    let Include { all, skus, categories, stores } = &scope.include;
    let mut include = Vec::new();
    if *all {
        include.push("all: true".to_owned());
    }
    include.extend(skus.as_ref().map(|of| format!("skus: [{}]", list(of))));
    include.extend(categories.as_ref().map(|of| format!("categories: [{}]", list(of))));
    include.extend(stores.as_ref().map(|of| format!("stores: [{}]", list(of))));
    let mut exclude = Vec::new();
    if !scope.exclude.skus.is_empty() {
        exclude.push(format!("skus: [{}]", list(&scope.exclude.skus)));
    }
    if !scope.exclude.categories.is_empty() {
        exclude.push(format!("categories: [{}]", list(&scope.exclude.categories)));
    }
    if !scope.exclude.stores.is_empty() {
        exclude.push(format!("stores: [{}]", list(&scope.exclude.stores)));
    }
    let exclude = if exclude.is_empty() { String::new() } else { format!(", exclude: {{{}}}", exclude.join(", ")) };
    format!("{{include: {{{}}}{exclude}}}", include.join(", "))
}

fn stacking(written: Stacking) -> String {
    let keys =
        [("set", written.set), ("spend", written.spend), ("store_coupon", written.store_coupon), ("platform", written.platform)];
    let shown = list(keys.iter().filter_map(|(name, value)| value.map(|value| format!("{name}: {value}"))));
    if shown.is_empty() { shown } else { format!("{{{shown}}}") }
}

fn limits(limits: &Limits) -> String {
    let numbers = [
        ("stock", limits.stock),
        ("units_per_order", limits.units_per_order),
        ("units_per_user", limits.units_per_user),
        ("orders_per_user", limits.orders_per_user),
        ("budget", limits.budget.map(tokka_core::amount::Amount::get)),
    ];
    let mut shown: Vec<String> = numbers.iter().filter_map(|(name, n)| n.map(|n| format!("{name}: {n}"))).collect();
    if !limits.stock_by_sku.is_empty() {
        let skus = limits.stock_by_sku.iter().map(|(sku, count)| format!("{sku}: {count}"));
        shown.push(format!("stock_by_sku: {{{}}}", list(skus)));
    }
    if limits.per_sku {
        shown.push("per_sku: true".to_owned());
    }
    if shown.is_empty() { String::new() } else { format!("{{{}}}", shown.join(", ")) }
}

fn unit_price(price: UnitPrice) -> String {
    match price {
        UnitPrice::Fixed(amount) => format!("fixed: {}", amount.get()),
        UnitPrice::AmountOff(amount) => format!("amount_off: {}", amount.get()),
        UnitPrice::PercentOff(rate) => format!("percent_off: \"{rate}\""),
    }
}

fn set_reward(reward: SetReward) -> String {
    match reward {
        SetReward::FixedTotal(amount) => format!("fixed_total: {}", amount.get()),
        SetReward::AmountOff(amount) => format!("amount_off: {}", amount.get()),
        SetReward::PercentOff(rate) => format!("percent_off: \"{rate}\""),
    }
}

fn discount(discount: Discount) -> String {
    match discount {
        Discount::AmountOff(amount) => format!("amount_off: {}", amount.get()),
        Discount::PercentOff { rate, max_discount } => {
            let most = max_discount.map_or(String::new(), |most| format!(", max_discount: {}", most.get()));
            format!("percent_off: \"{rate}\"{most}")
        }
    }
}

fn gift(reward: &GiftReward) -> String {
    let quantity = reward.quantity;
    if reward.choose {
        format!("{{choose: [{}], quantity: {quantity}}}", list(&reward.options))
    } else {
        format!("{{gift: {}, quantity: {quantity}}}", reward.options[0])
    }
}

fn max_sets(most: Option<i64>) -> String {
    most.map_or(String::new(), |most| format!(", max_sets: {most}"))
}

fn measured(threshold_on: ThresholdOn, qualify: Option<&Scope>) -> String {
    let on = if threshold_on == ThresholdOn::Item { ", threshold_on: item" } else { "" };
    format!("{on}{}", qualify.map_or(String::new(), |qualify| format!(", qualify: {}", scope(qualify))))
}

fn rule(rule: &Rule) -> String {
    match rule {
        Rule::ItemPrice(rule) => format!("{{{}}}", unit_price(rule.price)),
        Rule::VolumePrice(rule) => {
            let mode = if rule.mode == VolumeMode::AllUnits { "all_units" } else { "graduated" };
            let tiers =
                rule.tiers.iter().map(|tier| format!("{{min_quantity: {}, {}}}", tier.min_quantity, unit_price(tier.price)));
            format!("{{mode: {mode}, tiers: [{}]}}", list(tiers))
        }
        Rule::BuyGet(rule) => {
            let mode = if rule.mode == BuyGetMode::Add { "add" } else { "include" };
            let tiers = rule.tiers.iter().map(|tier| format!("{{buy: {}, get: {}}}", tier.buy, tier.get));
            format!("{{mode: {mode}, repeat: {}, tiers: [{}]}}", rule.repeat, list(tiers))
        }
        Rule::MixMatch(rule) => {
            let reward = match rule.reward {
                MixMatchReward::Set(reward) => set_reward(reward),
                MixMatchReward::Cheapest { count, percent_off } => {
                    format!("cheapest: {{count: {count}, percent_off: \"{percent_off}\"}}")
                }
            };
            format!("{{pick: {}, {reward}{}}}", rule.pick, max_sets(rule.max_sets))
        }
        Rule::Bundle(rule) => {
            let components = rule.components.iter().map(|component| {
                let of = if component.skus.is_empty() {
                    format!("categories: [{}]", list(&component.categories))
                } else {
                    format!("skus: [{}]", list(&component.skus))
                };
                let percent = component.percent_off.map_or(String::new(), |rate| format!(", percent_off: \"{rate}\""));
                format!("{{{of}, quantity: {}{percent}}}", component.quantity)
            });
            let reward = rule.reward.map_or(String::new(), |reward| format!(", {}", set_reward(reward)));
            format!("{{components: [{}]{reward}{}}}", list(components), max_sets(rule.max_sets))
        }
        Rule::Spend(rule) => {
            let basis = if rule.basis == Basis::Quantity { "quantity" } else { "amount" };
            let tiers = rule.tiers.iter().map(|tier| {
                let mut parts = vec![format!("threshold: {}", tier.threshold)];
                parts.extend(tier.discount.map(discount));
                if !tier.gifts.is_empty() {
                    parts.push(format!("gifts: [{}]", list(tier.gifts.iter().map(gift))));
                }
                format!("{{{}}}", parts.join(", "))
            });
            let repeats = rule.max_repeats.map_or(String::new(), |most| format!(", max_repeats: {most}"));
            format!(
                "{{basis: {basis}, repeat: {}{repeats}, exclusion_group: {}{}, tiers: [{}]}}",
                rule.repeat,
                rule.exclusion_group,
                measured(rule.threshold_on, rule.qualify.as_ref()),
                list(tiers)
            )
        }
        Rule::Coupon(rule) => format!(
            "{{threshold: {}, {}{}}}",
            rule.threshold.get(),
            discount(rule.discount),
            measured(rule.threshold_on, rule.qualify.as_ref())
        ),
    }
}
