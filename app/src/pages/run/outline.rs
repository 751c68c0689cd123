//! The steps as a list with status and time: the whole page works without the canvas.

use leptos::prelude::*;
use workflow::{StepKey, StepStatus};

use super::state::LiveRun;
use crate::components::{Elapsed, PanelHandle, Side, StatusIcon};

#[component]
pub(super) fn Outline(live: LiveRun) -> impl IntoView {
    let items = live.order().into_iter().map(|key| view! { <Item live key/> }).collect_view();
    view! {
        <aside class="panel palette outline" aria-label="Steps">
            <div class="panel-head">
                <h2>"Steps"</h2>
            </div>
            <div class="panel-body">
                <ol>{items}</ol>
            </div>
            <PanelHandle side=Side::Right key="run-outline" label="Resize the list of steps"/>
        </aside>
    }
}

#[component]
fn Item(live: LiveRun, key: StepKey) -> impl IntoView {
    let title = live.run.with_untracked(|run| run.step(&key).map(|step| step.title.clone()).unwrap_or_default());
    let stored = StoredValue::new(key);
    let step = Memo::new(move |_| stored.with_value(|key| live.step(key)));
    let status = move || step.with(|step| step.as_ref().map_or(StepStatus::Pending, |step| step.status));
    let last = move || step.with(|step| step.as_ref().and_then(|step| step.attempts.last().cloned()));
    let time = move || {
        last().map(|attempt| view! { <Elapsed since=attempt.started_at until=Signal::stored(attempt.ended_at)/> })
    };
    let is_current = move || live.selected.with(|selected| stored.with_value(|key| selected.as_ref() == Some(key)));
    view! {
        <li>
            <button
                class="outline-item"
                type="button"
                aria-current=move || if is_current() { "true" } else { "false" }
                on:click=move |_| live.selected.set(Some(stored.get_value()))
            >
                <StatusIcon status=Signal::derive(move || status().as_str().to_owned())/>
                <span class="truncate">{title}</span>
                <small>{time}</small>
            </button>
        </li>
    }
}
