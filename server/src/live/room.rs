//! All who follow one run at this process: the log is read once and handed to each of them.
//! A room begins at some event; what came before it, each follower reads for itself.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use store::Store;
use tokio::{
    sync::{Notify, broadcast},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use workflow::{
    RunId,
    api::{AbsentWorker, Delta, RunFrame, Telling},
};

use super::{
    events::{PAGE, People},
    frame::Frame,
    texts::{Taken, Texts},
};

/// Frames that a slow follower may be behind before it is told to fetch the run again.
const QUEUE: usize = 256;
/// Hints may be lost, so the log is looked at anyway.
const POLL: Duration = Duration::from_secs(1);
/// Of many rooms each looks the more seldom: together they look 250 times a second, however many there are.
const POLL_OF_EACH: Duration = Duration::from_millis(4);
/// But never more seldom than so.
const POLL_AT_MOST: Duration = Duration::from_secs(8);
/// Workers send tokens of a run for 20 s after it was last said to be watched.
const SAY_WATCHED: Duration = Duration::from_secs(8);

/// How often it is looked at whether steps wait for a worker that is not there.
const LOOK_FOR_WORKERS: Duration = Duration::from_secs(2);

/// How many rooms there are at this process.
#[derive(Clone, Debug, Default)]
pub(super) struct Open(Arc<AtomicUsize>);

/// One of them, until it is dropped.
struct Counted(Open);

impl Open {
    fn count(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }

    fn n(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How often each of so many rooms looks whether it missed something.
fn poll(n_rooms: usize) -> Duration {
    let n_rooms = u32::try_from(n_rooms).unwrap_or(u32::MAX);
    POLL_OF_EACH.saturating_mul(n_rooms).clamp(POLL, POLL_AT_MOST)
}

pub(super) struct Room {
    run: RunId,
    open: Counted,
    frames: broadcast::Sender<Frame>,
    head: AtomicI64,
    /// Of the database, in which the head is the head.
    history: AtomicU64,
    wake: Notify,
    texts: Mutex<Texts>,
    /// The steps that wait for a worker which is not there, as followers were told.
    absent: Mutex<Vec<AbsentWorker>>,
}

impl Room {
    pub(super) fn new(run: RunId, seq: i64, history: u64, open: &Open) -> Self {
        let (frames, head) = (broadcast::Sender::new(QUEUE), AtomicI64::new(seq));
        let (open, wake, history) = (open.count(), Notify::new(), AtomicU64::new(history));
        Self { run, open, frames, head, history, wake, texts: Mutex::default(), absent: Mutex::default() }
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

    /// Whoever followed under another number follows what was undone.
    pub(super) fn history(&self) -> u64 {
        self.history.load(Ordering::SeqCst)
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn pass_on(&self, delta: Delta) {
        // Under the lock, so that a new follower gets each piece once: kept, or through the receiver.
        let mut texts = self.texts();
        if texts.keep(&delta) {
            self.send(None, &RunFrame::Delta(delta));
        }
    }

    /// What a running attempt says of itself.
    pub(super) fn tell(&self, telling: Telling) {
        // Under the lock, as above.
        let mut texts = self.texts();
        if texts.hear(&telling) {
            self.send(None, &RunFrame::Telling(telling));
        }
    }

    /// The next part of what is there of the attempts that are running, and with the last of it who is missing. Whether that was all.
    pub(super) fn take_over(&self, taken: &mut Taken) -> (Vec<Frame>, bool) {
        let (mut frames, is_all) = self.texts().take_over(self.run, taken);
        if is_all {
            // Also where nobody is missing: who lost the connection may believe otherwise.
            frames.push(RunFrame::Absent { absent: self.absent().clone() });
        }
        (frames.iter().filter_map(|frame| Frame::new(None, frame)).collect(), is_all)
    }

    fn absent(&self) -> MutexGuard<'_, Vec<AbsentWorker>> {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells which steps wait for a worker that is not there, where that changed.
    async fn look_for_absent(&self, store: &Store) -> store::Result<()> {
        let now = store.absent_workers(self.run).await?;
        let mut absent = self.absent();
        if *absent != now {
            absent.clone_from(&now);
            self.send(None, &RunFrame::Absent { absent: now });
        }
        Ok(())
    }

    /// It stays whole whatever panics beside it: each change leaves texts that make sense.
    fn texts(&self) -> MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the log until the last follower has left, or all of them are about to.
    pub(super) async fn follow(room: Weak<Self>, store: Store, stop: CancellationToken) {
        let mut people = People::default();
        let (mut said, mut looked) = (None::<Instant>, None::<Instant>);
        // What was sent while nobody followed here is gone.
        if let Some(room) = room.upgrade() {
            store.ask_for_text(room.run);
        }
        while let Some(room) = room.upgrade() {
            if said.is_none_or(|said| said.elapsed() >= SAY_WATCHED) {
                said = Some(Instant::now());
                if let Err(error) = store.watch_run(room.run).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "cannot say that a run is watched");
                }
            }
            if let Err(error) = room.read(&store, &mut people).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "cannot read events; trying again");
            }
            let poll = poll(room.open.0.n());
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK_FOR_WORKERS.max(poll)) {
                looked = Some(Instant::now());
                if let Err(error) = room.look_for_absent(&store).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "cannot see which workers are missing");
                }
            }
            // Either a hint or the time; both lead to the same look.
            let hint = tokio::time::timeout(poll, room.wake.notified());
            if stop.run_until_cancelled(hint).await.is_none() {
                return;
            }
        }
    }

    /// The database went back, or is another: what followers have may never have been, whatever its number.
    async fn begin_anew(&self, store: &Store, history: u64) -> store::Result<()> {
        let newest = store.run_events(self.run, None, 1).await?;
        self.head.store(newest.first().map_or(0, |event| event.seq), Ordering::SeqCst);
        self.history.store(history, Ordering::SeqCst);
        *self.texts() = Texts::default();
        self.send(None, &RunFrame::Resync);
        Ok(())
    }

    async fn read(&self, store: &Store, people: &mut People) -> store::Result<()> {
        let history = store.history();
        if history != self.history() {
            self.begin_anew(store, history).await?;
        }
        loop {
            let events = people.events_after(store, self.run, self.head.load(Ordering::SeqCst)).await?;
            for event in &events {
                self.head.store(event.seq, Ordering::SeqCst);
                self.send(Some(event.seq), &people.frame(event));
                self.texts().forget(event);
            }
            if i64::try_from(events.len()).is_ok_and(|n| n < PAGE) {
                return Ok(());
            }
        }
    }

    fn send(&self, seq: Option<i64>, frame: &RunFrame) {
        if let Some(frame) = Frame::new(seq, frame) {
            // Nobody listening is fine: the next follower reads the log itself.
            let _ = self.frames.send(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgPoolOptions;

    use super::*;

    #[tokio::test]
    async fn a_room_that_looks_seldom_does_not_keep_a_server_from_stopping() {
        let nowhere = PgPoolOptions::new().acquire_timeout(Duration::from_millis(1));
        let nowhere = nowhere.connect_lazy("postgres://nobody@127.0.0.1:1/none").unwrap();
        let open = Open::default();
        let _crowd: Vec<Counted> = (0..10_000).map(|_| open.count()).collect();
        // Somebody follows it all the while.
        let room = Arc::new(Room::new(RunId(uuid::Uuid::nil()), 0, 0, &open));
        let stop = CancellationToken::new();
        let following = tokio::spawn(Room::follow(Arc::downgrade(&room), Store::from_pool(nowhere), stop.clone()));
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), following).await.expect("it has stopped").unwrap();
    }

    #[test]
    fn of_a_crowd_of_rooms_each_looks_more_seldom_and_closed_ones_do_not_count() {
        assert_eq!(
            [1, 100, 250, 500, 1_000, 100_000].map(|n| poll(n).as_millis()),
            [1_000, 1_000, 1_000, 2_000, 4_000, 8_000]
        );
        let open = Open::default();
        let rooms: Vec<Room> = (0..3).map(|_| Room::new(RunId(uuid::Uuid::nil()), 0, 0, &open)).collect();
        assert_eq!(open.n(), 3);
        drop(rooms);
        assert_eq!(open.n(), 0);
    }
}
