//! A step that is ready while nobody is there to do it says so, everywhere that it is shown: "No worker for Summarize since 14:02". So does
//! one that runs where nothing is heard: "Its worker has been silent since 14:02".

use leptos::prelude::*;
use workflow::{StepStatus, api::AbsentWorker};

use super::{
    absences::{find, is_of},
    one_step::OneStep,
    state::LiveRun,
};
use crate::{
    clock::duration_words,
    components::{ClockTime, LinkButton, Size, Variant},
    reactive::memo,
};

/// The worker that a step waits for, or of which nothing is heard, as long as that is so.
pub(super) fn of(one: OneStep) -> Memo<Option<AbsentWorker>> {
    let is_map = untrack(|| one.definition(|step| step.map.is_some()))
        && one.step.with_untracked(|step| step.as_ref().is_some_and(|step| step.item_of.is_none()));
    memo(move || {
        let status = one.status.get();
        if !matches!(status, StepStatus::Ready | StepStatus::Running) {
            return None;
        }
        let found = one.live.beside.with(|beside| find(&beside.absent, &one.key(), is_map))?;
        is_of(&found, status, is_map).then_some(found)
    })
}

/// In one line, for lists.
#[component]
pub(super) fn NoWorker(live: LiveRun, #[prop(into)] of: Signal<Option<AbsentWorker>>) -> impl IntoView {
    move || {
        of.get().map(|absent| {
            let silent = absent.is_silent.then_some("Its worker has been silent since ");
            let missing = (!absent.is_silent)
                .then(|| view! { "No worker for " <bdi>{live.agent_name(&absent.agent_id)}</bdi> " since " });
            view! { <span class="no-worker">{silent} {missing} <ClockTime at=absent.since/></span> }
        })
    }
}

/// With what follows from it, for the step's own panel.
#[component]
pub(super) fn NoWorkerNote(one: OneStep, absent: AbsentWorker) -> impl IntoView {
    let is_silent = absent.is_silent;
    let limit = untrack(|| one.definition(|step| step.queue_timeout_s)).filter(|_| !is_silent);
    let what_follows = if is_silent {
        "If nothing is heard of it, the attempt is given up in a moment and another worker takes the step."
    } else {
        "It starts as soon as a worker with this agent connects."
    };
    let is_admin = untrack(|| one.session.is_admin());
    view! {
        <strong><NoWorker live=one.live of=Signal::stored(Some(absent))/></strong>
        <span>{what_follows}</span>
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
