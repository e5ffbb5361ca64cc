//! How is a coupon handed out?

use std::time::Duration;

use tokka_core::id::{Id, Token};
use tokka_core::promotion::Window;

use super::built;
use crate::decode::Context;
use crate::document;
use crate::values::{Count, Positive};
use crate::yaml::Node;

/// A distribution has at most so many single-use codes.
pub const CODES_MAX: i64 = 1 << 24;

/// One way in which a coupon is handed out.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Unique among distributions.
    pub id: Id,
    /// The coupon, by the id of its promotion.
    pub coupon: Id,
    /// Where it is handed out; quotes and statistics carry it.
    pub channel: Option<Token>,
    /// Shown in the coupon centre.
    pub visible: bool,
    /// When it can be claimed.
    pub window: Window,
    /// How many exist; `None` = without end.
    pub issued: Option<i64>,
    /// How many one user may claim; `None` = without end.
    pub per_user: Option<i64>,
    /// How long a claimed one may be used; `None` = for the coupon's own window.
    pub valid_for: Option<Duration>,
    /// Codes that redeem it.
    pub codes: Codes,
}

/// The codes of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Codes {
    /// None: it is claimed or issued.
    #[default]
    None,
    /// So many single-use codes are generated.
    SingleUse(i64),
    /// One code for all.
    Shared {
        /// As typed.
        code: Token,
        /// How often it can be used.
        uses: i64,
    },
}

document! {
    /// One way in which a coupon is handed out.
    pub(super) struct DistributionDocument {
        /// Unique among distributions.
        id: Id [required],
        /// The id of a promotion with a `coupon` block.
        coupon: Id [required],
        /// Where it is handed out; quotes and statistics carry it.
        channel: Token [optional],
        /// Shown in the coupon centre; without it only codes and operators hand it out.
        visible: bool [default false => false],
        /// When it can be claimed; either end may be missing.
        window: Window [default Window::default() => {}],
        /// How many exist; without it there is no end to it.
        issued: Count [optional],
        /// How many one user may claim; without it there is no end to it.
        per_user: Positive [optional],
        /// How long a claimed one may be used; without it, for the coupon's own window.
        valid_for: Duration [optional],
        /// Codes that redeem it.
        codes: Codes [default Codes::None => {}],
    }
}

document! {
    /// Single-use codes, or one shared code with a number of uses.
    pub(super) struct CodesDocument {
        /// How many single-use codes are generated; 0 = none, which may stand beside `shared`.
        count: Count [optional],
        /// One code for all.
        shared: Token [optional],
        /// How often the shared code can be used.
        uses: Positive [optional],
    }
    needs(uses => shared);
    needs(shared => uses);
}

impl CodesDocument {
    fn build(self, node: &Node, context: &mut Context<'_>) -> Option<Codes> {
        match (self.count.map_or(0, |count| count.0), self.shared, self.uses) {
            (0, None, None) => Some(Codes::None),
            (count, None, None) => Some(Codes::SingleUse(count)),
            (0, Some(code), Some(uses)) => Some(Codes::Shared { code, uses: uses.0 }),
            (_, Some(_), _) => {
                context.contradiction(node, "count", "stands beside `shared`", "write one of `count`, `shared`");
                None
            }
            (_, None, Some(_)) => None,
        }
    }
}

impl DistributionDocument {
    fn build(self, node: &Node, context: &mut Context<'_>) -> Option<Distribution> {
        if let (Some(start), Some(end)) = (self.window.start, self.window.end)
            && end <= start
        {
            context.contradiction(node, "window.end", "is not after `window.start`", "nothing could be claimed");
        }
        if self.valid_for.is_some_and(|valid_for| valid_for.is_zero()) {
            context.contradiction(node, "valid_for", "is 0: a claimed coupon could not be used", "write `14d`, or leave it out");
        }
        if let Codes::SingleUse(count) = &self.codes
            && *count > CODES_MAX
        {
            context.contradiction(
                node,
                "codes.count",
                format!("is more than {CODES_MAX}"),
                "hand them out by several distributions",
            );
        }
        let issued = self.issued.map(|issued| issued.0);
        // `per_user` above it is no contradiction: one user may have them all.
        let wanted = [
            ("codes.count", if let Codes::SingleUse(count) = &self.codes { Some(*count) } else { None }),
            ("codes.uses", if let Codes::Shared { uses, .. } = &self.codes { Some(*uses) } else { None }),
        ];
        for (path, wanted) in wanted {
            if let (Some(issued), Some(wanted)) = (issued, wanted)
                && wanted > issued
            {
                let message = format!("is {wanted}, more than the {issued} that are issued");
                context.contradiction(node, path, message, "raise `issued`, or lower this");
            }
        }
        Some(Distribution {
            id: self.id,
            coupon: self.coupon,
            channel: self.channel,
            visible: self.visible,
            window: self.window,
            issued,
            per_user: self.per_user.map(|per_user| per_user.0),
            valid_for: self.valid_for,
            codes: self.codes,
        })
    }
}

built! { Distribution, DistributionDocument; Codes, CodesDocument }
