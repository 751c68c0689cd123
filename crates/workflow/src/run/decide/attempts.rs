//! The life of an attempt: it starts, ends with a result, is given back, or its worker dies.
//! Must stay the only place that opens an attempt for a worker, and the only one that decides about another try.

use chrono::{DateTime, TimeDelta, Utc};

use super::draft::Draft;
use crate::{
    Step as Definition,
    definition::SideEffects,
    hash,
    id::{StepKey, WorkerId},
    limits::{MAX_CRASHES, MAX_RETRY_AFTER_MS},
    resolve::effective_override,
    run::{
        Refused, State,
        command::{AttemptResult, Finished},
        event::EventKind,
        seeded::{self, Bug},
        state::{Admission, Attempt, Status, Step, Wait, Work},
    },
    source::Source,
    status::{ErrorClass, Origin, Outcome, StepStatus},
    step_machine::StepEvent,
    view::{Basis, StepOverride, Usage},
};

/// A step that was given back so often in a row waits before it may be taken again: a second at first, then twice as long each time.
const FREE_RELEASES: usize = 3;
const MAX_DOUBLINGS: usize = 6;
/// Before another try of what a worker let go of that had no answer from the database: the machine may be too busy for it. Twice as long
/// the next time.
const FIRST_PAUSE_AFTER_LOSS: TimeDelta = TimeDelta::seconds(5);
const LET_GO: &str = "Its worker had no answer from the database for too long, and let go of it";

impl Draft<'_> {
    // ---- start

    /// Starts those of the steps that may be started now; one event tells of all.
    pub(super) fn start_steps(
        &mut self,
        worker: WorkerId,
        build: Option<&str>,
        steps: &[StepKey],
    ) -> Result<(), Refused> {
        let mut n_started = 0;
        for key in steps {
            let Ok(step) = self.step(key).cloned() else { continue };
            if step.status.admission() != Some(Admission::Claimable) || step.not_before > self.now {
                continue;
            }
            n_started += 1;
            if let Status::Ready { .. } = step.status {
                self.expect(key, StepEvent::Claimed, StepStatus::Running)?;
                let attempt = Attempt {
                    worker: Some(worker),
                    basis: Some(self.basis(&step)),
                    reads: self.reads(&step),
                    build: build.map(str::to_owned),
                    ..self.next_attempt(&step)
                };
                self.put_attempt(attempt);
            } else if let Some(mut attempt) = self.open_attempt(key).cloned() {
                // The same attempt, under a new lease.
                self.expect(key, StepEvent::Resumed, StepStatus::Running)?;
                attempt.worker = Some(worker);
                attempt.build = build.map(str::to_owned);
                attempt.fence += 1;
                self.put_attempt(attempt);
            }
            self.change(key, |step| {
                step.manually_triggered = false;
                step.status = Status::Running(Work::Attempt { worker });
            });
        }
        if n_started > 0 {
            self.tell(EventKind::StepsStarted, None, None)?;
        }
        Ok(())
    }

    /// What the run changes about a step: of an item, its own over those of its map step.
    pub(super) fn effective(&self, key: &StepKey) -> Option<StepOverride> {
        let (of, _) = key.split();
        let both = [of, key.clone()].into_iter().filter_map(|key| Some((key.clone(), self.override_of(&key)?.clone())));
        effective_override(&both.collect(), key)
    }

    /// What an attempt is made with besides its inputs.
    pub(super) fn basis(&self, step: &Step) -> Basis {
        let (plan, definition) = (self.plan(&step.key), self.definition(&step.key));
        let of_run = self.effective(&step.key).and_then(|overrides| overrides.prompt);
        let own = plan.and_then(|plan| plan.prompt_hash.clone());
        let text = of_run.or_else(|| definition.and_then(|definition| definition.prompt.clone()));
        let prompt = own.map(|own| text.map_or(own, |text| hash::sha256_hex(text.as_bytes())));
        Basis {
            prompt,
            agent_version: plan.map_or(0, |plan| plan.agent_version),
            dependencies: hash::dependencies_hash(definition.into_iter().flat_map(Definition::direct_dependencies)),
        }
    }

    /// The versions that its inputs read, as they are now.
    fn reads(&self, step: &Step) -> Vec<crate::ArtifactId> {
        let literals = self.effective(&step.key).map(|overrides| overrides.inputs).unwrap_or_default();
        let inputs = self.definition(&step.key).into_iter().flat_map(|definition| &definition.inputs);
        let mut reads: Vec<_> = inputs
            .filter(|(port, _)| !literals.contains_key(*port))
            .filter_map(|(_, source)| match source {
                Source::Step { step, artifact, .. } => self.readable(step, artifact).map(|version| version.id),
                _ => None,
            })
            .collect();
        reads.sort();
        reads.dedup();
        reads
    }

    // ---- end

    pub(super) fn finish(&mut self, done: &Finished) -> Result<(), Refused> {
        self.end_attempt(done, true)
    }

    /// `has_place`: it holds what the limits gave it.
    fn end_attempt(&mut self, done: &Finished, has_place: bool) -> Result<(), Refused> {
        let step = self.own(&done.step, done.attempt, done.worker, &done.result)?;
        let Some(step) = step else { return Ok(()) };
        self.charge(done.usage.as_ref());
        let mut attempt = self.open_attempt(&step.key).cloned().ok_or(Refused::Fenced)?;
        attempt.ended_at = Some(self.now);
        attempt.inputs.clone_from(&done.inputs);
        attempt.usage.clone_from(&done.usage);
        attempt.message.clone_from(&done.message);
        attempt.answered_by.clone_from(&done.answered_by);
        if let Some(basis) = &done.item_basis {
            self.change(&step.key, |step| {
                if let Some(item) = &mut step.item {
                    item.basis.clone_from(basis);
                }
            });
        }
        match &done.result {
            AttemptResult::Released => {
                let at = self.pause_of_releases(&step.key, attempt.generation).map(|pause| self.now + pause);
                attempt.outcome = Some(Outcome::Released);
                self.put_attempt(attempt);
                self.queue_again(&step.key, StepEvent::Released, at, has_place)?;
                self.tell(EventKind::StepReleased, Some(&step.key), None)?;
            }
            AttemptResult::Lost => {
                attempt.outcome = Some(Outcome::Lost);
                attempt.error = Some(LET_GO.to_owned());
                self.put_attempt(attempt);
                let n_lost = self.n_lost(&step);
                let pause = (1..n_lost).fold(FIRST_PAUSE_AFTER_LOSS, |pause, _| pause + pause);
                self.try_what_was_lost(&step, n_lost, Some(self.now + pause), has_place)?;
            }
            AttemptResult::Succeeded(versions) => {
                attempt.outcome = Some(Outcome::Succeeded);
                let number = attempt.number;
                self.put_attempt(attempt);
                for version in versions {
                    self.add_version(&step.key, version, Origin::Agent, Some(number), None);
                }
                self.succeed(&step.key, |gated| StepEvent::Succeeded { gated })?;
            }
            AttemptResult::Failed { class, error, retry_after_ms } => {
                let mut definition = self.definition(&step.key).cloned();
                if let Some(definition) = &mut definition
                    && self.plan(&step.key).is_some_and(|plan| plan.acts_outside)
                {
                    // Drawn before its agent said so, perhaps.
                    definition.side_effects = SideEffects::External;
                }
                let wait = definition.as_ref().and_then(|step| too_long(step, *retry_after_ms, self.now));
                attempt.outcome = Some(Outcome::Failed);
                attempt.error_class = Some(*class);
                attempt.error = Some(wait.map_or_else(|| error.clone(), |wait| format!("{error}; {wait}")));
                let n_failed = State::count_ends(self.attempts(&step.key), step.generation, Outcome::Failed);
                self.put_attempt(attempt);
                let dice = dice(self.ctx.random);
                match definition.and_then(|step| pause(&step, *class, n_failed, *retry_after_ms, dice)) {
                    Some(pause) => {
                        let at = self.now + pause;
                        self.queue_again(&step.key, StepEvent::Failed { retry: true }, Some(at), has_place)?;
                        self.tell(EventKind::StepRetrying, Some(&step.key), None)?;
                    }
                    None => self.fail_and_tell(&step.key, *class)?,
                }
            }
        }
        Ok(())
    }

    /// The running step of an attempt that is this worker's. None: the same result is there already.
    fn own(
        &self,
        key: &StepKey,
        number: i32,
        worker: WorkerId,
        result: &AttemptResult,
    ) -> Result<Option<Step>, Refused> {
        let attempts = self.attempts(key);
        let found = attempts.iter().find(|attempt| attempt.number == number && attempt.worker == Some(worker));
        match (self.step(key), found.map(|attempt| attempt.outcome)) {
            (Ok(step), Some(None)) if step.status == Status::Running(Work::Attempt { worker }) => {
                Ok(Some(step.clone()))
            }
            (_, Some(Some(outcome))) if outcome == outcome_of(result) && !seeded::is(Bug::TakesTwice) => Ok(None),
            (Ok(step), Some(Some(_))) if seeded::is(Bug::TakesTwice) => Ok(Some(step.clone())),
            _ => Err(Refused::Fenced),
        }
    }

    /// Who gives a step back again and again does not fill its run's log with it. None: at once.
    fn pause_of_releases(&self, key: &StepKey, generation: i32) -> Option<TimeDelta> {
        let ended = self.attempts(key).iter().rev().skip_while(|attempt| attempt.outcome.is_none());
        let is_one =
            |attempt: &&Attempt| attempt.generation == generation && attempt.outcome == Some(Outcome::Released);
        let n = ended.take_while(is_one).count().checked_sub(FREE_RELEASES)?;
        Some(TimeDelta::seconds(1 << n.min(MAX_DOUBLINGS)))
    }

    /// The step ends its attempt well: it is completed, or a person must look.
    pub(super) fn succeed(&mut self, key: &StepKey, event: impl Fn(bool) -> StepEvent) -> Result<(), Refused> {
        let gated = self.gates(key);
        let next = self.door(key, event(gated))?;
        if next == StepStatus::AwaitingReview {
            self.open_gate(key);
            self.tell(EventKind::StepAwaitingReview, Some(key), None)?;
        } else {
            self.change(key, |step| step.status = Status::Completed);
            self.advance(vec![key.clone()])?;
            self.tell(EventKind::StepCompleted, Some(key), None)?;
        }
        Ok(())
    }

    /// The step ends its attempt badly, and for good.
    pub(super) fn fail_and_tell(&mut self, key: &StepKey, class: ErrorClass) -> Result<(), Refused> {
        self.fail(key, class, StepEvent::Failed { retry: false })?;
        self.advance(vec![key.clone()])?;
        self.tell(EventKind::StepFailed, Some(key), None)?;
        Ok(())
    }

    /// Back into the queue at its old place, or at another time. It keeps what the limits gave it, unless its run is held.
    /// What it depends on may run again meanwhile; then it waits for that.
    fn queue_again(
        &mut self,
        key: &StepKey,
        event: StepEvent,
        at: Option<DateTime<Utc>>,
        has_place: bool,
    ) -> Result<(), Refused> {
        self.expect(key, event, StepStatus::Ready)?;
        let waits = self.waits(key).open > 0 && !seeded::is(Bug::RetriesTooEarly);
        let admission = match self.run.held {
            Some(_) => Admission::Held,
            None if has_place => Admission::Claimable,
            None => self.first_admission(self.step(key)?),
        };
        self.change(key, |step| {
            step.status = if waits { Status::Pending { needs_decision: false } } else { Status::Ready { admission } };
            step.not_before = at.unwrap_or(step.not_before);
        });
        Ok(())
    }

    /// Adds to what the run used.
    pub(super) fn charge(&mut self, usage: Option<&Usage>) {
        if let Some(usage) = usage {
            let tokens = usage.prompt_tokens.saturating_add(usage.completion_tokens);
            self.run.used_tokens = self.run.used_tokens.saturating_add(tokens);
            let cost = usage.cost_micros.unwrap_or(0);
            self.run.used_cost_micros = self.run.used_cost_micros.saturating_add(cost);
        }
    }

    // ---- loss

    /// What a dead worker ran is queued again; a step that killed its workers too often fails.
    pub(super) fn lose(&mut self, worker: WorkerId) -> Result<(), Refused> {
        let lost: Vec<StepKey> = self.base().held_by(worker).map(|step| step.key.clone()).collect();
        for key in lost {
            let step = self.step(&key)?.clone();
            // One that its map's end took with it, earlier in this decision.
            if step.status != (Status::Running(Work::Attempt { worker })) {
                continue;
            }
            self.end_work(&key, Outcome::Lost);
            if seeded::is(Bug::LosesWorkerTwice) {
                let attempt = Attempt { ended_at: None, ..self.next_attempt(&step) };
                self.put_attempt(attempt);
            }
            self.try_what_was_lost(&step, self.n_lost(&step), None, true)?;
        }
        Ok(())
    }

    fn n_lost(&self, step: &Step) -> i32 {
        State::count_ends(self.attempts(&step.key), step.generation, Outcome::Lost)
    }

    /// Another try of a step whose attempt ended without anybody to tell how, unless that happened too often.
    fn try_what_was_lost(
        &mut self,
        step: &Step,
        n_lost: i32,
        at: Option<DateTime<Utc>>,
        has_place: bool,
    ) -> Result<(), Refused> {
        let key = &step.key;
        if n_lost >= MAX_CRASHES {
            self.fail(key, ErrorClass::CrashLoop, StepEvent::Lost { quarantined: true })?;
            self.advance(vec![key.clone()])?;
            self.tell(EventKind::StepFailed, Some(key), None)?;
        } else {
            self.queue_again(key, StepEvent::Lost { quarantined: false }, at, has_place)?;
            self.tell(EventKind::StepRecovered, Some(key), None)?;
        }
        Ok(())
    }

    // ---- suspend

    /// An attempt waits for something outside, and its worker goes on with something else.
    pub(super) fn suspend(&mut self, key: &StepKey, number: i32, worker: WorkerId, wait: &Wait) -> Result<(), Refused> {
        let step = self.step(key).map_err(|_| Refused::Fenced)?;
        let is_own = self.open_attempt(key).is_some_and(|attempt| attempt.number == number);
        if step.status != Status::Running(Work::Attempt { worker }) || !is_own || matches!(wait, Wait::Over { .. }) {
            return Err(Refused::Fenced);
        }
        self.expect(key, StepEvent::Suspended, StepStatus::Running)?;
        if let Some(mut attempt) = self.open_attempt(key).cloned() {
            attempt.worker = None;
            self.put_attempt(attempt);
        }
        self.change(key, |step| step.status = Status::Running(Work::Suspended { wait: wait.clone() }));
        self.tell(EventKind::StepSuspended, Some(key), None)?;
        Ok(())
    }

    /// What it waited for came: a worker may go on with it, as far as the limits let it.
    pub(super) fn wake(&mut self, key: &StepKey, number: i32, token: Option<&str>) -> Result<(), Refused> {
        let is_open = self.open_attempt(key).is_some_and(|attempt| attempt.number == number);
        let step = self.step(key)?.clone();
        match &step.status {
            Status::Running(Work::Suspended { wait }) if is_open => match wait {
                Wait::Over { .. } => return Ok(()),
                Wait::Callback { token: wanted } if token != Some(wanted) => return Err(Refused::Fenced),
                Wait::Until { at } if *at > self.now => return Err(Refused::Outdated),
                _ => {}
            },
            _ => return Err(Refused::Fenced),
        }
        self.resume_attempt(&step)?;
        self.tell(EventKind::StepResumed, Some(key), None)?;
        Ok(())
    }

    /// Somebody outside tells how an attempt ended. Of one that waits nobody has a lease: it ends as its last worker's.
    pub(super) fn called_back(&mut self, token: &str, done: &Finished) -> Result<(), Refused> {
        let (key, worker) = (&done.step, done.worker);
        let step = self.step(key).map_err(|_| Refused::Fenced)?;
        let Status::Running(Work::Suspended { wait }) = &step.status else { return self.finish(done) };
        let is_awaited = matches!(wait, Wait::Callback { token: wanted } if wanted == token);
        let open = self.open_attempt(key).filter(|attempt| is_awaited && attempt.number == done.attempt);
        let mut attempt = open.cloned().ok_or(Refused::Fenced)?;
        self.expect(key, StepEvent::Resumed, StepStatus::Running)?;
        attempt.worker = Some(worker);
        attempt.fence += 1;
        self.put_attempt(attempt);
        self.change(key, |step| step.status = Status::Running(Work::Attempt { worker }));
        self.end_attempt(done, false)
    }

    pub(super) fn resume_attempt(&mut self, step: &Step) -> Result<(), Refused> {
        self.expect(&step.key, StepEvent::Resumed, StepStatus::Running)?;
        let (admission, now) = (self.first_admission(step), self.now);
        self.change(&step.key, |step| {
            step.not_before = now;
            step.status = Status::Running(Work::Suspended { wait: Wait::Over { admission } });
        });
        Ok(())
    }
}

fn outcome_of(result: &AttemptResult) -> Outcome {
    match result {
        AttemptResult::Succeeded(_) => Outcome::Succeeded,
        AttemptResult::Failed { .. } => Outcome::Failed,
        AttemptResult::Released => Outcome::Released,
        AttemptResult::Lost => Outcome::Lost,
    }
}

/// The pause before the next try; none when a person has to decide. Decided by the error's class, never by its text.
fn pause(
    step: &Definition,
    class: ErrorClass,
    n_failed: i32,
    retry_after_ms: Option<u64>,
    dice: f64,
) -> Option<TimeDelta> {
    let failures = u32::try_from(n_failed).unwrap_or(0).saturating_add(1);
    let is_listed = step.retry.on.contains(class.as_str());
    if !is_listed || failures > step.max_retries() || is_too_long(step, retry_after_ms) {
        return None;
    }
    let base = std::time::Duration::from_millis(step.retry.delay_ms(failures, retry_after_ms));
    // Jitter only ever lengthens the wait: the other side's Retry-After is a floor.
    TimeDelta::from_std(base.mul_f64(1.0 + step.retry.jitter.clamp(0.0, 1.0) * dice)).ok()
}

/// Whether the other side wants a longer wait than a step may take by itself.
fn is_too_long(step: &Definition, retry_after_ms: Option<u64>) -> bool {
    retry_after_ms.is_some_and(|wait| wait > MAX_RETRY_AFTER_MS.max(step.retry.max_ms))
}

/// What is said where the other side wants a longer wait than that.
fn too_long(step: &Definition, retry_after_ms: Option<u64>, now: DateTime<Utc>) -> Option<String> {
    let wait = retry_after_ms.filter(|_| is_too_long(step, retry_after_ms))?;
    let until = now.checked_add_signed(TimeDelta::milliseconds(i64::try_from(wait).ok()?))?;
    Some(format!("it asks to wait until {}: retry the step then", until.format("%-d %B %Y, %H:%M UTC")))
}

/// From 0 to 1.
fn dice(random: u128) -> f64 {
    let bits = u32::try_from(random & u128::from(u32::MAX)).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}
