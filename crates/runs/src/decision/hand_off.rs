//! The last part of a commit: the start of steps that it sets free, as far as this process has room for them.
//! Must never take a step without its place being told to be started or given back: a place that is lost is lost for good.

use workflow::{
    agent::queued,
    id::{RunId, StepKey, WorkerId},
    run::{
        Command, State,
        state::{Status, Work},
    },
};

use super::{deciding::Deciding, making::Making};
use crate::{
    ask::Ask,
    ids::AskId,
    options::Options,
    taker::{Rest, Taker},
};

/// Steps that a commit takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) worker: WorkerId,
    pub(crate) n: usize,
    /// Nothing of the run that could be claimed is left, or nothing but what the next commits take.
    pub(crate) is_all: bool,
    /// The part that takes them.
    pub(crate) ask: AskId,
}

/// The error: deciding panicked. Whatever of the places is not taken is given back.
pub(super) fn hand_off(
    making: &mut Making<'_>,
    deciding: &Deciding<'_>,
    options: &Options,
    taker: &dyn Taker,
    run: RunId,
) -> Result<(Option<Taken>, Rest), String> {
    if !making.may_set_free() {
        return Ok((None, Rest::Nothing));
    }
    making.look_ahead();
    let state = making.state();
    let free = || free(state, deciding, taker).take(options.run_rows);
    let oldest = free().next().and_then(|key| state.step(key)).map(|step| step.not_before);
    let n_free = free().count();
    let Some(oldest) = oldest else { return Ok((None, Rest::Nothing)) };
    let Some((worker, n)) = taker.take(state.birth.user_id, oldest, n_free) else {
        return Ok((None, Rest::Free));
    };
    let is_other_worker = making.worker().is_some_and(|other| other != worker);
    if is_other_worker || n == 0 {
        give_back(taker, n);
        return Ok((None, Rest::Free));
    }
    let steps: Vec<StepKey> = free().take(n).cloned().collect();
    let ask = Ask::itself(run, Command::StartSteps { worker, build: None, steps });
    let events = match deciding.decide(state, &ask) {
        Ok(Ok(events)) => events,
        Ok(Err(_)) => Vec::new(),
        Err(panic) => {
            give_back(taker, n);
            return Err(panic);
        }
    };
    let is_taken = |status: &Status| *status == Status::Running(Work::Attempt { worker });
    let steps = events.iter().flat_map(|event| &event.data.steps);
    let n_taken = steps.filter(|step| is_taken(&step.status)).count();
    give_back(taker, n.saturating_sub(n_taken));
    if n_taken == 0 {
        return Ok((None, Rest::Free));
    }
    let rest = match n_taken {
        _ if n_taken < n_free => Rest::Free,
        // It is theirs at once, not after this process is through with its own.
        _ if taker.is_choosy() && leaves_to_others(state, deciding, taker) => Rest::Free,
        _ if n_free < options.run_rows => Rest::Nothing,
        _ => Rest::Next(worker),
    };
    let (is_all, ask) = (rest != Rest::Free, AskId((deciding.around.random)()));
    making.add_taken(worker, ask, events);
    Ok((Some(Taken { worker, n: n_taken, is_all, ask }), rest))
}

/// What may be started now and is what this process works on, the oldest first.
fn free<'s>(state: &'s State, deciding: &Deciding<'_>, taker: &dyn Taker) -> impl Iterator<Item = &'s StepKey> {
    let is_ours = move |key: &&StepKey| {
        let plan = state.step(key).and_then(|step| state.design.plan(step.definition_key()));
        plan.is_some_and(|plan| taker.takes(&plan.kind, &plan.agent_id))
    };
    state.claimable(deciding.now).filter(is_ours)
}

/// Whether something may be started now that other processes like this one work on. Workers outside are told of theirs in any case.
fn leaves_to_others(state: &State, deciding: &Deciding<'_>, taker: &dyn Taker) -> bool {
    let is_others = |key: &StepKey| {
        let plan = state.step(key).and_then(|step| state.design.plan(step.definition_key()));
        plan.is_some_and(|plan| !taker.takes(&plan.kind, &plan.agent_id) && queued(&plan.kind).is_none())
    };
    state.claimable(deciding.now).any(is_others)
}

fn give_back(taker: &dyn Taker, n: usize) {
    if n > 0 {
        taker.give_back(n);
    }
}
