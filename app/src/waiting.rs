//! What waits for this person: the inbox's own count, for the rail and the dashboard, kept current by the live feed.
//! Must never guess a count from runs: a run says that something waits there, the inbox whether it is mine.

use std::collections::BTreeMap;

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    RunId,
    api::{InboxCounts, InboxQuery, MyFrame, RunSummary},
};

use crate::{api, error::AppError, live, paced::Paced, session::use_session};

#[derive(Clone, Copy)]
pub struct Waiting {
    counts: Resource<Result<InboxCounts, AppError>>,
    turn: RwSignal<u32>,
    read: Paced,
}

/// The shell calls it once, after `live::provide_mine`.
pub fn provide_waiting() {
    let session = use_session();
    let counts = Resource::new(move || session.epoch(), |_| api::inbox_counts(InboxQuery::default()));
    let read = Paced::new(move || async move {
        let now = api::inbox_counts(InboxQuery::default()).await;
        // An error leaves what is known; the page says already that it may be old.
        if now.is_ok() && counts.try_get_untracked().flatten().as_ref() != Some(&now) {
            counts.set(Some(now));
        }
    });
    let waiting = Waiting { counts, turn: RwSignal::new(0), read };
    provide_context(waiting);
    let known = StoredValue::new(Known::default());
    live::follow_mine(move |frame| match frame {
        MyFrame::Runs { runs, gone } => {
            if known.try_update_value(|known| known.take_in(runs, gone)) == Some(true) {
                waiting.look_again();
            }
        }
        MyFrame::Resync => {
            // An admin is asked everywhere, whatever groups they are in.
            if session.with_user_untracked(|me| me.is_some_and(|me| !me.is_admin())) {
                spawn_local(session.look_again());
            }
            known.try_set_value(Known::default());
            // Beside it: the server knows their groups by itself.
            waiting.look_again();
        }
        MyFrame::Here { .. } | MyFrame::Beat(_) => {}
    });
}

pub fn use_waiting() -> Waiting {
    expect_context()
}

impl Waiting {
    /// How many wait; `None` until it is known. Followed, and for effects alone: the server's page does not wait for it.
    pub fn n(self) -> Option<i64> {
        self.counts.get()?.ok().map(|counts| counts.n)
    }

    /// Grows whenever something else may wait than before: a list of it is read again then. Followed.
    pub fn turn(self) -> u32 {
        self.turn.get()
    }

    /// Something was decided here, or the feed tells of it.
    pub fn look_again(self) {
        if self.turn.try_update(|turn| *turn = turn.wrapping_add(1)).is_some() {
            self.read.ask();
        }
    }
}

/// Of each run that the feed has told of, whether something waited there.
#[derive(Default)]
struct Known(BTreeMap<RunId, bool>);

impl Known {
    /// Whether something else may wait for me now. Of a run that was not told of before nobody knows.
    fn take_in(&mut self, runs: &[RunSummary], gone: &[RunId]) -> bool {
        let mut is_news = !gone.is_empty();
        for id in gone {
            self.0.remove(id);
        }
        for run in runs {
            let waits = run.n_waiting > 0 && !run.status.is_terminal();
            is_news |= self.0.insert(run.id, waits).unwrap_or(true) || waits;
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(id: u32, n_waiting: i64) -> RunSummary {
        serde_json::from_value(json!({
            "id": format!("00000000-0000-0000-0000-{id:012}"), "template_id": uuid::Uuid::nil(), "template_name": "T",
            "template_version": 1, "status": "paused", "status_reason": "review", "auto_run": true, "user_id": uuid::Uuid::nil(),
            "user_email": "a@b.c", "n_waiting": n_waiting,
            "progress": {"total": 1, "completed": 0, "skipped": 0, "failed": 0, "cancelled": 0}, "about": null,
            "created_at": "2026-01-01T00:00:00Z", "finished_at": null
        }))
        .unwrap()
    }

    #[test]
    fn it_is_asked_again_only_where_something_waits_or_waited() {
        let mut known = Known::default();
        assert!(known.take_in(&[run(1, 0)], &[]), "nobody knows what was there before");
        assert!(!known.take_in(&[run(1, 0)], &[]), "a run that only goes on");
        assert!(known.take_in(&[run(1, 2)], &[]));
        assert!(known.take_in(&[run(1, 2)], &[]), "my vote may be among what changed");
        assert!(known.take_in(&[run(1, 0)], &[]), "decided");
        assert!(!known.take_in(&[run(1, 0)], &[]));
        assert!(known.take_in(&[], &[run(1, 0).id]), "not mine to see any more");
        assert!(!known.take_in(&[], &[]));
    }
}
