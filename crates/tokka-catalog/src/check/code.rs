//! Which findings are there? Their stable codes, each with its page, and how much each weighs.

use std::fmt;
use std::str::FromStr;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing, and often meant.
    Note,
    /// Hardly meant.
    Warning,
    /// Not to be published, unless it can be acknowledged and is.
    Blocking,
}

impl Severity {
    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Blocking => "blocking",
        }
    }
}

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $variant:ident $name:literal $severity:ident; )+) => {
        /// What was found. A code never changes its meaning; `docs/findings/` has a page for each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl Code {
            /// All of them, in the order in which they are told of one document.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// As it is printed.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// How much it weighs. An [overlap](Self::ItemOverlap) weighs more where the catalogue forbids it.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $( Self::$variant => Severity::$severity, )+ }
            }
        }
    };
}

codes! {
    /// An item price that covers everything.
    ItemPriceOnEverything "ITEM_PRICE_ON_EVERYTHING" Blocking;
    /// An item price that does not say what it stacks with.
    StackingNotStated "STACKING_NOT_STATED" Blocking;
    /// More than 70 % off.
    DiscountOver70 "DISCOUNT_OVER_70" Blocking;
    /// A flash sale that has no limit at all.
    FlashWithoutLimit "FLASH_WITHOUT_LIMIT" Blocking;
    /// Two item promotions on one product at one moment.
    ItemOverlap "ITEM_OVERLAP" Note;
    /// Another promotion is never worse, and goes first.
    PromotionDominated "PROMOTION_DOMINATED" Warning;
    /// Another promotion takes everything first.
    PromotionUnreachable "PROMOTION_UNREACHABLE" Warning;
    /// No basket at no moment gets it.
    NeverActive "NEVER_ACTIVE" Warning;
    /// It is over.
    WindowPast "WINDOW_PAST" Warning;
    /// A tier that brings no more than a lower one.
    TierDominated "TIER_DOMINATED" Warning;
    /// A tier that limits keep everybody from.
    TierUnreachable "TIER_UNREACHABLE" Warning;
    /// A limit that another one keeps from ever being reached.
    LimitsContradict "LIMITS_CONTRADICT" Warning;
    /// A store that pays for a promotion that looks at none of its lines.
    FunderNotCovered "FUNDER_NOT_COVERED" Warning;
    /// A coupon that no product can satisfy.
    CouponUnsatisfiable "COUPON_UNSATISFIABLE" Warning;
    /// A promotion that covers nothing.
    CoversNothing "COVERS_NOTHING" Warning;
    /// A sku or category that no product has.
    NoSuchProduct "NO_SUCH_PRODUCT" Warning;
    /// An item price that makes nothing cheaper.
    NeverCheaper "NEVER_CHEAPER" Warning;
    /// A price above the list price.
    AboveListPrice "ABOVE_LIST_PRICE" Warning;
    /// An item promotion that sells below cost.
    BelowCost "BELOW_COST" Warning;
    /// Promotions that together leave a store less than a product costs it.
    StacksBelowCost "STACKS_BELOW_COST" Warning;
    /// A gift of which there is no end.
    GiftWithoutInventory "GIFT_WITHOUT_INVENTORY" Note;
    /// A gift of which there are not enough for one order.
    GiftShort "GIFT_SHORT" Warning;
    /// Products of a store that the catalogue does not have.
    StoreUnknown "STORE_UNKNOWN" Warning;
    /// A code is acknowledged that was not found.
    AcknowledgedInVain "ACKNOWLEDGED_IN_VAIN" Note;
}

impl Code {
    /// May the author of a promotion want it all the same?
    #[must_use]
    pub const fn can_be_acknowledged(self) -> bool {
        matches!(self.severity(), Severity::Blocking)
    }

    /// A code that somebody acknowledges.
    ///
    /// # Errors
    /// There is none of this name, or it blocks nothing that could be acknowledged.
    pub fn acknowledgeable(text: &str) -> Result<Self, CodeError> {
        let code: Self = text.parse()?;
        if code.can_be_acknowledged() {
            return Ok(code);
        }
        let all: Vec<&str> = Self::ALL.iter().filter(|code| code.can_be_acknowledged()).map(|code| code.name()).collect();
        Err(CodeError(format!("`{code}` blocks nothing that could be acknowledged; these do: {}", all.join(", "))))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no such code, or it cannot be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeError(String);

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CodeError {}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let found = Self::ALL.iter().copied().find(|code| code.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|code| code.name()).collect();
            let near = crate::problem::nearest(text, names).map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
            CodeError(format!("no finding has the code `{}`{near}", crate::problem::shown(text)))
        })
    }
}
