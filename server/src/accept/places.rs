//! How many connections there may be: in all, of those who have not shown who they are, of one network among these, and of one person.
//!
//! Whoever finds the place taken gets that of the oldest connection which does nothing, so that a crowd of idle connections keeps
//! nobody out, not even behind the same address. Only where all are at work is a new one refused.
//! Must never close a connection in the middle of an answer, and never one whose owner has proved who they are.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use workflow::UserId;

use crate::config::TrustedProxies;

/// Files that are open for other things than connections of clients: the database, the model, logs.
const OTHER_FILES: u64 = 256;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub total: usize,
    /// Connections on which nobody has shown a valid credential yet.
    pub strangers: usize,
    /// Of these, from one address, or one /64 of IPv6. Many people may share an address, but not at the same moment.
    pub network: usize,
    /// Connections on which the same person has. What is beyond counts as a stranger's.
    pub person: usize,
}

impl Limits {
    /// As many as a process with so many files can serve.
    pub fn for_files(files: u64) -> Self {
        let total = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX).clamp(64, 16_384);
        Self { total, strangers: (total / 4).min(2_048), network: 128.min(total / 8), person: 512.min(total / 4) }
    }
}

#[derive(Clone, Debug)]
pub struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    proxies: TrustedProxies,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    last_id: u64,
    /// By age.
    strangers: BTreeMap<u64, Stranger>,
    networks: HashMap<IpAddr, usize>,
    people: HashMap<UserId, usize>,
    /// Whose they are, where it is known.
    proved: HashMap<u64, UserId>,
}

#[derive(Debug)]
struct Stranger {
    network: IpAddr,
    n_busy: Arc<AtomicUsize>,
    evicted: CancellationToken,
}

/// The place of one connection; free again when dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    id: u64,
    is_proxy: bool,
    n_busy: Arc<AtomicUsize>,
    evicted: CancellationToken,
}

/// Something is being done on a connection.
#[derive(Debug)]
pub(super) struct Busy(Arc<AtomicUsize>);

impl Places {
    pub fn new(limits: Limits, proxies: TrustedProxies) -> Self {
        Self(Arc::new(Inner { limits, proxies, taken: Mutex::default() }))
    }

    /// A place for a new connection; none while all are in use. Our proxies are exempt from all caps but the total.
    pub(super) fn enter(&self, peer: IpAddr) -> Option<Arc<Place>> {
        let limits = self.0.limits;
        let is_proxy = self.0.proxies.contains(peer);
        let network = network(peer);
        let mut taken = self.taken();
        if taken.total >= limits.total && !taken.evict(None) {
            return None;
        }
        if !is_proxy {
            let n_there = taken.networks.get(&network).copied().unwrap_or_default();
            if n_there >= limits.network && !taken.evict(Some(network)) {
                return None;
            }
            if taken.strangers.len() >= limits.strangers && !taken.evict(None) {
                return None;
            }
        }
        taken.total += 1;
        taken.last_id += 1;
        let id = taken.last_id;
        let (n_busy, evicted) = (Arc::<AtomicUsize>::default(), CancellationToken::new());
        if !is_proxy {
            *taken.networks.entry(network).or_default() += 1;
            let stranger = Stranger { network, n_busy: Arc::clone(&n_busy), evicted: evicted.clone() };
            taken.strangers.insert(id, stranger);
        }
        Some(Arc::new(Place { places: self.clone(), id, is_proxy, n_busy, evicted }))
    }

    /// Closes an idle connection, for somebody who needs what it holds.
    pub(super) fn make_room(&self) {
        self.taken().evict(None);
    }

    #[cfg(test)]
    pub(super) fn n_taken(&self) -> usize {
        self.taken().total
    }

    /// The counts stay whole whatever panics beside them: each change is one step.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Closes the oldest connection that does nothing, perhaps only among those of a network. False where there is none.
    fn evict(&mut self, network: Option<IpAddr>) -> bool {
        let is_idle = |stranger: &Stranger| stranger.n_busy.load(Ordering::SeqCst) == 0;
        let found = self
            .strangers
            .iter()
            .find(|(_, stranger)| network.is_none_or(|network| network == stranger.network) && is_idle(stranger));
        let Some((&id, _)) = found else { return false };
        if let Some(stranger) = self.forget_stranger(id) {
            stranger.evicted.cancel();
        }
        true
    }

    fn forget_stranger(&mut self, id: u64) -> Option<Stranger> {
        let stranger = self.strangers.remove(&id)?;
        if let Some(n) = self.networks.get_mut(&stranger.network) {
            *n -= 1;
            if *n == 0 {
                self.networks.remove(&stranger.network);
            }
        }
        Some(stranger)
    }
}

impl Place {
    /// Somebody has shown a valid credential on this connection.
    pub(crate) fn prove(&self, person: UserId) {
        let mut taken = self.places.taken();
        let n_there = taken.people.get(&person).copied().unwrap_or_default();
        if n_there < self.places.0.limits.person && taken.forget_stranger(self.id).is_some() {
            *taken.people.entry(person).or_default() += 1;
            taken.proved.insert(self.id, person);
        }
    }

    pub(super) fn is_proxy(&self) -> bool {
        self.is_proxy
    }

    /// Until the answer is out, or whatever else is being done.
    pub(super) fn busy(&self) -> Busy {
        self.n_busy.fetch_add(1, Ordering::SeqCst);
        Busy(Arc::clone(&self.n_busy))
    }

    pub(super) fn evicted(&self) -> WaitForCancellationFuture<'_> {
        self.evicted.cancelled()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total -= 1;
        taken.forget_stranger(self.id);
        if let Some(person) = taken.proved.remove(&self.id)
            && let Some(n) = taken.people.get_mut(&person)
        {
            *n -= 1;
            if *n == 0 {
                taken.people.remove(&person);
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whoever has one IPv6 address usually has its whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const LIMITS: Limits = Limits { total: 8, strangers: 4, network: 2, person: 2 };

    fn places() -> Places {
        Places::new(LIMITS, "10.0.0.0/8".parse().unwrap())
    }

    fn enter(places: &Places, from: &str) -> Option<Arc<Place>> {
        places.enter(from.parse().unwrap())
    }

    #[test]
    fn the_oldest_idle_connection_of_a_network_makes_room() {
        let places = places();
        let one = enter(&places, "2001:db8::1").unwrap();
        let two = enter(&places, "2001:db8::2").unwrap();
        let busy = one.busy();
        let three = enter(&places, "2001:db8::3").unwrap();
        assert!(!one.evicted.is_cancelled() && two.evicted.is_cancelled(), "who is being answered stays");
        let busy = [busy, three.busy()];
        assert!(enter(&places, "2001:db8::4").is_none(), "all of them are at work");
        assert!(enter(&places, "2001:db8:0:1::1").is_some(), "another network has its own");
        drop(busy);
        assert!(enter(&places, "2001:db8::4").is_some());
        drop((one, two, three));
        let taken = places.taken();
        assert_eq!((taken.total, taken.networks.len(), taken.strangers.len()), (0, 0, 0));
    }

    #[test]
    fn who_has_proved_who_they_are_is_left_alone() {
        let places = places();
        let person = UserId(Uuid::nil());
        let mine: Vec<_> =
            (0..3).map(|_| enter(&places, "192.0.2.1").unwrap()).inspect(|it| it.prove(person)).collect();
        // The third is more than a person may have, so it counts as a stranger's.
        assert_eq!(places.taken().strangers.len(), 1);
        let crowd: Vec<_> = (0..40).map(|n| enter(&places, &format!("198.51.100.{n}")).unwrap()).collect();
        let evicted: Vec<_> = mine.iter().map(|place| place.evicted.is_cancelled()).collect();
        assert_eq!(evicted, [false, false, true]);
        assert_eq!(places.taken().strangers.len(), LIMITS.strangers);
        drop((mine, crowd));
        let taken = places.taken();
        assert_eq!((taken.total, taken.people.len(), taken.proved.len()), (0, 0, 0));
    }

    #[test]
    fn proxies_are_bound_by_the_total_alone() {
        let places = places();
        let many: Vec<_> = (0..LIMITS.total).map(|_| enter(&places, "10.0.0.1").unwrap()).collect();
        assert!(many.iter().all(|place| place.is_proxy() && !place.evicted.is_cancelled()));
        assert!(enter(&places, "10.0.0.1").is_none() && enter(&places, "192.0.2.1").is_none());
    }

    #[test]
    fn the_caps_follow_the_limit_of_files() {
        for files in [0, 256, 1_024, 65_536, u64::MAX] {
            let limits = Limits::for_files(files);
            assert!(limits.network > 0 && limits.network < limits.strangers && limits.strangers < limits.total);
            assert!(limits.person > 0 && limits.person < limits.total);
            assert!(files < 1_024 || limits.total as u64 <= files - OTHER_FILES);
        }
    }
}
