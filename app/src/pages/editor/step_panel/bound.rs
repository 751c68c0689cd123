//! Controls bound to a part of the step: typing changes the draft, undo comes back into the control.

use crate::reactive::{effect, effect_with, memo};
use leptos::prelude::*;
use workflow::Step;

use super::OneStep;

/// A number, as whole ones up to `most`.
pub(super) fn number(
    one: OneStep,
    read: impl Fn(&Step) -> Option<f64> + Send + Sync + 'static,
    write: impl Fn(&mut Step, Option<f64>) + Send + Sync + 'static,
    label: &'static str,
) -> RwSignal<Option<f64>> {
    let known = memo(move || one.step.with(|step| step.as_ref().and_then(&read)));
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
            one.change(label, |step| write(step, now));
        }
        now
    });
    value
}

/// One word of a few.
pub(super) fn choice(
    one: OneStep,
    read: impl Fn(&Step) -> &'static str + Send + Sync + 'static,
    write: impl Fn(&mut Step, &str) + Send + Sync + 'static,
    label: &'static str,
) -> RwSignal<String> {
    let known = memo(move || one.step.with(|step| step.as_ref().map(|step| read(step).to_owned()).unwrap_or_default()));
    let value = RwSignal::new(known.get_untracked());
    effect(move || value.set(known.get()));
    effect(move || {
        let now = value.get();
        if known.with_untracked(|known| *known != now) {
            one.change(label, |step| write(step, &now));
        }
    });
    value
}

/// Yes or no.
pub(super) fn flag(
    one: OneStep,
    read: impl Fn(&Step) -> bool + Send + Sync + 'static,
    write: impl Fn(&mut Step, bool) + Send + Sync + 'static,
    label: &'static str,
) -> RwSignal<bool> {
    let known = memo(move || one.step.with(|step| step.as_ref().is_some_and(&read)));
    let value = RwSignal::new(known.get_untracked());
    effect(move || value.set(known.get()));
    effect(move || {
        let now = value.get();
        if known.get_untracked() != now {
            one.change(label, |step| write(step, now));
        }
    });
    value
}

/// A text.
pub(super) fn text(
    one: OneStep,
    read: impl Fn(&Step) -> String + Send + Sync + 'static,
    write: impl Fn(&mut Step, String) + Send + Sync + 'static,
    label: &'static str,
) -> RwSignal<String> {
    let write = StoredValue::new(write);
    one.draft.bind(
        move |definition| one.key.with_value(|key| definition.steps.get(key).map(&read)).unwrap_or_default(),
        move |now| one.change(label, |step| write.with_value(|write| write(step, now))),
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the target right before"
)]
pub(super) fn whole(number: f64, most: u32) -> u32 {
    // One beyond the limit stays, so that the validator says so.
    number.round().clamp(0.0, f64::from(most) + 1.0) as u32
}
