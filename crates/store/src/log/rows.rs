//! The rows beside the log: what follows from a decision for whoever looks for runs by something else than their id.
//!
//! Pure: made of the state that was decided on and the events that were decided, each row once, as it is after the last of them. It costs
//! what changed, never the run. It must never read what is stored, and never tell more than the events do: at any time the rows are those
//! of all events together.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use workflow::{
    ArtifactId, RunId, StepKey, TemplateId, UserId,
    id::WorkerId,
    run::{
        RunEvent, State,
        event::{Effects, RunChange, Tell},
        plan::{KeyLimit, StepPlan},
        state::{Admission, Attempt, Review, Status, Step, Version, Wait, Work},
    },
    status::{RunStatus, StatusReason},
};

/// All rows that one commit writes about one run.
#[derive(Clone, PartialEq, Debug)]
pub struct Rows {
    pub summary: Summary,
    /// The steps that wait for somebody or did before, of those that the events told of.
    pub(super) steps: Vec<StepRow>,
    pub(super) attempts: Vec<AttemptRow>,
    pub(super) artifacts: Vec<Version>,
    pub(super) artifact_heads: Vec<ArtifactHead>,
    pub(super) tells: Vec<TellRow>,
}

/// A run as lists and chores look for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    pub run: RunId,
    pub seq: i64,
    pub user: UserId,
    pub template: TemplateId,
    pub template_version: i32,
    pub template_name: String,
    pub status: RunStatus,
    pub status_reason: Option<StatusReason>,
    pub auto_run: bool,
    pub is_test: bool,
    pub parent: Option<RunId>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// When something is due by itself.
    pub due_at: Option<DateTime<Utc>>,
    pub wants_judgement: bool,
    /// Steps that became part of it, less those that are none any more; and those that are over now, less those that are not any more.
    pub more_steps: i32,
    pub more_over: i32,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct StepRow {
    pub(super) step: StepKey,
    /// It has rows that tell of waiting or of a gate, which go unless they are told anew.
    pub(super) had: bool,
    /// It waits: from this time on, for this.
    pub(super) waits: Option<(DateTime<Utc>, For)>,
    /// Its gate is open: the generation, and the gate.
    pub(super) review: Option<(i32, Box<Review>)>,
}

/// What a queued step waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum For {
    /// A worker for agents of this kind.
    Worker(String),
    /// A reservation of all its keys.
    Keys(Vec<KeyLimit>),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct AttemptRow {
    pub(super) attempt: Attempt,
    pub(super) lease: Option<WorkerId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ArtifactHead {
    pub(super) step: StepKey,
    pub(super) name: String,
    pub(super) latest: i32,
    pub(super) approved: Vec<i32>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct TellRow {
    pub(super) to: RunId,
    pub(super) seq: i64,
    pub(super) n: i32,
    pub(super) tell: Tell,
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
        rows.summary.more_steps += count(begun.steps().count());
        rows
    }

    /// Both in one: of each row the later one. `later` was decided on what these lead to.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        let (more_steps, more_over) = (self.summary.more_steps, self.summary.more_over);
        let mut summary = later.summary;
        summary.more_steps += more_steps;
        summary.more_over += more_over;
        Self {
            summary,
            steps: StepRow::then(self.steps, later.steps),
            attempts: last(self.attempts, later.attempts, |row| (row.attempt.step.clone(), row.attempt.number)),
            artifacts: last(self.artifacts, later.artifacts, |version| version.id),
            artifact_heads: last(self.artifact_heads, later.artifact_heads, |row| (row.step.clone(), row.name.clone())),
            tells: self.tells.into_iter().chain(later.tells).collect(),
        }
    }

    /// How many rows it comes to, for the size of a batch.
    pub(super) fn len(&self) -> usize {
        self.steps.len() + self.attempts.len() + self.artifacts.len() + self.artifact_heads.len() + self.tells.len()
    }
}

/// The last values of what the events told of, over the state before them.
struct Changed<'a> {
    before: &'a State,
    events: &'a [RunEvent],
    run: &'a RunChange,
    /// None: no part of the run any more.
    steps: BTreeMap<&'a StepKey, Option<&'a Step>>,
    attempts: BTreeMap<(&'a StepKey, i32), &'a Attempt>,
    versions: BTreeMap<ArtifactId, &'a Version>,
    /// Of a definition that came with the events.
    plans: Option<BTreeMap<&'a StepKey, &'a StepPlan>>,
}

impl<'a> Changed<'a> {
    fn of(before: &'a State, events: &'a [RunEvent]) -> Self {
        let mut run = &before.run;
        let (mut steps, mut attempts, mut versions) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut plans = None;
        for data in events.iter().map(|event| &event.data) {
            run = data.run.as_ref().unwrap_or(run);
            if let Some(moved) = &data.moved {
                plans = Some(moved.steps.iter().map(|plan| (&plan.key, plan)).collect());
            }
            steps.extend(data.steps.iter().map(|step| (&step.key, Some(step))));
            steps.extend(data.removed.iter().map(|key| (key, None)));
            attempts.extend(data.attempts.iter().map(|attempt| ((&attempt.step, attempt.number), attempt)));
            versions.extend(data.artifacts.iter().map(|version| (version.id, version)));
        }
        if plans.is_some() {
            // With the definition, the kind and the keys of what waits may be others.
            for step in before.steps().filter(|step| step.status.admission().is_some()) {
                steps.entry(&step.key).or_insert(Some(step));
            }
        }
        for key in steps.keys() {
            // Whether an open attempt is held by a worker stands with its step.
            if let Some(last) = before.attempts(key).last().filter(|attempt| attempt.outcome.is_none()) {
                attempts.entry((key, last.number)).or_insert(last);
            }
        }
        Self { before, events, run, steps, attempts, versions, plans }
    }

    fn rows(self) -> Rows {
        let outputs: BTreeSet<(&StepKey, &str)> =
            self.versions.values().map(|version| (&version.producing_step_id, version.name.as_str())).collect();
        Rows {
            summary: self.summary(),
            steps: self.steps.iter().map(|(key, step)| self.step_row(key, *step)).filter(StepRow::is_any).collect(),
            attempts: self.attempts.values().map(|attempt| self.attempt_row(attempt)).collect(),
            artifact_heads: outputs.into_iter().filter_map(|(key, name)| self.artifact_head(key, name)).collect(),
            artifacts: self.versions.values().map(|version| (*version).clone()).collect(),
            tells: self.tells(),
        }
    }

    fn summary(&self) -> Summary {
        let (before, birth) = (self.before, &self.before.birth);
        let moved = self.events.iter().rev().find_map(|event| event.data.moved.as_ref());
        let is_left = |key: &&StepKey| !self.steps.contains_key(*key);
        let due_before = before.timers().iter().find(|(_, key)| is_left(&key)).map(|(at, _)| *at);
        let deadline = self.run.deadline_at.filter(|_| !self.run.status.is_terminal());
        let now = || self.steps.values().flatten();
        let was = || self.steps.keys().filter_map(|key| before.step(key));
        Summary {
            run: birth.id,
            seq: self.events.last().map_or(before.seq, |last| last.seq),
            user: birth.user_id,
            template: birth.template_id,
            template_version: moved.map_or(before.template_version, |moved| moved.template_version),
            template_name: moved.map_or(&before.template_name, |moved| &moved.template_name).clone(),
            status: self.run.status,
            status_reason: self.run.status_reason,
            auto_run: self.run.auto_run,
            is_test: birth.is_test,
            parent: birth.parent.as_ref().map(|parent| parent.run),
            created_at: birth.created_at,
            finished_at: self.run.finished_at,
            due_at: now().filter_map(|step| due(step)).chain(due_before).chain(deadline).min(),
            wants_judgement: now().any(|step| step.status.needs_decision())
                || before.undecided().any(|step| is_left(&&step.key)),
            more_steps: count(now().count()) - count(was().count()),
            more_over: count(now().filter(|step| step.status.is_over()).count())
                - count(was().filter(|step| step.status.is_over()).count()),
        }
    }

    fn plan(&self, step: &Step) -> Option<&StepPlan> {
        let key = step.definition_key();
        match &self.plans {
            Some(plans) => plans.get(key).copied(),
            None => self.before.design.plan(key),
        }
    }

    fn step_row(&self, key: &StepKey, step: Option<&Step>) -> StepRow {
        let waits = step.and_then(|step| {
            let plan = self.plan(step);
            let what = match step.status.admission()? {
                Admission::Claimable => For::Worker(plan.map(|plan| plan.kind.clone()).unwrap_or_default()),
                Admission::Reserving => For::Keys(plan.map(|plan| plan.keys.clone()).unwrap_or_default()),
                Admission::Held | Admission::Limited => return None,
            };
            Some((step.not_before, what))
        });
        let review = step.and_then(|step| Some((step.generation, Box::new(step.review()?.clone()))));
        let had = self.before.step(key).is_some_and(has_rows);
        StepRow { step: key.clone(), had, waits, review }
    }

    fn attempt_row(&self, attempt: &Attempt) -> AttemptRow {
        let now = match self.steps.get(&attempt.step) {
            Some(told) => *told,
            None => self.before.step(&attempt.step),
        };
        let lease = match now.map(|step| &step.status) {
            Some(Status::Running(Work::Attempt { worker })) if attempt.outcome.is_none() => Some(*worker),
            _ => None,
        };
        AttemptRow { attempt: attempt.clone(), lease }
    }

    fn artifact_head(&self, key: &StepKey, name: &str) -> Option<ArtifactHead> {
        let told = self.versions.values().copied();
        let told = told.filter(|version| version.producing_step_id == *key && version.name == name);
        let known = self.before.versions(key, name).iter();
        let all: BTreeMap<i32, &Version> = known.chain(told).map(|version| (version.version, version)).collect();
        // One that is latest ends every other: the last that was told so.
        let told = self.events.iter().rev().flat_map(|event| event.data.artifacts.iter().rev());
        let latest = told
            .filter(|version| version.producing_step_id == *key && version.name == name && version.is_latest)
            .map(|version| version.version)
            .next()
            .or_else(|| all.values().find(|version| version.is_latest).map(|version| version.version))?;
        let approved = all.values().filter(|version| version.is_approved).map(|version| version.version).collect();
        Some(ArtifactHead { step: key.clone(), name: name.to_owned(), latest, approved })
    }

    fn tells(&self) -> Vec<TellRow> {
        let of_event = |event: &RunEvent| -> Vec<TellRow> {
            let row = |(n, tell): (i32, &Tell)| TellRow { to: receiver(tell), seq: event.seq, n, tell: tell.clone() };
            (0..).zip(&event.data.tells).map(row).collect()
        };
        self.events.iter().flat_map(of_event).collect()
    }
}

impl StepRow {
    fn is_any(&self) -> bool {
        self.had || self.waits.is_some() || self.review.is_some()
    }

    /// What waited only in between has no rows and gets none.
    fn then(earlier: Vec<Self>, later: Vec<Self>) -> Vec<Self> {
        let had: BTreeMap<StepKey, bool> = earlier.iter().map(|row| (row.step.clone(), row.had)).collect();
        let rows = last(earlier, later, |row| row.step.clone()).into_iter();
        let rows = rows.map(|row| Self { had: had.get(&row.step).copied().unwrap_or(row.had), ..row });
        rows.filter(Self::is_any).collect()
    }
}

/// Whether the tables hold something of it that waits.
fn has_rows(step: &Step) -> bool {
    matches!(step.status.admission(), Some(Admission::Claimable | Admission::Reserving)) || step.review().is_some()
}

/// Of each key the later row.
fn last<T, K: Ord>(earlier: Vec<T>, later: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    if earlier.is_empty() {
        return later;
    }
    let rows: BTreeMap<K, T> = earlier.into_iter().chain(later).map(|row| (key(&row), row)).collect();
    rows.into_values().collect()
}

/// When a step does something by itself.
fn due(step: &Step) -> Option<DateTime<Utc>> {
    match &step.status {
        Status::Running(Work::Suspended { wait: Wait::Until { at } }) => Some(*at),
        Status::AwaitingReview { review } => review.due_at,
        _ => None,
    }
}

fn receiver(tell: &Tell) -> RunId {
    match tell {
        Tell::BeginChild { run, .. } | Tell::CancelChild { run } => *run,
        Tell::Parent { of, .. } => of.run,
    }
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
