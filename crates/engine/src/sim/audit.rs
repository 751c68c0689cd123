//! What has to hold of content in the log, looked at as each event is written: what an attempt made is what its own agent answered, lists
//! are those of their items, and conditions were judged by what was the latest. Nothing here asks the engine.

use std::{collections::BTreeMap, fmt, sync::Arc};

use runs::memory::{Audit, Contents};
use serde_json::Value;
use workflow::{
    StepKey, StepStatus,
    agent::queued,
    definition::OnItemError,
    resolve::{InputArtifact, InputArtifacts, MAP_PORT, value_now},
    run::{
        RunEvent, State,
        event::EventKind,
        state::{Attempt, Status, Step, Version},
    },
    source::Source,
    status::{Origin, SkipReason},
};

use super::stage::{Stage, key};

pub(super) struct Eyes(pub(super) Arc<Stage>);

impl fmt::Debug for Eyes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Eyes")
    }
}

impl Audit for Eyes {
    fn look(&self, state: &State, event: &RunEvent, contents: &Contents) -> Option<String> {
        if event.kind == EventKind::StepsStarted {
            event.data.attempts.iter().for_each(|attempt| self.0.learn(state, attempt));
            let taken_by_others = event.data.attempts.iter().find_map(|attempt| self.taken_by_others(state, attempt));
            if taken_by_others.is_some() {
                return taken_by_others;
            }
        }
        let is_made = |version: &&Version| {
            version.created_at == event.at && version.origin == Origin::Agent && version.copy_of.is_none()
        };
        let wrong =
            event.data.artifacts.iter().filter(is_made).find_map(|version| made_wrong(state, version, contents));
        if event.kind == EventKind::StepDecided {
            wrong.or_else(|| decided_wrong(state, event, contents))
        } else {
            wrong
        }
    }
}

impl Eyes {
    /// A step of workers outside is started for their sessions, and no other is.
    fn taken_by_others(&self, state: &State, attempt: &Attempt) -> Option<String> {
        let kind = &state.design.plan(state.step(&attempt.step)?.definition_key())?.kind;
        let is_session = self.0.is_session(attempt.worker?);
        (queued(kind).is_some() != is_session)
            .then(|| format!("{} of kind `{kind}` was started by another sort of worker", attempt.step))
    }
}

fn value(version: &Version, contents: &Contents) -> Option<Value> {
    let bytes = contents.of(version.id)?;
    if version.media_type == "application/json" {
        workflow::json::kept(bytes)
    } else {
        std::str::from_utf8(bytes).ok().map(Value::from)
    }
}

/// What an agent, or a map, made and should not have.
fn made_wrong(state: &State, version: &Version, contents: &Contents) -> Option<String> {
    let of = &version.producing_step_id;
    let (step, made) = (state.step(of)?, value(version, contents)?);
    if step.item.is_none() && state.design.is_map(of) {
        let wanted = collected(state, of, contents);
        return (made != wanted).then(|| format!("{of} collected {made} of the items {wanted}"));
    }
    let attempt = state.attempts(of).iter().find(|attempt| Some(attempt.number) == version.attempt)?;
    let text = made.as_str()?;
    let mut words = text.trim_end().splitn(3, ' ');
    let (Some(by), Some(number), Some(given)) = (words.next(), words.next(), words.next()) else { return None };
    if by != key(state.birth.id, of, attempt.generation) || number != attempt.number.to_string() {
        return Some(format!("attempt {} of {of} has the answer of another one", attempt.number));
    }
    let reads_item =
        state.design.step(step.definition_key())?.inputs.values().any(|source| matches!(source, Source::Item { .. }));
    let item = if reads_item { item(state, step, contents)? } else { return None };
    (serde_json::from_str(given).ok() != Some(item.clone())).then(|| format!("{of} was given {given} for {item}"))
}

/// The list of a map, of the latest outputs of its items in their order.
fn collected(state: &State, map: &StepKey, contents: &Contents) -> Value {
    let mode = state.design.step(map).and_then(|step| step.map.as_ref()).map(|map| map.on_item_error);
    let mut items: Vec<&Step> = state.items(map).collect();
    items.sort_by_key(|item| item.item.as_ref().map(|item| item.index));
    let outputs = items.into_iter().map(|item| {
        let is_there = item.status.word() == StepStatus::Completed;
        let latest = state.latest(&item.key).find(|version| version.name == "text").filter(|_| is_there);
        latest.and_then(|version| value(version, contents))
    });
    match mode {
        Some(OnItemError::Drop) => outputs.flatten().collect(),
        _ => outputs.map(|output| output.unwrap_or(Value::Null)).collect(),
    }
}

/// The value of an item, by its place in the list that its map last read.
fn item(state: &State, step: &Step, contents: &Contents) -> Option<Value> {
    let item = step.item.as_ref()?;
    let over = &state.design.step(&item.of)?.map.as_ref()?.over;
    let inputs = state.attempts(&item.of).iter().rev().flat_map(|attempt| &attempt.inputs);
    let read = inputs.into_iter().find(|input| input.port == MAP_PORT)?.artifact_id;
    let list = match (read, over) {
        (Some(read), _) => value(state.artifact(read)?, contents)?,
        (None, Source::Const(list)) => list.clone(),
        (None, _) => return None,
    };
    list.get(usize::try_from(item.index).ok()?).cloned()
}

/// Whether nobody reads what a step made before its gate approved it.
fn binds(state: &State, key: &StepKey) -> bool {
    let is_form = state.design.plan(key).is_some_and(|plan| plan.kind == "human");
    state.design.step(key).is_some_and(|step| step.review.binds(is_form))
}

/// A step that was skipped, or not, against its condition.
fn decided_wrong(state: &State, event: &RunEvent, contents: &Contents) -> Option<String> {
    let step = state.step(event.data.step.as_ref()?)?;
    let when = state.design.step(step.definition_key())?.when.as_ref().filter(|_| !step.manually_triggered)?;
    let is_skipped = match &step.status {
        Status::Skipped { reason: SkipReason::Condition } => true,
        Status::Ready { .. } => false,
        _ => return None,
    };
    let mut artifacts = InputArtifacts::new();
    for source in when.sources() {
        let Source::Step { step, artifact, .. } = source else { continue };
        let latest = state.latest(step).find(|version| version.name == *artifact);
        let Some(version) = latest.filter(|version| version.is_approved || !binds(state, step)) else { continue };
        // What was lost with the database may yet be known to who judged.
        let value = value(version, contents)?;
        let read = InputArtifact {
            id: version.id,
            version: version.version,
            value_hash: version.content_hash.clone(),
            value: Arc::new(value),
        };
        artifacts.insert((step.clone(), artifact.clone()), read);
    }
    let inputs = BTreeMap::new();
    let read = |source: &Source| value_now(&state.design.definition, &inputs, &artifacts, source);
    let holds = when.holds(&read);
    (holds == is_skipped).then(|| format!("{} was skipped: {is_skipped}, and its condition holds: {holds}", step.key))
}
