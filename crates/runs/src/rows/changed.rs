//! The last values of what events told of, over the state before them, and the rows that they come to.
//! Must never look at what no event told of, but for what follows from a definition that came with one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use workflow::{
    ArtifactId, StepKey, definition,
    run::{
        RunEvent, State,
        event::Moved,
        plan::StepPlan,
        state::{Admission, Attempt, RunChange, Status, Step, Version, Wait, Work},
    },
};

use super::{ArtifactHead, AttemptRow, For, Gate, GateEnd, More, Rows, StepRow, Summary, has_rows};
use crate::message::Sent;

/// The last values of what the events told of, over the state before them.
pub(super) struct Changed<'a> {
    before: &'a State,
    events: &'a [RunEvent],
    run: &'a RunChange,
    /// None: no part of the run any more.
    steps: BTreeMap<&'a StepKey, Option<&'a Step>>,
    attempts: BTreeMap<(&'a StepKey, i32), &'a Attempt>,
    versions: BTreeMap<ArtifactId, &'a Version>,
    /// The definition that came with the events, and its plans.
    moved: Option<&'a Moved>,
    plans: Option<BTreeMap<&'a StepKey, &'a StepPlan>>,
}

impl<'a> Changed<'a> {
    pub(super) fn of(before: &'a State, events: &'a [RunEvent]) -> Self {
        let mut run = &before.run;
        let (mut steps, mut attempts, mut versions) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut moved, mut plans) = (None, None);
        for data in events.iter().map(|event| &event.data) {
            run = data.run.as_ref().unwrap_or(run);
            if let Some(to) = data.moved.as_deref() {
                moved = Some(to);
                plans = Some(to.steps.iter().map(|plan| (&plan.key, plan)).collect());
            }
            steps.extend(data.steps.iter().map(|step| (&step.key, Some(step))));
            steps.extend(data.removed.iter().map(|key| (key, None)));
            attempts.extend(data.attempts.iter().map(|attempt| ((&attempt.step, attempt.number), attempt)));
            versions.extend(data.artifacts.iter().map(|version| (version.id, version)));
        }
        if plans.is_some() {
            // With the definition, the kind and the keys of what waits may be others, and so may what a gate is called.
            for step in before.steps().filter(|step| step.status.admission().is_some() || step.review().is_some()) {
                steps.entry(&step.key).or_insert(Some(step));
            }
        }
        for key in steps.keys() {
            // Whether an open attempt is held by a worker stands with its step.
            if let Some(last) = before.attempts(key).last().filter(|attempt| attempt.outcome.is_none()) {
                attempts.entry((key, last.number)).or_insert(last);
            }
        }
        Self { before, events, run, steps, attempts, versions, moved, plans }
    }

    pub(super) fn rows(self) -> Rows {
        let outputs: BTreeSet<(&StepKey, &str)> =
            self.versions.values().map(|version| (&version.producing_step_id, version.name.as_str())).collect();
        Rows {
            summary: self.summary(),
            steps: self.steps.iter().map(|(key, step)| self.step_row(key, *step)).filter(StepRow::is_any).collect(),
            attempts: self.attempts.values().map(|attempt| self.attempt_row(attempt)).collect(),
            artifact_heads: outputs.into_iter().filter_map(|(key, name)| self.artifact_head(key, name)).collect(),
            artifacts: self.versions.values().map(|version| (*version).clone()).collect(),
            ends: if self.before.birth.is_test { Vec::new() } else { GateEnd::all(self.events) },
            tells: self.events.iter().flat_map(Sent::of).collect(),
        }
    }

    fn summary(&self) -> Summary {
        let (before, birth) = (self.before, &self.before.birth);
        let moved = self.moved;
        let is_left = |key: &&StepKey| !self.steps.contains_key(*key);
        let due_before = before.timers().iter().find(|(_, key)| is_left(&key)).map(|(at, _)| *at);
        let deadline = self.run.deadline_at.filter(|_| !self.run.status.is_terminal());
        let now = || self.steps.values().flatten().copied();
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
            due_at: now().filter_map(|step| self.due(step)).chain(due_before).chain(deadline).min(),
            wants_judgement: now().any(|step| step.status.needs_decision())
                || before.undecided().any(|step| is_left(&&step.key)),
            about: None,
            more: More::of(now()) - More::of(was()),
        }
    }

    /// When a step does something by itself.
    fn due(&self, step: &Step) -> Option<DateTime<Utc>> {
        match &step.status {
            Status::Running(Work::Suspended { wait: Wait::Until { at } }) => Some(*at),
            Status::AwaitingReview { review } => review.due_at,
            Status::Ready { .. } => step.queue_ends(self.definition(step)),
            _ => None,
        }
    }

    fn definition(&self, step: &Step) -> Option<&definition::Step> {
        let key = step.definition_key();
        match self.moved {
            Some(moved) => moved.run_definition.steps.get(key),
            None => self.before.design.step(key),
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
                Admission::Claimable => For::worker(plan),
                Admission::Reserving => For::Keys(plan.map(|plan| plan.keys.clone()).unwrap_or_default()),
                Admission::Held | Admission::Limited => return None,
            };
            Some((step.not_before, what))
        });
        let review = step.and_then(|step| Gate::of(step, self.definition(step), self.plan(step)).map(Box::new));
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
}
