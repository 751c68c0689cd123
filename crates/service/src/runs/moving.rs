//! Going on with another published version of the workflow, after saying what stays valid.
//! Must never leave a run on a definition that today's rules refuse.

use store::{
    templates::{Startable, Version},
    verbs::{Conflict, Move, VerbOutcome},
};
use workflow::{
    Problem, RunId, RunView,
    api::{MoveAnswer, MoveRun},
    moving, resolve,
    verbs::RunVerb,
};

use super::{
    MAX_PLANS,
    calling::{on_run, run_after},
    conflict, get,
};
use crate::{Error, OpContext, Result, agents, templates};

/// Moves the run, or only says what that would mean.
pub async fn move_to(ctx: &OpContext, id: RunId, to: MoveRun, key: Option<String>) -> Result<MoveAnswer> {
    let call = on_run(ctx, id, RunVerb::Move, &to, key).await?;
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
            did => return Ok(MoveAnswer::Done(Box::new(run_after(ctx, &call, RunVerb::Move, &did).await?))),
        }
    }
    Err(Error::Conflict(conflict::moving()))
}

/// A version that the run can go on with: what it was started with suits its inputs.
async fn version_of(ctx: &OpContext, view: &RunView, number: i32) -> Result<Version> {
    let version = match ctx.store().startable(view.template_id, Some(number)).await? {
        Startable::Version(version) => *version,
        Startable::Archived => {
            let detail = "This workflow was archived, so its runs stay on the version they have. Ask an admin to take \
                          it back.";
            return Err(Error::Conflict(detail.to_owned()));
        }
        Startable::NotPublished | Startable::NotFound => {
            return Err(Error::invalid(
                "version",
                format!("The workflow has no version {number}. Name a published one."),
            ));
        }
    };
    for (key, input) in &version.definition.inputs {
        let given = view.inputs.get(key).filter(|value| !value.is_null());
        if let Some((path, fault)) = given.and_then(|value| input.schema.check(value).into_iter().next()) {
            return Err(Error::Unsuitable {
                field: format!("inputs.{key}{}", path.replace('/', ".")),
                detail: format!(
                    "In version {number} the input `{key}` {fault}, but this run was started with something else. \
                     Start a new run of it."
                ),
            });
        }
        if input.required && resolve::given(Some(input), key, &view.inputs).is_none() {
            return Err(Error::Unsuitable {
                field: format!("inputs.{key}"),
                detail: format!(
                    "Version {number} needs the input `{key}`, which this run was started without. Start a new run of it."
                ),
            });
        }
    }
    Ok(version)
}
