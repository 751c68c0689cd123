//! Runs: start one, see mine, steer one as a whole.
//! Must never run anything but a stored version, and never show or touch a run of somebody else.

pub(crate) mod about;
pub(crate) mod access;
pub(crate) mod asking;
mod changing;
mod comparing;
mod control;
mod copying;
mod done;
mod exporting;
pub(crate) mod idempotency;
mod labels;
mod listing;
pub(crate) mod looking;
mod moving;
pub(crate) mod overrides;
pub(crate) mod refusals;
mod releasing;
mod sharing;
mod start;
mod totals;
pub(crate) mod values;

use std::collections::{BTreeMap, BTreeSet};

use store::{runs::Scope, templates::Startable};
use workflow::{
    AgentId, RunId, RunView, UserId,
    api::{EventView, Page, RunInputs, RunPage, RunSummary},
    id::GroupId,
    people,
    run::{RunEvent, Snapshot, state::Emails},
};

pub use changing::change;
pub use comparing::{compare, stale};
pub use control::{cancel, pause, resume, set_auto_run};
pub use copying::{adopt, fork};
pub use done::{Done, Started, Tried, view_after, wire_after};
pub use exporting::{Export, export};
pub use labels::{called, label, labels_of};
pub use listing::find;
pub use moving::move_to;
pub use releasing::release;
pub use sharing::{end_share, share, shared_by, shares};
pub use start::start;
pub(crate) use start::{Start, begin, start_row, startable, turn};
pub use totals::totals;

use crate::{Error, OpContext, Result, Wanted};

/// Runs of one page, unless asked otherwise.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;
/// Events of one page of the timeline or the log.
const EVENTS: i64 = 200;
/// Bytes of those that are told, folded or written into a file at a time: one that moves a run to another version holds all of that.
const EVENT_BYTES: i64 = 2 * 1024 * 1024;

/// My runs, newest first.
pub async fn list(ctx: &OpContext, after: Option<String>, limit: Option<u32>) -> Result<RunPage> {
    let viewer = ctx.user()?;
    let limit = limit.unwrap_or(PAGE).clamp(1, MAX_PAGE).into();
    Ok(ctx.store().run_summaries(viewer, after.as_deref(), limit, Scope::Mine).await?)
}

/// Runs of others, in workflows all of whose runs a group of mine sees, newest first.
pub async fn list_shared(ctx: &OpContext, after: Option<String>, limit: Option<u32>) -> Result<RunPage> {
    let viewer = ctx.user()?;
    let limit = limit.unwrap_or(PAGE).clamp(1, MAX_PAGE).into();
    Ok(ctx.store().run_summaries(viewer, after.as_deref(), limit, Scope::Shared).await?)
}

/// Runs in which a step waits for my review, oldest first.
pub async fn waiting_for_me(ctx: &OpContext, wanted: &Wanted) -> Result<Page<RunSummary>> {
    Ok(ctx.store().waiting_runs(ctx.user()?, wanted.window()).await?)
}

pub async fn get(ctx: &OpContext, id: RunId) -> Result<RunView> {
    let state = looking::state(ctx, id).await?;
    looking::view(ctx, state).await
}

/// The run for those who fold its events, with the emails of everybody whom it names.
pub async fn snapshot(ctx: &OpContext, id: RunId) -> Result<(Snapshot, Emails)> {
    let state = looking::state(ctx, id).await?;
    let emails = looking::emails(ctx, &state).await?;
    Ok((looking::counted(ctx, state).await?.snapshot(), emails))
}

/// What it was started with, for another one with the same.
pub async fn inputs(ctx: &OpContext, id: RunId) -> Result<RunInputs> {
    let inputs = looking::look(ctx, id, |state, _| state.birth.inputs.clone()).await?;
    Ok(RunInputs { inputs })
}

/// What the groups are called that gates of the run ask; it has been looked at by whoever asks, and names them by their ids.
pub async fn group_names(ctx: &OpContext, run: &Snapshot) -> Result<BTreeMap<GroupId, String>> {
    let Some(started) = &run.data.started else { return Ok(BTreeMap::new()) };
    let asked = people::named(&started.run_definition).groups.into_iter();
    let asked: Vec<String> = asked.filter(|group| GroupId::new(group.as_str()).is_well_formed()).collect();
    // Who is in them is nobody's business here.
    let known = ctx.store().groups_that_can(&asked, 0).await?;
    Ok(known.into_iter().map(|(id, name, _)| (GroupId::new(id), name)).collect())
}

/// What the agents of its steps are called; it has been looked at by whoever asks.
pub async fn agent_names(ctx: &OpContext, run: &Snapshot) -> Result<BTreeMap<AgentId, String>> {
    let Some(started) = &run.data.started else { return Ok(BTreeMap::new()) };
    let ids: BTreeSet<&AgentId> = started.run_definition.steps.values().map(|step| &step.agent_id).collect();
    let ids: Vec<AgentId> = ids.into_iter().cloned().collect();
    Ok(ctx.store().agent_names(&ids).await?)
}

/// The version of its workflow that is published now; none where the workflow is put away. The run has been looked at by whoever asks.
pub async fn published_version(ctx: &OpContext, run: &Snapshot) -> Result<Option<i32>> {
    let Some(started) = run.data.started.as_ref().filter(|started| !started.is_test) else { return Ok(None) };
    Ok(match ctx.store().startable(started.template_id, None).await? {
        Startable::Version(version) => Some(version),
        Startable::NotPublished | Startable::Archived | Startable::NotFound => None,
    })
}

/// The newest events before `before`, newest first.
pub async fn events(ctx: &OpContext, id: RunId, before: Option<i64>) -> Result<Vec<EventView>> {
    visible(ctx, id).await?;
    let events = ctx.store().run_events_within(id, before, EVENTS, EVENT_BYTES).await?;
    let people: BTreeSet<UserId> = events.iter().flat_map(RunEvent::people).collect();
    let emails = ctx.store().emails(&people).await?;
    Ok(events.iter().map(|event| EventView::of(event, &emails)).collect())
}

/// Events after a number, oldest first and none at the end alone, for those who fold them, with the emails of everybody whom they name.
pub async fn log(ctx: &OpContext, id: RunId, after: i64) -> Result<(Vec<RunEvent>, Emails)> {
    visible(ctx, id).await?;
    let events = ctx.store().events_within(id, after.max(0), EVENTS, EVENT_BYTES).await?;
    let people: BTreeSet<UserId> = events.iter().flat_map(RunEvent::people).collect();
    let emails = ctx.store().emails(&people).await?;
    Ok((events.iter().map(RunEvent::for_wire).collect(), emails))
}

/// Passes if the run is theirs to see: the owner's, an admin's, one with an open gate that they are asked at, one that a group of theirs
/// sees, or one that is shared with them.
pub async fn visible(ctx: &OpContext, id: RunId) -> Result<()> {
    if ctx.store().run_is_visible(id, ctx.user()?).await? { Ok(()) } else { Err(Error::NotFound) }
}
