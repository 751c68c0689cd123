//! Whether a request names one host, as HTTP/1.1 wants (RFC 9112, section 3.2): two names let a proxy and us disagree on who was asked.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, Version, header, uri::Authority};

/// The answer to a request that does not.
pub(super) fn refusal(version: Version, headers: &HeaderMap) -> Option<Response<Body>> {
    let is_fine = match headers.get_all(header::HOST).iter().collect::<Vec<_>>()[..] {
        // Older clients, such as simple probes, need not name one.
        [] => version < Version::HTTP_11,
        [host] => host.is_empty() || is_name(host.as_bytes()),
        _ => false,
    };
    let words = "A request names one host, in one `Host` header.\n";
    (!is_fine).then(|| (StatusCode::BAD_REQUEST, [(header::CONNECTION, "close")], words).into_response())
}

/// A host and perhaps a port, and nobody's name before it.
fn is_name(host: &[u8]) -> bool {
    !host.contains(&b'@') && Authority::try_from(host).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_is_named() {
        let table: [(&[&str], Version, bool); 9] = [
            (&["weft.test"], Version::HTTP_11, true),
            (&["[::1]:3000"], Version::HTTP_11, true),
            (&[""], Version::HTTP_11, true),
            (&[], Version::HTTP_11, false),
            (&[], Version::HTTP_10, true),
            (&["weft.test", "evil.test"], Version::HTTP_11, false),
            (&["weft.test", "weft.test"], Version::HTTP_10, false),
            (&["weft.test/x"], Version::HTTP_11, false),
            (&["me@weft.test"], Version::HTTP_11, false),
        ];
        for (hosts, version, expected) in table {
            let headers = hosts.iter().map(|host| (header::HOST, host.parse().unwrap())).collect();
            assert_eq!(refusal(version, &headers).is_none(), expected, "{hosts:?} {version:?}");
        }
    }
}
