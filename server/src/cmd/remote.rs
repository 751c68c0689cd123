//! What the commands that speak to a running server share: where it is, who asks, and one request over REST.
//! Must never print the token, and never follow the server anywhere else.

use std::{fmt::Write as _, str::FromStr};

use anyhow::{Context, Result, anyhow, bail};
use axum::body::Bytes;
use clap::Args;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use workflow::{
    RunId,
    api::{ApiError, ErrorCode},
};

/// A run of 10,000 steps with its attempts is far below it.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

#[derive(Args, Clone, Debug)]
pub(super) struct Remote {
    /// Where the server is
    #[arg(long, env = "WEFT_URL", default_value = "http://127.0.0.1:3000", value_name = "URL", global = true)]
    pub(super) server: String,
    /// An API token; `weft token create` makes one
    #[arg(long, env = "WEFT_TOKEN", hide_env_values = true, default_value = "", global = true)]
    token: String,
}

/// The id of a run, as somebody wrote it: what is none is said here, where no server could say more than that there is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OneRun(pub(super) RunId);

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it is no run id: those are like 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b, and `weft run list` prints them")]
pub(super) struct NoRunId;

impl FromStr for OneRun {
    type Err = NoRunId;

    fn from_str(text: &str) -> Result<Self, NoRunId> {
        text.parse().map(Self).map_err(|_| NoRunId)
    }
}

/// One request.
pub(super) struct Ask {
    pub(super) method: Method,
    /// Below `/api/workflows`, its segments encoded.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// The Idempotency-Key.
    pub(super) key: Option<String>,
}

impl Remote {
    pub(super) fn bearer(&self) -> Result<HeaderValue> {
        if self.token.is_empty() {
            bail!("there is no token\nMake one with `weft token create`, and give it as WEFT_TOKEN");
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token)).context("the token is no token")?;
        bearer.set_sensitive(true);
        Ok(bearer)
    }

    /// The JSON of a successful answer; a refusal is an error in the server's own words.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Value> {
        let body = ask.body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.send(ask.method, &ask.path, "application/json", body, ask.key.as_deref()).await?;
        workflow::json::kept(&answer).context("the server's answer is no JSON")
    }

    /// The bytes of a successful answer.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &'static str,
        body: String,
        key: Option<&str>,
    ) -> Result<Bytes> {
        let base = self.server.trim_end_matches('/');
        if !base.starts_with("http://") && !base.starts_with("https://") {
            bail!("the server's address begins with http:// or https://, such as http://127.0.0.1:3000");
        }
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}/api/workflows{path}"))
            .header(header::AUTHORIZATION, self.bearer()?)
            .header(header::CONTENT_TYPE, kind)
            .header(header::ACCEPT, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(Bytes::from(body))).context("the server's address cannot be read")?;
        let connector =
            hyper_rustls::HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
        let answer = client.request(request).await.map_err(|error| {
            anyhow!(error).context(format!(
                "cannot reach the server at {}\nCheck that it runs, and name its address with --server",
                self.server
            ))
        })?;
        let status = answer.status();
        let bytes = Limited::new(answer.into_body(), MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| anyhow!("the server's answer ended early: {error}"))?
            .to_bytes();
        if status.is_success() {
            return Ok(bytes);
        }
        match serde_json::from_slice::<ApiError>(&bytes) {
            Ok(error) => bail!("{}", told(&error)),
            Err(_) => bail!("the server answered {status}, in words of no Weft\nCheck its address"),
        }
    }
}

/// What a server says to whom it does not know is for people at a page: at a terminal nobody signs in.
const UNKNOWN_TOKEN: &str = "you are not signed in: the token has ended, was taken back, or is not of this server\n\
                             Make one with `weft token create`, and give it as WEFT_TOKEN";

/// A refusal with its field and its problems, each on a line of its own.
fn told(error: &ApiError) -> String {
    if error.code == ErrorCode::Unauthenticated {
        return UNKNOWN_TOKEN.to_owned();
    }
    let mut lines = vec![match &error.field {
        Some(field) => line(&format!("{field}: {}", error.detail), MAX_DETAIL_CHARS),
        None => line(&error.detail, MAX_DETAIL_CHARS),
    }];
    for problem in &error.problems {
        let place = [problem.step.as_ref().map(ToString::to_string), problem.field.clone()];
        let place: Vec<String> = place.into_iter().flatten().collect();
        lines.push(line(&format!("  {}: {}", place.join("."), problem.message), MAX_LINE_CHARS));
    }
    lines.join("\n")
}

/// A line of a list: what is longer is cut, so that nothing pushes the rest out of sight.
pub(super) const MAX_LINE_CHARS: usize = 300;
/// The words of a refusal.
const MAX_DETAIL_CHARS: usize = 1_000;

/// One line, whatever it is made of: what an author wrote can neither end it, nor move the cursor, nor turn its direction.
pub(super) fn line(text: &str, most: usize) -> String {
    let mut line: String = text.chars().take(most).map(|c| if moves(c) { ' ' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        line.push('…');
    }
    line
}

/// The same for a text whose line ends are our own.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if moves(c) && c != '\n' { ' ' } else { c }).collect()
}

/// JSON for a terminal: the same document, with such characters in the words of JSON.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        // JSON itself has line ends between its values, and no other control character below this one.
        if c >= '\u{7f}' && moves(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// Control characters, ends of lines and paragraphs, and what is not seen or turns the direction.
fn moves(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || service::is_invisible(c)
}

/// One segment of a path.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_one_segment() {
        assert_eq!(segment("draft[a/b é]"), "draft%5Ba%2Fb%20%C3%A9%5D");
        assert_eq!(segment("step_1"), "step_1");
    }

    #[test]
    fn a_refusal_names_its_field_and_problems() {
        let error: ApiError = serde_json::from_value(serde_json::json!({
            "status": 422, "code": "invalid_definition", "detail": "It has\u{1b}[31m problems.", "field": "definition",
            "problems": [{"step": "a", "field": "agent_id", "severity": "error", "code": "unknown_agent", "message": "No"}]
        }))
        .unwrap();
        assert_eq!(told(&error), "definition: It has [31m problems.\n  a.agent_id: No");
        let error: ApiError = serde_json::from_value(serde_json::json!({
            "status": 401, "code": "unauthenticated", "detail": "You are not signed in. Sign in and try again."
        }))
        .unwrap();
        assert!(told(&error).contains("weft token create"), "{}", told(&error));
    }

    #[test]
    fn nothing_an_author_wrote_ends_a_line_or_turns_it() {
        assert_eq!(line("a\nb\u{2028}c\u{202e}d\u{9b}e\u{7f}", 300), "a b c d e ");
        assert_eq!(line(&"x".repeat(300), 300).chars().count(), 300);
        assert_eq!(line(&"x".repeat(301), 300).chars().count(), 301);
        assert_eq!(plain("a\nb\u{202e}c\u{1b}d"), "a\nb c d");
        let json = "{\n  \"a\": \"\u{9b}31m \u{202e}\u{e0001} דוח é\"\n}";
        let shown = escaped(json);
        assert_eq!(shown, "{\n  \"a\": \"\\u009b31m \\u202e\\udb40\\udc01 דוח é\"\n}");
        let (told, meant): (Value, Value) =
            (serde_json::from_str(&shown).unwrap(), serde_json::from_str(json).unwrap());
        assert_eq!(told, meant);
    }
}
