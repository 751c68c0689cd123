//! The sessions that there are, newest first, as they are now.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    api::{self as wire, WorkerState, WorkerView},
    id::WorkerId,
};

use super::{card::Card, question::Question, teach::Teach, verbs::Verbs};
use crate::{
    api,
    components::{MoreRows, open_while_chosen, use_toasts},
    error::AppError,
    form::{FormError, outcome},
    paged::at_least,
    polled::polled,
    reactive::{effect, memo},
    session::use_session,
    words,
};

const EVERY: Duration = Duration::from_secs(3);

#[component]
pub(super) fn List(page: wire::Page<WorkerView>) -> impl IntoView {
    let toasts = use_toasts();
    let session = use_session();
    let known = RwSignal::new(page);
    let take = move |page: wire::Page<WorkerView>| {
        if known.try_with_untracked(|known| *known != page) == Some(true) {
            known.set(page);
        }
    };
    let n_shown = move || known.try_with_untracked(|known| known.items.len()).unwrap_or_default();
    polled(EVERY, move || first(n_shown()), take);

    let more = Action::new(move |(): &()| first(n_shown() + 1));
    let more_failed = outcome(more, take);
    let verbs = Verbs {
        set: Action::new(|(id, state): &(WorkerId, WorkerState)| api::set_worker(*id, *state)),
        asked: RwSignal::new(None),
    };
    let is_asking = open_while_chosen(verbs.asked);
    let failed = outcome(verbs.set, move |()| {
        is_asking.set(false);
        if let Some((_, state)) = verbs.set.input().get_untracked() {
            toasts.success(done_words(state));
        }
        // Seen at once, not with the next look.
        spawn_local(async move {
            match first(n_shown()).await {
                Ok(page) => take(page),
                Err(error) => session.note(&error),
            }
        });
    });
    effect(move || {
        if failed.with(Option::is_some) {
            is_asking.set(false);
        }
    });
    // A card moves to the other list when its session is over.
    let of = move |is_over: bool| {
        memo(move || {
            known.with(|known| {
                let items = known.items.iter().filter(|worker| (worker.state == WorkerState::Gone) == is_over);
                items.map(|worker| worker.id).collect::<Vec<_>>()
            })
        })
    };
    let (here, over) = (of(false), of(true));
    let summary = memo(move || known.with(summary_words));
    view! {
        <div class="stack" data-gap="6">
            <FormError error=failed/>
            <Show when=move || !here.with(Vec::is_empty) fallback=Teach>
                <section class="stack" data-gap="2" aria-labelledby="connected">
                    <div class="section-head">
                        <h2 id="connected">"Connected"</h2>
                        <span class="muted num">{move || summary.get()}</span>
                    </div>
                    <Cards ids=here known verbs/>
                </section>
            </Show>
            <Show when=move || !over.with(Vec::is_empty)>
                <section class="stack" data-gap="2" aria-labelledby="over">
                    <div class="section-head">
                        <h2 id="over">"Gone in the last day"</h2>
                    </div>
                    <Cards ids=over known verbs/>
                </section>
            </Show>
            <FormError error=more_failed/>
            <MoreRows
                has_more=Signal::derive(move || known.with(|known| known.next.is_some()))
                loading=more.pending()
                on_more=move |()| {
                    more.dispatch(());
                }
            />
        </div>
        <Question
            asked=verbs.asked
            open=is_asking
            busy=verbs.set.pending()
            on_confirm=move |change| {
                verbs.set.dispatch(change);
            }
        />
    }
}

#[component]
fn Cards(ids: Memo<Vec<WorkerId>>, known: RwSignal<wire::Page<WorkerView>>, verbs: Verbs) -> impl IntoView {
    view! {
        <ul class="workers">
            <For each=move || ids.get() key=|id| *id let:id>
                <Card id known verbs/>
            </For>
        </ul>
    }
}

async fn first(n: usize) -> Result<wire::Page<WorkerView>, AppError> {
    at_least(n, |worker| worker.id, api::list_workers).await
}

/// "2 workers, 3 of 16 slots busy"; of what is shown.
fn summary_words(page: &wire::Page<WorkerView>) -> String {
    let here: Vec<&WorkerView> = page.items.iter().filter(|worker| worker.state != WorkerState::Gone).collect();
    let slots: i64 = here.iter().map(|worker| i64::from(worker.slots)).sum();
    let busy: i64 = here.iter().map(|worker| worker.n_running).sum();
    let more = if page.next.is_some() { " shown" } else { "" };
    format!(
        "{}{more}, {} of {} busy",
        words::count(here.len(), "worker"),
        words::thousands(busy),
        words::count(slots, "slot")
    )
}

fn done_words(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Working => "The worker takes tasks again",
        WorkerState::Paused => "The worker takes nothing new until you continue it",
        WorkerState::Draining => "The worker finishes what it has, and ends",
        WorkerState::Gone => "The session is over; what it ran is done by others",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn worker(state: &str, slots: i32, n_running: i64) -> WorkerView {
        serde_json::from_value(json!({"id": uuid::Uuid::nil(), "name": "reports", "host": "box", "pid": 1,
            "sdk": {"name": "weft-worker", "version": "0.1.0", "language": "python"}, "build_id": null, "slots": slots,
            "labels": {}, "token": uuid::Uuid::nil(), "token_name": "t", "state": state, "agents": [],
            "connected_at": "2026-01-01T00:00:00Z", "last_beat_at": "2026-01-01T00:00:00Z", "is_late": false,
            "n_running": n_running, "running": [], "last_error": null, "last_error_at": null}))
        .unwrap()
    }

    #[test]
    fn slots_of_workers_that_are_gone_are_not_counted() {
        let items = vec![worker("working", 8, 3), worker("paused", 8, 0), worker("gone", 100, 7)];
        let mut page = wire::Page { items, next: None };
        assert_eq!(summary_words(&page), "2 workers, 3 of 16 slots busy");
        page.next = Some("x".into());
        assert!(summary_words(&page).starts_with("2 workers shown, "), "there are more");
    }
}
