//! What was found? Rows for people, and numbers under names for programs.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

/// A goal of docs/performance.md: what a number should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<String>,
    numbers: BTreeMap<&'static str, f64>,
}

impl Report {
    /// A line of the table.
    pub(crate) fn goal(&mut self, what: &str, name: &'static str, value: f64, goal: Goal, from: &str) {
        let (bound, reached) = match goal {
            Goal::AtLeast(least) => (format!("≥ {least}"), value >= least),
            Goal::AtMost(most) => (format!("≤ {most}"), value <= most),
        };
        let reached = if reached { "reached" } else { "missed" };
        self.rows.push(format!("{what}: {} ({bound}: {reached}), {from}", shown(value)));
        self.numbers.insert(name, value);
    }

    /// What the lines are made of.
    pub(crate) fn number(&mut self, name: &'static str, value: f64) {
        self.numbers.insert(name, value);
    }

    pub(crate) fn print(&self) {
        println!("\nnumbers");
        for (name, value) in &self.numbers {
            println!("  {name:<34} {}", shown(*value));
        }
        println!("\nlines");
        for row in &self.rows {
            println!("  {row}");
        }
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        let numbers: BTreeMap<&str, Value> = self.numbers.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
        Ok(serde_json::to_string_pretty(&numbers)? + "\n")
    }
}

fn shown(value: f64) -> String {
    if value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// Numbers of one kind, one a round.
#[derive(Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The median of what this is to another one, round by round: a slow moment is in both.
    pub(crate) fn over(&self, other: &Self) -> f64 {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect()).median()
    }
}
