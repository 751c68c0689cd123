//! The words for a verb that the state refused: what the thing is now, and what can be done with it instead.
//! What happened is decided in the store, under the run's lock, and what to do instead is in the table of verbs: it must never be said twice.

use store::verbs::{Conflict, VerbOutcome};
use workflow::{
    RunStatus, RunView, StepKey, StepStatus,
    status::StatusReason,
    verbs::{Expected, RunExpected, RunVerb, Verb, expected, expected_of_run},
};

use crate::{Error, Result};

/// The status that was refused is not the one that is there now.
const CHANGED: &str = "It has just changed: look at it, then try again.";

/// Passes what a verb on a step did; `run` is the run as it is now.
pub(crate) fn step(outcome: &VerbOutcome, verb: Verb, run: &RunView, key: &StepKey) -> Result<()> {
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
pub(crate) fn step_words(verb: Verb, run: &RunView, key: &StepKey) -> String {
    let Some(step) = run.step(key) else {
        return "The step is no longer part of the run. Look at the run again.".to_owned();
    };
    if run.status == RunStatus::Cancelled || step.status == StepStatus::Cancelled {
        return "The run was cancelled, which is final. Fork it, or start a new one.".to_owned();
    }
    if let Some(map) = step.item_of.as_ref().and_then(|map| run.step(map))
        && !matches!(map.status, StepStatus::Running | StepStatus::Completed | StepStatus::Failed)
    {
        let detail = format!("The step is an item of “{}”, which does not collect its items now.", map.title);
        return format!("{detail} Run “{}” again instead.", map.title);
    }
    let instead = match expected(verb, step.status) {
        Expected::Refused(instead) => instead,
        Expected::Done { .. } => CHANGED,
    };
    format!("{} {instead}", what_it_is(run, key, step.status))
}

/// As the table has it, but for a pending step with the names of those before it.
fn what_it_is(run: &RunView, key: &StepKey, status: StepStatus) -> String {
    if status != StepStatus::Pending {
        return workflow::verbs::what_it_is(status).to_owned();
    }
    match open_dependencies(run, key).as_slice() {
        [] => "The step is about to start.".to_owned(),
        open => format!("The step waits for {}.", open.join(", ")),
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
    let instead = match expected_of_run(verb, run.status, run.status_reason) {
        RunExpected::Refused(instead) => instead,
        RunExpected::Done { .. } | RunExpected::Unchanged => CHANGED,
    };
    format!("{is} {instead}")
}
