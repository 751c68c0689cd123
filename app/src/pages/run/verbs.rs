//! Which verbs a step offers to this person now, and why not the others. The words of buttons stand here.
//! Only for showing: what is allowed is judged again on the server, by `workflow::run::decide`.

use workflow::{
    RunStatus, RunView, StepStatus, UserId,
    access::{Absent, Actor, KnownAs},
    verbs::{self as table, Access, Expected, RunVerb, Who},
    view::{ReviewView, StepView},
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
            Self::Supply => "Enter result",
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
    me.is_none_or(|me| me.id == run.user_id || me.is_admin() || run.steps.iter().any(|step| is_asked(run, step, me)))
}

/// Whether the gate asks this person, themselves or in the place of somebody who is away.
fn is_asked(run: &RunView, step: &StepView, me: &Actor) -> bool {
    step.review.as_ref().is_some_and(|review| asks(review, me.known_as())) || absent_at(run, step, me).next().is_some()
}

fn asks(review: &ReviewView, who: KnownAs<'_>) -> bool {
    review.users.iter().any(|email| email.eq_ignore_ascii_case(who.email))
        || review.groups.iter().any(|group| who.groups.contains(group.as_str()))
        || review.roles.iter().any(|role| role == who.role.as_str())
}

/// Those who are asked at the gate, are away, and gave this person their reviews. A gate that asks nobody is the owner's.
fn absent_at<'a>(run: &'a RunView, step: &'a StepView, me: &'a Actor) -> impl Iterator<Item = &'a Absent> {
    let asked = move |absent: &&Absent| {
        let is_owners = |review: &ReviewView| review.asks_nobody() && absent.id == run.user_id;
        step.review.as_ref().is_some_and(|review| asks(review, absent.known_as()) || is_owners(review))
    };
    me.acts_for.iter().filter(asked)
}

/// Whether this person decides at the gate in their own name, whomever they act for.
fn is_theirs(run: &RunView, step: &StepView, me: &Actor) -> bool {
    let is_asked = |review: &ReviewView| asks(review, me.known_as()) || (review.asks_nobody() && me.id == run.user_id);
    me.is_admin() || step.review.as_ref().is_some_and(is_asked)
}

/// The email of who is away and in whose place this person decides at the gate; none where they decide in their own name.
pub(super) fn in_place_of(run: &RunView, step: &StepView, me: Option<&Actor>) -> Option<String> {
    let me = me.filter(|me| !is_theirs(run, step, me))?;
    let mut absent = absent_at(run, step, me).peekable();
    let first = absent.peek().map(|first| first.email.clone());
    absent.find(|absent| no_word_for(run, step, absent).is_none()).map(|absent| absent.email.clone()).or(first)
}

/// Why nobody may approve in the place of somebody who is away.
fn no_word_for(run: &RunView, step: &StepView, absent: &Absent) -> Option<String> {
    let review = step.review.as_ref()?;
    if has_spoken(review, &absent.email) {
        return Some(format!("There is an approval of {} already", absent.email));
    }
    (!review.allow_self && is_of(run, step, absent.id, &absent.email))
        .then(|| format!("Somebody else has to approve what {} started or wrote", absent.email))
}

/// Whether an approval in the name of somebody is there: their own, or one in their place.
fn has_spoken(review: &ReviewView, email: &str) -> bool {
    let own = review.approvals.iter().any(|by| by == email) && !review.approved_for.contains_key(email);
    own || review.approved_for.values().any(|of| of == email)
}

/// Who this person is to the step.
fn who(run: &RunView, step: &StepView, me: Option<&Actor>) -> Who {
    let Some(me) = me else { return Who::Nobody };
    if me.id == run.user_id {
        Who::Owner
    } else if me.is_admin() {
        Who::Admin
    } else if is_asked(run, step, me) {
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
    if is_for_others(run, step, me) {
        return Some("Others are asked to decide here; you may still edit it or send it back".to_owned());
    }
    if !review.allow_self && is_own(run, step, me) {
        return Some("Somebody else has to approve what you started or wrote".to_owned());
    }
    let is_own_free = is_theirs(run, step, me) && !has_spoken(review, &me.email);
    let mut absent = absent_at(run, step, me).map(|absent| no_word_for(run, step, absent)).peekable();
    if is_own_free || (absent.peek().is_none() && !is_theirs(run, step, me)) {
        return None;
    }
    let spoken = Some("Somebody approved it in your place already".to_owned());
    let first = absent.peek().cloned().unwrap_or(spoken);
    if absent.any(|refusal| refusal.is_none()) { None } else { first }
}

/// Why the step cannot be skipped by who may not approve at its gate.
fn no_way_around(run: &RunView, step: &StepView, me: Option<&Actor>) -> Option<String> {
    let (review, me) = (step.review.as_ref()?, me?);
    let is_bound = !is_theirs_to_pass(run, step, me) || (!review.allow_self && is_own(run, step, me));
    is_bound.then(|| "Others are asked to review it, and skipping does not get around them".to_owned())
}

/// Whether the gate asks others alone: it binds the owner of the run too.
pub(super) fn is_for_others(run: &RunView, step: &StepView, me: &Actor) -> bool {
    !is_theirs_to_pass(run, step, me) && absent_at(run, step, me).next().is_none()
}

/// Whether the gate asks nobody else: what gets around it is never passed on with somebody's reviews.
fn is_theirs_to_pass(run: &RunView, step: &StepView, me: &Actor) -> bool {
    step.review.as_ref().is_none_or(ReviewView::asks_nobody) || is_theirs(run, step, me)
}

/// Whether the step's gate waits for this person's own word.
pub(super) fn waits_for(run: &RunView, step: &StepView, me: Option<&Actor>) -> bool {
    if step.status != StepStatus::AwaitingReview || me.is_some_and(|me| is_for_others(run, step, me)) {
        return false;
    }
    let is_form = step.kind == "human" && run.latest_artifacts(&step.key).next().is_none();
    refusal(if is_form { Verb::Supply } else { Verb::Continue }, run, step, me).is_none()
}

fn is_own(run: &RunView, step: &StepView, me: &Actor) -> bool {
    is_of(run, step, me.id, &me.email)
}

fn is_of(run: &RunView, step: &StepView, id: UserId, email: &str) -> bool {
    run.user_id == id || run.latest_artifacts(&step.key).any(|artifact| artifact.made_by.as_deref() == Some(email))
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
