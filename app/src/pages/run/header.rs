//! The head of the run: what it is, how it stands, and the verbs on the whole of it.

mod budget;
mod compare_with;
mod dialogs;
mod move_to;
mod refresh;
mod share;

use leptos::prelude::*;
use workflow::{Progress, RunId, RunStatus, RunView, api::ResumeRun, status::StatusReason};

use self::{
    budget::BudgetMeter,
    dialogs::{HeadDialogs, Heads},
};
use super::{past::Past, press::Press, state::LiveRun};
use crate::reactive::{effect, memo};
use crate::{
    address::step_of_run,
    api::{self, Done},
    behind::LaterDialogs,
    components::{
        Badge, Button, CopyId, Elapsed, Menu, MenuItem, MenuLine, MenuLink, RelativeTime, Size, StatusChip, Switch,
        Variant, run_status,
    },
    error::AppError,
    form::TryAgain,
    later::{View, later},
    link::{Link, use_link},
    session::use_session,
    words,
};

later! {
    watch: dialogs, View<Heads>, |heads| view! { <HeadDialogs heads/> }.into_any();
}

#[component]
pub(super) fn Header(live: LiveRun, past: Past) -> impl IntoView {
    let run = live.run;
    let status = memo(move || run.with(|run| run.status));
    let detail = Signal::derive(move || {
        run.with(|run| match run.status_reason {
            Some(StatusReason::Person) => "by a person".to_owned(),
            Some(StatusReason::Budget) => "by its budget".to_owned(),
            Some(StatusReason::Review) | None => String::new(),
        })
    });
    let shown = Signal::derive(move || run.with(|run| run_status(run.status, run.status_reason)).to_owned());
    let progress = move || live.slowly(Progress::of_run).words();
    let version = memo(move || run.with(|run| run.template_version));
    let link = use_link();
    let has_banner = move || link.is_some_and(Link::is_lost);
    let deadline = memo(move || run.with(|run| run.deadline_at));
    let (id, created_at, owner, owner_id) =
        run.with_untracked(|run| (run.id.to_string(), run.created_at, run.user_email.clone(), run.user_id));
    // Its version is a hidden one, whose number says nothing.
    let is_test = run.with_untracked(|run| run.is_test);
    let me = use_session().user_untracked();
    let is_mine = me.as_ref().is_some_and(|user| user.id == owner_id);
    let may_act = me.is_some_and(|me| me.may_run(owner_id));
    let heads = Heads::new(live);
    let no_move = refused_move(live, status);
    // Where the run is called after its workflow, it is named once.
    let workflow = memo(move || {
        live.name.with(|name| run.with(|run| (run.template_name != *name).then(|| run.template_name.clone())))
    });
    view! {
        <header class="run-head">
            <div class="run-title">
                <h1 tabindex="-1"><bdi>{move || live.name.get()}</bdi></h1>
                <StatusChip status=shown detail/>
                {is_test.then(|| view! { <Badge>"Try"</Badge> })}
                {live.shared_by.get_value().map(|email| view! {
                    <Badge icon="eye">"Shared by "<bdi>{email}</bdi>", read-only"</Badge>
                })}
            </div>
            <div class="run-facts">
                {move || workflow.get().map(|name| view! { <span class="run-workflow"><bdi>{name}</bdi></span> })}
                {(!is_test).then(|| view! { <span>"Version " {version}</span> })}
                {move || live.newer_version().map(|newer| newer_hint(newer, may_act && !past.is_on() && no_move.with(Option::is_none), heads))}
                <CopyId value=id what="run id"/>
                {(!is_mine).then(|| view! { <span>{owner}</span> })}
                <span>"Started " <RelativeTime at=created_at/></span>
                <span>
                    <Elapsed since=Signal::derive(move || run.with(RunView::counts_from)) until=Signal::derive(move || run.with(|run| run.finished_at))/>
                </span>
                <span>{progress}</span>
                // It is used up by steps that may not be there yet.
                <Show when=move || live.is_whole.get()>
                    <BudgetMeter live/>
                </Show>
                {move || deadline.get().map(|at| view! { <span>"Has to end " <RelativeTime at ahead=true/></span> })}
                <Kin live/>
                <Show when=move || live.is_lost.get() && !has_banner()>
                    <span role="status">"Reconnecting: what is shown may be old"</span>
                </Show>
            </div>
            <Actions live past status heads may_act no_move/>
        </header>
    }
}

/// That a newer version of the workflow is published, and for whom the run can move there the way to it.
fn newer_hint(newer: i32, may_move: bool, heads: Heads) -> AnyView {
    if !may_move {
        return view! { <span>{format!("Version {newer} is published")}</span> }.into_any();
    }
    view! {
        <Button size=Size::Sm variant=Variant::Quiet icon="layers" on_click=move |()| heads.moving.set(true)>
            {format!("Version {newer} is published")}
        </Button>
    }
    .into_any()
}

/// The runs that this one comes from.
#[component]
fn Kin(live: LiveRun) -> impl IntoView {
    let (parent, forked_from) = live.run.with_untracked(|run| (run.parent.clone(), run.forked_from.clone()));
    let link = |words: &'static str, to: workflow::view::StepOfRun| {
        view! { <span><a href=step_of_run(to.run, &to.step)>{words}</a></span> }
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

async fn hold(id: RunId, pause: bool, key: Option<String>) -> Result<Done, AppError> {
    if pause { api::pause_run(id, key).await } else { api::resume_run(id, ResumeRun::default(), key).await }
}

fn words_running(n: i64) -> String {
    if n == 1 {
        "the step that is running is".to_owned()
    } else {
        format!("the {} that are running are", words::count(n, "step"))
    }
}

/// A pause lets what runs come to its end, and only then can the run move.
fn refused_move(live: LiveRun, status: Memo<RunStatus>) -> Signal<Option<String>> {
    let n_running = memo(move || live.slowly(RunView::n_steps_running));
    Signal::derive(move || match (status.get(), n_running.get()) {
        (RunStatus::Cancelled, _) => Some("The run is cancelled".to_owned()),
        (RunStatus::Pending | RunStatus::Running, 0) => Some("Pause it first".to_owned()),
        (RunStatus::Pending | RunStatus::Running, n) => {
            Some(format!("Pause it first, and wait until {} over", words_running(n)))
        }
        (_, 0) => None,
        (_, n) => Some(format!("Wait until {} over", words_running(n))),
    })
}

#[component]
fn Actions(
    live: LiveRun,
    past: Past,
    status: Memo<RunStatus>,
    heads: Heads,
    /// Whether this person steers the run.
    may_act: bool,
    /// Why it cannot move to another version now.
    no_move: Signal<Option<String>>,
) -> impl IntoView {
    let auto_run = Press::on(live, move |on: bool, key| api::set_auto_run(live.id, on, key), || ());
    let hold = Press::on(live, move |pause: bool, key| hold(live.id, pause, key), || ());
    // What was pressed and not answered is over once the run is seen to be another than it was then.
    let state = memo(move || live.run.with(|run| (run.status, run.status_reason, run.auto_run)));
    effect(move || {
        state.track();
        auto_run.renew();
        hold.renew();
        for error in [auto_run.error, hold.error] {
            if error.with_untracked(|error| error.as_ref().is_some_and(AppError::may_try_again)) {
                auto_run.clear();
                hold.clear();
            }
        }
    });
    // Also after a press that failed the switch shows how it is.
    let auto_run_now = Signal::derive(move || {
        auto_run.error.track();
        live.run.with(|run| run.auto_run)
    });
    let is_over = Signal::derive(move || status.get().is_terminal());
    let held_by = memo(move || {
        live.run.with(|run| {
            run.status_reason.filter(|reason| run.status == RunStatus::Paused && *reason != StatusReason::Review)
        })
    });
    let pause = move || match held_by.get() {
        Some(StatusReason::Budget) => view! {
            <Button icon="play" on_click=move |()| heads.resuming.set(true)>"Resume"</Button>
        }
        .into_any(),
        Some(_) => view! {
            <Button icon="play" loading=hold.pending() on_click=move |()| { hold.send(false); }>"Resume"</Button>
        }
        .into_any(),
        None => view! {
            <Button icon="pause" loading=hold.pending() on_click=move |()| { hold.send(true); }>"Pause"</Button>
        }
        .into_any(),
    };
    let is_test = live.run.with_untracked(|run| run.is_test);
    // Of what a run starts, that run is shared.
    let may_share = may_act && !is_test && live.run.with_untracked(|run| run.parent.is_none());
    let original = live.run.with_untracked(|run| run.forked_from.as_ref().map(|from| from.run));
    let menu = move || {
        view! {
            {original.map(|other| view! {
                <MenuLink href=format!("/runs/{other}/compare/{}", live.id) icon="split">"Compare with the original"</MenuLink>
            })}
            <MenuItem icon="split" on_select=move |()| heads.comparing.set(true)>"Compare with another run…"</MenuItem>
            {(may_act && !is_test).then(|| view! {
                <MenuItem icon="layers" refusal=no_move on_select=move |()| heads.moving.set(true)>"Move to another version…"</MenuItem>
            })}
            {(may_act && !is_test).then(|| view! {
                <MenuItem icon="pencil" on_select=move |()| heads.labelling.set(true)>"Title and tags…"</MenuItem>
            })}
            {may_share.then(|| view! {
                <MenuItem icon="user-plus" on_select=move |()| heads.sharing.set(true)>"Share…"</MenuItem>
            })}
            <MenuLine/>
            <MenuLink href=format!("/api/workflows/runs/{}/report.html", live.id) icon="download" download=true>"Download a report"</MenuLink>
            <MenuLink href=format!("/api/workflows/runs/{}/export.zip", live.id) icon="download" download=true>"Download everything"</MenuLink>
        }
    };
    let has_stale = memo(move || status.get() != RunStatus::Cancelled && live.stale.with(|stale| !stale.is_empty()));
    view! {
        // While one looks at what was, nothing can be done about it.
        <div class="run-actions" hidden=move || past.is_on()>
            {may_act.then(|| view! {
                <Show when=move || has_stale.get()>
                    <Button icon="rotate-cw" on_click=move |()| heads.refreshing.set(true)>"Refresh what is stale"</Button>
                </Show>
            })}
            <Show when=move || !is_over.get()>
                <Switch
                    label="Auto-run"
                    checked=auto_run_now
                    on_change=move |on| auto_run.send(on)
                    disabled=!may_act
                />
                {may_act.then(|| view! {
                    {pause}
                    <Button icon="ban" on_click=move |()| heads.cancelling.set(true)>"Cancel run"</Button>
                })}
            </Show>
            <Menu id="run-more" label="More about this run">{menu}</Menu>
        </div>
        {move || {
            let failed = [(auto_run.error, auto_run.again()), (hold.error, hold.again())];
            let failed = failed.into_iter().find_map(|(error, again)| Some((error.get()?, again)));
            failed.map(|(error, again)| view! { <div class="run-error"><TryAgain error again/></div> })
        }}
        <LaterDialogs part=dialogs of=heads wanted=heads.any_is_open() on_failure=move |()| heads.close()/>
    }
}
