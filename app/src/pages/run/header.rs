//! The head of the run: what it is, how it stands, and the verbs on the whole of it.

use leptos::prelude::*;
use workflow::{RunStatus, status::StatusReason};

use super::state::LiveRun;
use crate::{
    api,
    components::{Button, ConfirmDialog, CopyId, Elapsed, RelativeTime, StatusChip, Switch, use_toasts},
    form::ErrorBanner,
    session::use_session,
};

#[component]
pub(super) fn Header(live: LiveRun) -> impl IntoView {
    let run = live.run;
    let status = Memo::new(move |_| run.with(|run| run.status));
    let detail = Signal::derive(move || {
        run.with(|run| match run.status_reason {
            Some(StatusReason::Review) => "for review".to_owned(),
            Some(StatusReason::Person) => "by a person".to_owned(),
            Some(StatusReason::Budget) => "by its budget".to_owned(),
            None => String::new(),
        })
    });
    let progress = move || {
        run.with(|run| {
            let done = run.steps.iter().filter(|step| step.status.is_terminal()).count();
            format!("{done} of {} steps", run.steps.len())
        })
    };
    let tokens = move || {
        let total: i64 = run.with(|run| {
            run.steps
                .iter()
                .flat_map(|step| &step.attempts)
                .filter_map(|attempt| attempt.usage.as_ref())
                .map(|usage| usage.prompt_tokens + usage.completion_tokens)
                .sum()
        });
        (total > 0).then(|| view! { <span>{format!("{total} tokens")}</span> })
    };
    let (id, version, created_at, owner, owner_id) = run.with_untracked(|run| {
        (run.id.to_string(), run.template_version, run.created_at, run.user_email.clone(), run.user_id)
    });
    let is_mine = use_session().user_untracked().is_some_and(|user| user.id == owner_id);
    view! {
        <header class="run-head">
            <div class="run-title">
                <h1>{run.with_untracked(|run| run.template_name.clone())}</h1>
                <StatusChip status=Signal::derive(move || status.get().as_str().to_owned()) detail/>
            </div>
            <div class="run-facts">
                <span>"Version " {version}</span>
                <CopyId value=id what="run id"/>
                {(!is_mine).then(|| view! { <span>{owner}</span> })}
                <span>"Started " <RelativeTime at=created_at/></span>
                <span>
                    <Elapsed since=created_at until=Signal::derive(move || run.with(|run| run.finished_at))/>
                </span>
                <span>{progress}</span>
                {tokens}
                <Show when=move || live.is_lost.get()>
                    <span role="status">"Reconnecting: what is shown may be old"</span>
                </Show>
            </div>
            <Actions live status/>
        </header>
    }
}

#[component]
fn Actions(live: LiveRun, status: Memo<RunStatus>) -> impl IntoView {
    let toasts = use_toasts();
    let is_asking = RwSignal::new(false);
    let auto_run = Action::new(move |on: &bool| api::set_auto_run(live.id, *on, None));
    let cancel = Action::new(move |(): &()| api::cancel_run(live.id, None));
    let auto_run_error = live.verb(auto_run, || ());
    let cancel_error = live.verb(cancel, move || {
        is_asking.set(false);
        toasts.success("The run is cancelled");
    });
    let is_over = Signal::derive(move || status.get().is_terminal());
    view! {
        <div class="run-actions">
            <Switch
                label="Auto-run"
                checked=Signal::derive(move || live.run.with(|run| run.auto_run))
                on_change=move |on| {
                    auto_run.dispatch(on);
                }
                disabled=Signal::derive(move || is_over.get() || auto_run.pending().get())
            />
            <Button icon="ban" disabled=is_over on:click=move |_| is_asking.set(true)>
                "Cancel run"
            </Button>
        </div>
        {move || auto_run_error.get().or_else(|| cancel_error.get()).map(|error| view! { <ErrorBanner error/> })}
        <ConfirmDialog
            id="cancel-run"
            open=is_asking
            danger=true
            title="Cancel this run?"
            text="Running steps stop at once, and nothing more starts. What was made so far stays readable. A cancelled run cannot go on."
            confirm="Cancel the run"
            busy=cancel.pending()
            on_confirm=move |()| {
                cancel.dispatch(());
            }
        />
    }
}
