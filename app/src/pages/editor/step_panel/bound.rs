//! Controls bound to a part of the step: typing changes the draft, undo comes back into the control.

use crate::reactive::{effect, memo};
use leptos::prelude::*;
use workflow::Step;

use super::{super::bound, one_step::OneStep};

pub(super) use super::super::bound::whole;

/// A number.
pub(super) fn number(
    one: OneStep,
    read: impl Fn(&Step) -> Option<f64> + Send + Sync + 'static,
    write: impl Fn(&mut Step, Option<f64>) + Send + Sync + 'static,
    label: &'static str,
) -> RwSignal<Option<f64>> {
    bound::number(
        move || one.step.with(|step| step.as_ref().and_then(&read)),
        move |now| one.change(label, |step| write(step, now)),
    )
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
