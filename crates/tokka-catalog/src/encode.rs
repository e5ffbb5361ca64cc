//! How is a checked document written back? As JSON in the format of files, which [`load`](crate::load()) reads to equal
//! values.
//!
//! The server keeps the promotions of an order in this form, by their [`content_hash`], so that a refund years later
//! prices as the order was priced. So the form is a promise: what is written for a value may only gain fields, and a
//! field that is left out means for ever what it means now. `tests/encode.rs` holds the bytes.
//!
//! - Amounts are decimal strings in major units with all decimals of the currency, percentages strings without
//!   trailing zeros, moments RFC 3339 in UTC, words lower case.
//! - What has its default is left out. A status is always written, since its default depends on where a document stands.
//! - Lists keep the order that the value has. A [`Rulebook`](tokka_core::rulebook::Rulebook) holds lists and tiers sorted,
//!   so one of its promotions is written sorted: it is another text, with another hash, than the promotion as
//!   somebody wrote it, and compiles to the same promotion.
//! - Values are taken apart with all their fields, so that a new field of the core does not compile until it is written.
//! - Fields are put in the declared order of their document, which is seen where `serde_json` keeps an order;
//!   [`canonical`] sorts them, so that texts and hashes do not depend on that.

use serde_json::Value as Json;
use tokka_core::catalogue::{Gift, Settings, Store};
use tokka_core::promotion::{Audience, Display, Exclude, Funding, Include, Limits, Period, Promotion, Scope, Stacking, Window};
use tokka_core::rate::Rounding;
use tokka_core::schedule::Session;
use xxhash_rust::xxh3::xxh3_128;

use self::fields::Fields;
use self::rules::write_rule;
use self::words::{amount, moment, names, time_of_day};
use crate::documents::Kind;

pub use self::beside::{catalogue, distribution, document};

mod beside;
mod fields;
mod rules;
mod words;

/// A promotion as a document; `settings` say how many decimals its amounts have.
#[must_use]
pub fn promotion(promotion: &Promotion, settings: &Settings) -> Json {
    let Promotion {
        id,
        name,
        description,
        owner,
        status,
        window,
        schedule,
        audience,
        scope,
        priority,
        stacking,
        limits,
        display,
        funding,
        acknowledge,
        rule,
    } = promotion;
    let exponent = settings.exponent;
    Fields::of_kind(Kind::Promotion)
        .field("id", id.as_str())
        .field("name", name.as_str())
        .optional("description", description.as_deref())
        .field("owner", owner.to_string())
        .field("status", words::status(*status))
        .filled("window", write_window(window))
        .filled("schedule", schedule.iter().map(write_session).collect::<Json>())
        .filled("audience", write_audience(audience))
        .filled("scope", write_scope(scope))
        .unless("priority", *priority, *priority == 0)
        .filled("stacking", write_stacking(stacking))
        .filled("limits", write_limits(limits, exponent))
        .filled("display", write_display(display, exponent))
        .filled("funding", funding.iter().map(write_funding).collect::<Json>())
        .filled("acknowledge", names(acknowledge))
        .field(rule.block(), write_rule(rule, exponent))
        .into_json()
}

/// A store as a document; `settings` say how many decimals its minimum has.
#[must_use]
pub fn store(store: &Store, settings: &Settings) -> Json {
    let Store { id, name, minimum_order } = store;
    Fields::of_kind(Kind::Store)
        .field("id", id.as_str())
        .field("name", name.as_str())
        .optional("minimum_order", minimum_order.map(|minimum| amount(minimum, settings.exponent)))
        .into_json()
}

/// A gift as a document; `settings` say how many decimals its value has.
#[must_use]
pub fn gift(gift: &Gift, settings: &Settings) -> Json {
    let Gift { id, name, sku, erp_sku, inventory, value } = gift;
    Fields::of_kind(Kind::Gift)
        .field("id", id.as_str())
        .field("name", name.as_str())
        .optional("sku", sku.as_deref())
        .optional("erp_sku", erp_sku.as_deref())
        .optional("inventory", *inventory)
        .optional("value", value.map(|value| amount(value, settings.exponent)))
        .into_json()
}

/// The catalogue document, as far as prices depend on it: currency, rounding and time zone. A zone is written by its name
/// in the time zone database; one that has none, which no file can have said, is left out and is read back as UTC.
#[must_use]
pub fn settings(settings: &Settings) -> Json {
    // The currency knows how many decimals it has.
    let Settings { currency, exponent: _, rounding, time_zone } = settings;
    Fields::of_kind(Kind::Catalogue)
        .field("currency", currency.as_str())
        .unless("rounding", words::rounding(*rounding), *rounding == Rounding::default())
        .optional("time_zone", time_zone.iana_name().filter(|name| *name != "UTC"))
        .into_json()
}

/// 128 bits (xxh3) over the [`canonical`] text of a document: equal documents have equal hashes, on every machine and in
/// every version. The text is the stored form, by which stored orders find the promotions that priced them: what is
/// written for a value may only gain fields that are left out where they have their default, never lose or change
/// one, since any other change gives every promotion another hash.
#[must_use]
pub fn content_hash(document: &Json) -> u128 {
    xxh3_128(canonical(document).as_bytes())
}

/// The one text of a document: JSON without white space, the keys of each map sorted by their bytes.
#[must_use]
pub fn canonical(document: &Json) -> String {
    let mut text = String::new();
    write_canonical(document, &mut text);
    text
}

fn write_canonical(value: &Json, text: &mut String) {
    match value {
        Json::Object(object) => {
            // Sorted here, since whether a map of `serde_json` is sorted depends on what else is built with it.
            let mut entries: Vec<(&String, &Json)> = object.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            for (index, (key, value)) in entries.into_iter().enumerate() {
                text.push(if index == 0 { '{' } else { ',' });
                text.push_str(&Json::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
            }
            text.push_str(if object.is_empty() { "{}" } else { "}" });
        }
        Json::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                text.push(if index == 0 { '[' } else { ',' });
                write_canonical(value, text);
            }
            text.push_str(if values.is_empty() { "[]" } else { "]" });
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => text.push_str(&value.to_string()),
    }
}

fn write_window(window: &Window) -> Json {
    let Window { start, end } = window;
    Fields::new().optional("start", start.map(moment)).optional("end", end.map(moment)).into_json()
}

fn write_session(session: &Session) -> Json {
    let Session { days, from, to } = session;
    Fields::new().filled("days", words::days(*days)).field("from", time_of_day(*from)).field("to", time_of_day(*to)).into_json()
}

fn write_audience(audience: &Audience) -> Json {
    let Audience { tags_any, tags_none, channels, regions } = audience;
    Fields::new()
        .filled("tags_any", names(tags_any))
        .filled("tags_none", names(tags_none))
        .filled("channels", names(channels))
        .filled("regions", names(regions))
        .into_json()
}

/// Nothing where it is the default scope.
fn write_scope(scope: &Scope) -> Json {
    let Scope { include, exclude } = scope;
    let everything = *include == Include::default();
    Fields::new().unless("include", write_include(include), everything).filled("exclude", write_exclude(exclude)).into_json()
}

fn write_include(include: &Include) -> Json {
    let Include { all, skus, categories, stores } = include;
    Fields::new()
        .unless("all", *all, !all)
        .optional("skus", skus.as_deref().map(names))
        .optional("categories", categories.as_deref().map(names))
        .optional("stores", stores.as_deref().map(names))
        .into_json()
}

fn write_exclude(exclude: &Exclude) -> Json {
    let Exclude { skus, categories, stores } = exclude;
    Fields::new().filled("skus", names(skus)).filled("categories", names(categories)).filled("stores", names(stores)).into_json()
}

fn write_stacking(stacking: &Stacking) -> Json {
    let Stacking { set, spend, store_coupon, platform } = *stacking;
    Fields::new()
        .optional("set", set)
        .optional("spend", spend)
        .optional("store_coupon", store_coupon)
        .optional("platform", platform)
        .into_json()
}

fn write_limits(limits: &Limits, exponent: u32) -> Json {
    let Limits { stock, stock_by_sku, units_per_order, units_per_user, orders_per_user, per_sku, period, budget } = limits;
    Fields::new()
        .optional("stock", *stock)
        .filled("stock_by_sku", stock_by_sku.iter().map(|(sku, stock)| (sku.as_str(), *stock)).collect::<Json>())
        .optional("units_per_order", *units_per_order)
        .optional("units_per_user", *units_per_user)
        .optional("orders_per_user", *orders_per_user)
        .unless("per_sku", *per_sku, !per_sku)
        .unless("period", words::period(*period), *period == Period::default())
        .optional("budget", budget.map(|budget| amount(budget, exponent)))
        .into_json()
}

fn write_display(display: &Display, exponent: u32) -> Json {
    let Display { original_price, label } = display;
    Fields::new()
        .optional("original_price", original_price.map(|price| amount(price, exponent)))
        .optional("label", label.as_deref())
        .into_json()
}

fn write_funding(funding: &Funding) -> Json {
    let Funding { party, percent } = funding;
    Fields::new().field("party", party.to_string()).field("percent", percent.to_string()).into_json()
}
