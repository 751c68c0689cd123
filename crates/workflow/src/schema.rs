//! Port types: a closed subset of JSON Schema, with structural compatibility and value checks.
//! No `$ref`, no patterns, no remote anything: a schema can always be judged in time linear in its size.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Absent means any.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Schema>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<Schema>>,
    #[serde(rename = "enum", default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A hint for forms and viewers: `multiline`, `file`, `markdown`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub format: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    String,
    Number,
    Integer,
    Boolean,
    Object,
    Array,
    Null,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Number => "number",
            Self::Integer => "whole number",
            Self::Boolean => "yes/no",
            Self::Object => "object",
            Self::Array => "list",
            Self::Null => "null",
        }
    }
}

/// Whether values of one schema may be fed to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Compatibility {
    Yes,
    /// One side is of any type: allowed, but it may fail at run time.
    Unsure(String),
    No(String),
}

impl Schema {
    pub fn any() -> Self {
        Self::default()
    }

    pub fn of(kind: Kind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    pub fn text() -> Self {
        Self::of(Kind::String)
    }

    /// The word for the type in the interface.
    pub fn type_name(&self) -> &'static str {
        self.kind.map_or("any", Kind::as_str)
    }

    /// Structural compatibility of what this schema produces with what `target` takes.
    pub fn feeds(&self, target: &Self) -> Compatibility {
        self.feeds_at(target, "")
    }

    fn feeds_at(&self, target: &Self, path: &str) -> Compatibility {
        let here = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
        let (Some(from), Some(to)) = (self.kind, target.kind) else {
            return if target.kind.is_none() {
                Compatibility::Yes
            } else {
                Compatibility::Unsure(format!("of any type{here}, but {} is wanted", target.type_name()))
            };
        };
        if from != to && !(from == Kind::Integer && to == Kind::Number) {
            return Compatibility::No(format!("{} given{here}, but {} is wanted", from.as_str(), to.as_str()));
        }
        let mut result = Compatibility::Yes;
        let is_within = !self.choices.is_empty() && self.choices.iter().all(|choice| target.choices.contains(choice));
        if !target.choices.is_empty() && !is_within {
            result = Compatibility::Unsure(format!("only certain values are allowed{here}"));
        }
        if let (Some(items), Some(wanted)) = (&self.items, &target.items) {
            match items.feeds_at(wanted, &format!("{path}/*")) {
                Compatibility::Yes => {}
                other => return other,
            }
        }
        for (name, wanted) in &target.properties {
            let at = format!("{path}/{name}");
            match self.properties.get(name) {
                Some(property) => match property.feeds_at(wanted, &at) {
                    Compatibility::Yes => {}
                    no @ Compatibility::No(_) => return no,
                    unsure @ Compatibility::Unsure(_) => result = unsure,
                },
                None if target.required.contains(name) && !self.properties.is_empty() => {
                    return Compatibility::No(format!("the property `{at}` is missing"));
                }
                None if target.required.contains(name) => {
                    result = Compatibility::Unsure(format!("the property `{at}` may be missing"));
                }
                None => {}
            }
        }
        result
    }

    /// The schema of the part that a JSON Pointer names; any where nothing is known.
    #[must_use]
    pub fn at_path(&self, path: &str) -> Self {
        let mut schema = self.clone();
        for segment in path.split('/').skip(1) {
            let name = segment.replace("~1", "/").replace("~0", "~");
            schema = if let Some(property) = schema.properties.get(&name) {
                property.clone()
            } else if segment.parse::<usize>().is_ok() && schema.items.is_some() {
                schema.items.map_or_else(Self::any, |items| *items)
            } else {
                Self::any()
            };
        }
        schema
    }

    /// Why a value does not fit, as (JSON Pointer, reason); empty when it fits. At most 20 are told.
    pub fn check(&self, value: &Value) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        self.check_at(value, "", &mut faults);
        faults
    }

    fn check_at(&self, value: &Value, path: &str, faults: &mut Vec<(String, String)>) {
        if faults.len() >= 20 {
            return;
        }
        if let Some(kind) = self.kind
            && !kind.admits(value)
        {
            faults.push((path.to_owned(), format!("must be {}", article(kind))));
            return;
        }
        if !self.choices.is_empty() && !self.choices.contains(value) {
            let choices: Vec<String> = self.choices.iter().map(ToString::to_string).collect();
            faults.push((path.to_owned(), format!("must be one of {}", choices.join(", "))));
        }
        if let Value::Object(map) = value {
            for name in &self.required {
                if !map.contains_key(name) {
                    faults.push((format!("{path}/{name}"), "is required".to_owned()));
                }
            }
            for (name, schema) in &self.properties {
                if let Some(value) = map.get(name) {
                    schema.check_at(value, &format!("{path}/{name}"), faults);
                }
            }
        }
        if let (Value::Array(values), Some(items)) = (value, &self.items) {
            for (n, value) in values.iter().enumerate() {
                items.check_at(value, &format!("{path}/{n}"), faults);
            }
        }
    }
}

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "a text",
        Kind::Number => "a number",
        Kind::Integer => "a whole number",
        Kind::Boolean => "true or false",
        Kind::Object => "an object",
        Kind::Array => "a list",
        Kind::Null => "null",
    }
}

impl Kind {
    fn admits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            Self::Boolean => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::Null => value.is_null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(document: Value) -> Schema {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn compatibility_is_structural() {
        let table = [
            (json!({"type":"string"}), json!({"type":"string"}), "yes"),
            (json!({"type":"string"}), json!({"type":"number"}), "no"),
            (json!({"type":"integer"}), json!({"type":"number"}), "yes"),
            (json!({"type":"number"}), json!({"type":"integer"}), "no"),
            (json!({}), json!({"type":"string"}), "unsure"),
            (json!({"type":"string"}), json!({}), "yes"),
            (
                json!({"type":"object","properties":{"a":{"type":"string"}}}),
                json!({"type":"object","properties":{"a":{"type":"number"}}}),
                "no",
            ),
            (
                json!({"type":"object","properties":{"b":{}}}),
                json!({"type":"object","properties":{"a":{}},"required":["a"]}),
                "no",
            ),
            (
                json!({"type":"array","items":{"type":"string"}}),
                json!({"type":"array","items":{"type":"number"}}),
                "no",
            ),
        ];
        for (from, to, expected) in table {
            let result = match schema(from.clone()).feeds(&schema(to.clone())) {
                Compatibility::Yes => "yes",
                Compatibility::Unsure(_) => "unsure",
                Compatibility::No(_) => "no",
            };
            assert_eq!(result, expected, "{from} -> {to}");
        }
    }

    #[test]
    fn a_fault_names_its_place() {
        let wanted = schema(
            json!({"type":"object","required":["a"],"properties":{"b":{"type":"array","items":{"type":"integer"}}}}),
        );
        let faults = wanted.check(&json!({"b":[1, "x"]}));
        assert_eq!(
            faults,
            [("/a".to_owned(), "is required".to_owned()), ("/b/1".to_owned(), "must be a whole number".to_owned())]
        );
    }
}
