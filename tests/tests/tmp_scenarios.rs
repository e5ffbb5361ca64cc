//! temp
use std::collections::BTreeMap;
use tokka_core::promotion::*; use tokka_core::amount::Amount; use tokka_core::id::{Id,Token}; use tokka_core::rate::{Rate,Rounding};
use tokka_core::basket::*; use tokka_core::catalogue::{Gift,Store}; use tokka_core::schedule::{Days,Session};
use tokka_tests::{case::Case, priced::*, pricer::*, generate::rule_only};
fn id(s:&str)->Id{Id::parse(s).unwrap()} fn tk(s:&str)->Token{Token::parse(s).unwrap()} fn am(n:i64)->Amount{Amount::minor(n)} fn pc(s:&str)->Rate{Rate::percent(s).unwrap()}
fn pricers()->Vec<Box<dyn Pricer>>{ let mut v: Vec<Box<dyn Pricer>> = vec![Box::new(Naive::default())]; if std::env::var("FAST").is_ok() { v.push(Box::new(tokka_tests::fast::Fast)); } v }

#[test]
#[allow(unused_mut, reason="x")]
fn allocation_funding_three_parties() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"x".into(),store:"s1".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"yarn".into(),store:"s2".into(),categories:vec![],unit_price:100,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("s1"),name:"x".into(),minimum_order:None}, Store{id:id("s2"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("shared", Owner::Platform, Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("10")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.funding = vec![Funding{party:Party::Platform,percent:pc("33.4")}, Funding{party:Party::Store(id("s1")),percent:pc("33.3")}, Funding{party:Party::Seller,percent:pc("33.3")}]; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 990, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 10, "{}", w);
 assert_eq!(q.funding_by_payer().get("platform").copied().unwrap_or(0), 37, "{}", w);
 assert_eq!(q.funding_by_payer().get("s1").copied().unwrap_or(0), 70, "{}", w);
 assert_eq!(q.funding_by_payer().get("s2").copied().unwrap_or(0), 3, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn allocation_rooms_are_the_weights() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"shop".into(),categories:vec![],unit_price:3000,quantity:1,list_price:None,floor_price:Some(2500),tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"desk".into(),store:"shop".into(),categories:vec![],unit_price:2000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"book".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:Some(1000),tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("ten", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:6000,discount:Some(Discount::PercentOff{rate: pc("10"), max_discount: None}),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 5400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 2880, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[2], 120, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 1520, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[2], 480, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 1000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[2], 0, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn allocation_three_decimals() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"date".into(),store:"shop".into(),categories:vec![],unit_price:1255,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["hundred-fils".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("seven-half", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("7.5")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("hundred-fils", Owner::Platform, Rule::Coupon(Coupon{threshold:am(3000),discount:Discount::AmountOff(am(100)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3383, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 3383, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 282, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[5], 100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![1128, 1128, 1127], "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn allocation_ties_by_bytes() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"b".into(),sku:"x".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"B".into(),sku:"yarn".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"a".into(),sku:"z".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["two-off".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("two-off", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(0),discount:Discount::AmountOff(am(2)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 298, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[3], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="B").unwrap().payable, 99, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="B").unwrap().discounts[3], 1, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 99, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[3], 1, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn allocation_ties_to_the_larger_amount() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"x1".into(),store:"shop".into(),categories:vec![],unit_price:1,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"x2".into(),store:"shop".into(),categories:vec![],unit_price:3,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["two-off".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("two-off", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(0),discount:Discount::AmountOff(am(2)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 1, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[3], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 1, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[3], 2, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn allocation_units_of_one_yen() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"dot".into(),store:"shop".into(),categories:vec![],unit_price:1,quantity:7,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["three-off".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("three-off", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(0),discount:Discount::AmountOff(am(3)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![BTreeMap::from([("a".to_string(),3)]), BTreeMap::from([("a".to_string(),1)]), BTreeMap::from([("a".to_string(),3)])]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 4, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 4, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[3], 3, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![1, 1, 1, 1, 0, 0, 0], "{}", w);
 let b = x.refunds(&c, Policy::Proportional).unwrap();
 assert_eq!(b[0].refund, 0, "{}", w);
 assert_eq!(b[1].refund, 1, "{}", w);
 assert_eq!(b[2].refund, 3, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_active_or_not() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"hat".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec!["new".into()]; r.channel=Some("app".into()); r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_hours(9).unwrap()),stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("wednesday", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("10")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.schedule = vec![Session{days:Days::of([jiff::civil::Weekday::Wednesday]),from:600,to:720}]; p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("monday", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("50")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.schedule = vec![Session{days:Days::of([jiff::civil::Weekday::Monday,jiff::civil::Weekday::Friday]),from:600,to:720}]; p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 9; p},
{let mut p = rule_only("ended", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("50")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-11-11T10:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 9; p},
{let mut p = rule_only("vip", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("50")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.audience.tags_any = vec![tk("vip")]; p.audience.channels = vec![tk("app")]; p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 9; p},
{let mut p = rule_only("draft", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("50")),flash:false})); p.status = Status::Draft; p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 9; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 900, "{}", w);
 assert_eq!(q.outcomes["wednesday"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_buy_get_add_cut_by_stock() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"soap".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:10,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); u.insert(Key::Stock("three-plus-one".into()),48);
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("three-plus-one", Owner::Store(id("shop")), Rule::BuyGet(BuyGet{mode:BuyGetMode::Add,repeat:true,tiers:vec![BuyGetTier{buy:3,get:1}]})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("soap")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.limits.stock = Some(50); p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 1000, "{}", w);
 assert_eq!(q.free_units.iter().map(|f|f.2).sum::<i64>(), 2, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_buy_get_add_repeat() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"soap".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:72,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("ten-plus-one", Owner::Store(id("shop")), Rule::BuyGet(BuyGet{mode:BuyGetMode::Add,repeat:true,tiers:vec![BuyGetTier{buy:10,get:1}, BuyGetTier{buy:50,get:8}]})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("soap")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 7200, "{}", w);
 assert_eq!(q.free_units.iter().map(|f|f.2).sum::<i64>(), 10, "{}", w);
 assert_eq!(q.outcomes["ten-plus-one"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_buy_get_include() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"sock".into(),store:"shop".into(),categories:vec![],unit_price:300,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"sock".into(),store:"shop".into(),categories:vec![],unit_price:250,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("two-plus-one", Owner::Store(id("shop")), Rule::BuyGet(BuyGet{mode:BuyGetMode::Include,repeat:true,tiers:vec![BuyGetTier{buy:2,get:1}]})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("sock")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![BTreeMap::from([("a".to_string(),1)]), BTreeMap::from([("b".to_string(),1)]), BTreeMap::from([("a".to_string(),1)])]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 424, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 176, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![212, 212], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 176, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 74, "{}", w);
 let b = x.refunds(&c, Policy::Proportional).unwrap();
 assert_eq!(b[0].refund, 212, "{}", w);
 assert_eq!(b[1].refund, 176, "{}", w);
 assert_eq!(b[2].refund, 212, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_choice_priority_then_amount() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"hat".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("half", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("50")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("hat")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("tenth", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("10")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("hat")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 5; p},
{let mut p = rule_only("minus-200", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::AmountOff(am(200)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("hat")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 5; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 800, "{}", w);
 assert_eq!(q.outcomes["minus-200"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["tenth"].code.as_str(), "BEATEN_BY", "{}", w);
 assert_eq!(q.outcomes["half"].code.as_str(), "BEATEN_BY", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_choice_selected_by_the_request() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"hat".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); r.select.insert("hat".into(), Selection::Promotion("tenth".into())); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("half", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("50")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("hat")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("tenth", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("10")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("hat")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 5; p},
{let mut p = rule_only("minus-200", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::AmountOff(am(200)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("hat")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 5; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 900, "{}", w);
 assert_eq!(q.outcomes["tenth"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["half"].code.as_str(), "NOT_SELECTED", "{}", w);
 assert_eq!(q.outcomes["minus-200"].code.as_str(), "NOT_SELECTED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_flash_limit_per_user() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"mask-50".into(),store:"tokyo-pharma".into(),categories:vec!["masks".into()],unit_price:1280,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); u.insert(Key::Stock("flash-mask".into()),400); u.insert(Key::UserUnits("flash-mask".into()),1);
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("tokyo-pharma"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("flash-mask", Owner::Store(id("tokyo-pharma")), Rule::ItemPrice(ItemPrice{price:UnitPrice::Fixed(am(980)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("mask-50")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.limits.stock = Some(1000); p.limits.units_per_user = Some(2); p.funding = vec![Funding{party:Party::Platform,percent:pc("40")}, Funding{party:Party::Store(id("tokyo-pharma")),percent:pc("60")}]; p}],request:r,usage:u,steps:vec![BTreeMap::from([("a".to_string(),1)]), BTreeMap::from([("a".to_string(),2)])]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3540, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 3540, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 300, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().over_limit, 2, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![980, 1280, 1280], "{}", w);
 assert_eq!(q.outcomes["flash-mask"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.funding_by_payer().get("platform").copied().unwrap_or(0), 120, "{}", w);
 assert_eq!(q.funding_by_payer().get("tokyo-pharma").copied().unwrap_or(0), 180, "{}", w);
 let b = x.refunds(&c, Policy::Proportional).unwrap();
 assert_eq!(b[0].refund, 1280, "{}", w);
 assert_eq!(b[1].refund, 2260, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_floor_price() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:2,list_price:None,floor_price:Some(700),tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"desk".into(),store:"shop".into(),categories:vec![],unit_price:1500,quantity:1,list_price:None,floor_price:Some(2000),tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"bulb".into(),store:"shop".into(),categories:vec![],unit_price:901,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("half", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("50")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3350, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 1400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![700, 700], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 1500, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 450, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[0], 451, "{}", w);
 assert_eq!(q.outcomes["half"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_guest_with_a_limit_per_user() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:None,lines:vec![LineRequest{line_id:"a".into(),sku:"tea".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); u.insert(Key::UserUnits("two-each".into()),2);
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("two-each", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::AmountOff(am(100)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.limits.units_per_user = Some(2); p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2800, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 2800, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().over_limit, 1, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![900, 900, 1000], "{}", w);
 assert_eq!(q.needs_user, true, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_limit_per_sku() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"t".into(),sku:"tea".into(),store:"shop".into(),categories:vec![],unit_price:500,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"m".into(),sku:"mug".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"p".into(),sku:"pot".into(),store:"shop".into(),categories:vec![],unit_price:2000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); u.insert(Key::UserUnitsOfSku("fifth-off".into(),"tea".into()),1);
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("fifth-off", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("20")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.limits.units_per_user = Some(2); p.limits.per_sku = true; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 4600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().payable, 1400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().discounts[0], 100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().over_limit, 2, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().runs.clone(), vec![(1,400), (2,500)], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="m").unwrap().payable, 1600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="m").unwrap().discounts[0], 400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="m").unwrap().over_limit, 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="p").unwrap().payable, 1600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="p").unwrap().discounts[0], 400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="p").unwrap().over_limit, 0, "{}", w);
 assert_eq!(q.outcomes["fifth-off"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["fifth-off"].facts["discount"].as_str(), "900", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_percent_rounds_each_unit() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"pin".into(),store:"shop".into(),categories:vec![],unit_price:20,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("off-12", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("12.5")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("pin")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 51, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 51, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 9, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![17, 17, 17], "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_price_not_below_touches_nothing() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"plum".into(),store:"shop".into(),categories:vec![],unit_price:480,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"pear".into(),store:"shop".into(),categories:vec![],unit_price:800,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("fixed-500", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::Fixed(am(500)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("plum"), tk("pear")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.stacking.spend = Some(false); p},
{let mut p = rule_only("ten-percent", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:1,discount:Some(Discount::PercentOff{rate: pc("10"), max_discount: None}),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 932, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 432, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[2], 48, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 500, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 300, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[2], 0, "{}", w);
 assert_eq!(q.outcomes["fixed-500"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["ten-percent"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_rounding_half_down() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"juice".into(),store:"shop".into(),categories:vec![],unit_price:1050,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"jam".into(),store:"shop".into(),categories:vec![],unit_price:1051,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfDown,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("fifteen", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("15")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 1786, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 893, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 157, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 893, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 158, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_rounding_half_even() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"pin".into(),store:"shop".into(),categories:vec![],unit_price:20,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"tin".into(),store:"shop".into(),categories:vec![],unit_price:60,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfEven,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("off-12", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("12.5")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 70, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 18, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 2, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 52, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 8, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_schedule_past_midnight() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-13T15:30:00Z".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"hat".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); r.select.insert("hat".into(), Selection::Promotion("saturday-night".into())); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_hours(9).unwrap()),stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("friday-night", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("10")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.schedule = vec![Session{days:Days::of([jiff::civil::Weekday::Friday]),from:1320,to:120}]; p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("saturday-night", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("50")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.schedule = vec![Session{days:Days::of([jiff::civil::Weekday::Saturday]),from:1320,to:120}]; p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 9; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 900, "{}", w);
 assert_eq!(q.outcomes["friday-night"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["saturday-night"].code.as_str(), "OUT_OF_SCHEDULE", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_stock_shared_by_two_lines() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"cup".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"cup".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); u.insert(Key::Stock("last-three".into()),997);
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("last-three", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::Fixed(am(700)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("cup")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.limits.stock = Some(1000); p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 1400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().over_limit, 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![700, 700], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 1700, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 300, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().over_limit, 1, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![700, 1000], "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_volume_all_units() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"bolt".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:12,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"bolt".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:8,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("wholesale", Owner::Store(id("shop")), Rule::VolumePrice(VolumePrice{mode:VolumeMode::AllUnits,tiers:vec![VolumeTier{min_quantity:10,price:UnitPrice::PercentOff(pc("5"))}, VolumeTier{min_quantity:20,price:UnitPrice::Fixed(am(880))}]})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("bolt")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 17600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 10560, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 1440, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 7040, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 960, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn item_volume_graduated_with_limit() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"pen".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:9,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("ladder", Owner::Store(id("shop")), Rule::VolumePrice(VolumePrice{mode:VolumeMode::Graduated,tiers:vec![VolumeTier{min_quantity:3,price:UnitPrice::Fixed(am(90))}, VolumeTier{min_quantity:6,price:UnitPrice::Fixed(am(80))}]})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("pen")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.limits.units_per_order = Some(7); p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 830, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 830, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 70, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().over_limit, 2, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![100, 100, 90, 90, 90, 80, 80, 100, 100], "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn platform_all_six_stages() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"ant".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:4,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"bee".into(),store:"shop".into(),categories:vec![],unit_price:2000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"cat".into(),store:"shop".into(),categories:vec![],unit_price:500,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["p-605".into(), "s-coupon".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("a-tenth", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::PercentOff(pc("10")),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("ant")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("c-three", Owner::Store(id("shop")), Rule::MixMatch(MixMatch{pick:3,reward:MixMatchReward::Set(SetReward::FixedTotal(am(1200))),max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("cat")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("s-5000", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:5000,discount:Some(Discount::AmountOff(am(500))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("s-coupon", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(6000),discount:Discount::PercentOff{rate: pc("10"), max_discount: Some(am(400))},threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("p-five", Owner::Platform, Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3000,discount:Some(Discount::PercentOff{rate: pc("5"), max_discount: None}),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("p-605", Owner::Platform, Rule::Coupon(Coupon{threshold:am(5000),discount:Discount::AmountOff(am(605)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 5000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 2647, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[1], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[2], 265, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[3], 212, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[4], 156, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[5], 320, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![662, 662, 662, 661], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 1470, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[1], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[2], 147, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[3], 118, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[4], 87, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[5], 178, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 883, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[0], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[1], 300, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[2], 88, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[3], 70, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[4], 52, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[5], 107, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![295, 294, 294], "{}", w);
 assert_eq!(q.funding_by_payer().get("shop").copied().unwrap_or(0), 1600, "{}", w);
 assert_eq!(q.funding_by_payer().get("platform").copied().unwrap_or(0), 900, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn platform_below_the_minimum_order() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"fan".into(),store:"s1".into(),categories:vec![],unit_price:3200,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"mat".into(),store:"s2".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["five".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("s1"),name:"x".into(),minimum_order:Some(am(3000))}, Store{id:id("s2"),name:"x".into(),minimum_order:Some(am(1000))}],gifts:vec![],promotions:vec![{let mut p = rule_only("spend-3000", Owner::Store(id("s1")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3000,discount:Some(Discount::AmountOff(am(300))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("five", Owner::Store(id("s2")), Rule::Coupon(Coupon{threshold:am(0),discount:Discount::PercentOff{rate: pc("5"), max_discount: None},threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3850, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s1").unwrap().subtotal, 2900, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s2").unwrap().subtotal, 950, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s1").unwrap().below_minimum, 100, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s2").unwrap().below_minimum, 0, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn platform_coupon_goes_down_the_tree() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"w".into(),store:"s1".into(),categories:vec![],unit_price:6,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"x".into(),store:"s1".into(),categories:vec![],unit_price:6,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"yarn".into(),store:"s2".into(),categories:vec![],unit_price:4,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"d".into(),sku:"z".into(),store:"s2".into(),categories:vec![],unit_price:4,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["two-yen".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("s1"),name:"x".into(),minimum_order:None}, Store{id:id("s2"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("two-yen", Owner::Platform, Rule::Coupon(Coupon{threshold:am(0),discount:Discount::AmountOff(am(2)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 18, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 5, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[5], 1, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 6, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[5], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 3, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[5], 1, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="d").unwrap().payable, 4, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="d").unwrap().discounts[5], 0, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn platform_scope_stores() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"ink".into(),store:"s1".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"pad".into(),store:"s2".into(),categories:vec![],unit_price:2000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"pen".into(),store:"s3".into(),categories:vec![],unit_price:3000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["not-s1".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("s1"),name:"x".into(),minimum_order:None}, Store{id:id("s2"),name:"x".into(),minimum_order:None}, Store{id:id("s3"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("enrolled", Owner::Platform, Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:2500,discount:Some(Discount::AmountOff(am(300))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:Some(vec![id("s1"), id("s2")])}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("not-s1", Owner::Platform, Rule::Coupon(Coupon{threshold:am(4000),discount:Discount::PercentOff{rate: pc("10"), max_discount: None},threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![id("s1")]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 5220, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s1").unwrap().payable, 900, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s2").unwrap().payable, 1620, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s3").unwrap().payable, 2700, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[4], 100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[5], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[4], 200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[5], 180, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[4], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[5], 300, "{}", w);
 assert_eq!(q.outcomes["enrolled"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["not-s1"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn platform_selected_in_two_stages() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"shop".into(),categories:vec![],unit_price:2000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"desk".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); r.select_spend.insert("a".into(), SpendSelection::Promotions(vec!["shop-b".into(), "both-platform".into()])); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("shop-a", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:2000,discount:Some(Discount::AmountOff(am(100))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 10; p},
{let mut p = rule_only("shop-b", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:2000,discount:Some(Discount::AmountOff(am(150))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("lamp")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("both-platform", Owner::Platform, Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:1000,discount:Some(Discount::PercentOff{rate: pc("10"), max_discount: None}),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2565, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 1665, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[2], 150, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[4], 185, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 900, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[2], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[4], 100, "{}", w);
 assert_eq!(q.outcomes["shop-a"].code.as_str(), "BELOW_THRESHOLD", "{}", w);
 assert_eq!(q.outcomes["shop-a"].facts["missing"].as_str(), "1000", "{}", w);
 assert_eq!(q.outcomes["shop-b"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["both-platform"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn platform_seller_funding() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"s1".into(),categories:vec![],unit_price:2000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"fan".into(),store:"s2".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["half-half".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("s1"),name:"x".into(),minimum_order:None}, Store{id:id("s2"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("half-half", Owner::Platform, Rule::Coupon(Coupon{threshold:am(3000),discount:Discount::AmountOff(am(301)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.funding = vec![Funding{party:Party::Platform,percent:pc("50")}, Funding{party:Party::Seller,percent:pc("50")}]; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2699, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s1").unwrap().subtotal, 2000, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s2").unwrap().subtotal, 1000, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s1").unwrap().payable, 1799, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s2").unwrap().payable, 900, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[5], 201, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[5], 100, "{}", w);
 assert_eq!(q.funding_by_payer().get("platform").copied().unwrap_or(0), 151, "{}", w);
 assert_eq!(q.funding_by_payer().get("s1").copied().unwrap_or(0), 100, "{}", w);
 assert_eq!(q.funding_by_payer().get("s2").copied().unwrap_or(0), 50, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn platform_spend_across_three_stores() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"x".into(),store:"s1".into(),categories:vec![],unit_price:3333,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"yarn".into(),store:"s2".into(),categories:vec![],unit_price:3333,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"z".into(),store:"s3".into(),categories:vec![],unit_price:3334,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("s1"),name:"x".into(),minimum_order:None}, Store{id:id("s2"),name:"x".into(),minimum_order:None}, Store{id:id("s3"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("big-day", Owner::Platform, Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:9999,discount:Some(Discount::AmountOff(am(1000))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 9000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 3000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[4], 333, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 3000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[4], 333, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 3000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[4], 334, "{}", w);
 assert_eq!(q.funding_by_payer().get("platform").copied().unwrap_or(0), 1000, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn platform_threshold_on_item() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"shop".into(),categories:vec![],unit_price:1500,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["store-300".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("store-300", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(3000),discount:Discount::AmountOff(am(300)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("platform-a", Owner::Platform, Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("a"),tiers:vec![SpendTier{threshold:3000,discount:Some(Discount::AmountOff(am(500))),gifts:vec![]}],threshold_on:ThresholdOn::Item,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 10; p},
{let mut p = rule_only("platform-b", Owner::Platform, Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("b"),tiers:vec![SpendTier{threshold:3000,discount:Some(Discount::AmountOff(am(100))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2200, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="shop").unwrap().subtotal, 2700, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 2200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[3], 300, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[4], 500, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![1100, 1100], "{}", w);
 assert_eq!(q.outcomes["platform-a"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["platform-b"].code.as_str(), "BELOW_THRESHOLD", "{}", w);
 assert_eq!(q.outcomes["platform-b"].facts["threshold"].as_str(), "3000", "{}", w);
 assert_eq!(q.outcomes["platform-b"].facts["actual"].as_str(), "2200", "{}", w);
 assert_eq!(q.outcomes["platform-b"].facts["missing"].as_str(), "800", "{}", w);
 assert_eq!(q.hints.iter().find(|((p,_),_)|p=="platform-b").map(|h|*h.1).unwrap_or(0), 800, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn refund_clawback_of_what_the_order_holds() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"soap".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:10,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("by-ten", Owner::Store(id("shop")), Rule::VolumePrice(VolumePrice{mode:VolumeMode::AllUnits,tiers:vec![VolumeTier{min_quantity:10,price:UnitPrice::Fixed(am(80))}]})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 5; p},
{let mut p = rule_only("flash", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::Fixed(am(50)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.limits.stock = Some(3); p}],request:r,usage:u,steps:vec![BTreeMap::from([("a".to_string(),5)]), BTreeMap::from([("a".to_string(),2)]), BTreeMap::from([("a".to_string(),3)])]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 800, "{}", w);
 assert_eq!(q.outcomes["by-ten"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["flash"].code.as_str(), "BEATEN_BY", "{}", w);
 assert_eq!(q.outcomes["flash"].facts["promotion"].as_str(), "by-ten", "{}", w);
 let b = x.refunds(&c, Policy::Clawback).unwrap();
 assert_eq!(b[0].refund, 300, "{}", w);
 assert_eq!(b[0].waived, 0, "{}", w);
 assert_eq!(b[1].refund, 200, "{}", w);
 assert_eq!(b[2].refund, 300, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn refund_clawback_over_two_stores() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"shop".into(),categories:vec![],unit_price:2000,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"desk".into(),store:"mart".into(),categories:vec![],unit_price:2000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}, Store{id:id("mart"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("big", Owner::Platform, Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:5000,discount:Some(Discount::PercentOff{rate: pc("40"), max_discount: None}),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![BTreeMap::from([("a".to_string(),1)]), BTreeMap::from([("b".to_string(),1)]), BTreeMap::from([("a".to_string(),1)])]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 2400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[4], 1600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 1200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[4], 800, "{}", w);
 let b = x.refunds(&c, Policy::Clawback).unwrap();
 assert_eq!(b[0].refund, 0, "{}", w);
 assert_eq!(b[0].lines["a"], 600, "{}", w);
 assert_eq!(b[0].lines["b"], -600, "{}", w);
 assert_eq!(b[0].waived, 400, "{}", w);
 assert_eq!(b[1].refund, 1600, "{}", w);
 assert_eq!(b[1].lines["b"], 1800, "{}", w);
 assert_eq!(b[1].lines["a"], -200, "{}", w);
 assert_eq!(b[1].waived, 0, "{}", w);
 assert_eq!(b[2].refund, 2000, "{}", w);
 assert_eq!(b[2].lines["a"], 2000, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn refund_clawback_waives_the_difference() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("half-off", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3000,discount:Some(Discount::AmountOff(am(1500))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![BTreeMap::from([("a".to_string(),1)]), BTreeMap::from([("a".to_string(),1)]), BTreeMap::from([("a".to_string(),1)])]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 1500, "{}", w);
 let b = x.refunds(&c, Policy::Clawback).unwrap();
 assert_eq!(b[0].refund, 0, "{}", w);
 assert_eq!(b[0].waived, 500, "{}", w);
 assert_eq!(b[1].refund, 500, "{}", w);
 assert_eq!(b[1].waived, 0, "{}", w);
 assert_eq!(b[2].refund, 1000, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn refund_clawback() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("thousand-off", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3000,discount:Some(Discount::AmountOff(am(1000))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![BTreeMap::from([("a".to_string(),1)]), BTreeMap::from([("a".to_string(),1)]), BTreeMap::from([("a".to_string(),1)])]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2000, "{}", w);
 let b = x.refunds(&c, Policy::Clawback).unwrap();
 assert_eq!(b[0].refund, 0, "{}", w);
 assert_eq!(b[1].refund, 1000, "{}", w);
 assert_eq!(b[2].refund, 1000, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn refund_proportional() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"bulb".into(),store:"shop".into(),categories:vec![],unit_price:500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["hundred".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("hundred", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(3000),discount:Discount::AmountOff(am(100)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![BTreeMap::from([("a".to_string(),1)]), BTreeMap::from([("b".to_string(),1)]), BTreeMap::from([("a".to_string(),2)])]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 2914, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![972, 971, 971], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 486, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![486], "{}", w);
 let b = x.refunds(&c, Policy::Proportional).unwrap();
 assert_eq!(b[0].refund, 971, "{}", w);
 assert_eq!(b[1].refund, 486, "{}", w);
 assert_eq!(b[2].refund, 1943, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn set_bundle_with_alternatives() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"t".into(),sku:"tent".into(),store:"shop".into(),categories:vec![],unit_price:15000,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"u".into(),sku:"lamp-a".into(),store:"shop".into(),categories:vec![],unit_price:4000,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"v".into(),sku:"lamp-b".into(),store:"shop".into(),categories:vec![],unit_price:3500,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("camp", Owner::Store(id("shop")), Rule::Bundle(Bundle{components:vec![Component{skus:vec![tk("tent")],categories:vec![],quantity:1,percent_off:None}, Component{skus:vec![tk("lamp-a"), tk("lamp-b")],categories:vec![],quantity:2,percent_off:None}],reward:Some(SetReward::FixedTotal(am(19800))),max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 43100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().payable, 26110, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().discounts[1], 3890, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![13055, 13055], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="u").unwrap().payable, 10444, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="u").unwrap().discounts[1], 1556, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="u").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![3482, 3481, 3481], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="v").unwrap().payable, 6546, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="v").unwrap().discounts[1], 454, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="v").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![3046, 3500], "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn set_buy_a_get_b() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"p".into(),sku:"phone".into(),store:"shop".into(),categories:vec![],unit_price:30000,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"l".into(),sku:"leather".into(),store:"shop".into(),categories:vec!["cases".into()],unit_price:500,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"k".into(),sku:"plastic".into(),store:"shop".into(),categories:vec!["cases".into()],unit_price:300,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("case-free", Owner::Store(id("shop")), Rule::Bundle(Bundle{components:vec![Component{skus:vec![],categories:vec![tk("cases")],quantity:1,percent_off:Some(pc("100"))}, Component{skus:vec![tk("phone")],categories:vec![],quantity:1,percent_off:None}],reward:None,max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 60500, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="p").unwrap().payable, 59211, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="p").unwrap().discounts[1], 789, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="p").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![29606, 29605], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="l").unwrap().payable, 993, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="l").unwrap().discounts[1], 7, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="l").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![493, 500], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="k").unwrap().payable, 296, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="k").unwrap().discounts[1], 4, "{}", w);
 assert_eq!(q.outcomes["case-free"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["case-free"].facts["discount"].as_str(), "800", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn set_buy_two_get_one_at_half_price() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"c".into(),sku:"shirt-c".into(),store:"shop".into(),categories:vec!["shirts".into()],unit_price:500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"a".into(),sku:"shirt-a".into(),store:"shop".into(),categories:vec!["shirts".into()],unit_price:900,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"shirt-b".into(),store:"shop".into(),categories:vec!["shirts".into()],unit_price:800,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"d".into(),sku:"necktie".into(),store:"shop".into(),categories:vec!["ties".into()],unit_price:400,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("third-half", Owner::Store(id("shop")), Rule::Bundle(Bundle{components:vec![Component{skus:vec![],categories:vec![tk("shirts")],quantity:2,percent_off:None}, Component{skus:vec![],categories:vec![tk("shirts")],quantity:1,percent_off:Some(pc("50"))}],reward:None,max_sets:Some(1)})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2350, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 798, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[1], 102, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 709, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[1], 91, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 443, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[1], 57, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="d").unwrap().payable, 400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="d").unwrap().discounts[1], 0, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn set_free_units_take_no_part() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"cup".into(),store:"shop".into(),categories:vec![],unit_price:500,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"z".into(),sku:"sample".into(),store:"shop".into(),categories:vec![],unit_price:0,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("three-for-700", Owner::Store(id("shop")), Rule::MixMatch(MixMatch{pick:3,reward:MixMatchReward::Set(SetReward::FixedTotal(am(700))),max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 1000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[1], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![500, 500], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="z").unwrap().discounts[1], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="z").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![0], "{}", w);
 assert_eq!(q.outcomes["three-for-700"].code.as_str(), "BELOW_QUANTITY", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn set_mix_match_amount_off() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"cup".into(),store:"shop".into(),categories:vec![],unit_price:900,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"plate".into(),store:"shop".into(),categories:vec![],unit_price:600,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"spoon".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("any-three", Owner::Store(id("shop")), Rule::MixMatch(MixMatch{pick:3,reward:MixMatchReward::Set(SetReward::AmountOff(am(500))),max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 1928, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[1], 772, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![643, 643, 642], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 429, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[1], 171, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 243, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[1], 57, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![72, 71, 100], "{}", w);
 assert_eq!(q.outcomes["any-three"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["any-three"].facts["discount"].as_str(), "1000", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn set_mix_match_cheapest_free() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"book-1".into(),store:"shop".into(),categories:vec![],unit_price:900,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"book-2".into(),store:"shop".into(),categories:vec![],unit_price:700,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"book-3".into(),store:"shop".into(),categories:vec![],unit_price:500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("third-free", Owner::Store(id("shop")), Rule::MixMatch(MixMatch{pick:3,reward:MixMatchReward::Cheapest{count:1,percent_off:pc("100")},max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 1600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 686, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[1], 214, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 533, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[1], 167, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 381, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[1], 119, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn set_mix_match_fixed_total() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"nuts".into(),store:"shop".into(),categories:vec!["snack".into()],unit_price:500,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"figs".into(),store:"shop".into(),categories:vec!["snack".into()],unit_price:400,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"rice".into(),store:"shop".into(),categories:vec!["snack".into()],unit_price:300,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("three-for-1000", Owner::Store(id("shop")), Rule::MixMatch(MixMatch{pick:3,reward:MixMatchReward::Set(SetReward::FixedTotal(am(1000))),max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:None, categories:Some(vec![tk("snack")]), stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2300, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 800, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[1], 200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![400, 400], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 960, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[1], 240, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![320, 320, 320], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 540, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[1], 60, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![240, 300], "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn set_one_set_per_unit() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"fork".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"bowl".into(),store:"shop".into(),categories:vec![],unit_price:80,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("pair-half", Owner::Store(id("shop")), Rule::MixMatch(MixMatch{pick:2,reward:MixMatchReward::Set(SetReward::PercentOff(pc("50"))),max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("fork")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 10; p},
{let mut p = rule_only("pair-tenth", Owner::Store(id("shop")), Rule::MixMatch(MixMatch{pick:2,reward:MixMatchReward::Set(SetReward::PercentOff(pc("10"))),max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 262, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 190, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[1], 110, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![50, 50, 90], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 72, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[1], 8, "{}", w);
 assert_eq!(q.outcomes["pair-half"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["pair-tenth"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn set_over_limit_units_may_join_a_set() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"mask".into(),store:"shop".into(),categories:vec![],unit_price:1280,quantity:5,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("flash", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::Fixed(am(980)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("mask")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.limits.units_per_order = Some(2); p},
{let mut p = rule_only("three-for-3000", Owner::Store(id("shop")), Rule::MixMatch(MixMatch{pick:3,reward:MixMatchReward::Set(SetReward::FixedTotal(am(3000))),max_sets:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 4960, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 4960, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[1], 840, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().over_limit, 3, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![980, 980, 1000, 1000, 1000], "{}", w);
 assert_eq!(q.outcomes["flash"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["three-for-3000"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_coupon_never_below_zero() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"mug".into(),store:"shop".into(),categories:vec![],unit_price:600,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"g".into(),sku:"card".into(),store:"shop".into(),categories:vec!["gift-card".into()],unit_price:500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["thousand".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("thousand", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(0),discount:Discount::AmountOff(am(1000)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![tk("gift-card")],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 500, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[3], 600, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="g").unwrap().payable, 500, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="g").unwrap().discounts[3], 0, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_coupon_one_per_store() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"ink".into(),store:"s1".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"pad".into(),store:"s2".into(),categories:vec![],unit_price:999,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["s1-100".into(), "s1-200".into(), "s2-five".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("s1"),name:"x".into(),minimum_order:None}, Store{id:id("s2"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("s1-100", Owner::Store(id("s1")), Rule::Coupon(Coupon{threshold:am(0),discount:Discount::AmountOff(am(100)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("s1-200", Owner::Store(id("s1")), Rule::Coupon(Coupon{threshold:am(0),discount:Discount::AmountOff(am(200)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("s2-five", Owner::Store(id("s2")), Rule::Coupon(Coupon{threshold:am(500),discount:Discount::PercentOff{rate: pc("5"), max_discount: None},threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 1849, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s1").unwrap().payable, 900, "{}", w);
 assert_eq!(q.stores.iter().find(|s|s.id=="s2").unwrap().payable, 949, "{}", w);
 assert_eq!(q.outcomes["s1-100"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["s1-200"].code.as_str(), "ONE_PER_ORDER", "{}", w);
 assert_eq!(q.outcomes["s2-five"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_coupon_qualify() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"b".into(),sku:"novel".into(),store:"shop".into(),categories:vec!["books".into()],unit_price:900,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"p".into(),sku:"pen".into(),store:"shop".into(),categories:vec![],unit_price:5000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["pens-500".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("pens-500", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(2000),discount:Discount::AmountOff(am(500)),threshold_on:ThresholdOn::Left,qualify:Some(Scope{include: Include{all:false, skus:None, categories:Some(vec![tk("books")]), stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}})})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("pen")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 6800, "{}", w);
 assert_eq!(q.outcomes["pens-500"].code.as_str(), "BELOW_THRESHOLD", "{}", w);
 assert_eq!(q.outcomes["pens-500"].facts["threshold"].as_str(), "2000", "{}", w);
 assert_eq!(q.outcomes["pens-500"].facts["actual"].as_str(), "1800", "{}", w);
 assert_eq!(q.outcomes["pens-500"].facts["missing"].as_str(), "200", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_coupon_switched_off_by_a_volume_price() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"nail".into(),store:"shop".into(),categories:vec![],unit_price:100,quantity:10,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"saw".into(),store:"shop".into(),categories:vec![],unit_price:500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["ten-off".into(), "gone".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("ten-pieces", Owner::Store(id("shop")), Rule::VolumePrice(VolumePrice{mode:VolumeMode::AllUnits,tiers:vec![VolumeTier{min_quantity:10,price:UnitPrice::PercentOff(pc("10"))}]})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("nail")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.stacking.store_coupon = Some(false); p},
{let mut p = rule_only("ten-off", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(500),discount:Discount::PercentOff{rate: pc("10"), max_discount: Some(am(400))},threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 1350, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 900, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[3], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 450, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[3], 50, "{}", w);
 assert_eq!(q.outcomes["ten-off"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["gone"].code.as_str(), "UNKNOWN_COUPON", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_coupon_threshold_after_the_spend() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"fan".into(),store:"shop".into(),categories:vec![],unit_price:3200,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["coupon-3000".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("spend-3000", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3000,discount:Some(Discount::AmountOff(am(300))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("coupon-3000", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(3000),discount:Discount::AmountOff(am(300)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2900, "{}", w);
 assert_eq!(q.outcomes["spend-3000"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["coupon-3000"].code.as_str(), "BELOW_THRESHOLD", "{}", w);
 assert_eq!(q.outcomes["coupon-3000"].facts["missing"].as_str(), "100", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_exclusion_group() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"t".into(),sku:"robot".into(),store:"shop".into(),categories:vec!["toys".into()],unit_price:1500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"f".into(),sku:"flour".into(),store:"shop".into(),categories:vec!["food".into()],unit_price:1800,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("toys", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:1000,discount:Some(Discount::AmountOff(am(100))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:None, categories:Some(vec![tk("toys")]), stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 10; p},
{let mut p = rule_only("all-shop", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:2000,discount:Some(Discount::AmountOff(am(300))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("toys-too", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:500,discount:Some(Discount::AmountOff(am(50))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:None, categories:Some(vec![tk("toys")]), stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().payable, 1400, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().discounts[2], 100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="f").unwrap().payable, 1800, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="f").unwrap().discounts[2], 0, "{}", w);
 assert_eq!(q.outcomes["toys"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["all-shop"].code.as_str(), "BELOW_THRESHOLD", "{}", w);
 assert_eq!(q.outcomes["all-shop"].facts["missing"].as_str(), "200", "{}", w);
 assert_eq!(q.outcomes["toys-too"].code.as_str(), "EXCLUDED_BY", "{}", w);
 assert_eq!(q.outcomes["toys-too"].facts["promotion"].as_str(), "toys", "{}", w);
 assert_eq!(q.outcomes["toys-too"].facts["exclusion_group"].as_str(), "spend", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_floor_cuts_the_discount() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lamp".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:2,list_price:None,floor_price:Some(900),tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"desk".into(),store:"shop".into(),categories:vec![],unit_price:2000,quantity:1,list_price:None,floor_price:Some(1200),tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("fifteen-hundred", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:4000,discount:Some(Discount::AmountOff(am(1500))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 1800, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[2], 200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![900, 900], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 1200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[2], 800, "{}", w);
 assert_eq!(q.outcomes["fifteen-hundred"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["fifteen-hundred"].facts["discount"].as_str(), "1000", "{}", w);
 assert_eq!(q.funding_by_payer().get("shop").copied().unwrap_or(0), 1000, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_gift_first_with_any_left() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"tea".into(),store:"shop".into(),categories:vec![],unit_price:3500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); u.insert(Key::Gift("bag".into()),5);
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![Gift{id:id("bag"),name:"x".into(),sku:None,erp_sku:None,inventory:Some(5),value:None}, Gift{id:id("mug"),name:"x".into(),sku:None,erp_sku:None,inventory:None,value:None}],promotions:vec![{let mut p = rule_only("pick-a-gift", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3000,discount:None,gifts:vec![GiftReward{options:vec![id("bag"), id("mug")], choose:true, quantity:1}]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3500, "{}", w);
 assert_eq!(q.gifts_given(), BTreeMap::<String,i64>::from([("mug".into(),1)]), "{}", w);
 assert_eq!(q.outcomes["pick-a-gift"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_gift_of_choice() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"tea".into(),store:"shop".into(),categories:vec![],unit_price:3500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); r.select_gift.insert("pick-a-gift".into(),"mug".into()); let mut u = Usage::new(); u.insert(Key::Gift("mug".into()),1);
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![Gift{id:id("bag"),name:"x".into(),sku:None,erp_sku:None,inventory:None,value:None}, Gift{id:id("mug"),name:"x".into(),sku:None,erp_sku:None,inventory:Some(2),value:None}],promotions:vec![{let mut p = rule_only("pick-a-gift", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3000,discount:None,gifts:vec![GiftReward{options:vec![id("bag"), id("mug")], choose:true, quantity:2}]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3500, "{}", w);
 assert_eq!(q.gifts_given(), BTreeMap::<String,i64>::from([("mug".into(),1)]), "{}", w);
 assert_eq!(q.gifts.iter().filter(|g|g.given<g.wanted).map(|g|(g.gift.clone(),g.wanted,g.given)).collect::<Vec<_>>(), vec![("mug".to_string(),2,1)], "{}", w);
 assert_eq!(q.outcomes["pick-a-gift"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_gift_out_of_stock() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"tea".into(),store:"shop".into(),categories:vec![],unit_price:3500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![Gift{id:id("cup"),name:"x".into(),sku:None,erp_sku:None,inventory:Some(0),value:None}],promotions:vec![{let mut p = rule_only("cup-and-200", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3000,discount:Some(Discount::AmountOff(am(200))),gifts:vec![GiftReward{options:vec![id("cup")], choose:false, quantity:1}]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3300, "{}", w);
 assert_eq!(q.gifts_given(), BTreeMap::<String,i64>::from([]), "{}", w);
 assert_eq!(q.gifts.iter().filter(|g|g.given<g.wanted).map(|g|(g.gift.clone(),g.wanted,g.given)).collect::<Vec<_>>(), vec![("cup".to_string(),1,0)], "{}", w);
 assert_eq!(q.outcomes["cup-and-200"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_highest_tier_cap_and_gift() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"coat".into(),store:"shop".into(),categories:vec![],unit_price:20000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"boot".into(),store:"shop".into(),categories:vec![],unit_price:10000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![Gift{id:id("tote"),name:"x".into(),sku:None,erp_sku:None,inventory:Some(500),value:None}],promotions:vec![{let mut p = rule_only("autumn", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:5000,discount:Some(Discount::AmountOff(am(500))),gifts:vec![]}, SpendTier{threshold:10000,discount:Some(Discount::PercentOff{rate: pc("12"), max_discount: Some(am(3000))}),gifts:vec![GiftReward{options:vec![id("tote")], choose:false, quantity:1}]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 27000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 18000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[2], 2000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 9000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[2], 1000, "{}", w);
 assert_eq!(q.gifts_given(), BTreeMap::<String,i64>::from([("tote".into(),1)]), "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_qualify() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"p".into(),sku:"phone".into(),store:"shop".into(),categories:vec!["phones".into()],unit_price:20000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"c".into(),sku:"cable".into(),store:"shop".into(),categories:vec!["accessories".into()],unit_price:1000,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("accessories", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:20000,discount:Some(Discount::PercentOff{rate: pc("10"), max_discount: None}),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:Some(Scope{include: Include{all:false, skus:None, categories:Some(vec![tk("phones")]), stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}})})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:None, categories:Some(vec![tk("accessories")]), stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 10; p},
{let mut p = rule_only("phones", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:15000,discount:Some(Discount::AmountOff(am(1000))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 21700, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="p").unwrap().payable, 19000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="p").unwrap().discounts[2], 1000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().payable, 2700, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().discounts[2], 300, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="c").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![900, 900, 900], "{}", w);
 assert_eq!(q.outcomes["accessories"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["accessories"].facts["discount"].as_str(), "300", "{}", w);
 assert_eq!(q.outcomes["phones"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["phones"].facts["discount"].as_str(), "1000", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_quantity_without_flash_units() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"rug".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"mat".into(),store:"shop".into(),categories:vec![],unit_price:500,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("flash", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::Fixed(am(900)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("rug")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.stacking.set = Some(false); p.stacking.spend = Some(false); p.stacking.store_coupon = Some(true); p.stacking.platform = Some(true); p},
{let mut p = rule_only("three-pieces", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Quantity,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3,discount:Some(Discount::PercentOff{rate: pc("20"), max_discount: None}),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 3000, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 1800, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[0], 200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[2], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 1200, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[0], 0, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[2], 300, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_repeat_with_a_maximum() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"lens".into(),store:"shop".into(),categories:vec![],unit_price:4000,quantity:2,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"case".into(),store:"shop".into(),categories:vec![],unit_price:5000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("each-3000", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:true,max_repeats:Some(3),exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:3000,discount:Some(Discount::AmountOff(am(300))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 12100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().payable, 7446, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().discounts[2], 554, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="a").unwrap().runs.iter().flat_map(|(n,e)| vec![*e;*n as usize]).collect::<Vec<i64>>(), vec![3723, 3723], "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().payable, 4654, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="b").unwrap().discounts[2], 346, "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_selected_by_line() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"t".into(),sku:"robot".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"u".into(),sku:"train".into(),store:"shop".into(),categories:vec![],unit_price:1600,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"v".into(),sku:"kite".into(),store:"shop".into(),categories:vec![],unit_price:500,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec![]); r.select_spend.insert("u".into(), SpendSelection::Promotions(vec!["rich".into()])); r.select_spend.insert("v".into(), SpendSelection::None); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("general", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:1000,discount:Some(Discount::AmountOff(am(100))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.priority = 10; p},
{let mut p = rule_only("rich", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:1500,discount:Some(Discount::AmountOff(am(300))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 2700, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().payable, 900, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="t").unwrap().discounts[2], 100, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="u").unwrap().payable, 1300, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="u").unwrap().discounts[2], 300, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="v").unwrap().payable, 500, "{}", w);
 assert_eq!(q.lines.iter().find(|l|l.line_id=="v").unwrap().discounts[2], 0, "{}", w);
 assert_eq!(q.outcomes["general"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["rich"].code.as_str(), "APPLIED", "{}", w); } }

#[test]
#[allow(unused_mut, reason="x")]
fn store_spend_what_is_missing() { let mut r = BasketRequest{currency:"JPY".into(),at:"2026-11-11T10:00:00+09:00".parse().unwrap(),user:Some("u1".into()),lines:vec![LineRequest{line_id:"a".into(),sku:"rug".into(),store:"shop".into(),categories:vec![],unit_price:1000,quantity:1,list_price:None,floor_price:None,tax_class:None,tags:vec![]}, LineRequest{line_id:"b".into(),sku:"mat".into(),store:"shop".into(),categories:vec![],unit_price:1180,quantity:3,list_price:None,floor_price:None,tax_class:None,tags:vec![]}],..BasketRequest::default()}; r.user_tags=vec![]; r.coupons=CouponsOffered::These(vec!["six-thousand".into()]); let mut u = Usage::new(); 
 let c = Case{rounding:Rounding::HalfUp,time_zone:jiff::tz::TimeZone::UTC,stores:vec![Store{id:id("shop"),name:"x".into(),minimum_order:None}],gifts:vec![],promotions:vec![{let mut p = rule_only("flash", Owner::Store(id("shop")), Rule::ItemPrice(ItemPrice{price:UnitPrice::Fixed(am(900)),flash:false})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:false, skus:Some(vec![tk("rug")]), categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p.stacking.spend = Some(false); p},
{let mut p = rule_only("autumn", Owner::Store(id("shop")), Rule::Spend(Spend{basis:Basis::Amount,repeat:false,max_repeats:None,exclusion_group:id("spend"),tiers:vec![SpendTier{threshold:5000,discount:Some(Discount::AmountOff(am(500))),gifts:vec![]}, SpendTier{threshold:10000,discount:Some(Discount::AmountOff(am(1500))),gifts:vec![]}],threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p},
{let mut p = rule_only("six-thousand", Owner::Store(id("shop")), Rule::Coupon(Coupon{threshold:am(6000),discount:Discount::AmountOff(am(600)),threshold_on:ThresholdOn::Left,qualify:None})); p.window.start = Some("2026-11-01T00:00:00+09:00".parse().unwrap()); p.window.end = Some("2026-12-01T00:00:00+09:00".parse().unwrap()); p.scope = Scope{include: Include{all:true, skus:None, categories:None, stores:None}, exclude: Exclude{skus:vec![],categories:vec![],stores:vec![]}}; p}],request:r,usage:u,steps:vec![]};
 for x in pricers() { let w = x.name(); let q = x.price(&c).unwrap();
 assert_eq!(q.payable, 4440, "{}", w);
 assert_eq!(q.outcomes["flash"].code.as_str(), "APPLIED", "{}", w);
 assert_eq!(q.outcomes["autumn"].code.as_str(), "BELOW_THRESHOLD", "{}", w);
 assert_eq!(q.outcomes["autumn"].facts["threshold"].as_str(), "5000", "{}", w);
 assert_eq!(q.outcomes["autumn"].facts["actual"].as_str(), "3540", "{}", w);
 assert_eq!(q.outcomes["autumn"].facts["missing"].as_str(), "1460", "{}", w);
 assert_eq!(q.outcomes["six-thousand"].code.as_str(), "BELOW_THRESHOLD", "{}", w);
 assert_eq!(q.outcomes["six-thousand"].facts["threshold"].as_str(), "6000", "{}", w);
 assert_eq!(q.outcomes["six-thousand"].facts["actual"].as_str(), "4440", "{}", w);
 assert_eq!(q.outcomes["six-thousand"].facts["missing"].as_str(), "1560", "{}", w); } }
