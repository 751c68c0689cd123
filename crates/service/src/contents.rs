//! The artifacts that answers hold in memory: over all people, and each one's share. Counted by size before anything is read.
//! Must never wait for long, nor for ever: who finds no room within moments is told when to come back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};
use workflow::UserId;

use crate::{Error, Result};

/// Of everybody.
const TOTAL: u64 = 256 * 1024 * 1024;
/// Of one person: room for the largest artifact, and never all there is.
const EACH: u64 = 64 * 1024 * 1024;
/// How long an answer waits for others to be sent.
const PATIENCE: Duration = Duration::from_secs(2);
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, Default)]
pub(crate) struct Contents(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counts: Mutex<Counts>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    total: u64,
    people: HashMap<UserId, u64>,
}

/// The room that one answer takes; given back when dropped.
#[derive(Debug)]
pub struct Held {
    contents: Contents,
    person: UserId,
    bytes: u64,
}

impl Contents {
    /// Room for so many bytes of a person's answer. What is larger than a share takes a whole one, and is then the only one.
    pub(crate) async fn take(&self, person: UserId, bytes: u64) -> Result<Held> {
        self.take_within(person, bytes, PATIENCE).await
    }

    async fn take_within(&self, person: UserId, bytes: u64, patience: Duration) -> Result<Held> {
        let until = Instant::now() + patience;
        loop {
            // Listening before looking: nothing that is given back in between is missed.
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(held) = self.try_take(person, bytes) {
                return Ok(held);
            }
            if timeout_at(until, freed).await.is_err() {
                tracing::debug!(person = %person, bytes, "an artifact was not read: too much is being sent already");
                return Err(Error::TooManyRequests { retry_after: RETRY_AFTER });
            }
        }
    }

    fn try_take(&self, person: UserId, bytes: u64) -> Option<Held> {
        let bytes = bytes.min(EACH);
        let mut counts = self.counts();
        let share = counts.people.get(&person).copied().unwrap_or_default();
        if share + bytes > EACH || counts.total + bytes > TOTAL {
            return None;
        }
        counts.total += bytes;
        *counts.people.entry(person).or_default() += bytes;
        drop(counts);
        Some(Held { contents: self.clone(), person, bytes })
    }

    /// The counts stay whole whatever panics beside them: each change is one step.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Once the answer is made, it is all that is held. Says how much that is now.
    pub fn shrink_to(&mut self, bytes: u64) -> u64 {
        self.give_back(self.bytes.saturating_sub(bytes));
        self.bytes
    }

    fn give_back(&mut self, bytes: u64) {
        let mut counts = self.contents.counts();
        counts.total -= bytes;
        if let Some(share) = counts.people.get_mut(&self.person) {
            *share -= bytes;
            if *share == 0 {
                counts.people.remove(&self.person);
            }
        }
        drop(counts);
        self.bytes -= bytes;
        self.contents.0.freed.notify_waiters();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn person(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn nobody_gets_the_share_of_others_and_who_waits_is_served_or_told() {
        let contents = Contents::default();
        let giant = contents.take(person(1), 8 * EACH).await.unwrap();
        let refused = contents.take_within(person(1), 1, Duration::from_millis(10)).await;
        assert!(matches!(refused, Err(Error::TooManyRequests { .. })), "{refused:?}");
        let mut others = Vec::new();
        for n in 2..=TOTAL / EACH {
            others.push(contents.take(person(n.into()), EACH).await.unwrap());
        }
        assert!(contents.try_take(person(99), 1).is_none(), "all of it is used up");
        let waiting = tokio::spawn({
            let contents = contents.clone();
            async move { contents.take(person(99), EACH / 2).await.map(drop) }
        });
        tokio::task::yield_now().await;
        drop(giant);
        assert!(waiting.await.unwrap().is_ok());
        let mut first = others.pop().unwrap();
        assert_eq!((first.shrink_to(10), first.shrink_to(EACH)), (10, 10));
        drop((first, others));
        let counts = contents.counts();
        assert_eq!((counts.total, counts.people.len()), (0, 0));
    }
}
