//! What survives nonsense? Two targets that take any bytes, and a hunter that feeds them on a stable toolchain.
//!
//! A target is a plain `fn(&[u8])` that panics where something is wrong, so that another fuzzer could drive it, too.

mod case;
pub mod corpus;
pub mod hunt;
mod mutate;
mod parser;
mod pricing;
mod sums;

pub use self::parser::catalogue;
pub use self::pricing::quote;

/// Something that takes any bytes, and panics where something is wrong.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 2] = [("catalogue", catalogue), ("quote", quote)];
