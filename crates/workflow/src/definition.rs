//! The definition: the DAG document that an admin draws, as it is stored, sent and frozen into a run.
//! Every field but `agent_id` has a default. Unknown fields are refused by name: silently dropping one would lose an author's work.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    condition::Condition,
    id::{AgentId, StepKey},
    limits,
    schema::Schema,
    source::Source,
};

pub const SCHEMA_VERSION: u32 = 1;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    #[serde(default = "schema_version")]
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, RunInput>,
    #[serde(default, skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
    #[serde(default)]
    pub steps: BTreeMap<StepKey, Step>,
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
            steps: BTreeMap::new(),
            notes: Vec::new(),
        }
    }
}

fn schema_version() -> u32 {
    SCHEMA_VERSION
}

/// An input that the starter of a run fills in.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
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

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Seconds after its start when everything that is not over fails; a person's trigger lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
}

impl Limits {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<i64>,
    /// Money, in millionths of the currency in which the provider's prices are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<i64>,
    #[serde(default)]
    pub on_exceed: OnExceed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExceed {
    #[default]
    Pause,
    Fail,
}

impl OnExceed {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Fail => "fail",
        }
    }
}

/// At most `limit` steps that name the same key run at once, whatever run they belong to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// A constant or a run input; its text is the key.
    pub key: Source,
    pub limit: u32,
}

/// A node of the DAG.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    pub agent_id: AgentId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<i32>,
    #[serde(default)]
    pub depends_on: BTreeSet<StepKey>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub trigger_rule: TriggerRule,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapOver>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub review: Review,
    #[serde(default, skip_serializing_if = "is_default")]
    pub retry: Retry,
    #[serde(default = "timeout_s", skip_serializing_if = "is_default_timeout")]
    pub timeout_s: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_error: OnError,
    /// Values by output name, for `on_error: default`.
    #[serde(default, deserialize_with = "crate::json::exact", skip_serializing_if = "Option::is_none")]
    pub default_output: Option<Value>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub side_effects: SideEffects,
    #[serde(default, skip_serializing_if = "is_default")]
    pub cache: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui: Option<Position>,
}

impl Step {
    /// The smallest step: an agent and nothing else.
    pub fn new(agent_id: AgentId) -> Self {
        Self {
            title: String::new(),
            agent_id,
            agent_version: None,
            depends_on: BTreeSet::new(),
            trigger_rule: TriggerRule::default(),
            when: None,
            inputs: BTreeMap::new(),
            map: None,
            prompt: None,
            review: Review::default(),
            retry: Retry::default(),
            timeout_s: timeout_s(),
            on_error: OnError::default(),
            default_output: None,
            side_effects: SideEffects::default(),
            cache: false,
            concurrency: None,
            ui: None,
        }
    }

    /// Automatic retries: the author's number, else 2, or 0 where a second try would act twice outside.
    pub fn max_retries(&self) -> u32 {
        self.retry.max.unwrap_or(match self.side_effects {
            SideEffects::External => 0,
            SideEffects::None | SideEffects::Idempotent => 2,
        })
    }

    /// Every source the step reads: inputs, condition and map.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.inputs
            .values()
            .chain(self.when.iter().flat_map(Condition::sources))
            .chain(self.map.iter().map(|map| &map.over))
    }

    /// The steps this one waits for: its edges and the steps its sources read.
    pub fn direct_dependencies(&self) -> BTreeSet<&StepKey> {
        self.depends_on.iter().chain(self.sources().filter_map(Source::step)).collect()
    }

    /// What people call the step.
    pub fn title_or<'a>(&'a self, key: &'a StepKey) -> &'a str {
        if self.title.is_empty() { key.as_str() } else { &self.title }
    }
}

fn timeout_s() -> u32 {
    600
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_default_timeout(seconds: &u32) -> bool {
    *seconds == timeout_s()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// When a step may run, judged once every direct dependency is terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerRule {
    /// None failed, and at least one completed.
    #[default]
    NoneFailed,
    AllSuccess,
    AllDone,
    OneSuccess,
}

impl TriggerRule {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoneFailed => "none_failed",
            Self::AllSuccess => "all_success",
            Self::AllDone => "all_done",
            Self::OneSuccess => "one_success",
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapOver {
    pub over: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default = "max_items")]
    pub max_items: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    #[serde(default)]
    pub on_item_error: OnItemError,
}

fn max_items() -> u32 {
    1000
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnItemError {
    #[default]
    Fail,
    Collect,
    Drop,
}

impl OnItemError {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Collect => "collect",
            Self::Drop => "drop",
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    pub mode: ReviewMode,
    #[serde(skip_serializing_if = "Assignees::is_empty")]
    pub assignees: Assignees,
    pub quorum: u32,
    pub allow_self: bool,
    pub max_rounds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
    pub on_timeout: OnReviewTimeout,
}

impl Review {
    /// Whether the gate binds everybody, the owner of a run too: it asks for more than one approval of whoever starts the run.
    /// A form always is a gate, whatever the mode.
    pub fn binds(&self, is_form: bool) -> bool {
        let is_strict = !self.assignees.is_empty() || self.quorum > 1 || !self.allow_self;
        is_strict && (is_form || self.mode == ReviewMode::Always)
    }
}

impl Default for Review {
    fn default() -> Self {
        Self {
            mode: ReviewMode::default(),
            assignees: Assignees::default(),
            quorum: 1,
            allow_self: true,
            max_rounds: 3,
            timeout_s: None,
            on_timeout: OnReviewTimeout::default(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewMode {
    /// A gate only while the run's auto-run is off.
    #[default]
    WhenManual,
    Always,
    Never,
}

impl ReviewMode {
    /// Whether a finished step waits for a person.
    pub fn gates(self, auto_run: bool) -> bool {
        match self {
            Self::Always => true,
            Self::WhenManual => !auto_run,
            Self::Never => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::WhenManual => "when_manual",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assignees {
    pub roles: Vec<String>,
    pub users: Vec<String>,
}

impl Assignees {
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.users.is_empty()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReviewTimeout {
    #[default]
    Fail,
    Approve,
}

impl OnReviewTimeout {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Approve => "approve",
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    pub on: BTreeSet<String>,
    pub initial_ms: u64,
    pub max_ms: u64,
    pub jitter: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: None,
            on: ["rate_limit", "server", "timeout"].map(String::from).into(),
            initial_ms: 1_000,
            max_ms: 30_000,
            jitter: 0.2,
        }
    }
}

impl Retry {
    /// Milliseconds before automatic retry number `retry` (1 is the first), without jitter; a server's own wish wins if longer.
    pub fn delay_ms(&self, retry: u32, retry_after_ms: Option<u64>) -> u64 {
        let doubled = self.initial_ms.saturating_mul(1_u64 << retry.saturating_sub(1).min(32));
        doubled.min(self.max_ms).max(retry_after_ms.unwrap_or(0))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    #[default]
    Fail,
    Continue,
    Default,
}

impl OnError {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Continue => "continue",
            Self::Default => "default",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideEffects {
    #[default]
    None,
    Idempotent,
    External,
}

/// Where a node stands on the canvas; outside the semantic hash.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    pub x: f64,
    pub y: f64,
}

/// A note on the canvas; outside the semantic hash.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Note {
    pub id: String,
    pub text: String,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Why a document cannot be stored as a definition at all. Everything else is saved and answered with its problems.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unstorable {
    #[error("`{path}`: {message}")]
    Malformed { path: String, message: String },
    #[error("the definition is {bytes} bytes; at most {} are stored", limits::MAX_DEFINITION_BYTES)]
    TooLarge { bytes: usize },
    #[error("the definition is nested deeper than {} levels", limits::MAX_DEPTH)]
    TooDeep,
    #[error("the definition has {steps} steps; at most {} are allowed", limits::MAX_STEPS)]
    TooManySteps { steps: usize },
}

impl Unstorable {
    /// The field to name in an answer.
    pub fn field(&self) -> String {
        match self {
            Self::Malformed { path, .. } if path != "." => format!("definition.{path}"),
            Self::TooManySteps { .. } => "definition.steps".into(),
            _ => "definition".into(),
        }
    }
}

impl Definition {
    /// Reads a document, refusing only what cannot be stored.
    pub fn from_value(document: &Value) -> Result<Self, Unstorable> {
        if limits::depth(document) > limits::MAX_DEPTH {
            return Err(Unstorable::TooDeep);
        }
        if let Some(steps) = document.get("steps").and_then(Value::as_object)
            && steps.len() > limits::MAX_STEPS
        {
            return Err(Unstorable::TooManySteps { steps: steps.len() });
        }
        let mut definition: Self = serde_path_to_error::deserialize(document).map_err(|error| {
            Unstorable::Malformed { path: error.path().to_string(), message: error.inner().to_string() }
        })?;
        if let Some(inputs) = document.get("inputs").and_then(Value::as_object) {
            definition.rank_inputs(inputs.keys());
        }
        let bytes = definition.to_value().to_string().len();
        if bytes > limits::MAX_DEFINITION_BYTES {
            return Err(Unstorable::TooLarge { bytes });
        }
        Ok(definition)
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

    /// The hash of what the definition means: positions and notes are left out, so moving a node changes nothing.
    pub fn semantic_hash(&self) -> String {
        let mut bare = self.clone();
        bare.notes.clear();
        for step in bare.steps.values_mut() {
            step.ui = None;
        }
        // In its own words: an order of properties or the digits of a constant are worth a version of their own.
        crate::hash::sha256_hex(bare.to_value().to_string().as_bytes())
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
            (0..=limits::MAX_STEPS).map(|n| (format!("s{n}"), json!({"agent_id":"x"}))).collect();
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
    fn moving_a_node_keeps_the_semantic_hash() {
        let mut definition = Definition::from_value(&json!({"steps":{"a":{"agent_id":"x"}}})).unwrap();
        let before = definition.semantic_hash();
        definition.steps.get_mut("a").unwrap().ui = Some(Position { x: 1.0, y: 2.0 });
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

    #[test]
    fn backoff_doubles_up_to_its_cap_and_honours_retry_after() {
        let retry = Retry::default();
        assert_eq!([1, 2, 3, 10].map(|n| retry.delay_ms(n, None)), [1_000, 2_000, 4_000, 30_000]);
        assert_eq!(retry.delay_ms(1, Some(45_000)), 45_000);
    }
}
