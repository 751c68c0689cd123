//! The loop that takes connections and speaks HTTP/1.1 with them, each under timers and within caps.
//!
//! HTTP/2 is left to the proxy in front: its streams, resets and headers would each need limits of their own.
//! A header has ten seconds, and so has the silence between two requests; a peer that takes no bytes has half a minute; bodies have
//! their own timers where they are read (`http/body.rs`). Sockets and handlers are not timed here: once a request has come in, it
//! is answered however long that takes. What a peer sends on a live socket is metered (`accept/meter.rs`).
//! Must never end by itself: whatever accepting a connection ends with, the next one is waited for.

mod arrival;
mod farewell;
mod files;
mod host;
mod meter;
mod places;
mod stream;
#[cfg(test)]
mod tests;
mod work;

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{Request, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

pub use files::raise_limit as raise_file_limit;
pub use places::{Limits, Place, Places};

use arrival::Arrival;
use farewell::Farewells;
use stream::Stream;

/// Header, target and all; far more than a browser sends.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// After an error that only others can mend, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// From the first moment that a request could come until its header is there.
    pub header: Duration,
    /// The same on connections of our proxies, which keep them for later. Longer than proxies do, so that they close first.
    pub proxy: Duration,
    /// How long a peer may take no bytes.
    pub write: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { header: Duration::from_secs(10), proxy: Duration::from_secs(75), write: Duration::from_secs(30) }
    }
}

/// Serves until `stop`; then takes no new connections, and comes back when those that are there have answered and closed.
pub async fn serve(listener: TcpListener, router: Router, places: Places, timers: Timers, stop: CancellationToken) {
    let (connections, farewells) = (TaskTracker::new(), Farewells::default());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(place) = places.enter(peer.ip()) else {
                    tracing::debug!(%peer, "refused a connection: there are too many");
                    farewells.tell(stream, &connections);
                    continue;
                };
                connections.spawn(converse(stream, peer, place, router.clone(), timers, stop.clone()));
            }
            Err(error) => recover(&error, &places).await,
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn recover(error: &io::Error, places: &Places) {
    // The peer of that one connection is gone; the next one may be fine.
    if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
    {
        return;
    }
    tracing::error!(error = error as &dyn std::error::Error, "cannot accept a connection; trying again");
    places.make_room();
    sleep(PAUSE).await;
}

/// One connection, until either side closes it or it becomes a WebSocket.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    place: Arc<Place>,
    router: Router,
    timers: Timers,
    stop: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off buffering of a connection");
    }
    let header = if place.is_proxy() { timers.proxy } else { timers.header };
    let io = TokioIo::new(Stream::new(stream, Arc::clone(&place), timers.write));
    let answer = service_fn({
        let place = Arc::clone(&place);
        move |request: Request<Incoming>| {
            let refusal = host::refusal(request.version(), request.headers());
            let (parts, body) = request.into_parts();
            let (arrival, body) = Arrival::of(&place, body);
            let mut request = Request::from_parts(parts, Body::new(body));
            request.extensions_mut().insert(ConnectInfo(peer));
            // Whoever finishes the request holds the place as long, also when the peer has left.
            request.extensions_mut().insert(Arc::clone(&place));
            let (place, router) = (Arc::clone(&place), router.clone());
            async move {
                let answer = match refusal {
                    Some(refusal) => Ok(refusal),
                    None => router.oneshot(request).await,
                };
                if answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::SWITCHING_PROTOCOLS) {
                    place.becomes_socket();
                }
                drop(arrival);
                answer
            }
        }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header)
            // The buffer alone may be read beyond its bound by as much as comes at once.
            .max_header_size(MAX_HEAD_BYTES)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(io, answer)
            .with_upgrades()
    );
    let mut is_stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a connection ended");
                }
                return;
            }
            // Dropped: what was being answered goes on in a task of its own.
            () = place.evicted() => return,
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
