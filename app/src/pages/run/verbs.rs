//! Which verbs a step offers to this person now, and why not the others. The words of buttons stand here.
//! Only for showing: what is allowed is judged again on the server, by `workflow::run::decide`.

use workflow::{
    RunStatus, RunView, StepStatus,
    access::Actor,
    verbs::{self as table, Access, Expected, RunVerb, Who},
    view::StepView,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    Continue,
    Edit,
    Reject,
    /// Trigger, retry and re-run: one dialog.
    Again,
    Skip,
    Supply,
    Stop,
    Fork,
}

impl Verb {
    pub(super) const ALL: [Self; 8] =
        [Self::Continue, Self::Again, Self::Edit, Self::Reject, Self::Stop, Self::Supply, Self::Skip, Self::Fork];

    /// Its name in the table of verbs; a fork is a verb on the run.
    fn in_table(self) -> Option<table::Verb> {
        Some(match self {
            Self::Continue => table::Verb::Continue,
            Self::Edit => table::Verb::Edit,
            Self::Reject => table::Verb::Reject,
            Self::Again => table::Verb::Trigger,
            Self::Skip => table::Verb::Skip,
            Self::Supply => table::Verb::Supply,
            Self::Stop => table::Verb::Stop,
            Self::Fork => return None,
        })
    }

    pub(super) fn label(self, status: StepStatus) -> &'static str {
        match self {
            Self::Continue => "Continue",
            Self::Edit => "Edit",
            Self::Reject => "Reject",
            Self::Again => match status {
                StepStatus::Failed => "Retry",
                StepStatus::Ready => "Start now",
                StepStatus::Skipped => "Run",
                _ => "Re-run",
            },
            Self::Skip => "Skip",
            Self::Supply => "Supply",
            Self::Stop => "Stop",
            Self::Fork => "Fork from here",
        }
    }

    pub(super) fn icon(self) -> &'static str {
        match self {
            Self::Continue => "play",
            Self::Edit => "pencil",
            Self::Reject => "undo-2",
            Self::Again => "rotate-cw",
            Self::Skip => "skip-forward",
            Self::Supply => "upload",
            Self::Stop => "circle-stop",
            Self::Fork => "git-fork",
        }
    }

    /// What stands on the panel itself; the rest is in the menu. The first is the primary one where the step needs something.
    pub(super) fn on_panel(status: StepStatus) -> &'static [Self] {
        match status {
            StepStatus::AwaitingReview => &[Self::Continue, Self::Edit, Self::Reject],
            StepStatus::Failed => &[Self::Again, Self::Supply, Self::Skip],
            StepStatus::Completed => &[Self::Again, Self::Edit],
            StepStatus::Skipped => &[Self::Again, Self::Supply],
            StepStatus::Ready => &[Self::Again, Self::Skip],
            StepStatus::Running => &[Self::Stop],
            StepStatus::Pending => &[Self::Skip],
            StepStatus::Cancelled => &[],
        }
    }
}

/// Why a verb is not there for this person and this step; `None` where it is.
pub(super) fn refusal(verb: Verb, run: &RunView, step: &StepView, me: Option<&Actor>) -> Option<String> {
    let reason = match verb.in_table() {
        Some(verb) => refusal_of(verb, run, step, me),
        None => rights(table::may_run(RunVerb::Fork, who(run, step, me)), false),
    };
    reason.map(|reason| reason.trim_end_matches('.').to_owned()).or_else(|| match verb {
        Verb::Continue => no_vote(run, step, me),
        Verb::Skip => no_way_around(run, step, me),
        _ => None,
    })
}

/// Whether the run is still shown to this person: who is asked in it sees it only as long as they are.
pub(super) fn is_shown_to(run: &RunView, me: Option<&Actor>) -> bool {
    me.is_none_or(|me| me.id == run.user_id || me.is_admin() || run.steps.iter().any(|step| is_asked(step, me)))
}

fn is_asked(step: &StepView, me: &Actor) -> bool {
    step.review.as_ref().is_some_and(|review| {
        review.users.iter().any(|email| email.eq_ignore_ascii_case(&me.email))
            || review.groups.iter().any(|group| me.groups.contains(group.as_str()))
            || review.roles.iter().any(|role| role == me.role.as_str())
    })
}

/// Who this person is to the step.
fn who(run: &RunView, step: &StepView, me: Option<&Actor>) -> Who {
    let Some(me) = me else { return Who::Nobody };
    if me.id == run.user_id {
        Who::Owner
    } else if me.is_admin() {
        Who::Admin
    } else if is_asked(step, me) {
        Who::Assignee
    } else {
        Who::Other
    }
}

fn refusal_of(verb: table::Verb, run: &RunView, step: &StepView, me: Option<&Actor>) -> Option<&'static str> {
    rights(table::may(verb, who(run, step, me)), verb.is_decision()).or_else(|| {
        let is_over = run.status == RunStatus::Cancelled;
        by_status(verb, if is_over { StepStatus::Cancelled } else { step.status })
    })
}

fn rights(access: Access, is_decision: bool) -> Option<&'static str> {
    match access {
        Access::Allowed => None,
        Access::Unauthenticated => Some("Sign in first"),
        Access::Forbidden | Access::NotFound if is_decision => Some("Others are asked to decide here"),
        Access::Forbidden | Access::NotFound => Some("Only the run's owner and admins may do this"),
    }
}

fn by_status(verb: table::Verb, status: StepStatus) -> Option<&'static str> {
    match table::expected(verb, status) {
        Expected::Done { .. } => None,
        Expected::Refused(advice) => Some(advice),
    }
}

/// Why a vote at the gate would not count.
fn no_vote(run: &RunView, step: &StepView, me: Option<&Actor>) -> Option<String> {
    let (review, me) = (step.review.as_ref()?, me?);
    if review.approvals.contains(&me.email) {
        return Some("You have approved this version already".to_owned());
    }
    if is_for_others(step, me) {
        return Some("Others are asked to decide here; you may still edit it or send it back".to_owned());
    }
    (!review.allow_self && is_own(run, step, me))
        .then(|| "Somebody else has to approve what you started or wrote".to_owned())
}

/// Why the step cannot be skipped by who may not approve at its gate.
fn no_way_around(run: &RunView, step: &StepView, me: Option<&Actor>) -> Option<String> {
    let (review, me) = (step.review.as_ref()?, me?);
    let is_bound = is_for_others(step, me) || (!review.allow_self && is_own(run, step, me));
    is_bound.then(|| "Its gate asks others, and skipping does not get around them".to_owned())
}

/// Whether the gate asks others alone: it binds the owner of the run too.
pub(super) fn is_for_others(step: &StepView, me: &Actor) -> bool {
    let asks = step.review.as_ref().is_some_and(|review| !review.asks_nobody());
    asks && !me.is_admin() && !is_asked(step, me)
}

fn is_own(run: &RunView, step: &StepView, me: &Actor) -> bool {
    let email = Some(me.email.as_str());
    run.user_id == me.id || run.latest_artifacts(&step.key).any(|artifact| artifact.made_by.as_deref() == email)
}

/// Whether older versions of what the step made can become the latest again.
pub(super) fn can_roll_back(run: &RunView, step: &StepView, me: Option<&Actor>) -> bool {
    refusal_of(table::Verb::Rollback, run, step, me).is_none()
}

#[cfg(test)]
mod tests {
    use super::{Verb, by_status};
    use workflow::StepStatus;

    #[test]
    fn what_stands_on_the_panel_is_allowed_there() {
        for status in StepStatus::ALL {
            for verb in Verb::on_panel(*status) {
                let verb = verb.in_table().unwrap();
                assert_eq!(by_status(verb, *status), None, "{verb:?} {status}");
            }
        }
    }
}
