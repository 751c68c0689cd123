//! A step that is ready while nobody is there to do it says so, everywhere that it is shown: "No worker for summarize since 14:02".

use leptos::prelude::*;
use workflow::{StepStatus, api::AbsentWorker};

use super::{absences::find, one_step::OneStep};
use crate::{
    clock::duration_words,
    components::{ClockTime, LinkButton, Size, Variant},
    reactive::memo,
};

/// The worker that a step waits for, as long as it does.
pub(super) fn of(one: OneStep) -> Memo<Option<AbsentWorker>> {
    let is_map = untrack(|| one.definition(|step| step.map.is_some()))
        && one.step.with_untracked(|step| step.as_ref().is_some_and(|step| step.item_of.is_none()));
    memo(move || {
        let waits = match one.status.get() {
            StepStatus::Ready => true,
            StepStatus::Running => is_map,
            _ => false,
        };
        if !waits {
            return None;
        }
        one.live.beside.with(|beside| find(&beside.absent, &one.key(), is_map))
    })
}

/// In one line, for lists.
#[component]
pub(super) fn NoWorker(#[prop(into)] of: Signal<Option<AbsentWorker>>) -> impl IntoView {
    move || {
        of.get().map(|absent| {
            view! {
                <span class="no-worker">
                    "No worker for " <code>{absent.agent_id.to_string()}</code> " since " <ClockTime at=absent.since/>
                </span>
            }
        })
    }
}

/// With what follows from it, for the step's own panel.
#[component]
pub(super) fn NoWorkerNote(one: OneStep, absent: AbsentWorker) -> impl IntoView {
    let limit = untrack(|| one.definition(|step| step.queue_timeout_s));
    let is_admin = one.me.with_value(|me| me.as_ref().is_some_and(workflow::access::Actor::is_admin));
    view! {
        <strong><NoWorker of=Signal::stored(Some(absent))/></strong>
        <span>"It starts as soon as a worker with this agent connects."</span>
        {limit.map(|seconds| view! {
            <span class="muted small">{format!("It fails when none took it within {}.", duration_words(i64::from(seconds) * 1000))}</span>
        })}
        {is_admin.then(|| view! {
            <div class="row">
                <LinkButton href="/admin/workers" size=Size::Sm variant=Variant::Quiet icon="cpu">"See the workers"</LinkButton>
            </div>
        })}
    }
}
