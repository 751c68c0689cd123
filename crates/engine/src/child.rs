//! A step that is a workflow: whether a run of that published version can begin, and what it begins with.
//! Looked at twice: by the attempt, whose failure it is, and by whoever begins the run, which may be another process at a later time.

use std::{collections::BTreeMap, sync::Arc};

use agents::AgentError;
use serde_json::Value;
use tokio::{runtime::RuntimeFlavor, task::spawn_blocking};
use workflow::{
    AgentCatalog, AgentId, Definition, RunId, TemplateId,
    agent::WorkflowConfig,
    resolve,
    run::{
        command::{NewRun, Start},
        task::Task,
    },
    status::Reason,
    validate,
    view::StepOfRun,
};

use crate::{
    cache::{Judged, Startable},
    shared::Shared,
    shelf,
};

/// A version that can begin with what it is given.
pub(crate) struct Ready {
    name: String,
    version: Arc<Startable>,
}

fn failed(message: impl Into<String>) -> AgentError {
    AgentError::new(Reason::ChildFailed, message)
}

/// What a person is told where the reasons are the database's.
pub(crate) fn refused(error: &shelf::Error) -> AgentError {
    tracing::error!(error = error as &dyn std::error::Error, "a sub-workflow cannot begin");
    failed("The sub-workflow could not be started: its run was refused")
}

pub(crate) async fn check(
    shared: &Shared,
    config: &WorkflowConfig,
    values: &BTreeMap<String, Value>,
) -> shelf::Result<Result<Ready, AgentError>> {
    // Whether it is archived is asked each time; what it says never changes.
    let (name, definition) = match shared.shelf.published(config.template_id, config.version).await? {
        Some(version) if version.is_archived => {
            return Ok(Err(failed("The sub-workflow was archived: an admin can take it back")));
        }
        Some(version) => (version.name, version.definition),
        None => return Ok(Err(failed("The sub-workflow is not there any more"))),
    };
    let is_missing = |key: &str, input| resolve::given(Some(input), key, values).is_none();
    let missing = definition.inputs.iter().find(|(key, input)| input.required && is_missing(key, input));
    if let Some((key, _)) = missing {
        let message = format!("The sub-workflow needs the input `{key}`");
        return Ok(Err(AgentError::new(Reason::MissingInput, message)));
    }
    let version = judge(shared, config.template_id, config.version, definition).await?;
    Ok(version.map(|version| Ready { name, version }).map_err(failed))
}

/// A version never changes, nor what it comes to.
async fn judge(shared: &Shared, template: TemplateId, version: i32, definition: Definition) -> shelf::Result<Judged> {
    if let Some(judged) = shared.cache.version(template, version) {
        return Ok(judged);
    }
    let agents = shared.cache.agents(&*shared.shelf, pins(&definition).collect()).await?;
    let agents = AgentCatalog::new(agents.into_values().map(Arc::unwrap_or_clone));
    let plan = move || {
        let (plan, problems) = validate(&definition, &agents);
        match problems.iter().find(|problem| problem.is_error()) {
            Some(problem) => Err(format!("The sub-workflow is not valid any more: {}", problem.message)),
            None => Ok(Arc::new(Startable { definition: Arc::new(definition), plan, agents })),
        }
    };
    // Validating ten thousand steps takes a while; nothing else should wait for it where there are other threads.
    let judged = match tokio::runtime::Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => plan(),
        _ => spawn_blocking(plan).await.unwrap_or_else(|_| Err("The sub-workflow cannot be read".to_owned())),
    };
    shared.cache.keep_version(template, version, judged.clone());
    Ok(judged)
}

/// The run of a sub-workflow as it begins, for the step that waits for it.
pub(crate) fn start(
    ready: &Ready,
    config: &WorkflowConfig,
    parent: &Task,
    id: RunId,
    values: BTreeMap<String, Value>,
) -> Start {
    let Ready { name, version } = ready;
    let known = values.into_iter().filter(|(key, _)| version.definition.inputs.contains_key(key));
    let mut start = Start::of(NewRun {
        id,
        template_id: config.template_id,
        template_name: name.clone(),
        template_version: config.version,
        definition: Arc::clone(&version.definition),
        plan: &version.plan,
        agents: &version.agents,
        inputs: known.collect(),
        // As the parent's switch is now.
        auto_run: parent.auto_run,
        user_id: parent.birth.user_id,
        is_test: parent.birth.is_test,
    });
    start.run.parent = Some(StepOfRun { run: parent.run(), step: parent.key().clone() });
    start.run.depth = parent.birth.depth + 1;
    start
}

fn pins(definition: &Definition) -> impl Iterator<Item = (AgentId, i32)> {
    definition.steps.values().filter_map(|step| Some((step.agent_id.clone(), step.agent_version?)))
}
