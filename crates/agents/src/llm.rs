//! The `llm` kind: asks a language model and streams its answer. Where the output is no text, the answer is held to its schema,
//! with one round of repair.
//! It must never guess a provider, an endpoint or a key from the model's name or the environment, and never tell a key.

mod answer;
mod choices;
mod failure;
mod hearing;
mod json;
mod talk;
mod thoughts;
mod wire;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{Client, Url, header::HeaderMap, redirect::Policy};
use workflow::{
    AgentSpec,
    agent::{AgentConfig, LlmConfig},
    status::Reason,
};

use self::{
    hearing::Answer,
    talk::Talk,
    wire::{Message, Role},
};
use crate::{
    Agent, AgentContext, AgentError, Output, Provider, Providers, Refusals, Sandbox, StepInput, StepOutput,
    output::{Unfit, Wanted},
    refusals::{ModelId, Refused},
    template::{Insert, Scope},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct LlmAgent {
    providers: Providers,
    refusals: Arc<dyn Refusals>,
    /// For endpoints on this machine, which a proxy could not reach.
    direct: Client,
    /// For all others; honours the proxy that the environment names, since admins chose the endpoint.
    outward: Client,
    sandbox: Option<Sandbox>,
}

/// Which model is asked, and where.
struct Target {
    name: String,
    provider: Arc<Provider>,
    url: Url,
    headers: HeaderMap,
    model: String,
}

impl LlmAgent {
    pub(crate) fn new(providers: Providers, refusals: Arc<dyn Refusals>, sandbox: Option<Sandbox>) -> Self {
        let client = |builder: reqwest::ClientBuilder| {
            builder
                .connect_timeout(CONNECT_TIMEOUT)
                // The key would go wherever an answer says.
                .redirect(Policy::none())
                .user_agent("weft")
                .build()
                .expect("the options are constant and valid")
        };
        Self {
            providers,
            refusals,
            direct: client(Client::builder().no_proxy()),
            outward: client(Client::builder()),
            sandbox,
        }
    }

    fn provider(&self, config: &LlmConfig) -> Result<(String, Arc<Provider>), AgentError> {
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
        Ok((name, provider))
    }

    async fn ask(&self, config: &LlmConfig, input: &StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let (name, provider) = self.provider(config)?;
        let target = target(config, name, provider)?;
        let scope = Scope::new(input, self.sandbox.as_ref())?;
        let prompt = input.prompt.as_deref().unwrap_or(&config.prompt);
        let prompt = scope.render("The prompt", prompt, Insert::AsIs).await?;
        let system = scope.render("The system prompt", &config.system, Insert::AsIs).await?;

        let wanted = Wanted::of(&input.spec);
        let asked = Message { role: Role::User, text: format!("{prompt}{}", answer::instructions(&wanted)) };
        let messages = match &input.revision {
            None => vec![asked],
            // A model that is shown no answer of its own is told in the same breath.
            Some(revision) => {
                let revise = answer::revise(&wanted, &revision.feedback);
                match answer::said(&input.spec, &revision.previous) {
                    Some(said) => vec![
                        asked,
                        Message { role: Role::Assistant, text: said },
                        Message { role: Role::User, text: revise },
                    ],
                    None => vec![Message { role: Role::User, text: format!("{}\n\n{revise}", asked.text) }],
                }
            }
        };
        let id = ModelId::new(&target.name, &target.provider, target.url.as_str(), &target.model);
        let refused = Refused::new(self.refusals.of(&id).await);
        ctx.recorder.begin(&target.name, &target.model, target.provider.price);
        let mut talk = Talk {
            client: if is_loopback(&target.url) { &self.direct } else { &self.outward },
            target: &target,
            config,
            schema: answer::strict_schema(&wanted),
            system: if system.trim().is_empty() { String::new() } else { system },
            messages,
            refused,
            refusals: &*self.refusals,
            id,
            deltas: ctx.deltas.as_ref(),
            recorder: &ctx.recorder,
            room: &ctx.room,
        };
        let result = converse(&mut talk, &input.spec, &wanted).await;
        match (result, ctx.recorder.usage()) {
            (Ok(outputs), usage) => Ok(StepOutput { outputs, usage, message: None }),
            // An answer that cannot be used was paid for all the same.
            (Err(error), Some(usage)) => Err(error.with_usage(usage)),
            (Err(error), None) => Err(error),
        }
    }
}

#[async_trait]
impl Agent for LlmAgent {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let AgentConfig::Llm(config) = &input.spec.config else {
            return Err(AgentError::wrong_kind(&input.spec));
        };
        // Dropping the other branch drops the stream, which closes the connection: the model stops too.
        tokio::select! {
            biased;
            () = ctx.cancel.cancelled() => Err(AgentError::stopped()),
            result = self.ask(config, &input, ctx) => result,
        }
    }
}

/// Asks, and once more if the answer cannot be used.
async fn converse(talk: &mut Talk<'_>, spec: &AgentSpec, wanted: &Wanted) -> Result<Vec<Output>, AgentError> {
    let first = talk.round(0).await?;
    let unfit = match read(spec, wanted, &first) {
        Ok(outputs) => return Ok(outputs),
        Err(unfit) => unfit,
    };
    // Asking again cannot make an answer smaller, nor a silent model speak.
    if unfit.class != Reason::InvalidOutput || first.is_thinking || first.text.trim().is_empty() {
        return Err(unusable(&unfit));
    }
    let n_said = talk.messages.len() + 1;
    talk.messages.push(Message { role: Role::Assistant, text: first.text });
    talk.messages.push(Message { role: Role::User, text: answer::repair(wanted, &unfit) });
    talk.show("\n\n");
    let second = talk.round(n_said).await?;
    read(spec, wanted, &second).map_err(|unfit| unusable(&unfit))
}

fn read(spec: &AgentSpec, wanted: &Wanted, answer: &Answer) -> Result<Vec<Output>, Unfit> {
    let result = if answer.is_thinking {
        Err(Unfit::new("was still thinking when its answer ended"))
    } else if answer.has_thought && answer.text.trim().is_empty() {
        Err(Unfit::new("thought, but gave an empty answer"))
    } else {
        answer::read(spec, wanted, &answer.text, answer.is_cut)
    };
    result.map_err(|unfit| explain_cut(unfit, answer.is_cut))
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

fn unusable(unfit: &Unfit) -> AgentError {
    AgentError::new(unfit.class, format!("The model {}", unfit.reason))
}

fn variables(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    format!("WEFT_PROVIDER_{name}_KIND, WEFT_PROVIDER_{name}_KEY and WEFT_PROVIDER_{name}_MODEL")
}

fn target(config: &LlmConfig, name: String, provider: Arc<Provider>) -> Result<Target, AgentError> {
    let model = match config.model.trim() {
        "" => provider.model.trim(),
        model => model,
    }
    .to_owned();
    if model.is_empty() {
        return Err(AgentError::new(
            Reason::Permanent,
            "Neither the agent nor its provider names a model: choose one in the agent",
        ));
    }
    let address = provider.url.as_deref().unwrap_or(provider.kind.default_url()).trim();
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return Err(AgentError::new(
            Reason::Permanent,
            "The provider's address is malformed: write one like https://host/v1",
        ));
    };
    let Some(headers) = wire::headers(provider.kind, provider.key.as_ref()) else {
        return Err(AgentError::new(
            Reason::Unauthorized,
            format!("The key of the provider `{name}` holds a line break or another character that no key has"),
        ));
    };
    Ok(Target { name, provider, url, headers, model })
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
