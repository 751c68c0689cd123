//! Pages go compressed, as they come: what is rendered later is never waited for. So does a whole run, which a page reads beside itself.
//! What answers another site's request is not compressed: how long such an answer is must not tell what stands in it beside words of that site.

use axum::{Router, extract::Request, middleware::Next, middleware::from_fn, response::Response};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header};
use tower_http::{CompressionLevel, compression::CompressionLayer};

use super::AppState;

/// Most of what brotli can win on a page, in about a millisecond.
const QUALITY: CompressionLevel = CompressionLevel::Precise(4);

/// Of thousands of steps it is megabytes, which pages came with before.
const WHOLE_RUN: &str = "/_fn/whole_run";

/// An answer that is compressed although it is no page.
#[derive(Clone, Copy)]
struct Long;

pub(super) fn pages(router: Router<AppState>) -> Router<AppState> {
    wrap(router)
}

fn wrap<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let compression = CompressionLayer::new().quality(QUALITY).compress_when(is_page);
    router.layer(from_fn(mark_long)).layer(compression).layer(from_fn(plain_for_other_sites))
}

fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, extensions: &Extensions) -> bool {
    let is_html = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/html");
    extensions.get::<Long>().is_some() || headers.get(header::CONTENT_TYPE).is_some_and(is_html)
}

async fn mark_long(request: Request, next: Next) -> Response {
    let is_long = request.uri().path() == WHOLE_RUN;
    let mut response = next.run(request).await;
    if is_long {
        response.extensions_mut().insert(Long);
    }
    response
}

async fn plain_for_other_sites(mut request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site").map(|site| site.as_bytes().to_vec());
    // Browsers that do not say it, and programs, bring no session of a person along with what another site asks.
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{body::Body, routing::get};
    use futures::{StreamExt, stream};
    use http_body_util::BodyExt;
    use rand::RngCore;
    use tokio::{sync::oneshot, time::timeout};
    use tower::ServiceExt;

    use super::*;

    /// A page whose second half comes when the gate opens.
    fn slow_page(gate: oneshot::Receiver<()>) -> (Vec<u8>, Router) {
        // Nothing can be won on it, so that its length tells how much has come.
        let mut first = vec![0; 8192];
        rand::rng().fill_bytes(&mut first);
        let (begin, gate) = (first.clone(), std::sync::Arc::new(std::sync::Mutex::new(Some(gate))));
        let page = move || {
            let (begin, gate) = (begin.clone(), gate.lock().unwrap().take());
            async move {
                let rest = stream::once(async move {
                    gate.unwrap().await.unwrap();
                    b"the end".to_vec()
                });
                let parts = stream::once(async move { begin }).chain(rest).map(Ok::<_, std::convert::Infallible>);
                ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], Body::from_stream(parts))
            }
        };
        (first, wrap(Router::new().route("/", get(page))))
    }

    #[tokio::test]
    async fn what_is_rendered_is_sent_before_the_rest_is() {
        for coding in ["br", "gzip"] {
            let (open, gate) = oneshot::channel();
            let (first, router) = slow_page(gate);
            let request = Request::get("/").header(header::ACCEPT_ENCODING, coding).body(Body::empty()).unwrap();
            let answer = router.oneshot(request).await.unwrap();
            assert_eq!(answer.headers()[header::CONTENT_ENCODING], coding);
            let mut body = answer.into_body();
            let mut n = 0;
            while n < first.len() {
                let frame = timeout(Duration::from_secs(10), body.frame()).await;
                let frame = frame.unwrap_or_else(|_| panic!("{coding}: {n} bytes came, and then none"));
                n += frame.unwrap().unwrap().into_data().unwrap().len();
            }
            open.send(()).unwrap();
            body.collect().await.unwrap();
        }
    }
}
