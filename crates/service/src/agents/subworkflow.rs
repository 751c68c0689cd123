//! An agent that runs a workflow: its ports must be those of the version that it names.
//! Must never save a promise that the workflow's own artifacts cannot keep.

use store::templates::Startable;
use workflow::{
    AgentCatalog, AgentSpec, Definition, TemplateId,
    agent::{OutputOf, WorkflowConfig},
    api::{OfferedOutput, WorkflowPorts},
    schema::Compatibility,
    validate::output_schema,
};

use crate::{Error, OpContext, Result, validation::pinned, versions};

/// What a published version takes, and all that its steps make.
pub(super) async fn ports(ctx: &OpContext, template: TemplateId, version: i32) -> Result<WorkflowPorts> {
    // A hidden one is no version of anybody's workflow.
    if ctx.store().startable(template, Some(version)).await? == Startable::NotFound {
        return Err(Error::NotFound);
    }
    let (version, _) = ctx.store().version(template, version).await?.ok_or(Error::NotFound)?;
    let definition = version.definition;
    let agents = pinned(ctx, &definition).await?;
    let offers = definition.steps.iter().flat_map(|(key, step)| {
        let spec = agents.get(&step.agent_id, step.agent_version);
        spec.into_iter().flat_map(|spec| &spec.outputs).map(|port| OfferedOutput {
            of: OutputOf { step: key.clone(), artifact: port.name.clone() },
            step_title: step.title_or(key).to_owned(),
            schema: output_schema(step, port),
        })
    });
    Ok(WorkflowPorts { offers: offers.collect(), inputs: definition.inputs })
}

pub(super) async fn check(ctx: &OpContext, spec: &AgentSpec, config: &WorkflowConfig) -> Result<()> {
    match ctx.store().startable(config.template_id, Some(config.version)).await? {
        Startable::Version(_) => {}
        Startable::Archived => {
            let detail = "This workflow was archived. Choose another one, or take it back from the archive.";
            return Err(Error::invalid("config.template_id", detail));
        }
        // Startable knows published versions alone, so an absent one is told from an absent template by its first.
        Startable::NotPublished => {
            return Err(Error::invalid(
                "config.template_id",
                "This workflow has no published version. Publish it first.",
            ));
        }
        Startable::NotFound if ctx.store().draft(config.template_id).await?.is_some() => {
            let detail = format!("The workflow has no version {}. Name a published one.", config.version);
            return Err(Error::invalid("config.version", detail));
        }
        Startable::NotFound => return Err(Error::invalid("config.template_id", "There is no such workflow.")),
    }
    let version = versions::stored(ctx, config.template_id, config.version).await?;
    let agents = pinned(ctx, &version.definition).await?;
    check_ports(spec, config, &version.definition, &agents)
}

/// Whether the ports are those of the workflow. `agents`: with those of its steps.
pub(crate) fn check_ports(
    spec: &AgentSpec,
    config: &WorkflowConfig,
    definition: &Definition,
    agents: &AgentCatalog,
) -> Result<()> {
    check_inputs(spec, definition)?;
    check_outputs(spec, config, definition, agents)
}

/// Each port feeds the workflow's input of its name, and none that is needed is left out.
fn check_inputs(spec: &AgentSpec, definition: &Definition) -> Result<()> {
    for (n, port) in spec.inputs.iter().enumerate() {
        let Some(input) = definition.inputs.get(&port.name) else {
            let detail = format!("The workflow has no input `{}`. Name the ports as its inputs.", port.name);
            return Err(Error::invalid(format!("inputs.{n}.name"), detail));
        };
        if let Compatibility::No(reason) = port.schema.feeds(&input.schema) {
            let detail = format!("`{}` does not fit the workflow's input: {reason}.", port.name);
            return Err(Error::invalid(format!("inputs.{n}.schema"), detail));
        }
    }
    let needed = definition.inputs.iter().filter(|(_, input)| input.required && input.default.is_none());
    for (key, _) in needed {
        if !spec.input(key).is_some_and(|port| port.required) {
            let detail = format!("The workflow needs `{key}`. Add a required input port of that name.");
            return Err(Error::invalid("inputs", detail));
        }
    }
    Ok(())
}

/// Each output is an artifact that a step of the workflow makes.
fn check_outputs(
    spec: &AgentSpec,
    config: &WorkflowConfig,
    definition: &Definition,
    agents: &AgentCatalog,
) -> Result<()> {
    for (name, OutputOf { step, artifact }) in &config.outputs {
        let field = format!("config.outputs.{name}");
        let Some(port) = spec.output(name) else {
            return Err(Error::invalid(field, format!("The agent has no output `{name}`. Add it, or leave this out.")));
        };
        let Some(known) = definition.steps.get(step) else {
            let detail = format!("The workflow has no step `{step}`. Name one of its steps.");
            return Err(Error::invalid(format!("{field}.step"), detail));
        };
        let made = agents.get(&known.agent_id, known.agent_version).and_then(|agent| agent.output(artifact));
        let Some(made) = made else {
            let detail = format!("The step `{step}` makes no `{artifact}`. Name one of its outputs.");
            return Err(Error::invalid(format!("{field}.artifact"), detail));
        };
        if let Compatibility::No(reason) = output_schema(known, made).feeds(&port.schema) {
            let detail = format!("`{step}.{artifact}` does not fit the output `{name}`: {reason}.");
            return Err(Error::invalid(field, detail));
        }
    }
    Ok(())
}
