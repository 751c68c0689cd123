//! One open socket, as a page has it: it reads, reads slowly or never, and says how late it was told of what happened.
//! Whoever does not read must not read here either: its system takes in little, so that the rest stays with the server.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use futures::{SinkExt, StreamExt};
use http::{HeaderValue, header};
use serde::Deserialize;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};

use crate::{
    client::Client,
    watch::{At, at_ms, delay, now_ms},
};

const CONNECTS_WITHIN: Duration = Duration::from_mins(1);
/// Of a reader that takes its time: between two messages.
const SLOWLY: Duration = Duration::from_millis(500);
/// Bytes that the system takes in for whoever reads slowly or never.
const LITTLE: u32 = 4 * 1024;
const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    Reads,
    Slowly,
    Never,
}

impl Reader {
    /// A third of each.
    pub(super) fn nth(n: usize) -> Self {
        [Self::Reads, Self::Slowly, Self::Never][n % 3]
    }
}

/// What all who read were told, together.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Milliseconds from an event, or from the end of a run, to its frame.
    delays: Mutex<Vec<f64>>,
    pub(super) n_frames: AtomicUsize,
    /// Sockets of readers that ended.
    pub(super) n_ended: AtomicUsize,
}

impl Heard {
    pub(super) fn delays(&self) -> Vec<f64> {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) struct Viewer {
    socket: WebSocketStream<TcpStream>,
    reader: Reader,
    is_of_run: bool,
    opened: f64,
}

/// What is wanted of a frame of `/api/live`.
#[derive(Deserialize)]
struct MyFrame {
    #[serde(default)]
    runs: Vec<Summary>,
}

#[derive(Deserialize)]
struct Summary {
    id: String,
    finished_at: Option<String>,
}

impl Viewer {
    pub(super) async fn open(client: &Client, at: At<'_>, reader: Reader) -> Result<Self> {
        let authority = client.base().strip_prefix("http://").context("no address of a server")?;
        let port = authority.rsplit_once(':').and_then(|(_, port)| port.trim_end_matches('/').parse::<u16>().ok());
        let (path, is_of_run) = match at {
            At::Mine => ("/api/live".to_owned(), false),
            At::Run(run) => (format!("/api/workflows/runs/{run}/live"), true),
        };
        let mut request = format!("ws://{authority}{path}").into_client_request().context("no address of a socket")?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", client.token())).context("no token")?;
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let stream = TcpSocket::new_v4().context("no socket")?;
        if reader != Reader::Reads {
            stream.set_recv_buffer_size(LITTLE).context("the system takes in what it likes")?;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], port.context("the server has no port")?));
        let config =
            WebSocketConfig::default().max_message_size(Some(MAX_FRAME_BYTES)).max_frame_size(Some(MAX_FRAME_BYTES));
        let opening = async {
            let stream = stream.connect(address).await.context("the server takes no connection")?;
            let opened = client_async_with_config(request, stream, Some(config)).await;
            let (mut socket, _) = opened.context("a live socket was refused")?;
            let follow = Message::text(r#"{"after":0}"#);
            socket.send(follow).await.context("a live socket takes no message")?;
            anyhow::Ok(socket)
        };
        let socket = timeout(CONNECTS_WITHIN, opening).await.context("a live socket did not open in time")??;
        Ok(Self { socket, reader, is_of_run, opened: now_ms() })
    }

    pub(super) fn is_of_run(&self) -> bool {
        self.is_of_run
    }

    /// Until the socket ends, which that of a reader should not.
    pub(super) async fn look(self, heard: &Heard) {
        let Self { mut socket, reader, is_of_run, opened } = self;
        if reader == Reader::Never {
            // It stays open here.
            let _kept = socket;
            return std::future::pending().await;
        }
        let mut finished = BTreeSet::new();
        while let Some(Ok(message)) = socket.next().await {
            if reader == Reader::Slowly {
                sleep(SLOWLY).await;
                continue;
            }
            let Message::Text(text) = message else { continue };
            heard.n_frames.fetch_add(1, Ordering::Relaxed);
            let now = now_ms();
            let delays = if is_of_run {
                Vec::from_iter(delay(&text, now, opened))
            } else {
                ends(&text, now, opened, &mut finished)
            };
            heard.delays.lock().unwrap_or_else(PoisonError::into_inner).extend(delays);
        }
        if reader == Reader::Reads {
            heard.n_ended.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Milliseconds from the ends of runs that this frame tells of first, of those that ended since it was opened.
fn ends(frame: &str, now: f64, opened: f64, finished: &mut BTreeSet<String>) -> Vec<f64> {
    let Ok(frame) = serde_json::from_str::<MyFrame>(frame) else { return Vec::new() };
    let ended = frame.runs.into_iter().filter_map(|run| {
        let at = at_ms(&run.finished_at?)?;
        (at >= opened && finished.insert(run.id)).then_some(now - at)
    });
    ended.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_once_and_only_where_it_came_after_the_opening() {
        let mut finished = BTreeSet::new();
        let frame = r#"{"type":"runs","runs":[
            {"id":"a","finished_at":"1970-01-01T00:00:10.250Z"},
            {"id":"b","finished_at":null},
            {"id":"c","finished_at":"1970-01-01T00:00:09.000Z"}]}"#;
        assert_eq!(format!("{:?}", ends(frame, 10_300.0, 10_000.0, &mut finished)), "[50.0]");
        assert!(ends(frame, 10_400.0, 10_000.0, &mut finished).is_empty());
        assert!(ends(r#"{"type":"resync"}"#, 10_400.0, 10_000.0, &mut finished).is_empty());
    }

    #[test]
    fn a_third_of_a_crowd_reads() {
        let readers = (0..6).filter(|n| Reader::nth(*n) == Reader::Reads).count();
        assert_eq!(readers, 2);
    }
}
