//! Does a price come out as somebody worked it out by hand? Scenarios are executable examples: a catalogue, a basket, and
//! what has to come out.
//!
//! [`run_file`] runs the scenarios of a file; [`read_basket`] reads a basket that is priced without an expectation.

pub mod basket;
mod compare;
mod document;
mod expect;
pub mod report;
pub mod run;
pub mod used;

pub use self::basket::{BasketFile, read_basket};
pub use self::document::schema;
pub use self::report::{Difference, Report, RunResult};
pub use self::run::{run_file, run_source};
