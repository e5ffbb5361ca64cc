//! How are single values written? Amounts, percentages, moments, ids, words.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use tokka_core::amount::{Amount, major};
use tokka_core::basket::Strategy;
use tokka_core::catalogue::PROMOTION_AMOUNT_MAX;
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{Basis, BuyGetMode, Owner, Party, Period, Status, ThresholdOn, VolumeMode};
use tokka_core::rate::{Rate, Rounding};
use tokka_core::refund::RefundPolicy;

use crate::choice;
use crate::decode::{Context, Decode, Definitions, Key, what};
use crate::money::{Currency, minor_units};
use crate::problem::{nearest, shown};
use crate::yaml::{Node, Resolved};

choice! { Rounding, "a rounding":
"half_up" => Rounding::HalfUp, "half_down" => Rounding::HalfDown, "half_even" => Rounding::HalfEven,
"down" => Rounding::Down, "up" => Rounding::Up }
choice! { Status, "a status":
"draft" => Status::Draft, "published" => Status::Published, "paused" => Status::Paused, "archived" => Status::Archived }
choice! { Period, "a period":
"lifetime" => Period::Lifetime, "day" => Period::Day, "week" => Period::Week, "month" => Period::Month }
choice! { VolumeMode, "a mode of `volume_price`": "all_units" => VolumeMode::AllUnits, "graduated" => VolumeMode::Graduated }
choice! { BuyGetMode, "a mode of `buy_get`": "add" => BuyGetMode::Add, "include" => BuyGetMode::Include }
choice! { Basis, "a basis": "amount" => Basis::Amount, "quantity" => Basis::Quantity }
choice! { ThresholdOn, "what a threshold looks at": "left" => ThresholdOn::Left, "item" => ThresholdOn::Item }
choice! { RefundPolicy, "a refund policy":
"proportional" => RefundPolicy::Proportional, "clawback" => RefundPolicy::Clawback }
choice! { Strategy, "a strategy": "sequential" => Strategy::Sequential, "best" => Strategy::Best }
choice! { Weekday, "a day of the week":
"mon" => Weekday::Monday, "tue" => Weekday::Tuesday, "wed" => Weekday::Wednesday, "thu" => Weekday::Thursday,
"fri" => Weekday::Friday, "sat" => Weekday::Saturday, "sun" => Weekday::Sunday }

/// What ids of documents look like.
pub const ID_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
/// What ids that callers bring look like.
pub const TOKEN_PATTERN: &str = "^[!-~]{1,128}$";

impl Decode for bool {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match context.scalar(node, "`true` or `false`")?.resolve() {
            Resolved::Bool(value) => Some(value),
            _ => context.fail(node, format!("is {}, not `true` or `false`", what(node)), "write `true` or `false`"),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "boolean" })
    }
}

impl Decode for String {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        context.text(node, "this field").map(str::to_owned)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string" })
    }
}

impl Key for String {
    fn from_key(key: &str) -> Result<Self, String> {
        Ok(key.to_owned())
    }

    fn key_schema() -> Json {
        json!({ "type": "string" })
    }
}

macro_rules! ids {
    ($($type:ty, $wanted:literal, $pattern:expr);*) => {$(
        impl Decode for $type {
            fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
                let text = context.text(node, $wanted)?;
                match <$type>::parse(text) {
                    Ok(id) => Some(id),
                    Err(error) => context.fail(node, format!("`{}` is not {}", shown(text), $wanted), error.to_string()),
                }
            }

            fn schema(_: &mut Definitions) -> Json {
                json!({ "type": "string", "pattern": $pattern })
            }
        }

        impl Key for $type {
            fn from_key(key: &str) -> Result<Self, String> {
                <$type>::parse(key).map_err(|error| error.to_string())
            }

            fn key_schema() -> Json {
                json!({ "pattern": $pattern })
            }
        }
    )*};
}
ids! { Id, "an id", ID_PATTERN; Token, "an id", TOKEN_PATTERN }

impl Decode for Owner {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match node.text() {
            Some("platform") => Some(Self::Platform),
            _ => Id::decode(node, context).map(Self::Store),
        }
    }

    fn schema(definitions: &mut Definitions) -> Json {
        Id::schema(definitions)
    }
}

impl Decode for Party {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match node.text() {
            Some("platform") => Some(Self::Platform),
            Some("seller") => Some(Self::Seller),
            _ => Id::decode(node, context).map(Self::Store),
        }
    }

    fn schema(definitions: &mut Definitions) -> Json {
        Id::schema(definitions)
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole<const MIN: i64, const MAX: i64>(pub i64);

/// A count of pieces or orders, which may be 0.
pub type Count = Whole<0, PROMOTION_AMOUNT_MAX>;
/// A count of at least 1.
pub type Positive = Whole<1, PROMOTION_AMOUNT_MAX>;
/// Any whole number of 64 bits.
pub type AnyWhole = Whole<{ i64::MIN }, { i64::MAX }>;

impl<const MIN: i64, const MAX: i64> Decode for Whole<MIN, MAX> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        whole(node, context, MIN, MAX).map(Self)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

impl Decode for i32 {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let number = whole(node, context, i64::from(i32::MIN), i64::from(i32::MAX))?;
        i32::try_from(number).ok()
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX })
    }
}

fn whole(node: &Node, context: &mut Context<'_>, min: i64, max: i64) -> Option<i64> {
    let scalar = context.scalar(node, "a whole number")?;
    if scalar.resolve() != Resolved::Integer {
        let hint = match scalar.resolve() {
            Resolved::Text if scalar.text.parse::<i64>().is_ok() => "write it without quotes",
            _ => "write digits only",
        };
        return context.fail(node, format!("`{}` is not a whole number", shown(&scalar.text)), hint);
    }
    if scalar.text.contains(['x', 'o']) {
        return context.fail(node, format!("`{}` is not written in decimal digits", shown(&scalar.text)), "write digits only");
    }
    match scalar.text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Some(number),
        _ => {
            let message = format!("`{}` is out of bounds", shown(&scalar.text));
            let hint = match (min, max) {
                (0, PROMOTION_AMOUNT_MAX) => "write 0 or more".to_owned(),
                (1, PROMOTION_AMOUNT_MAX) => "write 1 or more".to_owned(),
                (min, max) => format!("write a number between {min} and {max}"),
            };
            context.fail(node, message, hint)
        }
    }
}

/// Reads the amount of a node, in minor units.
fn amount(node: &Node, context: &mut Context<'_>) -> Option<i64> {
    let scalar = context.scalar(node, "an amount")?;
    match scalar.resolve() {
        Resolved::Integer | Resolved::Text => {}
        Resolved::Float => {
            let hint = format!("quote it: \"{}\"", shown(&scalar.text));
            return context.fail(node, format!("`{}` is a float, which is not exact", shown(&scalar.text)), hint);
        }
        Resolved::Null | Resolved::Bool(_) => {
            return context.fail(
                node,
                format!("is {}, not an amount", what(node)),
                "write major units, such as 1980 or \"12.50\"",
            );
        }
    }
    match minor_units(&scalar.text, context.currency()) {
        Ok(minor) => Some(minor),
        Err(error) => {
            let hint = "write major units of the catalogue's currency, such as 1980 or \"12.50\"";
            context.fail(node, format!("`{}` {error}", shown(&scalar.text)), hint)
        }
    }
}

/// An amount of a promotion, from 0 to 10^15 minor units.
impl Decode for Amount {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let minor = amount(node, context)?;
        let exponent = context.currency().map_or(0, Currency::exponent);
        if minor < 0 {
            return context.fail(node, format!("`{}` is negative", shown(node.text().unwrap_or_default())), "write 0 or more");
        }
        if minor > PROMOTION_AMOUNT_MAX && context.currency().is_some() {
            let most = major(Amount::minor(PROMOTION_AMOUNT_MAX), exponent);
            return context.fail(
                node,
                format!("`{}` is too large", shown(node.text().unwrap_or_default())),
                format!("at most {most}"),
            );
        }
        Some(Amount::minor(minor))
    }

    fn schema(definitions: &mut Definitions) -> Json {
        definitions.refer("Amount", |_| {
            json!({
                "description": "Major units of the catalogue's currency, with no more decimals than it has: 1980, \"12.50\".",
                "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": r"^\+?[0-9]+(\.[0-9]+)?$" }],
            })
        })
    }
}

/// An amount of any sign, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum(pub Amount);

impl Decode for Sum {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        amount(node, context).map(|minor| Self(Amount::minor(minor)))
    }

    fn schema(definitions: &mut Definitions) -> Json {
        definitions.refer("Sum", |_| {
            json!({
                "description": "Major units of the catalogue's currency; may be negative.",
                "anyOf": [{ "type": "integer" }, { "type": "string", "pattern": r"^[-+]?[0-9]+(\.[0-9]+)?$" }],
            })
        })
    }
}

impl Decode for Rate {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let scalar = context.scalar(node, "a percentage")?;
        let text = shown(&scalar.text);
        if scalar.plain {
            return match scalar.resolve() {
                Resolved::Integer | Resolved::Float => context.fail(
                    node,
                    format!("`{text}` is a number, where a percentage is text"),
                    format!("quote it: \"{text}\""),
                ),
                _ => context.fail(node, format!("`{text}` is not a percentage"), "write it in quotes: \"12.5\""),
            };
        }
        match Rate::percent(&scalar.text) {
            Ok(rate) => Some(rate),
            Err(error) => context.fail(node, format!("`{text}` is not a percentage"), error.to_string()),
        }
    }

    fn schema(definitions: &mut Definitions) -> Json {
        definitions.refer("Percentage", |_| {
            json!({
                "description": "Percent, as text: above 0, at most 100, at most 6 decimals.",
                "type": "string",
                "pattern": r"^\+?[0-9]*\.?[0-9]+$|^\+?[0-9]+\.$",
            })
        })
    }
}

impl Decode for Timestamp {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let text = context.text(node, "a moment")?;
        if !has_rfc3339_shape(text) {
            let hint = "write date, time and offset: \"2026-11-11T10:00:00+09:00\"";
            return context.fail(node, format!("`{}` is not a moment", shown(text)), hint);
        }
        match text.parse::<Timestamp>() {
            Ok(moment) => Some(moment),
            Err(_) => context.fail(node, format!("`{}` is not a moment", shown(text)), "there is no such date, time or offset"),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "format": "date-time" })
    }
}

/// The parser of moments also takes other notations (names of zones, no colon): files know one.
fn has_rfc3339_shape(text: &str) -> bool {
    let Some((date, rest)) = text.split_once(['T', 't']) else { return false };
    let (time, offset) = match rest.find(['+', '-']) {
        Some(at) => rest.split_at(at),
        None => match rest.strip_suffix(['Z', 'z']) {
            Some(time) => (time, "+00:00"),
            None => return false,
        },
    };
    let shaped = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(byte, shape)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape })
    };
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let fraction_ok = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    shaped(date, "0000-00-00")
        && shaped(seconds, "00:00:00")
        && fraction_ok
        && (shaped(offset, "+00:00") || shaped(offset, "-00:00"))
}

/// A time of day in minutes, from `00:00` to `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay(pub u16);

impl Decode for TimeOfDay {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let text = context.text(node, "a time of day")?;
        match minutes_of(text) {
            Some(minutes) => Some(Self(minutes)),
            None => context.fail(
                node,
                format!("`{}` is not a time of day", shown(text)),
                "write hours and minutes: \"09:30\", up to \"24:00\"",
            ),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" })
    }
}

fn minutes_of(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two =
        |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<u16>().ok())?;
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let of_day = hours * 60 + minutes;
    (minutes < 60 && of_day <= 24 * 60).then_some(of_day)
}

impl Decode for Duration {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let text = context.text(node, "a length of time")?;
        match duration_of(text) {
            Some(duration) => Some(duration),
            None => context.fail(
                node,
                format!("`{}` is not a length of time", shown(text)),
                "write a whole number and one of `ms`, `s`, `m`, `h`, `d`: `15m`, `14d`, `50ms`",
            ),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$" })
    }
}

fn duration_of(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).filter(|at| (1..=9).contains(at))?;
    let (digits, unit) = text.split_at(unit_at);
    let number = digits.parse::<u64>().ok()?;
    Some(match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number * 60),
        "h" => Duration::from_secs(number * 3_600),
        "d" => Duration::from_secs(number * 86_400),
        _ => return None,
    })
}

impl Decode for Currency {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let text = context.text(node, "a currency")?;
        if let Some(currency) = Currency::from_code(text) {
            return Some(currency);
        }
        let hint = match Currency::from_code(&text.to_uppercase()) {
            Some(currency) => format!("did you mean `{}`?", currency.code()),
            None => "write a code of ISO 4217 that has a minor unit, such as `JPY`, `USD`, `EUR`".to_owned(),
        };
        context.fail(node, format!("`{}` is not a currency", shown(text)), hint)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "pattern": "^[A-Z]{3}$" })
    }
}

impl Decode for TimeZone {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let text = context.text(node, "a time zone")?;
        if text == "UTC" {
            return Some(TimeZone::UTC);
        }
        // Only the zones that were built in: the answer must not depend on the machine.
        let zones = jiff::tz::TimeZoneDatabase::bundled();
        if let Ok(zone) = zones.get(text) {
            return Some(zone);
        }
        let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
        let hint = match nearest(text, names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "write a name of the time zone database, such as `Asia/Tokyo` or `UTC`".to_owned(),
        };
        context.fail(node, format!("`{}` is not a time zone", shown(text)), hint)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "description": "A name of the time zone database, Asia/Tokyo." })
    }
}

#[cfg(test)]
mod tests;
