//! A step that is a workflow: its attempt begins a run of a published version, and ends when that run does.
//! Beginning is idempotent by (step, attempt); an answer that was lost is asked for again.

use std::{collections::BTreeMap, time::Duration};

use agents::AgentError;
use serde_json::Value;
use store::{
    protocol::{ChildAnswer, ChildRun, Claimed, RunContext, WorkerId},
    runs::NewRun,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentId, Definition, RunId,
    agent::WorkflowConfig,
    resolve,
    status::Reason,
    validate,
    view::{Basis, ConsumedInput},
};

use crate::attempt::Shared;

const TRY_AGAIN: Duration = Duration::from_millis(500);

pub(crate) enum Begun {
    HandedOver,
    /// The attempt was cancelled, or is not this worker's any more.
    Cancelled,
}

#[expect(clippy::too_many_arguments, reason = "everything an attempt knows goes into its run")]
pub(crate) async fn start(
    worker: WorkerId,
    shared: &Shared,
    config: &WorkflowConfig,
    claim: &Claimed,
    parent: &RunContext,
    values: BTreeMap<String, Value>,
    inputs: &[ConsumedInput],
    basis: &Basis,
    cancel: &CancellationToken,
) -> Result<Begun, AgentError> {
    let id = RunId(Uuid::now_v7());
    loop {
        match try_start(worker, shared, config, claim, parent, &values, inputs, basis, id).await {
            Ok(result) => return result,
            Err(error) if !error.is_unavailable() => {
                tracing::error!(error = &error as &dyn std::error::Error, "a sub-workflow cannot begin");
                return Err(failed("The sub-workflow could not be started: its run was refused"));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a sub-workflow did not begin; trying again");
                if cancel.run_until_cancelled(tokio::time::sleep(TRY_AGAIN)).await.is_none() {
                    return Ok(Begun::Cancelled);
                }
            }
        }
    }
}

fn failed(message: impl Into<String>) -> AgentError {
    AgentError::new(Reason::ChildFailed, message)
}

#[expect(clippy::too_many_arguments, reason = "everything an attempt knows goes into its run")]
async fn try_start(
    worker: WorkerId,
    shared: &Shared,
    config: &WorkflowConfig,
    claim: &Claimed,
    parent: &RunContext,
    values: &BTreeMap<String, Value>,
    inputs: &[ConsumedInput],
    basis: &Basis,
    id: RunId,
) -> Result<Result<Begun, AgentError>, store::Error> {
    let version = match shared.store.version(config.template_id, config.version).await? {
        Some((version, false)) => version,
        Some((_, true)) => return Ok(Err(failed("The sub-workflow was archived: an admin can take it back"))),
        None => return Ok(Err(failed("The sub-workflow is not there any more"))),
    };
    let agents = AgentCatalog::new(shared.store.agent_versions(pins(&version.definition)).await?);
    let is_missing = |key: &str, input| resolve::given(Some(input), key, values).is_none();
    let missing = version.definition.inputs.iter().find(|(key, input)| input.required && is_missing(key, input));
    if let Some((key, _)) = missing {
        let message = format!("The sub-workflow needs the input `{key}`");
        return Ok(Err(AgentError::new(Reason::MissingInput, message)));
    }
    let known: BTreeMap<String, Value> = values
        .iter()
        .filter(|(key, _)| version.definition.inputs.contains_key(*key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    // Validating ten thousand steps takes a while; nothing else should wait for it.
    let definition = version.definition;
    let judged = tokio::task::spawn_blocking(move || {
        let (plan, problems) = validate(&definition, &agents);
        (definition, agents, plan, problems)
    })
    .await;
    let Ok((definition, agents, plan, problems)) = judged else {
        return Ok(Err(failed("The sub-workflow cannot be read")));
    };
    if let Some(problem) = problems.iter().find(|problem| problem.is_error()) {
        return Ok(Err(failed(format!("The sub-workflow is not valid any more: {}", problem.message))));
    }
    let run = NewRun {
        id,
        template_id: version.template_id,
        version: version.version,
        definition: &definition,
        plan: &plan,
        agents: &agents,
        inputs: &known,
        // The parent's switch is read in the transaction that begins it.
        auto_run: true,
        is_test: parent.is_test,
        user: parent.user,
        idempotency: None,
    };
    let child = ChildRun { claim, run, inputs, basis };
    Ok(match shared.store.start_child(worker, &child).await? {
        ChildAnswer::Begun => Ok(Begun::HandedOver),
        ChildAnswer::Fenced => Ok(Begun::Cancelled),
        ChildAnswer::TooDeep => Err(failed("Sub-workflows are nested 16 deep, which is as deep as they may")),
    })
}

fn pins(definition: &Definition) -> Vec<(AgentId, i32)> {
    definition.steps.values().filter_map(|step| Some((step.agent_id.clone(), step.agent_version?))).collect()
}
