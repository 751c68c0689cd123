//! What happens when a try fails: which failures are tried again and when, and what the step comes to in the end.

use leptos::prelude::*;
use serde_json::{Map, Value};
use workflow::{
    AgentSpec, Step,
    agent::OutputPort,
    definition::{OnError, OnReviewTimeout},
    limits::{MAX_RETRIES, MAX_RETRY_MS},
    validate::RETRYABLE,
};

use super::{
    super::focus::field_id,
    bound::{choice, flag, number, whole},
    one_step::OneStep,
    section::Section,
};
use crate::reactive::memo;
use crate::{
    components::{Checkbox, Fault, Field, Icon, NumberInput, Select, SelectOption},
    pages::types::value::ValueInput,
};

#[component]
pub(super) fn Failure(one: OneStep) -> impl IntoView {
    let retries = number(
        one,
        |step| step.retry.max.map(f64::from),
        |step, number| step.retry.max = number.map(|number| whole(number, MAX_RETRIES)),
        "Change retries",
    );
    let usual = move || {
        let plain = |step: &Step| Step { retry: workflow::definition::Retry::default(), ..step.clone() }.max_retries();
        if one.read(plain) == 0 { "0" } else { "2" }
    };
    let on_error = choice(
        one,
        |step| step.on_error.as_str(),
        |step, now| {
            step.on_error = match now {
                "continue" => OnError::Continue,
                "default" => OnError::Default,
                _ => OnError::Fail,
            };
        },
        "Change what follows a failure",
    );
    let words = Signal::derive(move || {
        match one.read(|step| step.on_error) {
            OnError::Fail => "The run fails, and later steps of this branch are skipped",
            OnError::Continue => "Later steps go on without its outputs",
            OnError::Default => "Later steps go on with the values below",
        }
        .to_owned()
    });
    let options = vec![
        SelectOption::new("fail", "The step fails"),
        SelectOption::new("continue", "Go on without it"),
        SelectOption::new("default", "Use a default output"),
    ];
    let wants_default = memo(move || {
        let is_human = one.agent.with(|agent| agent.as_ref().map(AgentSpec::kind) == Some("human"));
        one.read(|step| {
            step.on_error == OnError::Default
                || (is_human && step.review.on_timeout == OnReviewTimeout::Approve)
                || step.default_output.is_some()
        })
    });
    view! {
        <Section one name="Failure" title="When it fails">
            <div class="form-row">
                <Field id=field_id("retry.max") label="Retries" help="After a failure that may pass" error=one.problem("retry.max")>
                    <NumberInput value=retries min=0.0 max=f64::from(MAX_RETRIES) step=1.0 placeholder=usual()/>
                </Field>
                <Field id=field_id("on_error") label="If it still fails" help=words error=one.problem("on_error")>
                    <Select value=on_error options/>
                </Field>
            </div>
            <RetryDetails one/>
            <Show when=move || wants_default.get()>
                <Defaults one/>
            </Show>
        </Section>
    }
}

#[component]
fn RetryDetails(one: OneStep) -> impl IntoView {
    let seconds = |read: fn(&Step) -> u64, write: fn(&mut Step, u64)| {
        number(
            one,
            move |step| Some(millis(read(step)) / 1000.0),
            move |step, now| write(step, now.map_or(0, |now| u64::from(whole(now * 1000.0, most_ms())))),
            "Change the wait between tries",
        )
    };
    let initial = seconds(|step| step.retry.initial_ms, |step, ms| step.retry.initial_ms = ms);
    let longest = seconds(|step| step.retry.max_ms, |step, ms| step.retry.max_ms = ms);
    let classes = RETRYABLE
        .into_iter()
        .map(|class| {
            let word = class.as_str();
            let checked = flag(
                one,
                move |step| step.retry.on.contains(word),
                move |step, on| {
                    if on {
                        step.retry.on.insert(word.to_owned());
                    } else {
                        step.retry.on.remove(word);
                    }
                },
                "Change what is tried again",
            );
            view! { <Checkbox checked label=class.words()/> }.into_any()
        })
        .collect_view();
    view! {
        <details class="fold">
            <summary><Icon name="chevron-right"/> "Which failures, and how soon"</summary>
            <div class="fold-body stack" data-gap="3">
                <div class="stack" data-gap="1" id=field_id("retry.on") tabindex="-1">
                    <span class="field-label">"Try again after"</span>
                    <div class="row check-row">{classes}</div>
                    <Fault text=one.problem("retry.on")/>
                </div>
                <div class="form-row">
                    <Field id=field_id("retry.initial_ms") label="First wait" help="Doubles with each try" error=one.problem("retry.initial_ms")>
                        <NumberInput value=initial min=0.0 unit="s"/>
                    </Field>
                    <Field id=field_id("retry.max_ms") label="Longest wait" error=one.problem("retry.max_ms")>
                        <NumberInput value=longest min=0.0 unit="s"/>
                    </Field>
                </div>
            </div>
        </details>
    }
}

#[expect(clippy::cast_precision_loss, reason = "waits are far below 2^53")]
fn millis(ms: u64) -> f64 {
    ms as f64
}

fn most_ms() -> u32 {
    u32::try_from(MAX_RETRY_MS).unwrap_or(u32::MAX)
}

/// A value for each output, to stand in for what is missing.
#[component]
fn Defaults(one: OneStep) -> impl IntoView {
    let outputs =
        memo(move || one.agent.with(|agent| agent.as_ref().map(|agent| agent.outputs.clone())).unwrap_or_default());
    view! {
        <div class="stack" data-gap="3" id=field_id("default_output") tabindex="-1">
            <span class="field-label">"Default output"</span>
            <For each=move || outputs.get() key=|port| port.name.clone() let:port>
                {default_field(one, port)}
            </For>
            <Fault text=one.draft.problem_under(Some(one.key()), "default_output".to_owned())/>
        </div>
    }
}

fn default_field(one: OneStep, port: OutputPort) -> AnyView {
    let OutputPort { name, schema } = port;
    let (known, id) = (name.clone(), field_id(&format!("default_output.{name}")));
    let label = name.clone();
    let value = Signal::derive(move || {
        one.read(|step| step.default_output.as_ref().and_then(|output| output.get(&known).cloned()))
    });
    let set = move |value: Option<Value>| {
        one.change("Change the default output", |step| {
            let mut output = match step.default_output.take() {
                Some(Value::Object(output)) => output,
                _ => Map::new(),
            };
            match value {
                Some(value) => output.insert(name.clone(), value),
                None => output.shift_remove(&name),
            };
            step.default_output = (!output.is_empty()).then_some(Value::Object(output));
        });
    };
    view! { <ValueInput id label schema=Signal::stored(schema) value on_change=set/> }.into_any()
}
