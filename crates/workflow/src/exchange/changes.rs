//! Where two documents differ, as a short list of fields. For people to read: the whole of it is in the two documents.

use serde_json::Value;

/// More is a rewrite, which nobody reads field by field.
const MOST: usize = 12;

/// The paths whose values differ, such as `steps.draft.prompt`.
pub(super) fn paths(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", before, after, &mut found);
    if found.len() > MOST {
        let n = found.len() - MOST;
        found.truncate(MOST);
        found.push(format!("and {n} more"));
    }
    found
}

fn walk(at: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                match after.get(key) {
                    Some(other) => walk(&below(key), value, other, found),
                    None => found.push(below(key)),
                }
            }
            found.extend(after.keys().filter(|key| !before.contains_key(*key)).map(|key| below(key)));
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (n, (value, other)) in before.iter().zip(after).enumerate() {
                walk(&below(&n.to_string()), value, other, found);
            }
        }
        (before, after) if before != after => found.push(at.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_told_by_its_field() {
        let before = json!({"name": "A", "steps": {"a": {"prompt": "x", "depends_on": ["b"]}, "gone": {}}});
        let after = json!({"name": "A", "steps": {"a": {"prompt": "y", "depends_on": []}, "new": {}}});
        let told = paths(&before, &after);
        assert_eq!(told, ["steps.a.prompt", "steps.a.depends_on", "steps.gone", "steps.new"]);
        assert!(paths(&after, &after).is_empty());
        let many: Value = (0..40).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
        let told = paths(&json!({}), &many);
        assert_eq!((told.len(), told.last().map(String::as_str)), (MOST + 1, Some("and 28 more")));
    }
}
