//! HTTP/1.0 by hand over one socket: a body ends with the connection, and dropping the value is a client that leaves.
//! For this test only; it understands nothing but what local-llm answers.

use std::time::Instant;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) async fn send(address: &str, route: &str, headers: &str, body: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        let length = body.len();
        let request = format!("{route} HTTP/1.0\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n{body}");
        // A server that refuses a large body may close before it has read all of it.
        let _ = socket.write_all(request.as_bytes()).await;
        Self(BufReader::new(socket))
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let n = self.0.read_line(&mut line).await.expect("the answer is UTF-8 in every line");
        (n > 0).then(|| line.trim_end().to_owned())
    }

    async fn head(&mut self) -> u16 {
        let first = self.line().await.expect("a status line");
        while self.line().await.is_some_and(|line| !line.is_empty()) {}
        first.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    pub(crate) async fn answer(mut self) -> (u16, Value) {
        let status = self.head().await;
        let mut body = Vec::new();
        self.0.read_to_end(&mut body).await.expect("a whole body");
        (status, serde_json::from_slice(&body).expect("a JSON body"))
    }

    pub(crate) async fn events(mut self) -> Events {
        let status = self.head().await;
        Events { connection: self, status, is_done: false }
    }
}

/// A stream of server-sent events.
pub(crate) struct Events {
    connection: Connection,
    status: u16,
    is_done: bool,
}

/// What a stream said, and when its first and last text came.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) said: String,
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

impl Events {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }

    pub(crate) async fn next(&mut self) -> Option<Value> {
        while let Some(line) = self.connection.line().await {
            match line.strip_prefix("data: ") {
                Some("[DONE]") => self.is_done = true,
                Some(data) => return Some(serde_json::from_str(data).expect("JSON in every event")),
                None => {}
            }
        }
        None
    }

    pub(crate) async fn text(mut self) -> Heard {
        let mut said = String::new();
        let mut times = Vec::new();
        while let Some(chunk) = self.next().await {
            let text = chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
            if !text.is_empty() {
                said.push_str(text);
                times.push(Instant::now());
            }
        }
        let (first, last) = times.first().copied().zip(times.last().copied()).expect("some text");
        Heard { said, first, last }
    }
}
