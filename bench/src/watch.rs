//! A socket that watches, as the page of a run and the list of runs have one: part of the load, and what measures how late frames are.
//! Nothing may wait for it: when a run is over is asked of the tables.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use chrono::DateTime;
use futures::{SinkExt, StreamExt};
use http::{HeaderValue, header};
use serde::Deserialize;
use tokio::{task::JoinHandle, time::timeout};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};

use crate::client::Client;

const CONNECTS_WITHIN: Duration = Duration::from_secs(30);
const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

pub(crate) struct Watch {
    /// Milliseconds from an event's time to its frame.
    delays: Arc<Mutex<Vec<f64>>>,
    reading: JoinHandle<()>,
}

/// What is wanted of a frame.
#[derive(Deserialize)]
struct Frame {
    event: Option<Event>,
}

#[derive(Deserialize)]
struct Event {
    at: String,
}

/// Where it looks.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    /// The runs that one may see.
    Mine,
    Run(&'a str),
}

impl Watch {
    pub(crate) async fn open(client: &Client, at: At<'_>) -> Result<Self> {
        let base = client.base().replacen("http://", "ws://", 1);
        let (url, measures) = match at {
            At::Mine => (format!("{base}/api/live"), false),
            At::Run(run) => (format!("{base}/api/workflows/runs/{run}/live"), true),
        };
        let mut request = url.into_client_request().context("no address of a socket")?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", client.token())).context("no token")?;
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let config =
            WebSocketConfig::default().max_message_size(Some(MAX_FRAME_BYTES)).max_frame_size(Some(MAX_FRAME_BYTES));
        let connecting = connect_async_with_config(request, Some(config), true);
        let (mut socket, _) = timeout(CONNECTS_WITHIN, connecting)
            .await
            .context("the live socket did not open in time")?
            .context("the live socket was refused")?;
        socket.send(Message::text(r#"{"after":0}"#)).await.context("the live socket takes no message")?;
        let opened = now_ms();
        let delays = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&delays);
        let reading = tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                if measures && let Some(delay) = delay(&text, now_ms(), opened) {
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(delay);
                }
            }
        });
        Ok(Self { delays, reading })
    }

    pub(crate) fn delays(&self) -> Vec<f64> {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Milliseconds from the time of the frame's event until now; nothing for an event from before the socket was open.
pub(crate) fn delay(frame: &str, now: f64, opened: f64) -> Option<f64> {
    let event = serde_json::from_str::<Frame>(frame).ok()?.event?;
    let at = at_ms(&event.at)?;
    (at >= opened).then_some(now - at)
}

/// A time as the product writes it.
pub(crate) fn at_ms(text: &str) -> Option<f64> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    milliseconds(at.timestamp(), at.timestamp_subsec_micros())
}

fn milliseconds(seconds: i64, micros: u32) -> Option<f64> {
    Some(f64::from(u32::try_from(seconds).ok()?) * 1000.0 + f64::from(micros) / 1000.0)
}

/// The database is on this machine, so both read one clock.
pub(crate) fn now_ms() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_from_after_the_opening_have_a_delay() {
        let frame = r#"{"type":"event","event":{"seq":7,"at":"1970-01-01T00:00:10.250Z","kind":"step_completed"}}"#;
        assert_eq!(delay(frame, 10_262.5, 10_000.0), Some(12.5));
        assert_eq!(delay(frame, 10_262.5, 10_251.0), None);
        assert_eq!(delay(r#"{"type":"resync"}"#, 1.0, 0.0), None);
    }
}
