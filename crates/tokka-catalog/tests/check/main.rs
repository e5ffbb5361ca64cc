//! Is what a check tells what it should tell? Small catalogues with their findings, the examples, and large ones made up.

mod catalogues;
mod engine;
mod large;
mod market;
mod pages;
