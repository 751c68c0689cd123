//! One decision about many gates: the verb of each, with what was shown of each, one after the other in a run and a few runs side by side.
//! Must never let one gate stand for another: each is answered by itself, and asked again under the same key, is decided no second time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
};

use futures::{StreamExt, stream};
use workflow::{
    RunId, StepKey,
    access::Scope,
    api::{ContinueStep, DecideGate, DecideMany, Decision, GateAnswer, GateOutcome, RejectStep},
    run::{Refused, event::EventKind, state::Step},
    verbs::Access,
};

use super::{AT_ONCE, not_too_many};
use crate::{
    Error, OpContext, Result,
    runs::{Done, asking::Decided, idempotency, looking},
    steps::{approving, checked_feedback, rejecting},
};

/// Alike for who was too late, who is not asked, and who knows of no such run.
const GONE: &str = "Somebody decided there before, or it is not yours to decide.";

/// It may be asked again, and then it is.
const NOT_ASKED: &str =
    "Nothing was decided here: the server could not go on before it came to this. Try again in a moment.";

/// What is decided about each of them.
struct Wanted<'a> {
    decision: Decision,
    feedback: &'a str,
    once: Option<String>,
    /// The server could not go on, as with a database that is gone: asking for the others would only take long.
    is_given_up: AtomicBool,
}

/// What became of a gate, with why.
type Became = Result<(GateOutcome, Option<String>)>;

/// A gate, its place among those that were named, and what became of it; none where it was not asked for any more.
type Told = (usize, DecideGate, Option<Became>);

/// An answer for each, in their order. What the server could not do is said of those alone that it is true of; where it is true of all, the
/// whole is refused with it. Either way the same may be sent again under the same key.
pub async fn decide_many(ctx: &OpContext, many: &DecideMany, key: Option<String>) -> Result<Vec<GateAnswer>> {
    ctx.user_for(Scope::Review)?;
    let wanted = check(many, key)?;
    let mut by_run: BTreeMap<RunId, Vec<(usize, DecideGate)>> = BTreeMap::new();
    for (n, gate) in many.gates.iter().cloned().enumerate() {
        by_run.entry(gate.run_id).or_default().push((n, gate));
    }
    let by_run: Vec<Vec<(usize, DecideGate)>> = by_run.into_values().collect();
    let runs = stream::iter(by_run).map(|gates| decide_in_run(ctx, &wanted, gates)).buffer_unordered(AT_ONCE);
    let mut told: Vec<Told> = runs.collect::<Vec<_>>().await.into_iter().flatten().collect();
    told.sort_by_key(|(n, ..)| *n);
    if let Some(error) = error_of_all(&mut told) {
        return Err(error);
    }
    Ok(told.into_iter().map(|(_, gate, became)| answer(gate, became)).collect())
}

/// Where nothing is known of any: why, by the first that was asked for.
fn error_of_all(told: &mut [Told]) -> Option<Error> {
    if told.iter().any(|(.., became)| matches!(became, Some(Ok(_)))) {
        return None;
    }
    told.iter_mut().find_map(|(.., became)| became.take()?.err())
}

fn check(many: &DecideMany, key: Option<String>) -> Result<Wanted<'_>> {
    key.as_deref().map(idempotency::check).transpose()?;
    if many.gates.is_empty() {
        return Err(Error::invalid("gates", "No gate is named. Choose at least one."));
    }
    not_too_many(many.gates.len())?;
    let mut named = BTreeSet::new();
    if let Some(twice) = many.gates.iter().position(|gate| !named.insert((gate.run_id, &gate.step))) {
        return Err(Error::invalid(format!("gates.{twice}"), "This gate is named twice. Name it once."));
    }
    let feedback = many.feedback.as_deref().unwrap_or_default();
    let feedback = match many.decision {
        Decision::Reject => checked_feedback(feedback)?,
        Decision::Approve if feedback.trim().is_empty() => "",
        Decision::Approve => {
            let detail = "An approval takes no feedback, so nobody would read it. Leave it out, or reject them.";
            return Err(Error::invalid("feedback", detail));
        }
    };
    Ok(Wanted { decision: many.decision, feedback, once: key, is_given_up: AtomicBool::new(false) })
}

/// The gates of one run, one after the other: each decision about a run waits for the one before it anyway.
async fn decide_in_run(ctx: &OpContext, wanted: &Wanted<'_>, gates: Vec<(usize, DecideGate)>) -> Vec<Told> {
    let mut told = Vec::with_capacity(gates.len());
    for (n, gate) in gates {
        let became =
            if wanted.is_given_up.load(Ordering::Relaxed) { None } else { Some(decide(ctx, wanted, &gate).await) };
        if matches!(became, Some(Err(_))) {
            wanted.is_given_up.store(true, Ordering::Relaxed);
        }
        told.push((n, gate, became));
    }
    told
}

async fn decide(ctx: &OpContext, wanted: &Wanted<'_>, gate: &DecideGate) -> Became {
    let (run, step) = (gate.run_id, &gate.step);
    let once = wanted.once.as_deref().map(|key| idempotency::of_part(key, &[&run.to_string(), step.as_str()]));
    let (content_hash, expect_generation) = (Some(gate.content_hash.clone()), Some(gate.expect_generation));
    let asked = match wanted.decision {
        Decision::Approve => {
            let decision = ContinueStep { content_hash, expect_generation };
            approving(ctx, run, step, decision, once).await
        }
        Decision::Reject => {
            let rejection = RejectStep { feedback: wanted.feedback.to_owned(), content_hash, expect_generation };
            rejecting(ctx, run, step, rejection, once).await
        }
    };
    let decided = match asked {
        Ok((call, command, brings)) => call.decided(command, brings).await,
        Err(error) => Err(error),
    };
    match decided {
        Ok(Decided::Done(done)) => Ok((became(ctx, wanted.decision, gate, &done).await?, None)),
        Ok(Decided::Refused(refused, words)) => {
            // Whether there still is something to look at.
            let is_other = matches!(refused, Refused::Digest | Refused::Generation);
            let is_changed = is_other && is_open(ctx, run, step).await;
            let outcome = if is_changed { GateOutcome::Changed } else { refused_as(&refused) };
            Ok((outcome, Some(said(&words))))
        }
        Err(error) => turned_away(error),
    }
}

/// Whether it is decided now, or waits for others.
async fn became(ctx: &OpContext, decision: Decision, gate: &DecideGate, done: &Done) -> Result<GateOutcome> {
    let is_told = |kind: EventKind| done.events.iter().any(|event| event.kind == kind);
    if decision == Decision::Reject || is_told(EventKind::StepApproved) {
        return Ok(GateOutcome::Done);
    }
    if is_told(EventKind::StepVoted) {
        return Ok(GateOutcome::Counted);
    }
    // It was answered before: what it came to then may have gone on since.
    let (me, step, generation) = (ctx.user()?.id, gate.step.clone(), gate.expect_generation);
    let waits = looking::read(ctx, gate.run_id, done.seq, move |state| {
        let step = state.step(&step).filter(|step| step.generation == generation);
        step.and_then(Step::review).is_some_and(|review| review.votes.contains(&me))
    });
    Ok(if waits.await? { GateOutcome::Counted } else { GateOutcome::Done })
}

/// Of a run that they were let in to.
async fn is_open(ctx: &OpContext, run: RunId, step: &StepKey) -> bool {
    let key = step.clone();
    let look = looking::read(ctx, run, 0, move |state| state.step(&key).is_some_and(|step| step.review().is_some()));
    // What was shown is not there in any case.
    look.await.unwrap_or(true)
}

fn refused_as(refused: &Refused) -> GateOutcome {
    match refused {
        // What they approved before counts.
        Refused::AlreadyVoted => GateOutcome::Counted,
        Refused::Digest
        | Refused::Generation
        | Refused::NotFound
        | Refused::Status(_)
        | Refused::RunStatus(_)
        | Refused::NotCollecting(_)
        | Refused::TooLate
        | Refused::Access(Access::NotFound | Access::Forbidden) => GateOutcome::Gone,
        _ => GateOutcome::Refused,
    }
}

/// What was refused before it came to the run. What the server could not do stays an error.
fn turned_away(error: Error) -> Became {
    let outcome = match &error {
        Error::NotFound | Error::Forbidden | Error::NotYours(_) => GateOutcome::Gone,
        Error::Invalid { .. }
        | Error::InvalidFields { .. }
        | Error::TooLarge { .. }
        | Error::Conflict(_)
        | Error::Unsuitable { .. }
        | Error::IdempotencyMismatch
        | Error::Quota(_)
        | Error::SetAside { .. }
        | Error::TooNew
        | Error::Unstorable(_) => GateOutcome::Refused,
        _ => return Err(error),
    };
    Ok((outcome, Some(said(&error))))
}

fn said(error: &Error) -> String {
    match error {
        Error::NotFound | Error::Forbidden => GONE.to_owned(),
        error => error.to_api().detail,
    }
}

fn answer(gate: DecideGate, became: Option<Became>) -> GateAnswer {
    let (outcome, message) = match became {
        Some(Ok(became)) => became,
        Some(Err(error)) => (GateOutcome::Refused, Some(said(&error))),
        None => (GateOutcome::Refused, Some(NOT_ASKED.to_owned())),
    };
    GateAnswer { run_id: gate.run_id, step: gate.step, outcome, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(n: usize, became: Option<Became>) -> Told {
        let (run_id, step) = (RunId(uuid::Uuid::nil()), StepKey::new("draft"));
        (n, DecideGate { run_id, step, content_hash: String::new(), expect_generation: 1 }, became)
    }

    #[test]
    fn where_nothing_is_known_of_any_it_is_said_why_and_not_that_some_were_not_asked_for() {
        let mut all = [told(0, None), told(1, Some(Err(Error::Unauthenticated))), told(2, None)];
        assert!(matches!(error_of_all(&mut all), Some(Error::Unauthenticated)));
        let done = Some(Ok((GateOutcome::Done, None)));
        let mut some = [told(0, done), told(1, Some(Err(Error::Unauthenticated))), told(2, None)];
        assert!(error_of_all(&mut some).is_none());
        let outcomes: Vec<GateOutcome> =
            some.into_iter().map(|(_, gate, became)| answer(gate, became).outcome).collect();
        assert_eq!(outcomes, [GateOutcome::Done, GateOutcome::Refused, GateOutcome::Refused]);
    }
}
