//! The state machine of one step: every (status, event) pair has an answer, a new status or a refusal.
//! The SQL guards repeat it, and the store's tests hold them to this table; nothing else may decide a transition.

use crate::status::{Reason, StepStatus};

/// What can happen to a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepEvent {
    /// All direct dependencies are terminal, and the trigger rule holds.
    Unlocked,
    /// All direct dependencies are terminal, and the trigger rule does not hold.
    Skipped(Reason),
    /// A worker took it.
    Claimed,
    /// The attempt succeeded; `gated` when a person must look.
    Succeeded { gated: bool },
    /// The attempt failed; `retry` while automatic retries are left for its class.
    Failed { retry: bool },
    /// Its worker died; `quarantined` on the third time.
    Lost { quarantined: bool },
    /// A draining worker gave it back.
    Released,
    /// A person pressed Continue, or auto-run released the gate.
    Approved,
    /// A person triggered, retried or re-ran it; `blocked` while a step it depends on runs again.
    Triggered { blocked: bool },
    /// A step before it opened again, so that it waits once more.
    Reopened,
    /// The run was cancelled.
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
    use StepStatus as S;
    Ok(match (status, event) {
        (S::Pending, StepEvent::Unlocked)
        | (
            S::Running,
            StepEvent::Failed { retry: true } | StepEvent::Lost { quarantined: false } | StepEvent::Released,
        )
        | (S::Ready | S::Completed | S::Failed | S::Skipped, StepEvent::Triggered { blocked: false }) => S::Ready,
        (S::Completed | S::Failed | S::Skipped, StepEvent::Triggered { blocked: true })
        | (S::Skipped | S::Pending | S::Ready, StepEvent::Reopened) => S::Pending,
        (S::Pending, StepEvent::Skipped(_)) => S::Skipped,
        (S::Ready, StepEvent::Claimed) => S::Running,
        (S::Running, StepEvent::Succeeded { gated: true }) => S::AwaitingReview,
        (S::Running, StepEvent::Succeeded { gated: false }) | (S::AwaitingReview, StepEvent::Approved) => S::Completed,
        (S::Running, StepEvent::Failed { retry: false } | StepEvent::Lost { quarantined: true }) => S::Failed,
        (S::Pending | S::Ready | S::Running | S::AwaitingReview, StepEvent::Cancelled) => S::Cancelled,
        _ => return Err(Refused { status }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [StepEvent; 16] = [
        StepEvent::Unlocked,
        StepEvent::Skipped(Reason::UpstreamFailed),
        StepEvent::Claimed,
        StepEvent::Succeeded { gated: true },
        StepEvent::Succeeded { gated: false },
        StepEvent::Failed { retry: true },
        StepEvent::Failed { retry: false },
        StepEvent::Lost { quarantined: true },
        StepEvent::Lost { quarantined: false },
        StepEvent::Released,
        StepEvent::Approved,
        StepEvent::Triggered { blocked: false },
        StepEvent::Triggered { blocked: true },
        StepEvent::Reopened,
        StepEvent::Cancelled,
        StepEvent::Skipped(Reason::Condition),
    ];

    #[test]
    fn terminal_steps_move_only_when_a_person_triggers_or_an_ancestor_reopens() {
        for &status in StepStatus::ALL.iter().filter(|status| status.is_terminal()) {
            for event in EVENTS {
                let moved = next(status, event).is_ok();
                let allowed = matches!(
                    (status, event),
                    (StepStatus::Completed | StepStatus::Failed | StepStatus::Skipped, StepEvent::Triggered { .. })
                        | (StepStatus::Skipped, StepEvent::Reopened)
                );
                assert_eq!(moved, allowed, "{status} {event:?}");
            }
        }
    }

    #[test]
    fn a_cancelled_step_is_final() {
        assert!(EVENTS.iter().all(|event| next(StepStatus::Cancelled, *event).is_err()));
    }

    #[test]
    fn only_a_running_step_can_finish() {
        for &status in StepStatus::ALL {
            let finishes = next(status, StepEvent::Succeeded { gated: false }).is_ok();
            assert_eq!(finishes, status == StepStatus::Running);
        }
    }
}
