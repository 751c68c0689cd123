//! Looking at a run: as it is now for those who may see it, or as it is after a verb for whoever asked for that.
//! What looks runs between two decisions about runs, so it copies what it needs and works that out afterwards. Must never show a run
//! without having asked `access`, but for what a verb came to.

use std::collections::BTreeSet;

use workflow::{
    RunId, RunView, UserId,
    run::{State, state::Emails},
};

use super::access::{self, Access};
use crate::{Error, OpContext, Result};

/// Looks at the run as it is now, if the viewer may see it.
pub(crate) async fn look<T, F>(ctx: &OpContext, run: RunId, at: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&State, Access) -> T + Send + 'static,
{
    let viewer = ctx.user()?.clone();
    // Whoever may look at most is asked about elsewhere, and then comes with the same look again: nobody else waits for that.
    let theirs = move |state: Option<&State>| match state.and_then(|state| Some((state, access::of(state, &viewer)?))) {
        Some((state, access)) => Ok(at(state, access)),
        None => Err(at),
    };
    let at = match ctx.runs().read_now(run, theirs).await {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(at)) => at,
        Err(error) => return Err(failed(ctx, run, error).await),
    };
    if !access::may_look(ctx, run).await? {
        return Err(Error::NotFound);
    }
    let others = move |state: Option<&State>| state.map(|state| at(state, Access::Look));
    match ctx.runs().read_now(run, others).await {
        Ok(found) => found.ok_or(Error::NotFound),
        Err(error) => Err(failed(ctx, run, error).await),
    }
}

/// The run as it is now, if the viewer may see it.
pub(crate) async fn state(ctx: &OpContext, run: RunId) -> Result<State> {
    look(ctx, run, |state, _| state.clone()).await
}

/// The run to be shown, with the approvals that count as people stand just now.
pub(crate) async fn counted(ctx: &OpContext, mut state: State) -> Result<State> {
    let voters = ctx.store().voters(&state.voters()).await?;
    state.leave_out_void_votes(&voters);
    Ok(state)
}

/// The run as REST shows it.
pub(crate) async fn view(ctx: &OpContext, state: State) -> Result<RunView> {
    let state = counted(ctx, state).await?;
    Ok(state.view(&emails(ctx, &state).await?))
}

/// Looks at a run that the asker was let in to, as it is known here, but not before this event.
pub(crate) async fn read<T: Send + 'static>(
    ctx: &OpContext,
    run: RunId,
    at_least: i64,
    at: impl FnOnce(&State) -> T + Send + 'static,
) -> Result<T> {
    match ctx.runs().read(run, at_least, move |state| state.map(at)).await {
        Ok(found) => found.ok_or(Error::NotFound),
        Err(error) => Err(failed(ctx, run, error).await),
    }
}

/// The emails of everybody whom the run names.
pub(crate) async fn emails(ctx: &OpContext, state: &State) -> Result<Emails> {
    emails_of(ctx, state.people()).await
}

pub(crate) async fn emails_of(ctx: &OpContext, people: BTreeSet<UserId>) -> Result<Emails> {
    match ctx.actor() {
        // Mostly it names nobody but whoever asks, whose address came with the question.
        Some(actor) if people.iter().all(|person| *person == actor.id) => {
            Ok(people.into_iter().map(|person| (person, actor.email.clone())).collect())
        }
        _ => Ok(ctx.store().emails(&people).await?),
    }
}

/// Why the run could not be looked at, or nothing done with it. That it is set aside is told to those who may see it; where nobody set it
/// aside, this program is only too old for it.
pub(crate) async fn failed(ctx: &OpContext, run: RunId, error: ::runs::Error) -> Error {
    let ::runs::Error::Quarantined(reason) = error else { return error.into() };
    let Ok(viewer) = ctx.user() else { return Error::NotFound };
    match ctx.store().run_is_set_aside(run, viewer).await {
        Ok(Some(true)) if viewer.is_admin() => Error::SetAside { why: Some((run, reason)) },
        Ok(Some(true)) => Error::SetAside { why: None },
        Ok(Some(false)) => Error::TooNew,
        Ok(None) => Error::NotFound,
        Err(error) => error.into(),
    }
}
