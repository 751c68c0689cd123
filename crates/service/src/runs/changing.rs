//! What is done with many runs at once: cancelling, archiving and taking back. Each is judged by itself; what is not theirs is refused alike
//! whether there is such a run or not.
//! Must never do to one of them what would be refused for it alone.

use std::collections::BTreeMap;

use workflow::{
    RunId,
    access::Scope,
    api::{ChangeRuns, ChangedRuns, MOST_RUNS_AT_ONCE, RefusedRun, RunAction, RunSummary},
};

use super::control;
use crate::{Error, OpContext, Result};

const NOT_THEIRS: &str = "There is no such run, or it is not yours to change.";
const IS_OVER: &str = "It is over already.";
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
    let mut changed = ChangedRuns::default();
    let mut wanted = Vec::new();
    for id in &many.runs {
        let theirs = found.get(id).filter(|run| viewer.may_run(run.user_id));
        match theirs.map(|run| refusal(many.action, run)) {
            Some(None) if wanted.contains(id) => {}
            Some(None) => wanted.push(*id),
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
            // Somebody made it go on in the meantime.
            let left = wanted.into_iter().filter(|id| !changed.done.contains(id)).collect::<Vec<_>>();
            changed.refused.extend(left.into_iter().map(|id| refused(id, GOES_ON)));
        }
    }
    Ok(changed)
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

fn refusal(action: RunAction, run: &RunSummary) -> Option<&'static str> {
    match (action, run.status.is_terminal()) {
        (RunAction::Cancel, true) => Some(IS_OVER),
        (RunAction::Archive, false) => Some(GOES_ON),
        _ => None,
    }
}

fn refused(id: RunId, why: &str) -> RefusedRun {
    RefusedRun { id, why: why.to_owned() }
}
