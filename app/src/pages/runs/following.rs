//! How the list follows what happens. Of one's own runs, and for admins of all, the feed tells; those of others are read again at a pace, as
//! far as they are shown and something goes on, and so is what the feed does not tell: titles, tags, what was used, and what is stale.
//! Must never bring a run that was not found: what is new comes with the next search.

use std::{collections::BTreeMap, future::Future, time::Duration};

use leptos::prelude::*;
use workflow::{
    RunId,
    api::{ListedRun, MyFrame, Page, RunQuery, RunSort},
};

use crate::{
    api,
    error::AppError,
    live::follow_mine,
    paged::{Paged, at_least},
    polled::polled,
    session::use_session,
};

const EVERY: Duration = Duration::from_secs(10);
/// Rows that are read again; further ones are as they were, but for what the feed tells.
const MOST: usize = 200;

/// `keeps` names rows that stay whatever they have become.
pub(super) fn follow(list: Paged<ListedRun>, query: RunQuery, keeps: impl Fn(RunId) -> bool + Clone + 'static) {
    let me = use_session().user_untracked();
    let runs = list.items;
    // Something changed of which the feed does not tell all.
    let is_behind = StoredValue::new(false);
    follow_mine(move |frame| match frame {
        MyFrame::Runs { runs: changed, .. } => {
            let is_shown = |known: &Vec<ListedRun>| {
                changed.iter().any(|changed| known.iter().any(|known| known.run.id == changed.id))
            };
            // Of runs that are not shown there is nothing to draw.
            if runs.try_with_untracked(is_shown) == Some(true) {
                is_behind.try_set_value(true);
                runs.update(|runs| {
                    for changed in changed {
                        if let Some(known) = runs.iter_mut().find(|known| known.run.id == changed.id) {
                            known.run = changed.clone();
                        }
                    }
                });
            }
        }
        MyFrame::Resync => {
            is_behind.try_set_value(true);
        }
        MyFrame::Here { .. } | MyFrame::Beat(_) => {}
    });
    let is_untold = move |run: &ListedRun| {
        let is_told = me.as_ref().is_some_and(|me| me.is_admin() || me.id == run.run.user_id);
        !is_told && !run.run.status.is_terminal()
    };
    let sort = query.sort;
    let read = move || {
        let wanted = runs.try_with_untracked(|runs| {
            let is_wanted = is_behind.get_value() || runs.iter().any(&is_untold);
            (is_wanted && !runs.is_empty()).then_some(runs.len().min(MOST))
        });
        let wanted = wanted.flatten();
        if wanted.is_some() {
            is_behind.try_set_value(false);
        }
        let query = query.clone();
        async move {
            match wanted {
                Some(n) => {
                    let read = at_least(n, |run: &ListedRun| run.run.id, |after| api::list_runs(query.clone(), after));
                    or_behind(read, is_behind).await.map(Some)
                }
                None => Ok(None),
            }
        }
    };
    polled(EVERY, read, move |read: Option<Page<ListedRun>>| {
        let Some(read) = read else { return };
        let now = runs.try_with_untracked(|known| taken(known, &read, sort, &keeps));
        if let Some(now) = now.flatten() {
            runs.set(now);
        }
    });
}

/// What was read. Where that failed, it is read again at the next turn, though nothing more may happen by then.
async fn or_behind<T>(
    read: impl Future<Output = Result<T, AppError>>,
    is_behind: StoredValue<bool>,
) -> Result<T, AppError> {
    let read = read.await;
    if read.is_err() {
        is_behind.try_set_value(true);
    }
    read
}

/// The rows as they are now, if any is other than it was. One that would have to be among what was read and is not is found no more.
fn taken(
    known: &[ListedRun],
    read: &Page<ListedRun>,
    sort: RunSort,
    keeps: &impl Fn(RunId) -> bool,
) -> Option<Vec<ListedRun>> {
    let by_id: BTreeMap<RunId, &ListedRun> = read.items.iter().map(|run| (run.run.id, run)).collect();
    let last = read.items.last().map(|run| run.run.created_at);
    let is_missed = |run: &ListedRun| {
        let is_before_last = sort == RunSort::Newest && last.is_some_and(|last| run.run.created_at > last);
        (read.next.is_none() || is_before_last) && !keeps(run.run.id)
    };
    let now: Vec<ListedRun> = known
        .iter()
        .filter_map(|run| match by_id.get(&run.run.id) {
            Some(now) => Some((*now).clone()),
            None => (!is_missed(run)).then(|| run.clone()),
        })
        .collect();
    (now != known).then_some(now)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::json;

    use super::*;
    use crate::form::local_error;

    fn run(n: u32, status: &str) -> ListedRun {
        let id = format!("00000000-0000-0000-0000-{n:012}");
        let text = json!({"id": id, "template_id": id, "template_name": "T", "template_version": 1, "status": status,
            "status_reason": null, "auto_run": true, "user_id": id, "user_email": "a@b.c",
            "progress": {"total": 1, "completed": 0, "skipped": 0, "failed": 0, "cancelled": 0}, "n_waiting": 0,
            "about": null, "created_at": format!("2026-01-{n:02}T00:00:00Z"), "finished_at": null})
        .to_string();
        serde_json::from_str(&text).unwrap()
    }

    fn ids(runs: &[ListedRun]) -> Vec<RunId> {
        runs.iter().map(|run| run.run.id).collect()
    }

    #[test]
    fn what_could_not_be_read_is_read_again_though_nothing_more_happens() {
        Owner::new().with(|| {
            let is_behind = StoredValue::new(false);
            assert_eq!(block_on(or_behind(async { Ok(7) }, is_behind)).ok(), Some(7));
            assert!(!is_behind.get_value());
            assert!(block_on(or_behind(async { Err::<u8, _>(local_error("no")) }, is_behind)).is_err());
            assert!(is_behind.get_value());
        });
    }

    #[test]
    fn rows_that_are_shown_follow_and_no_new_ones_come() {
        let known = [run(9, "running"), run(8, "running")];
        let page =
            |items: &[ListedRun], next: Option<&str>| Page { items: items.to_vec(), next: next.map(str::to_owned) };
        let newest = |read: &Page<ListedRun>| taken(&known, read, RunSort::Newest, &|_| false);
        assert_eq!(newest(&page(&known, None)), None);
        let now = newest(&page(&[run(10, "running"), run(9, "completed"), run(8, "running")], None)).unwrap();
        assert_eq!(ids(&now), ids(&known));
        assert_eq!(now[0], run(9, "completed"));
    }

    #[test]
    fn a_row_that_would_be_found_no_more_goes_unless_it_is_ticked_or_may_stand_further_down() {
        let known = [run(9, "running"), run(8, "running"), run(7, "running")];
        let read = |next: Option<&str>| Page { items: vec![run(8, "running")], next: next.map(str::to_owned) };
        let of = |next: Option<&str>, sort: RunSort, kept: Option<RunId>| {
            taken(&known, &read(next), sort, &|id| Some(id) == kept).map_or_else(|| ids(&known), |now| ids(&now))
        };
        let [nine, eight, seven] = known.each_ref().map(|run| run.run.id);
        assert_eq!(of(None, RunSort::Newest, None), [eight]);
        assert_eq!(of(None, RunSort::Newest, Some(nine)), [nine, eight]);
        assert_eq!(of(Some("x"), RunSort::Newest, None), [eight, seven]);
        assert_eq!(of(Some("x"), RunSort::Longest, None), [nine, eight, seven]);
    }
}
