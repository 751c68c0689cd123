//! What is done with many runs at once: cancelling, archiving, deleting and taking back. Each is judged by itself; what is not theirs is
//! refused alike whether there is such a run or not.
//! Must never do to one of them what would be refused for it alone.

use std::collections::BTreeMap;

use store::runs::deleting::Deletable;
use workflow::{
    RunId,
    access::Scope,
    api::{ChangeRuns, ChangedRuns, MOST_RUNS_AT_ONCE, RefusedRun, RunAction, RunSummary},
};

use super::control;
use crate::{Error, OpContext, Result};

const NOT_THEIRS: &str = "There is no such run, or it is not yours to change.";
const IS_OVER: &str = "It is over already.";
const IS_PART: &str = "It is a sub-workflow of another run, and is deleted with that one.";
const A_PART_GOES_ON: &str = "A sub-workflow of it is not over yet. Wait for its end.";
const NOT_ASKED: &str = "Nobody is about to delete it.";
const GOES_ON: &str = "It is not over yet. Wait for its end, or cancel it first.";

/// Does it, or says with which of them it would be done.
pub async fn change(ctx: &OpContext, many: &ChangeRuns) -> Result<ChangedRuns> {
    let viewer = ctx.user_for(Scope::Run)?;
    if many.runs.is_empty() {
        return Err(Error::invalid("runs", "No run is named. Choose at least one."));
    }
    if many.runs.len() > MOST_RUNS_AT_ONCE {
        let detail = format!(
            "These are {} runs, and one request takes {MOST_RUNS_AT_ONCE}. Send it for some at a time.",
            many.runs.len()
        );
        return Err(Error::invalid("runs", detail));
    }
    let found = ctx.store().run_summaries_of(&many.runs, viewer).await?;
    let found: BTreeMap<RunId, RunSummary> = found.into_iter().map(|run| (run.id, run)).collect();
    let deletable =
        if many.action == RunAction::Delete { ctx.store().deletable_runs(&many.runs).await? } else { BTreeMap::new() };
    let mut changed = ChangedRuns::default();
    let mut wanted = Vec::new();
    for id in &many.runs {
        let theirs = found.get(id).filter(|run| viewer.may_run(run.user_id));
        let parts = deletable.get(id);
        match theirs.map(|run| refusal(many.action, run, parts)) {
            Some(None) if wanted.contains(id) => {}
            Some(None) => {
                wanted.push(*id);
                let n_parts = parts.map_or(0, |parts| u32::try_from(parts.n_parts).unwrap_or(u32::MAX));
                changed.n_parts = changed.n_parts.saturating_add(n_parts);
            }
            Some(Some(why)) => changed.refused.push(refused(*id, why)),
            None => changed.refused.push(refused(*id, NOT_THEIRS)),
        }
    }
    if many.dry_run {
        changed.done = wanted;
        return Ok(changed);
    }
    match many.action {
        RunAction::Cancel => cancel(ctx, wanted, &mut changed).await,
        RunAction::Archive | RunAction::Unarchive => {
            let is_archived = many.action == RunAction::Archive;
            changed.done = ctx.store().archive_runs(&wanted, is_archived, ctx.author()).await?;
            refuse_rest(wanted, GOES_ON, &mut changed);
        }
        RunAction::Delete => {
            changed.done = ctx.store().ask_to_delete_runs(&wanted, ctx.author()).await?;
            refuse_rest(wanted, GOES_ON, &mut changed);
        }
        RunAction::Keep => {
            changed.done = ctx.store().keep_runs(&wanted, ctx.author()).await?;
            refuse_rest(wanted, NOT_ASKED, &mut changed);
        }
    }
    Ok(changed)
}

/// What was other than it seemed a moment before.
fn refuse_rest(wanted: Vec<RunId>, why: &str, changed: &mut ChangedRuns) {
    let left = wanted.into_iter().filter(|id| !changed.done.contains(id)).collect::<Vec<_>>();
    changed.refused.extend(left.into_iter().map(|id| refused(id, why)));
}

/// One after the other: each is a decision of its own.
async fn cancel(ctx: &OpContext, wanted: Vec<RunId>, changed: &mut ChangedRuns) {
    for id in wanted {
        match control::cancel(ctx, id, None).await {
            Ok(_) => changed.done.push(id),
            Err(error) => changed.refused.push(refused(id, &error.to_api().detail)),
        }
    }
}

fn refusal(action: RunAction, run: &RunSummary, parts: Option<&Deletable>) -> Option<&'static str> {
    match (action, run.status.is_terminal()) {
        (RunAction::Cancel, true) => Some(IS_OVER),
        (RunAction::Archive | RunAction::Delete, false) => Some(GOES_ON),
        (RunAction::Delete, true) => match parts {
            // It went a moment ago.
            None => Some(NOT_THEIRS),
            Some(parts) if parts.is_part => Some(IS_PART),
            Some(parts) if parts.goes_on => Some(A_PART_GOES_ON),
            Some(_) => None,
        },
        _ => None,
    }
}

fn refused(id: RunId, why: &str) -> RefusedRun {
    RefusedRun { id, why: why.to_owned() }
}
