//! How many requests a second one person may send to this process, over all their sessions and tokens. Bursts are fine: a page asks for
//! several things at once, and people open several pages.
//! Must never grow with the people who were here: whoever has been quiet for a moment is forgotten, which gives nothing away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::StatusCode;
use tokio::time::Instant;
use workflow::{UserId, api::ErrorCode};

use super::problem::Problem;
use crate::bucket::Bucket;

/// Seconds' worth of requests that may come at once.
const BURST: u32 = 4;
/// How often the quiet are forgotten; by then each has been quiet for longer than the largest burst takes to come back.
const SWEEP: Duration = Duration::from_secs(10);

/// Without a limit by default.
#[derive(Clone, Debug, Default)]
pub struct Requests(Option<Arc<Limited>>);

#[derive(Debug)]
struct Limited {
    per_second: u32,
    people: Mutex<People>,
}

#[derive(Debug)]
struct People {
    buckets: HashMap<UserId, Bucket>,
    swept_at: Instant,
}

impl Requests {
    /// None is no limit.
    pub fn new(per_second: Option<u32>) -> Self {
        Self(per_second.map(|per_second| {
            let people = People { buckets: HashMap::new(), swept_at: Instant::now() };
            Arc::new(Limited { per_second, people: Mutex::new(people) })
        }))
    }

    /// Counts a request of this person, or says when the next one is welcome.
    pub(super) fn admit(&self, person: UserId) -> Result<(), Problem> {
        match &self.0 {
            Some(limited) => limited.admit(person, Instant::now()),
            None => Ok(()),
        }
    }
}

impl Limited {
    fn admit(&self, person: UserId, now: Instant) -> Result<(), Problem> {
        let mut people = self.people();
        if now.saturating_duration_since(people.swept_at) >= SWEEP {
            people.buckets.retain(|_, bucket| !bucket.is_full(now));
            people.swept_at = now;
        }
        let size = self.per_second.saturating_mul(BURST);
        let bucket = people.buckets.entry(person).or_insert_with(|| Bucket::new(size, self.per_second, now));
        bucket.take(now).map_err(|wait| {
            let detail = format!(
                "You send more than {} requests a second, which is what this Weft takes of one person. Send them more slowly.",
                self.per_second
            );
            Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, detail).with_retry_after(wait)
        })
    }

    /// The map stays whole whatever panics beside it: each change is one step.
    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_person_is_held_to_a_rate_others_are_not_and_the_quiet_are_forgotten() {
        let Requests(Some(limited)) = Requests::new(Some(10)) else { panic!("there is a limit") };
        let begun = Instant::now();
        let admit = |n, ms| limited.admit(UserId(Uuid::from_u128(n)), begun + Duration::from_millis(ms));
        let n_taken = (0..100).filter(|_| admit(1, 0).is_ok()).count();
        assert_eq!(n_taken, 40, "four seconds' worth at once");
        let refused = admit(1, 0).unwrap_err().into_api();
        assert_eq!((refused.status, refused.code), (429, ErrorCode::TooManyRequests));
        assert!(admit(2, 0).is_ok(), "each person has their own");
        assert_eq!((0..100).filter(|_| admit(1, 1_000).is_ok()).count(), 10);
        assert!(admit(3, 20_000).is_ok());
        assert_eq!(limited.people().buckets.len(), 1, "who was quiet is forgotten");
        assert!(Requests::new(None).admit(UserId(Uuid::from_u128(1))).is_ok());
    }
}
