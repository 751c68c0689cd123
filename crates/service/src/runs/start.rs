//! Starting a run of a published version, inputs checked, once under its key.
//! Must never run anything but a stored version that is valid by today's rules.

use std::collections::BTreeMap;

use serde_json::Value;
use store::{
    runs::{NewRun, StartOutcome},
    templates::{Startable, Version},
};
use workflow::{Problem, RunId, RunView, access::Scope, api::StartRun};

use super::{get, idempotency, values};
use crate::{Error, OpContext, Result, agents, id, templates};

/// A run that was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Started {
    pub run: RunView,
    /// False when the same request was answered before.
    pub is_new: bool,
}

/// Starts a run of a published version. Under a key, the same request has one effect however often it comes.
pub async fn start(ctx: &OpContext, start: StartRun, key: Option<String>) -> Result<Started> {
    let actor = ctx.user_for(Scope::Run)?;
    let idempotency = idempotency::of_start(key, &start)?;
    // Before anything is judged: what was started once is answered alike, whatever became of the template since.
    if let Some((key, request)) = &idempotency
        && let Some((run, earlier)) = ctx.store().started_under(actor.id, key).await?
    {
        if earlier != *request {
            return Err(Error::IdempotencyMismatch);
        }
        return Ok(Started { run: get(ctx, run).await?, is_new: false });
    }
    let version = match ctx.store().startable(start.template_id, start.version).await? {
        Startable::Version(version) => *version,
        Startable::NotPublished if actor.may_administer() => return Err(Error::NotPublished),
        Startable::Archived => {
            let detail = "This workflow was archived, so it starts no more runs. Ask an admin to take it back.";
            return Err(Error::Conflict(detail.to_owned()));
        }
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
    pub idempotency: idempotency::Idempotency,
}

/// The run, and whether it is new.
pub(crate) async fn begin(ctx: &OpContext, start: Start) -> Result<(RunId, bool)> {
    let actor = ctx.user()?;
    let Version { template_id, version, definition } = start.version;
    let agents = agents::pinned(ctx, &definition).await?;
    // It was valid when it was published; an older program may have thought so with other rules.
    let (definition, plan, agents, problems) = templates::judge(definition, agents).await?;
    if problems.iter().any(Problem::is_error) {
        return Err(Error::InvalidDefinition { problems });
    }
    let new = NewRun {
        id: RunId(id::new_id()),
        template_id,
        version,
        definition: &definition,
        plan: &plan,
        agents: &agents,
        inputs: &start.inputs,
        auto_run: start.auto_run,
        is_test: start.is_test,
        user: actor.id,
        idempotency: start.idempotency,
    };
    let run = new.id;
    match ctx.store().start_run(new).await? {
        StartOutcome::Created => Ok((run, true)),
        StartOutcome::Existing(run) => Ok((run, false)),
        StartOutcome::Mismatch => Err(Error::IdempotencyMismatch),
    }
}
