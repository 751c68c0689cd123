//! What an attempt said to a language model and what came back, kept for people to read whatever became of the attempt.
//! It never holds a key, and never decides anything.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Bytes of each text that are kept.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Transcript {
    /// The provider's name here.
    pub provider: String,
    pub model: String,
    /// One, and another one where an answer had to be repaired.
    pub rounds: Vec<Round>,
}

/// One request and its answer.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Round {
    /// What was said in this round, as it was sent; what an earlier round said was sent again before it.
    pub sent: Vec<Said>,
    /// All else of the request, in the provider's words.
    #[serde(default, deserialize_with = "crate::json::exact")]
    pub parameters: Map<String, Value>,
    /// What the model wrote, as far as it came.
    pub wrote: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thoughts: String,
    /// Why it ended, in the provider's word; absent where it did not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Under which the provider knows this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Some text was longer than what is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_shortened: bool,
}

/// When a round was, by the clock of the process that asked, and what its provider counted. It is kept nowhere: only traces tell it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    pub began_at: SystemTime,
    pub ended_at: SystemTime,
    pub prompt_tokens: Option<i64>,
    pub completion_tokens: Option<i64>,
    /// The model ended its answer by itself.
    pub is_finished: bool,
}

/// A request that an attempt sent to somebody else than a model, timed and kept alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Called {
    pub method: String,
    /// Without path and query, which may hold what is private.
    pub host: String,
    /// None: there was no answer.
    pub status: Option<u16>,
    pub began_at: SystemTime,
    pub ended_at: SystemTime,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Said {
    /// `system`, `user` or `assistant`.
    pub role: String,
    pub text: String,
}

impl Round {
    /// Appends what the model wrote; beyond the bound it is only marked.
    pub fn write(&mut self, text: &str) {
        let Self { wrote, is_shortened, .. } = self;
        append(wrote, text, is_shortened);
    }

    pub fn think(&mut self, text: &str) {
        let Self { thoughts, is_shortened, .. } = self;
        append(thoughts, text, is_shortened);
    }

    pub fn say(&mut self, role: &str, text: &str) {
        let mut said = Said { role: role.to_owned(), text: String::new() };
        append(&mut said.text, text, &mut self.is_shortened);
        self.sent.push(said);
    }
}

fn append(kept: &mut String, text: &str, is_shortened: &mut bool) {
    for c in text.chars() {
        // A database takes no NUL.
        let c = if c == '\0' { char::REPLACEMENT_CHARACTER } else { c };
        if kept.len() + c.len_utf8() > MAX_TEXT_BYTES {
            *is_shortened = true;
            return;
        }
        kept.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_up_to_the_bound_and_marked_beyond() {
        let mut round = Round::default();
        round.write("né\0");
        assert_eq!((round.wrote.as_str(), round.is_shortened), ("né\u{fffd}", false));
        for _ in 0..3 {
            round.write(&"é".repeat(MAX_TEXT_BYTES / 4));
            round.write(&"\0".repeat(MAX_TEXT_BYTES / 4));
        }
        assert!(round.wrote.len() <= MAX_TEXT_BYTES && round.wrote.len() > MAX_TEXT_BYTES - 4, "{}", round.wrote.len());
        assert!(round.is_shortened);
        round.say("user", "hi");
        assert_eq!(round.sent, [Said { role: "user".into(), text: "hi".into() }]);
    }
}
