//! Which parameters a model does not take, learnt from its refusals and remembered, so that it is asked wrongly only once.
//! What is remembered is bound to the provider's kind and address and the model's name: a change of any forgets it.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use workflow::hash::sha256_hex;

use crate::Provider;

/// A part of a request without which it still asks the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Parameter {
    Temperature,
    MaxTokens,
    /// The newer name of the same in chat completions.
    MaxCompletionTokens,
    /// That the answer must fit a schema; the prompt says it in words too.
    Schema,
    Stream,
    StreamOptions,
    /// That the system prompt stands apart; without it, it is put in front of the first message.
    SystemRole,
}

impl Parameter {
    pub const ALL: [Self; 7] = [
        Self::Temperature,
        Self::MaxTokens,
        Self::MaxCompletionTokens,
        Self::Schema,
        Self::Stream,
        Self::StreamOptions,
        Self::SystemRole,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::Schema => "response_format",
            Self::Stream => "stream",
            Self::StreamOptions => "stream_options",
            Self::SystemRole => "system_role",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|parameter| parameter.as_str() == word)
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose refusals these are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ModelId {
    pub provider: String,
    /// A hash over the provider's kind and address; addresses may hold passwords.
    pub endpoint: String,
    pub model: String,
}

impl ModelId {
    pub(crate) fn new(name: &str, provider: &Provider, address: &str, model: &str) -> Self {
        Self {
            provider: name.to_owned(),
            endpoint: sha256_hex(format!("{}\n{address}", provider.kind).as_bytes()),
            model: model.to_owned(),
        }
    }
}

/// A parameter that was refused: with one value, or whatever its value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Refusal {
    pub parameter: Parameter,
    /// What a refused value is recognised by; `None` is every value.
    pub value: Option<String>,
}

impl Refusal {
    pub(crate) fn new(parameter: Parameter, value: Option<&str>) -> Self {
        // Schemas are long; a short name is enough to know one again.
        let value =
            value.map(
                |value| if value.len() > 32 { sha256_hex(value.as_bytes())[..32].to_owned() } else { value.to_owned() },
            );
        Self { parameter, value }
    }
}

/// What one model does not take.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Refused(BTreeSet<Refusal>);

impl Refused {
    pub(crate) fn new(known: impl IntoIterator<Item = Refusal>) -> Self {
        Self(known.into_iter().collect())
    }

    /// Whether any value of it, or all, are known to be refused.
    pub(crate) fn knows(&self, parameter: Parameter) -> bool {
        self.0.iter().any(|refusal| refusal.parameter == parameter)
    }

    /// Whether it was not known before.
    pub(crate) fn add(&mut self, refusal: Refusal) -> bool {
        self.0.insert(refusal)
    }

    /// Whether the parameter may be sent with that value; if so, it is listed as sent.
    pub(crate) fn take(&self, parameter: Parameter, value: &str, sent: &mut Vec<(Parameter, String)>) -> bool {
        let is_refused = [None, Some(value)].into_iter().any(|value| self.0.contains(&Refusal::new(parameter, value)));
        if !is_refused {
            sent.push((parameter, value.to_owned()));
        }
        !is_refused
    }
}

/// Where refusals are remembered. It must never fail an attempt: what cannot be read is not known, and is learnt again.
#[async_trait]
pub trait Refusals: Send + Sync {
    async fn of(&self, model: &ModelId) -> Vec<Refusal>;
    async fn remember(&self, model: &ModelId, refusal: &Refusal);
}

/// Remembers as long as the process lives.
#[derive(Default)]
pub struct InMemory(Mutex<HashMap<ModelId, BTreeSet<Refusal>>>);

#[async_trait]
impl Refusals for InMemory {
    async fn of(&self, model: &ModelId) -> Vec<Refusal> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(model).into_iter().flatten().cloned().collect()
    }

    async fn remember(&self, model: &ModelId, refusal: &Refusal) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(model.clone()).or_default().insert(refusal.clone());
    }
}
