//! Makes agents' inputs, and servers that misbehave in ways a mock server cannot.

use std::{collections::BTreeMap, sync::Arc};

use agents::{
    AgentContext, AgentError, InMemory, Options, Providers, Recorder, Registry, Room, Sandbox, StepInput, StepOutput,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

#[expect(clippy::needless_pass_by_value, reason = "tests write their documents in place")]
pub(crate) fn input(config: Value, outputs: Value, values: Value) -> StepInput {
    let spec = serde_json::from_value(json!({ "id": "a", "name": "A", "config": config, "outputs": outputs })).unwrap();
    let values: BTreeMap<String, Value> = workflow::json::exact(values).unwrap();
    StepInput { spec: Arc::new(spec), prompt: None, values, revision: None }
}

pub(crate) fn context() -> AgentContext {
    AgentContext {
        idempotency_key: "run/step/1".to_owned(),
        cancel: CancellationToken::new(),
        deltas: None,
        recorder: Recorder::default(),
        room: Room::default(),
        run: "00000000-0000-7000-8000-000000000000".parse().unwrap(),
        step: "step".into(),
        attempt: 1,
    }
}

/// A registry that may reach this machine, but only by its usual address.
pub(crate) fn registry(providers: Providers) -> Registry {
    let allow_private = vec!["127.0.0.1".parse().unwrap()];
    Registry::new(
        providers,
        Arc::new(InMemory::default()),
        Options { allow_private, sandbox: Some(sandbox()), secrets: None },
    )
}

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_weft-sandbox"), [""; 0])
}

/// Outputs as (name, media type, text).
pub(crate) fn shown(output: &StepOutput) -> Vec<(&str, &str, &str)> {
    output
        .outputs
        .iter()
        .map(|output| (output.name.as_str(), output.media_type.as_str(), std::str::from_utf8(&output.bytes).unwrap()))
        .collect()
}

pub(crate) fn class(result: Result<StepOutput, AgentError>) -> String {
    match result {
        Ok(output) => format!("{:?}", shown(&output)),
        Err(error) => error.class.to_string(),
    }
}

/// A server for one connection: reads the request's head, sends `bytes`, and then closes, or waits until the client does.
pub(crate) struct RawServer {
    pub(crate) url: String,
    /// Resolves once the client has gone.
    pub(crate) client_left: oneshot::Receiver<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Close,
    Wait,
}

pub(crate) async fn raw_server(bytes: &'static str, then: Then) -> RawServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (left, client_left) = oneshot::channel();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        socket.write_all(bytes.as_bytes()).await.unwrap();
        if then == Then::Wait {
            let mut rest = [0; 1024];
            while matches!(socket.read(&mut rest).await, Ok(n) if n > 0) {}
        }
        drop(socket);
        // The test may not wait for it.
        let _ = left.send(());
    });
    RawServer { url, client_left }
}

/// A server for one connection that sends a stream in pieces, each after so many milliseconds, and then waits until the client goes.
pub(crate) async fn paced(pieces: Vec<(u64, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        for (ms, piece) in pieces {
            tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
            let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
            if socket.write_all(chunk.as_bytes()).await.is_err() {
                return;
            }
        }
        let mut rest = [0; 1024];
        while matches!(socket.read(&mut rest).await, Ok(n) if n > 0) {}
    });
    url
}

/// A server that sends one piece again and again, in chunks, until `n_bytes` were sent or the client has gone.
pub(crate) async fn endless(media_type: &'static str, piece: Vec<u8>, n_bytes: usize) -> String {
    endless_with("200 OK", media_type, piece, n_bytes).await
}

/// The same, with another status.
pub(crate) async fn endless_with(
    status: &'static str,
    media_type: &'static str,
    piece: Vec<u8>,
    n_bytes: usize,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ntransfer-encoding: chunked\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
        for _ in 0..n_bytes / piece.len() {
            if socket.write_all(&chunk).await.is_err() {
                return;
            }
        }
        // The client may have gone.
        let _ = socket.write_all(b"0\r\n\r\n").await;
    });
    url
}

/// KiB of this process: `VmRSS` now, `VmHWM` at most so far.
pub(crate) fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Reads a whole request, so that closing does not reset the connection under the answer.
async fn read_request(socket: &mut TcpStream) {
    let mut request = Vec::new();
    loop {
        let mut part = [0; 4096];
        let n = socket.read(&mut part).await.unwrap();
        request.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return;
            }
        }
    }
}
