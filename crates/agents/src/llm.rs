//! The `llm` kind: asks a language model and streams its answer. Where the output is no text, the answer is held to its schema,
//! with one round of repair.
//! It must never guess a provider, an endpoint or a key from the model's name or the environment, and never tell a key.

mod answer;
mod failure;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::StreamExt;
use genai::{
    Client, ModelIden, ServiceTarget,
    chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent, JsonSpec, ReasoningEffort, StopReason},
    resolver::{AuthData, Endpoint},
};
use reqwest::Url;
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use workflow::{
    AgentSpec,
    agent::{AgentConfig, LlmConfig},
    status::Reason,
    view::Usage,
};

use crate::{
    Agent, AgentContext, AgentError, Output, Provider, ProviderKind, Providers, StepInput, StepOutput,
    output::{Unfit, Wanted},
    template::{Insert, Scope},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of one answer.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

pub(crate) struct LlmAgent {
    providers: Providers,
    /// For endpoints on this machine, which a proxy could not reach.
    direct: Client,
    /// For all others; honours the proxy that the environment names, since admins chose the endpoint.
    outward: Client,
}

/// What a model said in one round.
struct Answer {
    text: String,
    is_cut: bool,
}

/// One conversation with one model.
struct Chat<'a> {
    client: &'a Client,
    target: ServiceTarget,
    options: ChatOptions,
    /// Whether the provider is asked to enforce the schema itself.
    is_constrained: bool,
    request: ChatRequest,
    deltas: Option<&'a mpsc::Sender<String>>,
    provider: &'a Provider,
    usage: Usage,
}

impl LlmAgent {
    pub(crate) fn new(providers: Providers) -> Self {
        let client = |builder: reqwest::ClientBuilder| {
            let http = builder
                .connect_timeout(CONNECT_TIMEOUT)
                .user_agent("weft")
                .build()
                .expect("the options are constant and valid");
            Client::builder().with_reqwest(http).build().expect("an explicit HTTP client is all it needs")
        };
        Self {
            providers,
            direct: client(reqwest::Client::builder().no_proxy()),
            outward: client(reqwest::Client::builder()),
        }
    }

    fn provider(&self, config: &LlmConfig) -> Result<Arc<Provider>, AgentError> {
        let unauthorized = |message: String| Err(AgentError::new(Reason::Unauthorized, message));
        let name = match config.provider.trim() {
            "" => match self.providers.default_name() {
                Some(name) => name,
                None if self.providers.names().is_empty() => {
                    return unauthorized(format!(
                        "No language model is set up yet: set {} and start Weft again, or wait for the local model to start",
                        variables("default")
                    ));
                }
                None => {
                    return unauthorized(format!(
                        "The agent names no provider and none is called `default`: choose one of {}",
                        self.providers.names().join(", ")
                    ));
                }
            },
            name => name.to_owned(),
        };
        let Some(provider) = self.providers.get(&name) else {
            return unauthorized(format!("No provider is called `{name}`: set {}", variables(&name)));
        };
        if provider.key.is_none() && provider.url.is_none() && provider.kind.needs_key() {
            return unauthorized(format!(
                "The provider `{name}` has no key: set WEFT_PROVIDER_{}_KEY",
                name.to_ascii_uppercase()
            ));
        }
        Ok(provider)
    }

    async fn ask(&self, config: &LlmConfig, input: &StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let provider = self.provider(config)?;
        let target = target(config, &provider)?;
        let scope = Scope::new(input)?;
        let prompt = input.prompt.as_deref().unwrap_or(&config.prompt);
        let prompt = scope.render("The prompt", prompt, Insert::AsIs).await?;
        let system = scope.render("The system prompt", &config.system, Insert::AsIs).await?;

        let wanted = Wanted::of(&input.spec);
        let mut request = ChatRequest::from_user(format!("{prompt}{}", answer::instructions(&wanted)));
        if let Some(revision) = &input.revision {
            // A model that is shown no answer of its own is told in the same breath.
            let asked = answer::revise(&wanted, &revision.feedback);
            request = match answer::said(&input.spec, &revision.previous) {
                Some(said) => {
                    request.append_message(ChatMessage::assistant(said)).append_message(ChatMessage::user(asked))
                }
                None => ChatRequest::from_user(format!("{prompt}{}\n\n{asked}", answer::instructions(&wanted))),
            };
        }
        if !system.trim().is_empty() {
            request = request.with_system(system);
        }
        let constraint = answer::strict_schema(&wanted);
        let is_on_this_machine = is_loopback(target.endpoint.base_url());
        let mut chat = Chat {
            client: if is_on_this_machine { &self.direct } else { &self.outward },
            options: options(config, provider.kind, &target.model.model_name),
            is_constrained: constraint.is_some(),
            usage: Usage { model: Some(target.model.model_name.to_string()), ..Usage::default() },
            target,
            request,
            deltas: ctx.deltas.as_ref(),
            provider: &provider,
        };
        if let Some(schema) = constraint {
            chat.options = chat.options.with_response_format(JsonSpec::new("output", schema));
        }
        let result = chat.run(&input.spec, &wanted).await;
        let usage = chat.priced();
        match result {
            Ok(outputs) => Ok(StepOutput { outputs, usage: Some(usage), message: None }),
            // A refused answer was paid for all the same.
            Err(error) if usage.prompt_tokens + usage.completion_tokens > 0 => Err(error.with_usage(usage)),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Agent for LlmAgent {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let AgentConfig::Llm(config) = &input.spec.config else {
            return Err(crate::registry::wrong_kind(&input.spec));
        };
        // Dropping the other branch drops the stream, which closes the connection: the model stops too.
        tokio::select! {
            biased;
            () = ctx.cancel.cancelled() => Err(AgentError::stopped()),
            result = self.ask(config, &input, ctx) => result,
        }
    }
}

impl Chat<'_> {
    /// What all rounds took, with its price.
    fn priced(&self) -> Usage {
        let price = self.provider.price.filter(|_| self.usage.prompt_tokens + self.usage.completion_tokens > 0);
        let cost = price.map(|price| price.cost_micros(self.usage.prompt_tokens, self.usage.completion_tokens));
        Usage { cost_micros: cost, ..self.usage.clone() }
    }

    async fn run(&mut self, spec: &AgentSpec, wanted: &Wanted) -> Result<Vec<Output>, AgentError> {
        let first = self.round().await?;
        let unfit = match answer::read(spec, wanted, &first.text) {
            Ok(outputs) => return Ok(outputs),
            Err(unfit) => explain_cut(unfit, first.is_cut),
        };
        // Asking again cannot make an answer smaller, nor a silent model speak.
        if unfit.class != Reason::InvalidOutput || first.text.trim().is_empty() {
            return Err(refused(&unfit));
        }
        let request = std::mem::take(&mut self.request);
        self.request = request
            .append_message(ChatMessage::assistant(first.text))
            .append_message(ChatMessage::user(answer::repair(wanted, &unfit)));
        if let Some(deltas) = self.deltas {
            let _lossy = deltas.try_send("\n\n".to_owned());
        }
        let second = self.round().await?;
        answer::read(spec, wanted, &second.text).map_err(|unfit| refused(&explain_cut(unfit, second.is_cut)))
    }

    /// One request and its whole answer.
    async fn round(&mut self) -> Result<Answer, AgentError> {
        match self.stream().await {
            // Endpoints that do not know schemas refuse the request; the words in the prompt remain.
            Err(failure) if self.is_constrained && failure.is_refused_request => {
                self.is_constrained = false;
                self.options.response_format = None;
                self.stream().await.map_err(|failure| failure.error)
            }
            result => result.map_err(|failure| failure.error),
        }
    }

    async fn stream(&mut self) -> Result<Answer, failure::Failure> {
        let explain = |error| failure::explain(error, self.provider, self.target.endpoint.base_url());
        let mut stream = self
            .client
            .exec_chat_stream(self.target.clone(), self.request.clone(), Some(&self.options))
            .await
            .map_err(explain)?
            .stream;
        let mut answer = Answer { text: String::new(), is_cut: false };
        let mut n_bytes = 0;
        while let Some(event) = stream.next().await {
            match event.map_err(explain)? {
                // Thoughts are not kept, but a model that never comes to an end is cut off all the same.
                ChatStreamEvent::ReasoningChunk(chunk) => {
                    n_bytes += chunk.content.len();
                    if n_bytes > MAX_ANSWER_BYTES {
                        return Err(failure::too_large(MAX_ANSWER_BYTES));
                    }
                }
                ChatStreamEvent::Chunk(chunk) => {
                    n_bytes += chunk.content.len();
                    if n_bytes > MAX_ANSWER_BYTES {
                        return Err(failure::too_large(MAX_ANSWER_BYTES));
                    }
                    answer.text.push_str(&chunk.content);
                    if let Some(deltas) = self.deltas {
                        // A slow reader loses tokens, never delays them: the artifact holds them all.
                        let _lossy = deltas.try_send(chunk.content);
                    }
                }
                ChatStreamEvent::End(end) => {
                    answer.is_cut = matches!(end.captured_stop_reason, Some(StopReason::MaxTokens(_)));
                    self.usage.is_cut = answer.is_cut;
                    if let Some(usage) = end.captured_usage {
                        self.usage.prompt_tokens += i64::from(usage.prompt_tokens.unwrap_or(0));
                        self.usage.completion_tokens += i64::from(usage.completion_tokens.unwrap_or(0));
                    }
                    return Ok(answer);
                }
                _ => {}
            }
        }
        Err(failure::cut_off())
    }
}

fn explain_cut(unfit: Unfit, is_cut: bool) -> Unfit {
    if !is_cut {
        return unfit;
    }
    let reason = format!(
        "{}; it broke off at the longest answer that the agent allows: raise that, or ask for less",
        unfit.reason
    );
    Unfit { reason, ..unfit }
}

fn refused(unfit: &Unfit) -> AgentError {
    AgentError::new(unfit.class, format!("The model {}", unfit.reason))
}

fn variables(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    format!("WEFT_PROVIDER_{name}_KIND, WEFT_PROVIDER_{name}_KEY and WEFT_PROVIDER_{name}_MODEL")
}

fn target(config: &LlmConfig, provider: &Provider) -> Result<ServiceTarget, AgentError> {
    let model = match config.model.trim() {
        "" => provider.model.trim(),
        model => model,
    };
    if model.is_empty() {
        return Err(AgentError::new(
            Reason::Permanent,
            "Neither the agent nor its provider names a model: choose one in the agent",
        ));
    }
    // The client joins paths onto the endpoint, which drops the last segment unless it ends in a slash.
    let mut url = provider.url.as_deref().unwrap_or(provider.kind.default_url()).trim().to_owned();
    if !url.ends_with('/') {
        url.push('/');
    }
    if !Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        return Err(AgentError::new(
            Reason::Permanent,
            format!("The provider's address `{url}` is malformed: write one like https://host/v1"),
        ));
    }
    // Endpoints without keys ignore it, but the client insists on one.
    let key = provider.key.as_ref().map_or("none", |key| key.expose_secret());
    Ok(ServiceTarget {
        endpoint: Endpoint::from_owned(url),
        auth: AuthData::from_single(key),
        model: ModelIden::new(provider.kind.0, model),
    })
}

fn options(config: &LlmConfig, kind: ProviderKind, model: &str) -> ChatOptions {
    let mut options = ChatOptions::default().with_capture_usage(true);
    if let Some(temperature) = config.temperature {
        options = options.with_temperature(temperature);
    }
    if let Some(max_tokens) = config.max_tokens {
        options = options.with_max_tokens(max_tokens);
    }
    // The client takes an ending such as `-max` for an effort and cuts it off, but here a model's name is its name.
    if kind == ProviderKind::OPENAI && ReasoningEffort::from_model_name(model).0.is_some() {
        options = options.with_extra_body(serde_json::json!({ "model": model, "reasoning_effort": null }));
    }
    options
}

fn is_loopback(endpoint: &str) -> bool {
    let Ok(url) = Url::parse(endpoint) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
