//! The definition: the DAG document that an admin draws, as it is stored, sent and frozen into a run.
//! Every field but `agent_id` has a default. Unknown fields are refused by name: silently dropping one would lose an author's work.

mod drawing;
mod failure;
mod limits;
mod review;
mod step;
mod steps;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use drawing::{Colour, DrawingFault, Group, Note};
pub use failure::{OnError, Retry};
pub use limits::{Budget, Concurrency, Limits, OnExceed};
pub(crate) use review::asks;
pub use review::{Assignees, OnReviewTimeout, Review, ReviewMode};
pub use step::{MapOver, OnItemError, Position, SideEffects, Step, TriggerRule};
pub use steps::Steps;

#[cfg(feature = "openapi")]
use crate::id::StepKey;
use crate::{
    hash::Hashing,
    limits::{MAX_DEFINITION_BYTES, MAX_DEPENDENCIES, MAX_DEPTH, MAX_STEP_INPUTS, MAX_STEPS, depth},
    schema::Schema,
    words::{count, number},
};

pub const SCHEMA_VERSION: u32 = 1;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Definition {
    #[serde(default = "schema_version")]
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, RunInput>,
    #[serde(default, skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<StepKey, Step>))]
    pub steps: Steps,
    /// By id; which steps are in one is theirs to say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Group>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// By rank, then by key.
pub fn in_order(inputs: &BTreeMap<String, RunInput>) -> impl Iterator<Item = (&String, &RunInput)> {
    let mut sorted: Vec<_> = inputs.iter().collect();
    sorted.sort_by_key(|(_, input)| input.order);
    sorted.into_iter()
}

impl Default for Definition {
    fn default() -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            inputs: BTreeMap::new(),
            limits: Limits::default(),
            steps: Steps::default(),
            groups: BTreeMap::new(),
            notes: Vec::new(),
        }
    }
}

fn schema_version() -> u32 {
    SCHEMA_VERSION
}

/// An input that the starter of a run fills in.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunInput {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(default)]
    pub schema: Schema,
    #[serde(default)]
    pub required: bool,
    #[serde(default, deserialize_with = "crate::json::exact", skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Where the start form shows the field; equal ranks fall back to the key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order: i32,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Why a document cannot be stored as a definition at all. Everything else is saved and answered with its problems.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unstorable {
    #[error("`{path}`: {message}")]
    Malformed { path: String, message: String },
    #[error("the definition is {}; at most {} are stored", count(*.bytes, "byte"), number(MAX_DEFINITION_BYTES))]
    TooLarge { bytes: usize },
    #[error("the definition is nested deeper than {} levels", MAX_DEPTH)]
    TooDeep,
    #[error("the definition has {}; at most {} are allowed", count(*.steps, "step"), number(MAX_STEPS))]
    TooManySteps { steps: usize },
    #[error("the steps wait for {} others in all; at most {} are allowed", number(*.n), number(MAX_DEPENDENCIES))]
    TooManyDependencies { n: usize, field: String },
    #[error("the steps have {} in all; at most {} are allowed", count(*.n, "input"), number(MAX_STEP_INPUTS))]
    TooManyInputs { n: usize, field: String },
    #[error("`{path}`: {fault}")]
    Drawing { path: String, fault: DrawingFault },
}

impl Unstorable {
    /// The field to name in an answer.
    pub fn field(&self) -> String {
        match self {
            Self::Malformed { path, .. } if path != "." => format!("definition.{path}"),
            Self::Drawing { path, .. } => format!("definition.{path}"),
            Self::TooManySteps { .. } => "definition.steps".into(),
            Self::TooManyDependencies { field, .. } | Self::TooManyInputs { field, .. } => {
                format!("definition.{field}")
            }
            _ => "definition".into(),
        }
    }
}

impl Definition {
    /// Reads a document, refusing only what cannot be stored.
    pub fn from_value(document: &Value) -> Result<Self, Unstorable> {
        if depth(document) > MAX_DEPTH {
            return Err(Unstorable::TooDeep);
        }
        if let Some(steps) = document.get("steps").and_then(Value::as_object)
            && steps.len() > MAX_STEPS
        {
            return Err(Unstorable::TooManySteps { steps: steps.len() });
        }
        let mut definition: Self = serde_path_to_error::deserialize(document).map_err(|error| {
            Unstorable::Malformed { path: error.path().to_string(), message: error.inner().to_string() }
        })?;
        definition.bound_lines()?;
        let members = definition.steps.iter().filter_map(|(key, step)| Some((key, step.group.as_deref()?)));
        if let Some((path, fault)) = drawing::fault(&definition.notes, &definition.groups, members) {
            return Err(Unstorable::Drawing { path, fault });
        }
        if let Some(inputs) = document.get("inputs").and_then(Value::as_object) {
            definition.rank_inputs(inputs.keys());
        }
        let bytes = definition.to_value().to_string().len();
        if bytes > MAX_DEFINITION_BYTES {
            return Err(Unstorable::TooLarge { bytes });
        }
        Ok(definition)
    }

    /// Counted wherever they lead: names of steps that there are not are as dear to whatever walks them. The step with most of them is
    /// named.
    fn bound_lines(&self) -> Result<(), Unstorable> {
        let counted = |count: fn(&Step) -> usize, most: usize| {
            let n: usize = self.steps.values().map(count).sum();
            let dearest = self.steps.iter().max_by_key(|(_, step)| count(step)).filter(|_| n > most);
            dearest.map(|(key, _)| (n, key))
        };
        if let Some((n, key)) = counted(|step| step.depends_on.len(), MAX_DEPENDENCIES) {
            return Err(Unstorable::TooManyDependencies { n, field: format!("steps.{key}.depends_on") });
        }
        if let Some((n, key)) = counted(|step| step.inputs.len(), MAX_STEP_INPUTS) {
            return Err(Unstorable::TooManyInputs { n, field: format!("steps.{key}.inputs") });
        }
        Ok(())
    }

    /// Inputs that were written in another order than their ranks tell get the ranks that tell it.
    fn rank_inputs<'a>(&mut self, written: impl Iterator<Item = &'a String>) {
        let mut written: Vec<&String> = written.filter(|key| self.inputs.contains_key(*key)).collect();
        written.sort_by_key(|key| self.inputs[*key].order);
        if !written.iter().copied().eq(self.inputs_in_order().map(|(key, _)| key)) {
            for (key, n) in written.into_iter().zip(0..) {
                if let Some(input) = self.inputs.get_mut(key) {
                    input.order = n;
                }
            }
        }
    }

    /// Inputs as forms show them.
    pub fn inputs_in_order(&self) -> impl Iterator<Item = (&String, &RunInput)> {
        in_order(&self.inputs)
    }

    pub fn to_value(&self) -> Value {
        crate::json::to_value(self).expect("a definition has only string keys and finite numbers, so it is always JSON")
    }

    /// The hash of what the definition means: what is only drawn is left out, so moving a node changes nothing.
    pub fn semantic_hash(&self) -> String {
        let mut bare = self.clone();
        bare.notes.clear();
        bare.groups.clear();
        bare.steps.values_mut().for_each(Step::undraw);
        // In its own words: an order of properties or the digits of a constant are worth a version of their own.
        let mut hashing = Hashing::default();
        serde_json::to_writer(&mut hashing, &bare)
            .expect("a definition has only string keys and finite numbers, so it is always JSON");
        hashing.hex()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_smallest_definition_has_every_default() {
        let definition = Definition::from_value(&json!({"steps":{"a":{"agent_id":"x","depends_on":[]}}})).unwrap();
        let step = &definition.steps["a"];
        assert_eq!((step.timeout_s, step.max_retries(), step.review.mode), (600, 2, ReviewMode::WhenManual));
        assert_eq!(definition.to_value()["steps"]["a"], json!({"agent_id":"x","depends_on":[]}));
    }

    #[test]
    fn inputs_keep_the_order_they_were_written_in() {
        let order = |document: &str| {
            let definition = Definition::from_value(&serde_json::from_str(document).unwrap()).unwrap();
            let again = Definition::from_value(&definition.to_value()).unwrap();
            assert_eq!(again, definition);
            definition.inputs_in_order().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order(r#"{"inputs":{"topic":{},"audience":{},"b":{}}}"#), "topic audience b");
        assert_eq!(
            order(r#"{"inputs":{"topic":{"order":2},"b":{"order":1},"audience":{"order":2}}}"#),
            "b topic audience"
        );
        let sorted = Definition::from_value(&json!({"inputs":{"a":{},"b":{}}})).unwrap();
        assert!(sorted.inputs.values().all(|input| input.order == 0), "what needs no rank gets none");
    }

    #[test]
    fn a_wrong_type_is_named_by_its_path() {
        let error = Definition::from_value(&json!({"steps":{"a":{"agent_id":"x","timeout_s":"soon"}}})).unwrap_err();
        assert_eq!(error.field(), "definition.steps.a.timeout_s");
    }

    #[test]
    fn too_many_steps_and_too_deep_are_refused() {
        let steps: serde_json::Map<String, Value> =
            (0..=MAX_STEPS).map(|n| (format!("s{n}"), json!({"agent_id":"x"}))).collect();
        assert!(matches!(
            Definition::from_value(&json!({"steps": steps})),
            Err(Unstorable::TooManySteps { steps: 10_001 })
        ));
        let mut deep = json!(1);
        for _ in 0..70 {
            deep = json!([deep]);
        }
        assert_eq!(Definition::from_value(&json!({"inputs": deep})), Err(Unstorable::TooDeep));
    }

    #[test]
    fn names_that_lead_nowhere_are_counted_too() {
        let names = |n: usize| (0..n).map(|n| format!("n{n}")).collect::<Vec<_>>();
        let of = |waits: usize| {
            let step = json!({"agent_id":"x","depends_on": names(waits)});
            Definition::from_value(&json!({"steps":{"a": step, "b":{"agent_id":"x","depends_on":["nowhere"]}}}))
        };
        assert!(of(MAX_DEPENDENCIES - 1).is_ok());
        let error = of(MAX_DEPENDENCIES).unwrap_err();
        assert!(matches!(error, Unstorable::TooManyDependencies { n: 50_001, .. }));
        assert_eq!(error.field(), "definition.steps.a.depends_on");
        let inputs: serde_json::Map<String, Value> =
            names(MAX_STEP_INPUTS + 1).into_iter().map(|name| (name, json!({"const": 1}))).collect();
        let error = Definition::from_value(&json!({"steps":{"a":{"agent_id":"x","inputs": inputs}}})).unwrap_err();
        assert!(matches!(error, Unstorable::TooManyInputs { n: 50_001, .. }));
        assert_eq!(error.field(), "definition.steps.a.inputs");
    }

    #[test]
    fn the_semantic_hash_is_that_of_the_value_by_which_versions_were_stored() {
        for literal in crate::json::testing::SPELLINGS {
            let text = format!(
                r#"{{"inputs":{{"i":{{"schema":{{"properties":{{"b":{{}},"a":{{"enum":[{literal},"\u00e9\n"]}}}}}},"default":{literal}}}}},
                "steps":{{"a":{{"agent_id":"x","prompt":"\"é\"","inputs":{{"n":{{"const":{{"z":{literal},"a":[]}}}}}}}}}}}}"#
            );
            let document = crate::json::parse(&text, crate::json::Bounds::BODY).unwrap();
            let definition = Definition::from_value(&document).unwrap();
            let by_value = crate::hash::sha256_hex(definition.to_value().to_string().as_bytes());
            assert_eq!(definition.semantic_hash(), by_value, "{literal}");
        }
    }

    #[test]
    fn moving_a_node_keeps_the_semantic_hash() {
        let mut definition = Definition::from_value(&json!({"steps":{"a":{"agent_id":"x"}}})).unwrap();
        let before = definition.semantic_hash();
        definition.steps.get_mut("a").unwrap().ui = Some(Position { x: 1.0, y: 2.0, pinned: true });
        assert_eq!(definition.semantic_hash(), before);
        let properties = |text: &str| {
            let mut definition = definition.clone();
            let input = serde_json::from_str(&format!(r#"{{"schema":{{"properties":{text}}}}}"#)).unwrap();
            definition.inputs.insert("i".into(), input);
            definition.semantic_hash()
        };
        assert_ne!(properties(r#"{"a":{},"b":{}}"#), properties(r#"{"b":{},"a":{}}"#), "an order can be published");
        definition.steps.get_mut("a").unwrap().prompt = Some("other".into());
        assert_ne!(definition.semantic_hash(), before);
    }
}
