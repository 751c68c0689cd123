//! All who follow one run at this process: the log is read once and handed to each of them.
//! A room begins at some event; what came before it, each follower reads for itself.

use std::{
    collections::BTreeSet,
    sync::{
        Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use store::Store;
use tokio::{
    sync::{Notify, broadcast},
    time::Instant,
};
use workflow::{
    RunId, StepKey,
    api::{Delta, RunFrame},
};

/// Frames that a slow follower may be behind before it is told to fetch the run again.
const QUEUE: usize = 256;
/// Events read at once.
pub(super) const PAGE: i64 = 256;
/// Hints may be lost, so the log is looked at anyway.
const POLL: Duration = Duration::from_secs(1);
/// Workers send tokens of a run for 20 s after it was last said to be watched.
const SAY_WATCHED: Duration = Duration::from_secs(8);

/// A frame on its way to every follower, written once.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The event's number; none for what has no place in the order.
    pub(super) seq: Option<i64>,
    pub(super) text: Utf8Bytes,
}

impl Frame {
    pub(super) fn new(seq: Option<i64>, frame: &RunFrame) -> Option<Self> {
        match serde_json::to_string(frame) {
            Ok(text) => Some(Self { seq, text: text.into() }),
            Err(error) => {
                tracing::error!(%error, "a live frame could not be written");
                None
            }
        }
    }
}

pub(super) struct Room {
    run: RunId,
    frames: broadcast::Sender<Frame>,
    head: AtomicI64,
    wake: Notify,
}

impl Room {
    pub(super) fn new(run: RunId, seq: i64) -> Self {
        Self { run, frames: broadcast::Sender::new(QUEUE), head: AtomicI64::new(seq), wake: Notify::new() }
    }

    pub(super) fn run(&self) -> RunId {
        self.run
    }

    /// From now on, and the last event that does not come through the receiver: to be read from the log.
    pub(super) fn subscribe(&self) -> (broadcast::Receiver<Frame>, i64) {
        // In this order: the head moves before its event is sent, so nothing falls between the two.
        let frames = self.frames.subscribe();
        (frames, self.head.load(Ordering::SeqCst))
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn pass_on(&self, delta: Delta) {
        self.send(None, &RunFrame::Delta(delta));
    }

    /// Reads the log until the last follower has left.
    pub(super) async fn follow(room: Weak<Self>, store: Store) {
        let mut seen = BTreeSet::new();
        let mut said = None::<Instant>;
        while let Some(room) = room.upgrade() {
            if said.is_none_or(|said| said.elapsed() >= SAY_WATCHED) {
                said = Some(Instant::now());
                if let Err(error) = store.watch_run(room.run).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "cannot say that a run is watched");
                }
            }
            if let Err(error) = room.read(&store, &mut seen).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "cannot read events; trying again");
            }
            // Either a hint or the time; both lead to the same look.
            let _ = tokio::time::timeout(POLL, room.wake.notified()).await;
        }
    }

    async fn read(&self, store: &Store, seen: &mut BTreeSet<(StepKey, i32)>) -> store::Result<()> {
        loop {
            let events = store.events_after(self.run, self.head.load(Ordering::SeqCst), PAGE).await?;
            let n = events.len();
            for event in events {
                let seq = event.seq;
                self.head.store(seq, Ordering::SeqCst);
                self.send(Some(seq), &RunFrame::Event { event: Box::new(event) });
            }
            if i64::try_from(n).is_ok_and(|n| n < PAGE) {
                break;
            }
        }
        // After the events: an attempt makes a step running that an event before it made ready.
        let mut attempts = store.running_attempts(self.run).await?;
        let running: BTreeSet<_> = attempts.iter().map(|attempt| (attempt.step.clone(), attempt.number)).collect();
        attempts.retain(|attempt| !seen.contains(&(attempt.step.clone(), attempt.number)));
        *seen = running;
        if !attempts.is_empty() {
            self.send(None, &RunFrame::Attempts { attempts });
        }
        Ok(())
    }

    fn send(&self, seq: Option<i64>, frame: &RunFrame) {
        if let Some(frame) = Frame::new(seq, frame) {
            // Nobody listening is fine: the next follower reads the log itself.
            let _ = self.frames.send(frame);
        }
    }
}
