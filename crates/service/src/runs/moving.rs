//! Going on with another published version of the workflow, after saying what stays valid.
//! Must never leave a run on a definition that today's rules refuse.

use serde_json::Value;
use store::{
    templates::{Startable, Version},
    verbs::{Call, Conflict, Move, VerbOutcome},
};
use workflow::{
    Problem, RunId, RunView,
    api::{MoveAnswer, MoveRun},
    moving,
    verbs::RunVerb,
};

use super::{MAX_PLANS, access, conflict, get, idempotency, start::archived};
use crate::{Error, OpContext, Result, agents, templates};

/// Moves the run, or only says what that would mean.
pub async fn move_to(ctx: &OpContext, id: RunId, to: MoveRun, key: Option<String>) -> Result<MoveAnswer> {
    let idempotency = idempotency::of(key, "move", &[&id.to_string()], &to)?;
    access::steer(ctx, id).await?;
    let call = Call { run: id, actor: ctx.user()?, idempotency, only_at_gate: false };
    for _ in 0..MAX_PLANS {
        let view = get(ctx, id).await?;
        let version = version_of(ctx, &view, to.version).await?;
        let agents = agents::pinned(ctx, &version.definition).await?;
        let (definition, plan, agents, problems) = templates::judge(version.definition, agents).await?;
        if problems.iter().any(Problem::is_error) {
            return Err(Error::InvalidDefinition { problems });
        }
        let change = moving::plan(&view, &definition);
        if to.dry_run {
            return Ok(MoveAnswer::Dry(change));
        }
        let wanted = Move {
            version: version.version,
            definition: &definition,
            plan: &plan,
            agents: &agents,
            change: &change,
            seq: view.seq,
        };
        match ctx.store().move_run(&call, &wanted).await? {
            VerbOutcome::Conflict(Conflict::Moved) => {}
            outcome => {
                let run = get(ctx, id).await?;
                conflict::run(&outcome, RunVerb::Move, &run)?;
                return Ok(MoveAnswer::Done(Box::new(run)));
            }
        }
    }
    Err(Error::Conflict(conflict::moving()))
}

async fn version_of(ctx: &OpContext, view: &RunView, number: i32) -> Result<Version> {
    let version = match ctx.store().startable(view.template_id, Some(number)).await? {
        Startable::Version(version) => *version,
        Startable::Archived => return Err(archived()),
        Startable::NotPublished | Startable::NotFound => {
            return Err(Error::invalid(
                "version",
                format!("The workflow has no version {number}. Name a published one."),
            ));
        }
    };
    for (key, input) in version.definition.inputs.iter().filter(|(_, input)| input.required) {
        let value = view.inputs.get(key).filter(|value| !value.is_null()).or(input.default.as_ref());
        if matches!(value, None | Some(Value::Null)) {
            let detail = format!(
                "Version {number} needs the input `{key}`, which this run was started without. Start a new run of it."
            );
            return Err(Error::Conflict(detail));
        }
    }
    Ok(version)
}
