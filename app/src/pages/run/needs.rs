//! First what the chosen step needs from me, with the verbs that give it; the rest of the verbs are in the menu beside them.

use leptos::prelude::*;
use workflow::{
    StepStatus,
    api::{AbsentWorker, ContinueStep, StopStep},
    status::Reason,
};

use super::{
    absent::{self, NoWorkerNote},
    edit::EditDialog,
    failures::VerbError,
    fork::ForkDialog,
    gate::GateFacts,
    human::HumanForm,
    items::waiting,
    one_step::{Ask, OneStep, Sender},
    progress::AttemptProgress,
    reject::RejectDialog,
    rerun::RerunDialog,
    skip::SkipDialog,
    stale::StaleNote,
    supply::SupplyDialog,
    verbs::Verb,
};
use crate::reactive::{effect, memo};
use crate::{
    components::{Button, ConfirmDialog, LinkButton, Menu, MenuItem, Size, Variant},
    words,
};

/// The dialogs of a step, and the sender of the verbs that have none.
#[derive(Clone, Copy)]
struct Doors {
    one: OneStep,
    again: RwSignal<bool>,
    edit: RwSignal<bool>,
    reject: RwSignal<bool>,
    skip: RwSignal<bool>,
    supply: RwSignal<bool>,
    stop: RwSignal<bool>,
    fork: RwSignal<bool>,
    go_on: Sender,
    /// The worker that it waits for.
    absent: Memo<Option<AbsentWorker>>,
}

impl Doors {
    fn new(one: OneStep) -> Self {
        let closed = || RwSignal::new(false);
        let (again, edit, reject, skip) = (closed(), closed(), closed(), closed());
        let (supply, stop, fork) = (closed(), closed(), closed());
        Self {
            one,
            again,
            edit,
            reject,
            skip,
            supply,
            stop,
            fork,
            go_on: Sender::new(one, || ()),
            absent: absent::of(one),
        }
    }

    fn act(self, verb: Verb) {
        let open = match verb {
            Verb::Again => self.again,
            Verb::Edit => self.edit,
            Verb::Reject => self.reject,
            Verb::Skip => self.skip,
            Verb::Supply => self.supply,
            Verb::Stop => self.stop,
            Verb::Fork => self.fork,
            Verb::Continue => {
                return self.go_on.send(Ask::Continue(ContinueStep {
                    content_hash: Some(self.one.digest()),
                    expect_generation: self.one.generation(),
                }));
            }
        };
        open.set(true);
    }

    /// A form is answered by its own button.
    fn on_panel(self) -> &'static [Verb] {
        if self.is_form() { &[] } else { Verb::on_panel(self.one.status.get()) }
    }

    /// Whether a person's answer is what is waited for, rather than a judgement of one.
    fn is_form(self) -> bool {
        let one = self.one;
        one.status.get() == StepStatus::AwaitingReview && one.is_human() && one.latest.with(Vec::is_empty)
    }
}

#[component]
pub(super) fn Needs(one: OneStep) -> impl IntoView {
    let doors = Doors::new(one);
    let has_waiting = memo(move || !waiting(one).is_empty());
    let absent = doors.absent;
    let kind = move || match one.status.get() {
        StepStatus::AwaitingReview => Some("review"),
        StepStatus::Running if has_waiting.get() => Some("review"),
        StepStatus::Ready | StepStatus::Running if absent.with(Option::is_some) => Some("review"),
        StepStatus::Failed => Some("error"),
        StepStatus::Skipped => Some("info"),
        _ => None,
    };
    view! {
        <StaleNote one/>
        <div class="needs" class:review-bar=move || kind().is_some() data-kind=kind>
            {move || words_of(doors)}
            <Controls doors/>
        </div>
        <Dialogs doors/>
    }
}

/// What the state of the step means for me.
fn words_of(doors: Doors) -> AnyView {
    let one = doors.one;
    match one.status.get() {
        StepStatus::AwaitingReview if doors.is_form() => view! {
            <strong>{move || if may_decide(one) { "Waiting for your answer" } else { "Waiting for an answer" }}</strong>
            <HumanForm one/>
        }
        .into_any(),
        StepStatus::AwaitingReview => view! {
            <strong>{move || if may_decide(one) { "Waiting for your review" } else { "Waiting for a review" }}</strong>
            <span>
                {move || if one.refusal(Verb::Continue).is_none() {
                    "Read the output below. Continue hands exactly this version on to the next steps."
                } else {
                    "The next steps wait until it is approved."
                }}
            </span>
            <GateFacts one/>
            <VerbError error=doors.go_on.error again=doors.go_on.again()/>
            {move || one.refusal(Verb::Continue).map(|reason| view! { <span class="muted small">{reason}</span> })}
        }
        .into_any(),
        StepStatus::Failed => view! {
            <strong>"This step failed"</strong>
            {move || failure(one)}
        }
        .into_any(),
        StepStatus::Pending => view! { <p class="muted small">{move || waits_for(one)}</p> }.into_any(),
        StepStatus::Skipped => {
            view! { <span>{move || one.read(|step| step.reason.map(Reason::advice))}</span> }.into_any()
        }
        StepStatus::Ready => view! {
            {move || absence(doors)}
            <Show when=move || doors.absent.with(Option::is_none)>
                <p class="muted small">
                    {move || if one.read(|step| step.not_before.is_some()) {
                        "Tries again in a moment"
                    } else {
                        "Queued: it starts as soon as a worker is free"
                    }}
                </p>
            </Show>
        }
        .into_any(),
        StepStatus::Running => {
            view! { {move || waiting_items(one)} {move || absence(doors)} <AttemptProgress one/> }.into_any()
        }
        StepStatus::Completed | StepStatus::Cancelled => ().into_any(),
    }
}

fn absence(doors: Doors) -> Option<impl IntoView> {
    doors.absent.get().map(|absent| view! { <NoWorkerNote one=doors.one absent/> })
}

fn failure(one: OneStep) -> AnyView {
    let (message, reason) =
        one.read(|step| (step.attempts.last().and_then(|attempt| attempt.error.clone()), step.reason));
    view! {
        {message.map(|message| view! { <span>{message}</span> })}
        {reason.map(|reason| view! { <span class="muted small">{reason.advice()}</span> })}
    }
    .into_any()
}

/// Items of a list that wait for a person, with the way to the first.
fn waiting_items(one: OneStep) -> Option<AnyView> {
    let items = waiting(one);
    let n = items.len();
    items.into_iter().next().map(|first| {
        view! {
            <strong>{format!("{} to review", words::count(n, "item"))}</strong>
            <div class="row">
                <Button
                    variant=Variant::Primary
                    size=Size::Sm
                    icon="arrow-right"
                    on_click=move |()| one.live.selected.set(Some(first.clone()))
                >
                    "Open the first"
                </Button>
            </div>
        }
        .into_any()
    })
}

fn waits_for(one: OneStep) -> String {
    let before: Vec<_> = one.definition(|step| step.direct_dependencies().into_iter().cloned().collect());
    let open: Vec<String> = one.live.run.with(|run| {
        let steps = before.iter().filter_map(|key| run.step(key));
        steps.filter(|step| !step.status.is_terminal()).map(|step| step.title.clone()).collect()
    });
    if open.is_empty() {
        "Waits for the steps before it".to_owned()
    } else {
        format!("Waits for {}", words::list(&open, 5))
    }
}

/// Whether it is this person who is asked.
fn may_decide(one: OneStep) -> bool {
    one.refusal(if one.is_human() { Verb::Supply } else { Verb::Reject }).is_none() && !one.is_for_others()
}

#[component]
fn Controls(doors: Doors) -> impl IntoView {
    let one = doors.one;
    let buttons = move || {
        let status = one.status.get();
        let needs_me = matches!(status, StepStatus::AwaitingReview | StepStatus::Failed);
        doors
            .on_panel()
            .iter()
            .enumerate()
            .map(|(n, verb)| {
                let verb = *verb;
                let refused = memo(move || one.refusal(verb).is_some());
                let variant = if n == 0 && needs_me { Variant::Primary } else { Variant::Default };
                let pending = Signal::derive(move || verb == Verb::Continue && doors.go_on.pending().get());
                view! {
                    <Show when=move || !refused.get()>
                        <Button variant size=Size::Sm icon=verb.icon() loading=pending on_click=move |()| doors.act(verb)>
                            {verb.label(status)}
                        </Button>
                    </Show>
                }
                .into_any()
            })
            .collect_view()
    };
    let child = move || {
        one.read(|step| step.child_run).map(|run| {
            view! { <LinkButton href=format!("/runs/{run}") size=Size::Sm icon="workflow">"Open the sub-workflow's run"</LinkButton> }
        })
    };
    let menu = move || {
        let status = one.status.get();
        let on_panel = doors.on_panel();
        let (refused, possible): (Vec<Verb>, Vec<Verb>) =
            Verb::ALL.into_iter().partition(|verb| one.refusal(*verb).is_some());
        // What can be done comes first.
        possible
            .into_iter()
            .filter(|verb| !on_panel.contains(verb))
            .chain(refused)
            .map(|verb| {
                let refusal = Signal::derive(move || one.refusal(verb));
                view! {
                    <MenuItem icon=verb.icon() refusal on_select=move |()| doors.act(verb)>{verb.label(status)}</MenuItem>
                }
                .into_any()
            })
            .collect_view()
    };
    view! {
        <div class="row verbs" role="group" aria-label="What you can do">
            {buttons}
            {child}
            <Menu id="step-more" label="More about this step" size=Size::Sm>{menu}</Menu>
        </div>
    }
}

#[component]
fn Dialogs(doors: Doors) -> impl IntoView {
    let one = doors.one;
    let stop = Sender::new(one, move || doors.stop.set(false));
    one.close_with_generation(doors.stop);
    effect(move || {
        if !matches!(one.status.get(), StepStatus::Ready | StepStatus::Running) {
            doors.stop.set(false);
        }
    });
    let stop_text = Signal::derive(move || {
        let error = stop.error.get().map(|error| error.0.detail);
        error.unwrap_or_else(|| {
            let what = if one.status.get() == StepStatus::Ready {
                "It does not start by itself any more."
            } else {
                "What it has written so far stays readable under Attempts."
            };
            format!("{what} The step is failed then, and can be retried.")
        })
    });
    view! {
        <RerunDialog one open=doors.again/>
        <EditDialog one open=doors.edit/>
        <RejectDialog one open=doors.reject/>
        <SkipDialog one open=doors.skip/>
        <SupplyDialog one open=doors.supply/>
        <ForkDialog one open=doors.fork/>
        <ConfirmDialog
            id="stop-step"
            open=doors.stop
            title=Signal::derive(move || format!("Stop “{}”?", one.title()))
            text=stop_text
            confirm="Stop the step"
            busy=stop.pending()
            on_confirm=move |()| stop.send(Ask::Stop(StopStep { expect_generation: one.generation() }))
        />
    }
}
