//! What does a large marketplace look like? Made up from a seed: stores, products, and promotions of every kind.

use std::fmt::Write;

use tokka_catalog::Source;

/// A catalogue in several files, and the products of its stores.
pub(crate) struct Market {
    /// One file with the settings and stores, and one for each thousand promotions.
    pub(crate) files: Vec<Source>,
    /// As the product master exports them.
    pub(crate) products: Source,
}

const PRODUCTS_A_STORE: usize = 100;
const CATEGORIES: usize = 40;
const PROMOTIONS_A_FILE: usize = 1_000;

/// So many promotions in a marketplace that grows with them.
pub(crate) fn market(promotions: usize, seed: u64) -> Market {
    let mut random = fastrand::Rng::with_seed(seed);
    let stores = (promotions / 500).max(3);
    let mut head = "kind: catalogue\ncurrency: JPY\ntime_zone: Asia/Tokyo\n".to_owned();
    let mut csv = "sku,store,unit_price,categories,list_price,unit_cost\n".to_owned();
    for gift in 0..20 {
        let inventory = if gift % 5 == 0 { String::new() } else { format!(", inventory: {}", 100 * gift) };
        let _ = write!(head, "---\n{{kind: gift, id: gift-{gift}, name: Gift{inventory}}}\n");
    }
    for store in 0..stores {
        let _ = write!(head, "---\n{{kind: store, id: store-{store}, name: Store}}\n");
        for product in 0..PRODUCTS_A_STORE {
            let price = random.i64(100..20_000);
            let (list, cost) = (price * 110 / 100, price * random.i64(40..90) / 100);
            let (sku, category) = (store * PRODUCTS_A_STORE + product, random.usize(0..CATEGORIES));
            let _ = writeln!(csv, "sku-{sku},store-{store},{price},c{}|c{}.{category},{list},{cost}", category % 8, category % 8);
        }
    }
    let mut files = vec![Source { name: "catalogue.yaml".to_owned(), text: head }];
    let mut text = String::new();
    for number in 0..promotions {
        let _ = write!(text, "---\n{}", promotion(number, stores, &mut random));
        if (number + 1) % PROMOTIONS_A_FILE == 0 || number + 1 == promotions {
            files.push(Source { name: format!("promotions-{number}.yaml"), text: std::mem::take(&mut text) });
        }
    }
    Market { files, products: Source { name: "products.csv".to_owned(), text: csv } }
}

fn promotion(number: usize, stores: usize, random: &mut fastrand::Rng) -> String {
    let store = random.usize(0..stores);
    let sku = |random: &mut fastrand::Rng| format!("sku-{}", store * PRODUCTS_A_STORE + random.usize(0..PRODUCTS_A_STORE));
    let skus = |random: &mut fastrand::Rng| (0..random.usize(1..6)).map(|_| sku(random)).collect::<Vec<_>>().join(", ");
    let category = |random: &mut fastrand::Rng| {
        let category = random.usize(0..CATEGORIES);
        format!("c{}.{category}", category % 8)
    };
    let (month, day) = (random.u8(1..=12), random.u8(1..=27));
    let window = match random.u8(0..3) {
        0 => format!(
            "window: {{start: \"2027-{month:02}-{day:02}T00:00:00+09:00\", end: \"2027-{month:02}-{:02}T00:00:00+09:00\"}}\n",
            day + 1
        ),
        1 => format!("window: {{start: \"2027-{month:02}-{day:02}T00:00:00+09:00\"}}\n"),
        _ => String::new(),
    };
    let stacking = "stacking: {set: false, spend: true, store_coupon: true, platform: true}\n";
    let (platform, scope, rule) = match number % 20 {
        0..=6 => (
            false,
            format!("scope: {{include: {{skus: [{}]}}}}\n", skus(random)),
            format!("{stacking}item_price: {{percent_off: \"{}\"}}\n", random.u8(1..50)),
        ),
        7..=8 => (
            false,
            format!("scope: {{include: {{skus: [{}]}}}}\n", sku(random)),
            format!(
                "{stacking}limits: {{stock: 100, units_per_order: 2}}\nitem_price: {{fixed: {}, flash: true}}\n",
                random.u16(100..9000)
            ),
        ),
        9..=10 => (
            false,
            format!("scope: {{include: {{categories: [{}]}}}}\n", category(random)),
            format!(
                "volume_price: {{mode: all_units, tiers: [{{min_quantity: 3, percent_off: \"5\"}}, {{min_quantity: 10, percent_off: \"{}\"}}]}}\n",
                random.u8(4..20)
            ),
        ),
        11 => (
            false,
            format!("scope: {{include: {{skus: [{}]}}}}\n", skus(random)),
            "buy_get: {mode: include, repeat: true, tiers: [{buy: 3, get: 1}]}\n".to_owned(),
        ),
        12 => (
            false,
            format!("scope: {{include: {{categories: [{}]}}}}\n", category(random)),
            "mix_match: {pick: 3, cheapest: {count: 1, percent_off: \"100\"}}\n".to_owned(),
        ),
        13 => (
            false,
            String::new(),
            format!(
                "bundle: {{components: [{{skus: [{}], quantity: 1}}, {{categories: [{}], quantity: 2}}], percent_off: \"10\"}}\n",
                sku(random),
                category(random)
            ),
        ),
        14..=15 => (
            false,
            format!("scope: {{include: {{categories: [{}]}}}}\n", category(random)),
            format!(
                "spend: {{tiers: [{{threshold: 5000, amount_off: 500}}, {{threshold: 10000, amount_off: 1200, gifts: [{{gift: gift-{}, quantity: 1}}]}}]}}\n",
                random.u8(0..20)
            ),
        ),
        16..=18 => (false, String::new(), format!("coupon: {{threshold: {}, amount_off: 300}}\n", random.u16(500..5000))),
        _ => (
            true,
            format!("scope: {{include: {{categories: [{}]}}}}\n", category(random)),
            "coupon: {threshold: 10000, percent_off: \"5\", max_discount: 1000}\n".to_owned(),
        ),
    };
    let schedule = if random.u8(0..5) == 0 {
        format!("schedule: [{{days: [fri, sat], from: \"{:02}:00\", to: \"24:00\"}}]\n", random.u8(10..23))
    } else {
        String::new()
    };
    let owner = if platform { "platform".to_owned() } else { format!("store-{store}") };
    format!(
        "kind: promotion\nid: p-{number}\nname: Promotion {number}\nowner: {owner}\nstatus: published\npriority: {}\n{window}{schedule}{scope}{rule}",
        random.u8(0..5)
    )
}
