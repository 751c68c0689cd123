//! Who asks, and whether they may: looked at before any status is. The table is `verbs::may`; here it is only said who somebody is.

use crate::{
    id::StepKey,
    run::{Context, Refused, State, state::Step},
    verbs::{Access, RunVerb, Verb, Who, may, may_run},
};

/// Somebody, as seen from the run: at this step, or anywhere in it.
fn who(state: &State, ctx: &Context<'_>, step: Option<&Step>) -> Who {
    let Some(actor) = ctx.actor else { return Who::Nobody };
    let is_asked = |step: &Step| step.review().is_some_and(|review| state.asks(review, actor));
    if actor.id == state.birth.user_id {
        Who::Owner
    } else if actor.is_admin() {
        Who::Admin
    } else if step.is_some_and(is_asked) || (ctx.was_asked && step.is_some()) {
        Who::Assignee
    } else {
        Who::Other
    }
}

/// They are let in only as somebody who is asked at a gate: once it is closed, nothing here is theirs.
pub(super) fn is_let_in_at_gate(state: &State, ctx: &Context<'_>) -> bool {
    !matches!(who(state, ctx, None), Who::Owner | Who::Admin)
}

/// Whether there is such a step is asked afterwards: an item that is gone meanwhile does not change what a request was answered.
pub(super) fn may_on_step(state: &State, verb: Verb, key: &StepKey, ctx: &Context<'_>) -> Result<(), Refused> {
    refuse(state, ctx, may(verb, who(state, ctx, state.step(key))))
}

pub(super) fn may_on_run(state: &State, verb: RunVerb, ctx: &Context<'_>) -> Result<(), Refused> {
    refuse(state, ctx, may_run(verb, who(state, ctx, None)))
}

fn refuse(state: &State, ctx: &Context<'_>, access: Access) -> Result<(), Refused> {
    // Whoever is asked at another gate of the run sees it, but that is all.
    let asks = |actor| state.steps().filter_map(Step::review).any(|review| state.asks(review, actor));
    let sees = || ctx.actor.is_some_and(asks);
    match access {
        Access::Allowed => Ok(()),
        Access::NotFound if sees() => Err(Refused::Access(Access::Forbidden)),
        refused => Err(Refused::Access(refused)),
    }
}

/// Whether the same was asked under its key before. Another request under it is refused.
pub(super) fn is_known(state: &State, ctx: &Context<'_>) -> Result<bool, Refused> {
    let (Some(request), Some(actor)) = (ctx.request, ctx.actor) else { return Ok(false) };
    match state.requests.get(&(actor.id, request.key.clone())) {
        Some(hash) if *hash == request.hash => Ok(true),
        Some(_) => Err(Refused::IdempotencyMismatch),
        None => Ok(false),
    }
}
