//! What the bodies of all who are not signed in hold, by network. While there is no room, the network that holds most makes it: its
//! largest body that has not come whole is given up. So who sends slowly, from however many connections, closes sign-in for nobody.
//! Must never give up a body that has come whole: it is being answered.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use tokio_util::sync::CancellationToken;

/// Twice what the passwords that wait to be checked can hold, each in a body of 4 KiB at most.
pub(super) const TOTAL: usize = 8 * 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Strangers {
    n_bytes: usize,
    last_id: u64,
    bodies: BTreeMap<u64, Body>,
}

#[derive(Debug)]
struct Body {
    network: IpAddr,
    n_bytes: usize,
    is_whole: bool,
    given_up: CancellationToken,
}

impl Strangers {
    /// A body that is about to be read: its name, and what tells its reader to give it up.
    pub(super) fn enter(&mut self, address: Option<IpAddr>) -> (u64, CancellationToken) {
        self.last_id += 1;
        let given_up = CancellationToken::new();
        let body = Body { network: network(address), n_bytes: 0, is_whole: false, given_up: given_up.clone() };
        self.bodies.insert(self.last_id, body);
        (self.last_id, given_up)
    }

    /// Makes room for `n` more bytes. False where there is none, or the body itself was given up.
    pub(super) fn add(&mut self, id: u64, n: usize) -> bool {
        if n > TOTAL {
            return false;
        }
        while self.bodies.contains_key(&id) && self.n_bytes + n > TOTAL {
            let Some(largest) = self.largest_unfinished() else { return false };
            // Its bytes are gone a moment later, when its reader runs.
            if let Some(body) = self.leave(largest) {
                body.cancel();
            }
        }
        let Some(body) = self.bodies.get_mut(&id) else { return false };
        body.n_bytes += n;
        self.n_bytes += n;
        true
    }

    pub(super) fn came_whole(&mut self, id: u64) {
        if let Some(body) = self.bodies.get_mut(&id) {
            body.is_whole = true;
        }
    }

    /// Gives back what the body held, if it was not given up before.
    pub(super) fn leave(&mut self, id: u64) -> Option<CancellationToken> {
        let body = self.bodies.remove(&id)?;
        self.n_bytes -= body.n_bytes;
        Some(body.given_up)
    }

    /// The oldest of the largest bodies, where most is held that is not whole.
    fn largest_unfinished(&self) -> Option<u64> {
        let unfinished = || self.bodies.iter().filter(|(_, body)| !body.is_whole && body.n_bytes > 0);
        let mut networks = HashMap::<IpAddr, usize>::new();
        for (_, body) in unfinished() {
            *networks.entry(body.network).or_default() += body.n_bytes;
        }
        let largest = unfinished().max_by_key(|(id, body)| (networks.get(&body.network), body.n_bytes, Reverse(**id)));
        largest.map(|(id, _)| *id)
    }

    #[cfg(test)]
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }
}

/// Coarser than where guesses are counted, since nobody is kept out by it: a /24, and all that one customer is given of IPv6.
fn network(address: Option<IpAddr>) -> IpAddr {
    match address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: usize = 4096;

    fn fill(strangers: &mut Strangers, of: impl Fn(usize) -> String) -> Vec<(u64, CancellationToken)> {
        let bodies = (0..TOTAL / EACH).map(|n| {
            let (id, given_up) = strangers.enter(Some(of(n).parse().unwrap()));
            assert!(strangers.add(id, EACH));
            (id, given_up)
        });
        bodies.collect()
    }

    fn n_given_up(bodies: &[(u64, CancellationToken)]) -> usize {
        bodies.iter().filter(|(_, given_up)| given_up.is_cancelled()).count()
    }

    #[test]
    fn the_network_that_holds_most_makes_room() {
        let mut strangers = Strangers::default();
        let (early, is_early_given_up) = strangers.enter(Some("192.0.2.1".parse().unwrap()));
        let bodies = fill(&mut strangers, |n| format!("203.0.113.{}", n % 4));
        assert!(strangers.add(early, 100), "somebody else");
        let (neighbour, is_neighbour_given_up) = strangers.enter(Some("::ffff:203.0.113.9".parse().unwrap()));
        assert!(strangers.add(neighbour, 100), "a small one among those that fill it");
        assert!(!is_early_given_up.is_cancelled() && !is_neighbour_given_up.is_cancelled());
        assert!(bodies[0].1.is_cancelled() && n_given_up(&bodies) == 1, "the oldest, once");
        assert!(!strangers.add(bodies[0].0, 1), "what was given up takes no more");
        for id in bodies.iter().map(|(id, _)| *id).chain([early, neighbour]) {
            strangers.leave(id);
        }
        assert_eq!((strangers.n_bytes, strangers.bodies.len()), (0, 0));
    }

    #[test]
    fn networks_of_ipv6_are_coarse_and_a_body_that_has_come_whole_stays() {
        let mut strangers = Strangers::default();
        let bodies = fill(&mut strangers, |n| format!("2001:db8:0:{n:x}::1"));
        for (id, _) in &bodies[1..] {
            strangers.came_whole(*id);
        }
        let (small, _) = strangers.enter(Some("2001:db8:1::1".parse().unwrap()));
        assert!(strangers.add(small, EACH));
        assert!(bodies[0].1.is_cancelled());
        let (other, is_given_up) = strangers.enter(None);
        strangers.came_whole(small);
        assert!(!strangers.add(other, 1), "all the others are being answered");
        assert!(n_given_up(&bodies) == 1 && !is_given_up.is_cancelled());
        assert_eq!(network("2001:db8:1:2:3::4".parse().ok()).to_string(), "2001:db8:1::");
    }
}
