//! Which files do the tests run over? A small shop, a basket and a scenario, small enough to be worked out by hand.

/// A small shop: a flash price for two pieces a customer, a spend promotion, a coupon of the platform.
pub(crate) const CATALOGUE: &str = r#"kind: catalogue
currency: JPY
time_zone: Asia/Tokyo
---
kind: store
id: shop
name: 東京ファーマ
minimum_order: 1000
---
kind: gift
id: tote
name: トートバッグ
inventory: 3
value: 300
---
kind: promotion
id: flash
name: マスク タイムセール
owner: shop
status: published
scope: {include: {skus: [mask-50]}}
stacking: {set: false, spend: true, store_coupon: true, platform: true}
limits: {units_per_user: 2, period: day}
item_price: {fixed: 980, flash: true}
---
kind: promotion
id: autumn
name: 秋の感謝祭
owner: shop
status: published
spend: {basis: amount, tiers: [{threshold: 7000, percent_off: "10", gifts: [{gift: tote, quantity: 1}]}]}
---
kind: promotion
id: welcome
name: ようこそ
owner: platform
status: published
coupon: {threshold: 3000, amount_off: 500}
"#;

/// Three masks and a lamp, with the coupon and one that does not exist.
pub(crate) const BASKET: &str = r#"kind: basket
currency: JPY
user: u1
lines:
  - {line_id: a, sku: mask-50, store: shop, categories: [masks], unit_price: 1280, quantity: 3}
  - {line_id: b, sku: lamp, store: shop, unit_price: 2000, quantity: 1}
coupons: [nope, welcome]
"#;

/// A scenario over the small shop whose payable is `payable`: the flash price for 2 of 3 masks, the coupon.
pub(crate) fn scenario(name: &str, payable: i64) -> String {
    format!(
        r#"kind: scenario
name: {name}
catalogue: [catalogue.yaml]
basket:
  at: "2026-11-11T10:00:00+09:00"
  user: u1
  lines:
    - {{line_id: a, sku: mask-50, store: shop, unit_price: 1280, quantity: 3}}
    - {{line_id: b, sku: lamp, store: shop, unit_price: 2000, quantity: 1}}
  coupons: [welcome]
expect:
  payable: {payable}
"#
    )
}
