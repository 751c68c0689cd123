//! Steps that are made of parts: maps of items, and sub-workflows. Also what the engine judged of a step's condition or list.
//! A judgement names what was read, and is asked for again where something newer is there.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::{
    id::{RunId, StepKey, WorkerId},
    limits::MAX_WORKFLOW_DEPTH,
    run::{
        Refused,
        command::{ChildEnded, Judged, Judgement, NewItem},
        event::{EventKind, Tell},
        seeded::{self, Bug},
        state::{Attempt, Item, NewVersion, Status, Step, Work},
    },
    status::{ErrorClass, Origin, Outcome, Reason, RunStatus, StepStatus},
    step_machine::StepEvent,
    view::{ConsumedInput, Usage},
};

impl Draft<'_> {
    pub(super) fn judge(&mut self, judged: &Judged) -> Result<(), Refused> {
        let key = &judged.step;
        let step = self.step(key)?.clone();
        let is_asked = step.status.needs_decision() && step.decision_epoch == judged.epoch;
        if !is_asked && !seeded::is(Bug::TakesOldAnswer) {
            return Err(Refused::Outdated);
        }
        let is_pending = step.status.word() == StepStatus::Pending;
        let needed = if is_pending { self.read_by_judging(key) } else { self.read_by_collecting(key) };
        let must_read = !matches!(judged.judgement, Judgement::Collected(Err(_)));
        if must_read && needed != judged.read {
            return Err(Refused::Needs(needed));
        }
        match &judged.judgement {
            Judgement::Condition { holds: false } if is_pending && !step.manually_triggered => {
                self.skip(key, Reason::Condition)?;
                self.advance(vec![key.clone()])?;
                self.tell(EventKind::StepDecided, Some(key), None)?;
                Ok(())
            }
            Judgement::Condition { holds: true } if is_pending && !self.is_map(key) => {
                self.queue(key, StepEvent::Unlocked)?;
                self.tell(EventKind::StepDecided, Some(key), None)?;
                Ok(())
            }
            Judgement::NoItems { error } if is_pending => self.has_no_items(&step, error),
            Judgement::Items { list, items } if is_pending && self.is_map(key) => self.expand(&step, list, items),
            Judgement::Collected(result) if !is_pending => self.collect(&step, result),
            _ => Err(Refused::Outdated),
        }
    }

    /// The step cannot begin: that is told as an attempt of its own, which no worker ran.
    fn has_no_items(&mut self, step: &Step, error: &str) -> Result<(), Refused> {
        let attempt = Attempt {
            ended_at: Some(self.now),
            outcome: Some(Outcome::Failed),
            error_class: Some(ErrorClass::InvalidMap),
            error: Some(error.to_owned()),
            ..self.next_attempt(step)
        };
        self.put_attempt(attempt);
        self.fail(&step.key, ErrorClass::InvalidMap, StepEvent::DecisionFailed)?;
        self.advance(vec![step.key.clone()])?;
        self.tell(EventKind::StepDecided, Some(&step.key), None)?;
        Ok(())
    }

    // ---- maps

    /// Gives a map its items. One with the same key and basis that is completed is kept, another one begins anew, and one that is not in
    /// the list any more is no part of the run.
    fn expand(&mut self, map: &Step, list: &ConsumedInput, items: &[NewItem]) -> Result<(), Refused> {
        self.expect(&map.key, StepEvent::Expanded, StepStatus::Running)?;
        let wanted: BTreeMap<StepKey, (i32, &NewItem)> =
            (0..).zip(items).map(|(index, item)| (map.key.item(&item.key), (index, item))).collect();
        for key in self.items(&map.key) {
            if !wanted.contains_key(&key) && !seeded::is(Bug::KeepsVanished) {
                let step = self.step(&key)?.clone();
                self.remove(step);
            }
        }
        for (key, (index, item)) in wanted {
            let now = Item { of: map.key.clone(), index, basis: item.basis.clone() };
            let Some(mut step) = self.known(&key).map(|entry| entry.step.clone()) else {
                self.begin_item(Step { item: Some(now), ..Step::new(key, self.now) })?;
                continue;
            };
            let is_same = step.item.as_ref().is_some_and(|was| was.basis == now.basis);
            step.item = Some(now);
            if step.status != Status::Completed || !is_same {
                self.renew(&mut step)?;
            }
            self.set(step);
        }
        let attempt = Attempt {
            inputs: vec![list.clone()],
            basis: Some(self.basis(map)),
            reads: list.artifact_id.into_iter().collect(),
            ..self.next_attempt(map)
        };
        self.put_attempt(attempt);
        self.change(&map.key, |step| {
            step.status = Status::Running(Work::Items { needs_decision: false });
            step.manually_triggered = false;
        });
        self.collect_if_over(&map.key);
        self.tell(EventKind::StepExpanded, Some(&map.key), None)?;
        Ok(())
    }

    /// A new item: nothing before it is waited for.
    fn begin_item(&mut self, mut step: Step) -> Result<(), Refused> {
        self.set(step.clone());
        self.expect(&step.key, StepEvent::Unlocked, StepStatus::Ready)?;
        step.status = self.queued(&step);
        self.set(step);
        Ok(())
    }

    /// An item that its map wants to run, whatever it was, in its next generation.
    fn renew(&mut self, step: &mut Step) -> Result<(), Refused> {
        self.expect(&step.key, StepEvent::ItemRenewed, StepStatus::Ready)?;
        step.generation = if seeded::is(Bug::ForgetsTombstone) { 1 } else { step.generation + 1 };
        step.rounds = 0;
        step.n_reviews = 0;
        step.child_run = None;
        step.manually_triggered = false;
        step.not_before = self.now;
        step.status = self.queued(step);
        Ok(())
    }

    /// The versions that a map collects.
    fn read_by_collecting(&self, map: &StepKey) -> BTreeSet<crate::ArtifactId> {
        let mut read = BTreeSet::new();
        for key in self.items(map) {
            if self.step(&key).is_ok_and(|item| item.status == Status::Completed) {
                read.extend(self.latest(&key).into_iter().map(|version| version.id));
            }
        }
        read
    }

    fn collect(&mut self, map: &Step, result: &Result<Vec<NewVersion>, (ErrorClass, String)>) -> Result<(), Refused> {
        self.end_part(map, result.as_ref().map_err(|(class, error)| (*class, error.as_str())), None)?;
        match result {
            Ok(_) => {
                // The gate of a map is at its items: what they passed, their list has passed.
                if self.binds(&map.key) {
                    self.approve_versions(&map.key, &[]);
                }
                self.expect(&map.key, StepEvent::Collected, StepStatus::Completed)?;
                self.change(&map.key, |step| step.status = Status::Completed);
                self.advance(vec![map.key.clone()])?;
                self.tell(EventKind::StepCompleted, Some(&map.key), None)?;
                Ok(())
            }
            Err((class, _)) => self.fail_and_tell(&map.key, *class),
        }
    }

    /// Ends the attempt of a map or of a sub-workflow, and keeps what it made.
    fn end_part(
        &mut self,
        step: &Step,
        result: Result<&Vec<NewVersion>, (ErrorClass, &str)>,
        usage: Option<Usage>,
    ) -> Result<(), Refused> {
        let mut attempt = self.open_attempt(&step.key).cloned().ok_or(Refused::Outdated)?;
        let number = attempt.number;
        attempt.ended_at = Some(self.now);
        attempt.usage = usage;
        attempt.outcome = Some(if result.is_ok() { Outcome::Succeeded } else { Outcome::Failed });
        if let Err((class, error)) = result {
            (attempt.error_class, attempt.error) = (Some(class), Some(error.to_owned()));
        }
        self.put_attempt(attempt);
        for version in result.into_iter().flatten() {
            self.add_version(&step.key, version, Origin::Agent, Some(number), None);
        }
        Ok(())
    }

    // ---- sub-workflows

    /// A sub-workflow's run is to begin: the attempt stays open without a worker until that run ends.
    pub(super) fn hand_over(
        &mut self,
        key: &StepKey,
        number: i32,
        worker: WorkerId,
        child: RunId,
        inputs: &[ConsumedInput],
    ) -> Result<(), Refused> {
        let step = self.step(key).map_err(|_| Refused::Fenced)?.clone();
        let attempt = self.open_attempt(key).filter(|attempt| attempt.number == number).cloned();
        let (Some(mut attempt), true) = (attempt, step.status == Status::Running(Work::Attempt { worker })) else {
            // The answer to the same call may have been lost.
            let is_known = step.child_run == Some(child) && step.status == Status::Running(Work::Child {});
            return if is_known { Ok(()) } else { Err(Refused::Fenced) };
        };
        if usize::try_from(self.base().birth.depth).map_or(true, |depth| depth >= MAX_WORKFLOW_DEPTH) {
            return Err(Refused::TooDeep);
        }
        self.expect(key, StepEvent::Expanded, StepStatus::Running)?;
        attempt.worker = None;
        attempt.inputs = inputs.to_vec();
        self.put_attempt(attempt);
        self.change(key, |step| {
            step.child_run = Some(child);
            step.child_attempt = number;
            step.status = Status::Running(Work::Child {});
        });
        self.tells.push(Tell::BeginChild { run: child, step: key.clone(), attempt: number });
        self.tell(EventKind::StepExpanded, Some(key), None)?;
        Ok(())
    }

    /// A sub-workflow's run is over. A step that failed with it completes after all when that run was mended.
    pub(super) fn end_child(&mut self, ended: &ChildEnded) -> Result<(), Refused> {
        let key = &ended.step;
        let Ok(step) = self.step(key).cloned() else { return Ok(()) };
        let is_late = matches!(step.status, Status::Failed { class: ErrorClass::ChildFailed });
        let waits = step.status == Status::Running(Work::Child {}) || (is_late && ended.result.is_ok());
        // A cancelled run is final, though a step that failed in it before might still complete.
        if step.child_run != Some(ended.child) || !waits || self.run.status == RunStatus::Cancelled {
            return Ok(());
        }
        self.child_is_over = true;
        let usage = self.used_since(&step, &ended.used);
        if is_late {
            // Late, after it was given up: a new generation, whose attempt is this one.
            self.door(key, StepEvent::ChildCompleted { gated: false })?;
            self.go_on(key, Work::Child {});
            self.reopen(vec![key.clone()])?;
        }
        self.charge(usage.as_ref());
        let error = |error: &String| (ErrorClass::ChildFailed, error.clone());
        let result = ended.result.as_ref().map_err(error);
        self.end_part(
            &step,
            result.as_ref().map(|versions| *versions).map_err(|(class, error)| (*class, error.as_str())),
            usage,
        )?;
        match result {
            Ok(_) => self.succeed(key, |gated| StepEvent::ChildCompleted { gated }),
            Err((class, _)) => self.fail_and_tell(key, class),
        }
    }

    /// What a sub-workflow used, less what earlier ends of the same run were charged with.
    fn used_since(&self, step: &Step, used: &Usage) -> Option<Usage> {
        let mut left = used.clone();
        let earlier = self.attempts(&step.key).iter().filter(|attempt| attempt.number >= step.child_attempt);
        for charged in earlier.filter_map(|attempt| attempt.usage.as_ref()) {
            left.prompt_tokens -= charged.prompt_tokens;
            left.completion_tokens -= charged.completion_tokens;
            left.cost_micros = match (left.cost_micros, charged.cost_micros) {
                (None, None) => None,
                (now, before) => Some(now.unwrap_or(0) - before.unwrap_or(0)),
            };
        }
        (left != Usage::default()).then_some(left)
    }
}
