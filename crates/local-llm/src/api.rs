//! The routes in `OpenAI`'s shapes. A handler checks, counts and queues a request, then passes on what the worker says.
//! It never computes on the request's thread, and dropping its receiver is what cancels a generation.

use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::error::ApiError;
use crate::model::{Finish, Options};
use crate::request::ChatRequest;
use crate::token::{self, Token};
use crate::tokenizer::ChatTokenizer;
use crate::worker::{Job, Queue, Reply, Usage};

const BODY_LIMIT: usize = 1024 * 1024;

/// What is known once the model is loaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) tokenizer: Arc<ChatTokenizer>,
    pub(crate) context: usize,
}

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) model_id: String,
    pub(crate) default_max_tokens: usize,
    pub(crate) queue: Queue,
    pub(crate) loaded: Arc<OnceLock<Loaded>>,
}

impl Api {
    fn loaded(&self) -> Result<&Loaded, ApiError> {
        self.loaded.get().ok_or(ApiError::Loading)
    }
}

pub(crate) fn router(api: Api, token: Token) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(models))
        .route("/healthz", get(health))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::Method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(token, token::check))
        .with_state(Arc::new(api))
}

async fn models(State(api): State<Arc<Api>>) -> Json<Value> {
    Json(json!({ "object": "list", "data": [
        { "id": api.model_id, "object": "model", "created": 0, "owned_by": "local" },
    ]}))
}

/// Ready only when the model is loaded; the counts let a supervisor or a test see work begin and end.
async fn health(State(api): State<Arc<Api>>) -> (StatusCode, Json<Value>) {
    let (status, word) = match api.loaded.get() {
        Some(_) => (StatusCode::OK, "ready"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "loading"),
    };
    let body = json!({
        "status": word,
        "model": api.model_id,
        "context": api.loaded.get().map(|loaded| loaded.context),
        "running": api.queue.n_running(),
        "waiting": api.queue.n_waiting(),
        "generated_tokens": api.queue.n_tokens(),
    });
    (status, Json(body))
}

async fn chat(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    // A web page cannot send this type to another origin unasked, so no page can use the model behind its user's back.
    require_json(&headers)?;
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::Body,
    })?;
    let request = ChatRequest::parse(&body)?;
    let loaded = api.loaded()?;
    let place = api.queue.place()?;

    let tokenizer = Arc::clone(&loaded.tokenizer);
    let encode = move || (tokenizer.prompt(&request.messages), request);
    let (prompt, request) = tokio::task::spawn_blocking(encode).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "encoding a prompt panicked");
        ApiError::Model
    })?;
    let prompt = prompt.map_err(|error| {
        tracing::error!(error = error.to_string(), "a prompt could not be encoded");
        ApiError::Model
    })?;

    let max_tokens = request.output_limit(prompt.len(), api.default_max_tokens, loaded.context)?;
    let head = Head::new(api.model_id.clone());
    let (reply, replies) = unbounded_channel();
    api.queue.submit(Job {
        prompt,
        options: Options {
            sampling: request.sampling,
            seed: request.seed.unwrap_or_else(random),
            max_tokens,
            stops: request.stops,
            ignore_end: request.ignore_end,
        },
        reply,
        place,
    })?;
    if request.is_stream {
        Ok(streamed(head, replies, request.include_usage).into_response())
    } else {
        whole(&head, replies).await.map(IntoResponse::into_response)
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(ApiError::ContentType) }
}

/// From the operating system's randomness, through the one door to it that the standard library has.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// What every object of one answer repeats.
#[derive(Debug, Clone)]
struct Head {
    id: String,
    created: u64,
    model: String,
}

impl Head {
    fn new(model: String) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self { id: format!("chatcmpl-{:016x}", random()), created: since.unwrap_or_default().as_secs(), model }
    }

    fn completion(&self, text: &str, finish: Finish, usage: Usage) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": text },
                "logprobs": null,
                "finish_reason": finish_reason(finish),
            }],
            "usage": usage_object(usage),
        })
    }

    /// With `include_usage` every chunk carries the field, null but in the last one.
    fn chunk(&self, choices: &Value, include_usage: bool, usage: Option<Usage>) -> Event {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices,
        });
        if include_usage {
            chunk["usage"] = usage.map_or(Value::Null, usage_object);
        }
        Event::default().data(chunk.to_string())
    }
}

fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
    }
}

fn usage_object(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.answer,
        "total_tokens": usage.prompt + usage.answer,
    })
}

async fn whole(head: &Head, mut replies: UnboundedReceiver<Reply>) -> Result<Json<Value>, ApiError> {
    let mut answer = String::new();
    loop {
        match replies.recv().await {
            Some(Reply::Text(text)) => answer.push_str(&text),
            Some(Reply::Done { finish, usage }) => {
                return Ok(Json(head.completion(&answer, finish, usage)));
            }
            Some(Reply::Failed) => return Err(ApiError::Model),
            None => return Err(ApiError::Stopped),
        }
    }
}

fn streamed(head: Head, replies: UnboundedReceiver<Reply>, include_usage: bool) -> impl IntoResponse {
    let choice = |delta: Value, finish: Option<Finish>| {
        json!([{
            "index": 0, "delta": delta, "logprobs": null,
            "finish_reason": finish.map(finish_reason),
        }])
    };
    let role = choice(json!({ "role": "assistant", "content": "" }), None);
    let first = head.chunk(&role, include_usage, None);
    let rest = stream::unfold(Some(replies), move |replies| {
        let head = head.clone();
        async move {
            let mut replies = replies?;
            let end = |error: &ApiError| (vec![Event::default().data(error.body().to_string())], None);
            Some(match replies.recv().await {
                Some(Reply::Text(text)) => {
                    let choices = choice(json!({ "content": text }), None);
                    (vec![head.chunk(&choices, include_usage, None)], Some(replies))
                }
                Some(Reply::Done { finish, usage }) => {
                    let choices = choice(json!({}), Some(finish));
                    let mut events = vec![head.chunk(&choices, include_usage, None)];
                    if include_usage {
                        events.push(head.chunk(&json!([]), true, Some(usage)));
                    }
                    events.push(Event::default().data("[DONE]"));
                    (events, None)
                }
                Some(Reply::Failed) => end(&ApiError::Model),
                None => end(&ApiError::Stopped),
            })
        }
    });
    let events = stream::iter([first]).chain(rest.flat_map(stream::iter));
    // Comments while a long prompt is read, so that nobody on the way takes the connection for dead.
    Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default())
}
