//! One conversation with one model: each round is a request and its whole answer, with what the model does not take left out.
//! It must never take half an answer for one, and never send the key anywhere but to the provider's address.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url, header::HeaderMap};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use workflow::{agent::LlmConfig, schema::Schema, status::Reason};

use super::{
    Target,
    failure::{self, Failure, Teller},
    hearing::{Answer, Hearing},
    wire::{self, Ask, Asked, Frames, Message, Request},
};
use crate::{
    AgentError, ProviderKind, Recorder, Refusals, Room,
    refusals::{ModelId, Parameter, Refusal, Refused},
    response,
};

/// Bytes of an error that are read for its words.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// An error that takes longer to tell is told as far as it came.
const ERROR_TIMEOUT: Duration = Duration::from_secs(10);
/// Where providers and gateways name a request.
const ID_HEADERS: [&str; 6] =
    ["x-request-id", "request-id", "x-generation-id", "x-litellm-call-id", "apim-request-id", "x-amzn-requestid"];
/// Parts of a request that are its messages, and no parameters.
const MESSAGE_FIELDS: [&str; 6] = ["messages", "input", "contents", "system", "instructions", "systemInstruction"];

pub(super) struct Talk<'a> {
    pub(super) client: &'a Client,
    pub(super) target: &'a Target,
    pub(super) config: &'a LlmConfig,
    pub(super) schema: Option<&'a Schema>,
    pub(super) system: String,
    pub(super) messages: Vec<Message>,
    pub(super) refused: Refused,
    pub(super) refusals: &'a dyn Refusals,
    pub(super) id: ModelId,
    pub(super) deltas: Option<&'a mpsc::Sender<String>>,
    pub(super) recorder: &'a Recorder,
    pub(super) room: &'a Room,
}

impl Talk<'_> {
    /// One round, in which the messages from `n_said` on are new.
    pub(super) async fn round(&mut self, n_said: usize) -> Result<Answer, AgentError> {
        let system = (n_said == 0 && !self.system.is_empty()).then_some(("system", self.system.as_str()));
        let said = self.messages[n_said..].iter().map(|message| (message.role.as_str(), message.text.as_str()));
        let n_bytes = self.system.len() + self.messages.iter().map(|message| message.text.len()).sum::<usize>();
        self.recorder.ask(system.into_iter().chain(said), n_bytes);
        let mut learnt = Vec::new();
        // Each refusal takes one parameter away, so this ends.
        for _ in 0..=2 * Parameter::ALL.len() {
            match self.exchange().await {
                Err(Failure { refused, .. }) if self.leave_out(&refused) => {
                    learnt.extend(refused.into_iter().filter(|one| !one.is_of_this_prompt).map(|one| one.refusal));
                }
                // Only now it is certain that these were what was wrong.
                Ok(answer) => {
                    self.remember(&learnt).await;
                    return Ok(answer);
                }
                Err(failure) => return Err(failure.error),
            }
        }
        Err(AgentError::new(Reason::Permanent, "The provider refuses one parameter after the other"))
    }

    /// Shows a piece to who watches. A slow reader loses tokens, never delays them: the artifact holds them all.
    pub(super) fn show(&self, piece: &str) {
        if let Some(deltas) = self.deltas {
            let _lossy = deltas.try_send(piece.to_owned());
        }
    }

    async fn exchange(&mut self) -> Result<Answer, Failure> {
        let Target { provider, url, headers, model, .. } = self.target;
        let request = wire::request(
            provider.kind,
            &Ask {
                model,
                system: &self.system,
                messages: &self.messages,
                temperature: self.config.temperature,
                max_tokens: self.config.max_tokens,
                schema: self.schema,
                refused: &self.refused,
            },
        );
        self.recorder.parameters(parameters(&request.body));
        self.recorder.left_out(self.left_out(&request));
        let teller = Teller {
            key: provider.key.as_ref(),
            host: url.host_str().unwrap_or_default(),
            asked: Asked { system: &self.system, messages: &self.messages },
        };
        let sent = self.client.post(endpoint(url, &request.path)).headers(headers.clone()).json(&request.body).send();
        let response = sent.await.map_err(|error| teller.broken(error))?;
        let status = response.status();
        if let Some(id) = ID_HEADERS.into_iter().find_map(|name| header(response.headers(), name)) {
            self.recorder.request_id(id);
        }
        if status.is_redirection() {
            return Err(teller.redirected(status, url, response.headers()));
        }
        if !status.is_success() {
            let headers = response.headers().clone();
            let is_readable = response::compression(&headers).is_none();
            let body = if is_readable { error_body(response).await } else { Vec::new() };
            let other =
                (status == StatusCode::NOT_FOUND).then(|| other_base(provider.kind, url, &request.path)).flatten();
            return Err(teller.status((status, other), &headers, &body, &request.optional));
        }
        if let Some(compression) = response::compression(response.headers()) {
            return Err(teller.compressed(compression));
        }
        let cost = header(response.headers(), "x-litellm-response-cost").and_then(|cost| cost.parse().ok());
        // It is told before anything was counted, then as 0.
        let cost = cost.filter(|cost: &f64| *cost > 0.0);
        let hearing = Hearing::new(provider.kind, &teller, &request.optional, self.recorder, self.deltas);
        hearing.listen(Frames::new(response, self.room.clone()), cost).await
    }

    /// Whether the request can be made anew, without what the model refused.
    fn leave_out(&mut self, refused: &[failure::Refused]) -> bool {
        refused.iter().fold(false, |is_new, one| self.refused.add(one.refusal.clone()) | is_new)
    }

    async fn remember(&self, learnt: &[Refusal]) {
        for refusal in learnt {
            tracing::info!(
                provider = self.id.provider,
                model = self.id.model,
                "the model does not take the parameter {}; it is left out",
                refusal.parameter
            );
            self.refusals.remember(&self.id, refusal).await;
        }
    }

    /// What an author asked for and this request does not say.
    fn left_out(&self, request: &Request) -> Vec<String> {
        let is_sent = |parameter: Parameter| request.optional.iter().any(|(sent, _)| *sent == parameter);
        let has_limit = is_sent(Parameter::MaxTokens)
            || is_sent(Parameter::MaxCompletionTokens)
            // Its protocol wants the limit, so it is always sent.
            || self.target.provider.kind == ProviderKind::Anthropic;
        [
            (Parameter::Temperature, self.config.temperature.is_some() && !is_sent(Parameter::Temperature)),
            (Parameter::MaxTokens, self.config.max_tokens.is_some() && !has_limit),
            (Parameter::Schema, self.schema.is_some() && !is_sent(Parameter::Schema)),
            // Not every protocol has one.
            (Parameter::Stream, self.refused.knows(Parameter::Stream) && !is_sent(Parameter::Stream)),
            // What it says is sent, in front of the first message.
            (Parameter::SystemRole, !self.system.is_empty() && !is_sent(Parameter::SystemRole)),
        ]
        .into_iter()
        .filter(|(_, is_left_out)| *is_left_out)
        .map(|(parameter, _)| parameter.to_string())
        .collect()
    }
}

/// All of a request but its messages.
fn parameters(body: &Map<String, Value>) -> Map<String, Value> {
    let is_parameter = |name: &str| !MESSAGE_FIELDS.contains(&name);
    body.iter().filter(|(name, _)| is_parameter(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// An address below the provider's own; what that asks for in its query (Azure's version) stays. Many give the whole address, as their
/// provider shows it.
fn endpoint(base: &Url, path: &str) -> Url {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut url = base.clone();
    let own = base.path().trim_end_matches('/');
    let is_whole = own.strip_suffix(path).is_some_and(|before| before.ends_with('/'));
    url.set_path(&if is_whole { own.to_owned() } else { format!("{own}/{path}") });
    if let Some(query) = query.filter(|query| base.query() != Some(*query)) {
        let whole = base.query().map_or_else(|| query.to_owned(), |own| format!("{own}&{query}"));
        url.set_query(Some(&whole));
    }
    url
}

/// What the address may have to be where nothing is at this one: makers serve theirs under a version, or under none, and a base is easily
/// written the other way. By the address alone: no two say in the same words that they have nothing there.
fn other_base(kind: ProviderKind, base: &Url, path: &str) -> Option<String> {
    // With a version in its query it needs none in its path (Azure).
    if base.query().is_some() {
        return None;
    }
    let own = base.path().trim_end_matches('/');
    let own = own.strip_suffix(path).unwrap_or(own).trim_end_matches('/');
    let usual = Url::parse(kind.default_url()).ok()?;
    let version = usual.path().trim_matches('/');
    let path = match own.rsplit_once('/') {
        Some((before, last)) if version.is_empty() => is_version(last).then(|| before.to_owned())?,
        _ if version.is_empty() || own.split('/').any(is_version) => return None,
        _ => format!("{own}/{version}"),
    };
    Some(format!("{}{path}", base.origin().ascii_serialization()))
}

/// Such as `v1beta`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|text| !text.is_empty())
}

/// The beginning of an error's body, as far as it comes soon.
async fn error_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let read = async {
        // A body that breaks off is told as far as it came.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_ERROR_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == MAX_ERROR_BYTES {
                break;
            }
        }
    };
    let _as_far_as_it_came = tokio::time::timeout(ERROR_TIMEOUT, read).await;
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_put_below_the_provider_s_address() {
        let table = [
            ("https://h/v1", "chat/completions", "https://h/v1/chat/completions"),
            ("https://h/v1/", "chat/completions", "https://h/v1/chat/completions"),
            ("http://h:1", "api/chat", "http://h:1/api/chat"),
            ("https://h/openai?api-version=1", "chat/completions", "https://h/openai/chat/completions?api-version=1"),
            ("https://h/v1beta?a=b", "models/m:s?alt=sse", "https://h/v1beta/models/m:s?a=b&alt=sse"),
            ("https://h/v1/chat/completions", "chat/completions", "https://h/v1/chat/completions"),
            ("https://h/d/gpt/chat/completions/?v=1", "chat/completions", "https://h/d/gpt/chat/completions?v=1"),
            ("https://h/v1/messages", "messages", "https://h/v1/messages"),
            ("https://h/v1beta/models/m:s?alt=sse", "models/m:s?alt=sse", "https://h/v1beta/models/m:s?alt=sse"),
            ("https://h/my-messages", "messages", "https://h/my-messages/messages"),
            ("https://h/chat", "chat/completions", "https://h/chat/chat/completions"),
        ];
        for (base, path, expected) in table {
            assert_eq!(endpoint(&Url::parse(base).unwrap(), path).as_str(), expected);
        }
    }

    #[test]
    fn a_base_without_its_version_or_with_one_too_many_is_told() {
        let of_openai = (ProviderKind::OpenAi, "chat/completions");
        let of_ollama = (ProviderKind::Ollama, "api/chat");
        for ((kind, path), base, expected) in [
            (of_openai, "http://h:1", Some("http://h:1/v1")),
            (of_openai, "http://h:1/", Some("http://h:1/v1")),
            (of_openai, "https://a:b@h/api/", Some("https://h/api/v1")),
            (of_openai, "http://h/chat/completions", Some("http://h/v1")),
            (of_openai, "http://h:1/v1", None),
            (of_openai, "https://h/v1/openai", None),
            (of_openai, "https://h/openai/deployments/gpt?api-version=1", None),
            ((ProviderKind::Anthropic, "messages"), "http://h", Some("http://h/v1")),
            ((ProviderKind::Gemini, "models/m:s"), "http://h", Some("http://h/v1beta")),
            (of_ollama, "http://h:1/v1/", Some("http://h:1")),
            (of_ollama, "http://h:1", None),
            (of_ollama, "http://h:1/proxy", None),
        ] {
            let told = other_base(kind, &Url::parse(base).unwrap(), path);
            assert_eq!(told.as_deref(), expected, "{kind} {base}");
        }
    }
}
