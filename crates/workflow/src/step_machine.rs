//! The state machine of one step: every (status, event) pair has an answer, a new status or a refusal.
//! `run::decide` takes every change of a status from here, and the table of verbs is held against it; nothing else may decide a
//! transition.

use crate::status::{Reason, StepStatus};

/// What can happen to a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepEvent {
    // ---- the engine
    /// All direct dependencies are terminal, and the trigger rule and the condition hold.
    Unlocked,
    /// All direct dependencies are terminal, and the trigger rule or the condition does not hold.
    Skipped(Reason),
    /// It cannot begin: its list is none, its sub-workflow cannot start.
    DecisionFailed,
    /// A worker took it.
    Claimed,
    /// A map made its items, or a sub-workflow its run: it goes on without a lease.
    Expanded,
    /// All items of the map are over, and their outputs are one list each.
    Collected,
    /// An item of the map opened again: it will collect again.
    ItemReopened,
    /// The map expands again and wants this item to run, whatever it was.
    ItemRenewed,
    /// The attempt succeeded; `gated` when a person must look.
    Succeeded { gated: bool },
    /// The run of a sub-workflow completed, perhaps after it had failed; `gated` when a person must look.
    ChildCompleted { gated: bool },
    /// The attempt failed; `retry` while automatic retries are left for its class.
    Failed { retry: bool },
    /// It failed for good, and its author gave an output for that.
    Defaulted,
    /// Its worker died, or could not know any more whether it was its own; `quarantined` on the third time.
    Lost { quarantined: bool },
    /// A draining worker gave it back.
    Released,
    /// A step before it opened again, so that it waits once more.
    Reopened,
    /// Nobody decided at its gate in time.
    ReviewTimedOut { approve: bool },
    /// The run took longer than it may.
    RunTimedOut,
    /// No worker took it in the time that it may wait.
    QueueTimedOut,
    /// The run used up a budget that fails it.
    BudgetFailed,
    /// Its attempt waits for something outside, and nobody works on it meanwhile.
    Suspended,
    /// What its attempt waited for came, or a worker goes on with it.
    Resumed,
    /// The run began with what another one has made of it: completed, skipped, or failed without harm.
    TakenOver(StepStatus),

    // ---- a person
    /// A person pressed Continue and enough have, or auto-run released the gate.
    Approved,
    /// A person approved, and more of them are wanted.
    Voted,
    /// A person triggered or retried it; `blocked` while a step it depends on runs again.
    Triggered { blocked: bool },
    /// A person re-ran it, or began a re-run at it.
    Rerun { blocked: bool },
    /// It is downstream of a re-run, or the run moved to a version where it means something else.
    Superseded { blocked: bool },
    /// A person wrote a new version; `gated` where that is to be approved.
    Edited { gated: bool },
    /// A person wants another round; `exhausted` where its gate allows no more.
    Rejected { exhausted: bool, blocked: bool },
    /// A person goes on without it.
    SkippedByPerson,
    /// A person brought its outputs, or took them over from another run; `gated` where that is to be approved.
    Supplied { gated: bool },
    /// A person ended what it was doing.
    Stopped,
    /// A person made an older version the latest; `gated` where that was never approved.
    RolledBack { gated: bool },
    /// The run was cancelled, or its map was stopped.
    Cancelled,
}

/// The event is not allowed in this status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a step that is {status} does not take this")]
pub struct Refused {
    pub status: StepStatus,
}

/// The next status, or a refusal that leaves everything as it was.
pub fn next(status: StepStatus, event: StepEvent) -> Result<StepStatus, Refused> {
    use StepEvent as E;
    use StepStatus as S;
    let start = |blocked| if blocked { S::Pending } else { S::Ready };
    let finish = |gated| if gated { S::AwaitingReview } else { S::Completed };
    Ok(match (status, event) {
        (S::Pending, E::Unlocked)
        | (S::Running, E::Failed { retry: true } | E::Lost { quarantined: false } | E::Released)
        | (S::Ready, E::Triggered { blocked: false })
        | (_, E::ItemRenewed) => S::Ready,

        (S::Completed | S::Failed | S::Skipped, E::Triggered { blocked } | E::Rerun { blocked })
        | (
            S::Pending | S::Ready | S::Running | S::AwaitingReview | S::Completed | S::Failed | S::Skipped,
            E::Superseded { blocked },
        )
        | (S::AwaitingReview, E::Rejected { exhausted: false, blocked }) => start(blocked),

        (S::Skipped | S::Pending | S::Ready, E::Reopened) => S::Pending,

        (S::Ready, E::Claimed)
        | (S::Pending | S::Running, E::Expanded)
        | (S::Running, E::Suspended | E::Resumed)
        | (S::Running | S::Completed | S::Failed, E::ItemReopened) => S::Running,

        (S::Running, E::Succeeded { gated })
        | (S::Running | S::Failed, E::ChildCompleted { gated })
        | (S::AwaitingReview | S::Completed, E::Edited { gated })
        | (S::Pending | S::Ready | S::AwaitingReview | S::Completed | S::Failed | S::Skipped, E::Supplied { gated })
        | (S::Completed, E::RolledBack { gated }) => finish(gated),

        (S::Pending | S::Ready, E::TakenOver(over @ (S::Completed | S::Skipped | S::Failed))) => over,
        (S::AwaitingReview, E::Voted) => S::AwaitingReview,
        (unchanged @ (S::Pending | S::Ready | S::AwaitingReview | S::Failed | S::Skipped), E::RolledBack { .. }) => {
            unchanged
        }

        (S::Running, E::Collected)
        | (S::Pending | S::Running | S::AwaitingReview, E::Defaulted)
        | (S::AwaitingReview, E::Approved | E::ReviewTimedOut { approve: true }) => S::Completed,

        (S::Pending, E::DecisionFailed)
        | (S::Running, E::Failed { retry: false } | E::Lost { quarantined: true } | E::Stopped)
        // Queued, which may be a long wait until the next try.
        | (S::Ready, E::BudgetFailed | E::QueueTimedOut | E::Stopped)
        | (S::AwaitingReview, E::Rejected { exhausted: true, .. } | E::ReviewTimedOut { approve: false })
        | (S::Pending | S::Ready | S::Running | S::AwaitingReview, E::RunTimedOut) => S::Failed,

        (S::Pending, E::Skipped(_)) | (S::Pending | S::Ready | S::Failed | S::AwaitingReview, E::SkippedByPerson) => {
            S::Skipped
        }
        (S::Pending | S::Ready | S::Running | S::AwaitingReview, E::Cancelled) => S::Cancelled,
        _ => return Err(Refused { status }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every event with every shade of it.
    fn all_events() -> Vec<StepEvent> {
        use StepEvent as E;
        let mut events = vec![
            E::Unlocked,
            E::Skipped(Reason::UpstreamFailed),
            E::Skipped(Reason::Condition),
            E::DecisionFailed,
            E::Claimed,
            E::Expanded,
            E::Collected,
            E::ItemReopened,
            E::ItemRenewed,
            E::Defaulted,
            E::Released,
            E::Reopened,
            E::RunTimedOut,
            E::BudgetFailed,
            E::Suspended,
            E::Resumed,
            E::TakenOver(StepStatus::Completed),
            E::TakenOver(StepStatus::Running),
            E::Approved,
            E::Voted,
            E::SkippedByPerson,
            E::Stopped,
            E::Cancelled,
        ];
        for yes in [false, true] {
            events.extend([
                E::Succeeded { gated: yes },
                E::ChildCompleted { gated: yes },
                E::Failed { retry: yes },
                E::Lost { quarantined: yes },
                E::ReviewTimedOut { approve: yes },
                E::Triggered { blocked: yes },
                E::Rerun { blocked: yes },
                E::Superseded { blocked: yes },
                E::Edited { gated: yes },
                E::Supplied { gated: yes },
                E::RolledBack { gated: yes },
                E::Rejected { exhausted: false, blocked: yes },
                E::Rejected { exhausted: true, blocked: yes },
            ]);
        }
        events
    }

    #[test]
    fn nothing_moves_a_terminal_step_by_itself_but_what_it_is_made_of() {
        use StepEvent as E;
        for &status in StepStatus::ALL.iter().filter(|status| status.is_terminal()) {
            for event in all_events() {
                let by_person = matches!(
                    event,
                    E::Triggered { .. }
                        | E::Rerun { .. }
                        | E::Superseded { .. }
                        | E::Edited { .. }
                        | E::Supplied { .. }
                        | E::RolledBack { .. }
                        | E::SkippedByPerson
                );
                let by_parts =
                    matches!(event, E::Reopened | E::ItemReopened | E::ItemRenewed | E::ChildCompleted { .. });
                assert!(next(status, event).is_err() || by_person || by_parts, "{status} {event:?}");
            }
        }
    }

    #[test]
    fn a_cancelled_step_is_final_but_for_the_item_of_a_map_that_runs_again() {
        for event in all_events() {
            assert_eq!(next(StepStatus::Cancelled, event).is_ok(), event == StepEvent::ItemRenewed, "{event:?}");
        }
    }

    #[test]
    fn only_a_running_step_can_finish_its_attempt() {
        for &status in StepStatus::ALL {
            for event in
                [StepEvent::Succeeded { gated: false }, StepEvent::Failed { retry: true }, StepEvent::Collected]
            {
                assert_eq!(next(status, event).is_ok(), status == StepStatus::Running, "{status} {event:?}");
            }
        }
    }

    #[test]
    fn what_a_person_brings_wins_over_everything_but_a_running_or_cancelled_step() {
        for &status in StepStatus::ALL {
            let takes = !matches!(status, StepStatus::Running | StepStatus::Cancelled);
            assert_eq!(next(status, StepEvent::Supplied { gated: false }) == Ok(StepStatus::Completed), takes);
            assert_eq!(next(status, StepEvent::RolledBack { gated: false }).is_ok(), takes, "{status}");
        }
    }

    #[test]
    fn a_gate_opens_only_where_something_finished_or_was_written() {
        for &status in StepStatus::ALL {
            for event in all_events() {
                let opened =
                    next(status, event) == Ok(StepStatus::AwaitingReview) && status != StepStatus::AwaitingReview;
                let may = matches!(
                    event,
                    StepEvent::Succeeded { gated: true }
                        | StepEvent::ChildCompleted { gated: true }
                        | StepEvent::Edited { gated: true }
                        | StepEvent::Supplied { gated: true }
                        | StepEvent::RolledBack { gated: true }
                );
                assert!(!opened || may, "{status} {event:?}");
            }
        }
    }
}
