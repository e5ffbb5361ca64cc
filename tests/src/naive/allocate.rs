//! Who bears how much of a discount? Handed down order → store → line → segment (`pricing.md` §6).

use super::defect::Defect;
use super::numbers::{Minor, floor, fraction};
use tokka_core::rate::Rounding;

/// One who takes part in a discount, with its way down the tree.
#[derive(Debug, Clone)]
pub struct Participant {
    /// The store's id.
    pub store: String,
    /// The line's id.
    pub line: String,
    /// The segment's index within the line.
    pub segment: usize,
    /// W_i; those of 0 take no part.
    pub weight: Minor,
}

/// Shares in the order of the participants. `0 ≤ discount ≤ Σ weight`.
pub fn allocate(discount: Minor, participants: &[Participant], defect: Option<Defect>) -> Vec<Minor> {
    let total: Minor = participants.iter().map(|participant| participant.weight).sum();
    let mut shares = vec![0; participants.len()];
    if total == 0 {
        return shares;
    }
    assert!((0..=total).contains(&discount), "a discount of {discount} on {total}");
    let tree = Tree { discount, total, defect };

    if defect == Some(Defect::FlatInsteadOfTree) {
        let all: Vec<Child<usize>> = participants.iter().enumerate().map(|(i, p)| Child { id: i, weight: p.weight }).collect();
        for (child, share) in tree.hand_down(discount, &all) {
            shares[child] = share;
        }
        return shares;
    }

    let stores = children(participants.iter().map(|p| (p.store.clone(), p.weight)));
    for (store, of_store) in tree.hand_down(discount, &stores) {
        let in_store = || participants.iter().filter(|p| p.store == store);
        let lines = children(in_store().map(|p| (p.line.clone(), p.weight)));
        for (line, of_line) in tree.hand_down(of_store, &lines) {
            let segments = children(in_store().filter(|p| p.line == line).map(|p| (p.segment, p.weight)));
            for (segment, share) in tree.hand_down(of_line, &segments) {
                let position = participants.iter().position(|p| p.store == store && p.line == line && p.segment == segment);
                shares[position.expect("a leaf is a participant")] = share;
            }
        }
    }
    shares
}

/// A node below another, with the sum of what is below it.
struct Child<K> {
    id: K,
    weight: Minor,
}

/// The nodes of one level, bytewise by id, with their sums. Those of weight 0 take no part.
fn children<K: Ord>(leaves: impl Iterator<Item = (K, Minor)>) -> Vec<Child<K>> {
    let mut sums = std::collections::BTreeMap::new();
    for (id, weight) in leaves {
        *sums.entry(id).or_insert(0) += weight;
    }
    sums.into_iter().filter(|(_, weight)| *weight > 0).map(|(id, weight)| Child { id, weight }).collect()
}

struct Tree {
    discount: Minor,
    total: Minor,
    defect: Option<Defect>,
}

impl Tree {
    /// A node that got `d` gives each child ⌊x⌋, and what is left over goes one each to the children with the largest
    /// fractional part of x; ties to the larger W, then to the smaller id. x is a share of the whole discount.
    fn hand_down<K: Clone + Ord>(&self, d: Minor, children: &[Child<K>]) -> Vec<(K, Minor)> {
        let exact = |child: &Child<K>| fraction(self.discount * child.weight, self.total);
        match self.defect {
            Some(Defect::LastTakesTheRest) => {
                let mut left = d;
                let mut shares = Vec::new();
                for (index, child) in children.iter().enumerate() {
                    let rounded = super::numbers::round(&exact(child), Rounding::HalfUp).min(left);
                    let share = if index + 1 == children.len() { left } else { rounded };
                    left -= share;
                    shares.push((child.id.clone(), share));
                }
                return shares;
            }
            Some(Defect::RatioRoundedFirst) => {
                // d of T as a ratio of two decimals, then multiplied; the last one takes the rest.
                let ratio = super::numbers::round(&fraction(self.discount * 100, self.total), Rounding::HalfUp);
                let mut left = d;
                let mut shares = Vec::new();
                for (index, child) in children.iter().enumerate() {
                    let share = floor(&fraction(child.weight * ratio, 100)).min(left);
                    let share = if index + 1 == children.len() { left } else { share };
                    left -= share;
                    shares.push((child.id.clone(), share));
                }
                return shares;
            }
            _ => {}
        }

        let mut shares: Vec<Minor> = children.iter().map(|child| floor(&exact(child))).collect();
        let left_over = d - shares.iter().sum::<Minor>();
        if self.defect == Some(Defect::LeftOverDropped) {
            return children.iter().map(|child| child.id.clone()).zip(shares).collect();
        }
        let mut by_fraction: Vec<usize> = (0..children.len()).collect();
        by_fraction.sort_by(|&i, &j| {
            let (a, b) = (&children[i], &children[j]);
            let (x, y) = (exact(a).fract(), exact(b).fract());
            y.cmp(&x).then(b.weight.cmp(&a.weight)).then(a.id.cmp(&b.id))
        });
        for &index in by_fraction.iter().take(usize::try_from(left_over).expect("the floors sum to at most d")) {
            shares[index] += 1;
        }
        children.iter().map(|child| child.id.clone()).zip(shares).collect()
    }
}
