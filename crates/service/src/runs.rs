//! Runs: start one, see mine, steer one as a whole.
//! Must never run anything but a stored version, and never show or touch a run of somebody else.

mod conflict;
pub(crate) mod values;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store::{
    runs::{NewRun, Scope, StartOutcome},
    templates::{Startable, Version},
};
use workflow::{
    AgentCatalog, Problem, RunId, RunView, StepKey,
    api::{RunPage, RunSummary, StartRun},
    event::RunEvent,
    hash,
};

pub(crate) use conflict::refused;

use crate::{Error, OpContext, Result, agents, id, templates};

/// Runs of one page, unless asked otherwise.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;
/// Events of one page of the timeline.
const EVENTS: i64 = 200;
const MAX_KEY_CHARS: usize = 200;

/// A run that was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Started {
    pub run: RunView,
    /// False when the same request was answered before.
    pub is_new: bool,
}

/// Starts a run of a published version. Under a key, the same request has one effect however often it comes.
pub async fn start(ctx: &OpContext, start: StartRun, key: Option<String>) -> Result<Started> {
    let idempotency = key.map(|key| idempotency(ctx, &start, key)).transpose()?;
    ctx.user()?;
    let version = match ctx.store().startable(start.template_id, start.version).await? {
        Startable::Version(version) => *version,
        Startable::NotPublished if ctx.user()?.may_administer() => return Err(Error::NotPublished),
        // To others, a template without a published version does not exist.
        Startable::NotPublished | Startable::NotFound => return Err(Error::NotFound),
    };
    values::check(&version.definition.inputs, &start.inputs)?;
    let run = Start { version, inputs: start.inputs, auto_run: start.auto_run, is_test: false, idempotency };
    let (id, is_new) = begin(ctx, run).await?;
    Ok(Started { run: get(ctx, id).await?, is_new })
}

/// A run about to begin, its inputs checked.
pub(crate) struct Start {
    pub version: Version,
    pub inputs: BTreeMap<String, Value>,
    pub auto_run: bool,
    pub is_test: bool,
    pub idempotency: Option<(String, String)>,
}

/// The run, and whether it is new.
pub(crate) async fn begin(ctx: &OpContext, start: Start) -> Result<(RunId, bool)> {
    let actor = ctx.user()?;
    let Version { template_id, version, definition } = start.version;
    let agents = AgentCatalog::new(ctx.store().agent_versions(agents::pins(&definition)).await?);
    let kinds: BTreeMap<StepKey, String> = definition
        .steps
        .iter()
        .filter_map(|(key, step)| {
            Some((key.clone(), agents.get(&step.agent_id, step.agent_version)?.kind().to_owned()))
        })
        .collect();
    // It was valid when it was published; an older program may have thought so with other rules.
    let (definition, plan, problems) = templates::judge(definition, agents).await?;
    if problems.iter().any(Problem::is_error) {
        return Err(Error::InvalidDefinition { problems });
    }
    let new = NewRun {
        id: RunId(id::new_id()),
        template_id,
        version,
        definition: &definition,
        plan: &plan,
        kinds: &kinds,
        inputs: &start.inputs,
        auto_run: start.auto_run,
        is_test: start.is_test,
        actor,
        idempotency: start.idempotency,
    };
    let run = new.id;
    match ctx.store().start_run(new).await? {
        StartOutcome::Created => Ok((run, true)),
        StartOutcome::Existing(run) => Ok((run, false)),
        StartOutcome::Mismatch => Err(Error::IdempotencyMismatch),
    }
}

/// The key, and the hash of what is asked under it.
fn idempotency(ctx: &OpContext, start: &StartRun, key: String) -> Result<(String, String)> {
    ctx.user()?;
    let is_fine = !key.is_empty() && key.len() <= MAX_KEY_CHARS && key.chars().all(|c| c.is_ascii_graphic());
    if !is_fine {
        let detail = "Use 1 to 200 visible ASCII characters for the Idempotency-Key.";
        return Err(Error::invalid("Idempotency-Key", detail));
    }
    Ok((key, hash::sha256_hex(hash::canonical_json(&json!(start)).as_bytes())))
}

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
pub async fn waiting_for_me(ctx: &OpContext) -> Result<Vec<RunSummary>> {
    Ok(ctx.store().waiting_runs(ctx.user()?).await?)
}

pub async fn get(ctx: &OpContext, id: RunId) -> Result<RunView> {
    ctx.store().run_view(id, ctx.user()?).await?.ok_or(Error::NotFound)
}

/// The newest events before `before`, newest first.
pub async fn events(ctx: &OpContext, id: RunId, before: Option<i64>) -> Result<Vec<RunEvent>> {
    visible(ctx, id).await?;
    Ok(ctx.store().run_events(id, before, EVENTS).await?)
}

pub async fn set_auto_run(ctx: &OpContext, id: RunId, auto_run: bool) -> Result<RunView> {
    visible(ctx, id).await?;
    let outcome = ctx.store().set_auto_run(id, auto_run, ctx.user()?).await?;
    refused(&outcome, || "The run is over. Start a new one.".into())?;
    get(ctx, id).await
}

/// Cancels everything that is not over. A cancelled run is final.
pub async fn cancel(ctx: &OpContext, id: RunId) -> Result<RunView> {
    visible(ctx, id).await?;
    let outcome = ctx.store().cancel_run(id, ctx.user()?).await?;
    refused(&outcome, || "The run is over, so there is nothing to cancel.".into())?;
    get(ctx, id).await
}

/// Passes if the run is theirs to see and to steer; the two are one right until there are assignees.
pub async fn visible(ctx: &OpContext, id: RunId) -> Result<()> {
    if ctx.store().run_is_visible(id, ctx.user()?).await? { Ok(()) } else { Err(Error::NotFound) }
}
