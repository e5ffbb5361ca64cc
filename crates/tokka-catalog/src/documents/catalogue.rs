//! What holds for a whole catalogue, and who sells and what is given in it?

use std::time::Duration;

use jiff::tz::TimeZone;
use tokka_core::amount::Amount;
use tokka_core::catalogue::{Gift, Settings, Store};
use tokka_core::id::{Id, Token};
use tokka_core::rate::Rounding;
use tokka_core::refund::RefundPolicy;

use super::built;
use crate::decode::Context;
use crate::money::Currency;
use crate::values::Count;
use crate::yaml::Node;
use crate::{choice, document};

/// What two item promotions on one product mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ItemOverlap {
    /// The customer chooses.
    #[default]
    Choose,
    /// Publication refuses them.
    Forbid,
}

choice! { ItemOverlap, "a way to treat overlaps": "choose" => ItemOverlap::Choose, "forbid" => ItemOverlap::Forbid }

/// Everything that the catalogue document says.
#[derive(Debug, Clone)]
pub struct CatalogueSettings {
    /// Currency, rounding, time zone: what prices depend on.
    pub pricing: Settings,
    /// The same currency, with its code and decimals.
    pub currency: Currency,
    /// What two item promotions on one product mean.
    pub item_overlap: ItemOverlap,
    /// How refunds are computed where the order does not say.
    pub refund_policy: RefundPolicy,
    /// How long a reservation holds where the request does not say.
    pub hold_default: Duration,
    /// How long a reservation may hold.
    pub hold_max: Duration,
    /// How old the usage of shared counters may be in a quote.
    pub usage_max_age: Duration,
}

const HOLD_DEFAULT: Duration = Duration::from_secs(15 * 60);
const HOLD_MAX: Duration = Duration::from_secs(14 * 86_400);
const USAGE_MAX_AGE: Duration = Duration::from_millis(50);

document! {
    /// What holds for all promotions; exactly one document of this kind a catalogue.
    pub(super) struct CatalogueDocument {
        /// Code of ISO 4217, upper case; every amount of the catalogue is in it.
        currency: Currency [required],
        /// How discounts are rounded to minor units.
        rounding: Rounding [default Rounding::HalfUp => "half_up"],
        /// For schedules and for limits by day, week and month.
        time_zone: TimeZone [default TimeZone::UTC => "UTC"],
        /// Two item promotions on one product: the customer chooses, or publication refuses them.
        item_overlap: ItemOverlap [default ItemOverlap::Choose => "choose"],
        /// How refunds are computed where an order does not say.
        refund_policy: RefundPolicy [default RefundPolicy::Proportional => "proportional"],
        /// How long reservations hold.
        hold: HoldDocument [default HoldDocument { default: HOLD_DEFAULT, max: HOLD_MAX } => {"default": "15m", "max": "14d"}],
        /// How old the usage of shared counters may be in a quote.
        usage_max_age: Duration [default USAGE_MAX_AGE => "50ms"],
    }
}

document! {
    /// How long reservations hold.
    pub(super) struct HoldDocument {
        /// Where the request does not say.
        default: Duration [default HOLD_DEFAULT => "15m"],
        /// At most.
        max: Duration [default HOLD_MAX => "14d"],
    }
}

impl CatalogueSettings {
    /// Settings where nothing but these is said.
    #[must_use]
    pub fn of(currency: Currency, rounding: Rounding, time_zone: TimeZone) -> Self {
        let pricing = Settings { currency: currency.code().to_owned(), exponent: currency.exponent(), rounding, time_zone };
        Self {
            pricing,
            currency,
            item_overlap: ItemOverlap::Choose,
            refund_policy: RefundPolicy::Proportional,
            hold_default: HOLD_DEFAULT,
            hold_max: HOLD_MAX,
            usage_max_age: USAGE_MAX_AGE,
        }
    }
}

impl CatalogueDocument {
    fn build(self, node: &Node, context: &mut Context<'_>) -> Option<CatalogueSettings> {
        let HoldDocument { default, max } = self.hold;
        if default.is_zero() {
            context.contradiction(node, "hold.default", "is 0: nothing would be held", "write `15m`");
        }
        if default > max {
            context.contradiction(node, "hold.default", "is longer than `hold.max`", "write a default of at most the maximum");
        }
        Some(CatalogueSettings {
            item_overlap: self.item_overlap,
            refund_policy: self.refund_policy,
            hold_default: default,
            hold_max: max,
            usage_max_age: self.usage_max_age,
            ..CatalogueSettings::of(self.currency, self.rounding, self.time_zone)
        })
    }
}

document! {
    /// A seller.
    pub(super) struct StoreDocument {
        /// Unique among stores.
        id: Id [required],
        /// What shoppers read.
        name: String [required],
        /// Compared with the amount of its lines after stage 3; a reservation below it is refused.
        minimum_order: Amount [optional],
    }
}

impl StoreDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Store> {
        Some(Store { id: self.id, name: self.name, minimum_order: self.minimum_order })
    }
}

document! {
    /// An entry of the gift library: a real sku, or a virtual gift that has only a name.
    pub(super) struct GiftDocument {
        /// Unique among gifts.
        id: Id [required],
        /// What shoppers read.
        name: String [required],
        /// A product; without one the gift is virtual.
        sku: Token [optional],
        /// What the ERP calls it; without one a note travels instead.
        erp_sku: Token [optional],
        /// How many there are, apart from product stock; without it there is no end to it.
        inventory: Count [optional],
        /// What one is worth, for shoppers and statistics.
        value: Amount [optional],
    }
}

impl GiftDocument {
    fn build(self, _: &Node, _: &mut Context<'_>) -> Option<Gift> {
        Some(Gift {
            id: self.id,
            name: self.name,
            sku: self.sku.map(String::from),
            erp_sku: self.erp_sku.map(String::from),
            inventory: self.inventory.map(|inventory| inventory.0),
            value: self.value,
        })
    }
}

built! { CatalogueSettings, CatalogueDocument; Store, StoreDocument; Gift, GiftDocument }
