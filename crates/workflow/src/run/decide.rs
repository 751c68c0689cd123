//! `decide`: what a command comes to, as the events that follow, or why not. Nothing is changed: the events are applied by whoever
//! committed them. No events: it is so already, or the same request was answered before.
//!
//! Pure and total: time, random, the person and the agents come in the context. Who may is looked at first, then what the verb was
//! asked about, then the status, by the step machine.

mod attempts;
mod binding;
mod draft;
mod flow;
mod gates;
mod limits;
mod moving;
mod parts;
mod runs;
mod settle;
mod start;
mod steps;
mod who;
mod words;

use draft::Draft;
pub(super) use draft::nth_id;

use super::{
    Command, Context, Refused, RunEvent, State,
    command::{Changes, Edit},
    state::{Status, Step},
};
use crate::{
    id::StepKey,
    status::{RunStatus, StepStatus},
    verbs::{Access, RunVerb, Verb},
};

pub fn decide(state: &State, command: &Command, ctx: &Context<'_>) -> Result<Vec<RunEvent>, Refused> {
    if let Command::Start(start) = command {
        return if state.seq == 0 { start::start(start, ctx) } else { Ok(Vec::new()) };
    }
    if state.seq == 0 {
        return Err(Refused::NotFound);
    }
    if let Some(verb) = run_verb(command) {
        who::may_on_run(state, verb, ctx)?;
        if who::is_known(state, ctx)? {
            return Ok(Vec::new());
        }
    }
    let about = about(state, command)?;
    if let Some(about) = &about {
        who::may_on_step(state, about.verb, &about.step, ctx)?;
        if who::is_known(state, ctx)? {
            return Ok(Vec::new());
        }
        about.check(state, ctx)?;
    }
    if let Command::Move(to) = command {
        return moving::move_to(state, to, ctx);
    }
    let mut draft = Draft::over(state, ctx);
    let decision = about.as_ref().filter(|about| about.verb.is_decision());
    draft.acted_for = decision.and_then(|about| draft.in_place_of(&about.step));
    draft.dispatch(command, about.as_ref())?;
    draft.into_events()
}

/// Whether somebody may fork the run: it is not changed, so its status does not matter.
pub(super) fn may_fork(state: &State, ctx: &Context<'_>) -> Result<(), Refused> {
    who::may_on_run(state, RunVerb::Fork, ctx)
}

/// Whether whoever asks may put these values in the place of what the step reads.
pub(super) fn may_fill(state: &State, key: &StepKey, changes: &Changes, ctx: &Context<'_>) -> Result<(), Refused> {
    Draft::over(state, ctx).refuse_bound_literals(key, changes)
}

/// Whether what a step made passed its gate, if that binds.
pub(super) fn is_let_through(state: &State, key: &StepKey, ctx: &Context<'_>) -> bool {
    let draft = Draft::over(state, ctx);
    !draft.binds(key) || draft.latest(key).into_iter().all(|version| version.is_approved)
}

/// The step that a verb is about, and what whoever asks saw of it.
struct About<'c> {
    verb: Verb,
    step: StepKey,
    expect_generation: Option<i32>,
    digest: Option<&'c String>,
}

impl About<'_> {
    /// Refuses what was meant for another generation, other versions or an open gate.
    fn check(&self, state: &State, ctx: &Context<'_>) -> Result<(), Refused> {
        let step = state.step(&self.step).ok_or(Refused::NotFound)?;
        if self.expect_generation.is_some_and(|expected| expected != step.generation) {
            return Err(Refused::Generation);
        }
        if state.run.status == RunStatus::Cancelled {
            // A cancelled run is final, its finished steps included.
            return Err(Refused::Status(StepStatus::Cancelled));
        }
        if who::is_let_in_at_gate(state, ctx) {
            match step.review() {
                None => return Err(Refused::Status(step.status.word())),
                // They were asked when they were let in: a group that they left, or reviews that they had in somebody's place.
                Some(review) if ctx.actor.is_none_or(|actor| !state.asks(review, actor)) => {
                    return Err(Refused::Access(Access::Forbidden));
                }
                Some(_) => {}
            }
        }
        if let Some(map) = not_collecting(state, step) {
            return Err(Refused::NotCollecting(map.key.clone()));
        }
        if let Some(digest) = self.digest
            && *digest != Draft::over(state, ctx).digest(&self.step)
        {
            return Err(Refused::Digest);
        }
        Ok(())
    }
}

/// The map of an item that does not let anything be done to it: it is not there to collect it.
fn not_collecting<'s>(state: &'s State, step: &Step) -> Option<&'s Step> {
    let map = state.step(&step.item.as_ref()?.of)?;
    let collects = matches!(map.status, Status::Running(_) | Status::Completed | Status::Failed { .. });
    (!collects).then_some(map)
}

fn run_verb(command: &Command) -> Option<RunVerb> {
    Some(match command {
        Command::SetAutoRun(_) => RunVerb::AutoRun,
        Command::Pause => RunVerb::Pause,
        Command::Resume { .. } => RunVerb::Resume,
        Command::Cancel => RunVerb::Cancel,
        Command::Adopt { .. } => RunVerb::Adopt,
        Command::Move(_) => RunVerb::Move,
        _ => return None,
    })
}

fn about<'c>(state: &State, command: &'c Command) -> Result<Option<About<'c>>, Refused> {
    let (verb, step, expect_generation, digest) = match command {
        Command::Trigger { step, expect_generation, .. } => (Verb::Trigger, step, expect_generation, None),
        Command::Continue { step, expect_generation, digest } => {
            (Verb::Continue, step, expect_generation, digest.as_ref())
        }
        Command::Edit(edit) => {
            let Edit { step, expect_generation, digest, .. } = &**edit;
            (Verb::Edit, step, expect_generation, digest.as_ref())
        }
        Command::Reject { step, expect_generation, digest, .. } => {
            (Verb::Reject, step, expect_generation, digest.as_ref())
        }
        Command::Skip { step, expect_generation, .. } => (Verb::Skip, step, expect_generation, None),
        Command::Supply { step, expect_generation, .. } => (Verb::Supply, step, expect_generation, None),
        Command::Stop { step, expect_generation } => (Verb::Stop, step, expect_generation, None),
        Command::Rerun { step, expect_generation, .. } => (Verb::Rerun, step, expect_generation, None),
        Command::Rollback { artifact, expect_generation } => {
            let version = state.artifact(*artifact).ok_or(Refused::NotFound)?;
            (Verb::Rollback, &version.producing_step_id, expect_generation, None)
        }
        _ => return Ok(None),
    };
    Ok(Some(About { verb, step: step.clone(), expect_generation: *expect_generation, digest }))
}

impl Draft<'_> {
    fn dispatch(&mut self, command: &Command, about: Option<&About<'_>>) -> Result<(), Refused> {
        match command {
            Command::Start(_) | Command::Move(_) => Ok(()),
            Command::StartSteps { worker, build, steps } => self.start_steps(*worker, build.as_deref(), steps),
            Command::Finished(done) => self.finish(done),
            Command::Lost { worker } => self.lose(*worker),
            Command::Judged(judged) => self.judge(judged),
            Command::HandedOver { step, attempt, worker, child, inputs } => {
                self.hand_over(step, *attempt, *worker, *child, inputs)
            }
            Command::ChildEnded(ended) => self.end_child(ended),
            Command::Reserved { steps } => self.reserved(steps),
            Command::Unreserved { steps } => self.unreserved(steps),
            Command::Suspend { step, attempt, worker, wait } => self.suspend(step, *attempt, *worker, wait),
            Command::Wake { step, attempt, token } => self.wake(step, *attempt, token.as_deref()),
            Command::CalledBack { token, done } => self.called_back(token, done),
            Command::TimePassed => self.time_passed(),
            Command::Abandoned if self.run.status.is_terminal() => Ok(()),
            Command::Abandoned | Command::Cancel => self.cancel(),
            Command::Trigger { step, changes, expect_generation } => {
                self.trigger(step, changes, expect_generation.is_some())
            }
            Command::Continue { step, .. } => self.approve(step),
            Command::Edit(edit) => self.edit(edit),
            Command::Reject { step, feedback, .. } => self.reject(step, feedback),
            Command::Skip { step, inputs, .. } => self.skip_by_person(step, inputs),
            Command::Supply { step, outputs, expect_generation } => {
                self.supply(step, outputs, expect_generation.is_some())
            }
            Command::Stop { step, .. } => self.stop(step),
            Command::Rerun { step, mode, changes, .. } => self.rerun(step, *mode, changes),
            Command::Rollback { artifact, .. } => match about {
                Some(about) => self.roll_back(&about.step, *artifact),
                None => Err(Refused::NotFound),
            },
            Command::SetAutoRun(on) => self.set_auto_run(*on),
            Command::Pause => self.pause(),
            Command::Resume { budget } => self.resume(*budget),
            Command::Adopt { versions } => {
                if self.run.status == RunStatus::Cancelled {
                    return Err(Refused::RunStatus(RunStatus::Cancelled));
                }
                self.adopt(versions)
            }
        }
    }
}
