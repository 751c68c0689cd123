//! What waits for this person: one list for the rail's count and the dashboard, kept current by the live feed.

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    RunId,
    api::{MyFrame, Page, RunSummary},
};

use crate::{api, error::AppError, live, session::use_session};

pub type Waiting = Resource<Result<Page<RunSummary>, AppError>>;

/// The shell calls it once, after `live::provide_mine`.
pub fn provide_waiting() {
    let session = use_session();
    let waiting: Waiting = Resource::new(move || session.epoch(), |_| api::waiting_for_me(None));
    provide_context(waiting);
    live::follow_mine(move |frame| match frame {
        MyFrame::Runs { runs, gone } => {
            let known = waiting.get_untracked();
            if let Some(Ok(mut page)) = known
                && fold(&mut page, runs, gone)
            {
                waiting.set(Some(Ok(page)));
            }
        }
        MyFrame::Resync => {
            // An admin is asked everywhere, whatever groups they are in.
            if session.with_user_untracked(|me| me.is_some_and(|me| !me.is_admin())) {
                spawn_local(session.look_again());
            }
            // Beside it: the server knows their groups by itself.
            spawn_local(async move {
                let list = api::waiting_for_me(None).await;
                // An error leaves what is known; the page says already that it may be old.
                if list.is_ok() && waiting.try_get_untracked().flatten().as_ref() != Some(&list) {
                    waiting.set(Some(list));
                }
            });
        }
        MyFrame::Here { .. } | MyFrame::Beat(_) => {}
    });
}

pub fn use_waiting() -> Waiting {
    expect_context()
}

/// The next page, under what is known.
pub async fn load_more(waiting: Waiting) -> Result<(), AppError> {
    let Some(Ok(known)) = waiting.get_untracked() else { return Ok(()) };
    let page = api::waiting_for_me(known.next).await?;
    // What came by the feed meanwhile stays.
    if let Some(Ok(mut now)) = waiting.try_get_untracked().flatten() {
        now.items.retain(|known| page.items.iter().all(|run| run.id != known.id));
        now.items.extend(page.items);
        now.items.sort_unstable_by_key(|run| (run.created_at, run.id));
        now.next = page.next;
        waiting.set(Some(Ok(now)));
    }
    Ok(())
}

/// Takes in changed runs and says whether the list is another one now; oldest first. What belongs behind the last of a list that has
/// more comes with its page.
fn fold(page: &mut Page<RunSummary>, runs: &[RunSummary], gone: &[RunId]) -> bool {
    let place = |run: &RunSummary| (run.created_at, run.id);
    let before = page.items.clone();
    let end = page.items.last().filter(|_| page.next.is_some()).map(place);
    page.items.retain(|known| !gone.contains(&known.id));
    for run in runs {
        page.items.retain(|known| known.id != run.id);
        if run.n_waiting > 0 && !run.status.is_terminal() && end.is_none_or(|end| place(run) <= end) {
            page.items.push(run.clone());
        }
    }
    page.items.sort_unstable_by_key(place);
    page.items != before
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(minute: u32, n_waiting: i64) -> RunSummary {
        serde_json::from_value(json!({
            "id": format!("00000000-0000-0000-0000-{minute:012}"), "template_id": uuid::Uuid::nil(), "template_name": "T",
            "template_version": 1, "status": "paused", "status_reason": "review", "auto_run": true, "user_id": uuid::Uuid::nil(),
            "user_email": "a@b.c", "n_waiting": n_waiting,
            "progress": {"total": 1, "completed": 0, "skipped": 0, "failed": 0, "cancelled": 0}, "about": null,
            "created_at": format!("2026-01-01T00:{minute:02}:00Z"), "finished_at": null
        }))
        .unwrap()
    }

    #[test]
    fn what_belongs_behind_a_page_waits_for_its_page() {
        let mut page = Page { items: vec![run(1, 1), run(3, 1)], next: Some("x".into()) };
        assert!(fold(&mut page, &[run(2, 1)], &[]));
        assert!(!fold(&mut page, &[run(4, 1)], &[]), "later pages bring it");
        assert!(fold(&mut page, &[run(1, 0)], &[]));
        assert_eq!(page.items.iter().map(|run| run.created_at.timestamp() % 3600 / 60).collect::<Vec<_>>(), [2, 3]);
        page.next = None;
        assert!(fold(&mut page, &[run(4, 1)], &[]));
        assert_eq!(page.items.len(), 3);
        assert!(fold(&mut page, &[], &[run(3, 1).id]), "decided by somebody else, it is not mine to see any more");
        assert_eq!(page.items.len(), 2);
    }
}
