//! What a request is called in the log and in its answer: what a proxy or a client calls it, where that is a name, else one of our own.
//! Must never write into every line of the log what was made up to fill it, or to look like something else in it.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderName, HeaderValue};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// More than those have that proxies and tracers make.
const MAX_CHARS: usize = 128;

/// The middleware, before requests are named: what is no name, or more than one, is as good as none.
pub(super) async fn keep_names(mut request: Request, next: Next) -> Response {
    let is_odd = {
        let mut given = request.headers().get_all(REQUEST_ID).iter();
        let first = given.next();
        given.next().is_some() || first.is_some_and(|id| !is_name(id))
    };
    if is_odd {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

fn is_name(id: &HeaderValue) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte);
    (1..=MAX_CHARS).contains(&id.len()) && id.as_bytes().iter().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use http::HeaderMap;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    /// What the request is called behind it.
    async fn called(given: &[&[u8]]) -> String {
        async fn handler(headers: HeaderMap) -> String {
            headers.get(REQUEST_ID).map(|id| id.to_str().unwrap_or("unreadable").to_owned()).unwrap_or_default()
        }
        let router = Router::new().route("/", get(handler)).layer(from_fn(keep_names));
        let mut request = http::Request::get("/").body(Body::empty()).unwrap();
        for id in given {
            request.headers_mut().append(REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
        }
        let answer = router.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        String::from_utf8(answer.to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_name_is_kept_and_what_is_none_is_not() {
        let longest = "x".repeat(MAX_CHARS);
        for name in [
            "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
            "Root=1-67891233-abcdef012345678912345678",
            "a/b:7",
            longest.as_str(),
        ] {
            assert_eq!(called(&[name.as_bytes()]).await, name);
        }
        let (long, huge) = ("x".repeat(MAX_CHARS + 1), "x".repeat(60_000));
        let odd: [&[u8]; 6] = [b"", b"a b", b"x\tlevel=error", "é".as_bytes(), long.as_bytes(), huge.as_bytes()];
        for none in odd {
            assert_eq!(called(&[none]).await, "", "{:?}", String::from_utf8_lossy(none));
        }
        assert_eq!(called(&[b"one", b"two"]).await, "");
        assert_eq!(called(&[]).await, "");
    }
}
