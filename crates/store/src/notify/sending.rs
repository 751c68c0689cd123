//! The one task of a process that sends its hints: after commits, coalesced and rate limited.
//! What cannot be sent is not sent again: polling finds it.

use std::time::Duration;

use futures::future::{Either, select};

use super::{CHANNEL, message::Message};
use crate::{Result, Store};

/// At most 40 hints a second leave a process.
const HINT_PAUSE: Duration = Duration::from_millis(25);
/// At most 10 token messages a second leave a process.
const DELTA_PAUSE: Duration = Duration::from_millis(100);
pub(super) const MAX_DELTA_BYTES: usize = 3_000;
/// Postgres refuses 8,000 bytes and more, and a refused hint would be lost whole.
const MAX_PAYLOAD: usize = 7_500;

impl Store {
    /// Sends this process's hints until `stop` resolves: the first at once, the next ones coalesced.
    pub async fn send_hints(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut last_delta = tokio::time::Instant::now();
        loop {
            if !self.outbox.has_more() {
                let filled = std::pin::pin!(self.outbox.0.filled.notified());
                if let Either::Left(_) = select(&mut stop, filled).await {
                    break;
                }
            }
            let mut message = self.outbox.take_message();
            let mut here = Message::default();
            if last_delta.elapsed() >= DELTA_PAUSE {
                message.tellings = self.outbox.take_tellings();
                let is_alone = message.tellings.is_empty();
                message.deltas = self.outbox.take_deltas(if is_alone { MAX_DELTA_BYTES } else { MAX_DELTA_BYTES / 2 });
                here = self.outbox.take_here();
                last_delta = tokio::time::Instant::now();
            }
            for message in [message, here].into_iter().filter(|message| !message.is_empty()) {
                if let Err(error) = self.notify(&message).await {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "a hint was not sent; polling finds the change"
                    );
                }
            }
            let pause = std::pin::pin!(tokio::time::sleep(HINT_PAUSE));
            if let Either::Left(_) = select(&mut stop, pause).await {
                break;
            }
        }
        // The process is ending; what was committed last should still be seen at once elsewhere, and who is not here any more.
        for message in [self.outbox.take_message(), self.outbox.take_here()] {
            if !message.is_empty() {
                let _ = self.notify(&message).await;
            }
        }
    }

    async fn notify(&self, message: &Message) -> Result<()> {
        let mut payload = serde_json::json!(message).to_string();
        if payload.len() > MAX_PAYLOAD {
            // Tokens are lossy anyway; the rest shrinks to "look at everything".
            payload = serde_json::json!(Message { all: true, ready: true, ..Message::default() }).to_string();
        }
        self.outbox.0.trip.begins(&payload);
        sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, payload).execute(&self.pool).await?;
        Ok(())
    }
}
