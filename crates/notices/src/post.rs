//! Posts to registered addresses: signed for programs, as a text for chats.
//! Must never say where an address leads, nor what it is signed with.

use std::time::{Duration, SystemTime};

use agents::{NoAnswer, Outbound, redact};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::{
    notices::addresses::{StoredAddress, Target},
    vault::{KeyRing, VaultError},
};
use workflow::{SecretName, api::AddressKind, secret::MIN_VALUE_CHARS};

use crate::{sign, words::Message};

/// Of an answer, what is kept.
const MAX_KEPT_BYTES: usize = 1024;

/// What came of a post.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) status: Option<i32>,
    pub(crate) answer: Option<String>,
    /// None: it was taken.
    pub(crate) error: Option<String>,
    /// When the other side wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    /// It could not be reached or did not answer: the next message would fare no better.
    pub(crate) is_silent: bool,
}

impl Posted {
    fn refused(error: impl Into<String>) -> Self {
        Self { status: None, answer: None, error: Some(error.into()), retry_after: None, is_silent: true }
    }
}

/// The address, for as long as a post takes.
pub(crate) fn open(address: &StoredAddress, keys: &KeyRing) -> Result<Target, Posted> {
    let target = address.open(keys).map_err(|error| {
        Posted::refused(match error {
            VaultError::NoKeys | VaultError::UnknownKey { .. } => {
                "this server has not the key that the address is encrypted with"
            }
            VaultError::Forged | VaultError::NotSealed => "the address is stored damaged: an admin has to set it anew",
        })
    })?;
    // Neither is to be found in a line of the log, nor in an answer that repeats it.
    let name = SecretName::new("notice-address");
    redact::remember(&name, target.url.expose_secret());
    for part in key_parts(target.url.expose_secret()) {
        redact::remember(&name, part);
    }
    if let Some(secret) = &target.secret {
        redact::remember(&name, secret.expose_secret());
        redact::remember(&name, secret.expose_secret().trim_start_matches("whsec_"));
    }
    Ok(target)
}

/// Of a path and a query, what is long enough to be a key.
fn key_parts(url: &str) -> impl Iterator<Item = &str> {
    let after_host = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    after_host.split(['/', '?', '&', '=', '#']).filter(|part| part.chars().count() >= 2 * MIN_VALUE_CHARS)
}

/// What is sent: the body, and the headers that go with it.
pub(crate) fn body(kind: AddressKind, message: &Message<'_>, now: SystemTime) -> Value {
    match kind {
        AddressKind::Slack => message.slack(),
        AddressKind::Webhook => message.webhook(DateTime::<Utc>::from(now)),
    }
}

/// Of a test.
pub(crate) fn test_body(kind: AddressKind, now: SystemTime) -> Value {
    match kind {
        AddressKind::Slack => json!({"text": "This is a test. Weft can post here."}),
        AddressKind::Webhook => {
            json!({"type": "test", "timestamp": DateTime::<Utc>::from(now), "data": {}})
        }
    }
}

pub(crate) async fn post(outbound: &Outbound, target: &Target, id: &str, body: &Value, now: SystemTime) -> Posted {
    let body = body.to_string();
    let mut headers = Vec::new();
    if let Some(secret) = &target.secret {
        let timestamp = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let Some(signature) = sign::signature(secret.expose_secret(), id, timestamp, &body) else {
            return Posted::refused("the secret of the address is none: an admin has to renew it");
        };
        headers.push(("webhook-id", id.to_owned()));
        headers.push(("webhook-timestamp", timestamp.to_string()));
        headers.push(("webhook-signature", signature));
    }
    match outbound.post(target.url.expose_secret(), &headers, body).await {
        Ok(answered) => {
            let is_taken = (200..300).contains(&answered.status);
            let error = (!is_taken).then(|| match answered.status {
                300..400 => format!("It answered {}: a redirect is not followed, register its target", answered.status),
                status => format!("It answered {status}"),
            });
            Posted {
                status: Some(i32::from(answered.status)),
                answer: kept(&answered.body),
                error,
                retry_after: answered.retry_after,
                is_silent: false,
            }
        }
        Err(error) => Posted { is_silent: !matches!(error, NoAnswer::Address), ..Posted::refused(error.to_string()) },
    }
}

/// The beginning of an answer, without what was opened here. Before it is cut: of a value that was cut through nobody would find the rest.
fn kept(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let plain: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    let hidden = redact::redacted(&plain);
    let mut end = hidden.len().min(MAX_KEPT_BYTES);
    while !hidden.is_char_boundary(end) {
        end -= 1;
    }
    let kept = hidden[..end].trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_address_that_are_keys_are_known_and_its_words_are_not() {
        let url = "https://hooks.example/services/T0123456789ABCDEFX/k3y-k3y-k3y-k3y-k3y?token=aaaabbbbccccdddd&v=1";
        let parts: Vec<_> = key_parts(url).collect();
        assert_eq!(parts, ["T0123456789ABCDEFX", "k3y-k3y-k3y-k3y-k3y", "aaaabbbbccccdddd"]);
        assert_eq!(key_parts("https://hooks.example").count(), 0);
    }

    #[test]
    fn no_more_than_a_kib_of_an_answer_is_kept_and_none_of_its_controls() {
        let kept = kept("ä".repeat(10_000).as_bytes()).unwrap();
        assert_eq!(kept.len(), MAX_KEPT_BYTES);
        assert_eq!(super::kept(b"a\0\x1b[31mb\n\xff").as_deref(), Some("a  [31mb\n\u{fffd}"));
        assert_eq!(super::kept(b"  "), None);
    }
}
