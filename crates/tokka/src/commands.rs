//! What can be asked of `tokka`? One file a command.

pub(crate) mod check;
pub(crate) mod quote;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod test;
