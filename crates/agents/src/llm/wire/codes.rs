//! The codes and types of errors: of the makers, of gateways, of local servers; and the class that each means.
//! Only codes decide the class, never what a message says. A message may begin with a code, as gateways write theirs.

use reqwest::StatusCode;
use serde_json::Value;
use workflow::status::Reason;

use crate::response;

/// Compared without regard to case.
const CODES: &[(&str, Reason)] = &[
    // The prompt is too long.
    ("context_length_exceeded", Reason::ContextLength),
    ("context_length", Reason::ContextLength),
    ("context_window_exceeded", Reason::ContextLength),
    ("contextwindowexceedederror", Reason::ContextLength),
    ("exceed_context_size_error", Reason::ContextLength),
    ("request_too_large", Reason::ContextLength),
    ("model_max_prompt_tokens_exceeded", Reason::ContextLength),
    // Slow down, or pay.
    ("rate_limit_exceeded", Reason::RateLimit),
    ("rate_limit_error", Reason::RateLimit),
    ("ratelimiterror", Reason::RateLimit),
    ("too_many_requests", Reason::RateLimit),
    ("insufficient_quota", Reason::RateLimit),
    ("resource_exhausted", Reason::RateLimit),
    ("throttling", Reason::RateLimit),
    ("throttling_error", Reason::RateLimit),
    ("throttlingexception", Reason::RateLimit),
    ("throttled", Reason::RateLimit),
    ("throttledexception", Reason::RateLimit),
    ("toomanyrequestsexception", Reason::RateLimit),
    ("servicequotaexceededexception", Reason::RateLimit),
    ("capacity_exceeded", Reason::RateLimit),
    ("quota_exceeded", Reason::RateLimit),
    ("quotaexceeded", Reason::RateLimit),
    ("rate_limit_reached", Reason::RateLimit),
    // The key.
    ("invalid_api_key", Reason::Unauthorized),
    ("authentication_error", Reason::Unauthorized),
    ("authenticationerror", Reason::Unauthorized),
    ("permission_error", Reason::Unauthorized),
    ("permission_denied", Reason::Unauthorized),
    ("unauthenticated", Reason::Unauthorized),
    ("unauthorized", Reason::Unauthorized),
    ("forbidden", Reason::Unauthorized),
    ("api_key_invalid", Reason::Unauthorized),
    ("invalid_authentication", Reason::Unauthorized),
    ("accessdeniedexception", Reason::Unauthorized),
    ("unrecognizedclientexception", Reason::Unauthorized),
    ("expiredtokenexception", Reason::Unauthorized),
    ("invalidsignatureexception", Reason::Unauthorized),
    ("permissiondeniederror", Reason::Unauthorized),
    // What was asked, or would be answered, is not allowed.
    ("content_filter", Reason::Refused),
    ("content_policy_violation", Reason::Refused),
    ("contentpolicyviolationerror", Reason::Refused),
    ("responsibleaipolicyviolation", Reason::Refused),
    ("invalid_prompt", Reason::Refused),
    ("moderation_blocked", Reason::Refused),
    ("data_inspection_failed", Reason::Refused),
    ("datainspectionfailed", Reason::Refused),
    ("guardrail_intervened", Reason::Refused),
    ("refusal", Reason::Refused),
    // A fault of theirs.
    ("server_error", Reason::Server),
    ("api_error", Reason::Server),
    ("overloaded_error", Reason::Server),
    ("overloaded", Reason::Server),
    ("engine_overloaded", Reason::Server),
    ("internal_server_error", Reason::Server),
    ("internal_error", Reason::Server),
    ("internalservererror", Reason::Server),
    ("internal", Reason::Server),
    ("unavailable", Reason::Server),
    ("cancelled", Reason::Server),
    ("aborted", Reason::Server),
    ("internalserverexception", Reason::Server),
    ("serviceunavailableexception", Reason::Server),
    ("serviceunavailable", Reason::Server),
    ("service_unavailable", Reason::Server),
    ("serviceunavailableerror", Reason::Server),
    ("modelnotreadyexception", Reason::Server),
    ("modelerrorexception", Reason::Server),
    ("modelstreamerrorexception", Reason::Server),
    ("apierror", Reason::Server),
    ("apiconnectionerror", Reason::Server),
    ("timeout_error", Reason::Timeout),
    ("timeout", Reason::Timeout),
    ("deadline_exceeded", Reason::Timeout),
    ("modeltimeoutexception", Reason::Timeout),
    ("gateway_timeout", Reason::Timeout),
    ("request_timeout", Reason::Timeout),
    ("time_out", Reason::Timeout),
    // A fault of ours.
    ("invalid_request_error", Reason::Permanent),
    ("invalid_argument", Reason::Permanent),
    ("failed_precondition", Reason::Permanent),
    ("badrequesterror", Reason::Permanent),
    ("model_not_found", Reason::Permanent),
    ("not_found_error", Reason::Permanent),
    ("not_found", Reason::Permanent),
    ("validationexception", Reason::Permanent),
    ("resourcenotfoundexception", Reason::Permanent),
    ("unsupportedparamserror", Reason::Permanent),
    ("notfounderror", Reason::Permanent),
];

/// What `base_resp.status_code` of `MiniMax` means, where it means more than that something is wrong.
const MINIMAX: [(u64, Reason); 9] = [
    (1001, Reason::Timeout),
    (1002, Reason::RateLimit),
    (1004, Reason::Unauthorized),
    (1008, Reason::RateLimit),
    (1026, Reason::Refused),
    (1027, Reason::Refused),
    (1039, Reason::ContextLength),
    (2013, Reason::Permanent),
    (2049, Reason::Unauthorized),
];

/// The most telling class that any code names: of the error itself, or of the document that it stands in.
pub(super) fn class_of(error: &Value, document: &Value) -> Option<Reason> {
    let mut numbers = None;
    let mut general = None;
    for word in words(error, document) {
        if let Ok(number) = word.parse::<u64>() {
            numbers = numbers.or(Some(number));
        }
        match class_of_word(&word) {
            // Broad types: a code may say more.
            Some(class @ (Reason::Permanent | Reason::Server)) => general = general.or(Some(class)),
            Some(class) => return Some(class),
            None => {}
        }
    }
    // OpenRouter: what was asked was flagged.
    if error.pointer("/metadata/flagged_input").is_some() {
        return Some(Reason::Refused);
    }
    let minimax = document.pointer("/base_resp/status_code").and_then(Value::as_u64);
    if let Some((_, class)) = MINIMAX.into_iter().find(|(code, _)| Some(*code) == minimax) {
        return Some(class);
    }
    let by_number = numbers
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| (400..600).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .map(class_of_status);
    match (general, by_number) {
        (Some(general), None | Some(Reason::Permanent | Reason::Server)) => Some(general),
        (_, by_number) => by_number,
    }
}

/// The class of a status, of which servers of models use some in their own way: to say that they were not ready.
pub(in crate::llm) fn class_of_status(status: StatusCode) -> Reason {
    match status.as_u16() {
        413 => Reason::ContextLength,
        // In conflict with itself, failed behind it, too early, and cancelled, though we did not.
        409 | 424 | 425 | 499 => Reason::Server,
        // Groq: no capacity left.
        498 => Reason::RateLimit,
        _ => response::class_of(status),
    }
}

/// The class of one code or type.
pub(super) fn class_of_word(word: &str) -> Option<Reason> {
    let word = word.to_ascii_lowercase();
    CODES.iter().find(|(known, _)| *known == word).map(|(_, class)| *class)
}

/// All that may be a code, the most telling places first.
fn words(error: &Value, document: &Value) -> Vec<String> {
    const FIELDS: [&str; 8] = ["code", "type", "status", "error", "error_type", "__type", "reason", "error_code"];
    let mut words = Vec::new();
    let places = [Some(error), error.get("innererror"), error.get("metadata"), Some(document)];
    for place in places.into_iter().flatten() {
        for code in FIELDS.into_iter().filter_map(|field| place.get(field)) {
            match code {
                // AWS puts the name of a package in front.
                Value::String(word) => words.push(word.rsplit('#').next().unwrap_or_default().to_owned()),
                Value::Number(number) => words.push(number.to_string()),
                _ => {}
            }
        }
    }
    let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
    words.extend(details.take(20).filter_map(|detail| detail.get("reason")?.as_str()).map(str::to_owned));
    // `litellm.RateLimitError: BedrockException - ...`, `ThrottlingException: ...`
    let message = error.get("message").or_else(|| error.get("Message")).unwrap_or(error).as_str().unwrap_or_default();
    let begins = message.split(':').take(4).map(|word| word.trim().trim_start_matches("litellm."));
    let is_type = |word: &&str| ["error", "exception"].iter().any(|end| word.to_ascii_lowercase().ends_with(end));
    words.extend(begins.take_while(|word| !word.contains(char::is_whitespace)).filter(is_type).map(str::to_owned));
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_most_telling_code_decides() {
        let table = [
            (
                json!({"error": {"code": 499, "message": "The operation was cancelled.", "status": "CANCELLED"}}),
                Some(Reason::Server),
            ),
            (json!({"error": {"code": 409, "status": "ABORTED"}}), Some(Reason::Server)),
            (
                json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}}),
                Some(Reason::Unauthorized),
            ),
            (
                json!({"__type": "com.amazon.coral.service#ThrottlingException", "Message": "Rate exceeded"}),
                Some(Reason::RateLimit),
            ),
            (json!({"message": "ThrottlingException: Rate exceeded"}), Some(Reason::RateLimit)),
            (
                json!({"error": {"message": "litellm.RateLimitError: BedrockException - slow", "code": "400"}}),
                Some(Reason::RateLimit),
            ),
            (
                json!({"error": {"message": "litellm.BadRequestError: litellm.ContextWindowExceededError: x", "code": "400"}}),
                Some(Reason::ContextLength),
            ),
            (json!({"error": {"message": "timeout: is a word"}}), None),
            (
                json!({"choices": null, "base_resp": {"status_code": 1004, "status_msg": "login fail"}}),
                Some(Reason::Unauthorized),
            ),
            (json!({"base_resp": {"status_code": 1013}}), None),
        ];
        for (document, expected) in table {
            assert_eq!(class_of(document.get("error").unwrap_or(&document), &document), expected, "{document}");
        }
    }
}
