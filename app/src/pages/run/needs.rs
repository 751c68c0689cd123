//! First what the chosen step needs from me, with the verbs that give it; the rest of the verbs are in the menu beside them.

use leptos::prelude::*;
use workflow::{StepStatus, status::Reason};

use super::{
    absent::NoWorkerNote,
    backoff::Backoff,
    dialogs::Dialogs,
    doors::Doors,
    failures::VerbError,
    gate::{GateFacts, InPlace},
    human::HumanForm,
    items::waiting,
    looking::Looking,
    one_step::OneStep,
    progress::AttemptProgress,
    stale::StaleNote,
    verbs::Verb,
};
use crate::{
    behind::{Later, LaterDialogs},
    components::{Button, LinkButton, Menu, MenuItem, Size, Variant},
    later::{View, later},
    reactive::memo,
    words,
};

later! {
    watch: dialogs, View<Doors>, |doors| view! { <Dialogs doors/> }.into_any();
    pane: backoff, View<Doors>, |doors| view! { <Backoff doors/> }.into_any();
    pane: human_form, View<OneStep>, |one| view! { <HumanForm one/> }.into_any();
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
        StepStatus::Ready if doors.backs_off.get() => Some("info"),
        StepStatus::Skipped => Some("info"),
        _ => None,
    };
    view! {
        <StaleNote one/>
        <div class="needs" class:review-bar=move || kind().is_some() data-kind=kind>
            {move || words_of(doors)}
            <Show when=move || one.status.get() == StepStatus::AwaitingReview>
                <InPlace one/>
                <Looking one/>
            </Show>
            <Controls doors/>
        </div>
        <LaterDialogs part=dialogs of=doors wanted=doors.any_is_open() on_failure=move |()| doors.close()/>
    }
}

/// What the state of the step means for me.
fn words_of(doors: Doors) -> AnyView {
    let one = doors.one;
    match one.status.get() {
        StepStatus::AwaitingReview if doors.is_form() => view! {
            <strong>{move || if may_decide(one) { "Waiting for your answer" } else { "Waiting for an answer" }}</strong>
            <Later part=human_form of=one/>
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
                <Show
                    when=move || doors.backs_off.get()
                    fallback=|| view! { <p class="muted small">"Queued: it starts as soon as a worker is free"</p> }
                >
                    <Later part=backoff of=doors/>
                </Show>
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
                    on_click=move |()| one.live.choose(first.clone())
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
