//! Where strangers come from, as coarsely as they can be told apart: guesses are counted by it, and turns at hashing taken.
//! Must never let a request without an address go uncounted.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The neighbourhood of an address: whoever has one IPv6 address usually has its whole /64, and an attacker often a /24.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Network(IpAddr);

impl Network {
    /// Requests without an address are one network too: they must not go uncounted.
    pub(crate) fn of(address: Option<IpAddr>) -> Self {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self(match address.to_canonical() {
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8)).into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_count_together() {
        let of = |text: &str| Network::of(Some(text.parse().unwrap())).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:10.0.0.1"), "10.0.0.0");
        assert_eq!(of("10.0.0.255"), "10.0.0.0");
        assert_eq!(of("10.0.1.1"), "10.0.1.0");
    }
}
