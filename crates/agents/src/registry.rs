//! One agent per kind, made once and shared by every attempt.
//! It must never know about steps or runs.

use std::sync::Arc;

use workflow::{AgentSpec, status::Reason};

use crate::{
    Agent, AgentError, Providers, http::HttpAgent, llm::LlmAgent, ssrf::AddressRange, template::TemplateAgent,
};

/// What the `http` kind may do.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// Private ranges that an admin opened to agents; empty on a fresh install.
    pub allow_private: Vec<AddressRange>,
}

/// The kinds that this process can run.
#[derive(Clone)]
pub struct Registry {
    http: Arc<dyn Agent>,
    llm: Arc<dyn Agent>,
    template: Arc<dyn Agent>,
}

impl Registry {
    pub fn new(providers: Providers, options: HttpOptions) -> Self {
        Self {
            http: Arc::new(HttpAgent::new(options)),
            llm: Arc::new(LlmAgent::new(providers)),
            template: Arc::new(TemplateAgent),
        }
    }

    /// The agent of a kind, as `AgentSpec::kind` spells it.
    pub fn for_kind(&self, kind: &str) -> Option<Arc<dyn Agent>> {
        match kind {
            "http" => Some(Arc::clone(&self.http)),
            "llm" => Some(Arc::clone(&self.llm)),
            "template" => Some(Arc::clone(&self.template)),
            _ => None,
        }
    }
}

/// An agent was handed a step of another kind.
pub(crate) fn wrong_kind(spec: &AgentSpec) -> AgentError {
    AgentError::new(Reason::Permanent, format!("An agent of kind `{}` was sent to the wrong place", spec.kind()))
}
