//! The head of the run: what it is, how it stands, and the verbs on the whole of it.

mod budget;
mod compare_with;
mod move_to;

use leptos::prelude::*;
use workflow::{RunStatus, StepStatus, api::ResumeRun, status::StatusReason};

use self::{
    budget::{BudgetMeter, ResumeDialog},
    compare_with::CompareDialog,
    move_to::MoveDialog,
};
use super::state::LiveRun;
use crate::reactive::memo;
use crate::{
    api,
    components::{
        Button, ConfirmDialog, CopyId, Elapsed, Menu, MenuItem, MenuLink, RelativeTime, StatusChip, Switch, use_toasts,
    },
    form::{ErrorBanner, random_id},
    session::use_session,
};

#[component]
pub(super) fn Header(live: LiveRun) -> impl IntoView {
    let run = live.run;
    let status = memo(move || run.with(|run| run.status));
    let detail = Signal::derive(move || {
        run.with(|run| match run.status_reason {
            Some(StatusReason::Review) => "for review".to_owned(),
            Some(StatusReason::Person) => "by a person".to_owned(),
            Some(StatusReason::Budget) => "by its budget".to_owned(),
            None => String::new(),
        })
    });
    let progress = move || {
        live.slowly(|run| {
            // Items count as their map step.
            let steps = run.steps.iter().filter(|step| step.item_of.is_none());
            let is_done = |status: StepStatus| matches!(status, StepStatus::Completed | StepStatus::Skipped);
            let (done, all) =
                steps.fold((0, 0), |(done, all), step| (done + usize::from(is_done(step.status)), all + 1));
            format!("{done} of {all} steps")
        })
    };
    let version = memo(move || run.with(|run| run.template_version));
    let deadline = memo(move || run.with(|run| run.deadline_at));
    let (id, created_at, owner, owner_id) =
        run.with_untracked(|run| (run.id.to_string(), run.created_at, run.user_email.clone(), run.user_id));
    let is_mine = use_session().user_untracked().is_some_and(|user| user.id == owner_id);
    view! {
        <header class="run-head">
            <div class="run-title">
                <h1>{run.with_untracked(|run| run.template_name.clone())}</h1>
                <StatusChip status=Signal::derive(move || status.get().as_str().to_owned()) detail/>
            </div>
            <div class="run-facts">
                <span class="wide-only">"Version " {version}</span>
                <CopyId value=id what="run id"/>
                {(!is_mine).then(|| view! { <span>{owner}</span> })}
                <span class="wide-only">"Started " <RelativeTime at=created_at/></span>
                <span>
                    <Elapsed since=created_at until=Signal::derive(move || run.with(|run| run.finished_at))/>
                </span>
                <span>{progress}</span>
                <BudgetMeter live/>
                {move || deadline.get().map(|at| view! { <span>"Has to end " <RelativeTime at/></span> })}
                <Kin live/>
                <Show when=move || live.is_lost.get()>
                    <span role="status">"Reconnecting: what is shown may be old"</span>
                </Show>
            </div>
            <Actions live status/>
        </header>
    }
}

/// The runs that this one comes from.
#[component]
fn Kin(live: LiveRun) -> impl IntoView {
    let (parent, forked_from) = live.run.with_untracked(|run| (run.parent.clone(), run.forked_from.clone()));
    let link = |words: &'static str, to: workflow::view::StepOfRun| {
        // The key of an item holds what its list gave, which may be anything.
        let step = leptos_router::location::Url::escape(to.step.as_str());
        view! { <span><a href=format!("/runs/{}?step={step}", to.run)>{words}</a></span> }
    };
    view! {
        {parent.map(|to| link("Part of a larger run", to))}
        {forked_from.map(|to| {
            let compare = format!("/runs/{}/compare/{}", to.run, live.id);
            view! {
                {link("Forked from another run", to)}
                <span><a href=compare>"Compare with it"</a></span>
            }
        })}
    }
}

fn words_running(n: usize) -> String {
    if n == 1 { "the step that is running is".to_owned() } else { format!("the {n} steps that are running are") }
}

#[component]
fn Actions(live: LiveRun, status: Memo<RunStatus>) -> impl IntoView {
    let toasts = use_toasts();
    let is_cancelling = RwSignal::new(false);
    let is_resuming = RwSignal::new(false);
    let is_comparing = RwSignal::new(false);
    let is_moving = RwSignal::new(false);
    let auto_run = Action::new(move |on: &bool| api::set_auto_run(live.id, *on, None));
    let cancel = Action::new(move |(): &()| api::cancel_run(live.id, None));
    let hold = Action::new(move |pause: &bool| {
        let pause = *pause;
        async move {
            let key = random_id();
            if pause {
                api::pause_run(live.id, key).await
            } else {
                api::resume_run(live.id, ResumeRun::default(), key).await
            }
        }
    });
    let auto_run_error = live.verb(auto_run, || ());
    let hold_error = live.verb(hold, || ());
    let cancel_error = live.verb(cancel, move || {
        is_cancelling.set(false);
        toasts.success("The run is cancelled");
    });
    let is_over = Signal::derive(move || status.get().is_terminal());
    let held_by = memo(move || {
        live.run.with(|run| {
            run.status_reason.filter(|reason| run.status == RunStatus::Paused && *reason != StatusReason::Review)
        })
    });
    let may_act =
        use_session().user_untracked().is_some_and(|me| live.run.with_untracked(|run| me.may_run(run.user_id)));
    let pause = move || match held_by.get() {
        Some(StatusReason::Budget) => view! {
            <Button icon="play" on_click=move |()| is_resuming.set(true)>"Resume"</Button>
        }
        .into_any(),
        Some(_) => view! {
            <Button icon="play" loading=hold.pending() on_click=move |()| { hold.dispatch(false); }>"Resume"</Button>
        }
        .into_any(),
        None => view! {
            <Button icon="pause" loading=hold.pending() on_click=move |()| { hold.dispatch(true); }>"Pause"</Button>
        }
        .into_any(),
    };
    let original = live.run.with_untracked(|run| run.forked_from.as_ref().map(|from| from.run));
    let n_running = memo(move || {
        live.slowly(|run| {
            // While an item runs its map step does.
            run.steps.iter().filter(|step| step.status == StepStatus::Running && step.item_of.is_none()).count()
        })
    });
    // A pause lets what runs come to its end, and only then can the run move.
    let no_move = Signal::derive(move || match (status.get(), n_running.get()) {
        (RunStatus::Cancelled, _) => Some("The run is cancelled".to_owned()),
        (RunStatus::Pending | RunStatus::Running, 0) => Some("Pause it first".to_owned()),
        (RunStatus::Pending | RunStatus::Running, n) => {
            Some(format!("Pause it first, and wait until {} over", words_running(n)))
        }
        (_, 0) => None,
        (_, n) => Some(format!("Wait until {} over", words_running(n))),
    });
    let menu = move || {
        view! {
            {original.map(|other| view! {
                <MenuLink href=format!("/runs/{other}/compare/{}", live.id) icon="split">"Compare with the original"</MenuLink>
            })}
            <MenuItem icon="split" on_select=move |()| is_comparing.set(true)>"Compare with another run…"</MenuItem>
            {may_act.then(|| view! {
                <MenuItem icon="layers" refusal=no_move on_select=move |()| is_moving.set(true)>"Move to another version…"</MenuItem>
            })}
        }
    };
    view! {
        <div class="run-actions">
            <Show when=move || !is_over.get()>
                <Switch
                    label="Auto-run"
                    checked=Signal::derive(move || live.run.with(|run| run.auto_run))
                    on_change=move |on| {
                        auto_run.dispatch(on);
                    }
                    disabled=Signal::derive(move || !may_act || auto_run.pending().get())
                />
                {may_act.then(|| view! {
                    {pause}
                    <Button icon="ban" on_click=move |()| is_cancelling.set(true)>"Cancel run"</Button>
                })}
            </Show>
            <Menu id="run-more" label="More about this run">{menu}</Menu>
        </div>
        {move || {
            let error = auto_run_error.get().or_else(|| cancel_error.get()).or_else(|| hold_error.get());
            error.map(|error| view! { <div class="run-error"><ErrorBanner error/></div> })
        }}
        <ConfirmDialog
            id="cancel-run"
            open=is_cancelling
            danger=true
            title="Cancel this run?"
            text="Running steps stop at once, and nothing more starts. What was made so far stays readable. A cancelled run cannot go on."
            confirm="Cancel the run"
            busy=cancel.pending()
            on_confirm=move |()| {
                cancel.dispatch(());
            }
        />
        <ResumeDialog live open=is_resuming/>
        <CompareDialog live open=is_comparing/>
        <MoveDialog live open=is_moving/>
    }
}
