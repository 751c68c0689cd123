//! The words for what was refused: what the thing is, and what can be done with it instead.
//! What happened is decided by the rules of runs, and what to do instead is in the table of verbs: it must never be said twice.

mod gates;

use workflow::{
    Problem, ProblemCode, RunStatus, StepKey, StepStatus,
    run::{Refused, State},
    status::StatusReason,
    verbs::{self, Access, Expected, RunExpected, RunVerb, Verb, expected, expected_of_run},
};

use super::about::About;
use crate::Error;

pub(crate) use gates::not_asked;

/// Why the verb was refused; `state` is the run as it was then, or has become since.
/// `only_at_gate`: whoever asks was let in at a gate, which may have closed.
pub(crate) fn words(state: &State, about: &About, only_at_gate: bool, refused: Refused) -> Error {
    let detail = match refused {
        Refused::NotFound => return Error::NotFound,
        Refused::Access(access) => return no_access(state, about, access),
        Refused::Bound(key) => return gates::bound(state, &key),
        Refused::SelfApproval => {
            let detail = "The owner of the run, and whoever wrote what is to be approved, may not approve it here, nor \
                          may anybody in their place. Somebody else has to.";
            return Error::NotYours(detail.to_owned());
        }
        Refused::IdempotencyMismatch => return Error::IdempotencyMismatch,
        Refused::Missing(ports) => return Error::InvalidFields { problems: missing(state, &ports) },
        Refused::Status(_) | Refused::NotCollecting(_) if only_at_gate => gate_closed(),
        Refused::Status(status) => by_status(state, about, status),
        Refused::RunStatus(status) => by_run_status(state, about, status),
        Refused::NotCollecting(map) => verbs::of_a_map(&title(state, &map)),
        Refused::StepRuns => verbs::A_STEP_RUNS.to_owned(),
        Refused::Generation => {
            "Somebody was faster: the step has started again since you looked. See what is there now.".to_owned()
        }
        Refused::Digest => "Something newer is there than what you looked at. Look at it, then decide.".to_owned(),
        Refused::TooLate => {
            "Nobody decided in time, so nothing is decided here any more. Look at the run again."
                .to_owned()
        }
        Refused::AlreadyVoted => {
            "You have approved this already, or it was approved in the name of whom you would decide for. Others have to \
             approve it too before it goes on."
                .to_owned()
        }
        Refused::Unanswered => {
            "The step waits for an answer. Fill in its form, which supplies its outputs; then it goes on.".to_owned()
        }
        Refused::NothingToAdopt => {
            "There is nothing to take over: the other run has no version that differs. Compare the two first."
                .to_owned()
        }
        Refused::NothingToRefresh => {
            "Running this step again would refresh nothing: it is fresh, or a person wrote it, or only what a person wrote \
             before it is stale. Look at what is stale now."
                .to_owned()
        }
        Refused::BudgetTooSmall => {
            "The run has used up that much already. Resume it with a larger budget, or with none.".to_owned()
        }
        // What only workers are told, or what nobody meets: to a person, the run moved under their hands.
        Refused::Outdated
        | Refused::Needs(_)
        | Refused::Fenced
        | Refused::TooDeep
        | Refused::KnownArtifact(_)
        | Refused::UnknownVoter => moving(),
    };
    Error::Conflict(detail)
}

/// It moved on under what was asked.
pub(crate) fn moving() -> String {
    "The run is changing right now. Look at it, and try again in a moment.".to_owned()
}

/// Whoever is asked at a gate came too late.
fn gate_closed() -> String {
    "The review has closed since you looked, so nothing is asked of you here any more. Look at the run again."
        .to_owned()
}

fn no_access(state: &State, about: &About, access: Access) -> Error {
    match (access, about) {
        (Access::Unauthenticated, _) => Error::Unauthenticated,
        (Access::NotFound, _) => Error::NotFound,
        (Access::Forbidden | Access::Allowed, About::Step(verb, key)) => not_asked(state, *verb, key),
        (Access::Forbidden | Access::Allowed, About::Run(_) | About::Artifact(_)) => Error::Forbidden,
    }
}

/// What dependents would be without.
fn missing(state: &State, ports: &[(StepKey, String)]) -> Vec<Problem> {
    let problem = |(step, port): &(StepKey, String)| {
        let title = title(state, step);
        let detail = format!("“{title}” needs `{port}`, which this step would have made. Give it a value.");
        Problem::error(None, Some(format!("inputs.{step}.{port}")), ProblemCode::MissingInput, detail)
    };
    ports.iter().map(problem).collect()
}

fn by_status(state: &State, about: &About, status: StepStatus) -> String {
    match about {
        About::Step(verb, key) => step_words(state, *verb, key),
        About::Artifact(id) => match state.artifact(*id) {
            Some(version) => step_words(state, Verb::Rollback, &version.producing_step_id),
            None => no_longer(),
        },
        // All of it is cancelled, or one of its steps became something that nobody foresaw.
        About::Run(verb) if status == StepStatus::Cancelled => run_words(state, *verb, RunStatus::Cancelled),
        About::Run(_) => moving(),
    }
}

fn by_run_status(state: &State, about: &About, status: RunStatus) -> String {
    match about {
        About::Run(verb) => run_words(state, *verb, status),
        About::Step(..) | About::Artifact(_) => moving(),
    }
}

fn no_longer() -> String {
    "The step is no longer part of the run. Look at the run again.".to_owned()
}

/// What the step is, and what to do instead.
fn step_words(state: &State, verb: Verb, key: &StepKey) -> String {
    let Some(step) = state.step(key) else { return no_longer() };
    let is_cancelled = state.run.status == RunStatus::Cancelled;
    let status = if is_cancelled { StepStatus::Cancelled } else { step.status.word() };
    let instead = match expected(verb, status) {
        Expected::Refused(instead) => instead,
        Expected::Done { .. } => verbs::CHANGED,
    };
    let is = match status {
        StepStatus::Pending => verbs::what_it_waits_for(&open_dependencies(state, key)),
        status => verbs::what_it_is(status).into(),
    };
    format!("{is} {instead}")
}

/// What a pending step waits for, by title.
fn open_dependencies<'s>(state: &'s State, key: &StepKey) -> Vec<&'s str> {
    let step = state.design.step(&key.split().0);
    let dependencies = step.into_iter().flat_map(workflow::Step::direct_dependencies);
    let open = dependencies.filter(|key| state.step(key).is_some_and(|step| !step.status.is_over()));
    open.take(5).map(|key| title_of_definition(state, key)).collect()
}

/// As the definition calls it.
fn title_of_definition<'s>(state: &'s State, key: &StepKey) -> &'s str {
    state.design.plan(key).map_or("", |plan| plan.title.as_str())
}

/// As people see it.
fn title(state: &State, key: &StepKey) -> String {
    let (of, item) = key.split();
    match (state.design.plan(&of), item) {
        (Some(plan), Some(item)) => format!("{} [{item}]", plan.title),
        (Some(plan), None) => plan.title.clone(),
        (None, _) => key.to_string(),
    }
}

/// In words for what was refused, whatever the run has become since.
fn run_words(state: &State, verb: RunVerb, refused: RunStatus) -> String {
    let reason: Option<StatusReason> = state.run.status_reason.filter(|_| refused == state.run.status);
    let instead = match expected_of_run(verb, refused, reason) {
        RunExpected::Refused(instead) => instead,
        RunExpected::Done { .. } | RunExpected::Unchanged => verbs::CHANGED,
    };
    format!("{} {instead}", verbs::what_a_run_is(refused, reason))
}
