//! A node of the DAG: its agent, what it waits for, what it reads, and how often it runs.
//! Every field but `agent_id` has a default: an author writes only what differs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    drawing::Colour,
    failure::{OnError, Retry},
    is_default,
    limits::Concurrency,
    review::Review,
};
use crate::{
    condition::Condition,
    id::{AgentId, StepKey},
    source::Source,
};

/// A node of the DAG.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// How long it may wait for a worker, once nothing else keeps it; absent: as long as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_timeout_s: Option<u32>,
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
    pub colour: Option<Colour>,
    /// The id of the group that it is drawn in; outside the semantic hash, as its colour and its place are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
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
            queue_timeout_s: None,
            on_error: OnError::default(),
            default_output: None,
            side_effects: SideEffects::default(),
            cache: false,
            concurrency: None,
            colour: None,
            group: None,
            ui: None,
        }
    }

    /// Takes away what is only drawn of it: its place, its colour and its group.
    pub fn undraw(&mut self) {
        (self.ui, self.colour, self.group) = (None, None, None);
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

/// When a step may run, judged once every direct dependency is terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SideEffects {
    #[default]
    None,
    Idempotent,
    External,
}

impl SideEffects {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Idempotent => "idempotent",
            Self::External => "external",
        }
    }
}

/// Where a node stands on the canvas; outside the semantic hash.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Position {
    pub x: f64,
    pub y: f64,
    /// Tidy up leaves it there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
}
