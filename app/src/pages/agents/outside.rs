//! Agents that outside workers do: what is offered and waits for an admin, and the page of one that is in the library.
//! Their ports come from their code: nothing here may edit one.

pub(in crate::pages) mod compare;
mod offers;
mod page;
mod ports;
mod review;

pub(in crate::pages) use self::{
    compare::side_effect_words,
    review::{OfferReview, provide_offers},
};
pub(super) use self::{offers::Offers, page::OutsidePage};
