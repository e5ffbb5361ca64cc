use crate::{CATALOGUE, Folder, tokka};

#[test]
fn a_catalogue_without_problems_is_summed_up() {
    let folder = Folder::with(&[("shop/catalogue.yaml", CATALOGUE)]);
    let answer = tokka(&["check", &folder.text("shop")]).ended(0).says("has no problems: 3 promotions, 1 store, 1 gift");
    let row = |name: &str| {
        let row = answer.stdout.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        row.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(row("coupon"), ["coupon", "1", "-", "-", "-", "1"], "{}", answer.stdout);
    assert_eq!(row("total"), ["total", "3", "-", "-", "-", "3"], "{}", answer.stdout);
}

#[test]
fn every_problem_is_told_with_its_place() {
    let broken = CATALOGUE.replace("owner: shop\nstatus: published\nspend", "owner: shop\nstatus: publised\nspend");
    let broken = broken.replace("coupon: {threshold: 3000", "coupon: {treshold: 3000");
    let folder = Folder::with(&[("catalogue.yaml", &broken)]);
    let answer = tokka(&["check", &folder.text("")]).ended(1).complains("2 problems in `");
    let file = folder.text("catalogue.yaml");
    let places: Vec<&str> = answer.stdout.lines().filter_map(|line| line.strip_prefix(&format!("{file}:"))).collect();
    assert_eq!(places.len(), 2, "{}", answer.stdout);
    let line_of = |text: &str| broken.lines().position(|line| line.contains(text)).unwrap() + 1;
    assert!(places[0].starts_with(&format!("{}:9: status: ", line_of("publised"))), "{}", answer.stdout);
    assert!(places[1].starts_with(&format!("{}:", line_of("treshold"))), "{}", answer.stdout);
    assert!(places[1].contains("threshold"), "the nearest field is named: {}", answer.stdout);
}

#[test]
fn a_folder_that_is_not_there_is_a_problem() {
    let folder = Folder::with(&[]);
    let answer = tokka(&["check", &folder.text("none")]).ended(1);
    assert!(answer.stdout.contains("none: cannot be read"), "{}", answer.stdout);
    tokka(&["check"]).ended(2);
}

#[test]
fn products_show_what_promotions_name_in_vain() {
    let folder = Folder::with(&[
        ("shop/catalogue.yaml", CATALOGUE),
        ("products.csv", "sku,store,unit_price,name,categories\nmask-40,shop,1280,マスク,masks\nx,elsewhere,1,,\n"),
    ]);
    let answer = tokka(&["check", &folder.text("shop"), "--products", &folder.text("products.csv")]).ended(0);
    let answer = answer.says("2 products, 2 warnings").says("warning: products: the store `elsewhere` is not in the catalogue");
    answer.says("warning: promotion `flash`: scope.include: no product of `shop` has the sku `mask-50`");
}

#[test]
fn problems_of_products_have_their_line() {
    let folder = Folder::with(&[
        ("shop/catalogue.yaml", CATALOGUE),
        ("products.csv", "sku,store,unit_price\na,shop,12.5\nb,shop,\n"),
    ]);
    let file = folder.text("products.csv");
    let answer = tokka(&["check", &folder.text("shop"), "--products", &file]).ended(1).complains("2 problems in `");
    let answer = answer.says(&format!("{file}:2: unit_price: `12.5` has 1 decimals"));
    answer.says(&format!("{file}:3: unit_price: a product has a price"));
}
