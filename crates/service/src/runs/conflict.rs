//! The words for a verb that the state refused: what the thing is now, and what can be done with it instead.
//! What happened is decided in the store, under the run's lock, and what to do instead is in the table of verbs: it must never be said twice.

use store::verbs::{Conflict, VerbOutcome};
use workflow::{
    RunStatus, RunView, StepKey, StepStatus,
    verbs::{self, Expected, RunExpected, RunVerb, Verb, expected, expected_of_run},
    view::StepView,
};

use crate::{Error, Result};

/// Passes what a verb on a step did; `run` is the run as it is now.
pub(crate) fn step(outcome: &VerbOutcome, verb: Verb, run: &RunView, key: &StepKey) -> Result<()> {
    refused(outcome, |_| step_words(verb, run, key))
}

/// Passes what a verb on a run did.
pub(crate) fn run(outcome: &VerbOutcome, verb: RunVerb, run: &RunView) -> Result<()> {
    refused(outcome, |status| run_words(verb, run, status))
}

fn refused(outcome: &VerbOutcome, by_status: impl FnOnce(&str) -> String) -> Result<()> {
    let conflict = match outcome {
        VerbOutcome::Done | VerbOutcome::Unchanged => return Ok(()),
        VerbOutcome::NotFound => return Err(Error::NotFound),
        VerbOutcome::Conflict(conflict) => conflict,
    };
    Err(Error::Conflict(match conflict {
        Conflict::Status(status) => by_status(status),
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

/// Whoever is asked at a gate came too late.
pub(crate) fn gate_closed() -> String {
    "The gate has closed since you looked, so nothing is asked of you here any more. Look at the run again.".to_owned()
}

/// What the step is, and what to do instead.
fn step_words(verb: Verb, run: &RunView, key: &StepKey) -> String {
    let Some(step) = run.step(key) else {
        return "The step is no longer part of the run. Look at the run again.".to_owned();
    };
    if let Some(map) = map_that_refuses(run, step)
        && run.status != RunStatus::Cancelled
    {
        return verbs::of_a_map(&map.title);
    }
    let status = if run.status == RunStatus::Cancelled { StepStatus::Cancelled } else { step.status };
    let instead = match expected(verb, status) {
        Expected::Refused(instead) => instead,
        Expected::Done { .. } => verbs::CHANGED,
    };
    let is = match status {
        StepStatus::Pending => verbs::what_it_waits_for(&open_dependencies(run, key)),
        status => verbs::what_it_is(status).into(),
    };
    format!("{is} {instead}")
}

/// The map of an item that does not collect its items now, so that nothing can be done to them: twin of the store's.
pub(crate) fn map_that_refuses<'a>(run: &'a RunView, step: &StepView) -> Option<&'a StepView> {
    let map = run.step(step.item_of.as_ref()?)?;
    let collects = matches!(map.status, StepStatus::Running | StepStatus::Completed | StepStatus::Failed);
    (!collects).then_some(map)
}

/// What a pending step waits for, by title.
fn open_dependencies<'a>(run: &'a RunView, key: &StepKey) -> Vec<&'a str> {
    let (of_definition, _) = key.split();
    let step = run.run_definition.steps.get(&of_definition);
    let dependencies = step.into_iter().flat_map(workflow::Step::direct_dependencies);
    let steps = dependencies.filter_map(|dependency| run.step(dependency));
    steps.filter(|step| !step.status.is_terminal()).map(|step| step.title.as_str()).take(5).collect()
}

/// In words for what was refused, whatever the run has become since.
fn run_words(verb: RunVerb, run: &RunView, refused: &str) -> String {
    let status: RunStatus = refused.parse().unwrap_or(run.status);
    let wants_rest = verb == RunVerb::Adopt || (verb == RunVerb::Move && run.status == RunStatus::Paused);
    if wants_rest && status == RunStatus::Running {
        return verbs::A_STEP_RUNS.to_owned();
    }
    let reason = run.status_reason.filter(|_| status == run.status);
    let instead = match expected_of_run(verb, status, reason) {
        RunExpected::Refused(instead) => instead,
        RunExpected::Done { .. } | RunExpected::Unchanged => verbs::CHANGED,
    };
    format!("{} {instead}", verbs::what_a_run_is(status, reason))
}
