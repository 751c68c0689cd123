//! What each verb does in each status, and who may: written by hand. `run::decide` asks it who may; what a verb does it decides by itself,
//! and tests hold the two against each other. docs/verbs.md and the advice in refusals come from here.
//! A pure table; it must never be asked in place of `decide`, which judges on the state that is committed.
//!
//! docs/verbs.md is `verbs::markdown()`. After a change here, write it anew with
//! `WEFT_UPDATE=1 cargo nextest run --cargo-profile ci -p workflow verbs`.

mod render;
mod words;

use crate::{
    run::event::EventKind,
    status::{RunStatus, StatusReason, StepStatus},
};

pub use render::markdown;
pub use words::{A_STEP_RUNS, CHANGED, of_a_map, what_a_run_is, what_it_is, what_it_waits_for};

/// What a person can do to one step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verb {
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

/// What a person can do to a whole run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RunVerb {
    AutoRun,
    Pause,
    Resume,
    Cancel,
    Fork,
    Adopt,
    Move,
}

/// Of everything that is cancelled.
const FINAL: &str = "A cancelled run is final: fork it, or start a new one.";

/// What a verb comes to in a status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// The step then has one of these statuses, and the one event is of one of these kinds.
    Done { becomes: &'static [StepStatus], events: &'static [EventKind], generation: Generation },
    /// 409 `conflict`, with this advice after what the step is.
    Refused(&'static str),
}

/// Whether a verb begins a new generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Generation {
    Same,
    Next,
}

/// What a verb on a run comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunExpected {
    /// The run then has one of these statuses; `event` is absent where it is written to another run.
    Done { becomes: &'static [RunStatus], event: Option<EventKind> },
    /// 200 and nothing happens: it is so already.
    Unchanged,
    /// 409 `conflict`, with this advice after what the run is.
    Refused(&'static str),
}

/// Somebody, as seen from one run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Who {
    Owner,
    Admin,
    /// Asked at the step's gate, which is open, themselves or in the place of somebody who is away.
    Assignee,
    /// In a group that sees all runs of the workflow, or somebody with whom the run is shared.
    Viewer,
    /// Signed in, but with nothing to do with this run.
    Other,
    /// Not signed in.
    Nobody,
}

/// The answer to somebody, before any status is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Allowed,
    /// 403: they see the run, but this is not theirs.
    Forbidden,
    /// 404: for them there is no such run.
    NotFound,
    /// 401
    Unauthenticated,
}

impl Access {
    pub fn status(self) -> u16 {
        match self {
            Self::Allowed => 200,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
        }
    }
}

impl Who {
    pub const ALL: [Self; 6] = [Self::Owner, Self::Admin, Self::Assignee, Self::Viewer, Self::Other, Self::Nobody];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Assignee => "assignee",
            Self::Viewer => "viewer",
            Self::Other => "other",
            Self::Nobody => "nobody",
        }
    }
}

impl Verb {
    pub const ALL: [Self; 9] = [
        Self::Trigger,
        Self::Continue,
        Self::Edit,
        Self::Reject,
        Self::Skip,
        Self::Supply,
        Self::Stop,
        Self::Rerun,
        Self::Rollback,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Continue => "continue",
            Self::Edit => "edit",
            Self::Reject => "reject",
            Self::Skip => "skip",
            Self::Supply => "supply",
            Self::Stop => "stop",
            Self::Rerun => "rerun",
            Self::Rollback => "rollback",
        }
    }

    /// Whether those asked at an open gate may do it there.
    pub fn is_decision(self) -> bool {
        matches!(self, Self::Continue | Self::Edit | Self::Reject | Self::Supply)
    }
}

impl RunVerb {
    pub const ALL: [Self; 7] =
        [Self::AutoRun, Self::Pause, Self::Resume, Self::Cancel, Self::Fork, Self::Adopt, Self::Move];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AutoRun => "auto-run",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Fork => "fork",
            Self::Adopt => "adopt",
            Self::Move => "move",
        }
    }
}

/// Whether somebody may do a verb on a step, whatever its status.
pub fn may(verb: Verb, who: Who) -> Access {
    match who {
        Who::Owner | Who::Admin => Access::Allowed,
        Who::Assignee if verb.is_decision() => Access::Allowed,
        Who::Assignee | Who::Viewer => Access::Forbidden,
        Who::Other => Access::NotFound,
        Who::Nobody => Access::Unauthenticated,
    }
}

/// Whether somebody may do a verb on a run.
pub fn may_run(_verb: RunVerb, who: Who) -> Access {
    match who {
        Who::Owner | Who::Admin => Access::Allowed,
        Who::Assignee | Who::Viewer => Access::Forbidden,
        Who::Other => Access::NotFound,
        Who::Nobody => Access::Unauthenticated,
    }
}

/// Whether somebody sees the run.
pub fn may_see(who: Who) -> Access {
    match who {
        Who::Owner | Who::Admin | Who::Assignee | Who::Viewer => Access::Allowed,
        Who::Other => Access::NotFound,
        Who::Nobody => Access::Unauthenticated,
    }
}

/// What a verb comes to on a step of this status, in a run that is not cancelled, from somebody who may, who saw the current generation
/// and digest, and whose request is in order.
pub fn expected(verb: Verb, status: StepStatus) -> Expected {
    use EventKind as K;
    use Generation as G;
    use StepStatus as S;
    use Verb as V;
    if status == S::Cancelled {
        return Expected::Refused(FINAL);
    }
    let done = |becomes, events, generation| Expected::Done { becomes, events, generation };
    let refused = Expected::Refused;
    match (verb, status) {
        (V::Trigger, S::Ready) => done(&[S::Ready], &[K::StepTriggered], G::Same),
        (V::Trigger, S::Completed | S::Failed | S::Skipped) => {
            done(&[S::Ready, S::Pending], &[K::StepTriggered], G::Next)
        }
        (V::Rerun, S::Completed | S::Failed | S::Skipped) => done(&[S::Ready, S::Pending], &[K::StepRerun], G::Next),
        (V::Trigger, S::Pending) | (V::Rerun, S::Pending | S::Ready) => refused("It starts by itself."),
        (V::Trigger | V::Rerun, S::Running) => refused("Wait for it to finish, or stop it, then run it again."),
        (V::Trigger | V::Rerun, S::AwaitingReview) => refused("Continue it or reject it, then run it again."),

        (V::Continue, S::AwaitingReview) => {
            done(&[S::Completed, S::AwaitingReview], &[K::StepApproved, K::StepVoted], G::Same)
        }
        (V::Continue, S::Pending | S::Ready | S::Running) => {
            refused("There is nothing to continue before it has finished.")
        }
        (V::Continue | V::Stop, S::Completed) | (V::Skip, S::Skipped) => refused("There is nothing left to do."),
        (V::Continue, S::Failed) => refused("Retry it, or enter its result yourself."),
        (V::Continue | V::Reject, S::Skipped) => refused("Run it if you want it after all."),

        (V::Edit, S::AwaitingReview) => done(&[S::AwaitingReview, S::Completed], &[K::StepEdited], G::Same),
        (V::Edit, S::Completed) => done(&[S::Completed, S::AwaitingReview], &[K::StepEdited], G::Same),
        (V::Edit | V::Reject, S::Pending | S::Ready) => {
            refused("It has made nothing yet. Wait for it, or enter its result yourself.")
        }
        (V::Edit | V::Reject, S::Running) => refused("Wait for it to finish, then look at what it made."),
        (V::Edit, S::Failed | S::Skipped) => refused("There is nothing to edit: enter its result yourself instead."),

        (V::Reject, S::AwaitingReview) => {
            done(&[S::Ready, S::Pending, S::Failed, S::Completed], &[K::StepRejected], G::Next)
        }
        (V::Reject, S::Completed) => refused("Run it again with another prompt, or edit what it made."),
        (V::Reject, S::Failed) => refused("Retry it, perhaps with another prompt."),

        (V::Skip, S::Pending | S::Ready | S::Failed | S::AwaitingReview) => {
            done(&[S::Skipped], &[K::StepSkipped], G::Same)
        }
        (V::Skip, S::Running) => refused("Stop it first, then skip it."),
        (V::Skip, S::Completed) => refused("What it made is there: edit it, or roll it back."),

        (V::Supply, S::Running) => refused("Stop it first, then enter its result yourself."),
        (V::Supply, _) => done(&[S::Completed, S::AwaitingReview], &[K::StepSupplied], G::Same),

        (V::Stop, S::Ready | S::Running) => done(&[S::Failed], &[K::StepStopped], G::Same),
        (V::Stop, S::Pending) => refused("It has not begun: skip it, or pause the run."),
        (V::Stop, S::AwaitingReview) => refused("It has finished already: continue it or reject it."),
        (V::Stop, S::Failed | S::Skipped) => refused("There is nothing to stop."),

        (V::Rollback, S::Running) => refused("Wait for it to finish, or stop it, then roll back."),
        (V::Rollback, S::Completed) => done(&[S::Completed, S::AwaitingReview], &[K::ArtifactRolledBack], G::Same),
        (V::Rollback, S::Pending) => done(&[S::Pending], &[K::ArtifactRolledBack], G::Same),
        (V::Rollback, S::Ready) => done(&[S::Ready], &[K::ArtifactRolledBack], G::Same),
        (V::Rollback, S::AwaitingReview) => done(&[S::AwaitingReview], &[K::ArtifactRolledBack], G::Same),
        (V::Rollback, S::Failed) => done(&[S::Failed], &[K::ArtifactRolledBack], G::Same),
        (V::Rollback, S::Skipped) => done(&[S::Skipped], &[K::ArtifactRolledBack], G::Same),
        (_, S::Cancelled) => refused(FINAL),
    }
}

/// What a verb comes to on a run of this status. `reason` says why a paused run is. Switching auto-run to what it is changes nothing
/// in any status.
pub fn expected_of_run(verb: RunVerb, status: RunStatus, reason: Option<StatusReason>) -> RunExpected {
    use EventKind as K;
    use RunStatus as S;
    use RunVerb as V;
    let done = |becomes, event| RunExpected::Done { becomes, event: Some(event) };
    let is_held = status == S::Paused && matches!(reason, Some(StatusReason::Person | StatusReason::Budget));
    let over = "There is nothing left to steer: run a step again, or start a new run.";
    match (verb, status) {
        // The event is the first one of the new run.
        (V::Fork, _) => RunExpected::Done { becomes: &[], event: None },
        (V::Cancel, S::Cancelled) => RunExpected::Unchanged,
        (_, S::Cancelled) => RunExpected::Refused(FINAL),

        (V::AutoRun, S::Pending | S::Running | S::Paused) => {
            done(&[S::Running, S::Paused, S::Completed, S::Failed], K::AutoRunChanged)
        }
        (V::AutoRun | V::Pause | V::Cancel, S::Completed | S::Failed) => RunExpected::Refused(over),
        (V::Pause, _) if is_held => RunExpected::Unchanged,
        (V::Pause, _) => done(&[S::Paused], K::RunPaused),
        (V::Resume, _) if is_held => done(&[S::Running, S::Paused, S::Completed, S::Failed], K::RunResumed),
        (V::Resume, S::Completed | S::Failed) => {
            RunExpected::Refused("Nothing holds it, so there is nothing to resume.")
        }
        (V::Resume, _) => RunExpected::Unchanged,
        (V::Cancel, _) => done(&[S::Cancelled], K::RunCancelled),

        (V::Adopt, _) => done(&[S::Running, S::Paused, S::Completed, S::Failed], K::RunAdopted),
        (V::Move, S::Pending | S::Running) => {
            RunExpected::Refused("Wait until nothing is running, or pause it, then try again.")
        }
        (V::Move, _) => done(&[S::Running, S::Paused, S::Completed, S::Failed], K::RunMoved),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::step_machine::{StepEvent, next};

    /// What it may be to the step machine; which of these is up to the step's gate, rounds and dependencies.
    fn step_events(verb: Verb) -> Vec<StepEvent> {
        use StepEvent as E;
        let both = |event: fn(bool) -> E| vec![event(false), event(true)];
        match verb {
            Verb::Trigger => both(|blocked| E::Triggered { blocked }),
            Verb::Continue => vec![E::Approved, E::Voted],
            Verb::Edit => both(|gated| E::Edited { gated }),
            Verb::Reject => vec![
                E::Rejected { exhausted: false, blocked: false },
                E::Rejected { exhausted: false, blocked: true },
                E::Rejected { exhausted: true, blocked: false },
            ],
            Verb::Skip => vec![E::SkippedByPerson],
            Verb::Supply => both(|gated| E::Supplied { gated }),
            Verb::Stop => vec![E::Stopped],
            Verb::Rerun => both(|blocked| E::Rerun { blocked }),
            Verb::Rollback => both(|gated| E::RolledBack { gated }),
        }
    }

    #[test]
    fn the_table_is_what_the_step_machine_allows() {
        for verb in Verb::ALL {
            for &status in StepStatus::ALL {
                let reached: BTreeSet<StepStatus> =
                    step_events(verb).into_iter().filter_map(|event| next(status, event).ok()).collect();
                match expected(verb, status) {
                    Expected::Refused(_) => assert!(reached.is_empty(), "{verb:?} {status}: {reached:?}"),
                    Expected::Done { becomes, .. } => {
                        let told: BTreeSet<StepStatus> = becomes.iter().copied().collect();
                        // A rejection too many may meet an `on_error: default`.
                        let defaulted = (verb == Verb::Reject).then_some(StepStatus::Completed);
                        let possible: BTreeSet<StepStatus> = reached.into_iter().chain(defaulted).collect();
                        assert_eq!(told, possible, "{verb:?} {status}");
                    }
                }
            }
        }
    }

    #[test]
    fn docs_verbs_md_is_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verbs.md");
        let wanted = markdown();
        if std::env::var_os("WEFT_UPDATE").is_some() {
            std::fs::write(path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == wanted, "docs/verbs.md is not what verbs.rs says: write it anew, see the head of verbs.rs");
    }

    #[test]
    fn those_asked_at_a_gate_decide_and_do_nothing_else() {
        for verb in Verb::ALL {
            assert_eq!(may(verb, Who::Owner), Access::Allowed);
            assert_eq!(may(verb, Who::Other).status(), 404);
            assert_eq!(may(verb, Who::Assignee) == Access::Allowed, verb.is_decision());
            assert_eq!(may(verb, Who::Viewer), Access::Forbidden);
        }
    }

    #[test]
    fn a_cancelled_run_can_only_be_forked() {
        for verb in RunVerb::ALL {
            let does = matches!(expected_of_run(verb, RunStatus::Cancelled, None), RunExpected::Done { .. });
            assert_eq!(does, verb == RunVerb::Fork, "{verb:?}");
        }
    }
}
