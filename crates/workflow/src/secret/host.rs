//! Where a secret may be sent: a host, its port and whether the way there is encrypted, as an admin names it.
//! Must never admit more than what is written: another port, a plain connection and a name below are other places.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Characters of a name at most.
const MAX_CHARS: usize = 253;
const HTTPS: u16 = 443;
const HTTP: u16 = 80;

/// One place, such as `api.example.org`, `*.example.org`, `api.example.org:8443` or `http://10.0.0.7:8080`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Host {
    /// Without it the way there is encrypted.
    is_plain: bool,
    /// Whatever stands before the name, of one or more parts; not the name itself.
    is_below: bool,
    name: String,
    port: u16,
}

/// Why a text names no host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadHost {
    #[error("only `https` and `http` are spoken")]
    Scheme,
    #[error("it names more than a host: leave out the path, the query and who signs in")]
    More,
    #[error("the port is a number from 1 to 65535")]
    Port,
    #[error("a name has letters of ASCII, digits, `-`, `_` and dots; others are written as `xn--…`")]
    Name,
    #[error("an address is written as four numbers from 0 to 255, such as 10.0.0.7")]
    Number,
    #[error("`*.` stands before a name of two parts or more, such as `*.example.org`")]
    Below,
}

impl Host {
    /// Whether a request may go there with the secret. The host is as addresses spell it: in small letters, IPv6 in brackets.
    pub fn admits(&self, scheme: &str, host: &str, port: u16) -> bool {
        let is_name = match host.strip_suffix(self.name.as_str()) {
            Some("") => !self.is_below,
            Some(before) => self.is_below && before.len() > 1 && before.ends_with('.'),
            None => false,
        };
        is_name && port == self.port && scheme == self.scheme()
    }

    fn scheme(&self) -> &'static str {
        if self.is_plain { "http" } else { "https" }
    }

    fn usual_port(is_plain: bool) -> u16 {
        if is_plain { HTTP } else { HTTPS }
    }
}

/// As short as it can be written; read again it is the same.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_plain { "http://" } else { "" };
        let below = if self.is_below { "*." } else { "" };
        write!(f, "{scheme}{below}{}", self.name)?;
        if self.port == Self::usual_port(self.is_plain) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for Host {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        let text = text.trim().to_ascii_lowercase();
        let (is_plain, rest) = match text.split_once("://") {
            None => (false, text.as_str()),
            Some(("https", rest)) => (false, rest),
            Some(("http", rest)) => (true, rest),
            Some(_) => return Err(BadHost::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '\\', '?', '#', '@']) {
            return Err(BadHost::More);
        }
        let (name, port) = match rest.rsplit_once(':') {
            // A colon inside of brackets is one of an address.
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (rest, None),
        };
        let port = match port {
            None => Self::usual_port(is_plain),
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
                port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(BadHost::Port)?
            }
            Some(_) => return Err(BadHost::Port),
        };
        let (is_below, name) = name.strip_prefix("*.").map_or((false, name), |name| (true, name));
        if is_below && (!name.contains('.') || name.starts_with('[')) {
            return Err(BadHost::Below);
        }
        Ok(Self { is_plain, is_below, name: read_name(name)?, port })
    }
}

fn read_name(name: &str) -> Result<String, BadHost> {
    if let Some(inner) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().map(shown).map_err(|_| BadHost::Name);
    }
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if name.len() > MAX_CHARS || !name.split('.').all(is_part) {
        return Err(BadHost::Name);
    }
    // What ends in a number is an address to whoever reads addresses, and is written by them as four numbers.
    if name.rsplit('.').next().is_some_and(is_number) && name.parse::<Ipv4Addr>().is_err() {
        return Err(BadHost::Number);
    }
    Ok(name.to_owned())
}

fn is_number(part: &str) -> bool {
    let is_hex = |digits: &str| digits.bytes().all(|b| b.is_ascii_hexdigit());
    part.bytes().all(|b| b.is_ascii_digit()) || part.strip_prefix("0x").is_some_and(is_hex)
}

/// As addresses spell it: the last half of one that stands for IPv4 too.
fn shown(address: Ipv6Addr) -> String {
    match (address.to_ipv4_mapped(), address.segments()) {
        (Some(_), [.., high, low]) => format!("[::ffff:{high:x}:{low:x}]"),
        (None, _) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        text.parse::<Host>().map_or_else(|bad| format!("{bad:?}"), |host| host.to_string())
    }

    #[test]
    fn a_host_is_read_and_written_shortly() {
        for (text, expected) in [
            (" API.example.org ", "api.example.org"),
            ("https://api.example.org/", "api.example.org"),
            ("api.example.org:443", "api.example.org"),
            ("api.example.org:8443", "api.example.org:8443"),
            ("http://api.example.org:80", "http://api.example.org"),
            ("http://10.0.0.7:8080", "http://10.0.0.7:8080"),
            ("*.example.org", "*.example.org"),
            ("[::1]:8443", "[::1]:8443"),
            ("[0:0::1]", "[::1]"),
            ("[::ffff:10.0.0.7]", "[::ffff:a00:7]"),
            ("2130706433", "Number"),
            ("10.7", "Number"),
            ("0x7f.1", "Number"),
            ("a.0x1f", "Number"),
            ("010.0.0.7", "Number"),
            ("a1.b2", "a1.b2"),
            ("localhost", "localhost"),
            ("ftp://a", "Scheme"),
            ("https://a/b", "More"),
            ("me@a", "More"),
            ("a?b", "More"),
            ("a:0", "Port"),
            ("a:65536", "Port"),
            ("a:+1", "Port"),
            ("a:x", "Port"),
            ("", "Name"),
            ("a..b", "Name"),
            ("münchen.example", "Name"),
            ("a b", "Name"),
            ("*", "Name"),
            ("a*.example.org", "Name"),
            ("*.*.example.org", "Name"),
            ("*.org", "Below"),
            ("*.[::1.2.3.4]", "Below"),
            ("[::g]", "Name"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn only_what_is_written_is_admitted() {
        let table: [(&str, &str, &str, u16, bool); 16] = [
            ("a.example", "https", "a.example", 443, true),
            ("a.example", "http", "a.example", 80, false),
            ("a.example", "http", "a.example", 443, false),
            ("a.example", "https", "a.example", 8443, false),
            ("a.example", "https", "b.a.example", 443, false),
            ("a.example", "https", "a.example.evil", 443, false),
            ("a.example", "https", "xa.example", 443, false),
            ("a.example:8443", "https", "a.example", 8443, true),
            ("http://a.example", "http", "a.example", 80, true),
            ("http://a.example", "https", "a.example", 443, false),
            ("*.a.example", "https", "b.a.example", 443, true),
            ("*.a.example", "https", "c.b.a.example", 443, true),
            ("*.a.example", "https", "a.example", 443, false),
            ("*.a.example", "https", "xa.example", 443, false),
            ("*.a.example", "https", ".a.example", 443, false),
            ("[::1]", "https", "[::1]", 443, true),
        ];
        for (host, scheme, name, port, expected) in table {
            assert_eq!(host.parse::<Host>().unwrap().admits(scheme, name, port), expected, "{host} {scheme} {name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_read_again_as_the_same(text in "(http://|https://)?(\\*\\.)?[a-zA-Z0-9.\\-_\\[\\]:*]{0,20}(:[0-9]{1,6})?/?") {
            if let Ok(host) = text.parse::<Host>() {
                prop_assert_eq!(host.to_string().parse::<Host>(), Ok(host));
            }
        }
    }
}
