//! What happens to a step whose direct dependencies are all terminal: it runs, it is skipped, or it becomes the items of its list.
//! Pure, and judged by the engine, which names what it read. It must never look at anything but the step and what it waited for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    definition::{MapOver, OnError, Step, TriggerRule},
    hash, json,
    limits::{MAX_ITEM_KEY_CHARS, MAX_MAP_ITEMS},
    source::{Source, at_path},
    status::{Reason, StepStatus},
    words::{count, number},
};

/// How a direct dependency ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dependency {
    pub status: StepStatus,
    pub reason: Option<Reason>,
    /// What its author wants done about a failure.
    pub on_error: OnError,
}

/// What a trigger rule sees of a dependency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DependencyClass {
    Failed,
    Done,
    /// Skipped by a condition, or because nothing led to it: an untaken branch.
    Neutral,
}

impl Dependency {
    pub fn class(&self) -> DependencyClass {
        match (self.status, self.reason) {
            (StepStatus::Completed, _) | (StepStatus::Skipped, Some(Reason::Person)) => DependencyClass::Done,
            (StepStatus::Failed, _) if self.on_error == OnError::Continue => DependencyClass::Done,
            (StepStatus::Failed, _) | (StepStatus::Skipped, Some(Reason::UpstreamFailed)) => DependencyClass::Failed,
            _ => DependencyClass::Neutral,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Run,
    Skip(Reason),
}

/// Judges the rule alone. A step without dependencies runs.
pub fn judge(rule: TriggerRule, dependencies: &[Dependency]) -> Verdict {
    let count = |class| dependencies.iter().filter(|dependency| dependency.class() == class).count();
    let (n_failed, n_done) = (count(DependencyClass::Failed), count(DependencyClass::Done));
    let holds = dependencies.is_empty()
        || match rule {
            TriggerRule::NoneFailed => n_failed == 0 && n_done > 0,
            TriggerRule::AllSuccess => n_done == dependencies.len(),
            TriggerRule::OneSuccess => n_done > 0,
            TriggerRule::AllDone => true,
        };
    if holds {
        Verdict::Run
    } else if n_failed > 0 {
        Verdict::Skip(Reason::UpstreamFailed)
    } else {
        Verdict::Skip(Reason::UpstreamSkipped)
    }
}

/// Judges the rule, then the condition.
pub fn decide(step: &Step, dependencies: &[Dependency], read: &dyn Fn(&Source) -> Option<Value>) -> Verdict {
    match (judge(step.trigger_rule, dependencies), &step.when) {
        (Verdict::Run, Some(condition)) if !condition.holds(read) => Verdict::Skip(Reason::Condition),
        (verdict, _) => verdict,
    }
}

/// One item of a map as its list gives it.
#[derive(Clone, PartialEq, Debug)]
pub struct MapItem {
    pub index: i32,
    pub key: String,
    /// SHA-256 of the canonical JSON of its value.
    pub hash: String,
    pub value: Value,
}

/// Why a list cannot be mapped over: the step fails with `invalid_map`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidMap {
    #[error("There is no list to map over: the step it comes from gave none")]
    NoValue,
    #[error("It maps over a list, but was given {given}")]
    NotAList { given: &'static str },
    #[error("The list has {}, but at most {} are allowed", count(*.items, "item"), number(*.max))]
    TooMany { items: usize, max: u32 },
    #[error("Item {n} has no key at `{path}`: each item needs one")]
    NoKey { n: usize, path: String },
    #[error("Item {n} has an empty key")]
    EmptyKey { n: usize },
    #[error("Item {n} has a key that is neither a text nor a number")]
    NotAKey { n: usize },
    #[error("Items {first} and {second} have the same key `{key}`: keys must differ")]
    Duplicate { key: String, first: usize, second: usize },
    #[error("Item {n} has a key of more than {MAX_ITEM_KEY_CHARS} characters")]
    TooLong { n: usize },
    #[error("Item {n} has a key with a line break or another control character")]
    ControlCharacter { n: usize },
}

/// The items of a list, in its order, each with a key of its own. Items are counted from 0 in messages, as in a JSON Pointer.
pub fn map_items(map: &MapOver, list: Option<&Value>) -> Result<Vec<MapItem>, InvalidMap> {
    let values = match list {
        None | Some(Value::Null) => return Err(InvalidMap::NoValue),
        Some(Value::Array(values)) => values,
        Some(other) => return Err(InvalidMap::NotAList { given: kind_of(other) }),
    };
    let max = map.max_items.min(MAX_MAP_ITEMS);
    if u32::try_from(values.len()).map_or(true, |n| n > max) {
        return Err(InvalidMap::TooMany { items: values.len(), max });
    }
    let mut items = Vec::with_capacity(values.len());
    for ((n, value), index) in values.iter().enumerate().zip(0_i32..) {
        let key = match &map.key {
            None => n.to_string(),
            Some(path) => item_key(n, path, value)?,
        };
        items.push(MapItem { index, key, hash: hash::value_hash(value), value: value.clone() });
    }
    let mut seen = BTreeSet::new();
    for (n, item) in items.iter().enumerate() {
        if !seen.insert(item.key.as_str()) {
            let first = items.iter().position(|known| known.key == item.key).unwrap_or(n);
            return Err(InvalidMap::Duplicate { key: item.key.clone(), first, second: n });
        }
    }
    Ok(items)
}

/// What a source of an item's step reads from the item.
pub fn item_source_value<'a>(item: Option<&'a Value>, path: &str) -> Option<&'a Value> {
    at_path(item?, path)
}

fn item_key(n: usize, path: &str, value: &Value) -> Result<String, InvalidMap> {
    let key = match at_path(value, path) {
        None | Some(Value::Null) => return Err(InvalidMap::NoKey { n, path: path.to_owned() }),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => json::canonical_number(number),
        Some(_) => return Err(InvalidMap::NotAKey { n }),
    };
    if key.is_empty() {
        Err(InvalidMap::EmptyKey { n })
    } else if key.chars().count() > MAX_ITEM_KEY_CHARS {
        Err(InvalidMap::TooLong { n })
    } else if key.chars().any(char::is_control) {
        Err(InvalidMap::ControlCharacter { n })
    } else {
        Ok(key)
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ended(word: &str) -> Dependency {
        let (status, reason, on_error) = match word {
            "done" => (StepStatus::Completed, None, OnError::Fail),
            "failed" => (StepStatus::Failed, Some(Reason::Server), OnError::Fail),
            "continued" => (StepStatus::Failed, Some(Reason::Server), OnError::Continue),
            "person" => (StepStatus::Skipped, Some(Reason::Person), OnError::Fail),
            "condition" => (StepStatus::Skipped, Some(Reason::Condition), OnError::Fail),
            "upstream_failed" => (StepStatus::Skipped, Some(Reason::UpstreamFailed), OnError::Continue),
            _ => (StepStatus::Skipped, Some(Reason::UpstreamSkipped), OnError::Fail),
        };
        Dependency { status, reason, on_error }
    }

    #[test]
    fn each_rule_judges_each_mixture() {
        use TriggerRule as R;
        let (run, failed, skipped) =
            (Verdict::Run, Verdict::Skip(Reason::UpstreamFailed), Verdict::Skip(Reason::UpstreamSkipped));
        // Dependencies; then none_failed, all_success, one_success, all_done.
        let table: [(&[&str], [Verdict; 4]); 9] = [
            (&[], [run, run, run, run]),
            (&["done", "done"], [run, run, run, run]),
            (&["done", "condition"], [run, skipped, run, run]),
            (&["condition", "upstream_skipped"], [skipped, skipped, skipped, run]),
            (&["done", "failed"], [failed, failed, run, run]),
            (&["failed"], [failed, failed, failed, run]),
            (&["continued", "person"], [run, run, run, run]),
            (&["done", "upstream_failed"], [failed, failed, run, run]),
            (&["condition", "failed"], [failed, failed, failed, run]),
        ];
        for (words, expected) in table {
            let dependencies: Vec<Dependency> = words.iter().map(|word| ended(word)).collect();
            let judged =
                [R::NoneFailed, R::AllSuccess, R::OneSuccess, R::AllDone].map(|rule| judge(rule, &dependencies));
            assert_eq!(judged, expected, "{words:?}");
        }
    }

    #[test]
    fn the_condition_is_asked_only_where_the_rule_holds() {
        let mut step = Step::new("x".into());
        step.when = Some(serde_json::from_value(json!({"exists": {"from": "run", "key": "k"}})).unwrap());
        assert_eq!(decide(&step, &[ended("done")], &|_| None), Verdict::Skip(Reason::Condition));
        assert_eq!(decide(&step, &[ended("done")], &|_| Some(json!(1))), Verdict::Run);
        assert_eq!(decide(&step, &[ended("failed")], &|_| Some(json!(1))), Verdict::Skip(Reason::UpstreamFailed));
    }

    fn map(more: &Value) -> MapOver {
        let mut document = json!({"over": {"from": "run", "key": "list"}});
        for (key, value) in more.as_object().unwrap() {
            document[key] = value.clone();
        }
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn an_unusable_list_says_why() {
        let keyed = json!({"key": "/id"});
        let table = [
            (json!({}), json!(null), "There is no list to map over: the step it comes from gave none"),
            (json!({}), json!({"a": 1}), "It maps over a list, but was given an object"),
            (json!({"max_items": 2}), json!([1, 2, 3]), "The list has 3 items, but at most 2 are allowed"),
            (keyed.clone(), json!([{"id": "a"}, {}]), "Item 1 has no key at `/id`: each item needs one"),
            (keyed.clone(), json!([{"id": ""}]), "Item 0 has an empty key"),
            (keyed.clone(), json!([{"id": ["a"]}]), "Item 0 has a key that is neither a text nor a number"),
            (
                keyed.clone(),
                json!([{"id": "a"}, {"id": "b"}, {"id": "a"}]),
                "Items 0 and 2 have the same key `a`: keys must differ",
            ),
            (keyed.clone(), json!([{"id": 1}, {"id": "1"}]), "Items 0 and 1 have the same key `1`: keys must differ"),
            (keyed.clone(), json!([{"id": "x".repeat(201)}]), "Item 0 has a key of more than 200 characters"),
            (keyed, json!([{"id": "a\u{0}"}]), "Item 0 has a key with a line break or another control character"),
        ];
        for (more, list, expected) in table {
            assert_eq!(map_items(&map(&more), Some(&list)).unwrap_err().to_string(), expected, "{list}");
        }
        let many = Value::Array(vec![json!(0); 10_001]);
        let refused = map_items(&map(&json!({"max_items": 4_000_000_000_u32})), Some(&many)).unwrap_err();
        assert_eq!(refused, InvalidMap::TooMany { items: 10_001, max: 10_000 });
        assert_eq!(map_items(&map(&json!({})), None), Err(InvalidMap::NoValue));
    }

    #[test]
    fn items_keep_their_order_and_their_keys() {
        let list = json!([{"id": "b", "t": 1}, {"id": 7}]);
        let items = map_items(&map(&json!({"key": "/id"})), Some(&list)).unwrap();
        let shown: Vec<_> = items.iter().map(|item| (item.index, item.key.as_str())).collect();
        assert_eq!(shown, [(0, "b"), (1, "7")]);
        assert_eq!(items[0].hash, hash::value_hash(&json!({"t": 1, "id": "b"})));
        assert_eq!(item_source_value(Some(&items[0].value), "/t"), Some(&json!(1)));
        assert_eq!(map_items(&map(&json!({})), Some(&list)).unwrap()[1].key, "1");
        assert_eq!(map_items(&map(&json!({})), Some(&json!([]))).unwrap(), []);
    }
}
