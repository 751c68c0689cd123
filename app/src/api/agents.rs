//! The agent library: what the builder lists, and what admins edit and test.

use leptos::prelude::*;
use workflow::{AgentCatalog, AgentId, AgentSpec, RunId, TemplateId, api as wire};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_agents(
    search: Option<String>,
    after: Option<String>,
) -> Result<wire::Page<wire::AgentView>, AppError> {
    let wanted = service::Wanted::after(after);
    Ok(service::agents::list(&expect_context(), search.as_deref(), &wanted).await?)
}

/// The agent with its configuration, at a version or at its latest.
#[server(client = Limited, input = Json, output = Json)]
pub async fn get_agent(id: AgentId, version: Option<i32>) -> Result<AgentSpec, AppError> {
    Ok(service::agents::get(&expect_context(), &id, version).await?)
}

/// All latest versions, and every version that the draft of this template pins: what the shared validator needs.
#[server(client = Limited, input = Json, output = Json)]
pub async fn catalog_of(template: TemplateId) -> Result<AgentCatalog, AppError> {
    Ok(service::agents::catalog(&expect_context(), template).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn save_agent(agent: wire::SaveAgent) -> Result<AgentSpec, AppError> {
    Ok(service::agents::save(&expect_context(), agent).await?)
}

/// Deletes an agent that no workflow ever used.
#[server(client = Limited, input = Json, output = Json)]
pub async fn delete_agent(id: AgentId) -> Result<(), AppError> {
    Ok(service::agents::delete(&expect_context(), &id).await?)
}

/// What a published version takes and offers, for an agent that runs it.
#[server(client = Limited, input = Json, output = Json)]
pub async fn workflow_ports(id: TemplateId, version: i32) -> Result<wire::WorkflowPorts, AppError> {
    Ok(service::agents::workflow_ports(&expect_context(), id, version).await?)
}

/// Runs the agent on sample input and names the run to watch.
#[server(client = Limited, input = Json, output = Json)]
pub async fn test_agent(test: wire::TestAgent) -> Result<RunId, AppError> {
    Ok(service::agents::test(&expect_context(), test).await?)
}

/// The language-model providers that the server knows, without their keys.
#[server(client = Limited, output = Json)]
pub async fn list_providers() -> Result<Vec<wire::ProviderView>, AppError> {
    Ok(service::agents::providers(&expect_context()).await?)
}
