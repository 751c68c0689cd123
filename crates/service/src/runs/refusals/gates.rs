//! The words for a gate that is somebody else's: whom it asks, so that whoever was refused knows whom to turn to.
//! They are told to those who see the run, and so its gates, and to nobody else.

use workflow::{StepKey, access::Role, definition::Review, run::State, verbs::Verb};

use super::title;
use crate::Error;

/// So many are named; the others are counted.
const MOST_NAMED: usize = 5;

/// The gate of a step binds, and whoever asks may neither approve there nor get around it.
pub(super) fn bound(state: &State, key: &StepKey) -> Error {
    let title = title(state, key);
    let whose = state.design.step(&key.split().0).map(|step| whose(&step.review)).unwrap_or_default();
    Error::NotYours(format!("The review of “{title}” is not yours to give: {whose}. Ask them to decide there."))
}

/// Somebody who sees the run because they are asked at a gate of it, at another step than this one, or for something that is no decision.
pub(crate) fn not_asked(state: &State, verb: Verb, key: &StepKey) -> Error {
    match state.step(key).filter(|_| verb.is_decision()).and_then(|step| step.review()) {
        Some(_) => bound(state, key),
        None => Error::Forbidden,
    }
}

/// Whom a gate asks, and for how much.
fn whose(review: &Review) -> String {
    let role = |role: &String| match role.as_str() {
        role if role == Role::Admin.as_str() => "admins".to_owned(),
        role if role == Role::User.as_str() => "everybody with an account".to_owned(),
        role => role.to_owned(),
    };
    let asked = &review.assignees;
    let groups = asked.groups.iter().map(|group| format!("the group {group}"));
    let named: Vec<String> = asked.users.iter().cloned().chain(groups).chain(asked.roles.iter().map(role)).collect();
    let asks = match (named.as_slice(), named.len().saturating_sub(MOST_NAMED)) {
        ([], _) => "it asks the run's owner and admins".to_owned(),
        (all, 0) => format!("it asks {}", all.join(", ")),
        (all, more) => format!("it asks {} and {more} more", all[..MOST_NAMED].join(", ")),
    };
    let asks = if review.quorum > 1 { format!("{asks}, {} of them", review.quorum) } else { asks };
    if review.allow_self {
        asks
    } else {
        format!("{asks}, but neither the owner of the run nor whoever wrote what is to be approved")
    }
}
