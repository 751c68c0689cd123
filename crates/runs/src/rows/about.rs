//! What a run is about, in a line: the beginnings of what it was started on. Runs of one workflow look alike without it, and reading the
//! inputs for every list would read megabytes. Must never hold a whole input that is long.

use std::collections::BTreeMap;

use serde_json::Value;

/// Inputs that it tells of.
const INPUTS: usize = 4;
/// Of one of them.
const CHARS: usize = 80;
/// So much of an input is looked at.
const LOOKED_AT: usize = 400;

pub fn about(inputs: &BTreeMap<String, Value>) -> Option<String> {
    let texts = inputs.values().filter_map(|value| match value {
        Value::String(text) => Some(text.chars().take(LOOKED_AT).collect::<String>()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let lines = texts.take(INPUTS).map(|text| line(&text)).filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join(" · "))
}

/// In one line, without what a line cannot show.
fn line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() > CHARS {
        let beginning: String = line.chars().take(CHARS - 1).collect();
        format!("{}…", beginning.trim_end())
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_the_beginnings_of_the_first_texts_and_numbers() {
        let of = |value: Value| about(&serde_json::from_value(value).unwrap());
        assert_eq!(of(json!({})), None);
        assert_eq!(of(json!({"a": " \n ", "b": [1]})), None);
        assert_eq!(of(json!({"b": "two\n\twords", "a": 1.5})).as_deref(), Some("1.5 · two words"));
        let five = json!({"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"});
        assert_eq!(of(five).as_deref(), Some("1 · 2 · 3 · 4"));
        let long = of(json!({"a": "é".repeat(500)})).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (80, true));
    }
}
