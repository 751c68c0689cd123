//! A step that is ready while nobody is there to do it says so, everywhere that it is shown: "No worker for summarize since 14:02".

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::{StepKey, StepStatus, api::AbsentWorker};

use super::one_step::OneStep;
use crate::{
    clock::duration_words,
    components::{ClockTime, LinkButton, Size, Variant},
    reactive::memo,
};

/// By step.
pub(in crate::pages) type Absent = BTreeMap<StepKey, AbsentWorker>;

pub(super) fn by_step(absent: &[AbsentWorker]) -> Absent {
    absent.iter().map(|absent| (absent.step.clone(), absent.clone())).collect()
}

/// The worker that this step waits for; a list waits for that of any of its items, the longest absent one.
fn find(absent: &Absent, key: &StepKey, is_map: bool) -> Option<AbsentWorker> {
    if !is_map {
        return absent.get(key).cloned();
    }
    absent.values().filter(|absent| absent.step.split().0 == *key).min_by_key(|absent| absent.since).cloned()
}

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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn absent(step: &str, minute: i64) -> AbsentWorker {
        AbsentWorker {
            step: step.into(),
            agent_id: "x".into(),
            since: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute),
        }
    }

    #[test]
    fn a_list_waits_for_the_worker_of_any_of_its_items() {
        let known = by_step(&[absent("write[b]", 2), absent("write[a]", 1), absent("read", 0), absent("writer", 0)]);
        assert_eq!(find(&known, &"write".into(), true), Some(absent("write[a]", 1)));
        assert_eq!(find(&known, &"write[b]".into(), false), Some(absent("write[b]", 2)));
        assert_eq!(find(&known, &"write".into(), false), None);
    }
}
