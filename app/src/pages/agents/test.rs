//! Try the agent on sample input: a real run, hidden from the lists, followed right here.
//! It runs what is saved, never what is only typed.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde_json::Value;
use workflow::{AgentSpec, StepKey, StepStatus, api::TestAgent, definition::RunInput, view::StepView};

use crate::reactive::{effect, memo};
use crate::{
    api::{self, LoadedRun},
    components::{Button, ButtonType, Elapsed, LinkButton, Size, StatusChip, Variant},
    error::AppError,
    form::{FormError, focus_first_error, outcome},
    pages::{
        input_form::field::{InputField, InputView},
        run::{output::Output, outside::OutsideSays, state::LiveRun},
    },
    words,
};

#[component]
pub(super) fn TestPanel(saved: RwSignal<AgentSpec>, is_dirty: Memo<bool>) -> impl IntoView {
    // The form is drawn anew for another set of ports only, so that samples stay from test to test.
    let ports = memo(move || saved.with(|saved| saved.inputs.clone()));
    let runs = RwSignal::new(None::<LoadedRun>);
    view! {
        <section class="card" aria-label="Test">
            <div class="card-head">
                <h2>"Test"</h2>
                <span class="small muted">{move || format!("Version {}", saved.with(|saved| saved.version))}</span>
            </div>
            <div class="card-body stack" data-gap="3">
                {move || {
                    let inputs = ports
                        .get()
                        .into_iter()
                        .zip(0..)
                        .map(|(port, order)| {
                            let input = RunInput {
                                title: port.name.clone(),
                                schema: port.schema,
                                required: port.required,
                                default: None,
                                order,
                            };
                            (port.name, input)
                        })
                        .collect();
                    view! { <Sample saved is_dirty inputs runs/> }
                }}
                {move || runs.get().map(|run| view! { <Follow run/> })}
            </div>
        </section>
    }
}

/// Starts the test and reads the run that it made.
async fn run(test: TestAgent) -> Result<LoadedRun, AppError> {
    api::get_run(api::test_agent(test).await?).await
}

#[component]
fn Sample(
    saved: RwSignal<AgentSpec>,
    is_dirty: Memo<bool>,
    inputs: BTreeMap<String, RunInput>,
    runs: RwSignal<Option<LoadedRun>>,
) -> impl IntoView {
    let fields = StoredValue::new(InputField::all(&inputs));
    let test = Action::new(|test: &TestAgent| run(test.clone()));
    let error = outcome(test, move |run| runs.set(Some(run)));
    effect(move || {
        let Some(error) = error.get() else { return };
        if fields.with_value(|fields| InputField::place(fields, &error)) {
            focus_first_error();
        }
    });
    let elsewhere = Signal::derive(move || {
        error.get().filter(|error| !fields.with_value(|fields| InputField::has_place(fields, error)))
    });
    let submit = move || {
        if test.pending().get_untracked() {
            return;
        }
        let read: Option<BTreeMap<String, Value>> = fields.with_value(|fields| InputField::read_all(fields));
        match read {
            Some(inputs) => {
                let (agent_id, version) = saved.with_untracked(|saved| (saved.id.clone(), saved.version));
                test.dispatch(TestAgent { agent_id, version: Some(version), inputs, unsaved: None, confirm: false });
            }
            None => focus_first_error(),
        }
    };
    let controls = fields.with_value(Clone::clone).into_iter().map(|field| view! { <InputView field/> }).collect_view();
    view! {
        <form
            class="stack"
            data-gap="3"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            {controls}
            <FormError error=elsewhere/>
            <Show when=move || is_dirty.get()>
                <p class="small muted" role="status">"The test runs the saved version, without your last edits"</p>
            </Show>
            <div class="row">
                <Button kind=ButtonType::Submit icon="flask-conical" loading=test.pending()>"Run test"</Button>
            </div>
        </form>
    }
}

#[component]
fn Follow(run: LoadedRun) -> impl IntoView {
    let live = LiveRun::follow(run, None);
    let key = live.run.with_untracked(|run| run.steps.first().map(|step| step.key.clone()));
    let href = format!("/runs/{}", live.id);
    let Some(key) = key else { return ().into_any() };
    let stored: StoredValue<StepKey> = StoredValue::new(key.clone());
    let step = memo(move || stored.with_value(|key| live.step(key)));
    let status = memo(move || step.with(|step| step.as_ref().map_or(StepStatus::Pending, |step| step.status)));
    let last =
        move || step.with(|step: &Option<StepView>| step.as_ref().and_then(|step| step.attempts.last().cloned()));
    let failure = move || {
        let attempt = last().filter(|_| status.get() == StepStatus::Failed)?;
        let advice = step.with(|step| step.as_ref().and_then(|step| step.reason).map(workflow::status::Reason::advice));
        Some(view! {
            <div class="review-bar" data-kind="error" role="alert">
                <strong>"The agent failed"</strong>
                <span>{attempt.error}</span>
                <span class="muted">{advice}</span>
            </div>
        })
    };
    let usage = move || {
        last()?.usage.map(|usage| {
            let model = usage.model.map(|model| format!("{model}, ")).unwrap_or_default();
            let about = words::about(usage.is_estimated);
            view! { <span>{format!("{model}{about}{} + {} tokens", usage.prompt_tokens, usage.completion_tokens)}</span> }
        })
    };
    view! {
        <div class="test-run stack" data-gap="3">
            <div class="row" data-gap="3">
                <StatusChip status=Signal::derive(move || status.get().as_str().to_owned())/>
                <span class="small muted row">
                    {move || last().map(|attempt| view! { <Elapsed since=attempt.started_at until=Signal::stored(attempt.ended_at)/> })}
                    {usage}
                </span>
                <span class="push"></span>
                <LinkButton href size=Size::Sm variant=Variant::Quiet icon="external-link">"Open the run"</LinkButton>
            </div>
            <Show when=move || live.is_lost.get()>
                <p class="small muted" role="status">"Reconnecting: what is shown may be old"</p>
            </Show>
            {failure}
            <OutsideSays live key=key.clone()/>
            <Output live key written_at="in the run, under Attempts"/>
        </div>
    }
    .into_any()
}
