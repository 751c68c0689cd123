//! What waits for this person: one list for the rail's count and the dashboard, kept current by the live feed.

use leptos::{prelude::*, task::spawn_local};
use workflow::api::{MyFrame, RunSummary};

use crate::{api, error::AppError, live, session::use_session};

pub type Waiting = Resource<Result<Vec<RunSummary>, AppError>>;

/// The shell calls it once, after `live::provide_mine`.
pub fn provide_waiting() {
    let session = use_session();
    let waiting: Waiting = Resource::new(move || session.epoch(), |_| api::waiting_for_me());
    provide_context(waiting);
    live::follow_mine(move |frame| match frame {
        MyFrame::Runs { runs } => {
            let known = waiting.get_untracked();
            if let Some(Ok(mut list)) = known
                && fold(&mut list, runs)
            {
                waiting.set(Some(Ok(list)));
            }
        }
        MyFrame::Resync => spawn_local(async move {
            let list = api::waiting_for_me().await;
            // An error leaves what is known; the page says already that it may be old.
            if list.is_ok() && waiting.try_get_untracked().flatten().as_ref() != Some(&list) {
                waiting.set(Some(list));
            }
        }),
    });
}

pub fn use_waiting() -> Waiting {
    expect_context()
}

/// Takes in changed runs and says whether the list is another one now; oldest first.
fn fold(list: &mut Vec<RunSummary>, runs: &[RunSummary]) -> bool {
    let before = list.clone();
    for run in runs {
        list.retain(|known| known.id != run.id);
        if run.n_waiting > 0 && !run.status.is_terminal() {
            list.push(run.clone());
        }
    }
    list.sort_by_key(|run| (run.created_at, run.id));
    *list != before
}
