use super::*;

fn source(text: &str) -> Source {
    Source { name: "p.csv".to_owned(), text: text.to_owned() }
}

fn products(text: &str) -> Products {
    Products::parse(&source(text), Currency::from_code("USD")).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(text: &str) -> Vec<String> {
    let problems = Products::parse(&source(text), Currency::from_code("USD")).unwrap_err();
    problems.into_iter().map(ToString::to_string).collect()
}

#[test]
fn a_range_of_two_shops() {
    let products =
        products("\u{feff}store,sku,name,categories,unit_price\nshop,tea,\"緑茶, 100g\",food|food.tea,12.50\nother,tea,,,3\n");
    assert_eq!(products.len(), 2);
    assert_eq!(products.name("shop", "tea"), Some("緑茶, 100g"));
    assert_eq!(products.name("other", "tea"), None);
    assert_eq!(products.stores().map(Id::as_str).collect::<Vec<_>>(), ["other", "shop"]);
    assert_eq!(products.of_sku("tea").map(|product| product.unit_price.get()).collect::<Vec<_>>(), [300, 1250], "by store");
}

#[test]
fn a_scope_holds_what_the_engine_would_cover() {
    let products = products("sku,store,unit_price,categories\na,x,1,pens\nb,x,1,bags\na,y,1,pens|bags\nc,y,1,\n");
    let id = |text: &str| Id::parse(text).unwrap();
    let tokens = |texts: &[&str]| Some(texts.iter().map(|text| Token::parse(*text).unwrap()).collect::<Vec<_>>());
    let held = |owner: &Owner, scope: &Scope| {
        products.held_by(owner, scope).iter().map(|(_, product)| format!("{}{}", product.sku, product.store)).collect::<Vec<_>>()
    };
    let (platform, store) = (Owner::Platform, Owner::Store(id("x")));
    let mut scope = Scope::default();
    assert_eq!(held(&platform, &scope), ["ax", "bx", "ay", "cy"]);
    assert_eq!(held(&store, &scope), ["ax", "bx"]);
    scope.include.stores = Some(vec![id("y")]);
    assert_eq!(held(&platform, &scope), ["ay", "cy"]);
    assert!(held(&store, &scope).is_empty());
    scope.include.stores = None;
    (scope.include.all, scope.include.skus, scope.include.categories) = (false, tokens(&["a", "c"]), tokens(&["bags"]));
    assert_eq!(held(&platform, &scope), ["ax", "bx", "ay", "cy"], "each once");
    scope.exclude.categories = tokens(&["pens"]).unwrap();
    assert_eq!(held(&platform, &scope), ["bx", "cy"]);
    scope.exclude.skus = tokens(&["c"]).unwrap();
    scope.exclude.stores = vec![id("x")];
    assert!(held(&platform, &scope).is_empty());
}

#[test]
fn every_problem_of_a_file_is_told_with_its_line_and_column() {
    let found = problems(
        "sku,store,unit_price,floor_price\ntea,shop,1.999,\n\ntea 2,shop,,\nok,shop,1,\nok,shop,1,\nfew,shop\n\"x\",platform,1e3,-1\n",
    );
    let places: Vec<&str> = found.iter().filter_map(|told| told.strip_prefix("p.csv:")?.split(": ").next()).collect();
    assert_eq!(places, ["2:10", "4:1", "4:12", "6:1", "7:1", "8:5", "8:14", "8:18"], "{found:#?}");
    assert!(found[0].contains("unit_price: `1.999` has more decimals than USD has"), "{found:#?}");
    assert!(found[1].contains("sku: `tea 2`: an id is"), "{found:#?}");
    assert!(found[2].contains("unit_price: is empty: a product has a price"), "{found:#?}");
    assert!(found[3].contains("sku: `ok` of `shop` stands on line 5 too"), "{found:#?}");
    assert!(found[4].contains("has 2 fields, and the first line has 4"), "{found:#?}");
    assert!(found[5].contains("store: `platform`"), "{found:#?}");
}

#[test]
fn a_field_behind_commas_and_line_breaks_in_quotes_is_found() {
    let found = problems("sku,name,store,unit_price\na,\"x, \"\"y\"\"\nz\",shop,one\n");
    assert_eq!(found, ["p.csv:3:9: unit_price: `one` is not an amount"]);
}

#[test]
fn headings_are_checked_first() {
    assert!(problems("")[0].contains("is empty; its first line is `sku,store,"));
    assert_eq!(problems("sku,store\na b,b\n").len(), 1);
    assert!(problems("sku,store\na,b\n")[0].starts_with("p.csv:1:1: unit_price: is missing"));
    assert_eq!(
        problems("sku,store,unit_price,tax_clas\n"),
        ["p.csv:1:22: `tax_clas` is not a column (did you mean `tax_class`?)"]
    );
    assert!(problems("sku,store,unit_price,sku\n")[0].starts_with("p.csv:1:22: sku: is a second column of this name"));
}

#[test]
fn prices_within_bounds() {
    let price = |text: &str, code: &str| super::read::price(text, Currency::from_code(code));
    assert_eq!(price("1980", "JPY"), Ok(Some(Amount::minor(1980))));
    assert_eq!(price("19.8", "USD"), Ok(Some(Amount::minor(1980))));
    assert_eq!(price("", "USD"), Ok(None));
    for wrong in ["19.", "-1", "1000000000001", "99999999999999999999999", "1,980", "1e3"] {
        assert!(price(wrong, "JPY").is_err(), "{wrong}");
    }
}
