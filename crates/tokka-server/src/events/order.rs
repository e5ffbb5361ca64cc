//! What does an event say of the order itself? What it comes to while it is held or paid, and what went back.

use tokka_core::amount::Amount;
use tokka_core::quote::GiftGiven;
use tokka_core::table::{Ix, PromoIx};
use tokka_ledger::model::{Event, Record, Transition};
use tokka_proto::v1;

use crate::coupons::record::HandedOut;
use crate::error::ApiError;
use crate::reservations::Reservations;
use crate::reservations::order::{Recalled, step_of};
use crate::response::reservation::moment;

/// Adds to an event what its order comes to, or what it gave back. What cannot be read is left out: whoever follows has to get
/// past it.
///
/// # Errors
/// [`ApiError::Store`]: the store does not answer now.
pub(super) async fn complete(reservations: &Reservations, event: &Event, told: &mut v1::Event) -> Result<(), ApiError> {
    let Event { entry, record: Some(record) } = event else { return Ok(()) };
    if record.tombstone || !matches!(HandedOut::of(record), Ok(None)) {
        return Ok(());
    }
    let completed = match entry.transition {
        Transition::Reserved | Transition::Taken | Transition::Committed | Transition::Reacquired => {
            priced(reservations, record).await.map(|priced| told.priced = Some(priced))
        }
        Transition::PartReturned | Transition::RolledBack => returned(record, entry.version).map(|step| told.returned = step),
        Transition::Expired | Transition::Extended | Transition::Replaced | Transition::Tombstone => Ok(()),
    };
    match completed {
        Err(error @ ApiError::Store(_)) => Err(error),
        Err(error) => {
            tracing::error!(reservation_id = entry.id, version = entry.version, ?error, "an event is told without its order");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// The order as it was reserved: nothing that happened to it later.
async fn priced(reservations: &Reservations, record: &Record) -> Result<v1::PricedOrder, ApiError> {
    let recalled = reservations.recall(&Record { returns: Vec::new(), ..record.clone() }).await?;
    let quote = &recalled.quote;
    let id = |ix: PromoIx| recalled.rulebook.promotions().at(ix).id.as_str().to_owned();
    let promotions = quote.applied.iter().map(|promotion| {
        let of = quote.funding.iter().filter(|part| part.promotion == *promotion).map(|part| part.amount.get());
        v1::AppliedPromotion { promotion: id(*promotion), discount: of.fold(0, i64::saturating_add) }
    });
    let free = quote.free_units.iter().map(|free| v1::FreePieces {
        promotion: id(free.promotion),
        sku: recalled.basket.lines().get(free.line.position()).map(|line| line.sku.as_str().to_owned()).unwrap_or_default(),
        quantity: free.units,
    });
    Ok(v1::PricedOrder {
        payable: quote.payable.get(),
        currency: recalled.rulebook.settings().currency.clone(),
        channel: recalled.basket.channel().map(|channel| channel.as_str().to_owned()).unwrap_or_default(),
        promotions: promotions.collect(),
        gifts: quote
            .gifts
            .iter()
            .filter(|gift| gift.given > 0)
            .map(|given| gift(&recalled, given, id(given.promotion)))
            .collect(),
        free_pieces: free.collect(),
    })
}

/// A gift as an ERP books it: by its own sku of it, or with a note for a person.
fn gift(recalled: &Recalled, given: &GiftGiven, promotion: String) -> v1::OrderGift {
    let gift = recalled.rulebook.gifts().at(given.gift);
    let erp_sku = gift.erp_sku.clone();
    let note = match &erp_sku {
        Some(_) => String::new(),
        None => format!("the ERP has no such gift: add {} × {} ({}) by hand", given.given, gift.name, gift.id),
    };
    v1::OrderGift {
        promotion,
        gift: gift.id.as_str().to_owned(),
        name: gift.name.clone(),
        quantity: given.given,
        sku: gift.sku.clone(),
        erp_sku,
        note,
        value: gift.value.map_or(0, Amount::get),
    }
}

/// What the return gave back that made a version; nothing where none did.
fn returned(record: &Record, version: u64) -> Result<Option<v1::RollbackStep>, ApiError> {
    let Some(step) = record.returns.iter().find(|step| step.version == version) else { return Ok(None) };
    if step.answer.is_empty() {
        return Ok(None);
    }
    Ok(Some(v1::RollbackStep {
        rollback_id: step.rollback_id.clone(),
        version: i64::try_from(step.version).unwrap_or(i64::MAX),
        at: Some(moment(step.at)),
        ..step_of(step)?
    }))
}
