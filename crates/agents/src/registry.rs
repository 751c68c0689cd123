//! One agent per kind, made once and shared by every attempt.
//! It must never know about steps or runs.

use std::sync::Arc;

use async_trait::async_trait;
use workflow::status::Reason;

use crate::{
    Agent, AgentContext, AgentError, Providers, Refusals, Sandbox, Secrets, StepInput, StepOutput, http::HttpAgent,
    human::HumanAgent, llm::LlmAgent, ssrf::AddressRange, template::TemplateAgent,
};

/// What agents may do, and with what.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Private ranges that an admin opened to agents of the kind `http`; empty on a fresh install.
    pub allow_private: Vec<AddressRange>,
    /// Where templates run that may cost more than a moment; without one they are refused.
    pub sandbox: Option<Sandbox>,
    /// Who gives the values of secrets; without one none can be sent.
    pub secrets: Option<Arc<dyn Secrets>>,
}

/// The kinds that this process can run.
#[derive(Clone)]
pub struct Registry {
    http: Arc<dyn Agent>,
    human: Arc<dyn Agent>,
    llm: Arc<dyn Agent>,
    template: Arc<dyn Agent>,
    workflow: Arc<dyn Agent>,
}

impl Registry {
    pub fn new(providers: Providers, refusals: Arc<dyn Refusals>, options: Options) -> Self {
        let sandbox = options.sandbox;
        Self {
            http: Arc::new(HttpAgent::new(options.allow_private, sandbox.clone(), options.secrets)),
            human: Arc::new(HumanAgent { sandbox: sandbox.clone() }),
            llm: Arc::new(LlmAgent::new(providers, refusals, sandbox.clone())),
            template: Arc::new(TemplateAgent { sandbox }),
            workflow: Arc::new(SubWorkflow),
        }
    }

    /// The agent of a kind, as `AgentSpec::kind` spells it. That of `workflow` only refuses: the engine starts the run of a sub-workflow
    /// itself, and never asks an agent to.
    pub fn for_kind(&self, kind: &str) -> Option<Arc<dyn Agent>> {
        match kind {
            "http" => Some(Arc::clone(&self.http)),
            "human" => Some(Arc::clone(&self.human)),
            "llm" => Some(Arc::clone(&self.llm)),
            "template" => Some(Arc::clone(&self.template)),
            "workflow" => Some(Arc::clone(&self.workflow)),
            _ => None,
        }
    }
}

/// Stands where an agent would, so that a step sent here by mistake says why nothing happened.
struct SubWorkflow;

#[async_trait]
impl Agent for SubWorkflow {
    async fn run(&self, _: StepInput, _: &AgentContext) -> Result<StepOutput, AgentError> {
        Err(AgentError::new(
            Reason::Permanent,
            "A sub-workflow is a run of its own, which the engine starts; no agent can run it",
        ))
    }
}
