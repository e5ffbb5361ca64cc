//! Do the columns add up? Lines, stores, funders and settlement against what the customer pays.

use tokka_core::amount::Amount;
use tokka_core::promotion::Stage;
use tokka_core::quote::{Payer, Quote, View};

use super::{Report, of_stage, sum};

/// One sum of a quote, reached by several ways.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Equation {
    /// The ways, each by name, with what it gives; all must be equal.
    pub(crate) sides: Vec<(String, Amount)>,
}

impl Equation {
    /// Do all ways give the same?
    pub(crate) fn holds(&self) -> bool {
        let mut amounts = self.sides.iter().map(|(_, amount)| amount);
        let first = amounts.next();
        amounts.all(|amount| Some(amount) == first)
    }
}

/// Every equation that must hold for a quote; funders and settlement only where they were worked out.
pub(crate) fn equations(quote: &Quote, view: View) -> Vec<Equation> {
    let lines = || quote.lines.rows().iter();
    let stores = || quote.stores.rows().iter();
    let equation = |sides: Vec<(&str, Amount)>| Equation {
        sides: sides.into_iter().map(|(name, amount)| (name.to_owned(), amount)).collect(),
    };
    let discounts = sum(quote.discounts);
    let mut equations = vec![
        equation(vec![
            ("lines", sum(lines().map(|line| line.payable))),
            ("stores", sum(stores().map(|store| store.payable))),
            ("units", sum(quote.segments.iter().map(|segment| segment.amount))),
            ("gross less discounts", Amount::minor(quote.gross.get().saturating_sub(discounts.get()))),
            ("payable", quote.payable),
        ]),
        equation(vec![
            ("lines' gross", sum(lines().map(|line| line.gross))),
            ("stores' gross", sum(stores().map(|store| store.gross))),
            ("gross", quote.gross),
        ]),
    ];
    for stage in Stage::ALL {
        let total = of_stage(&quote.discounts, stage);
        equations.push(Equation {
            sides: vec![
                (format!("lines' {}", stage.name()), sum(lines().map(|line| of_stage(&line.discounts, stage)))),
                (format!("stores' {}", stage.name()), sum(stores().map(|store| of_stage(&store.discounts, stage)))),
                (stage.name().to_owned(), total),
            ],
        });
    }
    if view == View::Full {
        let funded = quote.funding_by_payer();
        let platform = funded.get(&Payer::Platform).copied().unwrap_or_default();
        equations.push(equation(vec![("funders", sum(funded.into_values())), ("discounts", discounts)]));
        equations.push(equation(vec![
            ("due to stores", sum(quote.settlements.iter().map(|(_, due)| *due))),
            ("payable and the platform's part", sum([quote.payable, platform])),
        ]));
    }
    equations
}

impl Report<'_> {
    /// One line for each equation worth reading, and one for each that does not hold.
    pub(crate) fn sums(&self) -> String {
        let mut text = String::new();
        for (position, equation) in equations(self.quote, self.view).iter().enumerate() {
            let by_stage = (2..2 + Stage::ALL.len()).contains(&position);
            if equation.holds() && (position == 1 || by_stage) {
                continue;
            }
            let sides: Vec<String> =
                equation.sides.iter().map(|(name, amount)| format!("{name} {}", self.money(*amount))).collect();
            let verdict = if equation.holds() { "" } else { "   DOES NOT ADD UP" };
            text.push_str(&format!("{}{verdict}\n", sides.join(" = ")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::Sample;

    #[test]
    fn a_quote_adds_up_at_every_level() {
        let sample = Sample::new();
        for equation in equations(&sample.quote, View::Full) {
            assert!(equation.holds(), "{equation:?}");
        }
        let text = sample.report(View::Full).sums();
        assert!(text.contains("lines 4,740 = stores 4,740 = units 4,740"), "{text}");
        assert!(text.contains("funders 1,100 = discounts 1,100"), "{text}");
        assert!(!text.contains("DOES NOT"), "{text}");
    }

    #[test]
    fn one_minor_unit_too_many_is_seen() {
        let broken = |change: fn(&mut Quote)| {
            let mut sample = Sample::new();
            change(&mut sample.quote);
            assert!(equations(&sample.quote, View::Full).iter().any(|equation| !equation.holds()));
            let text = sample.report(View::Full).sums();
            assert!(text.contains("DOES NOT ADD UP"), "{text}");
        };
        broken(|quote| quote.payable = Amount::minor(4741));
        broken(|quote| quote.segments[0].amount = Amount::minor(1774));
        broken(|quote| quote.settlements[0].1 = Amount::minor(5241));
        broken(|quote| quote.funding[2].amount = Amount::minor(192));
        broken(|quote| quote.lines.rows_mut()[1].discounts[0] = Amount::minor(1));
    }
}
