//! Which addresses an agent may reach: public ones, and ranges an admin opened. Judged where the connection is made, on the
//! address that is dialled, so that neither a clever spelling nor a name that changes its mind gets through.
//! It must never trust a name, and never judge one address and dial another.

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// An address that must not be dialled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{host}` is a private or reserved address")]
pub(crate) struct Blocked {
    pub(crate) host: String,
}

/// A block of addresses, such as `10.1.0.0/16`, or a single one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressRange {
    base: IpAddr,
    prefix: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no address range; write one like 10.1.0.0/16 or 192.168.1.7")]
pub struct InvalidRange(pub String);

impl FromStr for AddressRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let invalid = || InvalidRange(text.to_owned());
        let (base, prefix) = match text.trim().split_once('/') {
            Some((base, prefix)) => (base, Some(prefix.parse::<u32>().map_err(|_| invalid())?)),
            None => (text.trim(), None),
        };
        let base: IpAddr = base.parse().map_err(|_| invalid())?;
        let widest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(widest);
        if prefix > widest { Err(invalid()) } else { Ok(Self { base, prefix }) }
    }
}

impl AddressRange {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => in_v4(address, base, self.prefix),
            (IpAddr::V6(base), IpAddr::V6(address)) => in_v6(address, base, self.prefix),
            _ => false,
        }
    }
}

fn in_v4(address: Ipv4Addr, base: Ipv4Addr, prefix: u32) -> bool {
    let shift = 32 - prefix;
    address.to_bits().checked_shr(shift) == base.to_bits().checked_shr(shift)
}

fn in_v6(address: Ipv6Addr, base: Ipv6Addr, prefix: u32) -> bool {
    let shift = 128 - prefix;
    address.to_bits().checked_shr(shift) == base.to_bits().checked_shr(shift)
}

/// Everything in the IANA special-purpose registry that is not globally reachable, multicast and the future block included; and the one
/// address that looks public and leads to the host of a machine in Azure, which hands it certificates and settings.
const RESERVED_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Inside global unicast: protocol assignments with Teredo, documentation, 6to4, documentation again.
const RESERVED_V6: [([u16; 8], u32); 4] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

/// Whether anyone on the internet may be meant by this address.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !RESERVED_V4.iter().any(|(base, prefix)| in_v4(v4, Ipv4Addr::from(*base), *prefix)),
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                in_v6(v6, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                    && !RESERVED_V6.iter().any(|(base, prefix)| in_v6(v6, Ipv6Addr::from(*base), *prefix))
            }
        },
    }
}

/// The IPv4 address that is really reached: v4-mapped, and the well-known NAT64 prefix, through which IPv6-only networks see the
/// whole of IPv4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let is_nat64 = in_v6(address, Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
    address.to_ipv4_mapped().or_else(|| {
        let [.., a, b, c, d] = address.octets();
        is_nat64.then_some(Ipv4Addr::new(a, b, c, d))
    })
}

/// Judges addresses, and resolves names to those that pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    allowed: Arc<[AddressRange]>,
}

impl Guard {
    pub(crate) fn new(allowed: impl IntoIterator<Item = AddressRange>) -> Self {
        Self { allowed: allowed.into_iter().collect() }
    }

    fn permits(&self, address: IpAddr) -> bool {
        let canonical = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|range| range.contains(address) || range.contains(canonical))
    }

    /// A literal address never passes the resolver, so it is judged from the parsed URL, where every spelling of an IPv4 address
    /// (decimal, octal, hexadecimal, shortened) has become the same four numbers.
    pub(crate) fn check_literal(&self, url: &Url) -> Result<(), Blocked> {
        let host = url.host_str().unwrap_or_default();
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) if !self.permits(address) => Err(Blocked { host: host.to_owned() }),
            _ => Ok(()),
        }
    }

    fn select(&self, host: &str, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Blocked> {
        let permitted: Vec<SocketAddr> = found.filter(|address| self.permits(address.ip())).collect();
        if permitted.is_empty() { Err(Blocked { host: host.to_owned() }) } else { Ok(permitted) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let addresses = guard.select(&host, found)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The refusal inside a failed request, if that is what failed it.
pub(crate) fn find_blocked<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Blocked> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(blocked) = error.downcast_ref::<Blocked>() {
            return Some(blocked);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_permitted() {
        let table = [
            ("8.8.8.8", true),
            ("1.1.1.1", true),
            ("172.15.255.255", true),
            ("172.32.0.1", true),
            ("100.63.255.255", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("168.63.129.15", true),
            ("168.63.129.16", false),
            ("168.63.129.17", true),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.192", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("2a00:1450:4001:80b::200e", true),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:168.63.129.16", false),
            ("64:ff9b::808:808", true),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b::a83f:8110", false),
            ("64:ff9b:1::808:808", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("3fff::1", false),
            ("100::1", false),
        ];
        for (address, expected) in table {
            assert_eq!(Guard::default().permits(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn every_spelling_of_a_private_address_is_refused() {
        let table = [
            ("http://127.0.0.1/", false),
            ("http://2130706433/", false),
            ("http://0x7f000001/", false),
            ("http://0177.0.0.1/", false),
            ("http://017700000001/", false),
            ("http://0x7f.1/", false),
            ("http://127.1/", false),
            ("http://0/", false),
            ("http://127。0。0。1/", false),
            ("http://①②⑦.0.0.1/", false),
            ("http://3232235777/", false),
            ("http://169.254.169.254/latest/meta-data", false),
            ("http://0xa9fea9fe/", false),
            ("http://2822734096/", false),
            ("http://[::1]:8080/", false),
            ("http://[::]/", false),
            ("http://[0:0:0:0:0:0:0:1]/", false),
            ("http://[::ffff:127.0.0.1]/", false),
            ("http://[::ffff:7f00:1]/", false),
            ("http://[64:ff9b::7f00:1]/", false),
            ("http://[fd00::1]/", false),
            ("http://user:secret@127.0.0.1/", false),
            ("http://8.8.8.8/", true),
            ("http://134744072/", true),
            ("http://[2606:4700:4700::1111]/", true),
            ("http://example.com/", true),
        ];
        for (url, expected) in table {
            let parsed = Url::parse(url).unwrap();
            assert_eq!(Guard::default().check_literal(&parsed).is_ok(), expected, "{url}");
        }
    }

    #[test]
    fn an_opened_range_is_permitted_and_its_neighbours_are_not() {
        let guard = Guard::new(["10.1.0.0/16".parse().unwrap(), "fd00::/64".parse().unwrap()]);
        let table = [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
            ("fd00::5", true),
            ("fd00:0:0:1::5", false),
        ];
        for (address, expected) in table {
            assert_eq!(guard.permits(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_malformed_range_is_refused() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "localhost", "10.0.0.0/x"] {
            assert_eq!(text.parse::<AddressRange>(), Err(InvalidRange(text.to_owned())), "{text}");
        }
        assert!("0.0.0.0/0".parse::<AddressRange>().unwrap().contains([203, 0, 113, 9].into()));
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_a_private_address_is_refused() {
        let error = Guard::default().resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert_eq!(find_blocked(error.as_ref()), Some(&Blocked { host: "localhost".to_owned() }));
    }

    #[test]
    fn of_mixed_answers_only_the_public_ones_are_dialled() {
        let found = ["127.0.0.1:80", "8.8.8.8:80", "[::1]:80"].map(|address| address.parse().unwrap());
        let selected = Guard::default().select("rebind.example", found.into_iter()).unwrap();
        assert_eq!(selected, ["8.8.8.8:80".parse().unwrap()]);
    }
}
