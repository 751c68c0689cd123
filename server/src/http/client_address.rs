//! The address of whoever asks, behind any number of proxies of ours.
//!
//! Every proxy adds the address that it saw at the right of a list, in `X-Forwarded-For` or in `Forwarded` (RFC 7239). So the list is
//! walked from the right, over addresses that are trusted, to the first one that is not: that is the client. What stands further left,
//! the client may have written itself.
//! Must never believe a line that did not come through a trusted proxy, and never guess where a line cannot be read.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};

use crate::config::TrustedProxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who asks, if a connection from `peer` brings these headers.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(peer) {
        return peer;
    }
    let lines = |name: &HeaderName| {
        let all: Vec<_> = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        // The lines of a header are one list.
        (!all.is_empty()).then(|| all.join(","))
    };
    let common = lines(&X_FORWARDED_FOR).map(|list| walk(peer, split(&list, ',').map(address), trusted));
    let standard = lines(&header::FORWARDED).map(|list| walk(peer, split(&list, ',').map(forwarded_for), trusted));
    match (common, standard) {
        (Some(address), None) | (None, Some(address)) => address,
        // A proxy writes one of them and passes the other one on as it came. Which one cannot be told: so both must say the same,
        // and whoever makes them differ counts as the proxy.
        (Some(one), Some(other)) if one == other => one,
        _ => peer,
    }
}

/// Whether somebody on the way has said who asks.
pub(super) fn tells_of_client(headers: &HeaderMap) -> bool {
    headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED)
}

/// The last address that is known: each proxy vouches for the one before it, as long as it is trusted.
fn walk<'a>(
    peer: IpAddr,
    hops: impl DoubleEndedIterator<Item = Option<IpAddr>> + 'a,
    trusted: &TrustedProxies,
) -> IpAddr {
    let mut known = peer;
    for hop in hops.rev() {
        // `unknown`, a made-up name, or nothing that can be read: whoever is behind it stays behind it.
        let Some(hop) = hop else { break };
        known = hop;
        if !trusted.contains(hop) {
            break;
        }
    }
    known
}

/// The `for` of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let (_, node) = split(element, ';')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(node)
}

/// `192.0.2.1`, `2001:db8::1`, either with a port, IPv6 then in brackets, and all of it perhaps in quotes.
fn address(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    let node = match node.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        // A backslash takes the next character as it is.
        Some(quoted) => quoted.replace('\\', ""),
        None => node.to_owned(),
    };
    let node = node.trim();
    if let Some(rest) = node.strip_prefix('[') {
        let (inner, port) = rest.split_once(']')?;
        let inner: std::net::Ipv6Addr = inner.parse().ok()?;
        return is_port(port).then(|| IpAddr::V6(inner).to_canonical());
    }
    if let Ok(bare) = node.parse::<IpAddr>() {
        return Some(bare.to_canonical());
    }
    let (bare, port) = node.split_at(node.find(':')?);
    let bare: std::net::Ipv4Addr = bare.parse().ok()?;
    is_port(port).then_some(IpAddr::V4(bare))
}

/// Nothing, or a colon and a port, which may be a made-up name too.
fn is_port(text: &str) -> bool {
    let is_name = |port: &str| {
        !port.is_empty() && port.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    text.is_empty() || text.strip_prefix(':').is_some_and(is_name)
}

/// Splits at a separator that stands outside of quotes.
fn split(text: &str, separator: char) -> std::vec::IntoIter<&str> {
    let mut parts = Vec::new();
    let (mut from, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            c if c == separator && !is_quoted => {
                parts.push(&text[from..at]);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is it, behind proxies of two networks, of which 10.0.0.1 has connected?
    #[track_caller]
    fn check(lines: &[(&'static str, &str)], expected: &str) {
        let trusted: TrustedProxies = "10.0.0.0/8, 2001:db8:f::/48".parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let found = client_address("10.0.0.1".parse().unwrap(), &headers, &trusted);
        assert_eq!(found.to_string(), expected, "{lines:?}");
        let stranger = "203.0.113.7".parse().unwrap();
        assert_eq!(client_address(stranger, &headers, &trusted), stranger, "nobody else is believed");
        assert_eq!(client_address(stranger, &headers, &TrustedProxies::default()), stranger);
    }

    #[test]
    fn the_list_is_walked_from_the_right_over_trusted_addresses() {
        let x = "x-forwarded-for";
        check(&[], "10.0.0.1");
        check(&[(x, "198.51.100.1")], "198.51.100.1");
        check(&[(x, "6.6.6.6, 198.51.100.1")], "198.51.100.1");
        check(&[(x, "6.6.6.6, 198.51.100.1, 10.1.2.3")], "198.51.100.1");
        // All lines are one list, so a line of the client's own before them changes nothing.
        check(&[(x, "6.6.6.6"), (x, "198.51.100.1, 10.1.2.3"), (x, "2001:db8:f::9")], "198.51.100.1");
        // Somebody inside asks.
        check(&[(x, "10.9.9.9, 10.1.2.3")], "10.9.9.9");
        // What cannot be read ends the walk at the proxy that said it.
        check(&[(x, "198.51.100.1, nonsense, 10.1.2.3")], "10.1.2.3");
        check(&[(x, "198.51.100.1, unknown")], "10.0.0.1");
        check(&[(x, "198.51.100.1,")], "10.0.0.1");
        check(&[(x, "198.51.100.1 ; drop")], "10.0.0.1");
        check(&[(x, "\u{e9}")], "10.0.0.1");
    }

    #[test]
    fn addresses_come_in_many_clothes() {
        let x = "x-forwarded-for";
        check(&[(x, "198.51.100.1:4711")], "198.51.100.1");
        check(&[(x, "2001:db8::1")], "2001:db8::1");
        check(&[(x, "[2001:db8::1]")], "2001:db8::1");
        check(&[(x, "[2001:db8::1]:4711")], "2001:db8::1");
        check(&[(x, "::ffff:198.51.100.1")], "198.51.100.1");
        check(&[(x, "[::ffff:198.51.100.1]:80")], "198.51.100.1");
        check(&[(x, "[198.51.100.1]")], "10.0.0.1");
        check(&[(x, "198.51.100.1:x y")], "10.0.0.1");
        check(&[(x, "198.51.100.300")], "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_as_the_standard_has_it() {
        let f = "forwarded";
        check(&[(f, "for=198.51.100.1")], "198.51.100.1");
        check(&[(f, "For=\"198.51.100.1:4711\";proto=https;by=10.0.0.1")], "198.51.100.1");
        check(&[(f, "proto=https; for=\"[2001:db8::1]:4711\"")], "2001:db8::1");
        check(&[(f, "for=\"[2001:db8::1]\", for=10.1.2.3")], "2001:db8::1");
        check(&[(f, "for=6.6.6.6"), (f, "for=198.51.100.1;host=\"a,b;for=7.7.7.7\"")], "198.51.100.1");
        check(&[(f, "for=\"198.51.100.1:_port\"")], "198.51.100.1");
        // Quotes that are not closed swallow what follows, so nothing of it is believed.
        check(&[(f, "for=\"198.51.100.1, for=7.7.7.7")], "10.0.0.1");
        check(&[(f, "for=198.51.100.1, for=_hidden")], "10.0.0.1");
        check(&[(f, "for=198.51.100.1, for=unknown, for=10.1.2.3")], "10.1.2.3");
        check(&[(f, "proto=https")], "10.0.0.1");
    }

    #[test]
    fn two_headers_must_say_the_same() {
        let (x, f) = ("x-forwarded-for", "forwarded");
        check(&[(x, "198.51.100.1"), (f, "for=198.51.100.1")], "198.51.100.1");
        check(&[(x, "198.51.100.1, 10.1.1.1"), (f, "for=198.51.100.1")], "198.51.100.1");
        check(&[(x, "6.6.6.6"), (f, "for=198.51.100.1")], "10.0.0.1");
    }
}
