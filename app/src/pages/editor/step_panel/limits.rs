//! When the step waits for a person, how often it is tried again, and how long it may take.
//! Fields that this version stores but does not execute are named here, with the way to take them out.

use leptos::prelude::*;
use workflow::{
    Step,
    definition::{OnError, Review, ReviewMode, TriggerRule},
    limits::{MAX_RETRIES, MAX_TIMEOUT_S},
};

use super::{super::focus::field_id, OneStep};
use crate::components::{Button, Field, NumberInput, Segment, Segmented, Size, Variant};

const MODES: [Segment; 3] =
    [Segment::new("when_manual", "When manual"), Segment::new("always", "Always"), Segment::new("never", "Never")];

#[component]
pub(super) fn Limits(one: OneStep) -> impl IntoView {
    let mode = Memo::new(move |_| one.read(|step| step.review.mode));
    let chosen = RwSignal::new(mode.get_untracked().as_str().to_owned());
    Effect::new(move || chosen.set(mode.get().as_str().to_owned()));
    Effect::new(move || {
        let now = match chosen.get().as_str() {
            "always" => ReviewMode::Always,
            "never" => ReviewMode::Never,
            _ => ReviewMode::WhenManual,
        };
        if mode.get_untracked() != now {
            one.change("Change review", |step| step.review.mode = now);
        }
    });
    let words = move || match mode.get() {
        ReviewMode::WhenManual => "Waits for a person only in runs whose auto-run is off",
        ReviewMode::Always => "Waits for a person in every run",
        ReviewMode::Never => "Never waits, even in runs whose auto-run is off",
    };
    let retries = number(
        one,
        |step| step.retry.max.map(f64::from),
        |step, number| step.retry.max = number.map(|number| whole(number, MAX_RETRIES)),
        "Change retries",
    );
    let usual = move || {
        if one.read(|step| Step { retry: workflow::definition::Retry::default(), ..step.clone() }.max_retries()) == 0 {
            "0"
        } else {
            "2"
        }
    };
    let timeout = number(
        one,
        |step| Some(f64::from(step.timeout_s)),
        |step, number| {
            if let Some(number) = number {
                step.timeout_s = whole(number, MAX_TIMEOUT_S);
            }
        },
        "Change the time limit",
    );
    view! {
        <section class="panel-section" aria-label="Review and limits" on:focusout=move |_| one.draft.handle.seal()>
            <h3>"Review"</h3>
            <div class="stack" data-gap="2" id=field_id("review") tabindex="-1">
                <Segmented value=chosen segments=MODES.to_vec() name="review-mode" label="Review"/>
                <p class="small muted">{words}</p>
            </div>
        </section>
        <section class="panel-section" aria-label="Limits" on:focusout=move |_| one.draft.handle.seal()>
            <h3>"Limits"</h3>
            <div class="form-row">
                <Field id=field_id("retry.max") label="Retries" help="After a failure that may pass" error=one.problem("retry.max")>
                    <NumberInput value=retries min=0.0 max=f64::from(MAX_RETRIES) step=1.0 placeholder=usual()/>
                </Field>
                <Field id=field_id("timeout_s") label="Time limit" help="Of each try" error=one.problem("timeout_s")>
                    <NumberInput value=timeout min=1.0 max=f64::from(MAX_TIMEOUT_S) step=1.0 unit="s"/>
                </Field>
            </div>
        </section>
        <Unsupported one/>
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the target right before"
)]
fn whole(number: f64, most: u32) -> u32 {
    // One beyond the limit stays, so that the validator says so.
    number.round().clamp(0.0, f64::from(most) + 1.0) as u32
}

fn number(
    one: OneStep,
    read: impl Fn(&Step) -> Option<f64> + Send + Sync + 'static,
    write: impl Fn(&mut Step, Option<f64>) + Send + Sync + 'static,
    label: &'static str,
) -> RwSignal<Option<f64>> {
    let known = Memo::new(move |_| one.step.with(|step| step.as_ref().and_then(&read)));
    let value = RwSignal::new(known.get_untracked());
    Effect::new(move || {
        let now = known.get();
        if value.get_untracked() != now {
            value.set(now);
        }
    });
    Effect::new(move |before: Option<Option<f64>>| {
        let now = value.get();
        if before.is_some() && known.get_untracked() != now {
            one.change(label, |step| write(step, now));
        }
        now
    });
    value
}

/// A field that is stored and not executed, and how to take it out.
type NotExecuted = (&'static str, &'static str, fn(&mut Step));

fn unsupported(step: &Step) -> Vec<NotExecuted> {
    let plain = Review { mode: step.review.mode, ..Review::default() };
    let all: [(bool, NotExecuted); 7] = [
        (step.when.is_some(), ("when", "A condition", |step| step.when = None)),
        (step.map.is_some(), ("map", "Runs once for each item of a list", |step| step.map = None)),
        (
            step.trigger_rule != TriggerRule::NoneFailed,
            ("trigger_rule", "Another rule for when it may run", |step| step.trigger_rule = TriggerRule::NoneFailed),
        ),
        (step.on_error != OnError::Fail, ("on_error", "Goes on after a failure", |step| step.on_error = OnError::Fail)),
        (
            step.default_output.is_some(),
            ("default_output", "A result to use after a failure", |step| step.default_output = None),
        ),
        (
            step.review != plain,
            ("review", "Assignees, quorum or rounds of the review", |step| {
                step.review = Review { mode: step.review.mode, ..Review::default() };
            }),
        ),
        (step.cache, ("cache", "Reuses earlier results", |step| step.cache = false)),
    ];
    all.into_iter().filter_map(|(is_set, field)| is_set.then_some(field)).collect()
}

#[component]
fn Unsupported(one: OneStep) -> impl IntoView {
    let rows = move || {
        one.read(unsupported)
            .into_iter()
            .map(|(name, words, remove)| {
                let id = (name != "review").then(|| field_id(name));
                view! {
                    <div class="setting" id=id tabindex="-1">
                        <div>
                            <strong>{words}</strong>
                            " "
                            <code>{name}</code>
                        </div>
                        <Button size=Size::Sm variant=Variant::Quiet icon="trash-2" on:click=move |_| one.change("Remove a setting", remove)>
                            "Remove"
                        </Button>
                    </div>
                }
            })
            .collect_view()
    };
    view! {
        <Show when=move || !one.read(unsupported).is_empty()>
            <section class="panel-section" aria-label="Not executed yet">
                <h3>"Not executed yet"</h3>
                <p class="small muted">"This version of Weft stores these settings, but cannot run them. Remove them to publish."</p>
                {rows}
            </section>
        </Show>
    }
}
