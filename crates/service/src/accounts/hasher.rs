//! argon2id, off the async threads and few at a time: a hash takes a core for a while, and logins must not take them all.
//! Must never compare passwords itself, and takes as long for an account that does not exist.

use std::time::Duration;

use argon2::{
    Algorithm, Params,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use workflow::UserId;

use super::{
    memory::{ITERATIONS, LANES, MEMORY_KIB, Memories, Memory},
    network::Network,
    password::Password,
};
use crate::{
    Error, Result,
    turns::{Turn, Turns},
};

/// Hashes at a time for those who are nobody yet.
const N_AT_ONCE: usize = 2;
/// And for those who signed in before: no flood of strangers stands in front of them.
const N_OF_KNOWN: usize = 1;
/// Who wait in one network.
const MAX_OF_NETWORK: usize = 64;
/// Who wait for one person: more than the free guesses of a session, and few, since only somebody who has the password needs more.
const MAX_OF_PERSON: usize = 8;
/// How long a login queues for its turn before it is told to come back.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// With today's parameters, and of no password: what the password of an unknown account is checked against.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Where somebody queues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    /// On a device where this person signed in before, or in a session: they take turns by person. The operator is nobody, and has a
    /// process of their own.
    Known(Option<UserId>),
    /// Strangers, who take turns by network.
    Of(Network),
}

#[derive(Clone)]
pub(crate) struct Hasher {
    strangers: Turns<Lane>,
    known: Turns<Lane>,
    memories: Memories,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            strangers: Turns::new(N_AT_ONCE, MAX_OF_NETWORK),
            known: Turns::new(N_OF_KNOWN, MAX_OF_PERSON),
            memories: Memories::default(),
        }
    }
}

impl Hasher {
    pub(crate) async fn hash(&self, lane: Lane, password: Password) -> Result<String> {
        let hash = self.in_turn(lane, move |memory| memory.hash_password(password.bytes()));
        let hash: PasswordHash = hash.await?.map_err(Error::Hash)?;
        Ok(hash.to_string())
    }

    /// Whether the password is the one; false for an absent hash, after the same work.
    pub(super) async fn verify(&self, lane: Lane, password: Password, hash: Option<String>) -> Result<bool> {
        let is_known = hash.is_some();
        let is_right = self.in_turn(lane, move |memory| {
            let answer = PasswordHash::new(hash.as_deref().unwrap_or(DUMMY))
                .map_err(password_hash::Error::from)
                .and_then(|hash| memory.verify_password(password.bytes(), &hash));
            match answer {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        });
        Ok(is_right.await?.map_err(Error::Hash)? && is_known)
    }

    /// Whether a stored hash was made with other parameters than today's.
    pub(crate) fn is_outdated(hash: &str) -> bool {
        let is_current = PasswordHash::new(hash).is_ok_and(|hash| {
            hash.algorithm == Algorithm::Argon2id.ident()
                && Params::try_from(&hash).is_ok_and(|params| {
                    (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, ITERATIONS, LANES)
                })
        });
        !is_current
    }

    /// The work, when it is its turn. It goes on when its caller leaves, and keeps the turn until it is done.
    async fn in_turn<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&Memory) -> T + Send + 'static,
    ) -> Result<T> {
        let turn = self.turn(lane).await?;
        let memory = self.memories.take();
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&memory);
            // Before the turn: whoever has the next one finds it.
            drop(memory);
            drop(turn);
            done
        });
        Ok(done.await?)
    }

    async fn turn(&self, lane: Lane) -> Result<Turn<Lane>> {
        let turns = match lane {
            Lane::Known(_) => &self.known,
            Lane::Of(_) => &self.strangers,
        };
        turns.take(lane, MAX_WAIT).await.ok_or(Error::TooManyRequests { retry_after: MAX_WAIT })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn of_person(n: u128) -> Lane {
        Lane::Known(Some(UserId(Uuid::from_u128(n))))
    }

    fn password(text: &str) -> Password {
        Password::typed(text.into())
    }

    #[tokio::test]
    async fn a_hash_has_todays_parameters_and_knows_its_password() {
        let hasher = Hasher::default();
        let hash = hasher.hash(of_person(1), password("a long password")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = async |text: &str, hash| hasher.verify(of_person(1), password(text), hash).await.unwrap();
        assert!(verify("a long password", Some(hash.clone())).await);
        assert!(!verify("another password", Some(hash.clone())).await);
        assert!(!verify("a long password", None).await);
        assert!(!Hasher::is_outdated(&hash));
        assert!(Hasher::is_outdated(&hash.replace("m=19456", "m=4096")));
        assert!(!Hasher::is_outdated(DUMMY));
    }

    #[tokio::test]
    async fn one_person_waits_behind_themselves_and_keeps_no_other_person_waiting() {
        let hasher = Hasher::default();
        let verify = |person| hasher.verify(of_person(person), password("a long password"), None);
        let flood = futures::future::join_all((0..100).map(|_| verify(1)));
        let other = async {
            // The flood has asked by then, and waits.
            tokio::task::yield_now().await;
            let began = std::time::Instant::now();
            verify(2).await.map(|_| began.elapsed())
        };
        let (flood, other) = futures::join!(flood, other);
        assert!(other.unwrap() < Duration::from_secs(5), "others go past");
        assert_eq!(flood.iter().filter(|answer| answer.is_ok()).count(), 1 + MAX_OF_PERSON);
    }

    /// In a process of its own, as all tests are: what others hold would be counted too.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_hundred_hashes_on_changing_threads_leave_no_memory_behind() {
        let resident_kib = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()
        };
        // Other work has left threads behind, over which hashes are spread.
        let busy = (0..32).map(|_| tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(100))));
        futures::future::join_all(busy).await;
        let (hasher, before) = (Hasher::default(), resident_kib());
        for _ in 0..10 {
            let lane = Lane::Of(Network::of(None));
            let burst = (0..10).map(|_| hasher.verify(lane, password("a wrong password"), None));
            for answer in futures::future::join_all(burst).await {
                assert!(!answer.unwrap());
            }
        }
        let grown = resident_kib().saturating_sub(before);
        assert!(grown < 128 * 1024, "grown by {grown} KiB");
    }
}
