//! What a failed call to a provider means for people and for a retry: by status, by the codes in the error, and by the kind of the
//! broken connection. It must never pass a key on: providers do echo them, whole or in part.

use reqwest::{StatusCode, Url, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use workflow::status::Reason;

use super::wire::{self, Fault, MAX_ANSWER_BYTES, Said};
use crate::{
    AgentError,
    error::shorten,
    refusals::{Parameter, Refusal},
    response,
};

/// Characters of what a provider says that are passed on.
pub(super) const MAX_SAID_CHARS: usize = 500;
/// How much of a key gives it away, at its beginning or its end.
const TELLING_CHARS: usize = 4;
/// How keys begin, by which those of a provider behind a gateway are known.
const KEY_BEGINS: [&str; 8] = ["sk-", "sk_", "pk-", "rk-", "gsk_", "hf_", "xai-", "AIza"];

pub(super) struct Failure {
    pub(super) error: AgentError,
    /// A parameter that the model does not take.
    pub(super) refused: Option<Refusal>,
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        Self { error, refused: None }
    }
}

pub(super) fn cut_off() -> Failure {
    AgentError::new(Reason::Server, "The model's answer broke off before it was complete").into()
}

pub(super) fn too_large() -> Failure {
    let mib = MAX_ANSWER_BYTES >> 20;
    AgentError::new(Reason::OutputTooLarge, format!("The model's answer is larger than {mib} MiB")).into()
}

/// Says what a provider said, without its key.
pub(super) struct Teller<'a> {
    pub(super) key: Option<&'a SecretString>,
    pub(super) host: &'a str,
}

impl Teller<'_> {
    /// The provider answered with an error status.
    pub(super) fn status(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        sent: &[(Parameter, String)],
    ) -> Failure {
        let said = wire::read_error_body(body);
        let by_status = match status {
            StatusCode::PAYLOAD_TOO_LARGE => Reason::ContextLength,
            status => response::class_of(status),
        };
        let is_vague = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
        let class = match said.class {
            Some(class @ (Reason::ContextLength | Reason::Refused)) => class,
            Some(class) if is_vague => class,
            _ => by_status,
        };
        let error = match class {
            Reason::Unauthorized => self.tell(
                class,
                &format!("The provider answered {status}: check its key, and that the key may use this model"),
                &said,
            ),
            Reason::ContextLength => self.tell(class, "The prompt is longer than the model takes", &said),
            Reason::Refused => self.tell(class, "The provider refused to answer", &said),
            _ => self.tell(class, &format!("The provider answered {status}"), &said),
        };
        let wait = response::retry_after_ms(headers).or_else(|| retry_delay_ms(&said.document));
        let refused = if is_vague && class == Reason::Permanent { named(&said, sent) } else { None };
        Failure { error: error.with_retry_after(wait), refused }
    }

    /// The provider answered 200, and told of an error inside.
    pub(super) fn inside(&self, said: &Said, has_begun: bool, sent: &[(Parameter, String)]) -> Failure {
        let class = said.class.unwrap_or(Reason::Server);
        let what = match class {
            Reason::Refused => "The provider refused to answer",
            Reason::ContextLength => "The prompt is longer than the model takes",
            _ => "The provider stopped with an error",
        };
        let refused = if has_begun || class != Reason::Permanent { None } else { named(said, sent) };
        Failure { error: self.tell(class, what, said).with_retry_after(retry_delay_ms(&said.document)), refused }
    }

    pub(super) fn fault(&self, fault: Fault) -> Failure {
        match fault {
            Fault::Broken(error) => self.broken(error).into(),
            Fault::Stalled => AgentError::new(Reason::Timeout, "The model stopped sending").into(),
            Fault::TooLarge => too_large(),
            Fault::Unreadable(text) => self.no_answer(&wire::read_error_body(text.as_bytes())),
        }
    }

    /// What came is nothing that a model says.
    pub(super) fn no_answer(&self, said: &Said) -> Failure {
        let what = "The provider sent something that is no model's answer: check its kind and its address";
        self.tell(Reason::Server, what, said).into()
    }

    pub(super) fn broken(&self, error: reqwest::Error) -> AgentError {
        let (class, message) = response::class_of_failure(&error, self.host);
        AgentError::new(class, message).with_source(error.without_url())
    }

    /// A key goes where the provider's settings say, and nowhere else.
    pub(super) fn redirected(&self, status: StatusCode, base: &Url, headers: &HeaderMap) -> Failure {
        let target = headers
            .get(reqwest::header::LOCATION)
            .and_then(|location| location.to_str().ok())
            .and_then(|location| base.join(location).ok());
        let place = target.map(|url| format!(" to `{}{}`", url.origin().ascii_serialization(), url.path()));
        let message = format!(
            "The provider answered {status}: its address leads on{}; a key is not sent there: set the right address",
            self.conceal(&place.unwrap_or_default())
        );
        AgentError::new(Reason::Permanent, message).into()
    }

    fn tell(&self, class: Reason, what: &str, said: &Said) -> AgentError {
        let words = self.conceal(&said.words);
        if words.is_empty() {
            AgentError::new(class, what)
        } else {
            AgentError::new(class, format!("{what}: {}", shorten(words, MAX_SAID_CHARS)))
        }
    }

    /// A text without the key: whole, and the parts by which messages show it; nor with what looks like somebody else's.
    pub(super) fn conceal(&self, text: &str) -> String {
        let key = self.key.map(ExposeSecret::expose_secret).filter(|key| !key.is_empty());
        let text = key.map_or_else(|| text.to_owned(), |key| text.replace(key, "[key]"));
        let is_of_a_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*' | '.' | '…');
        let is_key = |word: &str| {
            let word = word.trim_end_matches('.');
            let telling = key
                .filter(|key| key.len() > 2 * TELLING_CHARS)
                .and_then(|key| Some((key.get(..TELLING_CHARS)?, key.get(key.len() - TELLING_CHARS..)?)));
            telling.is_some_and(|(begin, end)| word.starts_with(begin) || word.ends_with(end))
                || KEY_BEGINS.iter().any(|begin| word.starts_with(begin) && word.len() >= begin.len() + 12)
        };
        let mut shown = String::new();
        let mut word = String::new();
        for c in text.chars().map(Some).chain([None]) {
            match c {
                Some(c) if is_of_a_key(c) => word.push(c),
                c => {
                    shown.push_str(if is_key(&word) { "[key]" } else { &word });
                    word.clear();
                    shown.extend(c);
                }
            }
        }
        shown
    }
}

/// What an error says the model does not take.
fn named(said: &Said, sent: &[(Parameter, String)]) -> Option<Refusal> {
    let (parameter, is_never) = wire::named_parameter(said, sent)?;
    let value = sent.iter().find(|(sent, _)| *sent == parameter).map(|(_, value)| value.as_str());
    Some(Refusal::new(parameter, value.filter(|_| !is_never)))
}

/// Google says in the error how long to wait.
fn retry_delay_ms(document: &Value) -> Option<u64> {
    let error = document.get("error").unwrap_or(document);
    let delay = error.get("details")?.as_array()?.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    u64::try_from(std::time::Duration::try_from_secs_f64(seconds).ok()?.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_key_is_shown() {
        let key = SecretString::from("sk-canary-123456789-wxyz");
        let teller = Teller { key: Some(&key), host: "h" };
        let table = [
            ("about sk-canary-123456789-wxyz!", "about [key]!"),
            ("Incorrect API key provided: sk-canar************wxyz.", "Incorrect API key provided: [key]"),
            ("key ending in ***wxyz is off", "key ending in [key] is off"),
            ("upstream said gsk_abcdefghijklmnop", "upstream said [key]"),
            ("AIzaSyA-1234567890abcdefg, no", "[key], no"),
            ("the model gpt-5-mini is not known", "the model gpt-5-mini is not known"),
        ];
        for (said, shown) in table {
            assert_eq!(teller.conceal(said), shown);
        }
    }

    #[test]
    fn how_long_google_asks_to_wait_is_read() {
        let error = serde_json::json!({"error": {"details": [{"@type": "x"}, {"retryDelay": "36.5s"}]}});
        assert_eq!(retry_delay_ms(&error), Some(36_500));
    }
}
