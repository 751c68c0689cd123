//! Tokens of a running attempt on their way to whoever watches the run. Lossy by design: the artifact replaces them.

use std::{sync::Arc, time::Duration};

use store::notify::Watched;
use tokio::sync::mpsc;
use workflow::{RunId, StepKey, api::Delta};

use crate::{Shelf, tasks};

/// Pieces that wait between an agent and its pump.
const PIECES: usize = 256;
/// Text kept for somebody who begins to watch later.
const MAX_TEXT: usize = 1024 * 1024;
/// How soon a watcher who came between two tokens is served.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Opens the way for one attempt; it closes when the agent drops the sender.
pub(crate) fn open(
    shelf: Arc<dyn Shelf>,
    watched: Watched,
    run: RunId,
    step: StepKey,
    attempt: i32,
) -> mpsc::Sender<String> {
    let (sender, mut pieces) = mpsc::channel::<String>(PIECES);
    tasks::spawn(async move {
        let mut text = String::new();
        let mut sent = 0;
        let mut granted = 0;
        loop {
            match tokio::time::timeout(LOOK_AGAIN, pieces.recv()).await {
                Ok(Some(piece)) if text.len() + piece.len() <= MAX_TEXT => text.push_str(&piece),
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => break,
            }
            let Some(wish) = watched.look(run) else { continue };
            if wish > granted {
                (granted, sent) = (wish, 0);
            }
            if sent < text.len() {
                let offset = i64::try_from(sent).unwrap_or(i64::MAX);
                shelf.send_delta(Delta { run, step: step.clone(), attempt, offset, text: text[sent..].to_owned() });
                sent = text.len();
            }
        }
    });
    sender
}
