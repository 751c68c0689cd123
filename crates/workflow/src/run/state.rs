//! The state of a run: everything that deciding needs, and everything that a person sees of it.
//! It is rebuilt from events alone. What is derived (who waits for how many, what may be claimed) is kept beside it, and follows from it.

mod derived;
mod design;
mod outputs;
mod records;
mod review;
mod run;
mod step;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde_json::Value;

pub(super) use derived::{Cells, Counts, goes_in_a_pause, put};
pub use derived::{Entry, Turn, Waits};
pub use design::Design;
pub(super) use outputs::{Outputs, insert};
pub use records::{AnsweredBy, Attempt, NewVersion, Version};
pub(super) use review::Word;
pub use review::{ClosedReview, Rejection, Review, Verdict};
pub use run::RunChange;
pub use step::{Admission, Item, Status, Step, Unfit, Wait, Work};
pub use view::Emails;
pub(crate) use view::{email, emails_of};

use super::plan::KeyLimit;
use crate::{
    access::Actor,
    id::{ArtifactId, RunId, StepKey, TemplateId, UserId, WorkerId},
    status::{Outcome, RunStatus},
    view::{StepOfRun, StepOverride},
};

#[derive(Clone, PartialEq, Debug)]
pub struct State {
    /// The last event folded into it; 0 before the run began.
    pub seq: i64,
    /// When that was.
    pub at: DateTime<Utc>,
    pub birth: Arc<Birth>,
    pub template_name: String,
    pub template_version: i32,
    pub design: Arc<Design>,
    pub run: RunChange,
    pub overrides: BTreeMap<StepKey, StepOverride>,
    pub(super) entries: BTreeMap<StepKey, Entry>,
    pub(super) attempts: BTreeMap<StepKey, Vec<Attempt>>,
    /// By step.
    pub(super) versions: BTreeMap<StepKey, Outputs>,
    pub(super) makers: BTreeMap<ArtifactId, (StepKey, String)>,
    pub(super) rejections: BTreeMap<StepKey, Vec<Rejection>>,
    /// What verbs were asked under, by person and key.
    pub(super) requests: BTreeMap<(UserId, String), String>,
    pub(super) counts: Counts,
    pub(super) index: derived::Index,
}

/// What never changes about a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Birth {
    pub id: RunId,
    pub template_id: TemplateId,
    pub inputs: BTreeMap<String, Value>,
    pub user_id: UserId,
    pub is_test: bool,
    pub parent: Option<StepOfRun>,
    pub depth: i32,
    pub forked_from: Option<StepOfRun>,
    pub created_at: DateTime<Utc>,
}

impl State {
    /// A run of which nothing is known yet: it takes only its beginning.
    pub fn empty() -> Self {
        Self {
            seq: 0,
            at: DateTime::UNIX_EPOCH,
            birth: Arc::new(Birth {
                id: RunId(uuid::Uuid::nil()),
                template_id: TemplateId(uuid::Uuid::nil()),
                inputs: BTreeMap::new(),
                user_id: UserId(uuid::Uuid::nil()),
                is_test: false,
                parent: None,
                depth: 1,
                forked_from: None,
                created_at: DateTime::UNIX_EPOCH,
            }),
            template_name: String::new(),
            template_version: 0,
            design: Arc::new(Design::default()),
            run: RunChange {
                status: RunStatus::Pending,
                status_reason: None,
                auto_run: true,
                finished_at: None,
                rested_ms: 0,
                deadline_at: None,
                budget: None,
                held: None,
                used_tokens: 0,
                used_cost_micros: 0,
            },
            overrides: BTreeMap::new(),
            entries: BTreeMap::new(),
            attempts: BTreeMap::new(),
            versions: BTreeMap::new(),
            makers: BTreeMap::new(),
            rejections: BTreeMap::new(),
            requests: BTreeMap::new(),
            counts: Counts::default(),
            index: derived::Index::default(),
        }
    }

    /// A step that is part of the run.
    pub fn step(&self, key: &StepKey) -> Option<&Step> {
        self.entries.get(key).filter(|entry| !entry.is_removed).map(|entry| &entry.step)
    }

    /// Whether an open gate of the run asks somebody, themselves or in the place of somebody who is away. A try is nobody's but its
    /// maker's, so nobody is let in to one in their place.
    pub fn asks(&self, review: &Review, actor: &Actor) -> bool {
        if self.birth.is_test { review.asks_themselves(actor) } else { review.asks(actor, self.birth.user_id) }
    }

    /// All steps that are part of the run, by key.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.entries.values().filter(|entry| !entry.is_removed).map(|entry| &entry.step)
    }

    /// The items of a map step that are part of the run, by key.
    pub fn items(&self, map: &StepKey) -> impl Iterator<Item = &Step> {
        self.index.items.get(map).into_iter().flatten().filter_map(|key| self.step(key))
    }

    /// By number.
    pub fn attempts(&self, key: &StepKey) -> &[Attempt] {
        self.attempts.get(key).map_or(&[], Vec::as_slice)
    }

    /// Every version of one output, in order.
    pub fn versions(&self, key: &StepKey, name: &str) -> &[Version] {
        self.versions.get(key).map_or(&[], |outputs| outputs.of(name))
    }

    /// The latest version of each output of a step, by name.
    pub fn latest(&self, key: &StepKey) -> impl Iterator<Item = &Version> {
        let outputs = self.versions.get(key).into_iter().flat_map(Outputs::all);
        outputs.filter_map(|versions| versions.iter().find(|version| version.is_latest))
    }

    pub fn artifact(&self, id: ArtifactId) -> Option<&Version> {
        let (key, name) = self.makers.get(&id)?;
        self.versions(key, name).iter().find(|version| version.id == id)
    }

    /// What people wanted when they rejected what the step made, in order.
    pub fn rejections(&self, key: &StepKey) -> &[Rejection] {
        self.rejections.get(key).map_or(&[], Vec::as_slice)
    }

    /// The hash of what somebody asked under a key, if they asked anything under it.
    pub fn asked_under(&self, by: UserId, key: &str) -> Option<&str> {
        self.requests.get(&(by, key.to_owned())).map(String::as_str)
    }

    /// What a worker may take now, oldest first.
    pub fn claimable(&self, now: DateTime<Utc>) -> impl Iterator<Item = &StepKey> {
        self.index.claimable.iter().take_while(move |turn| turn.not_before <= now).map(|turn| &turn.key)
    }

    /// What waits for a reservation of all its keys, oldest first.
    pub fn reserving(&self) -> impl Iterator<Item = (&StepKey, &[KeyLimit])> {
        self.index.reserving.iter().map(|turn| (&turn.key, self.keys(&turn.key)))
    }

    /// The concurrency keys of a step: it needs a place under each.
    pub fn keys(&self, key: &StepKey) -> &[KeyLimit] {
        let of = self.step(key).and_then(|step| self.design.plan(step.definition_key()));
        of.map_or(&[], |plan| plan.keys.as_slice())
    }

    /// Whether a step needs a place under this key.
    pub fn needs_place(&self, key: &StepKey, limit: &str) -> bool {
        self.keys(key).iter().any(|known| known.key == limit)
    }

    /// The steps that hold a reservation of their keys: what may be claimed or runs, but for what a sub-workflow does.
    pub fn holds_keys(&self, key: &StepKey) -> bool {
        let Some(step) = self.step(key).filter(|_| !self.keys(key).is_empty()) else { return false };
        match &step.status {
            Status::Running(Work::Attempt { .. }) => true,
            status => status.admission() == Some(Admission::Claimable),
        }
    }

    /// The steps whose condition, list or items want judging.
    pub fn undecided(&self) -> impl Iterator<Item = &Step> {
        self.index.undecided.iter().filter_map(|key| self.step(key))
    }

    /// Whether the attempt runs for this worker.
    pub fn has(&self, key: &StepKey, number: i32, worker: WorkerId) -> bool {
        let works = self.step(key).is_some_and(|step| step.status == Status::Running(Work::Attempt { worker }));
        works && self.attempts(key).last().is_some_and(|attempt| attempt.number == number)
    }

    /// What a worker holds.
    pub fn held_by(&self, worker: WorkerId) -> impl Iterator<Item = &Step> {
        self.index.leased.get(&worker).into_iter().flatten().filter_map(|key| self.step(key))
    }

    pub fn workers(&self) -> impl Iterator<Item = WorkerId> {
        self.index.leased.keys().copied()
    }

    /// When something is due by itself, the earliest first: reviews, and attempts that wait for a time.
    pub fn timers(&self) -> &BTreeSet<(DateTime<Utc>, StepKey)> {
        &self.index.timers
    }

    /// Failures, or crashes, of the step's generation so far.
    pub(super) fn count_ends(attempts: &[Attempt], generation: i32, outcome: Outcome) -> i32 {
        let ended = attempts.iter().rev().take_while(|attempt| attempt.generation >= generation);
        let n = ended.filter(|attempt| attempt.generation == generation && attempt.outcome == Some(outcome)).count();
        i32::try_from(n).unwrap_or(i32::MAX)
    }
}
