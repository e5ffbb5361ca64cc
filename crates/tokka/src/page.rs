//! What does a person read of a shop's pages? Prices and promotions of the API in words, amounts in major units.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use tokka_catalog::Product;
use tokka_catalog::money::Currency;
use tokka_client::v1;

use crate::failure::Failure;
use crate::money::{count, grouped};
use crate::order::{Shown, when};
use crate::products::{self, Products};

/// Which products are shown, as the product master knows them.
#[derive(Debug, Args)]
pub(crate) struct Range {
    /// The range of the shops: sku,store,name,categories,unit_price,… (see `tokka check --help`)
    #[arg(long, value_name = "CSV")]
    products: PathBuf,
    /// The currency of its prices and of the server's catalogue
    #[arg(long, value_name = "CODE", default_value = "JPY")]
    pub(crate) currency: String,
    /// Only products of this store
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

/// Who looks, and when.
#[derive(Debug, Args)]
pub(crate) struct Looking {
    /// The customer; none for a guest
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// A segment of the customer, for audiences; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Where the customer comes by
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Where the customer is
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The moment to show, with its offset: 2026-11-11T10:00:00+09:00; else the server's now
    #[arg(long, value_name = "MOMENT")]
    at: Option<Timestamp>,
}

impl Range {
    /// Reads the file.
    pub(crate) fn read(&self) -> Result<Products, Failure> {
        let currency = Currency::from_code(&self.currency);
        let currency = currency.ok_or_else(|| Failure::Usage(format!("`{}` is not a currency of ISO 4217", self.currency)))?;
        products::read(&self.products, currency)
    }

    /// Is this product one of those that are wanted?
    pub(crate) fn holds(&self, product: &Product) -> bool {
        self.store.as_ref().is_none_or(|store| product.store == store.as_str())
    }
}

impl Looking {
    pub(crate) fn visitor(&self) -> v1::Visitor {
        let at = self.at.map(|at| prost_types::Timestamp {
            // Nanos of the wire count forwards from the second.
            seconds: at.as_second() - i64::from(at.subsec_nanosecond() < 0),
            nanos: if at.subsec_nanosecond() < 0 { at.subsec_nanosecond() + 1_000_000_000 } else { at.subsec_nanosecond() },
        });
        v1::Visitor {
            user: self.user.clone(),
            user_tags: self.tags.clone(),
            channel: self.channel.clone(),
            region: self.region.clone(),
            at,
        }
    }
}

/// A product as the API takes it.
pub(crate) fn product(product: &Product) -> v1::Product {
    v1::Product {
        sku: product.sku.as_str().to_owned(),
        store: product.store.as_str().to_owned(),
        categories: product.categories.iter().map(|category| category.as_str().to_owned()).collect(),
        unit_price: product.unit_price.get(),
        list_price: product.list_price.map(tokka_core::amount::Amount::get),
        floor_price: product.floor_price.map(tokka_core::amount::Amount::get),
    }
}

/// The price of a card: `980`, `500, from 10: 475`.
pub(crate) fn price(shown: &Shown, card: &v1::PriceCard) -> String {
    let price = shown.money(card.price);
    match &card.from {
        Some(from) => format!("{price}, from {}: {}", grouped(from.quantity), shown.money(from.price)),
        None => price,
    }
}

/// What a card says of its promotion: `sold out`, `40 % sold`, `2 left for this customer`, `until …`.
pub(crate) fn notes(promotion: &v1::CardPromotion) -> Vec<String> {
    let mut notes = Vec::new();
    match promotion.code() {
        v1::OutcomeCode::Applied => {}
        v1::OutcomeCode::StockExhausted => notes.push("sold out".to_owned()),
        code => notes.push(in_words(code).to_owned()),
    }
    let sold_out = promotion.code() == v1::OutcomeCode::StockExhausted;
    notes.extend(promotion.stock.filter(|_| !sold_out).map(|stock| sold(&stock)));
    notes.extend(promotion.limit_left.map(|left| format!("{} left for this customer", grouped(left))));
    notes.extend(promotion.ends_at.as_ref().map(|ends_at| format!("until {}", when(Some(*ends_at)))));
    notes
}

/// `40 % sold (4 of 10)`
pub(crate) fn sold(stock: &v1::StockUse) -> String {
    format!("{} % sold ({} of {})", stock.percent, grouped(stock.used), grouped(stock.limit))
}

/// What became of a promotion, in a few words.
pub(crate) fn in_words(code: v1::OutcomeCode) -> &'static str {
    use v1::OutcomeCode::{
        Applied, Audience, BeatenBy, BelowQuantity, BelowThreshold, BudgetExhausted, Ended, ExcludedBy, LimitReached, NoBenefit,
        NotStackable, NotStarted, OnePerOrder, OutOfSchedule, StockExhausted,
    };
    match code {
        Applied => "applies",
        BelowQuantity => "for more pieces",
        BelowThreshold => "for a larger amount",
        StockExhausted => "sold out",
        LimitReached => "used up by this customer",
        BudgetExhausted => "its budget is used up",
        NotStackable => "cannot be combined with the product's price",
        ExcludedBy => "another one takes its place",
        BeatenBy => "another one is better",
        OnePerOrder => "one coupon an order",
        NoBenefit => "would change nothing",
        NotStarted => "not begun yet",
        Ended => "over",
        OutOfSchedule => "not at this hour",
        Audience => "for other customers",
        other => other.as_str_name(),
    }
}

/// What a promotion promises, a line for each tier.
pub(crate) fn terms(shown: &Shown, terms: Option<&v1::Terms>) -> Vec<String> {
    use v1::terms::Rule;
    let unit = |price: &Option<v1::UnitPrice>| price.as_ref().map(|price| unit_price(shown, price)).unwrap_or_default();
    match terms.and_then(|terms| terms.rule.as_ref()) {
        Some(Rule::ItemPrice(rule)) => vec![unit(&rule.price)],
        Some(Rule::VolumePrice(rule)) => {
            let from =
                |tier: &v1::volume_price_terms::Tier| format!("from {}: {}", grouped(tier.min_quantity), unit(&tier.price));
            rule.tiers.iter().map(from).collect()
        }
        Some(Rule::BuyGet(rule)) => {
            let of_it = if rule.included { "of them free" } else { "free on top" };
            let tier = |tier: &v1::buy_get_terms::Tier| format!("buy {}, {} {of_it}", grouped(tier.buy), grouped(tier.get));
            rule.tiers.iter().map(tier).collect()
        }
        Some(Rule::MixMatch(rule)) => {
            let pick = format!("any {}", count(rule.pick, "piece"));
            vec![match &rule.reward {
                Some(reward) => format!("{pick}: {}", set(shown, reward)),
                None => format!("{pick}: {} % off the cheapest {}", rule.cheapest_percent_off, grouped(rule.cheapest_count)),
            }]
        }
        Some(Rule::Bundle(rule)) => {
            let component = |component: &v1::bundle_terms::Component| {
                let names = component.skus.iter().chain(&component.categories).cloned().collect::<Vec<_>>().join(" or ");
                let off = &component.percent_off;
                let off = if off.is_empty() { String::new() } else { format!(" at {off} % off") };
                format!("{} × {names}{off}", grouped(component.quantity))
            };
            let whole = rule.components.iter().map(component).collect::<Vec<_>>().join(" with ");
            let reward = rule.reward.as_ref().map(|reward| format!(": {}", set(shown, reward))).unwrap_or_default();
            vec![format!("{whole}{reward}")]
        }
        Some(Rule::Spend(rule)) => {
            let each = if rule.repeat { "for every" } else { "from" };
            let tier = |tier: &v1::spend_terms::Tier| {
                let threshold = match rule.basis() {
                    v1::Basis::Quantity => count(tier.threshold, "piece"),
                    _ => shown.money(tier.threshold),
                };
                let mut brings: Vec<String> = tier.discount.iter().map(|off| discount(shown, off)).collect();
                brings.extend(tier.gifts.iter().map(|reward| {
                    let gift = if reward.choose.is_empty() { reward.gift.clone() } else { reward.choose.join(" or ") };
                    format!("{} × {gift}", grouped(reward.quantity))
                }));
                format!("{each} {threshold}: {}", brings.join(", "))
            };
            rule.tiers.iter().map(tier).collect()
        }
        Some(Rule::Coupon(rule)) => {
            let off = rule.discount.as_ref().map(|off| discount(shown, off)).unwrap_or_default();
            vec![if rule.threshold == 0 { off } else { format!("from {}: {off}", shown.money(rule.threshold)) }]
        }
        None => Vec::new(),
    }
}

fn unit_price(shown: &Shown, price: &v1::UnitPrice) -> String {
    match &price.price {
        Some(v1::unit_price::Price::Fixed(minor)) => format!("{} each", shown.money(*minor)),
        Some(v1::unit_price::Price::AmountOff(minor)) => format!("{} off each", shown.money(*minor)),
        Some(v1::unit_price::Price::PercentOff(rate)) => format!("{rate} % off each"),
        None => String::new(),
    }
}

fn set(shown: &Shown, reward: &v1::SetTerms) -> String {
    match &reward.reward {
        Some(v1::set_terms::Reward::FixedTotal(minor)) => shown.money(*minor),
        Some(v1::set_terms::Reward::AmountOff(minor)) => format!("{} off", shown.money(*minor)),
        Some(v1::set_terms::Reward::PercentOff(rate)) => format!("{rate} % off"),
        None => String::new(),
    }
}

fn discount(shown: &Shown, discount: &v1::Discount) -> String {
    let most = discount.max_discount.map(|most| format!(", at most {}", shown.money(most))).unwrap_or_default();
    match &discount.discount {
        Some(v1::discount::Discount::AmountOff(minor)) => format!("{} off", shown.money(*minor)),
        Some(v1::discount::Discount::PercentOff(rate)) => format!("{rate} % off{most}"),
        None => String::new(),
    }
}
