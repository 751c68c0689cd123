//! The agent kinds: what a step does once it is claimed. Each turns resolved inputs into named outputs, or fails with a class of error.
//! A sub-workflow (`workflow`) is run by the engine, and an outside agent (`worker`) by a program that speaks the worker protocol.
//! The only crate that names an HTTP client or a language-model client. It must never touch the database, decide about
//! retries (it only classifies), or let a key into a message, a log line or an output.

mod charset;
mod error;
mod http;
mod human;
mod llm;
mod outbound;
mod output;
mod provider;
mod recorder;
pub mod redact;
mod refusals;
mod registry;
mod response;
mod room;
mod sandbox;
mod secrets;
mod ssrf;
mod template;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use workflow::{AgentSpec, RunId, StepKey, view::Usage};

pub use error::AgentError;
pub use outbound::{Answered, NoAnswer, Outbound, ascii_host};
pub use provider::{Currency, Price, Provider, ProviderKind, Providers, UnknownCurrency, UnknownProviderKind};
pub use recorder::Recorder;
pub use refusals::{InMemory, ModelId, Parameter, Refusal, Refusals};
pub use registry::{Options, Registry};
pub use room::Room;
pub use sandbox::{Sandbox, sandbox_main};
pub use secrets::{Secrets, WantedSecret};
pub use ssrf::{AddressRange, InvalidRange};

/// One attempt of a step: what to run and on what.
#[derive(Clone, Debug)]
pub struct StepInput {
    pub spec: Arc<AgentSpec>,
    /// The effective prompt text where a step or a run overrides it; `None` is the agent's own.
    pub prompt: Option<String>,
    /// Port name to resolved value. Declared ports that are absent are null to a template.
    pub values: BTreeMap<String, Value>,
    /// A person rejected what was made last.
    pub revision: Option<Revision>,
}

/// What an agent made last, and what a person wants changed about it.
#[derive(Clone, PartialEq, Debug)]
pub struct Revision {
    /// By output name.
    pub previous: BTreeMap<String, Value>,
    pub feedback: String,
}

impl StepInput {
    /// Whether the agent declares a port of that name, or was given a value for it.
    pub(crate) fn is_port(&self, name: &str) -> bool {
        self.spec.input(name).is_some() || self.values.contains_key(name)
    }
}

/// What surrounds an attempt.
#[derive(Clone, Debug)]
pub struct AgentContext {
    /// Stable over the attempts of one generation: for effects outside.
    pub idempotency_key: String,
    /// Once cancelled the agent returns soon, with the class `stopped`.
    pub cancel: CancellationToken,
    /// Where streamed text goes; a full channel loses it, since the artifact replaces it anyway.
    pub deltas: Option<mpsc::Sender<String>>,
    /// Where what a model was told and wrote is written down, for whoever ends the attempt.
    pub recorder: Recorder,
    /// Where an agent takes room before it holds a large answer.
    pub room: Room,
    /// Of which run and step it is, for whoever writes down what it used.
    pub run: RunId,
    pub step: StepKey,
    pub attempt: i32,
}

/// One named output, as an artifact stores it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    pub name: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// A finished attempt: every declared output, in the order of declaration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StepOutput {
    pub outputs: Vec<Output>,
    pub usage: Option<Usage>,
    /// What a person is asked, where the agent only asks.
    pub message: Option<String>,
}

/// What every kind implements.
#[async_trait]
pub trait Agent: Send + Sync {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError>;
}
