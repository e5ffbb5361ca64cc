//! Is a promotion open to this customer at this moment? Status, window, schedule and audience, in the order of the reasons.

use jiff::Timestamp;

use crate::basket::Basket;
use crate::id::Token;
use crate::outcome::Verdict;
use crate::rulebook::{Rulebook, is_published};
use crate::schedule;
use crate::table::PromoIx;

/// Who looks, and when: all that decides whether a promotion is active.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'v> {
    /// The moment.
    pub at: Timestamp,
    /// The customer's segments.
    pub user_tags: &'v [Token],
    /// Where they come by.
    pub channel: Option<&'v Token>,
    /// Where they are.
    pub region: Option<&'v Token>,
}

impl<'v> Visitor<'v> {
    /// Whose basket it is.
    #[must_use]
    pub fn of(basket: &'v Basket) -> Self {
        Self { at: basket.at(), user_tags: basket.user_tags(), channel: basket.channel(), region: basket.region() }
    }
}

/// `None`: it is active. Else the first reason why not.
pub(crate) fn why_not_active(rulebook: &Rulebook, promotion: PromoIx, visitor: &Visitor<'_>) -> Option<Verdict> {
    let document = rulebook.promotion(promotion);
    let at = visitor.at;
    if !is_published(document) {
        return Some(Verdict::NotPublished);
    }
    if let Some(start) = document.window.start.filter(|start| at < *start) {
        return Some(Verdict::NotStarted { start });
    }
    if let Some(end) = document.window.end.filter(|end| at >= *end) {
        return Some(Verdict::Ended { end });
    }
    if !schedule::is_open(&document.schedule, &rulebook.settings().time_zone, at) {
        return Some(Verdict::OutOfSchedule);
    }
    let audience = &document.audience;
    let tags = visitor.user_tags;
    let accepts = (audience.tags_any.is_empty() || audience.tags_any.iter().any(|tag| tags.contains(tag)))
        && !audience.tags_none.iter().any(|tag| tags.contains(tag))
        && (audience.channels.is_empty() || visitor.channel.is_some_and(|channel| audience.channels.contains(channel)))
        && (audience.regions.is_empty() || visitor.region.is_some_and(|region| audience.regions.contains(region)));
    (!accepts).then_some(Verdict::Audience)
}
