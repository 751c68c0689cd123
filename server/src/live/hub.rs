//! One per process: turns the store's hints into wake-ups of those who follow a run, and knows what runs for sockets and who is where.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use rand::RngCore;
use store::{
    Store,
    notify::{Hint, Hints},
};
use tokio::{
    sync::{
        Notify,
        broadcast::{self, error::RecvError},
    },
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;
use workflow::{RunId, UserId};

use super::{
    door::{Door, Presented},
    presence::{Presence, SAY_EVERY},
    room::{Open, Room},
    seat::Seats,
};
use crate::http::Problem;

/// Changes that a slow follower of all its runs may be behind before it is told to look at everything: seconds of a busy process, in which
/// a crowd of followers has its turns.
const CHANGES: usize = 4_096;
/// Changes of so long are looked up together: a list is told a few times a second.
const GATHER: Duration = Duration::from_millis(25);
/// People who lost or changed a way in, for sockets that look at it at once.
const PERSONS: usize = 64;

#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    store: Store,
    hints: Hints,
    rooms: Mutex<HashMap<RunId, Weak<Room>>>,
    open: Open,
    /// Runs that changed, until it is known whose they are.
    changed: Mutex<BTreeSet<RunId>>,
    has_changed: Notify,
    changes: broadcast::Sender<Changed>,
    persons: broadcast::Sender<UserId>,
    presence: Presence,
    seats: Seats,
    door: Door,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// What followers of all their runs are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Changed {
    Run(RunId, Whose),
    Everything,
}

/// Whom a run concerns, beside admins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    /// Its owner, and whoever was asked there before.
    Owners(UserId),
    /// Somebody is asked there, or nobody knows.
    Anybodys,
}

impl Hub {
    pub fn new(store: Store, hints: Hints) -> Self {
        let mut process = [0; 16];
        rand::rng().fill_bytes(&mut process);
        Self(Arc::new(Inner {
            store,
            hints,
            rooms: Mutex::default(),
            open: Open::default(),
            changed: Mutex::default(),
            has_changed: Notify::new(),
            changes: broadcast::Sender::new(CHANGES),
            persons: broadcast::Sender::new(PERSONS),
            presence: Presence::new(Uuid::from_bytes(process)),
            seats: Seats::default(),
            door: Door::default(),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        }))
    }

    /// Passes hints on until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(self.pass_on(&stop), self.tell_whose(&stop));
    }

    async fn pass_on(&self, stop: &CancellationToken) {
        let mut hints = self.0.hints.subscribe();
        let mut say_again = interval(SAY_EVERY);
        say_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let hint = tokio::select! {
                () = stop.cancelled() => return,
                hint = hints.recv() => hint,
                _ = say_again.tick() => {
                    self.say_who_is_where(false);
                    continue;
                }
            };
            match hint {
                Ok(Hint::Run(run)) => {
                    if let Some(room) = self.room(run) {
                        room.wake();
                    }
                    lock(&self.0.changed).insert(run);
                    self.0.has_changed.notify_one();
                }
                Ok(Hint::Delta(delta)) => {
                    if let Some(room) = self.room(delta.run) {
                        room.pass_on(delta);
                    }
                }
                Ok(Hint::Lagged) | Err(RecvError::Lagged(_)) => {
                    for room in lock(&self.0.rooms).values().filter_map(Weak::upgrade) {
                        room.wake();
                    }
                    self.tell(Changed::Everything);
                    self.say_who_is_where(true);
                }
                Ok(Hint::Telling(telling)) => {
                    if let Some(room) = self.room(telling.run) {
                        room.tell(telling);
                    }
                }
                Ok(Hint::Here(said)) => {
                    if let Some(answer) = self.0.presence.hear(said, Instant::now()) {
                        self.0.store.send_here(answer);
                    }
                }
                Ok(Hint::Person(person)) => {
                    // Nobody listening is fine.
                    let _ = self.0.persons.send(person);
                }
                Ok(Hint::Ready | Hint::Kept(..) | Hint::Cancelled(_) | Hint::Watched(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Tells those who follow all their runs which have changed, and whose they are: asked of the database once for all of them, so that
    /// nobody asks about what is none of theirs.
    async fn tell_whose(&self, stop: &CancellationToken) {
        while stop.run_until_cancelled(self.gathered()).await.is_some() {
            let runs: Vec<RunId> = std::mem::take(&mut *lock(&self.0.changed)).into_iter().collect();
            // Who begins to follow now reads its lists after that.
            if runs.is_empty() || self.0.changes.receiver_count() == 0 {
                continue;
            }
            let owners = self.0.store.owners_of(&runs).await.unwrap_or_else(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "cannot see whose runs have changed; all who follow are told");
                BTreeMap::new()
            });
            for run in runs {
                let whose = match owners.get(&run) {
                    Some((owner, false)) => Whose::Owners(*owner),
                    Some((_, true)) | None => Whose::Anybodys,
                };
                self.tell(Changed::Run(run, whose));
            }
        }
    }

    /// Until there are changes, and others may have come beside them.
    async fn gathered(&self) {
        self.0.has_changed.notified().await;
        sleep(GATHER).await;
    }

    /// Closes every socket with "restarting" and waits until they are closed and nothing reads for them any more.
    pub async fn close(&self) {
        self.0.shutdown.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Sockets that are open here.
    pub fn n_sockets(&self) -> usize {
        self.0.seats.n_open()
    }

    /// A credential as the door remembers it: by a hash that means nothing elsewhere.
    pub(crate) fn presented(&self, is_token: bool, credential: &str) -> Presented {
        self.0.door.presented(is_token, credential)
    }

    /// Why whoever presents this gets no socket now, as far as that is known without the database. From None nothing follows.
    pub(crate) fn turn_away(&self, presented: Presented) -> Option<Problem> {
        let now = Instant::now();
        self.0.seats.refusal(self.0.door.who(presented, now)?, now)
    }

    /// Somebody was refused a socket, after the database said who it is.
    pub(crate) fn has_turned_away(&self, presented: Presented, user: UserId) {
        self.0.door.remember(presented, user, Instant::now());
    }

    /// The room of a run, opened at an event that its caller has just read.
    pub(super) fn enter(&self, run: RunId, seq: i64) -> Arc<Room> {
        let mut rooms = lock(&self.0.rooms);
        if let Some(room) = rooms.get(&run).and_then(Weak::upgrade) {
            return room;
        }
        rooms.retain(|_, room| room.strong_count() > 0);
        let room = Arc::new(Room::new(run, seq, self.0.store.history(), &self.0.open));
        rooms.insert(run, Arc::downgrade(&room));
        // Ends by itself when the last follower leaves.
        let (store, stop) = (self.0.store.clone(), self.0.shutdown.clone());
        self.0.tasks.spawn(Room::follow(Arc::downgrade(&room), store, stop));
        room
    }

    pub(super) fn changes(&self) -> broadcast::Receiver<Changed> {
        self.0.changes.subscribe()
    }

    /// Whose sessions, tokens or account changed.
    pub(super) fn persons(&self) -> broadcast::Receiver<UserId> {
        self.0.persons.subscribe()
    }

    pub(super) fn presence(&self) -> &Presence {
        &self.0.presence
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    pub(super) fn seats(&self) -> &Seats {
        &self.0.seats
    }

    /// `asks` where words of other processes may have been lost.
    fn say_who_is_where(&self, asks: bool) {
        for said in self.0.presence.say_again(asks, Instant::now()) {
            self.0.store.send_here(said);
        }
    }

    fn room(&self, run: RunId) -> Option<Arc<Room>> {
        lock(&self.0.rooms).get(&run)?.upgrade()
    }

    fn tell(&self, changed: Changed) {
        // Nobody listening is fine.
        let _ = self.0.changes.send(changed);
    }
}

/// The map stays whole whatever panics beside it: each change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
