//! The `tokka` command.

fn main() {}
