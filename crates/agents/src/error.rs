//! How an agent fails: a class that machines decide by, and a message for people.
//! The message must never hold a secret; retries are decided by the class alone, never by text.

use std::error::Error;

use workflow::{AgentSpec, status::Reason, view::Usage};

/// Characters of a message at most.
const MAX_MESSAGE_CHARS: usize = 2_000;

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct AgentError {
    pub class: Reason,
    pub message: String,
    /// How long the other side asked to wait.
    pub retry_after_ms: Option<u64>,
    /// What the attempt cost all the same.
    pub usage: Option<Box<Usage>>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl AgentError {
    pub fn new(class: Reason, message: impl Into<String>) -> Self {
        let message = shorten(message.into(), MAX_MESSAGE_CHARS);
        Self { class, message, retry_after_ms: None, usage: None, source: None }
    }

    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    #[must_use]
    pub fn with_retry_after(self, retry_after_ms: Option<u64>) -> Self {
        Self { retry_after_ms, ..self }
    }

    #[must_use]
    pub fn with_usage(self, usage: Usage) -> Self {
        Self { usage: Some(Box::new(usage)), ..self }
    }

    /// Trying again without a change cannot help.
    pub(crate) fn permanent(message: impl Into<String>) -> Self {
        Self::new(Reason::Permanent, message)
    }

    /// An agent was handed a step of another kind.
    pub(crate) fn wrong_kind(spec: &AgentSpec) -> Self {
        Self::new(Reason::Permanent, format!("An agent of kind `{}` was sent to the wrong place", spec.kind()))
    }

    /// The attempt was cancelled from outside.
    pub fn stopped() -> Self {
        Self::new(Reason::Stopped, "The attempt was stopped before it finished")
    }
}

/// Cuts a text to a number of characters, marking the cut.
pub(crate) fn shorten(text: String, max_chars: usize) -> String {
    if text.char_indices().nth(max_chars).is_none() {
        return text;
    }
    let mut short: String = text.chars().take(max_chars - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let error = AgentError::new(Reason::Server, "é".repeat(3_000));
        assert_eq!(error.message.chars().count(), MAX_MESSAGE_CHARS);
        assert!(error.message.ends_with("é…"));
        assert_eq!(AgentError::new(Reason::Server, "short").message, "short");
    }
}
