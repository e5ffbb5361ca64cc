//! How do customers come by coupons, and what becomes of each? Wallets over the ledger; one file a call.
//!
//! `docs/adr/0009` says why a wallet is numbered places of one customer.

use std::sync::{Arc, OnceLock};

use tokka_ledger::Ledger;

use crate::catalogue::Catalogue;

mod attempts;
mod claim;
pub(crate) mod claimable;
mod code;
mod distributions;
mod generate;
mod hand_out;
mod issue;
mod list;
pub(crate) mod offers;
pub(crate) mod record;
mod redeem;
mod service;
pub(crate) mod wallet;

use attempts::Attempts;
pub(crate) use distributions::Distributions;
pub(crate) use service::CouponDesk;
pub(crate) use wallet::instance_id;

/// Coupons over a ledger.
pub(crate) struct Coupons {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Who tries codes now.
    attempts: Attempts,
    /// What codes are computed from, once it was asked for.
    key: OnceLock<code::Key>,
}

impl Coupons {
    pub(crate) fn new(catalogue: Arc<Catalogue>, ledger: Arc<dyn Ledger>) -> Self {
        Self { catalogue, ledger, attempts: Attempts::default(), key: OnceLock::new() }
    }
}

impl std::fmt::Debug for Coupons {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coupons").finish_non_exhaustive()
    }
}
