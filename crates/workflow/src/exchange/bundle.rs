//! What one file holds, as values: a workflow with its agents and the workflows that these run.
//! Must never hold an id or a number that only one Weft knows.

use std::collections::BTreeMap;

use crate::{agent::AgentSpec, definition::Definition, id::AgentId};

/// The version of the format that is written, and the only one that is read.
pub const FORMAT: u64 = 1;

/// What one file holds. Of each workflow and agent the versions that are needed, oldest first; what names one counts them from 1.
#[derive(Clone, PartialEq, Debug)]
pub struct Bundle {
    /// The workflow that the file is about; all else is there because it needs it.
    pub main: String,
    pub workflows: BTreeMap<String, Vec<Workflow>>,
    pub agents: BTreeMap<AgentId, Vec<Agent>>,
}

/// One version of a workflow. `agent_version` of its steps is a place in the file; without one a step takes the last.
#[derive(Clone, PartialEq, Debug)]
pub struct Workflow {
    pub name: String,
    pub description: String,
    pub definition: Definition,
}

/// One version of an agent, without secrets.
#[derive(Clone, PartialEq, Debug)]
pub struct Agent {
    /// Its version, and that of a workflow that it runs, are places in the file; the id of that workflow is of no account.
    pub spec: AgentSpec,
    /// The slug of the workflow that it runs.
    pub runs: Option<String>,
}

impl Agent {
    /// Where it stands in its file.
    pub(super) fn place(&self) -> String {
        // Versions are counted from 1, places in a list from 0.
        format!("agents.{}[{}]", self.spec.id, self.spec.version - 1)
    }
}

/// What is wrong in a file, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Such as `agents.writer[0].config.prompt`; empty for the file as a whole.
    pub place: String,
    pub message: String,
}
