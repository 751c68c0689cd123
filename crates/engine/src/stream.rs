//! Tokens of a running attempt on their way to whoever watches the run. Lossy by design: the artifact replaces them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use store::{Store, protocol::Claimed};
use tokio::sync::mpsc;
use workflow::{RunId, api::Delta};

/// Pieces that wait between an agent and its pump.
const PIECES: usize = 256;
/// Text kept for somebody who begins to watch later.
const MAX_TEXT: usize = 1024 * 1024;
/// How soon a watcher who came between two tokens is served.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The runs that somebody watches now.
#[derive(Clone, Default)]
pub(crate) struct Watched(Arc<Mutex<BTreeSet<RunId>>>);

impl Watched {
    pub(crate) fn set(&self, runs: BTreeSet<RunId>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = runs;
    }

    pub(crate) fn add(&self, run: RunId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
    }

    fn contains(&self, run: RunId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&run)
    }
}

/// Opens the way for one attempt; it closes when the agent drops the sender.
pub(crate) fn open(store: Store, watched: Watched, claim: &Claimed) -> mpsc::Sender<String> {
    let (sender, mut pieces) = mpsc::channel::<String>(PIECES);
    let (run, step, attempt) = (claim.run, claim.key.clone(), claim.attempt);
    tokio::spawn(async move {
        let mut text = String::new();
        let mut sent = 0;
        loop {
            match tokio::time::timeout(LOOK_AGAIN, pieces.recv()).await {
                Ok(Some(piece)) if text.len() + piece.len() <= MAX_TEXT => text.push_str(&piece),
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => break,
            }
            if sent < text.len() && watched.contains(run) {
                let offset = i64::try_from(sent).unwrap_or(i64::MAX);
                store.send_delta(Delta { run, step: step.clone(), attempt, offset, text: text[sent..].to_owned() });
                sent = text.len();
            }
        }
    });
    sender
}
