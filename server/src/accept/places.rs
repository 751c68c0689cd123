//! How many connections there may be: in all, of those who have not shown who they are, of one network among these, and of one person.
//!
//! Whoever finds the place taken gets that of a connection for which the server is not at work: of the site that holds most, an idle
//! one if there is one, and the oldest of these. So a crowd that is idle, sends slowly or takes no answers keeps nobody out, not even
//! behind the same address. Where the server is at work for all of them, the last places are for sites that hold few.
//! Must never close a connection while the server is at work for it, and never one whose owner has proved who they are.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use workflow::UserId;

use super::work::{Guard, Waits, Work};
use crate::config::TrustedProxies;

/// Files that are open for other things than connections of clients: the database, the model, logs.
const OTHER_FILES: u64 = 256;
/// Networks' worth of connections that one site may have: a /48 of IPv6 is 65,536 networks, and often one customer.
const NETWORKS_OF_SITE: usize = 2;
/// A site that holds fewer connections than this holds few: a browser opens six.
const FEW: usize = 8;
/// The part of the strangers' places that is kept for sites that hold few.
const KEPT_PART: usize = 8;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub total: usize,
    /// Connections on which nobody has shown a valid credential yet.
    pub strangers: usize,
    /// Of these, from one address, or one /64 of IPv6. Many people may share an address, and a program that starts a thousand runs at once
    /// has shown its credential on none of a thousand connections yet.
    pub network: usize,
    /// Connections on which the same person has. What is beyond counts as a stranger's.
    pub person: usize,
}

impl Limits {
    /// As many as a process with so many files can serve.
    pub fn for_files(files: u64) -> Self {
        let total = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX).clamp(64, 16_384);
        Self { total, strangers: (total / 4).min(4_096), network: 1_024.min(total / 8), person: 1_024.min(total / 4) }
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
    sites: HashMap<IpAddr, usize>,
    people: HashMap<UserId, usize>,
    /// Whose they are, where it is known.
    proved: HashMap<u64, UserId>,
}

#[derive(Debug)]
struct Stranger {
    network: IpAddr,
    site: IpAddr,
    work: Arc<Work>,
    evicted: CancellationToken,
}

/// Among which connections one is closed.
#[derive(Clone, Copy, Debug)]
enum Among {
    Network(IpAddr),
    Site(IpAddr),
    /// All; for somebody whose site holds so many.
    All {
        n_held: usize,
    },
}

/// The place of one connection; free again when dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    id: u64,
    is_proxy: bool,
    work: Arc<Work>,
    evicted: CancellationToken,
    /// It has become a live socket, whose peer sends little.
    is_socket: AtomicBool,
    flooded: CancellationToken,
}

impl Places {
    pub fn new(limits: Limits, proxies: TrustedProxies) -> Self {
        Self(Arc::new(Inner { limits, proxies, taken: Mutex::default() }))
    }

    /// A place for a new connection; none while all are in use. Our proxies are exempt from all caps but the total.
    pub(super) fn enter(&self, peer: IpAddr) -> Option<Arc<Place>> {
        let limits = self.0.limits;
        let is_proxy = self.0.proxies.contains(peer);
        let (network, site) = (network(peer), site(peer));
        let mut taken = self.taken();
        let held = |counts: &HashMap<IpAddr, usize>, of: &IpAddr| counts.get(of).copied().unwrap_or_default();
        let n_held = if is_proxy { 0 } else { held(&taken.sites, &site) };
        if taken.total >= limits.total && !taken.evict(Among::All { n_held }) {
            return None;
        }
        if !is_proxy {
            if held(&taken.networks, &network) >= limits.network && !taken.evict(Among::Network(network)) {
                return None;
            }
            if held(&taken.sites, &site) >= limits.network * NETWORKS_OF_SITE && !taken.evict(Among::Site(site)) {
                return None;
            }
            let kept = if n_held < FEW { 0 } else { limits.strangers / KEPT_PART };
            if taken.strangers.len() >= limits.strangers - kept && !taken.evict(Among::All { n_held }) {
                return None;
            }
        }
        taken.total += 1;
        taken.last_id += 1;
        let id = taken.last_id;
        let (work, evicted) = (Arc::<Work>::default(), CancellationToken::new());
        if !is_proxy {
            *taken.networks.entry(network).or_default() += 1;
            *taken.sites.entry(site).or_default() += 1;
            let stranger = Stranger { network, site, work: Arc::clone(&work), evicted: evicted.clone() };
            taken.strangers.insert(id, stranger);
        }
        let (places, is_socket, flooded) = (self.clone(), AtomicBool::new(false), CancellationToken::new());
        Some(Arc::new(Place { places, id, is_proxy, work, evicted, is_socket, flooded }))
    }

    /// Closes a connection that only waits, for somebody who needs what it holds.
    pub(super) fn make_room(&self) {
        self.taken().evict(Among::All { n_held: 0 });
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
    /// Closes a connection that waits for its peer: of the site that holds most, there one that does nothing, and of these the oldest.
    /// False where there is none.
    fn evict(&mut self, among: Among) -> bool {
        let found = self
            .strangers
            .iter()
            .filter_map(|(id, stranger)| {
                let waits = stranger.work.waits()?;
                let n_there = self.sites.get(&stranger.site).copied().unwrap_or_default();
                let is_meant = match among {
                    Among::Network(network) => stranger.network == network,
                    Among::Site(site) => stranger.site == site,
                    // What is under way ends for nobody who holds more already.
                    Among::All { n_held } => waits == Waits::Idle || n_there >= n_held,
                };
                is_meant.then_some((Reverse(n_there), waits, *id))
            })
            .min();
        let Some((_, _, id)) = found else { return false };
        if let Some(stranger) = self.forget_stranger(id) {
            stranger.evicted.cancel();
        }
        true
    }

    fn forget_stranger(&mut self, id: u64) -> Option<Stranger> {
        let stranger = self.strangers.remove(&id)?;
        count_down(&mut self.networks, &stranger.network);
        count_down(&mut self.sites, &stranger.site);
        Some(stranger)
    }
}

fn count_down<K: Eq + Hash>(counts: &mut HashMap<K, usize>, of: &K) {
    if let Some(n) = counts.get_mut(of) {
        *n -= 1;
        if *n == 0 {
            counts.remove(of);
        }
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

    /// The server is at work.
    pub(super) fn busy(&self) -> Guard {
        self.work.busy()
    }

    /// A request has come; the rest of it may not have.
    pub(super) fn receiving(&self) -> Guard {
        self.work.receiving()
    }

    /// The peer does not take what is written.
    pub(super) fn stuck(&self) -> Guard {
        self.work.stuck()
    }

    /// From now on little is expected of the peer.
    pub(super) fn becomes_socket(&self) {
        self.is_socket.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_socket(&self) -> bool {
        self.is_socket.load(Ordering::SeqCst)
    }

    /// Too much came on a live socket.
    pub(super) fn flood(&self) {
        self.flooded.cancel();
    }

    /// Until too much has come on this connection since it is a live socket; the rest of it is not read.
    pub(crate) fn flooded(&self) -> WaitForCancellationFuture<'_> {
        self.flooded.cancelled()
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
        if let Some(person) = taken.proved.remove(&self.id) {
            count_down(&mut taken.people, &person);
        }
    }
}

/// Whoever has one IPv6 address usually has its whole /64.
fn network(address: IpAddr) -> IpAddr {
    first_bits(address, 64)
}

/// And may well have a whole /48.
fn site(address: IpAddr) -> IpAddr {
    first_bits(address, 48)
}

/// Of an IPv6 address; those of IPv4 are too few to have many.
fn first_bits(address: IpAddr, n_bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - n_bits))).into(),
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
    fn who_holds_most_makes_room_and_the_last_places_are_for_who_holds_few() {
        let places = Places::new(Limits { total: 256, strangers: 64, network: 32, person: 8 }, "".parse().unwrap());
        let crowd = |from: &str, n: usize| (0..n).map(|_| enter(&places, from).unwrap()).collect::<Vec<_>>();
        let (small, large) = (crowd("192.0.2.1", 24), crowd("192.0.2.2", 32));
        let working: Vec<_> = small.iter().chain(&large).map(|place| place.busy()).collect();
        // All but the kept ones are at work.
        assert!(enter(&places, "192.0.2.1").is_none() && enter(&places, "192.0.2.2").is_none());
        let few = crowd("192.0.2.3", FEW);
        let few_work: Vec<_> = few.iter().map(|place| place.busy()).collect();
        assert!(enter(&places, "192.0.2.4").is_none(), "now really all of them");
        drop(working);
        let receiving: Vec<_> = small.iter().chain(&large).map(|place| place.receiving()).collect();
        let more = crowd("192.0.2.4", 4);
        let n_evicted = |places: &[Arc<Place>]| places.iter().filter(|place| place.evicted.is_cancelled()).count();
        assert_eq!((n_evicted(&small), n_evicted(&large)), (0, 4));
        assert!(large[..4].iter().all(|place| place.evicted.is_cancelled()), "the oldest first");
        drop((few_work, receiving, more));
    }

    #[test]
    fn many_networks_of_one_site_count_together() {
        let places = Places::new(Limits { total: 256, strangers: 64, network: 8, person: 8 }, "".parse().unwrap());
        let spread: Vec<_> = (0..40).filter_map(|n| enter(&places, &format!("2001:db8:0:{n}::1"))).collect();
        let evicted = spread.iter().filter(|place| place.evicted.is_cancelled()).count();
        assert_eq!(spread.len() - evicted, 8 * NETWORKS_OF_SITE);
        let busy: Vec<_> = spread.iter().map(|place| place.busy()).collect();
        assert!(enter(&places, "2001:db8:0:ff::1").is_none() && enter(&places, "2001:db8:1::1").is_some());
        drop(busy);
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
