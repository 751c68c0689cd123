//! The `http` kind: one GET or POST to an address that people may choose, so every hop is judged before it is dialled.
//! It must never follow a redirect unjudged, use a proxy from the environment, or read more than the cap; nor let a secret that it sends by
//! name into what is kept of it.

mod answer;
mod failure;
mod headers;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use reqwest::{
    Client, Method, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect::Policy,
};
use serde::de::IgnoredAny;
use workflow::{
    AgentSpec,
    agent::{AgentConfig, HttpConfig, HttpMethod},
    status::Reason,
    template::{self, BodyKind, Target},
    transcript::Called,
};

use self::{answer::Answer, headers::Asker};
use crate::{
    Agent, AgentContext, AgentError, Recorder, Room, Sandbox, Secrets, StepInput, StepOutput,
    redact::Redactor,
    response::{self, MAX_ERROR_BYTES},
    ssrf::{AddressRange, Guard, find_blocked},
    template::{Insert, Scope},
};

/// Bytes of a body, counted after decompression.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
const MAX_REDIRECTS: usize = 5;
/// Of what a server says that was sent a secret: with the words around it the message is not cut once more.
const MAX_SAID_CHARS: usize = 1_700;
/// Of an answer in which secrets are looked for beside other work.
const MAX_AT_ONCE_BYTES: usize = 256 * 1024;
/// Shorter values are words, not keys: hiding them would make a message unreadable.
const MIN_SECRET_BYTES: usize = 6;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that sends nothing for so long is taken for dead; the step's own limit comes on top.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

pub(crate) struct HttpAgent {
    client: Client,
    guard: Guard,
    sandbox: Option<Sandbox>,
    secrets: Option<Arc<dyn Secrets>>,
}

/// A request in full, as it is sent at each hop.
struct Call {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<String>,
    /// Headers that are sent here and no further.
    secret: Vec<HeaderName>,
    /// Secrets were left behind on the way here.
    has_left_secrets: bool,
}

impl HttpAgent {
    /// `allow_private`: private ranges that an admin opened.
    pub(crate) fn new(
        allow_private: Vec<AddressRange>,
        sandbox: Option<Sandbox>,
        secrets: Option<Arc<dyn Secrets>>,
    ) -> Self {
        let guard = Guard::new(allow_private);
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .dns_resolver(guard.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent("weft")
            .build()
            .expect("the options are constant and valid");
        Self { client, guard, sandbox, secrets }
    }

    async fn call(&self, config: &HttpConfig, input: &StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let asker = Asker { input, ctx, secrets: self.secrets.as_deref() };
        let (call, redactor) = prepare(config, &asker, self.sandbox.as_ref()).await?;
        // What is kept of an answer was judged without what was sent in secret; whatever else is told is told without it too.
        self.follow(call, &redactor, &input.spec, ctx).await.map_err(|error| redactor.error(error))
    }

    async fn follow(
        &self,
        mut call: Call,
        redactor: &Redactor,
        spec: &AgentSpec,
        ctx: &AgentContext,
    ) -> Result<StepOutput, AgentError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&call, &ctx.recorder).await?;
            match redirect(&call, &response, redactor)? {
                None => return receive(spec, &call, response, redactor, &ctx.room).await,
                Some(next) => call = next,
            }
        }
        Err(AgentError::permanent(format!("The address was redirected more than {MAX_REDIRECTS} times")))
    }

    async fn send(&self, call: &Call, recorder: &Recorder) -> Result<Response, AgentError> {
        if !matches!(call.url.scheme(), "http" | "https") {
            return Err(blocked(format!("The address begins with `{}:`; use https or http", call.url.scheme())));
        }
        self.guard.check_literal(&call.url).map_err(|refused| blocked(refused.to_string()).with_source(refused))?;
        let mut request = self.client.request(call.method.clone(), call.url.clone()).headers(call.headers.clone());
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let began_at = SystemTime::now();
        let answer = request.send().await;
        recorder.call(Called {
            method: call.method.to_string(),
            host: call.url.host_str().unwrap_or_default().to_owned(),
            status: answer.as_ref().ok().map(|response| response.status().as_u16()),
            began_at,
            ended_at: SystemTime::now(),
        });
        answer.map_err(|error| failed(&call.url, error))
    }
}

#[async_trait]
impl Agent for HttpAgent {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let AgentConfig::Http(config) = &input.spec.config else {
            return Err(AgentError::wrong_kind(&input.spec));
        };
        tokio::select! {
            biased;
            () = ctx.cancel.cancelled() => Err(AgentError::stopped()),
            result = self.call(config, &input, ctx) => result,
        }
    }
}

async fn prepare(
    config: &HttpConfig,
    asker: &Asker<'_>,
    sandbox: Option<&Sandbox>,
) -> Result<(Call, Redactor), AgentError> {
    let scope = Scope::new(asker.input, sandbox)?;
    let inputs = &asker.input.spec.inputs;
    let url = address(config, &scope).await?;
    let kind = config
        .body_kind(inputs)
        .map_err(|reason| AgentError::permanent(format!("The body cannot be sent: {reason}")))?;
    let headers::Headers { map: mut headers, secret, redactor } = headers::headers(config, &scope, &url, asker).await?;
    let (method, body) = match config.method {
        HttpMethod::Get => (Method::GET, None),
        HttpMethod::Post => {
            let body = body(config, kind, &scope).await?;
            if !body.is_empty() {
                let media_type = match kind {
                    BodyKind::Json => "application/json",
                    _ => "text/plain; charset=utf-8",
                };
                headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(media_type));
            }
            let key = HeaderValue::try_from(asker.ctx.idempotency_key.as_str()).map_err(|error| {
                AgentError::permanent("The idempotency key does not fit a header").with_source(error)
            })?;
            headers.entry("idempotency-key").or_insert(key);
            (Method::POST, Some(body))
        }
    };
    Ok((Call { method, url, headers, body, secret, has_left_secrets: false }, redactor))
}

/// Refuses a template in which a value would stand where it must not, as the editor does.
fn judge(what: &str, source: &str, target: Target) -> Result<(), AgentError> {
    match template::misplaced(source, target) {
        None => Ok(()),
        Some(fault) => {
            let reason = format!("{what} cannot be rendered: line {}: {}", fault.line, fault.reason);
            Err(AgentError::new(Reason::Template, reason))
        }
    }
}

async fn address(config: &HttpConfig, scope: &Scope<'_>) -> Result<Url, AgentError> {
    let template = config.url.trim();
    if template.contains('{') {
        judge("The address", template, Target::Url)?;
    }
    let text = scope.render("The address", template, Insert::IntoUrl).await?;
    if text.chars().any(char::is_control) {
        // The parser would leave them out, and so join what they part.
        return Err(blocked("An inserted value would put a line break or a control character into the address"));
    }
    let url = Url::parse(text.trim()).map_err(|error| {
        // It may hold a key, so it is not repeated.
        AgentError::permanent(format!("The address is malformed: {error}")).with_source(error)
    })?;
    // An inserted `..` would reach a place that the template's author did not write.
    if climbs(&text) && !climbs(&config.url) {
        return Err(blocked("An inserted value would climb out of the address's path with `..`"));
    }
    Ok(url)
}

async fn body(config: &HttpConfig, kind: BodyKind, scope: &Scope<'_>) -> Result<String, AgentError> {
    if config.body.is_empty() {
        return Ok(String::new());
    }
    judge("The body", &config.body, Target::Body(kind))?;
    let body = scope.render("The body", &config.body, Insert::into_body(kind)).await?;
    let fault = match kind {
        BodyKind::Json => serde_json::from_str::<IgnoredAny>(&body).err(),
        BodyKind::JsonLines => {
            serde_json::Deserializer::from_str(&body).into_iter::<IgnoredAny>().find_map(Result::err)
        }
        BodyKind::Text | BodyKind::Form | BodyKind::Xml => None,
    };
    match fault {
        None => Ok(body),
        Some(error) => Err(AgentError::new(
            Reason::Template,
            format!("The body would be no valid JSON: {error}. Nothing was sent"),
        )),
    }
}

/// Whether a path has a segment that means its parent, however it is spelt.
fn climbs(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\']).any(|segment| segment.to_ascii_lowercase().replace("%2e", ".") == "..")
}

/// The next hop, if the answer names one. A POST stays one only where the status says so, and what the author put into headers
/// (keys, mostly) does not follow to another origin; what is secret by name follows nowhere.
fn redirect(call: &Call, response: &Response, redactor: &Redactor) -> Result<Option<Call>, AgentError> {
    let keeps_method = match response.status() {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => false,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return Ok(None),
    };
    let Some(location) = response.headers().get(LOCATION) else {
        return Ok(None);
    };
    // As the rest of the web reads it, letters that are not ASCII may stand in it.
    let url = std::str::from_utf8(location.as_bytes())
        .ok()
        .and_then(|location| call.url.join(location).ok())
        .ok_or_else(|| AgentError::permanent("The address was redirected to something malformed"))?;
    if redactor.is_in(url.as_str()) {
        return Err(blocked("The address was redirected to one that would carry on a secret"));
    }
    let is_same_origin = url.origin() == call.url.origin();
    let mut headers = if is_same_origin { call.headers.clone() } else { HeaderMap::new() };
    for name in &call.secret {
        headers.remove(name);
    }
    let (method, body) = if keeps_method {
        if let Some(media_type) = call.headers.get(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, media_type.clone());
        }
        (call.method.clone(), call.body.clone())
    } else {
        headers.remove(CONTENT_TYPE);
        (Method::GET, None)
    };
    let has_left_secrets = call.has_left_secrets || !call.secret.is_empty();
    Ok(Some(Call { method, url, headers, body, secret: Vec::new(), has_left_secrets }))
}

async fn receive(
    spec: &AgentSpec,
    call: &Call,
    mut response: Response,
    redactor: &Redactor,
    room: &Room,
) -> Result<StepOutput, AgentError> {
    let status = response.status();
    if !status.is_success() {
        let retry_after_ms = response::retry_after_ms(response.headers());
        let (mut body, is_whole) = read(&mut response, MAX_ERROR_BYTES, room).await.unwrap_or_default();
        if response::compression(response.headers()).is_some() {
            body.clear();
        }
        let said = said(response.headers(), &body, is_whole, call, redactor);
        let message = if said.is_empty() {
            format!("The server answered {status}")
        } else {
            format!("The server answered {status}: {said}")
        };
        let class = response::class_of(status);
        let message = if call.has_left_secrets && class == Reason::Unauthorized {
            format!("{message} (the address was redirected, and no secret follows: call the last address itself)")
        } else {
            message
        };
        return Err(AgentError::new(class, message).with_retry_after(retry_after_ms));
    }
    if response.content_length().is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    let (body, is_whole) = read(&mut response, MAX_BODY_BYTES, room).await?;
    if !is_whole {
        return Err(too_large());
    }
    if let Some(compression) = response::compression(response.headers()).filter(|_| !body.is_empty()) {
        let compression = redactor.text(compression);
        let message = format!("The server sent an answer compressed with `{compression}`, which was not asked for");
        return Err(AgentError::new(Reason::InvalidOutput, message));
    }
    let is_slow = !redactor.is_empty() && body.len() > MAX_AT_ONCE_BYTES;
    let (headers, spec, redactor) = (response.headers().clone(), spec.clone(), redactor.clone());
    let judge = move || Answer { status, headers: &headers, body, redactor: &redactor }.outputs(&spec);
    let judged = if is_slow {
        // Looking for secrets in much text would hold up others.
        tokio::task::spawn_blocking(judge)
            .await
            .map_err(|error| AgentError::new(Reason::Server, "The answer could not be read").with_source(error))?
    } else {
        judge()
    };
    let outputs = judged.map_err(|unfit| AgentError::new(unfit.class, format!("The server {}", unfit.reason)))?;
    Ok(StepOutput { outputs, ..StepOutput::default() })
}

/// The words of a server that failed, without what it was sent. Before they are shortened, and where they were cut: of a value that was
/// cut through nobody would find the rest.
fn said(headers: &HeaderMap, body: &[u8], is_whole: bool, call: &Call, redactor: &Redactor) -> String {
    let hidden = |text: &str| {
        let text = redactor.text(text);
        let text = if is_whole { &*text } else { redactor.cut(&text) };
        conceal(text, call)
    };
    // What a page spells in parts or as entities is hidden too, once it is put together.
    let said = hidden(&failure::words(&hidden(&failure::decoded(headers, body, is_whole))));
    let said = said.trim();
    if redactor.is_empty() || said.chars().count() <= MAX_SAID_CHARS {
        return said.to_owned();
    }
    let short: String = said.chars().take(MAX_SAID_CHARS).collect();
    format!("{}…", redactor.cut(&short))
}

/// Up to `max` bytes of a body, and whether that was all; the rest is never asked for, and never kept.
async fn read(response: &mut Response, max: usize, room: &Room) -> Result<(Vec<u8>, bool), AgentError> {
    let url = response.url().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&url, error))? {
        let left = max - body.len();
        room.hold(body.len() + chunk.len().min(left)).await;
        body.extend_from_slice(&chunk[..chunk.len().min(left)]);
        if chunk.len() > left {
            return Ok((body, false));
        }
    }
    Ok((body, true))
}

/// What a server says, without what it was sent: headers hold keys mostly, and servers do echo them.
fn conceal(said: &str, call: &Call) -> String {
    let headers =
        call.headers.iter().filter(|(name, _)| **name != CONTENT_TYPE).filter_map(|(_, value)| value.to_str().ok());
    let query = call.url.query_pairs().map(|(_, value)| value.into_owned()).collect::<Vec<_>>();
    let secrets = headers.flat_map(|value| std::iter::once(value).chain(value.split_whitespace()));
    let mut secrets: Vec<&str> = secrets.chain(query.iter().map(String::as_str)).chain(call.url.password()).collect();
    // The whole before its parts.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let mut said = said.to_owned();
    for secret in secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET_BYTES) {
        said = said.replace(secret, "[hidden]");
    }
    said
}

/// Names no more of the address than where it leads: the rest may hold a key.
fn failed(url: &Url, error: reqwest::Error) -> AgentError {
    if let Some(refused) = find_blocked(&error) {
        return blocked(refused.to_string()).with_source(error.without_url());
    }
    let place = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    let (class, message) = response::class_of_failure(&error, &place);
    AgentError::new(class, message).with_source(error.without_url())
}

fn blocked(message: impl Into<String>) -> AgentError {
    AgentError::new(Reason::Blocked, message)
}

fn too_large() -> AgentError {
    AgentError::new(Reason::OutputTooLarge, format!("The answer is larger than {} MiB", MAX_BODY_BYTES >> 20))
}
