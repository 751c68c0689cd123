//! The verbs of a person on a run: each one transaction under the run's lock, with one event naming the person.
//! Whether the person may do it was decided before; whether the state allows it is decided here.

mod branches;
mod gates;
mod moving;
mod outputs;
mod runs;
mod steps;
mod tx;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use workflow::{AgentCatalog, Definition, Plan, RunId, StepKey, access::Actor, api::MovePlan};

use crate::protocol::NewArtifact;

/// Who asks for what on which run.
#[derive(Clone, PartialEq, Debug)]
pub struct Call<'a> {
    pub run: RunId,
    pub actor: &'a Actor,
    /// The key, and the hash of what is asked under it.
    pub idempotency: Option<(String, String)>,
    /// The actor is only asked at an open gate: once it is closed, nothing here is theirs.
    pub only_at_gate: bool,
}

impl<'a> Call<'a> {
    pub fn new(run: RunId, actor: &'a Actor) -> Self {
        Self { run, actor, idempotency: None, only_at_gate: false }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VerbOutcome {
    Done,
    /// It was already so, or the same request was answered before under its key: nothing was written.
    Unchanged,
    NotFound,
    Conflict(Conflict),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conflict {
    /// The step or run is in a status that does not allow it.
    Status(String),
    /// Another generation has begun since.
    Generation,
    /// Something newer is there than what was seen.
    Digest,
    /// The run moved on since the plan was made.
    Moved,
    /// The gate wants somebody else than its author or starter.
    SelfApproval,
    AlreadyVoted,
    NothingToAdopt,
    BudgetTooSmall,
    /// The key was used for another request.
    IdempotencyMismatch,
    /// A form cannot be approved before it was answered.
    Unanswered,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Trigger {
    /// Absent leaves the override, an inner none takes it back.
    pub prompt: Option<Option<String>>,
    /// Absent leaves them; an empty map takes them back.
    pub inputs: Option<BTreeMap<String, Value>>,
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Approval {
    pub digest: Option<String>,
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Edit {
    pub artifacts: Vec<NewArtifact>,
    /// Approve at once what was written.
    pub approve: bool,
    pub digest: Option<String>,
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rejection {
    pub feedback: String,
    pub digest: Option<String>,
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Skip {
    /// Values for ports of other steps that would have none.
    pub inputs: BTreeMap<StepKey, BTreeMap<String, Value>>,
    /// The event that the values were asked for after.
    pub seq: Option<i64>,
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Supply {
    pub artifacts: Vec<NewArtifact>,
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rerun {
    /// Every step that gets a new generation, the asked one among them.
    pub closure: BTreeSet<StepKey>,
    /// The event that the plan was made at; none where the closure is the step alone.
    pub seq: Option<i64>,
    pub prompt: Option<Option<String>>,
    pub inputs: Option<BTreeMap<String, Value>>,
    pub expect_generation: Option<i32>,
}

/// A new run that shares what another one has made.
pub struct Fork<'a> {
    pub id: RunId,
    pub at: StepKey,
    /// Steps that are taken over as they are.
    pub kept: BTreeSet<StepKey>,
    /// The event of the source that the plan was made at.
    pub seq: i64,
    pub auto_run: bool,
    pub plan: &'a Plan,
    pub agents: &'a AgentCatalog,
}

/// Another published version for a run.
pub struct Move<'a> {
    pub version: i32,
    pub definition: &'a Definition,
    pub plan: &'a Plan,
    pub agents: &'a AgentCatalog,
    pub change: &'a MovePlan,
    /// The event that the plan was made at.
    pub seq: i64,
}
