//! What can be asked of `tokka`? One file a command.

pub(crate) mod check;
