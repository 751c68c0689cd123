//! The outside workers' protocol over HTTP (docs/workers.md): each handler reads, makes one call of `service::worker`, and answers.
//! Must never serve anybody but the holder of a worker token, nor hold more of a body than one piece.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::{Body as Content, Bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use serde::Serialize;
use service::worker::{
    Caller,
    wire::{Beat, Claim, Complete, Outcome, Register, Status, Tasks, WantCallback},
};
use tokio::time::{Duration, Instant, timeout_at};
use uuid::Uuid;
use workflow::{UserId, api::ErrorCode, id::WorkerId};

use super::{
    AppState, body,
    entry::CONTENT,
    extract::{self, Body, Ids},
    finish::Left,
    problem::{Problem, Result},
};
use crate::accept::Place;

/// The secret of a callback.
const CALLBACK: HeaderName = HeaderName::from_static("weft-callback");
/// Between two pieces of content that is sent.
const PATIENCE: Duration = Duration::from_secs(30);
/// As slow as all of it may come: a slow line's pace.
const MIN_BYTES_PER_SECOND: u64 = 16 * 1024;
/// Of content that arrives, in memory.
const PIECE: usize = 1024 * 1024;

/// The connection that a request came on.
type ProvedBy = Option<Extension<Arc<Place>>>;

/// Whose session it is, and how fast it asks. The connection is the session's: one token may have thousands.
async fn enter(state: &AppState, caller: &Caller, place: ProvedBy, session: WorkerId) -> Result<()> {
    admit(state, caller, session)?;
    state.workers.knows(caller, session).await?;
    if let Some(Extension(place)) = place {
        place.prove(UserId(session.0));
    }
    Ok(())
}

/// Counts a request. By the token too: whoever merely knows a session must not use up what it may ask.
fn admit(state: &AppState, caller: &Caller, session: WorkerId) -> Result<()> {
    let both = Uuid::from_u128(caller.token().0.as_u128() ^ session.0.as_u128());
    state.worker_requests.admit(UserId(both))
}

pub(super) async fn register(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Body(wish): Body<Register>,
) -> Result<Response> {
    state.worker_requests.admit(UserId(caller.token().0))?;
    Ok((StatusCode::CREATED, Json(state.workers.register(&caller, wish).await?)).into_response())
}

pub(super) async fn end(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Ids(session): Ids<WorkerId>,
) -> Result<StatusCode> {
    admit(&state, &caller, session)?;
    state.workers.end(&caller, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn claim(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    place: ProvedBy,
    Extension(Left(left)): Extension<Left>,
    Ids(session): Ids<WorkerId>,
    Body(claim): Body<Claim>,
) -> Result<Response> {
    enter(&state, &caller, place, session).await?;
    let tasks = state.workers.claim(&caller, session, claim, &left).await?;
    Ok(if tasks.is_empty() { StatusCode::NO_CONTENT.into_response() } else { Json(Tasks { tasks }).into_response() })
}

pub(super) async fn beat(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    place: ProvedBy,
    Ids(session): Ids<WorkerId>,
    Body(beat): Body<Beat>,
) -> Result<Response> {
    enter(&state, &caller, place, session).await?;
    Ok(Json(state.workers.beat(&caller, session, beat).await?).into_response())
}

pub(super) async fn complete(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    place: ProvedBy,
    Ids(session): Ids<WorkerId>,
    Body(complete): Body<Complete>,
) -> Result<Response> {
    enter(&state, &caller, place, session).await?;
    Ok(Json(state.workers.complete(&caller, session, complete).await?).into_response())
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = WireStatusOfOne)]
pub(super) struct One {
    #[serde(flatten)]
    status: Status,
}

pub(super) async fn complete_one(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    place: ProvedBy,
    Ids((session, token)): Ids<(WorkerId, String)>,
    Body(result): Body<Outcome>,
) -> Result<Response> {
    enter(&state, &caller, place, session).await?;
    let status = state.workers.complete_one(&caller, session, &token, result).await?;
    Ok(Json(One { status }).into_response())
}

pub(super) async fn callback(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    place: ProvedBy,
    Ids((session, token)): Ids<(WorkerId, String)>,
    Body(wish): Body<WantCallback>,
) -> Result<Response> {
    enter(&state, &caller, place, session).await?;
    Ok((StatusCode::CREATED, Json(state.workers.callback(&caller, session, &token, wish).await?)).into_response())
}

/// For whoever has the secret, which says which attempt it is about, and is looked at before anything is read.
pub(super) async fn called_back(State(state): State<AppState>, request: Request) -> Result<Response> {
    let secret = request.headers().get(CALLBACK).and_then(|secret| secret.to_str().ok());
    let secret = secret.ok_or_else(Problem::not_found)?.to_owned();
    let session = state.workers.is_awaited(&secret).await?;
    let (parts, body) = request.into_parts();
    let mut held = state.in_flight.hold(Some(UserId(session.0)), None);
    let bytes = body::read(&parts.headers, body, CONTENT.limit, &mut held).await?;
    let status = state.workers.called_back(&secret, &bytes, extract::read(&bytes)?).await?;
    Ok(Json(One { status }).into_response())
}

pub(super) async fn put_blob(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    place: ProvedBy,
    Ids((session, hash)): Ids<(WorkerId, String)>,
    request: Request,
) -> Result<StatusCode> {
    enter(&state, &caller, place, session).await?;
    let mut held = state.worker_uploads.hold(Some(UserId(session.0)), None);
    held.add(PIECE)?;
    let mut arriving = state.workers.receive(&caller, session, &hash).await?;
    let mut body = request.into_body();
    let (began, mut n_bytes) = (Instant::now(), 0_u64);
    loop {
        let at_pace = began + PATIENCE + Duration::from_secs(n_bytes / MIN_BYTES_PER_SECOND);
        let added = match timeout_at(at_pace.min(Instant::now() + PATIENCE), body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => {
                    n_bytes += data.len() as u64;
                    arriving.add(&data).await.map_err(Problem::from)
                }
                // Trailers mean nothing here.
                Err(_) => Ok(()),
            },
            Ok(Some(Err(_))) => Err(Problem::malformed("The body ended too early. Send it again.")),
            Err(_) => {
                let detail = "The body came too slowly, so it was given up. Send it again.";
                Err(Problem::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Malformed, detail))
            }
        };
        if let Err(problem) = added {
            arriving.abandon().await;
            return Err(problem);
        }
    }
    arriving.end().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn get_blob(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    place: ProvedBy,
    Ids((session, hash)): Ids<(WorkerId, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    enter(&state, &caller, place, session).await?;
    let content = state.workers.content(&caller, session, &hash).await?;
    let size = content.size;
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    // Other units, and several ranges at once, are not understood here: then the answer is all of it, as RFC 9110 wants.
    let range = range.filter(|range| range.starts_with("bytes=") && !range.contains(','));
    let (from, to, status) = match range.map(|range| read_range(range, size)) {
        Some(Some((from, to))) => (from, to, StatusCode::PARTIAL_CONTENT),
        Some(None) => {
            let range = HeaderValue::try_from(format!("bytes */{size}")).map_err(|_| Problem::internal())?;
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, range)]).into_response());
        }
        None => (0, size, StatusCode::OK),
    };
    let pieces = stream::try_unfold(from, move |at| {
        let content = content.clone();
        async move {
            if at >= to {
                return Ok(None);
            }
            // In a task of its own: who leaves in the middle drops no query.
            let read = tokio::spawn(async move { content.read(at).await });
            let mut bytes = read.await.map_err(std::io::Error::other)?.map_err(std::io::Error::other)?;
            bytes.truncate(usize::try_from(to - at).unwrap_or(usize::MAX));
            if bytes.is_empty() {
                return Err(std::io::Error::other("the content ends too early"));
            }
            let next = at + bytes.len() as u64;
            Ok(Some((Bytes::from(bytes), next)))
        }
    });
    let mut response = Response::new(Content::from_stream(pieces.boxed()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(to - from));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {from}-{}/{size}", to.saturating_sub(1));
        headers.insert(header::CONTENT_RANGE, HeaderValue::try_from(range).map_err(|_| Problem::internal())?);
    }
    Ok(response)
}

/// One range of bytes as (from, up to), where it can be satisfied.
fn read_range(range: &str, size: u64) -> Option<(u64, u64)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = (from.trim(), to.trim());
    let (from, to) = if from.is_empty() {
        let last: u64 = to.parse().ok()?;
        (size.saturating_sub(last), size)
    } else {
        let from: u64 = from.parse().ok()?;
        let to: u64 = if to.is_empty() { size } else { to.parse::<u64>().ok()?.saturating_add(1) };
        (from, to.min(size))
    };
    (from < to && from < size).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_some_bytes_of_what_is_there() {
        for (range, expected) in [
            ("bytes=0-3", Some((0, 4))),
            ("bytes=4-", Some((4, 10))),
            ("bytes=-3", Some((7, 10))),
            ("bytes=8-100", Some((8, 10))),
            ("bytes=-100", Some((0, 10))),
            ("bytes=10-", None),
            ("bytes=5-4", None),
            ("bytes=-0", None),
            ("bytes=a-b", None),
            ("lines=0-1", None),
            ("bytes=0-1,3-4", None),
        ] {
            assert_eq!(read_range(range, 10), expected, "{range}");
        }
        assert_eq!(read_range("bytes=0-", 0), None);
    }
}
