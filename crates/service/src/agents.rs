//! The agent library: everybody signed in may see what there is, admins edit and test.
//! Must never show a configuration to somebody who is no admin.

pub(crate) mod subworkflow;

use std::collections::BTreeMap;

use serde_json::Value;
use store::{
    agents::{DeleteAgent, SaveAgent as Saved},
    templates::{Draft, NewTemplate},
};
use workflow::{
    AgentCatalog, AgentId, AgentSpec, Definition, RunId, Step, StepKey, TemplateId,
    agent::{AgentConfig, InputPort},
    api::{AgentView, Page, ProviderView, SaveAgent, TestAgent, WorkflowPorts},
    definition::{Review, ReviewMode, RunInput},
    limits,
    source::Source,
};

use crate::{
    Error, OpContext, Result, Wanted, id,
    runs::{self, values},
    text, trying, validation, versions,
};

/// The one step of a test.
const TEST_STEP: &str = "test";

/// By name; those in whose name, id or description every word stands that is looked for, where something is.
pub async fn list(ctx: &OpContext, search: Option<&str>, wanted: &Wanted) -> Result<Page<AgentView>> {
    ctx.user()?;
    let search = text::searched(search)?;
    let Page { items, next } = ctx.store().agents_page(search.as_deref(), wanted.window()).await?;
    Ok(Page { items: items.iter().map(AgentView::from).collect(), next })
}

/// The agent with its configuration, at a version or at its latest.
pub async fn get(ctx: &OpContext, id: &AgentId, version: Option<i32>) -> Result<AgentSpec> {
    ctx.admin()?;
    find(ctx, id, version).await
}

async fn find(ctx: &OpContext, id: &AgentId, version: Option<i32>) -> Result<AgentSpec> {
    // No agent has such an id, and Postgres cannot hold every text that is none.
    if !id.is_well_formed() {
        return Err(Error::NotFound);
    }
    ctx.store().agent(id, version).await?.ok_or(Error::NotFound)
}

/// What the validator needs for the draft of a template: all latest versions, and those that the draft pins.
pub async fn catalog(ctx: &OpContext, template: TemplateId) -> Result<AgentCatalog> {
    ctx.admin()?;
    let draft: Draft = ctx.store().draft(template).await?.ok_or(Error::NotFound)?;
    validation::catalog_for(ctx, &draft.definition).await
}

/// What a published version takes and offers, for the form of an agent that runs it.
pub async fn workflow_ports(ctx: &OpContext, template: TemplateId, version: i32) -> Result<WorkflowPorts> {
    ctx.admin()?;
    subworkflow::ports(ctx, template, version).await
}

/// Creates the agent, or its next version.
pub async fn save(ctx: &OpContext, agent: SaveAgent) -> Result<AgentSpec> {
    let by = ctx.admin()?.id;
    let base_version = agent.base_version;
    let spec = judged(ctx, agent).await?;
    if let AgentConfig::Worker(_) = &spec.config {
        let known = ctx.store().agent(&spec.id, None).await?;
        let is_as_offered = known.is_some_and(|known| {
            known.config == spec.config && known.inputs == spec.inputs && known.outputs == spec.outputs
        });
        if !is_as_offered {
            let detail = "What an outside worker does is accepted as it was offered; its ports change there.";
            return Err(Error::invalid("config", detail));
        }
    }
    match ctx.store().save_agent(&spec, base_version, by, ctx.author()).await? {
        Saved::Saved(spec) => Ok(*spec),
        Saved::Stale { .. } if base_version.is_none() => {
            let detail = format!("There is an agent `{}` already. Choose another id, or edit that one.", spec.id);
            Err(Error::Conflict(detail))
        }
        Saved::Stale { latest } => Err(Error::Stale { current: latest.into() }),
        Saved::NotFound => Err(Error::NotFound),
    }
}

/// What was typed, as it can be saved.
async fn judged(ctx: &OpContext, agent: SaveAgent) -> Result<AgentSpec> {
    let spec = AgentSpec {
        id: agent.id,
        version: 0,
        name: agent.name.trim().to_owned(),
        description: agent.description.trim().to_owned(),
        inputs: agent.inputs,
        outputs: agent.outputs,
        max_parallel: agent.max_parallel,
        config: agent.config,
    };
    check(&spec)?;
    if let AgentConfig::Workflow(config) = &spec.config {
        subworkflow::check(ctx, &spec, config).await?;
    }
    Ok(spec)
}

/// Deletes an agent that no workflow ever used.
pub async fn delete(ctx: &OpContext, id: &AgentId) -> Result<()> {
    ctx.admin()?;
    // No agent has such an id, and Postgres cannot hold every text that is none.
    if !id.is_well_formed() {
        return Err(Error::NotFound);
    }
    match ctx.store().delete_agent(id, ctx.author()).await? {
        DeleteAgent::Deleted => Ok(()),
        DeleteAgent::NotFound => Err(Error::NotFound),
        DeleteAgent::Used => {
            let detail = "A published workflow runs it, or did, and its runs refer to it. It stays in the library.";
            Err(Error::Conflict(detail.into()))
        }
        DeleteAgent::Drafted { name } => {
            let detail = format!("The draft of “{name}” has a step of it. Delete that step first.");
            Err(Error::Conflict(detail))
        }
    }
}

/// What is judged of every agent before it is saved, whatever it runs.
pub(crate) fn check(spec: &AgentSpec) -> Result<()> {
    if let Some(problem) = spec.problems().into_iter().find(workflow::Problem::is_error) {
        return Err(Error::Invalid { field: problem.field.unwrap_or_else(|| "agent".into()), detail: problem.message });
    }
    let document = serde_json::to_value(spec).unwrap_or_default();
    for part in ["name", "description", "inputs", "outputs", "config"] {
        text::no_nul_inside(part, &document[part])?;
        if limits::depth(&document[part]) > limits::MAX_DEPTH {
            return Err(Error::invalid(part, format!("It is nested deeper than {} levels.", limits::MAX_DEPTH)));
        }
    }
    let (field, template) = match &spec.config {
        AgentConfig::Llm(config) => ("config.prompt", config.system.len().max(config.prompt.len())),
        AgentConfig::Http(config) => ("config.body", config.body.len().max(config.url.len())),
        AgentConfig::Template(config) => ("config.template", config.template.len()),
        AgentConfig::Human(config) => ("config.instructions", config.instructions.len()),
        AgentConfig::Workflow(_) | AgentConfig::Worker(_) => ("config", 0),
    };
    if template > limits::MAX_PROMPT_BYTES {
        return Err(Error::too_large(field, "It is larger than 256 KiB. Shorten it."));
    }
    if document.to_string().len() > limits::MAX_DEFINITION_BYTES {
        return Err(Error::too_large("agent", "The agent is larger than 4 MiB. Shorten it."));
    }
    Ok(())
}

/// Runs the agent on sample input, as a run of kind `test` over a hidden version, and names the run to watch. What was typed and not saved
/// is judged and stored before, as if it were saved, but where nobody finds it.
pub async fn test(ctx: &OpContext, test: TestAgent) -> Result<RunId> {
    let actor = ctx.admin()?;
    let _turn = runs::turn(ctx, actor).await?;
    let is_saved = test.unsaved.is_none();
    let spec = match test.unsaved {
        Some(typed) => unsaved(ctx, &test.agent_id, *typed).await?,
        None => find(ctx, &test.agent_id, test.version).await?,
    };
    let declared = spec.inputs.iter().map(|port| (port.name.clone(), run_input(port))).collect();
    values::check(&declared, &test.inputs)?;
    trying::agreed_agent(ctx, &spec, test.confirm).await?;
    let spec = if is_saved { spec } else { ctx.store().keep_unsaved(&spec, actor.id, ctx.author()).await? };
    let (definition, inputs) = test_definition(&spec, test.inputs);
    let name = format!("Test of {}", test.agent_id);
    let new = NewTemplate {
        id: TemplateId(id::new_id()),
        name: &name,
        description: "",
        definition: &definition,
        by: actor.id,
    };
    let version = ctx.store().test_version(new, ctx.author()).await?;
    let version = versions::judge(ctx, version.ok_or(Error::NotFound)?).await?;
    let run = runs::Start { is_test: true, ..runs::Start::of(version, inputs, true) };
    Ok(runs::begin(ctx, run).await?.done.run)
}

/// What was typed for an agent, as a test may run it.
async fn unsaved(ctx: &OpContext, id: &AgentId, typed: SaveAgent) -> Result<AgentSpec> {
    if typed.id != *id {
        return Err(Error::invalid("agent_id", "It is another agent than the one in `unsaved`. Name the same one."));
    }
    if let AgentConfig::Worker(_) = &typed.config {
        let detail = "What an outside worker does is accepted as it was offered. Test the agent as it is saved.";
        return Err(Error::invalid("config", detail));
    }
    judged(ctx, typed).await
}

fn run_input(port: &InputPort) -> RunInput {
    RunInput { title: port.name.clone(), schema: port.schema.clone(), required: port.required, default: None, order: 0 }
}

/// One step whose ports are run inputs. Ports may be spelled as run inputs may not, so these are numbered.
fn test_definition(spec: &AgentSpec, inputs: BTreeMap<String, Value>) -> (Definition, BTreeMap<String, Value>) {
    let mut definition = Definition::default();
    let mut step = Step::new(spec.id.clone());
    step.agent_version = Some(spec.version);
    step.title.clone_from(&spec.name);
    step.review = Review { mode: ReviewMode::Never, ..Review::default() };
    let mut given = inputs;
    let mut inputs = BTreeMap::new();
    for (n, port) in spec.inputs.iter().enumerate() {
        let key = format!("input_{n}");
        // A port that is not given stays unmapped, so that a test shows what the agent does without it.
        if let Some(value) = given.remove(&port.name) {
            step.inputs.insert(port.name.clone(), Source::Run { key: key.clone(), path: String::new() });
            definition.inputs.insert(key.clone(), RunInput { order: i32::try_from(n).unwrap_or(0), ..run_input(port) });
            inputs.insert(key, value);
        }
    }
    definition.steps.insert(StepKey::new(TEST_STEP), step);
    (definition, inputs)
}

/// The providers that the server knows, without their keys.
#[expect(
    clippy::unused_async,
    reason = "every use case is awaited alike, and this one will read settings from the database"
)]
pub async fn providers(ctx: &OpContext) -> Result<Vec<ProviderView>> {
    ctx.admin()?;
    Ok(ctx.settings().providers.clone())
}
