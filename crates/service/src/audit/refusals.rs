//! Which refusals are written into the audit log: a few a minute for each caller, then only how many there were.
//! Kept in memory: it bounds what one process writes, and is no record itself.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Entries of one caller in a minute.
const PER_MINUTE: u32 = 10;
const WINDOW: Duration = Duration::from_mins(1);
/// Callers that are told apart; beyond, everybody new counts as one.
const MAX_CALLERS: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<String, Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    n: u32,
    /// Not written, in this window and before.
    n_dropped: u64,
}

impl Refusals {
    /// How many of this caller were dropped before this one, if it is to be written.
    pub(crate) fn admit(&self, caller: &str, now: Instant) -> Option<u64> {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MAX_CALLERS {
            callers.retain(|_, window| now.saturating_duration_since(window.began) < WINDOW);
        }
        let is_full = callers.len() >= MAX_CALLERS && !callers.contains_key(caller);
        let key = if is_full { "" } else { caller };
        let window = callers.entry(key.to_owned()).or_insert(Window { began: now, n: 0, n_dropped: 0 });
        if now.saturating_duration_since(window.began) >= WINDOW {
            (window.began, window.n) = (now, 0);
        }
        window.n += 1;
        if window.n > PER_MINUTE {
            window.n_dropped += 1;
            return None;
        }
        Some(std::mem::take(&mut window.n_dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_written_a_few_times_a_minute_and_counted_beyond() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let written = (0..500).filter(|_| refusals.admit("ben", now).is_some()).count();
        assert_eq!(written, 10);
        assert_eq!(refusals.admit("cara", now), Some(0), "each for themselves");
        let later = now + Duration::from_secs(61);
        assert_eq!(refusals.admit("ben", later), Some(490), "the others are told as a number");
        assert_eq!(refusals.admit("ben", later), Some(0));
        for n in 0..20_000 {
            refusals.admit(&n.to_string(), later);
        }
        assert!(refusals.0.lock().unwrap().len() <= MAX_CALLERS + 1);
        assert_eq!(refusals.admit("one more", later), None);
    }
}
