//! A number of the definition and its control: typing changes the draft, undo comes back into the control.
//! Must never write what is there already: each write is a step of undo.

use leptos::prelude::*;

use crate::reactive::{effect, effect_with, memo};

pub(super) fn number(
    read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    write: impl Fn(Option<f64>) + 'static,
) -> RwSignal<Option<f64>> {
    let known = memo(read);
    let value = RwSignal::new(known.get_untracked());
    effect(move || {
        let now = known.get();
        if value.get_untracked() != now {
            value.set(now);
        }
    });
    effect_with(move |before: Option<Option<f64>>| {
        let now = value.get();
        if before.is_some_and(|before| before != now) && known.get_untracked() != now {
            write(now);
        }
        now
    });
    value
}

/// A whole number up to `most`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of u32 right before")]
pub(super) fn whole(number: f64, most: u32) -> u32 {
    // One beyond the limit stays, so that the validator says so.
    number.round().clamp(0.0, f64::from(most) + 1.0) as u32
}
