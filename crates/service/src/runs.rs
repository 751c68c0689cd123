//! Runs: start one, see mine, steer one as a whole.
//! Must never run anything but a stored version, and never show or touch a run of somebody else.

pub(crate) mod access;
pub(crate) mod calling;
mod comparing;
pub(crate) mod conflict;
mod control;
mod copying;
pub(crate) mod idempotency;
mod moving;
pub(crate) mod overrides;
mod start;
pub(crate) mod values;

use store::runs::Scope;
use workflow::{
    RunId, RunView,
    api::{Page, RunPage, RunSummary},
    event::RunEvent,
};

pub use comparing::{compare, stale};
pub use control::{cancel, pause, resume, set_auto_run};
pub use copying::{adopt, fork};
pub use moving::move_to;
pub(crate) use start::{Start, begin};
pub use start::{Started, start};

use crate::{Error, OpContext, Result, Wanted};

/// Runs of one page, unless asked otherwise.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;
/// Events of one page of the timeline.
const EVENTS: i64 = 200;
/// How often a verb plans again when the run moves under its hands.
pub(crate) const MAX_PLANS: usize = 10;

/// My runs, newest first.
pub async fn list(ctx: &OpContext, after: Option<String>, limit: Option<u32>) -> Result<RunPage> {
    let viewer = ctx.user()?;
    let limit = limit.unwrap_or(PAGE).clamp(1, MAX_PAGE).into();
    Ok(ctx.store().run_summaries(viewer, after.as_deref(), limit, Scope::Mine).await?)
}

/// Runs of everybody, newest first.
pub async fn list_all(ctx: &OpContext, after: Option<String>, limit: Option<u32>) -> Result<RunPage> {
    let viewer = ctx.admin()?;
    let limit = limit.unwrap_or(PAGE).clamp(1, MAX_PAGE).into();
    Ok(ctx.store().run_summaries(viewer, after.as_deref(), limit, Scope::All).await?)
}

/// Runs in which a step waits for my review, oldest first.
pub async fn waiting_for_me(ctx: &OpContext, wanted: &Wanted) -> Result<Page<RunSummary>> {
    Ok(ctx.store().waiting_runs(ctx.user()?, wanted.window()).await?)
}

pub async fn get(ctx: &OpContext, id: RunId) -> Result<RunView> {
    ctx.store().run_view(id, ctx.user()?).await?.ok_or(Error::NotFound)
}

/// The newest events before `before`, newest first.
pub async fn events(ctx: &OpContext, id: RunId, before: Option<i64>) -> Result<Vec<RunEvent>> {
    visible(ctx, id).await?;
    Ok(ctx.store().run_events(id, before, EVENTS).await?)
}

/// Passes if the run is theirs to see: the owner's, an admin's, or one with an open gate that they are asked at.
pub async fn visible(ctx: &OpContext, id: RunId) -> Result<()> {
    access::see(ctx, id).await.map(|_| ())
}
