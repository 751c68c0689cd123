//! What was said to a model and what it answered, as a span holds it where the operator asked for that.
//! Must never hold a secret's value that this process has opened, nor more than a collector takes.

use serde_json::{Value, json};
use workflow::transcript::{Round, Said};

/// Of one text, or of all that was sent in one request, in characters.
const MAX_CHARS: usize = 16 * 1024;

/// As spans may tell it.
pub(super) fn text(text: &str) -> String {
    agents::redact::redacted(text).chars().take(MAX_CHARS).collect()
}

/// What was sent, in the words of the conventions for generative models.
pub(super) fn sent(round: &Round) -> String {
    let mut left = MAX_CHARS;
    let messages = round.sent.iter().map(|Said { role, text }| {
        let content: String = self::text(text).chars().take(left).collect();
        left -= content.chars().count();
        message(role, &content)
    });
    Value::Array(messages.collect()).to_string()
}

/// What came back.
pub(super) fn answered(round: &Round) -> String {
    json!([message("assistant", &text(&round.wrote))]).to_string()
}

fn message(role: &str, content: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": content}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_and_has_its_role() {
        let mut round = Round::default();
        round.say("system", "Be brief.");
        round.say("user", &"é".repeat(2 * MAX_CHARS));
        round.write("Fine.");
        let sent: Value = serde_json::from_str(&sent(&round)).unwrap();
        assert_eq!(sent[0], json!({"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}));
        let all = "Be brief.".len() + sent[1]["parts"][0]["content"].as_str().unwrap().chars().count();
        assert_eq!(all, MAX_CHARS, "both together");
        assert_eq!(answered(&round), r#"[{"role":"assistant","parts":[{"type":"text","content":"Fine."}]}]"#);
    }
}
