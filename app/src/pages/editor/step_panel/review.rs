//! When the step waits for a person, who is asked, how many have to agree, and what happens if nobody does.

use leptos::prelude::*;
use workflow::{
    AgentSpec,
    definition::{OnReviewTimeout, ReviewMode},
    limits::{MAX_QUORUM, MAX_REVIEW_TIMEOUT_S, MAX_ROUNDS},
};

use super::{
    super::focus::field_id,
    bound::{choice, flag, number, whole},
    groups::Groups,
    one_step::OneStep,
    people::People,
    section::Section,
};
use crate::clock::duration_words;
use crate::components::{Checkbox, Fault, Field, NumberInput, Segment, Segmented, Select, SelectOption};
use crate::reactive::memo;

const MODES: [Segment; 3] = [
    Segment::new("when_manual", "If auto-run is off"),
    Segment::new("always", "Always"),
    Segment::new("never", "Never"),
];

#[component]
pub(super) fn Review(one: OneStep) -> impl IntoView {
    let mode = memo(move || one.read(|step| step.review.mode));
    let is_human = memo(move || one.agent.with(|agent| agent.as_ref().map(AgentSpec::kind) == Some("human")));
    let chosen = choice(
        one,
        |step| step.review.mode.as_str(),
        |step, now| {
            step.review.mode = match now {
                "always" => ReviewMode::Always,
                "never" => ReviewMode::Never,
                _ => ReviewMode::WhenManual,
            };
        },
        "Change review",
    );
    let words = move || match mode.get() {
        _ if is_human.get() => "A person answers the form of this step in every run",
        ReviewMode::WhenManual => "Waits for a person only in runs whose auto-run is off",
        ReviewMode::Always => "Waits for a person in every run",
        ReviewMode::Never => "Never waits, even in runs whose auto-run is off",
    };
    // What is set stays in sight, also where it has no effect.
    let has_details = memo(move || {
        is_human.get()
            || mode.get() == ReviewMode::Always
            || one.read(|step| {
                let plain = workflow::definition::Review { mode: step.review.mode, ..Default::default() };
                step.review != plain
            })
    });
    let heading = Signal::derive(move || if is_human.get() { "Who answers" } else { "Review" }.to_owned());
    view! {
        <Section one name="Review" title=heading>
            <div class="stack" data-gap="2" id=field_id("review") tabindex="-1">
                <Show when=move || !is_human.get()>
                    <Segmented value=chosen segments=MODES.to_vec() name="review-mode" label="Review"/>
                </Show>
                <p class="small muted">{words}</p>
            </div>
            <Show when=move || has_details.get()>
                <Details one/>
            </Show>
        </Section>
    }
}

fn role(one: OneStep, role: &'static str, label: &'static str) -> AnyView {
    let checked = flag(
        one,
        move |step| step.review.assignees.roles.iter().any(|known| known == role),
        move |step, on| {
            step.review.assignees.roles.retain(|known| known != role);
            if on {
                step.review.assignees.roles.push(role.to_owned());
            }
        },
        "Change who reviews",
    );
    view! { <Checkbox checked label/> }.into_any()
}

#[component]
fn Details(one: OneStep) -> impl IntoView {
    let quorum = number(
        one,
        |step| Some(f64::from(step.review.quorum)),
        |step, now| step.review.quorum = now.map_or(1, |now| whole(now, MAX_QUORUM)),
        "Change the quorum",
    );
    let rounds = number(
        one,
        |step| Some(f64::from(step.review.max_rounds)),
        |step, now| step.review.max_rounds = now.map_or(0, |now| whole(now, MAX_ROUNDS)),
        "Change the rounds",
    );
    let allow_self =
        flag(one, |step| step.review.allow_self, |step, on| step.review.allow_self = on, "Change who may approve");
    let timeout = number(
        one,
        |step| step.review.timeout_s.map(f64::from),
        |step, now| step.review.timeout_s = now.map(|now| whole(now, MAX_REVIEW_TIMEOUT_S)),
        "Change how long it waits",
    );
    let on_timeout = choice(
        one,
        |step| step.review.on_timeout.as_str(),
        |step, now| {
            step.review.on_timeout = if now == "approve" { OnReviewTimeout::Approve } else { OnReviewTimeout::Fail };
        },
        "Change what follows",
    );
    let wait_help = Signal::derive(move || match one.read(|step| step.review.timeout_s) {
        None => "Empty: it waits as long as it takes".to_owned(),
        Some(seconds) => format!("That is {}", duration_words(i64::from(seconds) * 1000)),
    });
    view! {
        <div class="stack" data-gap="2" id=field_id("review.assignees") tabindex="-1">
            <span class="field-label">"Who may decide"</span>
            <div class="row check-row">{role(one, "admin", "Admins")} {role(one, "user", "All users")}</div>
            <Groups one/>
            <People one/>
        </div>
        <div class="form-row">
            <Field id=field_id("review.quorum") label="Approvals" help="So many people have to agree" error=one.problem("review.quorum")>
                <NumberInput value=quorum min=1.0 max=f64::from(MAX_QUORUM) step=1.0/>
            </Field>
            <Field id=field_id("review.max_rounds") label="Rounds" help="Rejections before it fails" error=one.problem("review.max_rounds")>
                <NumberInput value=rounds min=0.0 max=f64::from(MAX_ROUNDS) step=1.0/>
            </Field>
        </div>
        <Checkbox
            checked=allow_self
            label="One's own work may be approved"
            help="Off: neither who started the run nor who wrote the version may approve it"
            id=field_id("review.allow_self")
        />
        <div class="form-row">
            <Field id=field_id("review.timeout_s") label="Waits at most" help=wait_help error=one.problem("review.timeout_s") optional=true>
                <NumberInput value=timeout min=1.0 max=f64::from(MAX_REVIEW_TIMEOUT_S) step=1.0 unit="s"/>
            </Field>
            <Field id=field_id("review.on_timeout") label="Then" help="If nobody decided" error=one.problem("review.on_timeout")>
                <Select
                    value=on_timeout
                    options=vec![SelectOption::new("fail", "It fails"), SelectOption::new("approve", "It is approved by itself")]
                />
            </Field>
        </div>
        <Fault text=one.problem("review")/>
    }
}
