//! What handlers take from a request: ids of the path, the query, a JSON body. A mistake is answered with the field it is in.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
};
use http::{HeaderName, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use workflow::api::ErrorCode;

use super::{limit, problem::Problem};

/// The variable segments of the path. One that is no id at all is as missing as an id that nobody has.
pub(crate) struct Ids<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(_) => Err(Problem::not_found()),
        }
    }
}

/// The query string.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Problem::malformed(format!("{}. Correct the address.", rejection.body_text()))),
        }
    }
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The Idempotency-Key, if there is one.
pub(super) struct Once(pub(super) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match parts.headers.get(IDEMPOTENCY_KEY).map(|key| key.to_str()) {
            None => Ok(Self(None)),
            Some(Ok(key)) => Ok(Self(Some(key.to_owned()))),
            Some(Err(_)) => {
                let detail = "The Idempotency-Key must be plain ASCII text.";
                Err(Problem::malformed(detail).with_field("Idempotency-Key"))
            }
        }
    }
}

/// A JSON body. An empty one stands for `{}`, so that verbs without arguments need none.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if let Some(kind) = request.headers().get(header::CONTENT_TYPE)
            && !is_json(kind.to_str().unwrap_or_default())
        {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ErrorCode::Malformed,
                "The body must be JSON. Send it with `Content-Type: application/json`.",
            ));
        }
        read(&collect(request).await?).map(Self)
    }
}

/// Reads the whole body, or answers 413.
pub(super) async fn collect(request: Request) -> Result<Bytes, Problem> {
    match request.into_body().collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if limit::is_exceeded(&error) => Err(Problem::too_large(limit::MAX_BODY_BYTES)),
        Err(_) => Err(Problem::malformed("The body ended too early. Send it again.")),
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let at = error.valid_up_to();
        return Err(Problem::malformed(format!("The body is not UTF-8: byte {at} is wrong. Send UTF-8 text.")));
    }
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if !inner.is_data() {
            return Problem::malformed(format!("The body is not JSON: {inner}."));
        }
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::Invalid, sentence(&path, &inner));
        match field(&path, &inner) {
            Some(field) => problem.with_field(field),
            None => problem,
        }
    })?;
    deserializer.end().map_err(|error| Problem::malformed(format!("The body is not JSON: {error}.")))?;
    Ok(value)
}

fn sentence(path: &str, error: &serde_json::Error) -> String {
    if path == "." { format!("The body is wrong: {error}.") } else { format!("`{path}` is wrong: {error}.") }
}

/// The field the error is about. serde names the place of a missing field, not the field: its own words hold that name.
fn field(path: &str, error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (path, missing) {
        (".", None) => None,
        (".", Some(missing)) => Some(missing.to_owned()),
        (path, None) => Some(path.to_owned()),
        (path, Some(missing)) => Some(format!("{path}.{missing}")),
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use workflow::api::{PatchRun, StartRun};

    use super::*;

    fn refused<T: DeserializeOwned>(bytes: &[u8]) -> (u16, Option<String>, String) {
        let error = read::<T>(bytes).err().expect("it is refused").into_api();
        (error.status, error.field, error.detail)
    }

    #[test]
    fn a_bad_body_is_refused_by_place_or_field() {
        let (status, field, detail) = refused::<PatchRun>(b"{\n  \"auto_run\": tru }");
        assert_eq!((status, field), (400, None));
        assert!(detail.contains("line 2 column"), "{detail}");
        let (status, field, _) = refused::<PatchRun>(br#"{"auto_run": "yes"}"#);
        assert_eq!((status, field.as_deref()), (422, Some("auto_run")));
        let (status, field, _) = refused::<PatchRun>(b"");
        assert_eq!((status, field.as_deref()), (422, Some("auto_run")));
        let (status, field, _) = refused::<StartRun>(br#"{"template_id": 7}"#);
        assert_eq!((status, field.as_deref()), (422, Some("template_id")));
        let (status, _, detail) = refused::<PatchRun>(b"{\"auto_run\": \"\xff\"}");
        assert_eq!(status, 400);
        assert!(detail.contains("byte 14"), "{detail}");
        assert_eq!(refused::<PatchRun>(br#"{"auto_run": true} x"#).0, 400);
        assert_eq!(refused::<serde_json::Value>("[".repeat(100_000).as_bytes()).0, 400);
    }
}
