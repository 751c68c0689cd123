//! A body that keeps the room for its bytes until they are sent, or until nobody takes them any more.
//! Must never change the body: its length stays known.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use service::Held;

struct HeldBody {
    body: Body,
    _held: Vec<Held>,
}

/// The answer, with what was held to make it; from here on that is the answer itself.
pub(super) fn with_room(response: Response, mut held: Vec<Held>) -> Response {
    if held.is_empty() {
        return response;
    }
    response.map(|body| {
        // Without a known length it is a page that is being written, which may need all of it still.
        let mut left = body.size_hint().exact().unwrap_or(u64::MAX);
        for held in &mut held {
            left -= held.shrink_to(left);
        }
        Body::new(HeldBody { body, _held: held })
    })
}

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_its_length() {
        let body = HeldBody { body: Body::from("five!"), _held: Vec::new() };
        assert_eq!(body.size_hint().exact(), Some(5));
        assert!(!body.is_end_stream());
    }
}
