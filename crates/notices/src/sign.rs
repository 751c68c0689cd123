//! Signatures of webhooks as Standard Webhooks say: over the id, the time and the body, so that none of them can be another's.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};

/// What begins a secret; base64 of its bytes follows.
const PREFIX: &str = "whsec_";

/// The value of `webhook-signature`; none where the secret is none.
pub(crate) fn signature(secret: &str, id: &str, timestamp: u64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok().filter(|key| !key.is_empty())?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(tag.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_published_vector_is_signed_as_it_says() {
        let signed = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn every_part_counts_and_what_is_no_secret_signs_nothing() {
        let one = signature(SECRET, "a", 1, "b");
        for other in [signature(SECRET, "b", 1, "b"), signature(SECRET, "a", 2, "b"), signature(SECRET, "a", 1, "c")] {
            assert_ne!(one, other);
        }
        for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*"] {
            assert_eq!(signature(wrong, "a", 1, "b"), None, "{wrong}");
        }
    }
}
