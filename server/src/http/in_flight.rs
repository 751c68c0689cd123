//! The bytes of request bodies that this process holds at a time, over all requests, and each person's share of them.
//! Must never be reserved by what a request only says about itself: bytes count when they are there, and until the answer is made.

mod strangers;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::StatusCode;
use tokio_util::sync::CancellationToken;
use workflow::{UserId, api::ErrorCode};

use super::problem::Problem;
use strangers::Strangers;

/// Of everybody who is signed in.
const TOTAL: usize = 64 * 1024 * 1024;
/// Of one person: room for two of the largest requests, and never all there is.
const EACH: usize = 16 * 1024 * 1024;
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    people: HashMap<UserId, usize>,
    /// They have a budget of their own, so that signing in stays possible while the other one is spent.
    strangers: Strangers,
}

/// What one request holds; given back when dropped.
pub(super) struct Held {
    in_flight: InFlight,
    who: Who,
}

enum Who {
    Person { id: UserId, n: usize },
    Stranger { body: u64, given_up: CancellationToken },
}

impl InFlight {
    /// For the body of a request by this person, or by nobody at this address.
    pub(super) fn hold(&self, person: Option<UserId>, address: Option<IpAddr>) -> Held {
        let who = if let Some(id) = person {
            Who::Person { id, n: 0 }
        } else {
            let (body, given_up) = self.counts().strangers.enter(address);
            Who::Stranger { body, given_up }
        };
        Held { in_flight: self.clone(), who }
    }

    /// The counts stay whole whatever panics beside them: each change is one step.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Makes room for `more` bytes, or says that there is none now.
    pub(super) fn add(&mut self, more: usize) -> Result<(), Problem> {
        let mut counts = self.in_flight.counts();
        match &mut self.who {
            Who::Stranger { body, .. } => {
                if !counts.strangers.add(*body, more) {
                    return Err(used_up());
                }
            }
            Who::Person { id, n } => {
                let id = *id;
                if counts.people.get(&id).copied().unwrap_or_default() + more > EACH {
                    let detail = "Too much of yours is being sent at the same time. Send one thing after the other.";
                    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, detail);
                    return Err(problem.with_retry_after(RETRY_AFTER));
                }
                if counts.total + more > TOTAL {
                    return Err(used_up());
                }
                counts.total += more;
                *counts.people.entry(id).or_default() += more;
                *n += more;
            }
        }
        Ok(())
    }

    /// Until the body has to make room for another one; for ever where it is of a person.
    pub(super) async fn given_up(&self) -> Problem {
        match &self.who {
            Who::Stranger { given_up, .. } => given_up.cancelled().await,
            Who::Person { .. } => std::future::pending().await,
        }
        used_up()
    }

    /// The body has come whole, and is not given up any more.
    pub(super) fn came_whole(&self) {
        if let Who::Stranger { body, .. } = &self.who {
            self.in_flight.counts().strangers.came_whole(*body);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.in_flight.counts();
        match &self.who {
            Who::Stranger { body, .. } => {
                counts.strangers.leave(*body);
            }
            Who::Person { id, n } => {
                counts.total -= n;
                if let Some(share) = counts.people.get_mut(id) {
                    *share -= n;
                    if *share == 0 {
                        counts.people.remove(id);
                    }
                }
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
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn status(result: Result<(), Problem>) -> Option<u16> {
        result.err().map(|problem| problem.into_api().status)
    }

    #[test]
    fn nobody_gets_the_share_of_others_and_all_of_it_comes_back() {
        let in_flight = InFlight::default();
        let person = |n| in_flight.hold(Some(UserId(Uuid::from_u128(n))), None);
        let mut first = person(1);
        assert_eq!(status(first.add(EACH)), None);
        assert_eq!(status(person(1).add(1)), Some(429));
        let mut others: Vec<_> = (2..=4).map(person).collect();
        assert!(others.iter_mut().all(|held| held.add(EACH).is_ok()));
        assert_eq!(status(person(9).add(1)), Some(503), "all of it is used up");
        assert_eq!(status(in_flight.hold(None, None).add(4096)), None, "signing in has its own");
        assert_eq!(status(in_flight.hold(None, None).add(strangers::TOTAL + 1)), Some(503));
        drop((first, others));
        assert_eq!(status(person(9).add(EACH)), None);
        let counts = in_flight.counts();
        assert_eq!((counts.total, counts.strangers.n_bytes(), counts.people.len()), (0, 0, 0));
    }

    #[test]
    fn who_has_to_make_room_is_told() {
        let in_flight = InFlight::default();
        let mut slow = in_flight.hold(None, None);
        assert_eq!(status(slow.add(strangers::TOTAL)), None);
        assert!(slow.given_up().now_or_never().is_none());
        let mut quick = in_flight.hold(None, None);
        assert_eq!(status(quick.add(100)), None);
        let told = slow.given_up().now_or_never();
        assert_eq!(told.map(|problem| problem.into_api().status), Some(503));
        assert_eq!(status(slow.add(1)), Some(503));
        drop((slow, quick));
        assert_eq!(in_flight.counts().strangers.n_bytes(), 0);
    }
}
