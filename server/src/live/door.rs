//! Who was refused a socket a moment ago, by what they presented: so that asking again and again costs them more than us.
//! Must never let anybody in nor say who anybody is: what is known here only ever refuses, and is forgotten within seconds.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use workflow::UserId;

/// Credentials that are remembered at a time; one more is asked about in the database, as ever.
const MAX_KNOWN: usize = 1_024;
/// Short: a credential that was ended is told so soon.
const REMEMBERED: Duration = Duration::from_secs(5);

/// What a credential hashes to under a key that only this process has: the credential itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Presented(u64);

#[derive(Debug, Default)]
pub(super) struct Door {
    hasher: RandomState,
    known: Mutex<HashMap<Presented, Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    user: UserId,
    until: Instant,
}

impl Door {
    pub(super) fn presented(&self, is_token: bool, credential: &str) -> Presented {
        Presented(self.hasher.hash_one((is_token, credential)))
    }

    /// Who was refused with it a moment ago.
    pub(super) fn who(&self, presented: Presented, now: Instant) -> Option<UserId> {
        self.known().get(&presented).filter(|known| known.until > now).map(|known| known.user)
    }

    /// Remembers somebody whom the database knew by it, and who was refused.
    pub(super) fn remember(&self, presented: Presented, user: UserId, now: Instant) {
        let mut known = self.known();
        if known.len() >= MAX_KNOWN && !known.contains_key(&presented) {
            known.retain(|_, known| known.until > now);
            if known.len() >= MAX_KNOWN {
                return;
            }
        }
        known.insert(presented, Known { user, until: now + REMEMBERED });
    }

    /// The map stays whole whatever panics beside it: each change is one step.
    fn known(&self) -> MutexGuard<'_, HashMap<Presented, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn it_remembers_few_for_a_short_time_and_tells_kinds_apart() {
        let (door, user, now) = (Door::default(), UserId(Uuid::nil()), Instant::now());
        let token = door.presented(true, "weft_x");
        assert_eq!(door.who(token, now), None);
        door.remember(token, user, now);
        assert_eq!(door.who(token, now), Some(user));
        assert_eq!(door.who(door.presented(false, "weft_x"), now), None);
        assert_eq!(door.who(door.presented(true, "weft_y"), now), None);
        assert_eq!(door.who(token, now + REMEMBERED), None);
        for n in 0..2 * MAX_KNOWN {
            door.remember(door.presented(true, &n.to_string()), user, now);
        }
        assert_eq!(door.known().len(), MAX_KNOWN);
        assert_eq!(door.who(token, now), Some(user), "a flood of others takes nobody's place");
        door.remember(door.presented(true, "later"), user, now + REMEMBERED);
        assert_eq!(door.known().len(), 1);
    }
}
