//! What the step does outside of Weft: whether a second try acts twice, and how long it waits for a worker.

use leptos::prelude::*;
use workflow::{AgentSpec, Step, agent::AgentConfig, definition::SideEffects, limits::MAX_QUEUE_TIMEOUT_S};

use super::{
    super::focus::field_id,
    bound::{choice, number, whole},
    one_step::OneStep,
    section::Section,
};
use crate::{
    clock::duration_words,
    components::{Field, NumberInput, Select, SelectOption},
    pages::agents::{kind::WORKER, outside::side_effect_words},
    reactive::memo,
};

/// For steps that reach outside, and those that say so.
#[component]
pub(super) fn Outside(one: OneStep) -> impl IntoView {
    let reaches_out = memo(move || {
        let kind = one.agent.with(|agent| agent.as_ref().map(AgentSpec::kind));
        let says_so = |step: &Step| step.side_effects != SideEffects::None || step.queue_timeout_s.is_some();
        matches!(kind, Some(WORKER | "http")) || one.read(says_so)
    });
    let waits = memo(move || {
        let is_worker = one.agent.with(|agent| agent.as_ref().map(AgentSpec::kind) == Some(WORKER));
        is_worker || one.read(|step| step.queue_timeout_s.is_some())
    });
    view! {
        <Show when=move || reaches_out.get()>
            <Section one name="Outside">
                <Effects one/>
                <Show when=move || waits.get()>
                    <Wait one/>
                </Show>
            </Section>
        </Show>
    }
}

#[component]
fn Effects(one: OneStep) -> impl IntoView {
    let value = choice(
        one,
        |step| match step.side_effects {
            SideEffects::None => "none",
            SideEffects::Idempotent => "idempotent",
            SideEffects::External => "external",
        },
        |step, now| {
            step.side_effects = match now {
                "idempotent" => SideEffects::Idempotent,
                "external" => SideEffects::External,
                _ => SideEffects::None,
            };
        },
        "Change the side effects",
    );
    let options = vec![
        SelectOption::new("none", "None"),
        SelectOption::new("idempotent", "The same however often it is tried"),
        SelectOption::new("external", "Again with each try"),
    ];
    // What its author says of it, where that is more than nothing.
    let said = move || {
        one.agent.with(|agent| match agent.as_ref().map(|agent| &agent.config) {
            Some(AgentConfig::Worker(config)) if config.side_effects != SideEffects::None => {
                format!(" The agent's author says: {}.", side_effect_words(config.side_effects))
            }
            _ => String::new(),
        })
    };
    let help = Signal::derive(move || {
        let words = match one.read(|step| step.side_effects) {
            SideEffects::External => "A failure is not tried again by itself, unless retries are set.",
            SideEffects::None | SideEffects::Idempotent => "A failure that may pass is tried again.",
        };
        format!("{words}{}", said())
    });
    view! {
        <Field id=field_id("side_effects") label="Side effects" help error=one.problem("side_effects")>
            <Select value options/>
        </Field>
    }
}

#[component]
fn Wait(one: OneStep) -> impl IntoView {
    let value = number(
        one,
        |step| step.queue_timeout_s.map(f64::from),
        |step, now| step.queue_timeout_s = now.map(|now| whole(now, MAX_QUEUE_TIMEOUT_S)),
        "Change the wait for a worker",
    );
    let help = Signal::derive(move || match one.read(|step| step.queue_timeout_s) {
        Some(seconds) => {
            format!("The step fails when no worker took it within {}", duration_words(i64::from(seconds) * 1000))
        }
        None => "Empty: it waits until one comes".to_owned(),
    });
    view! {
        <Field id=field_id("queue_timeout_s") label="Waits for a worker" help error=one.problem("queue_timeout_s") optional=true>
            <NumberInput value min=1.0 max=f64::from(MAX_QUEUE_TIMEOUT_S) step=1.0 unit="s"/>
        </Field>
    }
}
