//! Which rule is broken on purpose? A promise is worth something only if its check fails when the rule behind it is
//! broken; these are the rules that other shops' systems broke, one at a time.

impl Defect {
    /// All of them.
    pub const ALL: [Defect; 14] = [
        Defect::LeftOverDropped,
        Defect::LastTakesTheRest,
        Defect::RatioRoundedFirst,
        Defect::FlatInsteadOfTree,
        Defect::FloorIgnored,
        Defect::PercentOfTheLine,
        Defect::LimitByLine,
        Defect::CatalogueOrder,
        Defect::AboveMaximumCountsOnce,
        Defect::RestNeedsTheTierAlone,
        Defect::AverageOfTheLine,
        Defect::DiscountMovesToThoseThatStay,
        Defect::WaivedForgotten,
        Defect::IdleCouponTakesThePlace,
    ];
}

/// One broken rule. The naive pricing looks for it at the place where the rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// §6: what is left over after rounding down goes to nobody.
    LeftOverDropped,
    /// §6: every share is rounded and the last participant takes the rest.
    LastTakesTheRest,
    /// §6: the ratio is rounded to two decimals before it is multiplied.
    RatioRoundedFirst,
    /// §6: the shares of all segments are worked out at once, without stores and lines between.
    FlatInsteadOfTree,
    /// §2: a discount may take a unit below its floor.
    FloorIgnored,
    /// §3: a percentage is rounded once for the line, not for the unit.
    PercentOfTheLine,
    /// §3: a limit holds for each line by itself.
    LimitByLine,
    /// §3–5: promotions run in the order of the catalogue.
    CatalogueOrder,
    /// §5: a repeated reward whose count is above `max_repeats` counts once.
    AboveMaximumCountsOnce,
    /// §3: a repeated `buy_get` serves the rest by the lowest tier, and never by the higher ones it reaches.
    RestNeedsTheTierAlone,
    /// §7 PROPORTIONAL: a returned unit gives back the rounded average of its line.
    AverageOfTheLine,
    /// §7 PROPORTIONAL: the discount of a returned unit stays with the shop's other units: its full price goes back.
    DiscountMovesToThoseThatStay,
    /// §7 CLAWBACK: the next step forgets what was waived.
    WaivedForgotten,
    /// §5: a coupon that does not apply takes its owner's place all the same.
    IdleCouponTakesThePlace,
}
