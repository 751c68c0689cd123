//! Reads the body of a request: no more than its route takes, no slower than it must come, and within what all requests may hold.
//! Must never be called before it is known who asks.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};
use workflow::api::ErrorCode;

use super::{in_flight::Held, problem::Problem};

/// How slowly a body may come.
#[derive(Clone, Copy)]
struct Pace {
    /// Between two pieces.
    progress: Duration,
    /// For a whole one, and as much again as its largest size takes at a slow line's pace.
    patience: Duration,
    bytes_per_second: usize,
}

const PACE: Pace =
    Pace { progress: Duration::from_secs(10), patience: Duration::from_secs(30), bytes_per_second: 16 * 1024 };
/// Taken on trust for what is to come.
const MAX_CAPACITY: usize = 64 * 1024;

pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize, held: &mut Held) -> Result<Bytes, Problem> {
    read_at(PACE, headers, body, limit, held).await
}

async fn read_at(
    pace: Pace,
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    held: &mut Held,
) -> Result<Bytes, Problem> {
    let declared: Option<usize> =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|declared| declared > limit) {
        return Err(Problem::too_large(limit));
    }
    let mut bytes = Vec::with_capacity(declared.unwrap_or_default().min(MAX_CAPACITY));
    let seconds = u64::try_from(limit / pace.bytes_per_second).unwrap_or(u64::MAX);
    let end = Instant::now() + pace.patience.saturating_add(Duration::from_secs(seconds));
    loop {
        // Nothing is lost by dropping this: the body is given up then.
        let frame = tokio::select! {
            problem = held.given_up() => return Err(problem),
            frame = timeout_at(end.min(Instant::now() + pace.progress), body.frame()) => frame,
        };
        let Ok(frame) = frame else {
            return Err(too_slow());
        };
        let frame = match frame {
            None => {
                held.came_whole();
                return Ok(bytes.into());
            }
            Some(Ok(frame)) => frame,
            Some(Err(_)) => return Err(Problem::malformed("The body ended too early. Send it again.")),
        };
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(Problem::too_large(limit));
        }
        held.add(data.len())?;
        bytes.extend_from_slice(&data);
    }
}

fn too_slow() -> Problem {
    let detail = "The body came too slowly, so it was given up. Send it again.";
    Problem::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::{StreamExt, stream};

    use super::*;
    use crate::http::in_flight::InFlight;

    const FAST: Pace =
        Pace { progress: Duration::from_millis(200), patience: Duration::from_secs(1), bytes_per_second: 1024 * 1024 };

    async fn sent(pieces: usize, every: Duration, limit: usize) -> Result<usize, u16> {
        let pieces = stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(every).await;
            Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1024]))
        });
        let mut held = InFlight::default().hold(None, None);
        let read = read_at(FAST, &HeaderMap::new(), Body::from_stream(pieces), limit, &mut held).await;
        read.map(|bytes| bytes.len()).map_err(|problem| problem.into_api().status)
    }

    #[tokio::test]
    async fn a_body_must_move_on_and_end() {
        const LIMIT: usize = 64 * 1024;
        assert_eq!(sent(0, Duration::ZERO, LIMIT).await, Ok(0));
        assert_eq!(sent(64, Duration::from_millis(1), LIMIT).await, Ok(LIMIT));
        assert_eq!(sent(65, Duration::ZERO, LIMIT).await, Err(413));
        assert_eq!(sent(1, FAST.progress * 2, LIMIT).await, Err(408), "it stands still");
        assert_eq!(sent(60, FAST.progress / 4, LIMIT).await, Err(408), "it takes for ever");
    }
}
