//! Watches for reviews while notices are wanted: which tab of the browser does it, when it looks, and when it tells.
//! Must never tell what a page says already: while a tab of Weft is looked at, it tells nothing.

use std::time::Duration;

use leptos::{ev, prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::api::{InboxQuery, InboxSort};

use super::{
    browser,
    fresh::{self, Known},
    locks::{self, Lock, Mode},
};
use crate::{
    api,
    reactive::{effect, effect_with},
    waiting::use_waiting,
};

/// Had by the one tab that tells.
const TELLS: &str = "weft:notices";
/// Shared by the tabs that are looked at, which is one at most but for windows side by side.
const LOOKED_AT: &str = "weft:looked-at";
/// What opens within it is told together.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until the effect that called it runs again.
pub(super) fn begin() {
    follow_looks();
    let tells = RwSignal::new(false);
    let turn = Lock::new(TELLS, Mode::Exclusive);
    turn.want(move || {
        tells.try_set(true);
    });
    on_cleanup(move || turn.release());
    let navigate = StoredValue::new(use_navigate());
    let open = move |path: &str| {
        navigate.try_with_value(|navigate| navigate(path, NavigateOptions::default()));
    };
    effect(move || {
        if tells.get() {
            untrack(|| watch(open));
        }
    });
}

/// Has its part of the lock while this tab is looked at.
fn follow_looks() {
    let held = Lock::new(LOOKED_AT, Mode::Shared);
    let look = move || {
        if is_looked_at() {
            held.want(|| ());
        } else {
            held.release();
        }
    };
    look();
    let came = window_event_listener(ev::focus, move |_| look());
    let went = window_event_listener(ev::blur, move |_| look());
    on_cleanup(move || {
        came.remove();
        went.remove();
        held.release();
    });
}

fn is_looked_at() -> bool {
    document().has_focus().unwrap_or(false)
}

fn watch(open: impl Fn(&str) + Copy + Send + Sync + 'static) {
    let known = StoredValue::new(Known::default());
    let look = move || {
        spawn_local(async move {
            let query = InboxQuery { sort: InboxSort::Newest, ..InboxQuery::default() };
            // The next change brings another look.
            let Ok(page) = api::inbox(query, None, None).await else { return };
            let fresh = known.try_update_value(|known| known.take(page)).unwrap_or_default();
            if let Some(words) = fresh::words(&fresh)
                && !is_looked_at()
            {
                locks::when_free(LOOKED_AT, move || {
                    let path = words.path.clone();
                    browser::show(&words, move || open(&path));
                });
            }
        });
    };
    let is_due = StoredValue::new(false);
    let look_soon = move || {
        if is_due.try_get_value() != Some(false) {
            return;
        }
        is_due.set_value(true);
        set_timeout(
            move || {
                // None: it was set, so this is still wanted.
                if is_due.try_set_value(false).is_none() {
                    look();
                }
            },
            PAUSE,
        );
    };
    look();
    let waiting = use_waiting();
    effect_with(move |before: Option<u32>| {
        let turn = waiting.turn();
        if before.is_some_and(|before| before != turn) {
            look_soon();
        }
        turn
    });
}
