//! What people call what the run names by its ids and keys. Must name anything: what is not known is called by its id.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::{AgentId, RunView, StepKey, id::GroupId};

use super::LiveRun;

/// What people call those that the run names by their ids.
pub(super) struct Names {
    pub groups: BTreeMap<GroupId, String>,
    pub agents: BTreeMap<AgentId, String>,
}

impl LiveRun {
    /// What people call a step; an unknown one by its key.
    pub(in crate::pages) fn title_of(self, key: &StepKey) -> String {
        self.run.with(|run| title_of(run, key))
    }

    /// What people call a group; an unknown one by its id.
    pub(in crate::pages::run) fn group_name(self, id: &str) -> String {
        self.names.with_value(|names| names.groups.get(id).cloned()).unwrap_or_else(|| id.to_owned())
    }

    /// What people call an agent; an unknown one by its id.
    pub(in crate::pages::run) fn agent_name(self, id: &AgentId) -> String {
        self.names.with_value(|names| names.agents.get(id).cloned()).unwrap_or_else(|| id.saved().to_owned())
    }

    /// The same of all of them, by their ids.
    pub(in crate::pages::run) fn agent_names(self) -> BTreeMap<AgentId, String> {
        self.names.with_value(|names| names.agents.clone())
    }
}

/// What people call a step of a run.
pub(in crate::pages::run) fn title_of(run: &RunView, key: &StepKey) -> String {
    run.step(key).map_or_else(|| key.to_string(), |step| step.title.clone())
}
