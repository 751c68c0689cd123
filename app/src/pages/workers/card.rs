//! One session of a worker: who it is, what it offers and does, and what can be done with it.
//! What a worker says of itself is text only.

use leptos::prelude::*;
use workflow::{
    api::{OfferState, Page, WorkerAgent, WorkerState, WorkerTask, WorkerView},
    id::WorkerId,
};

use super::verbs::Verbs;
use crate::{
    address::step_of_run,
    components::{Badge, Banner, Button, Elapsed, Icon, Kind, Menu, MenuItem, Meter, RelativeTime, Size, Tone},
    pages::fetched::runs::fetch_runs_ahead,
    reactive::memo,
    words,
};

#[component]
pub(super) fn Card(id: WorkerId, known: RwSignal<Page<WorkerView>>, verbs: Verbs) -> impl IntoView {
    let found = move || known.with(|known| known.items.iter().find(|worker| worker.id == id).cloned());
    // The card goes with its worker, so there is always one when it is drawn.
    let first = untrack(found)?;
    let worker =
        Memo::new(move |last: Option<&WorkerView>| found().or_else(|| last.cloned()).unwrap_or_else(|| first.clone()));
    let name = worker.with_untracked(|worker| worker.name.clone());
    let heading = name.clone();
    let state = memo(move || worker.with(|worker| worker.state));
    let is_late = memo(move || worker.with(|worker| worker.is_late && worker.state != WorkerState::Gone));
    let badges = move || {
        let (tone, label) = state_words(state.get());
        view! {
            <Badge tone>{label}</Badge>
            {is_late.get().then(|| view! { <Badge tone=Tone::Error icon="wifi-off">"Not heard"</Badge> })}
        }
    };
    Some(view! {
        <li>
            <article class="card worker" aria-label=name.clone()>
                <div class="card-head">
                    <span class="kind-icon"><Icon name="cpu"/></span>
                    <h3>{heading}</h3>
                    {badges}
                    <span class="push"></span>
                    <Controls id name=name.clone() state verbs/>
                </div>
                <div class="card-body stack" data-gap="3">
                    <Facts worker/>
                    <Agents worker/>
                    <Tasks worker/>
                    <LastError worker/>
                </div>
            </article>
        </li>
    })
}

fn state_words(state: WorkerState) -> (Tone, &'static str) {
    match state {
        WorkerState::Working => (Tone::Success, "Working"),
        WorkerState::Paused => (Tone::Warn, "Paused"),
        WorkerState::Draining => (Tone::Warn, "Draining"),
        WorkerState::Gone => (Tone::Neutral, "Gone"),
    }
}

#[component]
fn Controls(id: WorkerId, name: String, state: Memo<WorkerState>, verbs: Verbs) -> impl IntoView {
    let set = move |state: WorkerState| {
        verbs.set.dispatch((id, state));
    };
    let label = StoredValue::new(name);
    let ask = move |state: WorkerState| verbs.asked.set(Some((id, label.get_value(), state)));
    let pending = verbs.set.pending();
    let is_of_this = move || verbs.set.input().with(|input| input.as_ref().is_some_and(|(of, _)| *of == id));
    let loading = Signal::derive(move || pending.get() && is_of_this());
    let main = move || match state.get() {
        WorkerState::Working => Some(
            view! {
                <Button size=Size::Sm icon="pause" loading on_click=move |()| set(WorkerState::Paused)>
                    "Pause"
                    <span class="visually-hidden">{label.get_value()}</span>
                </Button>
            }
            .into_any(),
        ),
        WorkerState::Paused | WorkerState::Draining => Some(
            view! {
                <Button size=Size::Sm icon="play" loading on_click=move |()| set(WorkerState::Working)>
                    "Continue"
                    <span class="visually-hidden">{label.get_value()}</span>
                </Button>
            }
            .into_any(),
        ),
        WorkerState::Gone => None,
    };
    let menu = move || {
        let may_drain = matches!(state.get(), WorkerState::Working | WorkerState::Paused);
        view! {
            {may_drain.then(|| view! {
                <MenuItem icon="log-out" on_select=move |()| ask(WorkerState::Draining)>"Drain…"</MenuItem>
            })}
            <MenuItem icon="circle-stop" danger=true on_select=move |()| ask(WorkerState::Gone)>"End the session…"</MenuItem>
        }
    };
    view! {
        {main}
        <Show when=move || state.get() != WorkerState::Gone>
            <Menu id=format!("worker-{id}") label=format!("Actions for {}", label.get_value()) size=Size::Sm>{menu}</Menu>
        </Show>
    }
}

#[component]
fn Facts(worker: Memo<WorkerView>) -> impl IntoView {
    let used = Signal::derive(move || worker.with(|worker| worker.n_running));
    let slots = Signal::derive(move || worker.with(|worker| i64::from(worker.slots)));
    let slot_words = Signal::derive(move || {
        let free = (slots.get() - used.get()).max(0);
        format!(
            "{} of {} busy, {} free",
            words::thousands(used.get()),
            words::thousands(slots.get()),
            words::thousands(free)
        )
    });
    let heard = Signal::derive(move || worker.with(|worker| worker.last_beat_at));
    // What a session is does not change while it lasts.
    let fixed = worker.get_untracked();
    let build = fixed.build_id.clone();
    let labels = (!fixed.labels.is_empty())
        .then(|| fixed.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", "));
    view! {
        <dl class="worker-facts">
            <div>
                <dt>"Slots"</dt>
                <dd><Meter label="Busy slots" used of=slots words=slot_words/></dd>
            </div>
            <div>
                <dt>"Connected"</dt>
                <dd><RelativeTime at=fixed.connected_at/> ", last heard " <RelativeTime at=heard/></dd>
            </div>
            <div>
                <dt>"Host"</dt>
                <dd>{host_words(&fixed)}</dd>
            </div>
            <div>
                <dt>"Version"</dt>
                <dd>
                    {sdk_words(&fixed)}
                    {build.map(|build| view! { ", build " <code>{build}</code> })}
                </dd>
            </div>
            <div>
                <dt>"Token"</dt>
                <dd>{fixed.token_name}</dd>
            </div>
            {labels.map(|labels| view! { <div><dt>"Labels"</dt><dd><code>{labels}</code></dd></div> })}
        </dl>
    }
}

/// Programs at the edge of a network have neither.
fn host_words(worker: &WorkerView) -> String {
    match (worker.host.is_empty(), worker.pid) {
        (true, ..=0) => "Unknown".to_owned(),
        (true, pid) => format!("process {pid}"),
        (false, ..=0) => worker.host.clone(),
        (false, pid) => format!("{}, process {pid}", worker.host),
    }
}

fn sdk_words(worker: &WorkerView) -> String {
    let sdk = &worker.sdk;
    let name = if sdk.name.is_empty() { "Unknown client" } else { &sdk.name };
    let language = if sdk.language.is_empty() { String::new() } else { format!(" ({})", sdk.language) };
    format!("{name} {}{language}", sdk.version)
}

#[component]
fn Agents(worker: Memo<WorkerView>) -> impl IntoView {
    let agents = memo(move || worker.with(|worker| worker.agents.clone()));
    view! {
        <ul class="worker-agents" aria-label="Agents">
            <For each=move || agents.get() key=agent_key let:agent>
                {draw_agent(agent)}
            </For>
        </ul>
    }
}

/// Another standing is drawn anew.
fn agent_key(agent: &WorkerAgent) -> (String, String, &'static str, Option<i32>) {
    (agent.id.to_string(), agent.hash.clone(), agent.standing.state.as_str(), agent.standing.version)
}

fn draw_agent(agent: WorkerAgent) -> AnyView {
    let id = agent.id.to_string();
    let standing = agent.standing;
    let (tone, label, href) = match (standing.state, standing.version) {
        (OfferState::Accepted, Some(version)) => {
            (Tone::Success, format!("Version {version}"), format!("/admin/agents/{id}"))
        }
        (OfferState::Accepted, None) => (Tone::Success, "Accepted".to_owned(), format!("/admin/agents/{id}")),
        (OfferState::Offered, _) => (Tone::Accent, "Offered".to_owned(), "/admin/agents".to_owned()),
        (OfferState::Refused, _) => (Tone::Error, "Refused".to_owned(), "/admin/agents".to_owned()),
    };
    let is_refused = standing.state == OfferState::Refused;
    view! {
        <li>
            {if is_refused { view! { <code>{id}</code> }.into_any() } else { view! { <a href=href><code>{id}</code></a> }.into_any() }}
            <Badge tone>{label}</Badge>
            {standing.reason.map(|reason| view! { <span class="muted small">{reason}</span> })}
        </li>
    }
    .into_any()
}

#[component]
fn Tasks(worker: Memo<WorkerView>) -> impl IntoView {
    let tasks = memo(move || worker.with(|worker| worker.running.clone()));
    let n = memo(move || worker.with(|worker| worker.n_running));
    let n_more = move || n.get() - i64::try_from(tasks.with(Vec::len)).unwrap_or(i64::MAX);
    view! {
        <Show when=move || { n.get() > 0 }>
            <details class="fold" open=true>
                <summary><Icon name="chevron-right"/> {move || format!("Runs {}", words::count(n.get(), "task"))}</summary>
                <div class="fold-body">
                    <ul class="worker-tasks" aria-label="Running" on:pointerenter=|_| fetch_runs_ahead() on:focusin=|_| fetch_runs_ahead()>
                        <For each=move || tasks.get() key=|task| (task.run, task.step.clone(), task.attempt) let:task>
                            {draw_task(task)}
                        </For>
                    </ul>
                    <Show when=move || { n_more() > 0 }>
                        <p class="muted small">{move || format!("and {} more", words::thousands(n_more()))}</p>
                    </Show>
                </div>
            </details>
        </Show>
    }
}

fn draw_task(task: WorkerTask) -> AnyView {
    let WorkerTask { run, step, attempt, started_at } = task;
    let short = run.to_string().split_off(28);
    let href = step_of_run(run, &step);
    view! {
        <li>
            <a href=href><code>{step.to_string()}</code></a>
            <span class="muted small">
                {format!("run …{short}, attempt {attempt}, for ")} <Elapsed since=started_at until=Signal::stored(None)/>
            </span>
        </li>
    }
    .into_any()
}

#[component]
fn LastError(worker: Memo<WorkerView>) -> impl IntoView {
    let last = memo(move || worker.with(|worker| worker.last_error.clone().map(|error| (error, worker.last_error_at))));
    move || {
        last.get().map(|(error, at)| {
            view! {
                <Banner kind=Kind::Info title="Last error">
                    <span class="worker-error">{error}</span>
                    {at.map(|at| view! { <span class="muted small">" " <RelativeTime at/></span> })}
                </Banner>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_worker_without_a_host_or_a_process_is_still_told() {
        let of = |host: &str, pid: i64, sdk: serde_json::Value| -> WorkerView {
            serde_json::from_value(json!({"id": uuid::Uuid::nil(), "name": "w", "host": host, "pid": pid, "sdk": sdk, "build_id": null,
                "slots": 1, "labels": {}, "token": uuid::Uuid::nil(), "token_name": "t", "state": "working", "agents": [],
                "connected_at": "2026-01-01T00:00:00Z", "last_beat_at": "2026-01-01T00:00:00Z", "is_late": false,
                "n_running": 0, "running": [], "last_error": null, "last_error_at": null}))
            .unwrap()
        };
        let python = json!({"name": "weft-worker", "version": "0.1.0", "language": "python"});
        let table =
            [("box-7", 4711, "box-7, process 4711"), ("box-7", 0, "box-7"), ("", 9, "process 9"), ("", 0, "Unknown")];
        for (host, pid, words) in table {
            assert_eq!(host_words(&of(host, pid, python.clone())), words);
        }
        assert_eq!(sdk_words(&of("", 0, python)), "weft-worker 0.1.0 (python)");
        assert_eq!(sdk_words(&of("", 0, json!({}))), "Unknown client ");
    }
}
