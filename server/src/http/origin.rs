//! The same-origin check: no other site may act with a person's cookie, be it by a form, a script or a WebSocket.
//! `SameSite=Lax` alone is no defence: other ports and subdomains count as the same site.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, header};

use super::problem::Problem;
use crate::config::PublicUrl;

/// Which origin is ours.
#[derive(Clone, Debug, Default)]
pub struct SameOrigin {
    pub public_url: Option<PublicUrl>,
    /// Only this machine reaches the server, so no page of another name can be ours.
    pub is_loopback: bool,
}

/// The middleware. It looks at every unsafe method, every server function and every WebSocket.
pub(super) async fn check(State(ours): State<SameOrigin>, request: Request, next: Next) -> Response {
    if needs_check(&request) && !ours.admits(request.headers()) {
        tracing::warn!(path = request.uri().path(), "refused a request from another origin");
        return Problem::cross_origin().into_response();
    }
    next.run(request).await
}

fn needs_check(request: &Request) -> bool {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    !is_safe
        || request.uri().path().starts_with(super::SERVER_FN_PREFIX)
        || request.headers().contains_key(header::UPGRADE)
        || request.headers().contains_key(header::SEC_WEBSOCKET_KEY)
}

impl SameOrigin {
    fn admits(&self, headers: &HeaderMap) -> bool {
        // A browser never sends a bearer token by itself, and with one the cookie is not looked at.
        if super::auth::bearer(headers).is_some() {
            return true;
        }
        let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or("unreadable"));
        // A foreign name that resolves to this machine makes a foreign page look like ours: to the browser, both are that name.
        if self.is_loopback && self.public_url.is_none() && !host.is_some_and(is_local) {
            return false;
        }
        let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or("unreadable"));
        if let Some(site) = text(http::HeaderName::from_static("sec-fetch-site")) {
            // Handshakes of WebSockets carry it in some browsers only, and then it tells the truth as well.
            return matches!(site, "same-origin" | "none");
        }
        match text(header::ORIGIN) {
            Some(origin) => self.is_ours(origin, host),
            // No browser: nothing that could act for a person unasked, unless a cookie says otherwise.
            None => !headers.contains_key(header::COOKIE),
        }
    }

    /// Where whoever asked finds our pages: the public address, or the one that was asked. None where a request names none.
    pub(super) fn reached_by(&self, headers: &HeaderMap) -> Option<String> {
        if let Some(url) = &self.public_url {
            return Some(url.to_string());
        }
        let host = headers.get(header::HOST)?.to_str().ok()?;
        Some(format!("http://{}", host.to_ascii_lowercase()))
    }

    /// The public address, or the one that was asked: this server speaks plain HTTP, so whoever reaches it directly is on `http://`.
    /// A page of the same name under another scheme is another site: somebody on the way may have written it.
    fn is_ours(&self, origin: &str, host: Option<&str>) -> bool {
        let origin = origin.to_ascii_lowercase();
        let host = host.map(str::to_ascii_lowercase);
        if let Some(url) = &self.public_url {
            if origin == url.origin() {
                return true;
            }
            // Asked under the public name: then only the public address is ours.
            if url.origin().split_once("://").map(|(_, authority)| authority) == host.as_deref() {
                return false;
            }
        }
        origin.strip_prefix("http://").is_some_and(|authority| Some(authority) == host.as_deref())
    }
}

/// Whether a `Host` header names this machine, at any port.
fn is_local(host: &str) -> bool {
    let is_port = |rest: &str| rest.is_empty() || rest.starts_with(':');
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|ours| {
        host.split_at_checked(ours.len()).is_some_and(|(name, rest)| name.eq_ignore_ascii_case(ours) && is_port(rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_pages_are_at_the_public_address_or_at_the_one_that_was_asked() {
        let asked = HeaderMap::from_iter([(header::HOST, "Weft.local:7420".parse().unwrap())]);
        let ours = |public_url: Option<&str>| SameOrigin {
            public_url: public_url.map(|url| url.parse().unwrap()),
            is_loopback: false,
        };
        assert_eq!(ours(None).reached_by(&asked).as_deref(), Some("http://weft.local:7420"));
        assert_eq!(ours(Some("https://weft.test")).reached_by(&asked).as_deref(), Some("https://weft.test"));
        assert_eq!(ours(None).reached_by(&HeaderMap::new()), None);
    }

    fn admitted(headers: &[(&'static str, &str)], public_url: Option<&str>) -> bool {
        let map =
            headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect();
        SameOrigin { public_url: public_url.map(|url| url.parse().unwrap()), is_loopback: false }.admits(&map)
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_ours() {
        for (host, expected) in [
            ("localhost:3000", true),
            ("LOCALHOST", true),
            ("127.0.0.1:3000", true),
            ("[::1]:3000", true),
            ("[::1]", true),
            ("evil.test:3000", false),
            ("localhost.evil.test", false),
            ("127.0.0.1.evil.test", false),
            ("[::1].evil.test", false),
            ("", false),
        ] {
            let headers = [
                (header::HOST, host.parse().unwrap()),
                (http::HeaderName::from_static("sec-fetch-site"), "same-origin".parse().unwrap()),
            ];
            let admits = |ours: SameOrigin| ours.admits(&headers.clone().into_iter().collect());
            assert_eq!(admits(SameOrigin { public_url: None, is_loopback: true }), expected, "{host}");
            assert!(admits(SameOrigin::default()));
        }
    }

    #[test]
    fn only_our_own_pages_and_programs_are_admitted() {
        type Row = (&'static [(&'static str, &'static str)], Option<&'static str>, bool);
        let table: [Row; 17] = [
            (&[("host", "a:1"), ("sec-fetch-site", "same-origin")], None, true),
            (&[("host", "a:1"), ("sec-fetch-site", "none")], None, true),
            (&[("host", "a:1"), ("sec-fetch-site", "same-site")], None, false),
            (&[("host", "a:1"), ("sec-fetch-site", "cross-site"), ("origin", "http://a:1")], None, false),
            (&[("host", "a:1"), ("origin", "http://a:1"), ("cookie", "s=1")], None, true),
            (&[("host", "a:1"), ("origin", "http://a:2"), ("cookie", "s=1")], None, false),
            (&[("host", "a:1"), ("origin", "http://a:2")], None, false),
            (&[("host", "a:1"), ("origin", "null")], None, false),
            (&[("host", "in:1"), ("origin", "https://out")], Some("https://out"), true),
            (&[("host", "in:1"), ("origin", "http://out")], Some("https://out"), false),
            (&[("host", "a:1"), ("origin", "https://a:1")], None, false),
            (&[("host", "out"), ("origin", "http://out")], Some("https://out"), false),
            (&[("host", "out"), ("origin", "https://out")], Some("https://out"), true),
            (&[("host", "in:1"), ("origin", "http://in:1")], Some("https://out"), true),
            (&[("host", "a:1"), ("cookie", "s=1")], None, false),
            (&[("host", "a:1")], None, true),
            (&[("host", "a:1"), ("origin", "http://b"), ("authorization", "Bearer t")], None, true),
        ];
        for (headers, public_url, expected) in table {
            assert_eq!(admitted(headers, public_url), expected, "{headers:?}");
        }
    }
}
