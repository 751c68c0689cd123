//! Two values by the places in them that differ: what is in them counts, not how they are written.
//! Must stay short, however large they are: so many places are told, and the first so many characters of each.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Difference, excerpts};
use crate::words::{QUOTED_CHARS, shortened};

/// More than a person reads.
pub const MOST: usize = 100;

/// The places of which one is another, gone or new; at most [`MOST`] of them.
pub fn of_values(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk("", Some(before), Some(after), &mut found);
    found
}

fn walk(place: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    if found.len() >= MOST || before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let name = shortened(key, QUOTED_CHARS);
                let inside = if place.is_empty() { name.into_owned() } else { format!("{place}.{name}") };
                walk(&inside, old.get(key), new.get(key), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for at in 0..old.len().max(new.len()) {
                walk(&format!("{place}[{}]", at + 1), old.get(at), new.get(at), found);
            }
        }
        _ => {
            let text = |value: Option<&Value>| value.map(text_of).unwrap_or_default();
            let (before, after) = excerpts(&text(before), &text(after));
            let what = if place.is_empty() { "The value".to_owned() } else { place.to_owned() };
            found.push(Difference { what, before, after });
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<String> {
        let side = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let told = of_values(before, after).into_iter();
        told.map(|it| format!("{}: {} > {}", it.what, side(it.before), side(it.after))).collect()
    }

    #[test]
    fn places_are_told_by_their_path_and_the_order_of_keys_is_none() {
        let before = json!({"title": "Rain", "sections": [{"id": 1, "text": "a"}, {"id": 2}], "old": true});
        let after = json!({"sections": [{"text": "b", "id": 1}, {"id": 2}, {"id": 3}], "title": "Rain", "new": ""});
        assert_eq!(
            told(&before, &after),
            ["new: - > \"\"", "old: true > -", "sections[1].text: a > b", "sections[3]: - > {\"id\":3}"]
        );
        assert!(told(&before, &before).is_empty());
        assert_eq!(told(&json!(1), &json!([1])), ["The value: 1 > [1]"]);
    }

    #[test]
    fn a_large_difference_is_cut_off() {
        let (before, after) = (json!(vec![0; 5_000]), json!(vec![1; 5_000]));
        assert_eq!(of_values(&before, &after).len(), MOST);
        let keyed = |value: i32| Value::Object([("k".repeat(1_000_000), json!({"in": value}))].into_iter().collect());
        let place = &of_values(&keyed(1), &keyed(2))[0].what;
        assert!(place.len() < 80 && place.ends_with("….in"), "{place}");
    }
}
