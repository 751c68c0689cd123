//! What parameters are called in the errors of all protocols, gateways and local servers.
//! It must never hold a name that is a common word, but for fields.

use crate::refusals::Parameter;

impl Parameter {
    /// What it is called in the fields and messages of errors, over all protocols.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Temperature => &["temperature"],
            Self::MaxTokens => &["max_tokens", "max_output_tokens", "maxOutputTokens", "num_predict"],
            Self::MaxCompletionTokens => &["max_completion_tokens"],
            Self::Schema => &[
                "response_format",
                "response format",
                "response schema",
                "json_schema",
                "json schema",
                "json mode",
                "structured output",
                "structured outputs",
                "output_config",
                "output_format",
                "output format",
                "responseJsonSchema",
                "response_json_schema",
                "responseMimeType",
                "response_mime_type",
                "guided_json",
                // Servers of llama.cpp, which make one of the schema.
                "parse grammar",
                "schema to grammar",
                // Ollama before it knew schemas.
                "ChatRequest.format",
                "invalid format",
            ],
            // Alone, it is a word like others.
            Self::Stream => &[
                "'stream'",
                "`stream`",
                "stream is not",
                "streaming is not",
                "stream mode is not",
                "streaming mode is not",
                "stream not supported",
                "streaming not supported",
                "support stream",
                "support streaming",
                "stream=true",
                "stream: true",
            ],
            Self::StreamOptions => &["stream_options", "include_usage"],
            Self::SystemRole => &[
                "system role",
                "role system",
                "role 'system'",
                "'system' role",
                "\"system\" role",
                "`system` role",
                "system message",
                "system messages",
                "system prompt",
                "system prompts",
                "system instruction",
                "system instructions",
                "systemInstruction",
                "system_instruction",
                "developer instruction",
                "developer instructions",
                "developer message",
                // A template of Mistral's: a system prompt is one too many.
                "roles must alternate",
                "does not support 'system'",
            ],
        }
    }

    /// Names that mean it only in a field, since they are words of their own.
    pub(super) fn field_names(self) -> &'static [&'static str] {
        match self {
            Self::Schema => &["format"],
            Self::Stream => &["stream"],
            Self::SystemRole => &["system", "instructions"],
            _ => &[],
        }
    }

    /// The same under another name.
    pub(super) fn other_name(self) -> Option<Self> {
        match self {
            Self::MaxTokens => Some(Self::MaxCompletionTokens),
            Self::MaxCompletionTokens => Some(Self::MaxTokens),
            _ => None,
        }
    }
}
