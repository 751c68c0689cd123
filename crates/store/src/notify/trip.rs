//! How long a hint takes from this process to Postgres and back to it: one at a time is timed, known again by its words, so that nothing
//! is said for it. Must never hold anybody up.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// One that did not come back in this time is given up: nobody listened.
const GIVE_UP: Duration = Duration::from_secs(10);
/// Nothing came back yet.
const NEVER: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Trip {
    under_way: Mutex<Option<(String, Instant)>>,
    last_micros: AtomicU64,
}

impl Default for Trip {
    fn default() -> Self {
        Self { under_way: Mutex::default(), last_micros: AtomicU64::new(NEVER) }
    }
}

impl Trip {
    /// A hint is about to be sent.
    pub(super) fn begins(&self, payload: &str) {
        let now = Instant::now();
        let mut under_way = self.under_way();
        if under_way.as_ref().is_none_or(|(_, began)| now.duration_since(*began) > GIVE_UP) {
            *under_way = Some((payload.to_owned(), now));
        }
    }

    /// A hint came, of this process or of another one.
    pub(super) fn came(&self, payload: &str) {
        let mut under_way = self.under_way();
        if under_way.as_ref().is_some_and(|(sent, _)| sent == payload)
            && let Some((_, began)) = under_way.take()
        {
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(NEVER - 1);
            self.last_micros.store(micros, Ordering::Relaxed);
        }
    }

    /// How long the last one took that was timed.
    pub(super) fn last(&self) -> Option<Duration> {
        Some(self.last_micros.load(Ordering::Relaxed)).filter(|micros| *micros != NEVER).map(Duration::from_micros)
    }

    fn under_way(&self) -> MutexGuard<'_, Option<(String, Instant)>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_hint_is_timed_at_a_time_and_one_that_never_comes_is_given_up() {
        let trip = Trip::default();
        trip.came("of another process");
        assert_eq!(trip.last(), None);
        trip.begins("a");
        tokio::time::advance(Duration::from_millis(7)).await;
        trip.begins("b");
        trip.came("b");
        assert_eq!(trip.last(), None, "the first is under way still");
        trip.came("a");
        assert_eq!(trip.last(), Some(Duration::from_millis(7)));
        trip.begins("lost");
        tokio::time::advance(Duration::from_secs(11)).await;
        trip.begins("c");
        tokio::time::advance(Duration::from_millis(2)).await;
        trip.came("c");
        assert_eq!(trip.last(), Some(Duration::from_millis(2)));
    }
}
