//! Going on with another published version of the workflow, after saying what stays valid.
//! Must never leave a run on a definition that today's rules refuse.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use store::templates::Startable;
use workflow::{
    RunId, TemplateId,
    api::{MovePlan, MoveRun},
    json, resolve,
    run::{Command, State, Voters, command::MoveTo, dry},
    verbs::RunVerb,
};

use super::{
    Tried,
    asking::{Brings, context, on_run},
};
use crate::{
    Error, OpContext, Result,
    versions::{self, Judged},
};

/// Moves the run, or only says what that would mean.
pub async fn move_to(ctx: &OpContext, id: RunId, to: MoveRun, key: Option<String>) -> Result<Tried<MovePlan>> {
    let facts = |state: &State| (state.birth.template_id, state.birth.inputs.clone());
    let (call, (template, inputs)) = on_run(ctx, id, RunVerb::Move, &to, key, facts).await?;
    // Before anything is told of the version, which they find nowhere else.
    call.refuse_new_work().await?;
    let version = version_of(ctx, template, &inputs, to.version).await?;
    let command = Command::Move(Box::new(MoveTo {
        template_version: version.version,
        template_name: version.name.clone(),
        definition: Arc::clone(&version.definition),
        plan: version.plan.clone(),
    }));
    if to.dry_run {
        let state = call.read(State::clone).await?;
        let nobody = Voters::default();
        let plan = dry::move_to(&state, &command, &context(&state, call.actor, &nobody, &version.agents));
        return plan.map(Tried::Dry).map_err(|refused| call.refused_on(&state, refused));
    }
    // The run holds it, and so does the event.
    let n_bytes = 2 * json::n_bytes(&version.definition);
    let brings = Brings { agents: Arc::clone(&version.agents), n_bytes, ..Brings::default() };
    Ok(Tried::Done(call.execute(command, brings).await?))
}

/// A version that the run can go on with: what it was started with suits its inputs.
async fn version_of(
    ctx: &OpContext,
    template: TemplateId,
    inputs: &BTreeMap<String, Value>,
    number: i32,
) -> Result<Arc<Judged>> {
    match ctx.store().startable(template, Some(number)).await? {
        Startable::Version(_) => {}
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
    }
    let version = versions::stored(ctx, template, number).await?;
    for (key, input) in &version.definition.inputs {
        let given = inputs.get(key).filter(|value| !value.is_null());
        if let Some((path, fault)) = given.and_then(|value| input.schema.check(value).into_iter().next()) {
            return Err(Error::Unsuitable {
                field: format!("inputs.{key}{}", path.replace('/', ".")),
                detail: format!(
                    "In version {number} the input `{key}` {fault}, but this run was started with something else. \
                     Start a new run of it."
                ),
            });
        }
        if input.required && resolve::given(Some(input), key, inputs).is_none() {
            return Err(Error::Unsuitable {
                field: format!("inputs.{key}"),
                detail: format!(
                    "Version {number} needs the input `{key}`, which this run was started without. Start a new run of it."
                ),
            });
        }
    }
    versions::judge(ctx, version).await
}
