//! How is a whole catalogue document written, and how a distribution? What no price depends on is there too.

use std::time::Duration;

use serde_json::Value as Json;
use tokka_core::refund::RefundPolicy;

use super::fields::Fields;
use super::{settings, write_window};
use crate::documents::{CatalogueSettings, Codes, Distribution, ItemOverlap, Kind};
use crate::load::apart::DocumentValue;

/// Any document, as it would stand in a file; `settings` say how many decimals its amounts have.
#[must_use]
pub fn document(value: &DocumentValue, settings: &CatalogueSettings) -> Json {
    let pricing = &settings.pricing;
    match value {
        DocumentValue::Catalogue(settings) => catalogue(settings),
        DocumentValue::Store(store) => super::store(store, pricing),
        DocumentValue::Gift(gift) => super::gift(gift, pricing),
        DocumentValue::Promotion(promotion) => super::promotion(promotion, pricing),
        DocumentValue::Distribution(distribution) => self::distribution(distribution),
    }
}

/// The catalogue document with everything that it may say.
#[must_use]
pub fn catalogue(whole: &CatalogueSettings) -> Json {
    // The code of the currency stands in `pricing`.
    let CatalogueSettings { pricing, currency: _, item_overlap, refund_policy, hold_default, hold_max, usage_max_age } = whole;
    let mut json = settings(pricing);
    let default = CatalogueSettings::of(whole.currency, pricing.rounding, pricing.time_zone.clone());
    let hold = Fields::new()
        .unless("default", length(*hold_default), *hold_default == default.hold_default)
        .unless("max", length(*hold_max), *hold_max == default.hold_max)
        .into_json();
    let more = Fields::new()
        .unless("item_overlap", overlap(*item_overlap), *item_overlap == default.item_overlap)
        .unless("refund_policy", policy(*refund_policy), *refund_policy == default.refund_policy)
        .filled("hold", hold)
        .unless("usage_max_age", length(*usage_max_age), *usage_max_age == default.usage_max_age)
        .into_json();
    if let (Some(fields), Json::Object(more)) = (json.as_object_mut(), more) {
        fields.extend(more);
    }
    json
}

/// A distribution as a document.
#[must_use]
pub fn distribution(distribution: &Distribution) -> Json {
    let Distribution { id, coupon, channel, visible, window, issued, per_user, valid_for, codes } = distribution;
    let codes = match codes {
        Codes::None => Fields::new(),
        Codes::SingleUse(count) => Fields::new().field("count", *count),
        Codes::Shared { code, uses } => Fields::new().field("shared", code.as_str()).field("uses", *uses),
    };
    Fields::of_kind(Kind::Distribution)
        .field("id", id.as_str())
        .field("coupon", coupon.as_str())
        .optional("channel", channel.as_ref().map(tokka_core::id::Token::as_str))
        .unless("visible", *visible, !visible)
        .filled("window", write_window(window))
        .optional("issued", *issued)
        .optional("per_user", *per_user)
        .optional("valid_for", valid_for.map(length))
        .filled("codes", codes.into_json())
        .into_json()
}

const fn overlap(overlap: ItemOverlap) -> &'static str {
    match overlap {
        ItemOverlap::Choose => "choose",
        ItemOverlap::Forbid => "forbid",
    }
}

const fn policy(policy: RefundPolicy) -> &'static str {
    match policy {
        RefundPolicy::Proportional => "proportional",
        RefundPolicy::Clawback => "clawback",
    }
}

/// In the largest unit that has no rest.
fn length(length: Duration) -> String {
    let ms = length.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.into_iter().find(|(_, unit)| ms > 0 && ms.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}
