//! What did the request choose itself? Selections, with their ids looked up.

use smallvec::SmallVec;

use super::Finder;
use crate::basket::{FieldViolation, Selection, SpendSelection};
use crate::outcome::{Outcome, Subject, Verdict};
use crate::promotion::{Rule, Stage};
use crate::rulebook::Rulebook;
use crate::table::{GiftIx, Ix, LineIx, PromoIx};

/// What the request chose.
#[derive(Debug, Default)]
pub(crate) struct Selections {
    /// By line (of any line that has the sku): the item promotion of the line's group.
    item: Vec<(LineIx, ItemSelection)>,
    /// By line: what it is kept for.
    spend: Vec<(LineIx, Kept)>,
    /// By promotion: the gift of a choice.
    gifts: Vec<(PromoIx, GiftIx)>,
}

/// The item promotion that a request chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemSelection {
    /// None at all.
    None,
    /// This one, where it applies.
    One(PromoIx),
}

/// The spend promotions that a line is kept for.
#[derive(Debug)]
enum Kept {
    /// Out of stages 3 and 5.
    Out,
    /// These, which are active and cover it.
    For(SmallVec<[PromoIx; 2]>),
}

impl Selections {
    pub(crate) fn item(&self, line: LineIx) -> Option<ItemSelection> {
        self.item.iter().find(|(of, _)| *of == line).map(|(_, selection)| *selection)
    }

    /// Does the request keep a line out of spends, or for another promotion of this one's stage and exclusion group?
    pub(crate) fn keeps_from(&self, rulebook: &Rulebook, promotion: PromoIx, line: LineIx) -> bool {
        match self.spend.iter().find(|(of, _)| *of == line) {
            None => false,
            Some((_, Kept::Out)) => true,
            Some((_, Kept::For(promotions))) => promotions.iter().any(|other| {
                let (own, others) = (rulebook.compiled(promotion), rulebook.compiled(*other));
                *other != promotion && own.stage == others.stage && own.exclusion_group == others.exclusion_group
            }),
        }
    }

    /// Promotions of which a gift is selected: they must exist, also where they are not active.
    pub(crate) fn promotions(&self) -> impl Iterator<Item = PromoIx> {
        self.gifts.iter().map(|(promotion, _)| *promotion)
    }

    pub(crate) fn gift(&self, promotion: PromoIx) -> Option<GiftIx> {
        self.gifts.iter().find(|(of, _)| *of == promotion).map(|(_, gift)| *gift)
    }
}

/// Looks the ids of a request's selections up. Selected promotions that cannot apply are answered beside.
pub(crate) fn read(finder: &Finder<'_>) -> Result<(Selections, Vec<Outcome>), Vec<FieldViolation>> {
    let mut reader = Reader { finder, selections: Selections::default(), idle: Vec::new(), violations: Vec::new() };
    reader.item();
    reader.spend();
    reader.gifts();
    let Reader { selections, idle, violations, .. } = reader;
    if violations.is_empty() { Ok((selections, idle)) } else { Err(violations) }
}

struct Reader<'f, 'a> {
    finder: &'f Finder<'a>,
    selections: Selections,
    idle: Vec<Outcome>,
    violations: Vec<FieldViolation>,
}

impl Reader<'_, '_> {
    fn item(&mut self) {
        for (sku, selection) in self.finder.basket.select() {
            let field = format!("select[{sku}]");
            let selection = match selection {
                Selection::None => ItemSelection::None,
                Selection::Promotion(id) => {
                    let wanted = |stage| stage == Stage::Item;
                    match self.find(&field, id, wanted, "an item promotion") {
                        Some(promotion) => ItemSelection::One(promotion),
                        // It does not apply: the default choice is made.
                        None => continue,
                    }
                }
            };
            if let ItemSelection::One(promotion) = selection {
                self.note_idle(promotion);
            }
            let of_sku = self.finder.lines().filter(|(_, line)| line.sku == sku.as_str());
            self.selections.item.extend(of_sku.map(|(ix, _)| (ix, selection)));
        }
    }

    fn spend(&mut self) {
        for (line_id, selection) in self.finder.basket.select_spend() {
            let field = format!("select_spend[{line_id}]");
            let line = self.finder.lines().find(|(_, line)| line.line_id == line_id.as_str()).map(|(ix, _)| ix);
            let Some(line) = line else {
                self.fail(field, format!("no line is called `{line_id}`"));
                continue;
            };
            let kept = match selection {
                SpendSelection::None => Kept::Out,
                SpendSelection::Promotions(ids) => self.kept_for(&field, line, ids),
            };
            self.selections.spend.push((line, kept));
        }
    }

    fn kept_for(&mut self, field: &str, line: LineIx, ids: &[String]) -> Kept {
        let mut kept: SmallVec<[PromoIx; 2]> = SmallVec::new();
        let mut places: SmallVec<[(Stage, u32); 2]> = SmallVec::new();
        let rulebook = self.finder.rulebook;
        if ids.is_empty() {
            self.fail(field, "names no promotion: leave it out, or write `none`");
        }
        for id in ids {
            let wanted = |stage| matches!(stage, Stage::StoreSpend | Stage::PlatformSpend);
            let Some(promotion) = self.find(field, id, wanted, "a spend promotion") else { continue };
            let compiled = rulebook.compiled(promotion);
            let place = (compiled.stage, compiled.exclusion_group);
            if places.contains(&place) {
                let group = match &rulebook.promotion(promotion).rule {
                    Rule::Spend(spend) => spend.exclusion_group.as_str(),
                    _ => "",
                };
                self.fail(
                    field,
                    format!("`{id}` is the second of its stage and of the exclusion group `{group}`: one can take the line"),
                );
                continue;
            }
            places.push(place);
            self.note_idle(promotion);
            let covers = self.finder.basket.lines().get(line.position());
            let covers = covers.is_some_and(|row| rulebook.why_not_covered(promotion, row).is_none());
            if covers && self.finder.why_not_active(promotion).is_none() {
                kept.push(promotion);
            }
        }
        Kept::For(kept)
    }

    fn gifts(&mut self) {
        for (id, gift_id) in self.finder.basket.select_gift() {
            let field = format!("select_gift[{id}]");
            let wanted = |stage| matches!(stage, Stage::StoreSpend | Stage::PlatformSpend);
            let Some(promotion) = self.find(&field, id, wanted, "a spend promotion") else { continue };
            let Some(gift) = self.finder.rulebook.find_gift(gift_id) else {
                self.fail(field, format!("no gift is called `{gift_id}`"));
                continue;
            };
            let Rule::Spend(spend) = &self.finder.rulebook.promotion(promotion).rule else { continue };
            let rewards = || spend.tiers.iter().flat_map(|tier| &tier.gifts);
            if rewards().any(|reward| reward.options.iter().any(|option| option == gift_id.as_str())) {
                self.selections.gifts.push((promotion, gift));
            } else {
                self.fail(field, format!("`{id}` does not give `{gift_id}`"));
            }
        }
    }

    fn find(&mut self, field: &str, id: &str, wanted: impl Fn(Stage) -> bool, kind: &str) -> Option<PromoIx> {
        match self.finder.rulebook.find(id) {
            None => {
                match self.finder.basket.stage_out_of_force(id) {
                    Some(stage) if wanted(stage) => {
                        self.idle_once(Subject::OutOfForce(id.to_owned()), Verdict::NotPublished);
                    }
                    Some(stage) => self.fail(field, format!("`{id}` is of stage `{}`, and {kind} is wanted", stage.name())),
                    None => self.fail(field, format!("no promotion is called `{id}`")),
                }
                None
            }
            Some(promotion) if wanted(self.finder.rulebook.compiled(promotion).stage) => Some(promotion),
            Some(promotion) => {
                let block = self.finder.rulebook.promotion(promotion).rule.block();
                self.fail(field, format!("`{id}` is a `{block}`, and {kind} is wanted"));
                None
            }
        }
    }

    /// Every promotion selected ends in an outcome: one that is no candidate ends here.
    fn note_idle(&mut self, promotion: PromoIx) {
        if let Some(verdict) = self.finder.why_idle(promotion) {
            self.idle_once(Subject::Promotion(promotion), verdict);
        }
    }

    fn idle_once(&mut self, subject: Subject, verdict: Verdict) {
        if !self.idle.iter().any(|outcome| outcome.subject == subject) {
            self.idle.push(Outcome { subject, verdict, coverage: Vec::new() });
        }
    }

    fn fail(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.violations.push(FieldViolation::new(field, description));
    }
}
