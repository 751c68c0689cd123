//! The words for a verb that the state refused: what the thing is now, and what can be done with it instead.
//! What happened is decided in the store, under the run's lock; only its telling is here.

use store::verbs::{Conflict, VerbOutcome};
use workflow::{RunStatus, RunView, StepKey, StepStatus, status::StatusReason};

use crate::{Error, Result};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StepVerb {
    Trigger,
    Continue,
    Edit,
    Reject,
    Skip,
    Supply,
    Stop,
    Rerun,
    Rollback,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RunVerb {
    AutoRun,
    Pause,
    Resume,
    Cancel,
    Fork,
    Adopt,
    Move,
}

/// Passes what a verb on a step did; `run` is the run as it is now.
pub(crate) fn step(outcome: &VerbOutcome, verb: StepVerb, run: &RunView, key: &StepKey) -> Result<()> {
    refused(outcome, || step_words(verb, run, key))
}

/// Passes what a verb on a run did.
pub(crate) fn run(outcome: &VerbOutcome, verb: RunVerb, run: &RunView) -> Result<()> {
    refused(outcome, || run_words(verb, run))
}

fn refused(outcome: &VerbOutcome, by_status: impl FnOnce() -> String) -> Result<()> {
    let conflict = match outcome {
        VerbOutcome::Done | VerbOutcome::Unchanged => return Ok(()),
        VerbOutcome::NotFound => return Err(Error::NotFound),
        VerbOutcome::Conflict(conflict) => conflict,
    };
    Err(Error::Conflict(match conflict {
        Conflict::Status(_) => by_status(),
        Conflict::Generation => {
            "Somebody was faster: the step has started again since you looked. See what is there now.".to_owned()
        }
        Conflict::Digest => "Something newer is there than what you looked at. Look at it, then decide.".to_owned(),
        Conflict::Moved => moving(),
        Conflict::SelfApproval => {
            let detail = "The owner of the run, and whoever wrote what is to be approved, may not approve it here. \
                          Somebody else has to.";
            return Err(Error::NotYours(detail.to_owned()));
        }
        Conflict::AlreadyVoted => {
            "You have approved this already. Others have to approve it too before it goes on.".to_owned()
        }
        Conflict::NothingToAdopt => {
            "There is nothing to take over: the other run has no version that differs. Compare the two first."
                .to_owned()
        }
        Conflict::BudgetTooSmall => {
            "The run has used up that much already. Resume it with a larger budget, or with none.".to_owned()
        }
        Conflict::IdempotencyMismatch => return Err(Error::IdempotencyMismatch),
        Conflict::Unanswered => {
            "The step waits for an answer. Fill in its form, which supplies its outputs; then it goes on.".to_owned()
        }
    }))
}

/// It moved on under every plan that was made.
pub(crate) fn moving() -> String {
    "The run is changing right now. Look at it, and try again in a moment.".to_owned()
}

/// What the step is, and what to do instead.
pub(crate) fn step_words(verb: StepVerb, run: &RunView, key: &StepKey) -> String {
    use StepStatus as S;
    use StepVerb as V;
    let Some(step) = run.step(key) else {
        return "The step is no longer part of the run. Look at the run again.".to_owned();
    };
    if run.status == RunStatus::Cancelled || step.status == S::Cancelled {
        return "The run was cancelled, which is final. Fork it, or start a new one.".to_owned();
    }
    if let Some(map) = step.item_of.as_ref().and_then(|map| run.step(map))
        && !matches!(map.status, S::Running | S::Completed | S::Failed)
    {
        let detail = format!("The step is an item of “{}”, which does not collect its items now.", map.title);
        return format!("{detail} Run “{}” again instead.", map.title);
    }
    let instead = match (verb, step.status) {
        (V::Trigger | V::Rerun, S::Pending | S::Ready) => "It starts by itself.",
        (V::Trigger | V::Rerun, S::Running) => "Wait for it to finish, or stop it, then run it again.",
        (V::Trigger | V::Rerun, S::AwaitingReview) => "Continue it or reject it, then run it again.",
        (V::Continue, S::Pending | S::Ready | S::Running) => "There is nothing to continue before it has finished.",
        (V::Continue | V::Stop, S::Completed) | (V::Skip, S::Skipped) => "There is nothing left to do.",
        (V::Continue, S::Failed) => "Retry it, or supply its outputs.",
        (V::Continue | V::Reject, S::Skipped) => "Run it if you want it after all.",
        (V::Edit | V::Reject, S::Pending | S::Ready) => "It has made nothing yet. Wait for it, or supply its outputs.",
        (V::Edit | V::Reject, S::Running) => "Wait for it to finish, then look at what it made.",
        (V::Edit, S::Failed | S::Skipped) => "There is nothing to edit: supply its outputs instead.",
        (V::Reject, S::Completed) => "Run it again with another prompt, or edit what it made.",
        (V::Reject, S::Failed) => "Retry it, perhaps with another prompt.",
        (V::Skip, S::Running) => "Stop it first, then skip it.",
        (V::Skip, S::Completed) => "What it made is there: edit it, or roll it back.",
        (V::Supply, S::Running) => "Stop it first, then supply its outputs.",
        (V::Stop, S::Pending | S::Ready) => "It has not begun: skip it, or pause the run.",
        (V::Stop, S::AwaitingReview) => "It has finished already: continue it or reject it.",
        (V::Stop, S::Failed | S::Skipped) => "There is nothing to stop.",
        (V::Rollback, S::Running) => "Wait for it to finish, or stop it, then roll back.",
        // Allowed when the store looked, or changed since.
        _ => "It has just changed: look at it, then try again.",
    };
    format!("{} {instead}", what_it_is(run, key, step.status))
}

fn what_it_is(run: &RunView, key: &StepKey, status: StepStatus) -> String {
    match status {
        StepStatus::Pending => {
            let open = open_dependencies(run, key);
            if open.is_empty() {
                "The step is about to start.".to_owned()
            } else {
                format!("The step waits for {}.", open.join(", "))
            }
        }
        StepStatus::Ready => "The step is queued.".to_owned(),
        StepStatus::Running => "The step is running.".to_owned(),
        StepStatus::AwaitingReview => "The step waits for a review.".to_owned(),
        StepStatus::Completed => "The step is completed.".to_owned(),
        StepStatus::Failed => "The step has failed.".to_owned(),
        StepStatus::Skipped => "The step was skipped.".to_owned(),
        StepStatus::Cancelled => "The step was cancelled.".to_owned(),
    }
}

/// What a pending step waits for, by title.
fn open_dependencies<'a>(run: &'a RunView, key: &StepKey) -> Vec<&'a str> {
    let (of_definition, _) = key.split();
    let step = run.run_definition.steps.get(&of_definition);
    let dependencies = step.into_iter().flat_map(workflow::Step::direct_dependencies);
    let steps = dependencies.filter_map(|dependency| run.step(dependency));
    steps.filter(|step| !step.status.is_terminal()).map(|step| step.title.as_str()).take(5).collect()
}

fn run_words(verb: RunVerb, run: &RunView) -> String {
    let is = match (run.status, run.status_reason) {
        (RunStatus::Pending, _) => "The run has not begun.",
        (RunStatus::Running, _) => "The run is running.",
        (RunStatus::Paused, Some(StatusReason::Person)) => "The run is paused by a person.",
        (RunStatus::Paused, Some(StatusReason::Budget)) => "The run has used up its budget.",
        (RunStatus::Paused, Some(StatusReason::Review) | None) => "The run waits for a review.",
        (RunStatus::Completed, _) => "The run is completed.",
        (RunStatus::Failed, _) => "The run has failed.",
        (RunStatus::Cancelled, _) => "The run was cancelled, which is final.",
    };
    let instead = match (verb, run.status) {
        (RunVerb::Fork, _) => "It has just changed: look at it, then try again.",
        (_, RunStatus::Cancelled) => "Fork it, or start a new one.",
        (RunVerb::AutoRun | RunVerb::Pause | RunVerb::Cancel, RunStatus::Completed | RunStatus::Failed) => {
            "There is nothing left to steer: run a step again, or start a new run."
        }
        (RunVerb::Resume, RunStatus::Paused) if run.status_reason == Some(StatusReason::Budget) => {
            "Resume it with a larger budget."
        }
        (RunVerb::Resume, RunStatus::Paused) => "Continue the steps that wait; nothing else holds the run.",
        (RunVerb::Resume, _) => "Nothing holds it, so there is nothing to resume.",
        (RunVerb::Move | RunVerb::Adopt, RunStatus::Running | RunStatus::Pending) => {
            "Wait until nothing is running, or pause it, then try again."
        }
        _ => "It has just changed: look at it, then try again.",
    };
    format!("{is} {instead}")
}
