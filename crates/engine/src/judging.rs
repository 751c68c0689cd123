//! What a run wants judged: a step whose condition or list reads artifacts, and a map whose items are over.
//! Judging is pure (`workflow::decide`) and names the versions it read; the run says so where others are the latest by then, and those
//! are read instead. So it may be done twice, by anybody.

use std::collections::BTreeSet;

use runs::{Ask, Content, Error};
use serde_json::Value;
use workflow::{
    ArtifactId, RunId, StepKey,
    content::{readable, weight},
    run::{
        Command, Refused, State,
        command::{Judged, Judgement},
    },
    source::Source,
    status::ErrorClass,
};

use crate::{
    asking::Asking,
    bugs::{Bug, is_on},
    maps,
    shared::{Inside, Shared, until_there},
    shelf,
};

/// What is the latest may be another one each time.
const MAX_TRIES: usize = 5;

/// Judges a step until its run has taken that, or does not want it any more.
#[tracing::instrument(name = "judge", level = "debug", skip_all, fields(run.id = %run, step.key = %key))]
pub(crate) async fn judge(inside: &Inside, run: RunId, key: StepKey) {
    let Some(_mark) = inside.shared.underway.mark((run, key.clone())) else { return };
    let mut wanted: Option<BTreeSet<ArtifactId>> = None;
    let mut is_refused = false;
    let mut first = None;
    for _ in 0..MAX_TRIES {
        let (step, ids) = (key.clone(), wanted.take());
        let look = move |state: Option<&State>| state.and_then(|state| Asking::of(state, &step, ids.as_ref()));
        let Ok(Some(asking)) = inside.runs().read(run, 0, look).await else { return };
        let answer = if is_refused { Some(Ok(not_stored(&asking))) } else { answer(inside, &asking).await };
        let (judgement, contents) = match answer {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(run.id = %run, step.key = %key, error, "a step cannot be judged; it is looked at again");
                return;
            }
            None => return,
        };
        let judgement = if is_on(Bug::JudgesStale) { first.get_or_insert(judgement).clone() } else { judgement };
        let read = asking.reads.iter().map(|version| version.id).collect();
        let judged = Judged { step: key.clone(), epoch: asking.step.decision_epoch, read, judgement };
        let ask = Ask { contents, ..Ask::itself(run, Command::Judged(Box::new(judged))) };
        match inside.ask(ask).await {
            Err(Error::Refused { refused: Refused::Needs(ids), .. }) => wanted = Some(ids),
            // Asked anew meanwhile, or not at all; or a large list has to be written again.
            Err(Error::Refused { refused: Refused::Outdated, .. } | Error::ContentGone) => {}
            // It cannot be stored, nor at any later time.
            Err(Error::Data(_)) if !is_refused => is_refused = true,
            // Told, or not asked for any more; or it is asked for again when the database is there.
            _ => return,
        }
    }
}

type Answer = (Judgement, Vec<Content>);

async fn answer(inside: &Inside, asking: &Asking) -> Option<shelf::Result<Answer>> {
    let shared = &inside.shared;
    let _room = shared.judging.take(weight(&asking.reads)).await;
    if asking.is_collecting() {
        return maps::collect(inside, asking).await;
    }
    until_there(&inside.dead, || judge_start(shared, asking)).await
}

/// Whether a step begins, and a map with which items.
async fn judge_start(shared: &Shared, asking: &Asking) -> shelf::Result<Answer> {
    let without_content = |judgement| Ok((judgement, Vec::new()));
    let Some(step) = asking.definition() else { return without_content(Judgement::Condition { holds: false }) };
    let read = shared.cache.contents.read(&*shared.shelf, asking.reads.clone()).await?;
    // What cannot be read counts as absent here; an attempt that needs it fails with the reason.
    let artifacts = readable(&read);
    let value = |source: &Source| -> Option<Value> {
        workflow::resolve::value_now(&asking.design.definition, &asking.birth.inputs, &artifacts, source)
    };
    let holds = asking.step.manually_triggered || step.when.as_ref().is_none_or(|when| when.holds(&value));
    match &step.map {
        Some(map) if holds => without_content(maps::items(shared, asking, step, map, &artifacts).await?),
        _ => without_content(Judgement::Condition { holds }),
    }
}

/// What is told in place of a judgement that cannot be stored.
fn not_stored(asking: &Asking) -> Answer {
    let error = "What it was to begin with could not be stored".to_owned();
    let judgement = if asking.is_collecting() {
        Judgement::Collected(Err((ErrorClass::InvalidOutput, "The result could not be stored".to_owned())))
    } else {
        Judgement::NoItems { error }
    };
    (judgement, Vec::new())
}
