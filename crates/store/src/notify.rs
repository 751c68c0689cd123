//! Hints between processes over LISTEN and NOTIFY: "look again", never data that would be missed if it were lost.
//! Sent after commit by one task per process, coalesced and rate limited: a NOTIFY inside hot transactions would serialise all commits.
//! Polling alone must stay correct.

mod here;
mod trip;
mod watched;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, broadcast};
use workflow::{
    RunId, StepKey, UserId,
    api::{Delta, LogLine, Telling},
    id::WorkerId,
    pieces::Pieces,
};

use crate::{Result, Store};
pub use here::{Attendance, Attendant};
pub use watched::Watched;

const CHANNEL: &str = "weft";
/// At most 40 hints a second leave a process.
const HINT_PAUSE: Duration = Duration::from_millis(25);
/// At most 10 token messages a second leave a process.
const DELTA_PAUSE: Duration = Duration::from_millis(100);
/// Postgres takes 8,000 bytes; JSON escaping may double a text.
const MAX_IDS: usize = 150;
/// Runs that are worked on at such a pace are few.
const MAX_KEPT: usize = 10;
const MAX_DELTA_BYTES: usize = 3_000;
/// Of progress and log lines; then there is half as much text beside them.
const MAX_TELLING_BYTES: usize = 1_500;
/// Lines of one attempt that wait to be sent.
const MAX_LINES: usize = 200;
/// Bytes of a line as it is shown while it comes.
const MAX_LINE_BYTES: usize = 500;
/// Postgres refuses 8,000 bytes and more, and a refused hint would be lost whole.
const MAX_PAYLOAD: usize = 7_500;
/// Text of one attempt that waits to be sent; beyond it the oldest is dropped, and its offset tells.
const MAX_WAITING_BYTES: usize = 64 * 1024;
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

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    runs: BTreeSet<RunId>,
    #[serde(skip_serializing_if = "is_false")]
    ready: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    cancelled: BTreeSet<RunId>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    kept: BTreeMap<RunId, WorkerId>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    watched: BTreeSet<RunId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deltas: Vec<Delta>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tellings: Vec<Telling>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    here: Vec<Attendance>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    people: BTreeSet<UserId>,
    /// More than fits: look at everything.
    #[serde(skip_serializing_if = "is_false")]
    all: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Message {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn into_hints(self) -> Vec<Hint> {
        let mut hints = Vec::new();
        if self.all {
            hints.push(Hint::Lagged);
        }
        hints.extend(self.runs.into_iter().map(Hint::Run));
        hints.extend(self.kept.into_iter().map(|(run, worker)| Hint::Kept(run, worker)));
        if self.ready {
            hints.push(Hint::Ready);
        }
        hints.extend(self.cancelled.into_iter().map(Hint::Cancelled));
        hints.extend(self.watched.into_iter().map(Hint::Watched));
        hints.extend(self.deltas.into_iter().map(Hint::Delta));
        hints.extend(self.tellings.into_iter().map(Hint::Telling));
        hints.extend(self.here.into_iter().map(Hint::Here));
        hints.extend(self.people.into_iter().map(Hint::Person));
        hints
    }
}

/// What waits to be told; filled after the commits of this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox(Arc<OutboxInner>);

#[derive(Debug, Default)]
struct OutboxInner {
    waiting: Mutex<Waiting>,
    filled: Notify,
    trip: trip::Trip,
}

#[derive(Debug, Default)]
struct Waiting {
    message: Message,
    deltas: BTreeMap<(RunId, StepKey, i32), Pieces>,
    tellings: BTreeMap<(RunId, StepKey, i32), Telling>,
    here: here::Queue,
}

impl Outbox {
    fn put(&self, change: impl FnOnce(&mut Waiting)) {
        // A panic elsewhere leaves a set of ids at worst half filled, which is still a valid hint.
        change(&mut self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.filled.notify_one();
    }

    pub(crate) fn run(&self, run: RunId, kept_for: Option<WorkerId>) {
        self.put(|waiting| {
            waiting.message.kept.remove(&run);
            if let Some(worker) = kept_for.filter(|_| waiting.message.kept.len() < MAX_KEPT) {
                waiting.message.kept.insert(run, worker);
            }
            waiting.message.runs.insert(run);
            if waiting.message.runs.len() > MAX_IDS {
                waiting.message.runs.clear();
                waiting.message.all = true;
            }
        });
    }

    pub(crate) fn ready(&self) {
        self.put(|waiting| waiting.message.ready = true);
    }

    pub(crate) fn cancelled(&self, run: RunId) {
        self.put(|waiting| {
            if waiting.message.cancelled.len() < MAX_IDS / 3 {
                waiting.message.cancelled.insert(run);
            }
        });
    }

    pub(crate) fn watched(&self, run: RunId) {
        self.put(|waiting| {
            if waiting.message.watched.len() < MAX_IDS / 3 {
                waiting.message.watched.insert(run);
            }
        });
    }

    /// Also what is left out is found, only later: sessions are looked at every few seconds.
    pub(crate) fn person(&self, user: UserId) {
        self.put(|waiting| {
            if waiting.message.people.len() < MAX_IDS / 3 {
                waiting.message.people.insert(user);
            }
        });
    }

    pub(crate) fn delta(&self, delta: Delta) {
        self.put(|waiting| {
            let known = waiting.deltas.entry((delta.run, delta.step, delta.attempt)).or_default();
            // Text that is sent again holds what waits; what comes anew too fast takes its place.
            if known.n_bytes() >= MAX_WAITING_BYTES && delta.offset >= known.end() {
                *known = Pieces::default();
            }
            known.add(delta.offset, &delta.text);
        });
    }

    pub(crate) fn telling(&self, telling: Telling) {
        self.put(|waiting| {
            let place = (telling.run, telling.step.clone(), telling.attempt);
            match waiting.tellings.get_mut(&place) {
                Some(known) => {
                    known.progress = telling.progress.or(known.progress.take());
                    known.lines.extend(telling.lines);
                    // The oldest are lost here: where the attempt is, all that are kept can be read.
                    let n_lost = known.lines.len().saturating_sub(MAX_LINES);
                    known.lines.drain(..n_lost);
                }
                None => {
                    waiting.tellings.insert(place, telling);
                }
            }
        });
    }

    /// Up to one message's worth of what attempts say of themselves.
    fn take_tellings(&self) -> Vec<Telling> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut left, mut taken) = (MAX_TELLING_BYTES, Vec::new());
        while left > 0
            && let Some((place, mut telling)) = waiting.tellings.pop_first()
        {
            let size = |line: &LogLine| line.text.len() + 80;
            let mut n_bytes = 200 + telling.progress.as_ref().map_or(0, |progress| progress.note.len());
            let mut n = 0;
            for line in &mut telling.lines {
                // One alone may be longer than a message; what is cut off is in the log.
                let end = line.text.floor_char_boundary(MAX_LINE_BYTES.min(line.text.len()));
                line.text.truncate(end);
                if n > 0 && n_bytes + size(line) > left {
                    break;
                }
                n_bytes += size(line);
                n += 1;
            }
            let rest = telling.lines.split_off(n);
            left = left.saturating_sub(n_bytes);
            if !rest.is_empty() {
                let (run, step, attempt) = place.clone();
                waiting.tellings.insert(place, Telling { run, step, attempt, progress: None, lines: rest });
                left = 0;
            }
            taken.push(telling);
        }
        taken
    }

    fn take_message(&self) -> Message {
        std::mem::take(&mut self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).message)
    }

    /// Up to one message's worth of token text, in whole characters.
    fn take_deltas(&self, most: usize) -> Vec<Delta> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = most;
        let mut taken = Vec::new();
        while left > 0
            && let Some((place, mut pieces)) = waiting.deltas.pop_first()
        {
            let Some((offset, mut text)) = pieces.pop_first() else { continue };
            let cut = text.floor_char_boundary(left.min(text.len()));
            let rest = text.split_off(cut);
            // A message also carries the names; a very short piece still costs that much.
            left = left.saturating_sub(cut.max(100));
            pieces.add(offset + i64::try_from(cut).unwrap_or(i64::MAX), &rest);
            let (run, step, attempt) = place.clone();
            if !pieces.is_empty() {
                waiting.deltas.insert(place, pieces);
            }
            if text.is_empty() {
                break;
            }
            taken.push(Delta { run, step, attempt, offset, text });
        }
        taken
    }

    /// Up to one message's worth of who is where: it goes alone, so that it takes no room from what is waited for.
    fn take_here(&self) -> Message {
        let here = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).here.take();
        Message { here, ..Message::default() }
    }

    /// Something waits that is sent at a slower pace: what attempts write, and who is where.
    fn has_more(&self) -> bool {
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        !waiting.deltas.is_empty() || !waiting.tellings.is_empty() || !waiting.here.is_empty()
    }
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

    /// Says that somebody looks at the run now, so that workers send its tokens. To be repeated while it lasts.
    pub async fn watch_run(&self, run: RunId) -> Result<()> {
        let is_new = sqlx::query_scalar!(
            r#"WITH old AS (SELECT until FROM run_watchers WHERE run_id = $1)
            INSERT INTO run_watchers (run_id, until) VALUES ($1, clock_timestamp() + interval '20 seconds')
            ON CONFLICT (run_id) DO UPDATE SET until = excluded.until
            RETURNING coalesce((SELECT until FROM old) < clock_timestamp(), true) AS "is_new!""#,
            run.0,
        )
        .fetch_one(&self.pool)
        .await?;
        if is_new {
            self.outbox.watched(run);
        }
        Ok(())
    }

    /// Asks workers for all text of the run's running attempts: whoever begins to look has missed what was sent before.
    pub fn ask_for_text(&self, run: RunId) {
        self.outbox.watched(run);
    }

    /// The runs that somebody looks at now.
    pub async fn watched_runs(&self) -> Result<BTreeSet<RunId>> {
        let ids = sqlx::query_scalar!("SELECT run_id FROM run_watchers WHERE until > clock_timestamp()")
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().map(RunId).collect())
    }

    /// Forgets who looked long ago.
    pub async fn sweep_watchers(&self) -> Result<()> {
        sqlx::query!("DELETE FROM run_watchers WHERE until < clock_timestamp() - interval '1 minute'")
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(offset: i64, text: &str) -> Delta {
        Delta { run: RunId(uuid::Uuid::nil()), step: "a".into(), attempt: 1, offset, text: text.into() }
    }

    #[test]
    fn token_text_is_joined_and_cut_at_whole_characters() {
        let outbox = Outbox::default();
        outbox.delta(delta(0, "héllo "));
        outbox.delta(delta(7, &"ü".repeat(4_000)));
        let mut offset = 0;
        let mut rounds = 0;
        while outbox.has_more() {
            for piece in outbox.take_deltas(MAX_DELTA_BYTES) {
                assert_eq!(piece.offset, offset);
                assert!(piece.text.len() <= MAX_DELTA_BYTES);
                offset += i64::try_from(piece.text.len()).unwrap();
            }
            rounds += 1;
        }
        assert_eq!((offset, rounds), (8_007, 3));
    }

    #[test]
    fn text_that_is_sent_again_replaces_what_waits_of_it() {
        let outbox = Outbox::default();
        outbox.delta(delta(4, "two "));
        outbox.delta(delta(0, "one two "));
        outbox.delta(delta(8, "three"));
        assert_eq!(outbox.take_deltas(MAX_DELTA_BYTES), [delta(0, "one two three")]);
    }

    #[test]
    fn parts_of_a_text_that_another_process_has_the_rest_of_are_all_sent() {
        let outbox = Outbox::default();
        outbox.delta(delta(0, "one "));
        outbox.delta(delta(8, "three "));
        outbox.delta(delta(20, "five"));
        let taken = [outbox.take_deltas(MAX_DELTA_BYTES), outbox.take_deltas(MAX_DELTA_BYTES)].concat();
        assert_eq!(taken, [delta(0, "one "), delta(8, "three "), delta(20, "five")]);
        assert!(!outbox.has_more());
    }

    #[test]
    fn many_runs_become_one_look_at_everything() {
        let outbox = Outbox::default();
        for n in 0..500 {
            outbox.run(RunId(uuid::Uuid::from_u128(n)), None);
        }
        let message = outbox.take_message();
        assert!(message.all && serde_json::to_string(&message).unwrap().len() < 7_500);
    }
}
