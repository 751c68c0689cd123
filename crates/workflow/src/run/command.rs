//! What can come to a run: the verbs of people, and what happens by itself. With each comes the context it is decided in, and the one
//! type of answers that say no.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    event::{Request, Started},
    plan::KeyLimit,
    state::{AnsweredBy, NewVersion, Wait},
    voters::Voters,
};
use crate::{
    AgentCatalog, Definition, Plan,
    access::Actor,
    api::RerunMode,
    id::{ArtifactId, RunId, StepKey, TemplateId, UserId, WorkerId},
    status::{ErrorClass, RunStatus, StepStatus},
    trying,
    verbs::Access,
    view::{BudgetView, ConsumedInput, StepOverride, Usage},
};

/// What deciding needs and must not find out by itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// By the database's clock.
    pub now: DateTime<Utc>,
    /// Ids and jitter come from it.
    pub random: u128,
    /// Who asks; none for what happens by itself.
    pub actor: Option<&'a Actor>,
    /// They were let in as somebody asked at a gate of this run, which may have closed since.
    pub was_asked: bool,
    pub request: Option<&'a Request>,
    /// Those who voted at the gate, as they stand now.
    pub voters: &'a Voters,
    /// The agent versions that the run is pinned to.
    pub agents: &'a AgentCatalog,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    Start(Box<Start>),

    // ---- what happens by itself
    /// A worker takes these; those that may not be started any more are passed over.
    StartSteps {
        worker: WorkerId,
        /// Which build of it, where it said so.
        build: Option<String>,
        steps: Vec<StepKey>,
    },
    Finished(Box<Finished>),
    /// A worker is dead: what it ran is queued again.
    Lost {
        worker: WorkerId,
    },
    /// A decision task was answered.
    Judged(Box<Judged>),
    /// The attempt of a sub-workflow's step goes on as a run of its own.
    HandedOver {
        step: StepKey,
        attempt: i32,
        worker: WorkerId,
        child: RunId,
        inputs: Vec<ConsumedInput>,
    },
    /// A sub-workflow's run is over, perhaps again.
    ChildEnded(Box<ChildEnded>),
    /// All of these keys are reserved for these steps. One that has others by now is passed over.
    Reserved {
        steps: BTreeMap<StepKey, Vec<KeyLimit>>,
    },
    /// These steps may be claimed, and their reservations are gone.
    Unreserved {
        steps: Vec<StepKey>,
    },
    /// An attempt waits for something outside.
    Suspend {
        step: StepKey,
        attempt: i32,
        worker: WorkerId,
        wait: Wait,
    },
    /// What a suspended attempt waited for came. `token`: of a callback.
    Wake {
        step: StepKey,
        attempt: i32,
        token: Option<String>,
    },
    /// Somebody outside whom an attempt told a secret says how it ended, while it waits or still runs. `token`: of that secret.
    CalledBack {
        token: String,
        done: Box<Finished>,
    },
    /// Time passed: reviews, suspended attempts and the run's deadline are looked at.
    TimePassed,
    /// The step that this run was begun for does not wait for it any more.
    Abandoned,

    // ---- verbs on a step
    Trigger {
        step: StepKey,
        changes: Changes,
        expect_generation: Option<i32>,
    },
    Continue {
        step: StepKey,
        digest: Option<String>,
        expect_generation: Option<i32>,
    },
    Edit(Box<Edit>),
    Reject {
        step: StepKey,
        feedback: String,
        digest: Option<String>,
        expect_generation: Option<i32>,
    },
    Skip {
        step: StepKey,
        inputs: BTreeMap<StepKey, BTreeMap<String, Value>>,
        expect_generation: Option<i32>,
    },
    Supply {
        step: StepKey,
        outputs: Vec<NewVersion>,
        expect_generation: Option<i32>,
    },
    Stop {
        step: StepKey,
        expect_generation: Option<i32>,
    },
    Rerun {
        step: StepKey,
        mode: RerunMode,
        changes: Changes,
        expect_generation: Option<i32>,
    },
    Rollback {
        artifact: ArtifactId,
        expect_generation: Option<i32>,
    },

    // ---- verbs on the run
    SetAutoRun(bool),
    Pause,
    Resume {
        budget: Option<BudgetView>,
    },
    Cancel,
    /// Versions of another run, by step: those that differ are taken over.
    Adopt {
        versions: BTreeMap<StepKey, Vec<NewVersion>>,
    },
    Move(Box<MoveTo>),
}

/// What a person changes about a step for this run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes {
    pub prompt: Patch<String>,
    pub inputs: Patch<BTreeMap<String, Value>>,
}

impl Changes {
    /// What a step has for this run after them.
    pub(super) fn on(&self, before: &StepOverride) -> StepOverride {
        let mut value = before.clone();
        match &self.prompt {
            Patch::Keep => {}
            Patch::Reset => value.prompt = None,
            Patch::Set(prompt) => value.prompt = Some(prompt.clone()),
        }
        match &self.inputs {
            Patch::Keep => {}
            Patch::Reset => value.inputs.clear(),
            Patch::Set(inputs) => value.inputs.clone_from(inputs),
        }
        value
    }
}

/// A value to leave, to take back, or to set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Patch<T> {
    #[default]
    Keep,
    Reset,
    Set(T),
}

impl<T> Patch<T> {
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// A wait for which nobody tries again, however the step's retries are set.
pub const NEVER_MS: u64 = u64::MAX;

/// A run that begins: everything about it is validated and authorized.
#[derive(Clone, PartialEq, Debug)]
pub struct Start {
    pub run: Started,
    /// What it begins with, of the run it was forked from.
    pub kept: Vec<Kept>,
}

impl Start {
    pub fn of(start: NewRun<'_>) -> Self {
        let steps = super::plan::plans(&start.definition, start.plan, start.agents, &start.inputs);
        // Nobody else is asked by a test, sub-workflows included.
        let definition = match start.is_test.then(|| trying::with_own_gates(&start.definition)) {
            Some(Cow::Owned(definition)) => Arc::new(definition),
            Some(Cow::Borrowed(_)) | None => start.definition,
        };
        let run = Started {
            id: start.id,
            template_id: start.template_id,
            template_name: start.template_name,
            template_version: start.template_version,
            run_definition: definition,
            inputs: start.inputs,
            overrides: BTreeMap::new(),
            auto_run: start.auto_run,
            user_id: start.user_id,
            is_test: start.is_test,
            parent: None,
            depth: 1,
            forked_from: None,
            steps: steps.into(),
        };
        Self { run, kept: Vec::new() }
    }
}

/// A published version that is to run.
#[derive(Clone, PartialEq, Debug)]
pub struct NewRun<'a> {
    pub id: RunId,
    pub template_id: TemplateId,
    pub template_name: String,
    pub template_version: i32,
    pub definition: Arc<Definition>,
    pub plan: &'a Plan,
    pub agents: &'a AgentCatalog,
    pub inputs: BTreeMap<String, Value>,
    pub auto_run: bool,
    pub user_id: UserId,
    pub is_test: bool,
}

/// A step that a fork takes over as it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    pub step: StepKey,
    pub status: super::state::Status,
    /// Its latest versions, and whether each passed a gate.
    pub versions: Vec<(NewVersion, bool)>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Finished {
    pub step: StepKey,
    pub attempt: i32,
    pub worker: WorkerId,
    pub result: AttemptResult,
    pub inputs: Vec<ConsumedInput>,
    pub usage: Option<Usage>,
    /// What a person is asked.
    pub message: Option<String>,
    /// Of an item of a map: what it was made with, for its map to know it by.
    pub item_basis: Option<String>,
    /// Somebody outside told it, with this.
    pub answered_by: Option<AnsweredBy>,
}

impl Finished {
    /// The end of an attempt of which nothing but its result is said.
    #[must_use]
    pub const fn new(step: StepKey, attempt: i32, worker: WorkerId, result: AttemptResult) -> Self {
        let inputs = Vec::new();
        Self { step, attempt, worker, result, inputs, usage: None, message: None, item_basis: None, answered_by: None }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub enum AttemptResult {
    Succeeded(Vec<NewVersion>),
    Failed {
        class: ErrorClass,
        error: String,
        /// How long the other side wants to be left alone.
        retry_after_ms: Option<u64>,
    },
    /// Given back untouched.
    Released,
    /// Its worker could not know any more whether it was its own, and let go of it: what it did may be done again, and paid for again.
    Lost,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    pub step: StepKey,
    /// Which decision task this answers.
    pub epoch: i32,
    /// The versions that were read.
    pub read: BTreeSet<ArtifactId>,
    pub judgement: Judgement,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Judgement {
    /// Of a step's condition.
    Condition { holds: bool },
    /// The items of a map whose condition, if it has one, holds.
    Items { list: ConsumedInput, items: Vec<NewItem> },
    /// Its list cannot be mapped over.
    NoItems { error: String },
    /// The lists that a map makes of the outputs of its items, or why it fails.
    Collected(Result<Vec<NewVersion>, (ErrorClass, String)>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewItem {
    pub key: String,
    /// Hash of everything that it is to be made with.
    pub basis: String,
}

#[derive(Clone, PartialEq, Debug)]
pub struct ChildEnded {
    pub step: StepKey,
    pub child: RunId,
    pub result: Result<Vec<NewVersion>, String>,
    /// All that it ever used.
    pub used: Usage,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Edit {
    pub step: StepKey,
    pub outputs: Vec<NewVersion>,
    /// Approve at once what was written.
    pub and_continue: bool,
    pub digest: Option<String>,
    pub expect_generation: Option<i32>,
}

/// Another published version for a run.
#[derive(Clone, PartialEq, Debug)]
pub struct MoveTo {
    pub template_version: i32,
    pub template_name: String,
    pub definition: Arc<Definition>,
    pub plan: Plan,
}

/// Why nothing happened.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("there is no such thing in the run")]
    NotFound,
    #[error("whoever asks may not do this")]
    Access(Access),
    #[error("a step that is {0} does not take this")]
    Status(StepStatus),
    #[error("a run that is {0} does not take this")]
    RunStatus(RunStatus),
    #[error("the map `{0}` does not collect its items now")]
    NotCollecting(StepKey),
    #[error("a step is still running")]
    StepRuns,
    #[error("another generation has begun since")]
    Generation,
    #[error("something newer is there than what was seen")]
    Digest,
    #[error("it was asked anew meanwhile")]
    Outdated,
    /// Others are the latest now than those that were read.
    #[error("other versions have to be read")]
    Needs(BTreeSet<ArtifactId>),
    #[error("the attempt is not this worker's any more")]
    Fenced,
    #[error("the gate wants somebody else than its author or starter")]
    SelfApproval,
    /// The gate binds, and they may not approve at it.
    #[error("the gate of `{0}` is not theirs to get around")]
    Bound(StepKey),
    #[error("nobody decided in time")]
    TooLate,
    #[error("they voted already")]
    AlreadyVoted,
    /// Somebody voted after it was looked who did: whether that counts is not known.
    #[error("somebody else voted meanwhile")]
    UnknownVoter,
    #[error("a form cannot be approved before it was answered")]
    Unanswered,
    #[error("the other run has nothing that differs")]
    NothingToAdopt,
    /// It is fresh, or written by a person, or stale through what a person wrote alone.
    #[error("running the step again would refresh nothing")]
    NothingToRefresh,
    #[error("that much is used up already")]
    BudgetTooSmall,
    #[error("the key was used for another request")]
    IdempotencyMismatch,
    /// Each version has an id of its own.
    #[error("the artifact {0} is there already")]
    KnownArtifact(ArtifactId),
    /// Ports that would have no value, by step.
    #[error("values are missing")]
    Missing(Vec<(StepKey, String)>),
    #[error("sub-workflows are nested as deep as they may")]
    TooDeep,
}
