//! Which gifts are given, and which are missing (`pricing.md` §5 Gifts)?

use tokka_core::promotion::GiftReward;

use super::numbers::Minor;
use super::order::{Order, Promo};
use crate::priced::Key;

/// The gifts of a reward that counts `times` times: gift, wanted, given.
pub fn gifts(order: &Order<'_>, promo: Promo, rewards: &[GiftReward], times: Minor) -> Vec<(String, Minor, Minor)> {
    let mut gifts: Vec<(String, Minor, Minor)> = Vec::new();
    for reward in rewards {
        let left = |gift: &str, so_far: &[(String, Minor, Minor)]| -> Option<Minor> {
            let here: Minor = so_far.iter().filter(|(id, ..)| id == gift).map(|(.., given)| given).sum();
            left_of(order, gift).map(|left| left - here)
        };
        let any_left = |gift: &str| left(gift, &gifts).is_none_or(|left| left > 0);
        let options: Vec<&str> = reward.options.iter().map(|id| id.as_str()).collect();
        let picked = order.world.basket.select_gift().get(order.id(promo)).map(String::as_str);
        let gift = match picked {
            // The request picks; with none left it is missing, nothing takes its place.
            Some(picked) if options.contains(&picked) => picked,
            // Else the first with any left, else the first is the one missing.
            _ => options.iter().copied().find(|gift| any_left(gift)).unwrap_or(options[0]),
        };
        let wanted = Minor::from(reward.quantity) * times;
        let given = left(gift, &gifts).map_or(wanted, |left| left.clamp(0, wanted));
        gifts.push((gift.to_owned(), wanted, given));
    }
    gifts
}

/// What earlier orders and earlier promotions of this order left; `None` = unlimited.
fn left_of(order: &Order<'_>, gift: &str) -> Option<Minor> {
    let document = order.world.catalogue.gifts().iter().find(|document| document.id == gift)?;
    let inventory = Minor::from(document.inventory?);
    let used = (order.world.used)(&Key::Gift(gift.to_owned()), inventory);
    let here: Minor = order.gifts.iter().filter(|(_, id, ..)| id == gift).map(|(.., given)| given).sum();
    Some((inventory - used - here).max(0))
}
