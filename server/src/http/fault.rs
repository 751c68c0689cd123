//! What is wrong with a body that is JSON but not what its endpoint takes: words for people, and the name of the field that is missing.
//! Which field that is must never be read out of the words: serde tells it when it makes the error.

use std::fmt::Display;

use serde::de::{Error, Expected, Unexpected};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{words}")]
pub(super) struct Fault {
    words: String,
    missing: Option<&'static str>,
}

impl Fault {
    /// The field it is about, where serde found it at `path`, which for a missing field is the place of its object.
    pub(super) fn field(&self, path: &str) -> Option<String> {
        // As serde_path_to_error writes the whole document.
        let place = (path != ".").then_some(path);
        match (place, self.missing) {
            (place, None) => place.map(ToOwned::to_owned),
            (None, Some(missing)) => Some(missing.to_owned()),
            (Some(place), Some(missing)) => Some(format!("{place}.{missing}")),
        }
    }
}

impl Error for Fault {
    fn custom<T: Display>(words: T) -> Self {
        Self { words: words.to_string(), missing: None }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        // JSON has no unit.
        match found {
            Unexpected::Unit => Self::custom(format_args!("invalid type: null, expected {wanted}")),
            found => Self::custom(format_args!("invalid type: {found}, expected {wanted}")),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { words: format!("missing field `{field}`"), missing: Some(field) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};
    use workflow::{
        api::{ForkRun, PatchRun, SaveAgent, SkipStep, StartRun, TestAgent},
        json::Tree,
        source::Source,
    };

    use super::*;

    fn fault<T: DeserializeOwned>(document: Value) -> (Option<String>, String) {
        let error =
            serde_path_to_error::deserialize::<_, T>(Tree::<Fault>::new(document)).err().expect("it is refused");
        let field = error.inner().field(&error.path().to_string());
        (field, error.into_inner().to_string())
    }

    #[test]
    fn the_field_is_named_wherever_it_is() {
        let agent = |config: Value| json!({"id": "a", "name": "a", "config": config});
        let table = [
            (fault::<PatchRun>(json!({})), Some("auto_run"), "missing field `auto_run`"),
            (fault::<PatchRun>(json!({"auto_run": null})), Some("auto_run"), "invalid type: null, expected a boolean"),
            (
                fault::<PatchRun>(json!({"auto_run": 1})),
                Some("auto_run"),
                "invalid type: integer `1`, expected a boolean",
            ),
            (fault::<PatchRun>(json!([])), None, "invalid type: sequence, expected struct PatchRun"),
            (fault::<PatchRun>(json!("on")), None, "invalid type: string \"on\", expected struct PatchRun"),
            (fault::<StartRun>(json!({"inputs": {}})), Some("template_id"), "missing field `template_id`"),
            (fault::<ForkRun>(json!({"auto_run": true})), Some("step"), "missing field `step`"),
            (
                fault::<TestAgent>(json!({"agent_id": "a", "version": "1"})),
                Some("version"),
                "invalid type: string \"1\", expected i32",
            ),
            (
                fault::<TestAgent>(json!({"agent_id": "a", "version": 1.5})),
                Some("version"),
                "invalid value: number `1.5`, expected i32",
            ),
            (
                fault::<SkipStep>(json!({"inputs": {"a": 1}})),
                Some("inputs.a"),
                "invalid type: integer `1`, expected a map",
            ),
            (fault::<SaveAgent>(agent(json!({}))), Some("config.kind"), "missing field `kind`"),
            (
                fault::<SaveAgent>(agent(json!({"kind": "workflow"}))),
                Some("config.template_id"),
                "missing field `template_id`",
            ),
            (
                fault::<BTreeMap<String, Vec<Source>>>(json!({"list": [{"const": 1}, {"from": "step", "step": "a"}]})),
                Some("list[1].artifact"),
                "missing field `artifact`",
            ),
        ];
        for ((field, words), expected, expected_words) in table {
            assert_eq!((field.as_deref(), words.as_str()), (expected, expected_words));
        }
        // Not by its words: a text that looks like serde's is none of them.
        assert_eq!(Fault::custom("missing field `x`").field("steps"), Some("steps".to_owned()));
    }
}
