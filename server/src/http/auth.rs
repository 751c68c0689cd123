//! Who asks: the session cookie or a bearer token becomes the context of the request.
//! A credential that is wrong is nobody; with one in `Authorization` the cookie is not looked at, whatever it is worth.

mod held_body;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{AppendHeaders, IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use service::{OpContext, Principal, Refusal, RequestInfo, worker};
use workflow::access::Scope;

use super::{
    AppState,
    client_address::{client_address, tells_of_client},
    gate,
    problem::Problem,
};
use crate::{
    accept::Place,
    config::TrustedProxies,
    live::{self, Presented},
};

/// What a worker token opens.
const WORKER_ROUTES: &str = "/api/worker/v1/";
/// What a token for metrics alone opens.
const METRICS_ROUTES: [&str; 2] = ["/metrics", "/api/queues"];
/// By these, browsers answer what stands before Weft, with every request: they are for a proxy, and nobody here ever asks for them.
const SCHEMES_OF_PROXIES: [&str; 4] = ["basic", "digest", "negotiate", "ntlm"];
/// Requests that take longer than this look at their credential again before they answer.
const LONG: Duration = Duration::from_secs(2);

/// The middleware: puts an `OpContext` among the request's extensions.
pub(super) async fn authenticate(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let info = RequestInfo {
        address: peer.map(|peer| {
            warn_of_unknown_proxy(peer.0.ip(), headers, &state.trusted_proxies);
            client_address(peer.0.ip(), headers, &state.trusted_proxies)
        }),
        user_agent: text(headers, &header::USER_AGENT).unwrap_or_default().to_owned(),
        device: None,
    }
    .on_device(cookie(headers, state.service.device_cookie_name()));
    // Before the database is asked who it is: who opens sockets too fast must not keep it busy.
    let presented = presented_for_socket(&state, request.uri().path(), headers);
    if let Some(problem) = presented.and_then(|presented| state.hub.turn_away(presented)) {
        // Nobody has shown who they are on this connection, so it takes no place any longer.
        return (AppendHeaders([(header::CONNECTION, "close")]), problem).into_response();
    }
    if let Some(token) = bearer(headers).filter(|token| token.starts_with(worker::TOKEN_PREFIX)) {
        let caller = match state.workers.authenticate(token).await {
            Ok(caller) => caller,
            Err(error) => return Problem::from(error).into_response(),
        };
        return as_worker(&state, caller, info, request, next).await;
    }
    let principal = match (bearer(headers), cookie(headers, state.service.cookie_name())) {
        (Some(token), _) => state.service.authenticate_bearer(token, &info).await,
        (None, Some(value)) => state.service.authenticate_cookie(value).await,
        (None, None) => Ok(None),
    };
    let principal = match principal {
        Ok(principal) => principal,
        Err(error) => return Problem::from(error).into_response(),
    };
    if let (Some(principal), Some(place)) = (&principal, request.extensions().get::<Arc<Place>>()) {
        place.prove(principal.actor.id);
    }
    let is_locked = principal.as_ref().is_some_and(Principal::is_for_metrics_alone)
        && !METRICS_ROUTES.contains(&request.uri().path());
    let context = state.service.context(principal, info);
    request.extensions_mut().insert(context.clone());
    let asked = Asked::of(&request);
    if is_locked {
        // It comes to no gate, and is counted as what does: each refusal is a row of the audit log.
        let refused = gate::admit(&state, &request).err();
        let response =
            refused.unwrap_or_else(|| Problem::from(service::Error::MissingScope(Scope::Read))).into_response();
        asked.note_refusal(&state, &context, response.status()).await;
        return response;
    }
    let began = Instant::now();
    let response = next.run(request).await;
    if let (StatusCode::TOO_MANY_REQUESTS, Some(presented), Some(actor)) =
        (response.status(), presented, context.actor())
    {
        state.hub.has_turned_away(presented, actor.id);
    }
    asked.note_refusal(&state, &context, response.status()).await;
    // What took long may have outlived its credential; then nobody is there to be answered. A new cookie is the answer of what ended it.
    let may_be_over = began.elapsed() > LONG && !response.headers().contains_key(header::SET_COOKIE);
    if may_be_over && context.actor().is_some() && matches!(context.is_still_valid().await, Ok(false)) {
        return Problem::from(service::Error::Unauthenticated).into_response();
    }
    held_body::with_room(response, context.take_held())
}

/// A request that came with a worker token, which opens the workers' routes and nothing else.
async fn as_worker(
    state: &AppState,
    caller: Option<worker::Caller>,
    info: RequestInfo,
    mut request: Request,
    next: Next,
) -> Response {
    let context = state.service.context(None, info);
    request.extensions_mut().insert(context.clone());
    let asked = Asked::of(&request);
    let is_theirs = request.uri().path().starts_with(WORKER_ROUTES);
    let response = match caller {
        Some(_) if !is_theirs => Problem::from(service::Error::WrongCredential).into_response(),
        Some(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        None if is_theirs => Problem::from(service::Error::NoWorkerToken).into_response(),
        // Nobody: some pages are for everybody.
        None => next.run(request).await,
    };
    asked.note_refusal(state, &context, response.status()).await;
    response
}

/// What is presented where a live socket is asked for, by the rule of [`authenticate`]: with a token the cookie is not looked at.
fn presented_for_socket(state: &AppState, path: &str, headers: &HeaderMap) -> Option<Presented> {
    if !live::is_socket(path) {
        return None;
    }
    match bearer(headers) {
        Some(token) => Some(state.hub.presented(true, token)),
        None => Some(state.hub.presented(false, cookie(headers, state.service.cookie_name())?)),
    }
}

/// What is told of a request in the audit log, should it be refused.
struct Asked {
    method: Method,
    path: String,
    token: Option<String>,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let token = bearer(request.headers()).map(str::to_owned);
        Self { method: request.method().clone(), path: request.uri().path().to_owned(), token }
    }

    /// Refusals of nobody in particular are many and say nothing: a credential has to be there, right or wrong.
    async fn note_refusal(&self, state: &AppState, context: &OpContext, status: StatusCode) {
        let is_endpoint = self.path.starts_with("/api/") || self.path.starts_with(super::SERVER_FN_PREFIX);
        let is_refused = match status {
            StatusCode::UNAUTHORIZED => context.actor().is_none() && self.token.is_some(),
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => context.actor().is_some(),
            _ => false,
        };
        if !is_endpoint || !is_refused {
            return;
        }
        let refusal = Refusal {
            method: self.method.as_str(),
            path: &self.path,
            status: status.as_u16(),
            token: self.token.as_deref(),
        };
        if let Err(error) = state.service.note_refusal(context, refusal).await {
            // The answer stands either way.
            tracing::warn!(error = %error, "a refusal could not be written into the audit log");
        }
    }
}

/// The token of `Authorization: Bearer ...`. What cannot be read as that was meant to say who asks as well: an empty token, which is none
/// of ours, so that nobody acts as whom a cookie beside it names.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    given.find_map(|value| {
        let value = value.to_str().unwrap_or_default().trim();
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if SCHEMES_OF_PROXIES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return None;
        }
        Some(if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" })
    })
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(known, value)| (known == name && !value.is_empty()).then_some(value))
}

/// A proxy beside us that nobody told us of makes all people one address. Said once: it is the configuration, not the request.
fn warn_of_unknown_proxy(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) {
    static SAID: Once = Once::new();
    let is_near = match peer.to_canonical() {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
    };
    if is_near && !trusted.contains(peer) && tells_of_client(headers) {
        SAID.call_once(|| {
            tracing::warn!(%peer, "a proxy tells who asks, but it is not trusted; if it is yours, name it in WEFT_TRUSTED_PROXIES");
        });
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_a_token_in_any_case() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; weft_session=s3; b=2".parse().unwrap());
        assert_eq!(cookie(&headers, "weft_session"), Some("s3"));
        assert_eq!(cookie(&headers, "session"), None);
        headers.insert(header::AUTHORIZATION, "bearer  t0".parse().unwrap());
        assert_eq!(bearer(&headers), Some("t0"));
    }

    #[test]
    fn what_is_said_wrongly_is_a_token_that_is_none_and_what_is_for_a_proxy_is_not_for_us() {
        let told = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, http::HeaderValue::from_bytes(value).unwrap());
            }
            bearer(&headers).map(str::to_owned)
        };
        for wrong in ["", "Bearer", "Bearer ", "weft_0123", "Token t0", "Bearer\tt0"] {
            assert_eq!(told(&[wrong.as_bytes()]).as_deref(), Some(""), "{wrong}");
        }
        assert_eq!(told(&[b"Bearer \xff"]).as_deref(), Some(""), "it is no text");
        for proxy in ["Basic dTpw", "digest username=\"u\"", "Negotiate YII", "NTLM TlRM"] {
            assert_eq!(told(&[proxy.as_bytes()]), None, "{proxy}");
            assert_eq!(told(&[proxy.as_bytes(), b"Bearer t0"]).as_deref(), Some("t0"), "{proxy}");
        }
        assert_eq!(told(&[]), None);
    }
}
