use super::*;
use crate::yaml::Documents;

/// Decodes a value of a file of one line in US dollars, or answers the problem without its place.
fn read<T: Decode>(text: &str) -> Result<T, String> {
    let mut context = Context::new("t", Currency::from_code("USD"));
    let node = Documents::new("t", text).next().and_then(|document| document.root).unwrap();
    let value = T::decode(&node, &mut context);
    match (value, context.into_problems().first()) {
        (Some(value), None) => Ok(value),
        (_, problem) => Err(problem.unwrap().to_string()),
    }
}

fn fails<T: Decode + std::fmt::Debug>(text: &str, fragment: &str) {
    let message = read::<T>(text).unwrap_err();
    assert!(message.contains(fragment), "{text}: {message}");
}

#[test]
fn amounts() {
    assert_eq!(read::<Amount>("12").unwrap().get(), 1200);
    assert_eq!(read::<Amount>("'12.50'").unwrap().get(), 1250);
    assert_eq!(read::<Sum>("\"-0.05\"").unwrap().0.get(), -5);
    fails::<Amount>("12.50", "`12.50` is a float, which is not exact (quote it: \"12.50\")");
    fails::<Amount>("1e3", "quote it");
    fails::<Amount>("'12.505'", "has more decimals than USD has");
    fails::<Amount>("-1", "is negative");
    fails::<Amount>("10000000000001", "is too large (at most 10000000000000.00)");
    fails::<Amount>("99999999999999999999", "is too large an amount");
    fails::<Amount>("0x10", "is not an amount");
    fails::<Amount>("ten", "`ten` is not an amount");
    fails::<Amount>("true", "is true or false, not an amount");
    fails::<Amount>("[1]", "is a list, not an amount");
}

#[test]
fn percentages() {
    assert_eq!(read::<Rate>("\"12.5\"").unwrap(), Rate::percent("12.5").unwrap());
    fails::<Rate>("12.5", "quote it: \"12.5\"");
    fails::<Rate>("10", "quote it: \"10\"");
    fails::<Rate>("'0'", "above 0 and at most 100");
    fails::<Rate>("'101'", "above 0 and at most 100");
    fails::<Rate>("'1.1234567'", "at most 6 decimals");
    fails::<Rate>("ten", "is not a percentage");
}

#[test]
fn moments() {
    let moment = |text: &str| read::<Timestamp>(text).unwrap().to_string();
    assert_eq!(moment("2026-11-11T10:00:00+09:00"), "2026-11-11T01:00:00Z");
    assert_eq!(moment("'2026-11-11T10:00:00.5Z'"), "2026-11-11T10:00:00.5Z");
    for text in [
        "2026-11-11",
        "2026-11-11T10:00:00",
        "2026-11-11T10:00+09:00",
        "2026-11-11 10:00:00Z",
        "2026-11-11T10:00:00+09:00[Asia/Tokyo]",
        "2026-13-11T10:00:00Z",
        "2026-11-11T10:00:00.Z",
        "now",
    ] {
        fails::<Timestamp>(text, "is not a moment");
    }
}

#[test]
fn times_of_day_and_lengths_of_time() {
    assert_eq!(read::<TimeOfDay>("'09:05'").unwrap().0, 545);
    assert_eq!(read::<TimeOfDay>("24:00").unwrap().0, 1440);
    for text in ["24:01", "9:05", "10:60", "10", "'10:00:00'", "+1:00"] {
        assert!(read::<TimeOfDay>(text).is_err(), "{text}");
    }
    assert_eq!(read::<Duration>("15m").unwrap(), Duration::from_secs(900));
    assert_eq!(read::<Duration>("50ms").unwrap(), Duration::from_millis(50));
    assert_eq!(read::<Duration>("14d").unwrap(), Duration::from_secs(1_209_600));
    for text in ["15", "'15'", "m", "1.5h", "-1s", "1w", "9999999999s"] {
        assert!(read::<Duration>(text).is_err(), "{text}");
    }
}

#[test]
fn ids_and_texts_are_not_numbers() {
    assert_eq!(read::<Id>("flash-1").unwrap().as_str(), "flash-1");
    assert_eq!(read::<Owner>("platform").unwrap(), Owner::Platform);
    assert_eq!(read::<Party>("seller").unwrap(), Party::Seller);
    assert_eq!(read::<Token>("'4901234567890'").unwrap().as_str(), "4901234567890");
    fails::<Token>("4901234567890", "quote it: \"4901234567890\"");
    fails::<Id>("'a b'", "`a b` is not an id");
    fails::<Id>("none", "reserved words");
    fails::<String>("true", "quote it");
    fails::<String>("1.10", "quote it: \"1.10\"");
}

#[test]
fn whole_numbers_and_truths() {
    assert_eq!(read::<Count>("0").unwrap().0, 0);
    fails::<Count>("-1", "write 0 or more");
    fails::<Positive>("0", "write 1 or more");
    fails::<Count>("1.0", "is not a whole number");
    fails::<Count>("'3'", "write it without quotes");
    fails::<Count>("0x1F", "decimal digits");
    fails::<i32>("3000000000", "out of bounds");
    fails::<bool>("yes", "not `true` or `false`");
}

#[test]
fn currencies_and_time_zones() {
    assert_eq!(read::<Currency>("KWD").unwrap().exponent(), 3);
    fails::<Currency>("jpy", "did you mean `JPY`?");
    fails::<Currency>("ABC", "is not a currency");
    fails::<Currency>("XAU", "is not a currency");
    let zone = |text: &str| read::<TimeZone>(text).unwrap();
    assert_eq!(zone("Asia/Tokyo").iana_name(), Some("Asia/Tokyo"));
    assert_eq!(zone("UTC"), TimeZone::UTC);
    fails::<TimeZone>("Asia/Tokio", "did you mean `Asia/Tokyo`?");
    fails::<TimeZone>("nowhere at all", "is not a time zone");
}

#[test]
fn words_have_near_ones() {
    assert_eq!(read::<Rounding>("half_even").unwrap(), Rounding::HalfEven);
    fails::<Rounding>("half_evn", "did you mean `half_even`?");
    fails::<Status>("Published", "did you mean `published`?");
    fails::<Weekday>("xyz", "known are `mon`, `tue`");
}
