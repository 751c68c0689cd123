//! The rows beside the log: what follows from a decision for whoever looks for runs by something else than their id.
//!
//! Pure: made of the state that was decided on and the events that were decided, each row once, as it is after the last of them, since the
//! parts of the statement that writes them do not see each other. It costs what changed, never the run. It must never read what is stored,
//! and never tell more than the events do: at any time the rows are those of all events together.

mod changed;
mod gates;
mod merged;
mod summary;

use chrono::{DateTime, Utc};
use workflow::{
    id::{AgentId, StepKey, WorkerId},
    run::{
        RunEvent, State,
        event::Effects,
        plan::{KeyLimit, StepPlan},
        state::{Admission, Attempt, Step, Version},
    },
};

use crate::message::Sent;
use changed::Changed;
pub use gates::{Gate, GateEnd};
pub use merged::Merged;
pub use summary::{More, Summary};
pub use workflow::title::about;

/// All rows that one commit writes about one run.
#[derive(Clone, PartialEq, Debug)]
pub struct Rows {
    pub summary: Summary,
    /// The steps that wait for somebody or did before, of those that the events told of.
    pub steps: Vec<StepRow>,
    pub attempts: Vec<AttemptRow>,
    /// Only ever inserted: one that is there is left as it is.
    pub artifacts: Vec<Version>,
    pub artifact_heads: Vec<ArtifactHead>,
    /// Gates that were closed, of a run that is no test. Only ever added.
    pub ends: Vec<GateEnd>,
    pub tells: Vec<Sent>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct StepRow {
    pub step: StepKey,
    /// It has rows that tell of waiting or of a gate, which go unless they are told anew.
    pub had: bool,
    /// It waits: from this time on, for this.
    pub waits: Option<(DateTime<Utc>, For)>,
    /// Its gate is open.
    pub review: Option<Box<Gate>>,
}

/// What a queued step waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum For {
    /// A worker for this agent, which is of this kind.
    Worker { kind: String, agent: AgentId },
    /// A reservation of all its keys.
    Keys(Vec<KeyLimit>),
}

#[derive(Clone, PartialEq, Debug)]
pub struct AttemptRow {
    pub attempt: Attempt,
    pub lease: Option<WorkerId>,
}

/// Of an output, which version is the latest and which passed a gate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArtifactHead {
    pub step: StepKey,
    pub name: String,
    pub latest: i32,
    pub approved: Vec<i32>,
}

impl Rows {
    /// `before`: what was decided on.
    pub fn of(before: &State, events: &[RunEvent]) -> Self {
        let Some(started) = events.first().and_then(|first| first.data.started.clone()) else {
            return Changed::of(before, events).rows();
        };
        // Of a run that begins, all steps begin as well.
        let mut begun = State::empty();
        for first in events.iter().take(1) {
            let data = Effects { started: Some(started.clone()), ..Effects::default() };
            begun.apply(&RunEvent { data, ..first.clone() });
        }
        let mut rows = Changed::of(&begun, events).rows();
        rows.summary.more = rows.summary.more + More::of(begun.steps());
        rows.summary.about = about(&started.inputs, &started.run_definition);
        rows
    }

    /// How many rows it comes to, for the size of a batch.
    pub fn n_rows(&self) -> usize {
        // A gate that was closed is found by who decided too.
        self.steps.len()
            + self.attempts.len()
            + self.artifacts.len()
            + self.artifact_heads.len()
            + 2 * self.ends.len()
            + self.tells.len()
    }
}

impl For {
    /// Where there is no plan there is no agent either, and the step fails.
    pub(crate) fn worker(plan: Option<&StepPlan>) -> Self {
        let kind = plan.map(|plan| plan.kind.clone()).unwrap_or_default();
        let agent = plan.map_or_else(|| AgentId::new(""), |plan| plan.agent_id.clone());
        Self::Worker { kind, agent }
    }
}

impl StepRow {
    fn is_any(&self) -> bool {
        self.had || self.waits.is_some() || self.review.is_some()
    }
}

/// Whether the tables hold something of it that waits.
fn has_rows(step: &Step) -> bool {
    matches!(step.status.admission(), Some(Admission::Claimable | Admission::Reserving)) || step.review().is_some()
}
