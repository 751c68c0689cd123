//! What one person may do with live sockets: how many are open, how fast new ones come, and how much of the log they read.
//! Must never let one person's sockets take what others need: reading takes turns, one at a time for a person and a few in all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::StatusCode;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use workflow::{UserId, api::ErrorCode};

use crate::{bucket::Bucket, http::Problem};

/// Sockets that one person may have open at one process: two for a tab, so thirty tabs.
const MAX_SOCKETS: usize = 64;
/// Sockets opened: at once, and a second. All tabs come back at once when the server restarts.
const OPENED: (u32, u32) = (256, 16);
/// Events replayed: at once, and a second. A page that was just read misses none.
const REPLAYED: (u32, u32) = (16_000, 2_000);
/// Readers of all people together: a quarter of the web's connections to the database.
const READERS: usize = 4;

#[derive(Clone)]
pub(super) struct Seats(Arc<Inner>);

struct Inner {
    people: Mutex<HashMap<UserId, Person>>,
    readers: Arc<Semaphore>,
}

struct Person {
    sockets: usize,
    opened: Bucket,
    replayed: Bucket,
    reader: Arc<Semaphore>,
}

/// One open socket of a person; gives its place back when dropped.
pub(super) struct Seat {
    seats: Seats,
    user: UserId,
    reader: Arc<Semaphore>,
}

/// The right to read from the database now.
pub(super) struct Turn {
    _own: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Default for Seats {
    fn default() -> Self {
        Self(Arc::new(Inner { people: Mutex::default(), readers: Arc::new(Semaphore::new(READERS)) }))
    }
}

impl Seats {
    /// A place for one more socket, if the person has not too many and does not ask for them too fast.
    pub(super) fn take(&self, user: UserId) -> Result<Seat, Problem> {
        self.take_at(user, Instant::now())
    }

    fn take_at(&self, user: UserId, now: Instant) -> Result<Seat, Problem> {
        let mut people = self.people();
        people.retain(|_, person| person.sockets > 0 || !person.opened.is_full(now) || !person.replayed.is_full(now));
        let person = people.entry(user).or_insert_with(|| Person {
            sockets: 0,
            opened: Bucket::new(OPENED.0, OPENED.1, now),
            replayed: Bucket::new(REPLAYED.0, REPLAYED.1, now),
            reader: Arc::new(Semaphore::new(1)),
        });
        if let Some(problem) = person.refusal(now) {
            return Err(problem);
        }
        // There is one, or it would have been refused.
        let _there_is_one = person.opened.take(now);
        person.sockets += 1;
        Ok(Seat { seats: self.clone(), user, reader: Arc::clone(&person.reader) })
    }

    /// Sockets that are open, of all people.
    pub(super) fn n_open(&self) -> usize {
        self.people().values().map(|person| person.sockets).sum()
    }

    /// Why this person would be refused now. Takes nothing.
    pub(super) fn refusal(&self, user: UserId, now: Instant) -> Option<Problem> {
        self.people().get_mut(&user)?.refusal(now)
    }

    /// The map stays whole whatever panics beside it: each change is one step.
    fn people(&self) -> MutexGuard<'_, HashMap<UserId, Person>> {
        self.0.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Person {
    fn refusal(&mut self, now: Instant) -> Option<Problem> {
        let refused = |detail| Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, detail);
        if self.sockets >= MAX_SOCKETS {
            return Some(refused("Too many live connections of yours are open. Close some tabs and try again."));
        }
        let wait = self.opened.wait(now)?;
        Some(refused("You open live connections too fast. Wait a moment and try again.").with_retry_after(wait))
    }
}

impl Seat {
    /// Waits until it is this socket's turn to read.
    pub(super) async fn turn(&self) -> Turn {
        // The own one first: whoever waits for it keeps nobody else waiting. Neither semaphore is ever closed.
        let own = Arc::clone(&self.reader).acquire_owned().await.ok();
        let of_all = Arc::clone(&self.seats.0.readers).acquire_owned().await.ok();
        Turn { _own: own, _of_all: of_all }
    }

    /// How long to wait after `n` events were replayed.
    pub(super) fn replayed(&self, n: usize) -> Duration {
        self.replayed_at(n, Instant::now())
    }

    fn replayed_at(&self, n: usize, now: Instant) -> Duration {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        let owed = |person: &mut Person| person.replayed.owe(n, now);
        self.seats.people().get_mut(&self.user).map_or(Duration::ZERO, owed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(person) = self.seats.people().get_mut(&self.user) {
            person.sockets -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn sockets_are_counted_while_they_are_open_and_opening_them_costs_time() {
        let (seats, user, now) = (Seats::default(), UserId(Uuid::nil()), Instant::now());
        let taken: Vec<_> = (0..MAX_SOCKETS).map(|_| seats.take_at(user, now)).collect();
        assert!(taken.iter().all(Result::is_ok) && seats.take_at(user, now).is_err());
        assert!(seats.take_at(UserId(Uuid::max()), now).is_ok(), "others have their own");
        drop(taken);
        let quick = (0..1_000).filter(|_| seats.take_at(user, now).is_ok()).count();
        assert_eq!(quick, OPENED.0 as usize - MAX_SOCKETS, "closing them gives no new ones at once");
        let later = now + Duration::from_secs(2);
        assert_eq!((0..1_000).filter(|_| seats.take_at(user, later).is_ok()).count(), 32);
    }

    #[tokio::test]
    async fn one_person_reads_one_thing_at_a_time() {
        let seats = Seats::default();
        let (one, two) = (seats.take(UserId(Uuid::nil())).ok().unwrap(), seats.take(UserId(Uuid::nil())).ok().unwrap());
        let other = seats.take(UserId(Uuid::max())).ok().unwrap();
        let turn = one.turn().await;
        let soon = Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, two.turn()).await.is_err());
        assert!(tokio::time::timeout(soon, other.turn()).await.is_ok());
        drop(turn);
        assert!(tokio::time::timeout(soon, two.turn()).await.is_ok());
        let now = Instant::now();
        assert_eq!(one.replayed_at(REPLAYED.0 as usize, now), Duration::ZERO);
        let owed = two.replayed_at(REPLAYED.1 as usize, now);
        assert_eq!(owed, Duration::from_secs(1), "all sockets of a person count together");
    }
}
