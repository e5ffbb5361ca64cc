//! Which promotions does nobody get, because another one goes first on everything that they cover?
//!
//! Only one without limits can stand before another for good. Each promotion is compared with those of its owner, or of the
//! platform, that name one of its words or everything; of many, with those of the highest priority.

use std::collections::HashMap;

use tokka_core::id::Token;
use tokka_core::promotion::{Audience, Owner, Promotion, Rule, Scope, Spend, Stage, Status, UnitPrice};

use super::alone::is_unlimited;
use super::overlap::Stores;
use super::{Code, Document, Finding, Telling};

/// With so many of each list a promotion is compared.
const COMPARED_MAX: usize = 64;

/// Looks at item promotions, and at spend promotions.
pub(super) fn look(telling: &mut Telling<'_>) {
    let mut index = Index::default();
    for (number, promotion) in telling.promotions().filter(|(_, one)| can_stand_before(one)) {
        index.add(number, promotion);
    }
    index.sort(telling);
    for (number, promotion) in telling.promotions().filter(|(_, one)| matches!(one.stage(), Stage::Item) || spend(one).is_some())
    {
        let first = index.of(promotion).filter_map(|other| {
            let before = telling.promotion(other).filter(|_| other != number)?;
            let (code, message) = goes_first(before, promotion)?;
            Some((code, other, before.priority, message))
        });
        // One that is never better is worse than one that only comes second.
        let told = first.min_by_key(|(code, ..)| *code);
        if let Some((code, other, priority, message)) = told {
            let finding = Finding::new(code, Document::Promotion(number), "", message);
            let finding = finding.count("priority", i64::from(promotion.priority)).count("other", i64::from(priority));
            telling.tell(finding.beside([Document::Promotion(other)]));
        }
    }
}

fn spend(promotion: &Promotion) -> Option<&Spend> {
    match &promotion.rule {
        Rule::Spend(spend) => Some(spend),
        _ => None,
    }
}

/// Is it there for everybody that it is for, however often it was used?
fn can_stand_before(promotion: &Promotion) -> bool {
    let rule = match &promotion.rule {
        Rule::ItemPrice(_) => true,
        // Gifts may be out of stock, and what only counts is measured elsewhere.
        Rule::Spend(spend) => spend.qualify.is_none() && spend.tiers.iter().all(|tier| tier.discount.is_some()),
        _ => false,
    };
    rule && promotion.status == Status::Published && is_unlimited(&promotion.limits)
}

/// A word by which one scope may lie within another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Word<'a> {
    Everything,
    Sku(&'a Token),
    Category(&'a Token),
}

/// Promotions that can stand before others, by owner, stage and word.
#[derive(Default)]
struct Index<'a>(HashMap<(&'a Owner, bool, Word<'a>), Vec<usize>>);

impl<'a> Index<'a> {
    fn add(&mut self, number: usize, promotion: &'a Promotion) {
        let items = promotion.stage() == Stage::Item;
        let include = &promotion.scope.include;
        let skus = include.skus.iter().flatten().map(Word::Sku);
        let mut words: Vec<Word<'a>> = skus.chain(include.categories.iter().flatten().map(Word::Category)).collect();
        if include.skus.is_none() && include.categories.is_none() {
            words.push(Word::Everything);
        }
        for word in words {
            self.0.entry((&promotion.owner, items, word)).or_default().push(number);
        }
    }

    fn sort(&mut self, telling: &Telling<'_>) {
        let order = |number: &usize| telling.promotion(*number).map(|one| (std::cmp::Reverse(one.priority), &one.id));
        self.0.values_mut().for_each(|listed| listed.sort_by_key(order));
    }

    /// Those that may cover all that this one covers: they have its first word, or everything.
    fn of(&self, promotion: &'a Promotion) -> impl Iterator<Item = usize> {
        const PLATFORM: &Owner = &Owner::Platform;
        let items = promotion.stage() == Stage::Item;
        let include = &promotion.scope.include;
        let sku = include.skus.iter().flatten().next().map(Word::Sku);
        let word = sku.or(include.categories.iter().flatten().next().map(Word::Category));
        let owners = [Some(&promotion.owner), (items && promotion.owner != Owner::Platform).then_some(PLATFORM)];
        let keys = owners
            .into_iter()
            .flatten()
            .flat_map(move |owner| [Some(Word::Everything), word].into_iter().flatten().map(move |word| (owner, items, word)));
        keys.flat_map(|key| self.0.get(&key).into_iter().flatten().copied().take(COMPARED_MAX))
    }
}

/// Does one always take what the other could have had? Then how it is told.
fn goes_first(before: &Promotion, promotion: &Promotion) -> Option<(Code, String)> {
    let everybody = before.audience == Audience::default() || before.audience == promotion.audience;
    let open = before.schedule.is_empty() || before.schedule == promotion.schedule;
    let starts = before.window.start.is_none_or(|start| promotion.window.start.is_some_and(|other| start <= other));
    let ends = before.window.end.is_none_or(|end| promotion.window.end.is_some_and(|other| other <= end));
    if !(everybody && open && starts && ends && covers(before, promotion)) {
        return None;
    }
    match (&before.rule, &promotion.rule) {
        (Rule::Spend(first), Rule::Spend(spend)) => spend_goes_first(first, spend, before, promotion),
        (Rule::ItemPrice(first), _) => item_goes_first(first.price, before, promotion),
        _ => None,
    }
}

fn item_goes_first(first: UnitPrice, before: &Promotion, promotion: &Promotion) -> Option<(Code, String)> {
    let other = &before.id;
    let dominated = || Some((Code::PromotionDominated, format!("is never better than `{other}`, which covers all of it")));
    let compared = match &promotion.rule {
        Rule::ItemPrice(rule) => compare(first, rule.price),
        _ => None,
    };
    match compared {
        // The same price twice: the id decides, so one of them is never chosen.
        Some(Compared::Equal) if before.priority > promotion.priority => dominated(),
        Some(Compared::Equal) if before.priority == promotion.priority && before.id < promotion.id => dominated(),
        Some(Compared::Better) if before.priority >= promotion.priority => dominated(),
        // A fixed price may bring nothing where the other does.
        _ if before.priority > promotion.priority && !matches!(first, UnitPrice::Fixed(_)) => {
            let message = format!(
                "is had only where a customer selects it: `{other}` covers all of it and has a higher priority, {} to {}",
                before.priority, promotion.priority
            );
            Some((Code::PromotionUnreachable, message))
        }
        _ => None,
    }
}

enum Compared {
    Better,
    Equal,
}

/// Is the first price never above the second, of whatever product? Prices of two kinds are not compared.
fn compare(first: UnitPrice, second: UnitPrice) -> Option<Compared> {
    let ordering = match (first, second) {
        (UnitPrice::Fixed(first), UnitPrice::Fixed(second)) => second.cmp(&first),
        (UnitPrice::AmountOff(first), UnitPrice::AmountOff(second)) => first.cmp(&second),
        (UnitPrice::PercentOff(first), UnitPrice::PercentOff(second)) => first.as_micro_percent().cmp(&second.as_micro_percent()),
        _ => return None,
    };
    match ordering {
        std::cmp::Ordering::Greater => Some(Compared::Better),
        std::cmp::Ordering::Equal => Some(Compared::Equal),
        std::cmp::Ordering::Less => None,
    }
}

fn spend_goes_first(first: &Spend, spend: &Spend, before: &Promotion, promotion: &Promotion) -> Option<(Code, String)> {
    let earlier = (std::cmp::Reverse(before.priority), &before.id) < (std::cmp::Reverse(promotion.priority), &promotion.id);
    let alike = first.exclusion_group == spend.exclusion_group
        && first.basis == spend.basis
        && first.threshold_on == spend.threshold_on
        && spend.qualify.is_none();
    let least = |spend: &Spend| spend.tiers.iter().map(|tier| tier.threshold).min();
    let reached = least(first).is_some_and(|first| least(spend).is_some_and(|spend| first <= spend));
    (earlier && alike && reached).then(|| {
        let message = format!("gets nothing: `{}` goes first and takes all that it covers, from a lower threshold on", before.id);
        (Code::PromotionUnreachable, message)
    })
}

/// Does one look at every line that the other covers?
fn covers(before: &Promotion, promotion: &Promotion) -> bool {
    let (wide, narrow) = (&before.scope, &promotion.scope);
    stores_lie_within(before, promotion) && includes(wide, narrow) && excludes_no_more(wide, narrow)
}

fn stores_lie_within(before: &Promotion, promotion: &Promotion) -> bool {
    Stores::of(&before.owner, &before.scope).include(&Stores::of(&promotion.owner, &promotion.scope))
}

fn includes(wide: &Scope, narrow: &Scope) -> bool {
    let (wide, narrow) = (&wide.include, &narrow.include);
    if wide.skus.is_none() && wide.categories.is_none() {
        return true;
    }
    let all = |narrow: &Option<Vec<Token>>, wide: &Option<Vec<Token>>| {
        narrow.iter().flatten().all(|word| wide.as_ref().is_some_and(|wide| wide.contains(word)))
    };
    (narrow.skus.is_some() || narrow.categories.is_some())
        && all(&narrow.skus, &wide.skus)
        && all(&narrow.categories, &wide.categories)
}

fn excludes_no_more(wide: &Scope, narrow: &Scope) -> bool {
    let only_skus = narrow.include.skus.as_ref().filter(|_| narrow.include.categories.is_none());
    let skus = wide
        .exclude
        .skus
        .iter()
        .all(|sku| narrow.exclude.skus.contains(sku) || only_skus.is_some_and(|skus| !skus.contains(sku)));
    skus && wide.exclude.categories.iter().all(|category| narrow.exclude.categories.contains(category))
}
