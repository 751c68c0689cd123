//! The real agents, each of whose steps fails once where its inputs say `flaky`: a run with retries, without waiting for a fault.

use std::sync::Arc;

use agents::{Agent, AgentContext, AgentError, Providers, Registry, StepInput, StepOutput};
use async_trait::async_trait;
use serde_json::Value;
use workflow::status::Reason;

pub(crate) struct Flaky(Registry);

impl Flaky {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Registry::new(
            Providers::default(),
            Arc::new(agents::InMemory::default()),
            crate::harness::agent_options(),
        )))
    }
}

impl engine::Agents for Flaky {
    fn for_kind(&self, kind: &str) -> Option<Arc<dyn Agent>> {
        let inner = self.0.for_kind(kind)?;
        Some(Arc::new(FailsOnce(inner)))
    }
}

struct FailsOnce(Arc<dyn Agent>);

#[async_trait]
impl Agent for FailsOnce {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let is_flaky = |value: &Value| value.as_str().is_some_and(|text| text.to_lowercase().contains("flaky"));
        if ctx.attempt == 1 && input.values.values().any(is_flaky) {
            return Err(AgentError::new(Reason::Server, "It fails once"));
        }
        self.0.run(input, ctx).await
    }
}
