//! The chosen step: first what it needs from me, then its output, inputs, prompt, attempts and versions.

use leptos::prelude::*;
use workflow::{
    StepKey, StepStatus,
    api::{ContinueStep, TriggerStep},
    source::Source,
    view::StepView,
};

use super::{output::Output, retry::RetryDialog, state::LiveRun, versions::Versions};
use crate::{
    api,
    components::{
        Button, CodeView, Diff, Empty, PanelHandle, RelativeTime, Side, Size, Skeleton, SkeletonKind, StatusChip,
        StatusIcon, Tab, TabPanel, Tabs, Variant, duration_words,
    },
    form::{ErrorBanner, FormError},
    load::PartFailed,
};

#[component]
pub(super) fn StepPanel(live: LiveRun) -> impl IntoView {
    view! {
        <aside class="panel side-panel" id="side-panel" aria-label="Step">
            {move || match live.selected.get() {
                Some(key) => view! { <Panel live key/> }.into_any(),
                None => {
                    view! {
                        <div class="panel-body">
                            <Empty icon="mouse-pointer-2" title="Choose a step" text="Its output, inputs and versions are shown here"/>
                        </div>
                    }
                        .into_any()
                }
            }}
            <PanelHandle side=Side::Left key="run-step" label="Resize the step panel" min=280.0/>
        </aside>
    }
}

#[component]
fn Panel(live: LiveRun, key: StepKey) -> impl IntoView {
    let stored = StoredValue::new(key.clone());
    let step = Memo::new(move |_| stored.with_value(|key| live.step(key)));
    let Some(first) = step.get_untracked() else {
        return view! { <div class="panel-body"><Empty icon="mouse-pointer-2" title="This step is not part of the run" text="Choose another one"/></div> }
            .into_any();
    };
    let status = Memo::new(move |_| step.with(|step| step.as_ref().map_or(StepStatus::Pending, |step| step.status)));
    let detail = Signal::derive(move || {
        step.with(|step| {
            step.as_ref()
                .and_then(|step| step.reason)
                .map(|reason| reason.as_str().replace('_', " "))
                .unwrap_or_default()
        })
    });
    let tab = RwSignal::new("output".to_owned());
    let tabs = Signal::derive(move || {
        let (n_attempts, n_versions) = stored.with_value(|key| {
            live.run.with(|run| {
                let n_attempts = run.step(key).map_or(0, |step| step.attempts.len());
                let n_versions = run.artifacts.iter().filter(|artifact| artifact.producing_step_id == *key).count();
                (n_attempts, n_versions)
            })
        });
        vec![
            Tab::new("output", "Output"),
            Tab::new("inputs", "Inputs"),
            Tab::new("prompt", "Prompt"),
            Tab::new("attempts", "Attempts").with_count(n_attempts),
            Tab::new("versions", "Versions").with_count(n_versions),
        ]
    });
    view! {
        <div class="panel-head">
            <h2 class="truncate">{first.title.clone()}</h2>
            <StatusChip status=Signal::derive(move || status.get().as_str().to_owned()) detail/>
        </div>
        <div class="panel-body">
            <p class="muted small step-meta">
                {format!("{} v{}", first.agent_id, first.agent_version)}
                {move || {
                    step.with(|step| {
                        step.as_ref().filter(|step| step.generation > 1).map(|step| format!(" · generation {}", step.generation))
                    })
                }}
            </p>
            <Needs live key=key.clone() step status/>
            <Tabs id="step" label="About the step" tabs selected=tab/>
            <TabPanel tabs="step" tab="output" selected=tab>
                <Output live key=stored.get_value()/>
            </TabPanel>
            <TabPanel tabs="step" tab="inputs" selected=tab>
                <Inputs live key=stored.get_value() step/>
            </TabPanel>
            <TabPanel tabs="step" tab="prompt" selected=tab>
                <Prompt live key=stored.get_value() step/>
            </TabPanel>
            <TabPanel tabs="step" tab="attempts" selected=tab>
                <Attempts step/>
            </TabPanel>
            <TabPanel tabs="step" tab="versions" selected=tab>
                <Versions live key=stored.get_value()/>
            </TabPanel>
        </div>
    }
    .into_any()
}

/// What the step needs from a person now, with the verb that gives it.
#[component]
fn Needs(live: LiveRun, key: StepKey, step: Memo<Option<StepView>>, status: Memo<StepStatus>) -> impl IntoView {
    let stored = StoredValue::new(key);
    let is_editing = RwSignal::new(false);
    let go_on = Action::new(move |(): &()| {
        let key = stored.get_value();
        let decision = live.run.with_untracked(|run| ContinueStep {
            content_hash: Some(run.review_digest(&key)),
            expect_generation: run.step(&key).map(|step| step.generation),
        });
        api::continue_step(live.id, key, decision, None)
    });
    let go_on_error = live.verb(go_on, || ());
    let again =
        Action::new(move |trigger: &TriggerStep| api::trigger_step(live.id, stored.get_value(), trigger.clone(), None));
    let is_final = Memo::new(move |_| live.run.with(|run| run.status == workflow::RunStatus::Cancelled));
    let waits_for = move || {
        stored.with_value(|key| {
            live.run.with(|run| {
                let step = run.run_definition.steps.get(key)?;
                let open: Vec<String> = step
                    .direct_dependencies()
                    .into_iter()
                    .filter_map(|dependency| run.step(dependency))
                    .filter(|dependency| !dependency.status.is_terminal())
                    .map(|dependency| dependency.title.clone())
                    .collect();
                Some(open.join(", "))
            })
        })
    };
    let bar = move || {
        match status.get() {
        StepStatus::AwaitingReview => view! {
            <div class="review-bar">
                <strong>"Waiting for your review"</strong>
                <span>"Read the output below. Continue hands exactly this version on to the next steps."</span>
                <FormError error=go_on_error/>
                <div class="row">
                    <Button variant=Variant::Primary icon="play" loading=go_on.pending() on:click=move |_| {
                        go_on.dispatch(());
                    }>"Continue"</Button>
                </div>
            </div>
        }
        .into_any(),
        StepStatus::Failed => view! {
            <div class="review-bar" data-kind="error">
                <strong>"This step failed"</strong>
                {move || step.with(|step| {
                    let step = step.as_ref()?;
                    let message = step.attempts.last().and_then(|attempt| attempt.error.clone());
                    Some(view! {
                        {message.map(|message| view! { <span>{message}</span> })}
                        {step.reason.map(|reason| view! { <span class="muted small">{reason.advice()}</span> })}
                    })
                })}
                <Show when=move || !is_final.get()>
                    <div class="row">
                        <Button variant=Variant::Primary icon="rotate-cw" on:click=move |_| is_editing.set(true)>"Retry"</Button>
                    </div>
                </Show>
            </div>
        }
        .into_any(),
        StepStatus::Pending => view! { <p class="muted small">{move || match waits_for() {
            Some(names) if !names.is_empty() => format!("Waits for {names}"),
            _ => "Waits for the steps before it".to_owned(),
        }}</p> }
        .into_any(),
        StepStatus::Skipped => view! {
            <div class="review-bar" data-kind="info">
                <span>{move || step.with(|step| step.as_ref().and_then(|step| step.reason).map(workflow::status::Reason::advice))}</span>
            </div>
        }
        .into_any(),
        StepStatus::Completed => view! {
            <Show when=move || !is_final.get()>
                <div class="row">
                    <Button size=Size::Sm icon="rotate-cw" on:click=move |_| is_editing.set(true)>"Re-run"</Button>
                </div>
            </Show>
        }
        .into_any(),
        StepStatus::Ready => view! {
            <p class="muted small">{move || step.with(|step| {
                if step.as_ref().is_some_and(|step| step.not_before.is_some()) { "Tries again in a moment" } else { "Queued: it starts as soon as a worker is free" }
            })}</p>
        }
        .into_any(),
        StepStatus::Running | StepStatus::Cancelled => ().into_any(),
    }
    };
    view! {
        {bar}
        <RetryDialog live key=stored.get_value() status open=is_editing again/>
    }
}

#[component]
fn Inputs(live: LiveRun, key: StepKey, step: Memo<Option<StepView>>) -> impl IntoView {
    let stored = StoredValue::new(key);
    let rows = move || {
        let consumed = step.with(|step| {
            step.as_ref()
                .and_then(|step| step.attempts.last())
                .map(|attempt| attempt.inputs.clone())
                .unwrap_or_default()
        });
        live.run.with(|run| {
            let Some(step) = stored.with_value(|key| run.run_definition.steps.get(key).cloned()) else {
                return Vec::new();
            };
            let overridden =
                stored.with_value(|key| run.overrides.get(key).map(|o| o.inputs.clone())).unwrap_or_default();
            step.inputs
                .iter()
                .map(|(port, source)| {
                    let used = consumed.iter().find(|input| input.port == *port);
                    let from = match (overridden.get(port), source) {
                        (Some(value), _) => format!("set in this run: {}", short(value)),
                        (None, Source::Const(value)) => format!("constant {}", short(value)),
                        (None, Source::Run { key, .. }) => format!("run input “{key}”"),
                        (None, Source::Step { step, artifact, .. }) => {
                            let title = run.step(step).map_or_else(|| step.to_string(), |step| step.title.clone());
                            let version =
                                used.and_then(|input| input.version).map(|v| format!(" v{v}")).unwrap_or_default();
                            format!("{title} · {artifact}{version}")
                        }
                        (None, Source::Item { .. }) => "item of the list".to_owned(),
                    };
                    (port.clone(), from)
                })
                .collect::<Vec<_>>()
        })
    };
    view! {
        <Show
            when=move || !rows().is_empty()
            fallback=|| view! { <Empty icon="plug" title="No inputs" text="This step takes nothing from the run or from other steps"/> }
        >
            <dl class="facts">
                {move || rows().into_iter().map(|(port, from)| view! { <div><dt>{port}</dt><dd>{from}</dd></div> }).collect_view()}
            </dl>
        </Show>
    }
}

fn short(value: &serde_json::Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[component]
fn Prompt(live: LiveRun, key: StepKey, step: Memo<Option<StepView>>) -> impl IntoView {
    let stored = StoredValue::new(key);
    let generation = Memo::new(move |_| step.with(|step| step.as_ref().map(|step| step.generation)));
    let prompt = Resource::new(move || generation.get(), move |_| api::step_prompt(live.id, stored.get_value()));
    view! {
        <Transition fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> }>
            {move || Suspend::new(async move {
                match prompt.await {
                    Ok(prompt) => match (prompt.effective, prompt.of_template) {
                        (Some(now), Some(before)) if now != before => view! {
                            <p class="muted small">"Changed for this run only; the template keeps its own"</p>
                            <Diff before after=now title="Template to this run"/>
                        }
                        .into_any(),
                        (Some(now), _) => view! { <CodeView text=now title="Prompt" wrap=true/> }.into_any(),
                        _ => view! { <Empty icon="text" title="No prompt" text="Agents of this kind have no prompt"/> }.into_any(),
                    },
                    Err(error) => view! { <PartFailed error on_retry=move |()| prompt.refetch()/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Attempts(step: Memo<Option<StepView>>) -> impl IntoView {
    let rows = move || {
        let attempts = step.with(|step| step.as_ref().map(|step| step.attempts.clone()).unwrap_or_default());
        attempts
            .into_iter()
            .rev()
            .map(|attempt| {
                let status = match attempt.outcome {
                    None => "running",
                    Some(workflow::status::Outcome::Succeeded) => "completed",
                    Some(workflow::status::Outcome::Failed | workflow::status::Outcome::Lost) => "failed",
                    Some(_) => "cancelled",
                };
                let mut words = format!("Attempt {}", attempt.number);
                if let Some(outcome) = attempt.outcome {
                    words = format!("{words} {outcome}");
                }
                if let Some(ended) = attempt.ended_at {
                    words = format!("{words} after {}", duration_words((ended - attempt.started_at).num_milliseconds()));
                }
                let usage = attempt.usage.map(|usage| {
                    let model = usage.model.map(|model| format!("{model}, ")).unwrap_or_default();
                    format!("{model}{} + {} tokens", usage.prompt_tokens, usage.completion_tokens)
                });
                let class = attempt.error_class.map(|class| class.as_str().replace('_', " "));
                view! {
                    <li>
                        <StatusIcon status/>
                        <div>
                            <div>{words}</div>
                            {usage.map(|usage| view! { <small class="muted small">{usage}</small> })}
                            {attempt.error.map(|error| view! { <div class="muted small">{class.map(|class| format!("{class}: "))} {error}</div> })}
                        </div>
                        <RelativeTime at=attempt.started_at/>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <Show
            when=move || step.with(|step| step.as_ref().is_some_and(|step| !step.attempts.is_empty()))
            fallback=|| view! { <Empty icon="activity" title="No attempts yet" text="Each try of this step is listed here, with its time, tokens and error"/> }
        >
            <ol class="timeline">{rows}</ol>
        </Show>
    }
}

/// An error of a verb beside its button.
#[component]
pub(super) fn VerbError(error: Signal<Option<crate::error::AppError>>) -> impl IntoView {
    move || error.get().map(|error| view! { <ErrorBanner error/> })
}
