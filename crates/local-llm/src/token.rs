//! The token that every request has to bring: whoever else is on this machine can reach the port too.
//! Must never come as an argument, which everybody can read, and never be compared faster where it is wrong earlier.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Result, bail};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Where whoever starts this program puts the token; only its own user can read a process' environment.
pub(crate) const VARIABLE: &str = "WEFT_LOCAL_LLM_TOKEN";

#[derive(Clone)]
pub(crate) struct Token(Arc<str>);

impl Token {
    /// The one that was given. An empty one is none: nothing may be open by mistake.
    pub(crate) fn given(value: Option<OsString>) -> Result<Option<Self>> {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
        match value.into_string() {
            Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(Self(text.into()))),
            _ => bail!("{VARIABLE} must be letters, digits and signs of ASCII, without spaces"),
        }
    }

    /// A new one of 256 random bits.
    pub(crate) fn new() -> Self {
        let bytes: [u8; 32] = rand::random();
        let text = bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text takes whatever is written");
            text
        });
        Self(text.into())
    }

    /// For the person who started this by hand.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, given)) = given.and_then(|given| given.split_once(' ')) else { return false };
        scheme.eq_ignore_ascii_case("bearer") && is_same(given.trim().as_bytes(), self.0.as_bytes())
    }
}

/// Takes the same time wherever they differ; only the length shows, which is no secret.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |all, (a, b)| black_box(all | (a ^ b)));
    a.len() == b.len() && differences == 0
}

/// The door of every route, also of those that there are not. Nothing of a body is read before.
pub(crate) async fn check(State(token): State<Token>, request: Request, next: Next) -> Response {
    if token.is_in(request.headers()) { next.run(request).await } else { ApiError::Unauthorized.into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
        headers
    }

    #[test]
    fn only_the_whole_token_opens() {
        let token = Token::given(Some("s3cret".into())).expect("it is usable").expect("it is there");
        assert!(token.is_in(&with("Bearer s3cret")) && token.is_in(&with("bearer  s3cret")));
        for wrong in
            ["Bearer s3cre", "Bearer s3cret2", "Bearer S3cret", "Bearer", "Bearer ", "Basic s3cret", "s3cret", ""]
        {
            assert!(!token.is_in(&with(wrong)), "{wrong}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }

    #[test]
    fn an_empty_token_is_none_and_new_ones_differ() {
        assert!(Token::given(None).expect("fine").is_none() && Token::given(Some("".into())).expect("fine").is_none());
        assert!(Token::given(Some("two words".into())).is_err());
        assert_eq!(Token::new().reveal().len(), 64);
        assert_ne!(Token::new().reveal(), Token::new().reveal());
    }
}
