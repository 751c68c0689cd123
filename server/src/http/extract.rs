//! What handlers take from a request: ids of the path, a JSON body. A mistake is answered with the field it is in.

use std::fmt::Write as _;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
};
use http::{HeaderMap, HeaderName, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use workflow::{
    api::ErrorCode,
    encoding::{self, NotText},
    json::{self, Bounds, Refused, Tree},
    words::count,
};

use super::{fault::Fault, problem::Problem};

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

pub(super) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a text takes whatever is written");
        }
    }
    out
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What comes with a verb: its Idempotency-Key, if there is one, and what its client wants to be answered.
pub(super) struct Once {
    pub(super) key: Option<String>,
    pub(super) prefer: Prefer,
}

/// How much a verb answers (RFC 7240).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Prefer {
    /// The run as it is then.
    Representation,
    /// Which run it was, and how far it is then.
    Minimal,
}

impl Prefer {
    /// The first that is known counts; what nobody knows is ignored, as the standard says.
    fn of(headers: &HeaderMap) -> Self {
        let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let mut known = preferences.flat_map(|value| value.split(',')).filter_map(|preference| {
            // Parameters of a preference are of no account here.
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("return").then(|| value.to_ascii_lowercase())
        });
        match known.find(|value| value == "minimal" || value == "representation").as_deref() {
            Some("minimal") => Self::Minimal,
            _ => Self::Representation,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let prefer = Prefer::of(&parts.headers);
        match parts.headers.get(IDEMPOTENCY_KEY).map(|key| key.to_str()) {
            None => Ok(Self { key: None, prefer }),
            Some(Ok(key)) => Ok(Self { key: Some(key.to_owned()), prefer }),
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

/// A body that is a text, whatever it is said to be; a file, as programs write it.
pub(super) struct Text(pub(super) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        encoding::text(&collect(request).await?).map(Self).map_err(not_a_text)
    }
}

/// The whole body: the gate has read it before.
async fn collect(request: Request) -> Result<Bytes, Problem> {
    // Nothing is unpacked here: a few bytes could become more than a body may have.
    let coding = request.headers().get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::Malformed,
            "A body is taken as it is. Send it without `Content-Encoding`, and not compressed.",
        ));
    }
    let collected = request.into_body().collect().await.map_err(|_| Problem::internal())?;
    Ok(collected.to_bytes())
}

/// JSON is UTF-8 alone.
fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| not_a_text(NotText::Utf8 { at: error.valid_up_to() }))
}

fn not_a_text(why: NotText) -> Problem {
    Problem::malformed(match why {
        NotText::Utf8 { at } => format!("The body is not UTF-8: byte {at} is wrong. Send UTF-8 text."),
        NotText::Utf16 => "The body begins as UTF-16, and is not. Send UTF-8 text.".to_owned(),
    })
}

pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // A mark in front is what some shells write; files and tables may have one too.
    let text = utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))?;
    let text = if text.is_empty() { "{}" } else { text };
    // Strictly, into a value: what is bounded and whole is then read as what the endpoint takes.
    let document = json::parse(text, Bounds::BODY).map_err(|fault| refused(&fault))?;
    serde_path_to_error::deserialize(Tree::<Fault>::new(document)).map_err(|error| {
        let path = error.path().to_string();
        let fault = error.into_inner();
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::Invalid, sentence(&path, &fault));
        match fault.field(&path) {
            Some(field) => problem.with_field(field),
            None => problem,
        }
    })
}

fn refused(refused: &Refused) -> Problem {
    let invalid = |detail| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::Invalid, detail);
    let problem = match refused {
        Refused::Malformed { message, .. } => Problem::malformed(format!("The body is not JSON: {message}.")),
        Refused::TooDeep { max, .. } => {
            Problem::malformed(format!("The body is nested deeper than {max} levels. Flatten it."))
        }
        Refused::TooMany { max } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::TooLarge,
            format!("The body holds more than {}. Send fewer, or pass them as a text.", count(*max, "value")),
        ),
        Refused::Duplicate { .. } | Refused::LongNumber { .. } | Refused::HalfCharacter { .. } => {
            invalid(format!("In the body, {refused}."))
        }
        Refused::ReservedKey { .. } => invalid(format!("In the body, {refused}. Name it otherwise.")),
    };
    match refused.place() {
        Some(place) => problem.with_field(place),
        None => problem,
    }
}

fn sentence(path: &str, fault: &Fault) -> String {
    if path == "." { format!("The body is wrong: {fault}.") } else { format!("`{path}` is wrong: {fault}.") }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use workflow::api::{CreateTemplate, PatchRun, StartRun};

    use super::*;

    fn refusal<T: DeserializeOwned>(bytes: &[u8]) -> (u16, Option<String>, String) {
        let error = read::<T>(bytes).err().expect("it is refused").into_api();
        (error.status, error.field, error.detail)
    }

    #[test]
    fn a_bad_body_is_refused_by_place_or_field() {
        let (status, field, detail) = refusal::<PatchRun>(b"{\n  \"auto_run\": tru }");
        assert_eq!((status, field), (400, None));
        assert!(detail.contains("line 2 column"), "{detail}");
        let (status, field, _) = refusal::<PatchRun>(br#"{"auto_run": "yes"}"#);
        assert_eq!((status, field.as_deref()), (422, Some("auto_run")));
        let (status, field, _) = refusal::<PatchRun>(b"");
        assert_eq!((status, field.as_deref()), (422, Some("auto_run")));
        let (status, field, _) = refusal::<StartRun>(br#"{"template_id": 7}"#);
        assert_eq!((status, field.as_deref()), (422, Some("template_id")));
        let (status, _, detail) = refusal::<PatchRun>(b"{\"auto_run\": \"\xff\"}");
        assert_eq!(status, 400);
        assert!(detail.contains("byte 14"), "{detail}");
        assert_eq!(refusal::<PatchRun>(br#"{"auto_run": true} x"#).0, 400);
        assert!(read::<PatchRun>(b"\xEF\xBB\xBF{\"auto_run\": true}").is_ok_and(|patch| patch.auto_run));
        assert_eq!(refusal::<PatchRun>(b"{\"auto_run\": \xEF\xBB\xBFtrue}").0, 400);
        assert_eq!(refusal::<serde_json::Value>("[".repeat(100_000).as_bytes()).0, 400);
    }

    #[test]
    fn a_number_keeps_its_spelling() {
        for n in ["1E2", "1e+02", "-0", "1.10", "1E400", "100000000000000000001", r#"[{"z":1E2,"a":-0}]"#] {
            let body = format!(r#"{{"template_id":"00000000-0000-0000-0000-000000000000","inputs":{{"n":{n}}}}}"#);
            let Ok(start) = read::<StartRun>(body.as_bytes()) else { panic!("{body}") };
            assert_eq!(start.inputs["n"].to_string(), n);
        }
    }

    #[test]
    fn a_key_twice_and_too_many_values_are_refused() {
        let twice = br#"{"name":"n","definition":{"steps":{"draft":{"agent_id":"a"},"draft":{"agent_id":"b"}}}}"#;
        let (status, field, detail) = refusal::<CreateTemplate>(twice);
        assert_eq!((status, field.as_deref()), (422, Some("definition.steps.draft")));
        assert!(detail.contains("twice"), "{detail}");
        let field = br#"{"name":"n","definition":{"steps":{"draft":{"agent_id":"a","agent_id":"b"}}}}"#;
        assert_eq!(refusal::<CreateTemplate>(field).1.as_deref(), Some("definition.steps.draft.agent_id"));
        assert_eq!(refusal::<PatchRun>(br#"{"auto_run":true,"auto_run":false}"#).1.as_deref(), Some("auto_run"));
        let many = format!("[{}0]", "0,".repeat(Bounds::BODY.nodes));
        assert_eq!(refusal::<serde_json::Value>(many.as_bytes()).0, 413);
        let number = br#"{"inputs":{"x":{"$serde_json::private::Number":"1"}}}"#;
        assert_eq!(refusal::<StartRun>(number).1.as_deref(), Some("inputs.x"));
        let (status, field, detail) = refusal::<StartRun>(br#"{"inputs":{"text":"cut \ud83d"}}"#);
        assert_eq!((status, field.as_deref()), (422, Some("inputs.text")));
        assert!(detail.contains("half a character"), "{detail}");
        let long = format!(r#"{{"inputs":{{"n":{}}}}}"#, "7".repeat(1_001));
        let (status, field, detail) = refusal::<StartRun>(long.as_bytes());
        assert_eq!((status, field.as_deref()), (422, Some("inputs.n")));
        assert!(detail.contains("1,000 characters"), "{detail}");
    }
}
