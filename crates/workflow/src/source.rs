//! Where the value of an input comes from: a constant, a run input, an artifact of an earlier step, or the item of a map.
//! References are by stable step key and artifact name, never by title.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};
use serde_json::Value;

use crate::{id::StepKey, json};

#[derive(Clone, PartialEq, Debug)]
pub enum Source {
    Const(Value),
    /// An input of the run.
    Run {
        key: String,
        path: String,
    },
    /// An artifact of an earlier step; `path` is a JSON Pointer into it, empty for the whole.
    Step {
        step: StepKey,
        artifact: String,
        path: String,
    },
    /// The item of the surrounding map.
    Item {
        path: String,
    },
}

impl Source {
    /// The step whose artifact this source reads.
    pub fn step(&self) -> Option<&StepKey> {
        match self {
            Self::Step { step, .. } => Some(step),
            Self::Const(_) | Self::Run { .. } | Self::Item { .. } => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
enum Reference {
    Run {
        key: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        path: String,
    },
    Step {
        step: StepKey,
        artifact: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        path: String,
    },
    Item {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        path: String,
    },
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reference = match self.clone() {
            Self::Const(value) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("const", &value)?;
                return map.end();
            }
            Self::Run { key, path } => Reference::Run { key, path },
            Self::Step { step, artifact, path } => Reference::Step { step, artifact, path },
            Self::Item { path } => Reference::Item { path },
        };
        reference.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand, because serde's untagged enums answer every mistake with "did not match any variant".
        let Value::Object(mut map) = json::exact(deserializer)? else {
            return Err(D::Error::custom("a source is an object: {\"from\": ...} or {\"const\": ...}"));
        };
        if let Some(value) = map.remove("const") {
            return match map.keys().next() {
                None => Ok(Self::Const(value)),
                Some(key) => Err(D::Error::custom(format!("a constant source has no field `{key}`"))),
            };
        }
        Ok(match Reference::deserialize(json::Tree::<D::Error>::new(Value::Object(map)))? {
            Reference::Run { key, path } => Self::Run { key, path },
            Reference::Step { step, artifact, path } => Self::Step { step, artifact, path },
            Reference::Item { path } => Self::Item { path },
        })
    }
}

/// The part of `value` that a JSON Pointer names.
pub fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    value.pointer(path)
}

/// Whether the text is a JSON Pointer at all.
pub fn is_pointer(path: &str) -> bool {
    path.is_empty() || path.starts_with('/')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_survives_a_round_trip() {
        for document in [
            json!({"const": {"a": 1}}),
            json!({"const": null}),
            json!({"from": "run", "key": "topic"}),
            json!({"from": "step", "step": "a", "artifact": "text", "path": "/x"}),
            json!({"from": "item"}),
        ] {
            let source: Source = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(serde_json::to_value(source).unwrap(), document);
        }
    }

    #[test]
    fn a_mistake_is_named() {
        let error = serde_json::from_value::<Source>(json!({"from": "step", "step": "a"})).unwrap_err();
        assert_eq!(error.to_string(), "missing field `artifact`");
        assert!(serde_json::from_value::<Source>(json!({"const": 1, "from": "run"})).is_err());
    }
}
