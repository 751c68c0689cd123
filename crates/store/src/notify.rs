//! Hints between processes over LISTEN and NOTIFY: "look again", never data that would be missed if it were lost.
//! Sent after commit by one task per process, coalesced and rate limited: a NOTIFY inside hot transactions would serialise all commits.
//! Polling alone must stay correct.

mod here;
mod looking;
mod message;
mod outbox;
mod sending;
mod trip;
mod watched;

use std::time::Duration;

use futures::future::select;
use sqlx::postgres::PgListener;
use tokio::sync::broadcast;
use workflow::{
    RunId, UserId,
    api::{Delta, Telling},
    id::WorkerId,
};

use crate::{Result, Store};
pub use here::{Attendance, Attendant};
use message::Message;
pub(crate) use outbox::Outbox;
pub use watched::Watched;

const CHANNEL: &str = "weft";
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// What happened elsewhere, or here.
#[derive(Clone, PartialEq, Debug)]
pub enum Hint {
    /// Something about this run changed. It is nobody's in particular, unless `Kept` follows.
    Run(RunId),
    /// What may be claimed of this run is that worker's with its next commits: others leave the run to it for a moment.
    Kept(RunId, WorkerId),
    /// Steps are ready to be claimed.
    Ready,
    /// The run was cancelled: its running attempts should stop at once.
    Cancelled(RunId),
    /// Somebody began to look at this run, and has none of its running text.
    Watched(RunId),
    Delta(Delta),
    Telling(Telling),
    /// Who is at a place by one process.
    Here(Attendance),
    /// What lets this person in has changed: whoever relies on it should look at once.
    Person(UserId),
    /// Messages may have been lost: look at everything again.
    Lagged,
}

/// The receiving side: one connection per process, any number of readers.
#[derive(Clone, Debug)]
pub struct Hints {
    sender: broadcast::Sender<Hint>,
}

impl Default for Hints {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(1024) }
    }
}

impl Hints {
    /// A reader that is too slow gets `RecvError::Lagged`, which means the same as [`Hint::Lagged`].
    pub fn subscribe(&self) -> broadcast::Receiver<Hint> {
        self.sender.subscribe()
    }

    /// Tells the readers of this process.
    pub fn tell(&self, hint: Hint) {
        // Nobody listening is fine.
        let _ = self.sender.send(hint);
    }

    /// Listens until `stop` resolves, reconnecting for ever.
    pub async fn listen(&self, store: &Store, stop: impl Future<Output = ()>) {
        let work = async {
            loop {
                if let Err(error) = self.listen_once(store).await {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "listening for hints failed; polling goes on"
                    );
                }
                self.tell(Hint::Lagged);
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
        };
        select(std::pin::pin!(stop), std::pin::pin!(work)).await;
    }

    async fn listen_once(&self, store: &Store) -> Result<()> {
        let mut listener = PgListener::connect_with(&store.direct).await?;
        listener.listen(CHANNEL).await?;
        self.tell(Hint::Lagged);
        // `None` means that the connection was lost, and with it perhaps messages.
        while let Some(notification) = listener.try_recv().await? {
            store.outbox.0.trip.came(notification.payload());
            match serde_json::from_str::<Message>(notification.payload()) {
                Ok(message) => {
                    message.into_hints().into_iter().for_each(|hint| self.tell(hint));
                }
                // A newer replica may say more than this one understands.
                Err(_) => self.tell(Hint::Lagged),
            }
        }
        Ok(())
    }
}

impl Store {
    /// How long one of this process's hints took to come back to it; none while no one has, or nobody listens through this store.
    pub fn notify_lag(&self) -> Option<Duration> {
        self.outbox.0.trip.last()
    }

    /// Tells the other processes that a run of this process changed, and to whom what it left is; after its commit.
    pub fn hint_changed(&self, run: RunId, kept_for: Option<WorkerId>) {
        self.outbox.run(run, kept_for);
    }

    /// Tells them that steps may be claimed.
    pub fn hint_ready(&self) {
        self.outbox.ready();
    }

    /// Tells them that attempts of the run were ended: whoever works on one should stop at once.
    pub fn hint_cancelled(&self, run: RunId) {
        self.outbox.cancelled(run);
    }

    /// Passes on tokens of a running attempt; lossy by design.
    pub fn send_delta(&self, delta: Delta) {
        self.outbox.delta(delta);
    }

    /// Passes on what a running attempt says of itself; lossy by design.
    pub fn send_telling(&self, telling: Telling) {
        self.outbox.telling(telling);
    }

    /// Tells the other processes who is at a place by this one; lossy, to be repeated while it lasts.
    pub fn send_here(&self, attendance: Attendance) {
        self.outbox.put(|waiting| waiting.here.put(attendance));
    }
}
