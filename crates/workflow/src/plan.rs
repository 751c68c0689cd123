//! The Plan: what a valid definition comes to once it is to be executed.
//! It counts every source's step as a direct dependency, whether or not the author drew the edge.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, StepKey};

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Every step after its dependencies.
    pub order: Vec<StepKey>,
    pub steps: BTreeMap<StepKey, PlannedStep>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlannedStep {
    pub agent_id: AgentId,
    /// The version that publishing pins; absent while the agent is unknown.
    pub agent_version: Option<i32>,
    pub dependencies: BTreeSet<StepKey>,
}
