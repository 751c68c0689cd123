//! How steps move each other: what is over sets free or skips what waits for it, what opens again makes it wait, a new generation begins,
//! a step fails. Each costs the neighbourhood, never the run.

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::{
    decide::{Dependency, Verdict, judge},
    definition::OnError,
    id::{StepKey, UserId},
    resolve::value_now,
    run::{
        Refused,
        seeded::{self, Bug},
        state::{self, Design, Status, Step, Version, Work},
    },
    source::Source,
    status::{ErrorClass, Origin, Outcome, Reason, SkipReason, StepStatus},
    step_machine::StepEvent,
};

impl Draft<'_> {
    // ---- onwards

    /// Tells the dependents of steps that are over, and the maps of items that are.
    pub(super) fn advance(&mut self, finished: Vec<StepKey>) -> Result<(), Refused> {
        let mut front = finished;
        while let Some(key) = front.pop() {
            if let Some(item) = self.step(&key).ok().and_then(|step| step.item.clone()) {
                self.collect_if_over(&item.of);
                continue;
            }
            for dependent in self.design().dependents(&key) {
                if self.unlock(dependent)? {
                    front.push(dependent.clone());
                }
            }
        }
        Ok(())
    }

    /// A map whose items are all over wants their outputs collected.
    pub(super) fn collect_if_over(&mut self, map: &StepKey) {
        let is_over = self.known(map).is_some_and(|entry| {
            entry.items_open == 0 && entry.step.status == Status::Running(Work::Items { needs_decision: false })
        });
        if is_over && (!seeded::is(Bug::ForgetsLastItem) || self.items(map).is_empty()) {
            self.change(map, |step| {
                step.status = Status::Running(Work::Items { needs_decision: true });
                step.decision_epoch += 1;
            });
        }
    }

    /// Judges a step that waits for nothing any more: it is queued, skipped (which is told), or needs a decision.
    pub(super) fn unlock(&mut self, key: &StepKey) -> Result<bool, Refused> {
        let Ok(step) = self.step(key).cloned() else { return Ok(false) };
        if step.status != (Status::Pending { needs_decision: false }) || self.waits(key).open > 0 {
            return Ok(false);
        }
        let rule = self.definition(key).map(|definition| definition.trigger_rule).unwrap_or_default();
        let verdict = if step.manually_triggered { Verdict::Run } else { judge(rule, &self.dependencies(key)) };
        match verdict {
            Verdict::Skip(reason) => {
                self.skip(key, reason)?;
                return Ok(true);
            }
            Verdict::Run if self.wants_content(&step) => self.change(key, |step| {
                step.status = Status::Pending { needs_decision: true };
                step.decision_epoch += 1;
            }),
            Verdict::Run if !step.manually_triggered && !self.holds(key) => {
                self.skip(key, Reason::Condition)?;
                return Ok(true);
            }
            Verdict::Run => self.queue(key, StepEvent::Unlocked)?,
        }
        Ok(false)
    }

    /// How what it waits for ended.
    fn dependencies(&self, key: &StepKey) -> Vec<Dependency> {
        let before = self.definition(key).into_iter().flat_map(crate::Step::direct_dependencies);
        let found = before.filter_map(|key| self.step(key).ok()).map(|step| Dependency {
            status: step.status.word(),
            reason: step.status.reason(),
            on_error: self.on_error(step),
        });
        found.collect()
    }

    /// Whether judging it reads artifacts; a map always does, for its items.
    fn wants_content(&self, step: &Step) -> bool {
        let Some(definition) = self.definition(&step.key) else { return false };
        let reads = |source: &Source| matches!(source, Source::Step { .. });
        let by_condition = definition.when.as_ref().is_some_and(|when| when.sources().into_iter().any(reads));
        self.is_map(&step.key) || (by_condition && !step.manually_triggered)
    }

    /// Whether a condition holds that reads no artifact.
    fn holds(&self, key: &StepKey) -> bool {
        let (design, birth) = (self.design(), &self.base().birth);
        let when = self.definition(key).and_then(|definition| definition.when.as_ref());
        let read =
            |source: &Source| value_now(&design.definition, &birth.inputs, &std::collections::BTreeMap::new(), source);
        when.is_none_or(|when| when.holds(&read))
    }

    /// Queues a step that comes through the door as ready.
    pub(super) fn queue(&mut self, key: &StepKey, event: StepEvent) -> Result<(), Refused> {
        self.expect(key, event, StepStatus::Ready)?;
        let (now, mut step) = (self.now, self.step(key)?.clone());
        step.not_before = now;
        step.status = self.queued(&step);
        self.set(step);
        Ok(())
    }

    pub(super) fn skip(&mut self, key: &StepKey, reason: Reason) -> Result<(), Refused> {
        self.expect(key, StepEvent::Skipped(reason), StepStatus::Skipped)?;
        let reason = match reason {
            Reason::Condition => SkipReason::Condition,
            Reason::UpstreamFailed => SkipReason::UpstreamFailed,
            _ => SkipReason::UpstreamSkipped,
        };
        self.change(key, |step| step.status = Status::Skipped { reason });
        Ok(())
    }

    /// The door lets the event through, and says what was thought.
    pub(super) fn expect(&self, key: &StepKey, event: StepEvent, then: StepStatus) -> Result<(), Refused> {
        let next = self.door(key, event)?;
        if next == then { Ok(()) } else { Err(Refused::Status(next)) }
    }

    // ---- backwards

    /// Steps that were over are not any more: their dependents wait again, and those that were skipped only because of them open too.
    /// Running, waiting and finished dependents are left alone. The map of an item that opens runs again, in a new generation.
    pub(super) fn reopen(&mut self, opened: Vec<StepKey>) -> Result<(), Refused> {
        let mut front = opened;
        while let Some(key) = front.pop() {
            if let Some(item) = self.step(&key).ok().and_then(|step| step.item.clone()) {
                if self.collect_again(&item.of)? {
                    front.push(item.of);
                }
                continue;
            }
            for dependent in self.design().dependents(&key) {
                let Ok(step) = self.step(dependent) else { continue };
                let was_skipped = matches!(step.status, Status::Skipped { .. });
                if self.opens(step) {
                    self.expect(dependent, StepEvent::Reopened, StepStatus::Pending)?;
                    // A person who wanted it to run wants so still.
                    self.change(dependent, |step| step.status = Status::Pending { needs_decision: false });
                    if was_skipped {
                        front.push(dependent.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn opens(&self, step: &Step) -> bool {
        match &step.status {
            Status::Ready { .. } | Status::Pending { needs_decision: true } => true,
            Status::Skipped { reason: SkipReason::Person } => false,
            Status::Skipped { .. } if seeded::is(Bug::LeavesSkipped) => false,
            Status::Skipped { .. } if self.design().has_rule(&step.key) => true,
            Status::Skipped { reason } => *reason != SkipReason::Condition && self.waits(&step.key).failed == 0,
            _ => false,
        }
    }

    /// The map of an item that opened is to collect again. True: it was over, and now is not.
    pub(super) fn collect_again(&mut self, map: &StepKey) -> Result<bool, Refused> {
        let Ok(step) = self.step(map).cloned() else { return Ok(false) };
        match step.status {
            Status::Running(Work::Items { .. }) => {
                self.change(map, |step| step.status = Status::Running(Work::Items { needs_decision: false }));
                Ok(false)
            }
            Status::Completed | Status::Failed { .. } => {
                self.expect(map, StepEvent::ItemReopened, StepStatus::Running)?;
                self.go_on(map, Work::Items { needs_decision: false });
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// A step that was over goes on in a new generation, with what its last attempt was given.
    pub(super) fn go_on(&mut self, key: &StepKey, work: Work) {
        let last = self.attempts(key).last().cloned();
        self.change(key, |step| {
            step.generation += 1;
            step.n_reviews = 0;
            step.status = Status::Running(work);
        });
        if let Ok(step) = self.step(key) {
            let mut attempt = self.next_attempt(step);
            if let Some(last) = last {
                (attempt.inputs, attempt.basis, attempt.reads) = (last.inputs, last.basis, last.reads);
            }
            self.put_attempt(attempt);
        }
    }

    // ---- anew

    /// Begins a new generation of steps, whatever they are doing: attempts are cancelled and fenced, gates closed, items of maps ended.
    /// Each waits for what it depends on; with nothing to wait for it is queued, a map is decided. A person wants it, so neither rule nor
    /// condition is asked. `event`: of each step, by whether it has to wait.
    pub(super) fn restart(
        &mut self,
        steps: &BTreeSet<StepKey>,
        event: impl Fn(&StepKey, bool) -> StepEvent,
        verdict: state::Verdict,
        rounds: i32,
    ) -> Result<(), Refused> {
        let mut opened = Vec::new();
        for key in steps {
            if self.is_map(key) {
                self.end_items(key)?;
            }
        }
        for key in steps {
            if !seeded::is(Bug::LeavesAttemptOpen) {
                self.end_work(key, Outcome::Cancelled);
            }
            self.close_gate(key, verdict);
            let mut step = self.step(key)?.clone();
            if step.status.is_over() {
                opened.push(key.clone());
            }
            // Whether it waits is known when all of them are open; the door is asked then, about what it was.
            self.door(key, event(key, false))?;
            step.generation += 1;
            step.status = Status::Pending { needs_decision: false };
            step.manually_triggered = true;
            step.rounds = rounds;
            step.n_reviews = 0;
            step.child_run = None;
            step.not_before = self.now;
            self.set(step);
        }
        self.reopen(opened)?;
        for key in steps {
            if self.waits(key).open > 0 {
                // Those that wait for others are asked by their rule again.
                self.change(key, |step| step.manually_triggered = false);
            } else {
                self.change(key, |step| step.manually_triggered = true);
                self.unlock(key)?;
            }
        }
        Ok(())
    }

    /// Items that are not over end with their map.
    pub(super) fn end_items(&mut self, map: &StepKey) -> Result<(), Refused> {
        for key in self.items(map) {
            if self.step(&key)?.status.is_over() {
                continue;
            }
            self.expect(&key, StepEvent::Cancelled, StepStatus::Cancelled)?;
            self.end_work(&key, Outcome::Cancelled);
            self.close_gate(&key, state::Verdict::Superseded);
            self.change(&key, |step| step.status = Status::Cancelled);
        }
        Ok(())
    }

    /// Ends the open attempt of a step, if it has one.
    pub(super) fn end_work(&mut self, key: &StepKey, outcome: Outcome) {
        if let Some(mut attempt) = self.open_attempt(key).cloned() {
            attempt.outcome = Some(outcome);
            attempt.ended_at = Some(self.now);
            self.put_attempt(attempt);
        }
    }

    // ---- ends

    /// Ends a step as failed, or as completed with its default output where `on_error` says so. Tells nobody: the caller advances.
    pub(super) fn fail(&mut self, key: &StepKey, class: ErrorClass, event: StepEvent) -> Result<(), Refused> {
        let step = self.step(key)?.clone();
        let defaults = self.plan(key).map(|plan| plan.defaults.clone()).unwrap_or_default();
        let is_own = !matches!(class, ErrorClass::Stopped | ErrorClass::Budget | ErrorClass::RunTimeout);
        let has_default = self.on_error(&step) == OnError::Default && !defaults.is_empty();
        if is_own && has_default && !self.binds(key) {
            self.expect(key, StepEvent::Defaulted, StepStatus::Completed)?;
            self.put_defaults(key);
            self.change(key, |step| step.status = Status::Completed);
        } else {
            self.expect(key, event, StepStatus::Failed)?;
            self.change(key, |step| step.status = Status::Failed { class });
        }
        Ok(())
    }

    /// Its default outputs as its next versions: an automatic end, hence without a gate.
    pub(super) fn put_defaults(&mut self, key: &StepKey) {
        let defaults = self.plan(key).map(|plan| plan.defaults.clone()).unwrap_or_default();
        for output in defaults {
            let new = state::NewVersion {
                id: self.new_id(),
                name: output.name,
                media_type: output.media_type,
                content_hash: output.content_hash,
                value_hash: output.value_hash,
                size: output.size,
                copy_of: None,
            };
            self.add_version(key, &new, Origin::Import, None, None);
        }
    }

    /// The next version of an output: it becomes the latest, with the one that was before as its parent. `by`: the person who wrote or
    /// brought it.
    pub(super) fn add_version(
        &mut self,
        key: &StepKey,
        new: &state::NewVersion,
        origin: Origin,
        attempt: Option<i32>,
        by: Option<UserId>,
    ) {
        let known = self.versions(key, &new.name);
        let version = known.iter().map(|known| known.version).max().unwrap_or(0) + 1;
        let parent = known.iter().find(|known| known.is_latest).map(|known| known.id);
        self.put_new_version(Version {
            id: new.id,
            producing_step_id: key.clone(),
            name: new.name.clone(),
            version,
            is_latest: true,
            content_hash: new.content_hash.clone(),
            value_hash: new.value_hash.clone(),
            media_type: new.media_type.clone(),
            size: new.size,
            origin,
            attempt,
            parent,
            made_by: by,
            is_approved: false,
            approved_by: Vec::new(),
            created_at: self.now,
            copy_of: new.copy_of,
        });
    }

    /// The versions that judging a step reads, as they are now.
    pub(super) fn read_by_judging(&self, key: &StepKey) -> BTreeSet<crate::ArtifactId> {
        let Some(definition) = self.definition(key) else { return BTreeSet::new() };
        let read = Design::judged_by(definition).filter_map(|(step, name)| self.readable(step, name));
        read.map(|version| version.id).collect()
    }
}
