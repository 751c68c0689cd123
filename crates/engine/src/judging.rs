//! What a run wants judged: a step whose condition or list reads artifacts, and a map whose items are over.
//! Judging is pure (`workflow::decide`) and names the versions it read; the run says so where others are the latest by then, and those
//! are read instead. So it may be done twice, by anybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use runs::{Ask, Content, Error};
use serde_json::Value;
use workflow::{
    ArtifactId, RunId, Step, StepKey, StepStatus,
    run::{
        Command, Refused, State,
        command::{Judged, Judgement},
        state::{self, Birth, Design, Version},
    },
    source::Source,
    status::ErrorClass,
    view::StepOverride,
};

use crate::{
    bugs::{Bug, is_on},
    content, maps,
    shared::{Inside, Shared, until_there},
    shelf,
};

/// What is the latest may be another one each time.
const MAX_TRIES: usize = 5;

/// A step that wants judging, with all that judging it looks at.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) step: state::Step,
    pub(crate) at: chrono::DateTime<chrono::Utc>,
    pub(crate) birth: Arc<Birth>,
    pub(crate) design: Arc<Design>,
    pub(crate) overrides: BTreeMap<StepKey, StepOverride>,
    /// Versions to read; of a map that collects, those of its items.
    pub(crate) reads: Vec<Version>,
    /// Of a map that collects: its items in order, with whether each completed or has failed.
    pub(crate) items: Vec<(StepKey, StepStatus)>,
}

impl Asking {
    /// `wanted`: the versions that the run said are to be read. None: it does not want judging any more.
    fn of(state: &State, key: &StepKey, wanted: Option<&BTreeSet<ArtifactId>>) -> Option<Self> {
        let step = state.step(key).filter(|step| step.status.needs_decision())?.clone();
        let definition = state.design.step(step.definition_key())?;
        let mut asking = Self {
            at: state.at,
            birth: Arc::clone(&state.birth),
            design: Arc::clone(&state.design),
            overrides: state.overrides.clone(),
            reads: Vec::new(),
            items: Vec::new(),
            step,
        };
        if asking.is_collecting() {
            let mut items: Vec<&state::Step> = state.items(key).collect();
            if !is_on(Bug::CollectsByKey) {
                items.sort_by_key(|item| item.item.as_ref().map(|item| item.index));
            }
            asking.items = items.iter().map(|item| (item.key.clone(), item.status.word())).collect();
            let completed = items.iter().filter(|item| item.status.word() == StepStatus::Completed);
            asking.reads = completed.flat_map(|item| state.latest(&item.key)).cloned().collect();
        } else if let Some(wanted) = wanted {
            asking.reads = wanted.iter().filter_map(|id| state.artifact(*id).cloned()).collect();
        } else {
            let latest = |(key, name): (&StepKey, &String)| state.latest(key).find(|version| version.name == *name);
            asking.reads = content::names(sources(definition)).into_iter().filter_map(latest).cloned().collect();
        }
        Some(asking)
    }

    pub(crate) fn is_collecting(&self) -> bool {
        self.step.status.word() == StepStatus::Running
    }

    pub(crate) fn definition(&self) -> Option<&Step> {
        self.design.step(self.step.definition_key())
    }
}

/// What judging it reads: its condition, and for a map its list and what its items read.
fn sources(step: &Step) -> Vec<&Source> {
    let of_items = step.map.iter().flat_map(|_| step.inputs.values());
    let of_list = step.map.iter().map(|map| &map.over);
    step.when.iter().flat_map(|when| when.sources()).chain(of_list).chain(of_items).collect()
}

/// Steps of a run that want judging now.
pub(crate) fn asked(state: &State) -> Vec<StepKey> {
    state.undecided().map(|step| step.key.clone()).collect()
}

/// Steps that are being judged, so that none is judged twice at a time.
#[derive(Debug, Default)]
pub(crate) struct Underway(Mutex<BTreeSet<(RunId, StepKey)>>);

/// One of them; no longer when dropped.
struct Mark<'u>(&'u Underway, (RunId, StepKey));

impl Underway {
    fn mark(&self, of: (RunId, StepKey)) -> Option<Mark<'_>> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(of.clone());
        is_new.then_some(Mark(self, of))
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// Judges a step until its run has taken that, or does not want it any more.
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
            // Asked anew meanwhile, or not at all.
            Err(Error::Refused { refused: Refused::Outdated, .. }) => {}
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
    let _room = shared.judging.take(content::weight(&asking.reads)).await;
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
    let artifacts = content::readable(&read);
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
