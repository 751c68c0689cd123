//! The body of a request on its way: until it is there, the server waits for the peer, and the connection's place can be had by others.
//! Must never count as work what the peer can draw out: a body that is promised and does not come costs a socket and nothing else.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::{places::Place, work::Guard};

/// What is known of one request until it is answered: whether its body is still to come, or the server is at work for it.
pub(super) struct Arrival {
    place: Arc<Place>,
    _coming: Guard,
    busy: OnceLock<Guard>,
}

/// The body, which tells when it has arrived. One that nobody wants is as good as there: the answer follows.
pub(super) struct Arriving {
    body: Incoming,
    arrival: Arc<Arrival>,
}

impl Arrival {
    /// Begins to count, also where the request has no body.
    pub(super) fn of(place: &Arc<Place>, body: Incoming) -> (Arc<Self>, Arriving) {
        let arrival = Arc::new(Self { place: Arc::clone(place), _coming: place.receiving(), busy: OnceLock::new() });
        if body.is_end_stream() {
            arrival.came();
        }
        (Arc::clone(&arrival), Arriving { body, arrival })
    }

    fn came(&self) {
        self.busy.get_or_init(|| self.place.busy());
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        // With a declared length, its reader may stop at the last byte.
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) || self.body.is_end_stream() {
            self.arrival.came();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.arrival.came();
    }
}
