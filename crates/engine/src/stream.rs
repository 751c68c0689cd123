//! Tokens of a running attempt on their way to whoever watches the run. Lossy by design: the artifact replaces them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;
use workflow::{RunId, StepKey, api::Delta};

use crate::{Shelf, tasks};

/// Pieces that wait between an agent and its pump.
const PIECES: usize = 256;
/// Text kept for somebody who begins to watch later.
const MAX_TEXT: usize = 1024 * 1024;
/// How soon a watcher who came between two tokens is served.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The runs that somebody watches now.
#[derive(Clone, Default)]
pub(crate) struct Watched(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    runs: BTreeSet<RunId>,
    /// Which wish was the last for all text of a run, counted over all of them.
    wishes: BTreeMap<RunId, u64>,
    n_wishes: u64,
}

impl Watched {
    pub(crate) fn set(&self, runs: BTreeSet<RunId>) {
        let mut inner = self.lock();
        inner.wishes.retain(|run, _| runs.contains(run));
        inner.runs = runs;
    }

    /// Somebody began to watch, who has none of the text yet.
    pub(crate) fn add(&self, run: RunId) {
        let mut inner = self.lock();
        inner.n_wishes += 1;
        let wish = inner.n_wishes;
        inner.wishes.insert(run, wish);
        inner.runs.insert(run);
    }

    /// The number of the last wish for all of the run's text, 0 for none; absent while nobody watches.
    fn look(&self, run: RunId) -> Option<u64> {
        let inner = self.lock();
        inner.runs.contains(&run).then(|| inner.wishes.get(&run).copied().unwrap_or_default())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
