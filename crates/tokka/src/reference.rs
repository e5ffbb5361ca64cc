//! What does the shop call the order? Its id, those of its sub-orders, and labels.

use clap::Args;
use tokka_client::v1;

use crate::remote::Pair;

/// What the order is called; all of it may also be given when it is paid.
#[derive(Debug, Args)]
pub(crate) struct Reference {
    /// What the shop calls the order
    #[arg(long, value_name = "ID")]
    order_id: Option<String>,
    /// What a store calls its part of it; may be given several times
    #[arg(long = "store-order", value_name = "STORE=ID")]
    store_orders: Vec<Pair>,
    /// A label of the shop's own, up to 8
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<Pair>,
}

impl Reference {
    /// As the API has it; `None` where nothing was said.
    pub(crate) fn message(&self) -> Option<v1::OrderReference> {
        let pairs = |pairs: &[Pair]| pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect();
        let message = v1::OrderReference {
            order_id: self.order_id.clone(),
            store_order_ids: pairs(&self.store_orders),
            labels: pairs(&self.labels),
        };
        (message != v1::OrderReference::default()).then_some(message)
    }
}
