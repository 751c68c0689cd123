//! A request that was begun is finished, also when whoever asked has left meanwhile.
//! A query that is dropped half way costs its connection, and opening a new one costs everybody; so nothing that a client does may
//! drop a handler.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::problem::Problem;

/// Cancelled once nobody waits for the answer any more. What has begun goes on all the same; what only waits may stop.
#[derive(Clone, Debug)]
pub(super) struct Left(pub(super) CancellationToken);

/// The middleware: what is inside runs in a task of its own. A panic goes on where the answer is awaited.
pub(super) async fn run_to_end(mut request: Request, next: Next) -> Response {
    let left = CancellationToken::new();
    request.extensions_mut().insert(Left(left.clone()));
    let _waits = left.drop_guard();
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(payload) => std::panic::resume_unwind(payload),
            // Nobody holds a handle that could abort it: the runtime itself is ending.
            Err(_) => Problem::internal().into_response(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use http::{Request, StatusCode};
    use tokio::sync::{Notify, oneshot};
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    fn request(path: &str) -> Request<Body> {
        Request::builder().uri(path).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn a_handler_hears_that_nobody_waits_for_its_answer() {
        let begun = std::sync::Arc::new(Notify::new());
        let (finished, heard) = oneshot::channel();
        let finished = std::sync::Arc::new(std::sync::Mutex::new(Some(finished)));
        let handler = {
            let begun = std::sync::Arc::clone(&begun);
            move |axum::Extension(Left(left)): axum::Extension<Left>| {
                let (begun, finished) = (std::sync::Arc::clone(&begun), std::sync::Arc::clone(&finished));
                async move {
                    begun.notify_one();
                    left.cancelled().await;
                    finished.lock().unwrap().take().unwrap().send(()).unwrap();
                }
            }
        };
        let router = Router::new().route("/", get(handler)).layer(from_fn(run_to_end));
        let asked = tokio::spawn(router.oneshot(request("/")));
        begun.notified().await;
        asked.abort();
        tokio::time::timeout(Duration::from_secs(5), heard).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_handler_ends_although_nobody_waits_for_its_answer() {
        let begun = std::sync::Arc::new(Notify::new());
        let (go, gate) = oneshot::channel::<()>();
        let (finished, heard) = oneshot::channel();
        let parts = std::sync::Mutex::new(Some((gate, finished)));
        let parts = std::sync::Arc::new(parts);
        let handler = {
            let begun = std::sync::Arc::clone(&begun);
            move || {
                let (begun, taken) = (std::sync::Arc::clone(&begun), parts.lock().unwrap().take().unwrap());
                async move {
                    begun.notify_one();
                    taken.0.await.unwrap();
                    taken.1.send("finished").unwrap();
                }
            }
        };
        let router = Router::new().route("/", get(handler)).layer(from_fn(run_to_end));
        let asked = tokio::spawn(router.oneshot(request("/")));
        begun.notified().await;
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
        go.send(()).unwrap();
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap(), Ok("finished"));
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_still() {
        async fn panics() {
            assert_eq!(1, 2, "on purpose");
        }
        let router = Router::new().route("/", get(panics)).layer(from_fn(run_to_end)).layer(CatchPanicLayer::new());
        assert_eq!(router.oneshot(request("/")).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
