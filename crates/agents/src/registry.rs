//! One agent per kind, made once and shared by every attempt.
//! It must never know about steps or runs.

use std::sync::Arc;

use crate::{Agent, Providers, ssrf::AddressRange};

/// What the `http` kind may do.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// Private ranges that an admin opened to agents; empty on a fresh install.
    pub allow_private: Vec<AddressRange>,
}

/// The kinds that this process can run.
#[derive(Clone)]
pub struct Registry {
    _providers: Providers,
}

impl Registry {
    pub fn new(providers: Providers, _options: HttpOptions) -> Self {
        Self { _providers: providers }
    }

    /// The agent of a kind, as `AgentSpec::kind` spells it.
    pub fn for_kind(&self, _kind: &str) -> Option<Arc<dyn Agent>> {
        None
    }
}
