//! What engines do in a walk: they claim, end, suspend and wake attempts, hand over to sub-workflows and look at what is undecided.
//! What is told twice or late has to do nothing.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use uuid::Uuid;

use super::Walk;
use crate::{
    StepKey,
    id::RunId,
    run::{
        Command, Refused,
        command::{AttemptResult, ChildEnded, Finished, Judged},
        state::{Status, Wait, Work},
        testing::{Dice, worker},
        tests::world::World,
    },
    status::ErrorClass,
};

impl Walk {
    pub(super) fn claim(&mut self) {
        let mut keys = self.world.claimable();
        keys.truncate(1 + self.dice.roll(4));
        let by = worker(self.dice.roll(2) as u128);
        self.world.tell(&Command::StartSteps { worker: by, build: None, steps: keys }).unwrap();
    }

    pub(super) fn result(&mut self) {
        let held = self.world.holding();
        if held.is_empty() {
            return;
        }
        let key = held[self.dice.roll(held.len())].clone();
        let failed = |class| AttemptResult::Failed { class, error: "no".into(), retry_after_ms: None };
        let is_sub = self.world.state.design.plan(self.world.step(&key).definition_key()).unwrap().kind == "workflow";
        let result = match self.dice.roll(8) {
            7 => failed(ErrorClass::Permanent),
            6 => failed(ErrorClass::Server),
            5 if self.world.state.seq % 2 == 0 => AttemptResult::Released,
            5 => AttemptResult::Lost,
            4 | 3 if !is_sub => return self.suspend(&key),
            _ if is_sub => return self.hand_over(&key),
            _ if self.world.is_form(&key) => AttemptResult::Succeeded(Vec::new()),
            _ => AttemptResult::Succeeded(vec![self.world.text("made")]),
        };
        let is_let_go = matches!(result, AttemptResult::Released | AttemptResult::Lost);
        let mut command = self.world.finished(&key, result);
        if let Command::Finished(done) = &mut command {
            done.usage = (!is_let_go).then(|| World::usage(5));
        }
        self.world.tell(&command).unwrap();
        // An answer that was lost is asked for again, and does nothing.
        let before = self.world.state.seq;
        assert_eq!(self.world.tell(&command), Ok(Vec::new()));
        assert_eq!(self.world.state.seq, before);
    }

    fn suspend(&mut self, key: &str) {
        let step: StepKey = key.into();
        let attempt = self.world.state.attempts(&step).last().unwrap().clone();
        let wait = match self.dice.roll(3) {
            0 => Wait::Person {},
            1 => Wait::Callback { token: "t".into() },
            _ => Wait::Until { at: self.world.now + TimeDelta::seconds(3) },
        };
        let (attempt, worker) = (attempt.number, attempt.worker.unwrap());
        self.world.tell(&Command::Suspend { step, attempt, worker, wait }).unwrap();
    }

    pub(super) fn hand_over(&mut self, key: &str) {
        let step: StepKey = key.into();
        let attempt = self.world.state.attempts(&step).last().unwrap().clone();
        let child = RunId(Uuid::from_u128(50_000 + self.world.events.len() as u128));
        let command = Command::HandedOver {
            step,
            attempt: attempt.number,
            worker: attempt.worker.unwrap(),
            child,
            inputs: Vec::new(),
        };
        self.world.tell(&command).unwrap();
    }

    pub(super) fn end_child(&mut self) {
        let steps: Vec<_> =
            self.world.state.steps().filter_map(|step| Some((step.key.clone(), step.child_run?))).collect();
        if steps.is_empty() {
            return;
        }
        let (step, child) = steps[self.dice.roll(steps.len())].clone();
        let result = if self.dice.one_in(3) { Err("it failed".to_owned()) } else { Ok(vec![self.world.text("child")]) };
        let used = World::usage(7);
        self.world.tell(&Command::ChildEnded(Box::new(ChildEnded { step, child, result, used }))).unwrap();
    }

    pub(super) fn wake(&mut self) {
        let is = |status: &Status| matches!(status, Status::Running(Work::Suspended { .. }));
        if let Some(step) = self.pick_where(is) {
            let attempt = self.world.state.attempts(&step).last().unwrap().number;
            let waits = Status::Running(Work::Suspended { wait: Wait::Callback { token: "t".into() } });
            if self.world.step(step.as_str()).status == waits && self.dice.one_in(2) {
                self.call_back(&step, attempt);
                return;
            }
            let wake = Command::Wake { step, attempt, token: Some("t".into()) };
            let outcome = self.world.tell(&wake);
            assert!(matches!(outcome, Ok(_) | Err(Refused::Outdated)), "{outcome:?}");
        }
    }

    /// Somebody outside ends the attempt, and tells it once more.
    fn call_back(&mut self, step: &StepKey, attempt: i32) {
        let is_form =
            self.world.state.design.plan(self.world.step(step.as_str()).definition_key()).unwrap().kind == "human";
        let result = match self.dice.roll(3) {
            0 => AttemptResult::Failed { class: ErrorClass::Server, error: "no".into(), retry_after_ms: None },
            _ if is_form => AttemptResult::Succeeded(Vec::new()),
            _ => AttemptResult::Succeeded(vec![self.world.text("called")]),
        };
        let Command::Finished(done) = self.world.finished(step.as_str(), result) else { return };
        let done = Box::new(Finished { attempt, ..*done });
        let command = Command::CalledBack { token: "t".into(), done };
        self.world.tell(&command).unwrap();
        assert_eq!(self.world.tell(&command), Ok(Vec::new()));
    }

    pub(super) fn look(&mut self) {
        let key = self.world.state.undecided().next().map(|step| step.key.clone());
        if let Some(key) = key {
            let sets: [&[(&str, i64)]; 4] = [&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1), ("c", 3)], &[("a", 9)], &[]];
            let list = sets[self.dice.roll(4)].iter().map(|(key, value)| ((*key).to_owned(), *value));
            self.world.list = list.collect();
            let judgement = self.world.judgement(&key);
            let epoch = self.world.state.step(&key).unwrap().decision_epoch;
            self.world.answer(&key, &judgement).unwrap();
            // An answer that comes again, or late, is passed over.
            let read = BTreeSet::new();
            let late = Judged { step: key, epoch, read, judgement };
            assert_eq!(self.world.tell(&Command::Judged(Box::new(late))), Err(Refused::Outdated));
        }
        self.world.grant();
    }
}
