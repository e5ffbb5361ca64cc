//! Which products belong to a promotion? What a zone of a shop lists: the skus that it names, and, where it names
//! categories or stores, these: which products are in them, the product master knows.

use crate::id::{Id, Token};
use crate::promotion::{Include, Owner, Promotion, Rule};

/// What a promotion covers, as far as its document names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Zone<'p> {
    /// Products, bytewise, each once. Of a bundle, those of its components. Without what the scope excludes by sku.
    pub skus: Vec<&'p Token>,
    /// And all products of these categories, bytewise.
    pub categories: Vec<&'p Token>,
    /// Every product (of the stores, where there are any).
    pub all: bool,
    /// Only of these stores, bytewise; empty: of any. A store's promotion covers its own products.
    pub stores: Vec<&'p Id>,
    /// But not these products.
    pub without_skus: &'p [Token],
    /// Nor products of these categories.
    pub without_categories: &'p [Token],
    /// Nor of these stores.
    pub without_stores: &'p [Id],
}

/// What the zone of a promotion lists. A promotion of a rulebook has its lists in order.
#[must_use]
pub fn zone(promotion: &Promotion) -> Zone<'_> {
    let include = &promotion.scope.include;
    let exclude = &promotion.scope.exclude;
    let (mut skus, mut categories) = match &promotion.rule {
        Rule::Bundle(bundle) => {
            // What a component names counts only within the scope; what lies in a category of it is not known here.
            let listed = |sku: &&Token| !lists_skus_alone(include) || lists(include.skus.as_deref(), sku);
            let components = || bundle.components.iter();
            let skus: Vec<&Token> = components().flat_map(|component| &component.skus).filter(listed).collect();
            (skus, components().flat_map(|component| &component.categories).collect::<Vec<_>>())
        }
        _ => (include.skus.iter().flatten().collect(), include.categories.iter().flatten().collect()),
    };
    skus.retain(|sku| exclude.skus.binary_search(sku).is_err());
    for list in [&mut skus, &mut categories] {
        list.sort_unstable();
        list.dedup();
    }
    let mut stores: Vec<&Id> = match &promotion.owner {
        Owner::Store(store) => vec![store],
        Owner::Platform => include.stores.iter().flatten().collect(),
    };
    stores.sort_unstable();
    Zone {
        all: skus.is_empty() && categories.is_empty() && include.skus.is_none() && include.categories.is_none(),
        skus,
        categories,
        stores,
        without_skus: &exclude.skus,
        without_categories: &exclude.categories,
        without_stores: &exclude.stores,
    }
}

fn lists_skus_alone(include: &Include) -> bool {
    include.skus.is_some() && include.categories.is_none()
}

fn lists(list: Option<&[Token]>, sku: &Token) -> bool {
    list.is_some_and(|list| list.binary_search(sku).is_ok())
}
