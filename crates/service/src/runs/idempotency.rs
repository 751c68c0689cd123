//! The Idempotency-Key: one request under one key has one effect, however often it comes.
//! Whether a key was used before is decided with the verb, since it stands in the run's own log; here it is only checked and hashed.

use serde::Serialize;
use serde_json::json;
use workflow::{UserId, hash, run::State, run::event::Request};

use crate::{Error, Result};

const MAX_KEY_CHARS: usize = 200;

/// Whether the same was asked under its key before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Earlier {
    No,
    Same,
    /// Something else was asked under it.
    Other,
}

/// For a verb: its name, the ids of its path, and its body.
pub(crate) fn of<T: Serialize>(key: Option<String>, verb: &str, path: &[String], body: &T) -> Result<Option<Request>> {
    key.map(|key| checked(key, &json!({ "verb": verb, "of": path, "body": body }))).transpose()
}

/// For a start, which has no path.
pub(crate) fn of_start<T: Serialize>(key: Option<String>, body: &T) -> Result<Option<Request>> {
    key.map(|key| checked(key, &json!(body))).transpose()
}

/// Whether the run knows the key, from this person.
pub(crate) fn earlier(state: &State, by: UserId, request: Option<&Request>) -> Earlier {
    let Some(request) = request else { return Earlier::No };
    match state.asked_under(by, &request.key) {
        None => Earlier::No,
        Some(hash) if hash == request.hash => Earlier::Same,
        Some(_) => Earlier::Other,
    }
}

/// The key of one part of what was asked under a key, for which nothing else stands.
pub(crate) fn of_part(key: &str, part: &[&str]) -> String {
    hash::sha256_hex(hash::canonical_json(&json!({ "key": key, "part": part })).as_bytes())
}

pub(crate) fn check(key: &str) -> Result<()> {
    if !key.is_empty() && key.len() <= MAX_KEY_CHARS && key.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::invalid("Idempotency-Key", "Use 1 to 200 visible ASCII characters for the Idempotency-Key."))
}

fn checked(key: String, request: &serde_json::Value) -> Result<Request> {
    check(&key)?;
    let hash = hash::sha256_hex(hash::canonical_json(request).as_bytes());
    Ok(Request { key, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verb_path_and_body_each_make_another_request() {
        let hash = |verb, path: &[&str], body: &str| {
            of(Some("k".into()), verb, &path.iter().map(ToString::to_string).collect::<Vec<_>>(), &body)
                .unwrap()
                .unwrap()
                .hash
        };
        let base = hash("stop", &["r", "a"], "x");
        assert_eq!(base, hash("stop", &["r", "a"], "x"));
        for other in [hash("skip", &["r", "a"], "x"), hash("stop", &["r", "b"], "x"), hash("stop", &["r", "a"], "y")] {
            assert_ne!(base, other);
        }
        assert!(of(None, "stop", &[], &()).unwrap().is_none());
        let part = |key, part: &[&str]| of_part(key, part);
        assert_eq!(part("k", &["r", "a"]), part("k", &["r", "a"]));
        assert!(part("k", &["r", "a"]) != part("k", &["ra"]) && part("k", &["r", "a"]) != part("l", &["r", "a"]));
        assert!(check(&part("k", &["r", "a"])).is_ok());
        for bad in ["", "a b", "\n", "é", &"x".repeat(201)] {
            let refused = of(Some(bad.to_owned()), "stop", &[], &()).unwrap_err().to_api();
            assert_eq!((refused.status, refused.field.as_deref()), (422, Some("Idempotency-Key")), "{bad}");
        }
    }
}
