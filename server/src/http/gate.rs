//! The door of every route and server function: who must be signed in, how fast they may come, and how much is read of what they send.
//! Must never read a byte of the body of somebody who has to sign in first.

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use service::{OpContext, worker::Caller};
use workflow::UserId;

use super::{
    AppState, body,
    entry::{Entry, For},
    functions,
    problem::Problem,
};

/// The middleware around one route.
pub(super) async fn route(State((state, entry)): State<(AppState, Entry)>, request: Request, next: Next) -> Response {
    enter(&state, entry, request, next).await
}

/// The middleware around all pages and server functions. Pages take no body, and say themselves who they are for.
pub(super) async fn function(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if let Some(name) = request.uri().path().strip_prefix(super::SERVER_FN_PREFIX) {
        let entry = functions::entry(name);
        return enter(&state, entry, request, next).await;
    }
    if let Err(problem) = admit(&state, &request) {
        return problem.into_page();
    }
    next.run(request).await
}

/// Counts a request of somebody who is signed in; they may have come too fast.
pub(super) fn admit(state: &AppState, request: &Request) -> Result<(), Problem> {
    person(request).map_or(Ok(()), |person| state.requests.admit(person))
}

fn person(request: &Request) -> Option<UserId> {
    request.extensions().get::<OpContext>().and_then(OpContext::actor).map(|actor| actor.id)
}

async fn enter(state: &AppState, entry: Entry, request: Request, next: Next) -> Response {
    let mut person = person(&request);
    if entry.is_for == For::Workers {
        match request.extensions().get::<Caller>() {
            // What its requests hold is its token's.
            Some(caller) => person = Some(UserId(caller.token().0)),
            None if person.is_some() => return Problem::from(service::Error::WrongCredential).into_response(),
            None => return Problem::from(service::Error::NoWorkerToken).into_response(),
        }
    }
    let address = request.extensions().get::<OpContext>().and_then(OpContext::address);
    if person.is_none() && entry.is_for != For::Everybody {
        return Problem::from(service::Error::Unauthenticated).into_response();
    }
    if entry.is_counted
        && let Err(problem) = admit(state, &request)
    {
        return problem.into_response();
    }
    if entry.is_streamed {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    if entry.limit == 0 {
        drop(body);
        return next.run(Request::from_parts(parts, Body::empty())).await;
    }
    // Held until there is an answer: what was read lives as long, in one form or another.
    let mut held = state.in_flight.hold(person, address);
    match body::read(&parts.headers, body, entry.limit, &mut held).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(problem) => problem.into_response(),
    }
}
