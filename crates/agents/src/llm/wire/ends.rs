//! The words by which providers say how an answer ended, of all protocols at once: gateways pass on those of whoever is behind them,
//! in whatever case. A word that nobody is known to use for a whole answer must never be taken for one.

use workflow::status::Reason;

use super::{End, Event, Finish, codes};

/// It is over, and whole.
const COMPLETE: [&str; 20] = [
    "stop",
    "eos",
    "eos_token",
    "eos_reached",
    "end",
    "end_turn",
    "end_of_turn",
    "end_of_text",
    "endoftext",
    "stop_sequence",
    "stop_token",
    "stop_word",
    "stop_str",
    "complete",
    "completed",
    "finish",
    "finished",
    "done",
    "success",
    "normal",
];

/// Over at the longest answer that is allowed, or that the model can give.
const CUT: [&str; 10] = [
    "length",
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "max_new_tokens",
    "max_length",
    "token_limit",
    "model_length",
    "model_context_window_exceeded",
    "num_predict",
];

/// For what it says. What the codes of errors call so is another way to say it.
const REFUSED: [&str; 20] = [
    "content_filtered",
    "safety",
    "sensitive",
    "recitation",
    "blocked",
    "blocklist",
    "language",
    "prohibited_content",
    "spii",
    "image_safety",
    "image_prohibited_content",
    "image_recitation",
    "model_armor",
    "error_toxic",
    "toxic",
    "moderation",
    "flagged",
    "content_policy",
    "prompt_blocked",
    "jailbreak",
];

const TOOL_CALL: [&str; 8] = [
    "tool_calls",
    "tool_call",
    "tool_use",
    "function_call",
    "malformed_function_call",
    "malformed_tool_call",
    "unexpected_tool_call",
    "too_many_tool_calls",
];

/// Said in the middle by those who have no way to say nothing.
const NOT_YET: [&str; 6] = ["null", "none", "unspecified", "not_finished", "in_progress", "queued"];

/// The end that a word tells; none where it says that there is none yet. `why` is asked where an answer was refused.
pub(super) fn event(word: &str, why: impl FnOnce() -> String) -> Option<Event> {
    let end = match end(word)? {
        End::Refused(_) => End::Refused(why()),
        end => end,
    };
    Some(Event::Finish(Finish { word: word.to_owned(), end }))
}

fn end(word: &str) -> Option<End> {
    // Some say more behind a colon: `content_filter: SAFETY`.
    let word = word.split(':').next().unwrap_or_default().trim().to_ascii_lowercase().replace(['-', ' '], "_");
    let word = word.strip_prefix("finish_reason_").unwrap_or(&word);
    let is_in = |words: &[&str]| words.contains(&word);
    if word.is_empty() || is_in(&NOT_YET) {
        None
    } else if is_in(&COMPLETE) {
        Some(End::Complete)
    } else if is_in(&CUT) {
        Some(End::Cut)
    } else if is_in(&TOOL_CALL) {
        Some(End::ToolCall)
    } else if is_in(&REFUSED) {
        Some(End::Refused(String::new()))
    } else {
        Some(match codes::class_of_word(word) {
            Some(Reason::Refused) => End::Refused(String::new()),
            class => End::Failed(class.unwrap_or(Reason::Server)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_mean_a_whole_answer_complete_one() {
        let refused = || Some(End::Refused(String::new()));
        let failed = |class| Some(End::Failed(class));
        let table = [
            ("stop", Some(End::Complete)),
            ("STOP", Some(End::Complete)),
            ("FINISH_REASON_STOP", Some(End::Complete)),
            ("End_Turn", Some(End::Complete)),
            ("LENGTH", Some(End::Cut)),
            ("MAX_TOKENS", Some(End::Cut)),
            ("max_tokens", Some(End::Cut)),
            ("tool_use", Some(End::ToolCall)),
            ("MALFORMED_FUNCTION_CALL", Some(End::ToolCall)),
            ("null", None),
            ("", None),
            (" ", None),
            ("FINISH_REASON_UNSPECIFIED", None),
            ("context_length_exceeded", failed(Reason::ContextLength)),
            ("timeout", failed(Reason::Timeout)),
        ];
        for (word, expected) in table {
            assert_eq!(end(word), expected, "{word}");
        }
        for word in [
            "SAFETY",
            "RECITATION",
            "PROHIBITED_CONTENT",
            "CONTENT_FILTER",
            "content_filter: SAFETY",
            "content-filter",
            "content_filtered",
            "guardrail_intervened",
            "ERROR_TOXIC",
            "language",
            "refusal",
        ] {
            assert_eq!(end(word), refused(), "{word}");
        }
        for word in [
            "ERROR",
            "OTHER",
            "server_error",
            "model_error",
            "failed",
            "incomplete",
            "user_cancelled",
            "unknown",
            "unload",
            "pause_turn",
            "abort",
            "stopped by somebody",
        ] {
            assert_eq!(end(word), failed(Reason::Server), "{word}");
        }
    }
}
