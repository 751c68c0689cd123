//! The REST client: many starts over a few connections that stay open, as a program that uses Weft has them.
//! An answer that is no success must never count as one.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use futures::future::try_join_all;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Connections over which many starts go at once.
const CONNECTIONS: u32 = 16;
const ANSWERS_WITHIN: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub(crate) struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    base: String,
    token: String,
}

/// Whatever a request was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// When to come back, where that is said.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// The id of what was made.
    pub(crate) fn made(&self) -> Result<String> {
        let made: Made = serde_json::from_slice(&self.bytes).context("something without id was made")?;
        Ok(made.id)
    }
}

/// Of an answer that may have megabytes, the one field that is wanted.
#[derive(Deserialize)]
struct Made {
    id: String,
}

impl Client {
    pub(crate) fn new(base: String, token: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { http: Http::builder(TokioExecutor::new()).build(connector), base, token }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The same server, asked by somebody else.
    pub(crate) fn speaking_for(&self, token: String) -> Self {
        Self { http: self.http.clone(), base: self.base.clone(), token }
    }

    /// Whatever it is answered.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes)> {
        self.send_under(None, method, path, body).await
    }

    /// The same request under the same key has one effect, however often it is sent.
    pub(crate) async fn send_under(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        let answer = self.ask_under(key, method, path, body).await?;
        Ok((answer.status, answer.bytes))
    }

    pub(crate) async fn ask_under(&self, key: Option<&str>, method: Method, path: &str, body: Bytes) -> Result<Answer> {
        let mut request = Request::builder();
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            // A program that starts and steers many runs wants to know that it was done; whole runs are megabytes.
            .header("prefer", "return=minimal")
            .body(Full::new(body))
            .context("no request can be made of this")?;
        let answer = async {
            let answer = self.http.request(request).await?;
            let status = answer.status();
            let seconds = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let retry_after = seconds.map(Duration::from_secs);
            anyhow::Ok(Answer { status, retry_after, bytes: answer.into_body().collect().await?.to_bytes() })
        };
        let answer = timeout(ANSWERS_WITHIN, answer).await;
        answer.with_context(|| format!("{path} was not answered within {} s", ANSWERS_WITHIN.as_secs()))?
    }

    /// The bytes of a success.
    async fn succeed(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
        let (status, bytes) = self.send(method.clone(), path, body).await?;
        if !status.is_success() {
            let words: String = String::from_utf8_lossy(&bytes).chars().take(600).collect();
            bail!("{method} {path} was answered {status}: {words}");
        }
        Ok(bytes)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let bytes = self.succeed(Method::GET, path, Bytes::new()).await?;
        serde_json::from_slice(&bytes).with_context(|| format!("the answer to {path} is no JSON"))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<()> {
        self.succeed(Method::POST, path, bytes(body)).await.map(drop)
    }

    /// The id of what was made.
    pub(crate) async fn make(&self, path: &str, body: &Value) -> Result<String> {
        let answer = self.succeed(Method::POST, path, bytes(body)).await?;
        let made: Made =
            serde_json::from_slice(&answer).with_context(|| format!("{path} made something without id"))?;
        Ok(made.id)
    }

    /// Starts a run, and says which.
    pub(crate) async fn start(&self, template: &str) -> Result<String> {
        self.make("/api/workflows/runs", &start_of(template)).await
    }

    /// So many at once; comes back when all are answered.
    pub(crate) async fn start_many(&self, template: &str, n: u32) -> Result<()> {
        let body = bytes(&start_of(template));
        let begun = AtomicU32::new(0);
        let connection = || async {
            while begun.fetch_add(1, Ordering::Relaxed) < n {
                self.succeed(Method::POST, "/api/workflows/runs", body.clone()).await?;
            }
            anyhow::Ok(())
        };
        try_join_all((0..CONNECTIONS.min(n)).map(|_| connection())).await.map(drop)
    }
}

/// What is posted to start a run.
pub(crate) fn start_of(template: &str) -> Value {
    json!({"template_id": template, "auto_run": true, "inputs": {}})
}

fn bytes(body: &Value) -> Bytes {
    body.to_string().into()
}
