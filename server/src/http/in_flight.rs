//! The bytes of request bodies that this process holds at a time, over all requests, and each person's share of them.
//! Must never be reserved by what a request only says about itself: bytes count when they are there, and until the answer is made.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::StatusCode;
use workflow::{UserId, api::ErrorCode};

use super::problem::Problem;

/// Of everybody who is signed in.
const TOTAL: usize = 64 * 1024 * 1024;
/// Of one person: room for two of the largest requests, and never all there is.
const EACH: usize = 16 * 1024 * 1024;
/// Of all who are not signed in; they have a budget of their own, so that signing in stays possible while the other one is spent.
const STRANGERS: usize = 1024 * 1024;
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    people: HashMap<UserId, usize>,
    strangers: usize,
}

/// What one request holds; given back when dropped.
pub(super) struct Held {
    in_flight: InFlight,
    person: Option<UserId>,
    n: usize,
}

impl InFlight {
    pub(super) fn hold(&self, person: Option<UserId>) -> Held {
        Held { in_flight: self.clone(), person, n: 0 }
    }

    /// The counts stay whole whatever panics beside them: each change is one step.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Makes room for `n` more bytes, or says that there is none now.
    pub(super) fn add(&mut self, n: usize) -> Result<(), Problem> {
        let mut counts = self.in_flight.counts();
        match self.person {
            None => {
                if counts.strangers + n > STRANGERS {
                    return Err(used_up());
                }
                counts.strangers += n;
            }
            Some(person) => {
                if counts.people.get(&person).copied().unwrap_or_default() + n > EACH {
                    let detail = "Too much of yours is being sent at the same time. Send one thing after the other.";
                    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, detail);
                    return Err(problem.with_retry_after(RETRY_AFTER));
                }
                if counts.total + n > TOTAL {
                    return Err(used_up());
                }
                counts.total += n;
                *counts.people.entry(person).or_default() += n;
            }
        }
        self.n += n;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.in_flight.counts();
        let Some(person) = self.person else {
            counts.strangers -= self.n;
            return;
        };
        counts.total -= self.n;
        if let Some(share) = counts.people.get_mut(&person) {
            *share -= self.n;
            if *share == 0 {
                counts.people.remove(&person);
            }
        }
    }
}

fn used_up() -> Problem {
    let detail = "The server holds as much as it can of what is being sent to it. Try again in a moment.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail).with_retry_after(RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn status(result: Result<(), Problem>) -> Option<u16> {
        result.err().map(|problem| problem.into_api().status)
    }

    #[test]
    fn nobody_gets_the_share_of_others_and_all_of_it_comes_back() {
        let in_flight = InFlight::default();
        let person = |n| Some(UserId(Uuid::from_u128(n)));
        let mut first = in_flight.hold(person(1));
        assert_eq!(status(first.add(EACH)), None);
        assert_eq!(status(in_flight.hold(person(1)).add(1)), Some(429));
        let mut others: Vec<_> = (2..=4).map(|n| in_flight.hold(person(n))).collect();
        assert!(others.iter_mut().all(|held| held.add(EACH).is_ok()));
        assert_eq!(status(in_flight.hold(person(9)).add(1)), Some(503), "all of it is used up");
        assert_eq!(status(in_flight.hold(None).add(4096)), None, "signing in has its own");
        assert_eq!(status(in_flight.hold(None).add(STRANGERS + 1)), Some(503));
        drop((first, others));
        assert_eq!(status(in_flight.hold(person(9)).add(EACH)), None);
        let counts = in_flight.counts();
        assert_eq!((counts.total, counts.strangers, counts.people.len()), (0, 0, 0));
    }
}
