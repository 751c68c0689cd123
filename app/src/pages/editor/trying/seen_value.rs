//! The value that was seen last, in a line: enough to know what comes through here.
//! Must never show more than a line; the run has the rest.

use leptos::prelude::*;
use serde_json::Value;
use workflow::source::Source;

use super::use_trying;
use crate::reactive::memo;

/// Characters of a value.
const MOST: usize = 120;

/// A value in a line.
pub(in crate::pages::editor) fn in_a_line(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > MOST {
        let cut: String = line.chars().take(MOST).collect();
        format!("{cut}…")
    } else {
        line
    }
}

/// What the source of an input gave last; nothing where it gave nothing yet, or the value stands there anyway.
#[component]
pub(in crate::pages::editor) fn LastSeen(source: Signal<Option<Source>>) -> impl IntoView {
    let trying = use_trying();
    let seen = memo(move || source.with(|source| trying.seen_of(source.as_ref()?)));
    move || {
        seen.get().map(|(value, seen)| {
            let from = if seen.is_test { "Last try" } else { "Last run" };
            view! {
                <p class="last-seen small">
                    <span class="muted">{from} ": "</span>
                    <bdi>{in_a_line(&value)}</bdi>
                </p>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_told_in_one_short_line() {
        assert_eq!(in_a_line(&json!("two\n  lines")), "two lines");
        assert_eq!(in_a_line(&json!({"a": 1})), r#"{"a":1}"#);
        let long = in_a_line(&json!("é".repeat(500)));
        assert_eq!((long.chars().count(), long.ends_with('…')), (MOST + 1, true));
    }
}
