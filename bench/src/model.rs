//! A language model that answers after a second, or holds on: it speaks the `OpenAI` protocol, one event stream for each request.
//! What it costs is measured along with the engine, so it must do as little as it can.

use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::Bytes,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpSocket, task::JoinHandle};

use crate::definitions::{HOLD, text};

const THINKS_FOR: Duration = Duration::from_secs(1);
/// Where it is asked to hold on: longer than anybody measures, and shorter than a step may take.
const HOLDS_FOR: Duration = Duration::from_mins(9);
/// A thousand connections come in the same millisecond.
const BACKLOG: u32 = 4096;

pub(crate) struct Model {
    pub(crate) url: String,
    serving: JoinHandle<()>,
}

impl Model {
    pub(crate) fn start() -> Result<Self> {
        let socket = TcpSocket::new_v4().context("no socket for the model")?;
        socket.bind(([127, 0, 0, 1], 0).into()).context("no free port for the model")?;
        let listener = socket.listen(BACKLOG).context("the model cannot listen")?;
        let url = format!("http://{}/v1/", listener.local_addr().context("the model has no address")?);
        let answer = Bytes::from(answer());
        let handler = move |asked: Bytes| {
            let answer = answer.clone();
            async move {
                let holds = asked.windows(HOLD.len()).any(|part| part == HOLD.as_bytes());
                tokio::time::sleep(if holds { HOLDS_FOR } else { THINKS_FOR }).await;
                respond(answer)
            }
        };
        let router = Router::new().route("/v1/chat/completions", post(handler));
        let serving = tokio::spawn(async move {
            // It ends only with the benchmark.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, serving })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn respond(answer: Bytes) -> Response {
    ([("content-type", "text/event-stream")], answer).into_response()
}

fn answer() -> String {
    let piece = |delta: Value, finish: Value| {
        let chunk = json!({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "bench",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {chunk}\n\n")
    };
    piece(json!({"role": "assistant", "content": text(1000)}), Value::Null)
        + &piece(json!({}), json!("stop"))
        + "data: [DONE]\n\n"
}
