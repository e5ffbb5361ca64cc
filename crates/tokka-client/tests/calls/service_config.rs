//! Does `clients/service-config.json` say to clients of other languages what this client does? It is read as they read it.

use std::collections::BTreeMap;
use std::time::Duration;

use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::{Map, Value};
use tokka_client::{Deadlines, Retries};

const TEXT: &str = include_str!("../../../../clients/service-config.json");

/// Services of the admin address: operators wait for them, and a change without an id must not be repeated.
const OF_OPERATORS: [&str; 4] =
    ["tokka.v1.EventService", "tokka.v1.InsightService", "tokka.v1.PromotionService", "tokka.v1.StoreService"];

/// What the configuration says of one method.
#[derive(Debug, PartialEq)]
struct Method {
    timeout: Duration,
    attempts_max: u64,
    wait_first: Duration,
    wait_max: Duration,
    multiplier: u64,
    again_after: Vec<String>,
}

fn object<'a>(value: &'a Value, keys: &[&str]) -> &'a Map<String, Value> {
    let object = value.as_object().unwrap_or_else(|| panic!("{value} is no object"));
    let mut known: Vec<&str> = object.keys().map(String::as_str).collect();
    known.sort_unstable();
    // A name that no client knows would be passed over in silence.
    assert_eq!(known, keys, "of {value}");
    object
}

/// A duration as JSON has it: seconds and an `s`.
fn duration(value: &Value) -> Duration {
    let text = value.as_str().and_then(|text| text.strip_suffix('s')).unwrap_or_else(|| panic!("{value} is no duration"));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let nanos: u32 = format!("{fraction:0<9}").parse().unwrap();
    Duration::new(seconds.parse().unwrap(), nanos)
}

/// By `/service/method`.
fn methods() -> BTreeMap<String, Method> {
    let config: Value = serde_json::from_str(TEXT).unwrap();
    let config = object(&config, &["loadBalancingConfig", "methodConfig", "retryThrottling"]);
    let mut methods = BTreeMap::new();
    for entry in config["methodConfig"].as_array().unwrap() {
        let entry = object(entry, &["name", "retryPolicy", "timeout"]);
        let keys = ["backoffMultiplier", "initialBackoff", "maxAttempts", "maxBackoff", "retryableStatusCodes"];
        let policy = object(&entry["retryPolicy"], &keys);
        let codes = policy["retryableStatusCodes"].as_array().unwrap();
        for name in entry["name"].as_array().unwrap() {
            let name = object(name, &["method", "service"]);
            let method = Method {
                timeout: duration(&entry["timeout"]),
                attempts_max: policy["maxAttempts"].as_u64().unwrap(),
                wait_first: duration(&policy["initialBackoff"]),
                wait_max: duration(&policy["maxBackoff"]),
                multiplier: policy["backoffMultiplier"].as_u64().unwrap(),
                again_after: codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect(),
            };
            let path = format!("/{}/{}", name["service"].as_str().unwrap(), name["method"].as_str().unwrap());
            assert_eq!(methods.insert(path.clone(), method), None, "`{path}` is named twice");
        }
    }
    methods
}

/// Every method of the API by `/service/method`.
fn served() -> Vec<String> {
    let set = FileDescriptorSet::decode(tokka_proto::DESCRIPTOR_SET).unwrap();
    let mut paths = Vec::new();
    for file in &set.file {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            paths.extend(service.method.iter().map(|method| format!("/{name}/{}", method.name())));
        }
    }
    paths
}

/// Those that a shop calls, and what this client does with them. A new one belongs into both.
fn as_here() -> BTreeMap<&'static str, (Duration, u32)> {
    let (deadlines, retries) = (Deadlines::default(), Retries::default());
    BTreeMap::from([
        ("/tokka.v1.PricingService/Quote", (deadlines.quote, retries.reads_max)),
        ("/tokka.v1.PricingService/Reserve", (deadlines.change, retries.changes_max)),
        ("/tokka.v1.PricingService/Commit", (deadlines.change, retries.changes_max)),
        ("/tokka.v1.PricingService/Rollback", (deadlines.change, retries.changes_max)),
        ("/tokka.v1.PricingService/ExtendReservation", (deadlines.change, retries.changes_max)),
        ("/tokka.v1.PricingService/GetReservation", (deadlines.get, retries.reads_max)),
        ("/tokka.v1.CouponService/ClaimCoupon", (deadlines.change, retries.changes_max)),
        ("/tokka.v1.CouponService/RedeemCode", (deadlines.change, retries.changes_max)),
        ("/tokka.v1.CouponService/ListUserCoupons", (deadlines.get, retries.reads_max)),
        ("/tokka.v1.StorefrontService/PriceCards", (deadlines.quote, retries.reads_max)),
        ("/tokka.v1.StorefrontService/GetProductOffers", (deadlines.quote, retries.reads_max)),
        ("/tokka.v1.StorefrontService/ListZone", (deadlines.quote, retries.reads_max)),
        ("/tokka.v1.StorefrontService/ListClaimableCoupons", (deadlines.quote, retries.reads_max)),
    ])
}

#[test]
fn it_names_only_methods_that_exist() {
    let served = served();
    assert!(served.len() > 20, "{served:?}");
    for path in methods().keys() {
        assert!(served.contains(path), "`{path}` is no method of the API");
        let of_operators = OF_OPERATORS.iter().any(|service| path.starts_with(&format!("/{service}/")));
        assert!(!of_operators, "`{path}` is an operator's: nobody says that it may be repeated");
    }
}

#[test]
fn it_does_what_this_client_does() {
    let retries = Retries::default();
    let methods = methods();
    for (path, (timeout, attempts_max)) in as_here() {
        let method = methods.get(path).unwrap_or_else(|| panic!("`{path}` is not named"));
        let expected = Method {
            timeout,
            attempts_max: u64::from(attempts_max),
            wait_first: retries.wait_first,
            wait_max: retries.wait_max,
            multiplier: 2,
            again_after: vec!["UNAVAILABLE".to_owned()],
        };
        assert_eq!(*method, expected, "{path}");
    }
    assert_eq!(methods.len(), as_here().len(), "{methods:?}");
}

#[test]
fn it_is_within_what_every_client_takes() {
    for (path, method) in methods() {
        // Implementations cut more than five attempts, and refuse fewer than two.
        assert!((2..=5).contains(&method.attempts_max), "{path}");
        assert!(Duration::ZERO < method.wait_first && method.wait_first <= method.wait_max, "{path}");
    }
    let config: Value = serde_json::from_str(TEXT).unwrap();
    assert_eq!(config["loadBalancingConfig"], serde_json::json!([{ "round_robin": {} }]));
    let throttling = object(&config["retryThrottling"], &["maxTokens", "tokenRatio"]);
    assert!((1..=1000).contains(&throttling["maxTokens"].as_u64().unwrap()));
    assert!(throttling["tokenRatio"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_guide_has_the_same_numbers() {
    let guide = include_str!("../../../../docs/clients.md");
    let row = |(path, method): (&String, &Method)| {
        let name = path.strip_prefix("/tokka.v1.").unwrap();
        format!("| `{name}` | {} ms | {} |", method.timeout.as_millis(), method.attempts_max)
    };
    for row in methods().iter().map(row) {
        assert!(guide.lines().any(|line| line.starts_with(&row)), "docs/clients.md has no row `{row}`");
    }
}
