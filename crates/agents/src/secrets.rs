//! How agents come to secrets: they name one and say where it would go, and somebody else, who knows what was granted, gives the value.
//! Must never keep a value for longer than the attempt that sends it.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use workflow::{AgentId, RunId, SecretName, StepKey};

use crate::AgentError;

/// A secret that an attempt wants to send somewhere.
#[derive(Clone, Copy, Debug)]
pub struct WantedSecret<'a> {
    pub name: &'a SecretName,
    pub agent: &'a AgentId,
    pub run: RunId,
    pub step: &'a StepKey,
    /// Where it would be sent, as addresses spell it.
    pub scheme: &'a str,
    pub host: &'a str,
    pub port: u16,
}

/// Whoever keeps secrets. Must refuse what was not granted, and write down the use before it gives a value.
#[async_trait]
pub trait Secrets: fmt::Debug + Send + Sync {
    async fn open(&self, wanted: &WantedSecret<'_>) -> Result<SecretString, AgentError>;
}
