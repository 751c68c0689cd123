//! Who asks: the session cookie or a bearer token becomes the context of the request.
//! A credential that is wrong is nobody; with a bearer token the cookie is not looked at.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, header};
use service::RequestInfo;

use super::{AppState, problem::Problem};

/// The middleware: puts an `OpContext` among the request's extensions.
pub(super) async fn authenticate(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let principal = match (bearer(headers), cookie(headers, state.service.cookie_name())) {
        (Some(token), _) => state.service.authenticate_bearer(token).await,
        (None, Some(value)) => state.service.authenticate_cookie(value).await,
        (None, None) => Ok(None),
    };
    let principal = match principal {
        Ok(principal) => principal,
        Err(error) => return Problem::from(error).into_response(),
    };
    let info = RequestInfo {
        address: address(&request, state.same_origin.public_url.is_some()),
        user_agent: text(headers, &header::USER_AGENT).unwrap_or_default().to_owned(),
    };
    let context = state.service.context(principal, info);
    request.extensions_mut().insert(context);
    next.run(request).await
}

/// The token of `Authorization: Bearer ...`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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

/// The address that asked. Behind a proxy of ours, the one that the proxy saw: it appends to the list.
fn address(request: &Request, has_proxy: bool) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let is_near = match peer {
        Some(IpAddr::V4(peer)) => peer.is_loopback() || peer.is_private(),
        Some(IpAddr::V6(peer)) => peer.is_loopback() || peer.is_unique_local(),
        None => false,
    };
    let forwarded = HeaderName::from_static("x-forwarded-for");
    let seen = text(request.headers(), &forwarded).and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
    if has_proxy && is_near { seen.or(peer) } else { peer }
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
        headers.insert(header::AUTHORIZATION, "Basic dTpw".parse().unwrap());
        assert_eq!(bearer(&headers), None);
    }
}
