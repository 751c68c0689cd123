//! The database's clock as this process follows it: a sample of it, and a clock of its own that only says how long ago that was.
//! Must never read the wall clock of the machine, which may say anything.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

/// A clock that only goes forward, from any beginning.
pub(crate) type Monotonic = Box<dyn Fn() -> Duration + Send + Sync>;

pub struct Clock {
    monotonic: Monotonic,
    /// What the database's clock was when ours was 0.
    origin: Mutex<DateTime<Utc>>,
}

impl Clock {
    /// `now`: of the database.
    pub fn new(now: DateTime<Utc>, monotonic: Monotonic) -> Self {
        let clock = Self { monotonic, origin: Mutex::new(now) };
        clock.follow(now);
        clock
    }

    pub fn now(&self) -> DateTime<Utc> {
        let origin = *self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        origin + self.elapsed()
    }

    /// The database said what time it is.
    pub fn follow(&self, now: DateTime<Utc>) {
        let origin = now - self.elapsed();
        *self.origin.lock().unwrap_or_else(PoisonError::into_inner) = origin;
    }

    fn elapsed(&self) -> TimeDelta {
        TimeDelta::from_std((self.monotonic)()).unwrap_or(TimeDelta::MAX)
    }
}
