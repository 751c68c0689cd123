//! The log of an attempt of an outside agent: read, and followed while the attempt runs.

use std::time::Duration;

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use workflow::api::AttemptLogs;

use super::{one_step::OneStep, tellings::joined};
use crate::{
    api,
    components::{LogView, Skeleton, SkeletonKind},
    error::AppError,
    load::PartFailed,
    reactive::{effect, effect_with, memo},
};

/// Lines may be lost on their way: so long after new ones came, the log is read from where it is kept.
const READ_AGAIN: Duration = Duration::from_secs(5);
/// The last lines are written down with the attempt's end, or a moment later.
const AT_END: Duration = Duration::from_secs(1);

#[component]
pub(super) fn Log(one: OneStep, attempt: i32) -> impl IntoView {
    let kept = RwSignal::new(None::<Result<AttemptLogs, AppError>>);
    let beside = one.live.beside;
    let is_running = memo(move || {
        one.read(|step| step.attempts.iter().any(|each| each.number == attempt && each.outcome.is_none()))
    });
    let listen = move |is_wanted: bool| {
        beside.try_update(|beside| beside.tellings.listen(&one.key(), attempt, is_wanted));
    };
    let read = move || {
        spawn_local(async move {
            let read = api::attempt_logs(one.live.id, one.key(), attempt).await;
            let is_worse = read.is_err() && matches!(kept.try_get_untracked(), Some(Some(Ok(_))));
            if !is_worse {
                kept.try_set(Some(read));
            }
        });
    };
    let again = StoredValue::new(None::<TimeoutHandle>);
    let read_in = move |pause: Duration| {
        let timer = set_timeout_with_handle(
            move || {
                if again.try_set_value(None).is_none() {
                    read();
                }
            },
            pause,
        );
        again.set_value(timer.ok());
    };
    effect_with(move |before: Option<bool>| {
        let is_running = is_running.get();
        match before {
            None => untrack(|| {
                // What comes from here on stands behind what is read.
                if is_running {
                    listen(true);
                }
                read();
            }),
            Some(true) if !is_running => untrack(|| read_in(AT_END)),
            Some(_) => {}
        }
        is_running
    });
    let n_came = memo(move || beside.with(|beside| beside.tellings.n_lines(&one.key(), attempt)));
    effect(move || {
        if n_came.get() > 0 && again.with_value(Option::is_none) {
            read_in(READ_AGAIN);
        }
    });
    on_cleanup(move || {
        if let Some(timer) = again.try_update_value(Option::take).flatten() {
            timer.clear();
        }
        if is_running.try_get_untracked() == Some(true) {
            listen(false);
        }
    });
    let log = Signal::derive(move || {
        let kept = kept.with(|kept| kept.as_ref().and_then(|kept| kept.as_ref().ok().cloned())).unwrap_or_default();
        beside.with(|beside| joined(&kept, beside.tellings.lines(&one.key(), attempt)))
    });
    let title = Signal::derive(move || format!("Log of attempt {attempt}"));
    let has_lines = memo(move || log.with(|log| !log.lines.is_empty()));
    move || {
        kept.with(|kept| match kept {
            None => view! { <Skeleton kind=SkeletonKind::Row/> }.into_any(),
            Some(Err(error)) => view! { <PartFailed error=error.clone() on_retry=move |()| read()/> }.into_any(),
            Some(Ok(_)) => view! {
                <Show
                    when=move || has_lines.get()
                    fallback=move || view! {
                        <p class="muted small">
                            {move || if is_running.get() { "It has logged nothing yet" } else { "It logged nothing" }}
                        </p>
                    }
                >
                    <LogView log title live=is_running/>
                </Show>
            }
            .into_any(),
        })
    }
}
