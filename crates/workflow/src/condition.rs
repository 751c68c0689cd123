//! The small JSON tree of conditions (`when`): parsed, stored and judged here.
//! There is no expression language and no eval, and there must never be one. Judging is total: values that cannot be compared make
//! a comparison false, never an error.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{json, source::Source};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Eq(Source, Source),
    Ne(Source, Source),
    Lt(Source, Source),
    Le(Source, Source),
    Gt(Source, Source),
    Ge(Source, Source),
    In(Source, Source),
    Contains(Source, Source),
    Exists(Source),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    /// Its operator, as it is written.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Eq(..) => "eq",
            Self::Ne(..) => "ne",
            Self::Lt(..) => "lt",
            Self::Le(..) => "le",
            Self::Gt(..) => "gt",
            Self::Ge(..) => "ge",
            Self::In(..) => "in",
            Self::Contains(..) => "contains",
            Self::Exists(_) => "exists",
            Self::And(_) => "and",
            Self::Or(_) => "or",
            Self::Not(_) => "not",
        }
    }

    /// All sources the condition reads, in writing order.
    pub fn sources(&self) -> Vec<&Source> {
        match self {
            Self::Exists(source) => vec![source],
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::sources).collect(),
            Self::Not(inner) => inner.sources(),
            comparison => comparison.sides().into_iter().flatten().collect(),
        }
    }

    /// The same, each with its path in the condition as it is written behind this field: `when.and.0.eq.1`.
    pub fn placed_sources(&self, field: &str) -> Vec<(String, &Source)> {
        let field = format!("{field}.{}", self.word());
        match self {
            Self::Exists(source) => vec![(field, source)],
            Self::And(all) | Self::Or(all) => {
                all.iter().enumerate().flat_map(|(n, one)| one.placed_sources(&format!("{field}.{n}"))).collect()
            }
            Self::Not(inner) => inner.placed_sources(&field),
            comparison => {
                let sides = comparison.sides().into_iter().flatten();
                sides.enumerate().map(|(n, side)| (format!("{field}.{n}"), side)).collect()
            }
        }
    }

    /// What a comparison compares.
    fn sides(&self) -> Option<[&Source; 2]> {
        match self {
            Self::Eq(a, b)
            | Self::Ne(a, b)
            | Self::Lt(a, b)
            | Self::Le(a, b)
            | Self::Gt(a, b)
            | Self::Ge(a, b)
            | Self::In(a, b)
            | Self::Contains(a, b) => Some([a, b]),
            Self::Exists(_) | Self::And(_) | Self::Or(_) | Self::Not(_) => None,
        }
    }

    /// Whether the condition is true of what `read` gives for its sources; what is absent counts as null.
    pub fn holds(&self, read: &dyn Fn(&Source) -> Option<Value>) -> bool {
        let value = |source: &Source| match source {
            Source::Const(value) => value.clone(),
            source => read(source).unwrap_or(Value::Null),
        };
        let order = |a: &Source, b: &Source| json::compare(&value(a), &value(b));
        match self {
            Self::Eq(a, b) => json::is_same(&value(a), &value(b)),
            Self::Ne(a, b) => !json::is_same(&value(a), &value(b)),
            Self::Lt(a, b) => order(a, b).is_some_and(Ordering::is_lt),
            Self::Le(a, b) => order(a, b).is_some_and(Ordering::is_le),
            Self::Gt(a, b) => order(a, b).is_some_and(Ordering::is_gt),
            Self::Ge(a, b) => order(a, b).is_some_and(Ordering::is_ge),
            Self::In(part, whole) | Self::Contains(whole, part) => is_within(&value(part), &value(whole)),
            Self::Exists(source) => !value(source).is_null(),
            Self::And(all) => all.iter().all(|condition| condition.holds(read)),
            Self::Or(any) => any.iter().any(|condition| condition.holds(read)),
            Self::Not(inner) => !inner.holds(read),
        }
    }
}

fn is_within(part: &Value, whole: &Value) -> bool {
    match (whole, part) {
        (Value::Array(items), part) => json::contains(items, part),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Object(map), Value::String(key)) => map.contains_key(key),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::{Bounds, parse};

    /// A step's artifact is the value itself, an unknown one is absent.
    fn read(source: &Source) -> Option<Value> {
        let known = json!({"text": "long story", "n": 5, "list": ["a", 2], "map": {"k": 1}, "nothing": null, "big": 9_007_199_254_740_993_i64});
        match source {
            Source::Run { key, .. } => known.get(key).cloned(),
            _ => None,
        }
    }

    #[test]
    fn each_operator_has_its_meaning() {
        let run = |key: &str| json!({"from": "run", "key": key});
        let c = |value: Value| json!({ "const": value });
        let table = [
            (json!({"eq": [run("n"), c(json!(5))]}), true),
            (json!({"eq": [run("n"), c(json!(5.0))]}), true),
            (json!({"eq": [run("n"), c(json!("5"))]}), false),
            (json!({"eq": [run("list"), c(json!(["a", 2.0]))]}), true),
            (json!({"eq": [run("absent"), c(json!(null))]}), true),
            (json!({"ne": [run("n"), c(json!(6))]}), true),
            (json!({"lt": [run("n"), c(json!(6))]}), true),
            (json!({"le": [run("n"), c(json!(5))]}), true),
            (json!({"gt": [run("n"), c(json!(5))]}), false),
            (json!({"ge": [run("text"), c(json!("long"))]}), true),
            (json!({"lt": [run("n"), c(json!("6"))]}), false),
            (json!({"ge": [run("n"), c(json!("6"))]}), false),
            (json!({"lt": [run("absent"), c(json!(1))]}), false),
            (json!({"gt": [run("big"), c(json!(9_007_199_254_740_992_i64))]}), true),
            (json!({"in": [c(json!("a")), run("list")]}), true),
            (json!({"in": [c(json!(2.0)), run("list")]}), true),
            (json!({"in": [c(json!("story")), run("text")]}), true),
            (json!({"in": [c(json!("k")), run("map")]}), true),
            (json!({"in": [c(json!("k")), run("n")]}), false),
            (json!({"contains": [run("list"), c(json!("a"))]}), true),
            (json!({"contains": [run("text"), c(json!("short"))]}), false),
            (json!({"exists": run("n")}), true),
            (json!({"exists": run("nothing")}), false),
            (json!({"exists": run("absent")}), false),
            (json!({"and": []}), true),
            (json!({"or": []}), false),
            (json!({"and": [{"exists": run("n")}, {"not": {"exists": run("absent")}}]}), true),
            (json!({"or": [{"exists": run("absent")}, {"exists": run("n")}]}), true),
        ];
        for (document, expected) in table {
            let condition: Condition = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(condition.holds(&read), expected, "{document}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value_to_the_last_digit() {
        for (text, expected) in [
            (r#"{"eq":[{"const":1.10},{"const":11e-1}]}"#, true),
            (r#"{"eq":[{"const":100000000000000000001},{"const":100000000000000000002}]}"#, false),
            (r#"{"lt":[{"const":12345678901234567.89},{"const":12345678901234567.90}]}"#, true),
            (r#"{"gt":[{"const":1e+400},{"const":1e+399}]}"#, true),
            (r#"{"in":[{"const":1e+2},{"const":["a",100.0]}]}"#, true),
            (r#"{"contains":[{"const":[{"n":-0.0}]},{"const":{"n":0}}]}"#, true),
        ] {
            let condition: Condition = serde_json::from_value(parse(text, Bounds::VALUE).unwrap()).unwrap();
            assert_eq!(condition.holds(&read), expected, "{text}");
            assert_eq!(serde_json::to_string(&condition).unwrap(), text);
        }
    }
}
