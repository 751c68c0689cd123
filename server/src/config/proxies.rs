//! The proxies whose word about a client's address is taken. None by default: a proxy that passes on what a client wrote would let
//! everybody choose an address.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

/// Addresses and networks, separated by commas.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no address or network\nWrite them separated by commas, such as 127.0.0.1,10.0.0.0/8,2001:db8::/32")]
pub struct BadProxy(String);

impl TrustedProxies {
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for TrustedProxies {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let networks = parts.map(|part| {
            let network = part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| BadProxy(part.to_owned()))
        });
        networks.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_addresses_and_networks() {
        let table = [
            ("", Ok("")),
            ("127.0.0.1", Ok("127.0.0.1/32")),
            (" 10.0.0.0/8 , ::1,2001:db8::/32,", Ok("10.0.0.0/8,::1/128,2001:db8::/32")),
            ("localhost", Err("localhost")),
            ("10.0.0.0/33", Err("10.0.0.0/33")),
            ("10.0.0.1 10.0.0.2", Err("10.0.0.1 10.0.0.2")),
        ];
        for (text, expected) in table {
            let parsed = text.parse::<TrustedProxies>().map(|proxies| proxies.to_string());
            assert_eq!(parsed, expected.map(str::to_owned).map_err(|part| BadProxy(part.to_owned())), "{text}");
        }
        let proxies: TrustedProxies = "10.0.0.0/8".parse().unwrap();
        assert!(proxies.contains("::ffff:10.1.2.3".parse().unwrap()), "as a socket of both families tells it");
        assert!(!proxies.contains("11.0.0.1".parse().unwrap()));
    }
}
