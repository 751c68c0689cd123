//! What a failed call to a provider means for people and for a retry: by status, by the codes in the error, and by the kind of the
//! broken connection. It must never pass a key on: providers do echo them, whole or in part.

use std::time::{Duration, SystemTime};

use reqwest::{StatusCode, Url, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use workflow::status::Reason;

use super::wire::{self, Asked, Fault, MAX_ANSWER_BYTES, Said};
use crate::{
    AgentError, charset,
    error::shorten,
    refusals::{Parameter, Refusal},
    response,
};

/// Characters of what a provider says that are passed on.
pub(super) const MAX_SAID_CHARS: usize = 500;
/// How much of a key gives it away, at its beginning or its end.
const TELLING_CHARS: usize = 4;
/// How keys begin, by which those of a provider behind a gateway are known.
const KEY_BEGINS: [&str; 22] = [
    "sk-",
    "sk_",
    "pk-",
    "rk-",
    "gsk_",
    "hf_",
    "xai-",
    "AIza", // of AWS, and its tokens for models
    "AKIA",
    "ASIA",
    "ABSK", // tokens that say themselves what they are
    "eyJ",
    "ya29.",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xox",
    "nvapi-",
    "pplx-",
    "r8_",
];

pub(super) struct Failure {
    pub(super) error: AgentError,
    /// What the model does not take.
    pub(super) refused: Vec<Refused>,
}

/// A parameter that was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    /// It may be taken the next time.
    pub(super) is_of_this_prompt: bool,
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        Self { error, refused: Vec::new() }
    }
}

/// With what was said in place of the rest.
pub(super) fn cut_off(told: Option<String>) -> Failure {
    let told = told.map(|told| format!(": {}", shorten(told, MAX_SAID_CHARS))).unwrap_or_default();
    AgentError::new(Reason::Server, format!("The model's answer broke off before it was complete{told}")).into()
}

pub(super) fn too_large() -> Failure {
    let mib = MAX_ANSWER_BYTES >> 20;
    AgentError::new(Reason::OutputTooLarge, format!("The model's answer is larger than {mib} MiB")).into()
}

/// Says what a provider said, without its key.
pub(super) struct Teller<'a> {
    pub(super) key: Option<&'a SecretString>,
    pub(super) host: &'a str,
    pub(super) asked: Asked<'a>,
}

impl Teller<'_> {
    /// The provider answered with an error status; with the address that may be meant where it has nothing at this one.
    pub(super) fn status(
        &self,
        (status, other): (StatusCode, Option<String>),
        headers: &HeaderMap,
        body: &[u8],
        sent: &[(Parameter, String)],
    ) -> Failure {
        let said = wire::read_error_body(&charset::as_utf8(headers, body));
        let by_status = wire::class_of_status(status);
        // These say so little that the codes decide; so do they where they say to try again, and the code does too.
        let is_vague = matches!(status.as_u16(), 400 | 422);
        let is_passing = matches!(status.as_u16(), 409 | 424 | 425 | 498 | 499);
        let class = match said.class {
            Some(class @ (Reason::ContextLength | Reason::Refused)) => class,
            Some(class) if is_vague => class,
            Some(class) if is_passing && class != Reason::Permanent => class,
            _ => by_status,
        };
        let status_text = told(status);
        let error = match class {
            Reason::Unauthorized => self.tell(
                class,
                &format!("The provider answered {status_text}: check its key, and that the key may use this model"),
                &said,
            ),
            Reason::ContextLength => self.tell(class, "The prompt is longer than the model takes", &said),
            Reason::Refused => self.tell(class, "The provider refused to answer", &said),
            _ => {
                let advice = other.map(|base| format!(": should its address be wrong, try `{}`", self.conceal(&base)));
                let advice = advice.unwrap_or_default();
                self.tell(class, &format!("The provider answered {status_text}{advice}"), &said)
            }
        };
        let wait = response::retry_after_ms(headers).or_else(|| wait_within(&said.document, SystemTime::now()));
        // Gateways say so of what they could not pass on, and servers of what they could not do.
        let is_of_a_parameter = match class {
            Reason::Permanent | Reason::Server => is_vague || matches!(status.as_u16(), 404 | 500 | 501),
            // A limit that is too large for this prompt is told as a prompt that is too long.
            Reason::ContextLength => is_vague,
            _ => false,
        };
        let refused = if is_of_a_parameter {
            self.named(&said, sent, is_vague && class != Reason::ContextLength)
        } else {
            Vec::new()
        };
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
        let is_of_a_parameter = !has_begun && matches!(class, Reason::Permanent | Reason::Server);
        let refused = if is_of_a_parameter { self.named(said, sent, class == Reason::Permanent) } else { Vec::new() };
        let wait = wait_within(&said.document, SystemTime::now());
        Failure { error: self.tell(class, what, said).with_retry_after(wait), refused }
    }

    pub(super) fn fault(&self, fault: Fault) -> Failure {
        match fault {
            Fault::Broken(error) => self.broken(error).into(),
            Fault::Stalled => AgentError::new(Reason::Timeout, "The model stopped sending").into(),
            Fault::TooLarge => too_large(),
            Fault::Unreadable(text) => self.no_answer(&wire::read_error_body(text.as_bytes())),
        }
    }

    /// The answer is compressed in a way that nobody asked for.
    pub(super) fn compressed(&self, compression: &str) -> Failure {
        let compression = shorten(self.conceal(compression), MAX_SAID_CHARS);
        let message = format!(
            "The provider sent an answer compressed with `{compression}`, which was not asked for: check what stands between"
        );
        AgentError::new(Reason::Server, message).into()
    }

    /// What came in the middle of an answer is nothing that a model says.
    pub(super) fn garbled(&self, text: &str) -> Failure {
        let words = self.conceal(&wire::read_error_body(text.as_bytes()).words);
        cut_off(Some(words).filter(|words| !words.is_empty()))
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
            .and_then(|location| std::str::from_utf8(location.as_bytes()).ok())
            .and_then(|location| base.join(location).ok());
        let place = target.map(|url| format!(" to `{}{}`", url.origin().ascii_serialization(), url.path()));
        let message = format!(
            "The provider answered {}: its address leads on{}; a key is not sent there: set the right address",
            told(status),
            self.conceal(&place.unwrap_or_default())
        );
        AgentError::new(Reason::Permanent, message).into()
    }

    /// What an error says the model does not take.
    fn named(&self, said: &Said, sent: &[(Parameter, String)], is_vague: bool) -> Vec<Refused> {
        let Some(named) = wire::named_parameter(said, sent, self.asked, is_vague) else { return Vec::new() };
        let value = sent.iter().find(|(sent, _)| *sent == named.parameter).map(|(_, value)| value.as_str());
        let value = value.filter(|_| !named.is_never);
        [Some(named.parameter), named.other_name]
            .into_iter()
            .flatten()
            .map(|parameter| Refused {
                refusal: Refusal::new(parameter, value),
                is_of_this_prompt: named.is_of_this_prompt,
            })
            .collect()
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

/// A status as people read it: those without a name by their number alone.
fn told(status: StatusCode) -> String {
    status
        .canonical_reason()
        .map_or_else(|| status.as_str().to_owned(), |reason| format!("{} {reason}", status.as_str()))
}

/// How long an error itself asks to wait: Google says it in a detail, and gateways pass on the headers of whoever is behind them.
fn wait_within(document: &Value, now: SystemTime) -> Option<u64> {
    let error = document.get("error").unwrap_or(document);
    let header = |wanted: &str| {
        let headers = error.pointer("/metadata/headers")?.as_object()?;
        let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
    };
    let mut details = error.get("details").and_then(Value::as_array).into_iter().flatten();
    let delay = details.find_map(|detail| response::span(detail.get("retryDelay")?.as_str()?));
    let passed_on = || response::seconds(header("retry-after")?);
    let reset = || until(header("x-ratelimit-reset")?, now);
    delay.or_else(passed_on).or_else(reset).and_then(response::as_wait)
}

/// Until a moment that is told in seconds since 1970, or in milliseconds.
fn until(told: f64, now: SystemTime) -> Option<Duration> {
    /// As seconds, this is in the year 5138.
    const LEAST_MILLISECONDS: f64 = 1e11;
    let since_1970 = response::seconds(if told < LEAST_MILLISECONDS { told } else { told / 1000.0 })?;
    SystemTime::UNIX_EPOCH.checked_add(since_1970)?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_key_is_shown() {
        let key = SecretString::from("sk-canary-123456789-wxyz");
        let asked = Asked { system: "", messages: &[] };
        let teller = Teller { key: Some(&key), host: "h", asked };
        let table = [
            ("about sk-canary-123456789-wxyz!", "about [key]!"),
            ("Incorrect API key provided: sk-canar************wxyz.", "Incorrect API key provided: [key]"),
            ("key ending in ***wxyz is off", "key ending in [key] is off"),
            ("upstream said gsk_abcdefghijklmnop", "upstream said [key]"),
            ("AIzaSyA-1234567890abcdefg, no", "[key], no"),
            ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-bmF0_dXJl.", "token [key]"),
            ("key=AKIAIOSFODNN7EXAMPLE&x", "key=[key]&x"),
            ("the model gpt-5-mini is not known", "the model gpt-5-mini is not known"),
        ];
        for (said, shown) in table {
            assert_eq!(teller.conceal(said), shown);
        }
    }

    #[test]
    fn a_status_without_a_name_is_a_number() {
        let told = |number: u16| told(StatusCode::from_u16(number).unwrap());
        assert_eq!((told(529).as_str(), told(404).as_str()), ("529", "404 Not Found"));
    }

    #[test]
    fn how_long_an_error_asks_to_wait_is_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_741_305_500);
        let passed_on = |headers: Value| serde_json::json!({"error": {"code": 429, "metadata": {"headers": headers}}});
        let table = [
            (serde_json::json!({"error": {"details": [{"@type": "x"}, {"retryDelay": "36.5s"}]}}), Some(36_500)),
            // OpenRouter, whose own headers say nothing.
            (
                passed_on(serde_json::json!({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1741305600000"})),
                Some(100_000),
            ),
            (passed_on(serde_json::json!({"x-ratelimit-reset": 1_741_305_530})), Some(30_000)),
            (passed_on(serde_json::json!({"Retry-After": "12", "X-RateLimit-Reset": "1741305600000"})), Some(12_000)),
            // It is over, or no moment.
            (passed_on(serde_json::json!({"X-RateLimit-Reset": "58"})), None),
            (passed_on(serde_json::json!({"X-RateLimit-Reset": "NaN"})), None),
            (serde_json::json!({"error": "slow down"}), None),
        ];
        for (error, expected) in table {
            assert_eq!(wait_within(&error, now), expected, "{error}");
        }
    }
}
