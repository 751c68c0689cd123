//! A commit in the making: its parts, each decided over what the ones before it came to, and what follows from them.
//! Must never look at anything but what was decided on and what was decided.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use workflow::{
    Definition,
    id::{RunId, StepKey, WorkerId},
    run::{
        Command, RunEvent, State,
        state::{Admission, Status, Step, Version, Work},
    },
};

use crate::{
    bugs::{Bug, is_on},
    cache::Known,
    commit::{Content, Part, RunCommit, StartKey},
    ids::{AskId, CommitId},
    message::MessageKey,
    options::Options,
    rows::{Merged, Rows},
    size,
    turn::Turn,
};

pub(super) struct Making<'a> {
    known: Option<&'a mut Known>,
    /// Of a run that begins: what it is then.
    begun: Option<Box<State>>,
    empty: State,
    parts: Vec<Part>,
    rows: Option<Merged>,
    start: Option<StartKey>,
    worker: Option<WorkerId>,
    holds: BTreeSet<StepKey>,
    frees: BTreeSet<StepKey>,
    n_rows: usize,
    n_bytes: usize,
}

impl<'a> Making<'a> {
    pub(super) fn over(known: Option<&'a mut Known>) -> Self {
        Self {
            known,
            begun: None,
            empty: State::empty(),
            parts: Vec::new(),
            rows: None,
            start: None,
            worker: None,
            holds: BTreeSet::new(),
            frees: BTreeSet::new(),
            n_rows: 0,
            n_bytes: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The worker that it takes steps for.
    pub(super) fn worker(&self) -> Option<WorkerId> {
        self.worker
    }

    fn events(&self) -> impl Iterator<Item = &RunEvent> {
        self.parts.iter().flat_map(|part| &part.events).map(|event| &**event)
    }

    /// Whether one of its parts left something that may be claimed, or something was there before.
    pub(super) fn may_set_free(&self) -> bool {
        let is_free = |step: &Step| step.status.admission() == Some(Admission::Claimable);
        let before =
            self.known.as_ref().is_some_and(|known| known.state.claimable(DateTime::<Utc>::MAX_UTC).next().is_some());
        before || self.events().flat_map(|event| &event.data.steps).any(is_free)
    }

    /// What is decided on next: after all parts, once `look_ahead` was called.
    pub(super) fn state(&self) -> &State {
        match (&self.known, &self.begun) {
            (Some(known), _) => known.ahead.as_deref().unwrap_or(&known.state),
            (None, Some(begun)) => begun,
            (None, None) => &self.empty,
        }
    }

    /// From the second part on there is something to decide over.
    pub(super) fn look_ahead(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        match &self.known {
            Some(known) if known.ahead.is_none() => {
                let mut ahead = known.state.clone();
                self.events().for_each(|event| {
                    ahead.apply(event);
                });
                if let Some(known) = self.known.as_deref_mut() {
                    known.ahead = Some(ahead);
                }
            }
            None if self.begun.is_none() => self.begun = Some(Box::new(State::fold(self.events()))),
            _ => {}
        }
    }

    pub(super) fn has_room(&self, turn: &Turn, options: &Options) -> bool {
        if self.parts.is_empty() {
            return true;
        }
        let is_other_worker = match turn.ask.command {
            Command::StartSteps { worker, .. } => self.worker.is_some_and(|taken| taken != worker),
            _ => false,
        };
        // A run that begins does so in a commit of its own: others are decided on what it then is.
        self.known.is_some()
            && !turn.is_single
            && !is_other_worker
            && self.n_rows < options.run_rows
            && self.n_bytes < options.batch_bytes
    }

    pub(super) fn add_turn(&mut self, turn: &Turn, events: Vec<RunEvent>) {
        if let Command::StartSteps { worker, .. } = turn.ask.command {
            self.worker = Some(worker);
        }
        self.start = self.start.take().or_else(|| turn.ask.start.clone());
        self.add(turn.id, events, turn.ask.contents.clone(), turn.ask.message);
    }

    pub(super) fn add_taken(&mut self, worker: WorkerId, ask: AskId, events: Vec<RunEvent>) {
        self.worker = Some(worker);
        self.add(ask, events, Vec::new(), None);
    }

    fn add(&mut self, ask: AskId, events: Vec<RunEvent>, mut contents: Vec<Content>, message: Option<MessageKey>) {
        let state = self.state();
        let rows = Rows::of(state, &events);
        let keys = keys(state, &events);
        contents.extend(default_contents(state, &events, &contents));
        match &mut self.rows {
            None => self.rows = Some(Merged::of(rows)),
            Some(before) if is_on(Bug::RowsAsTheyCome) => {
                let before = std::mem::replace(before, Merged::of(rows)).rows();
                if let Some(rows) = &mut self.rows {
                    rows.add(before);
                }
            }
            Some(before) => before.add(rows),
        }
        for (key, holds) in keys {
            let (to, from) =
                if holds { (&mut self.holds, &mut self.frees) } else { (&mut self.frees, &mut self.holds) };
            from.remove(&key);
            to.insert(key);
        }
        self.n_rows += events.iter().map(size::rows_of).sum::<usize>() + contents.len();
        self.n_bytes += events.iter().map(size::of_event).sum::<usize>()
            + contents.iter().map(|content| content.bytes.len()).sum::<usize>();
        let ahead = self.known.as_deref_mut().and_then(|known| known.ahead.as_mut()).or(self.begun.as_mut());
        if let Some(ahead) = ahead {
            for event in &events {
                ahead.apply(event);
            }
        }
        let events = events.into_iter().map(Arc::new).collect();
        self.parts.push(Part { ask, events, contents, message });
    }

    /// The commit, if there is anything to write, and the state of a run that begins with it.
    pub(super) fn finish(
        self,
        run: RunId,
        decided_at: DateTime<Utc>,
        id: impl FnOnce() -> CommitId,
    ) -> (Option<RunCommit>, Option<Box<State>>) {
        let Some(rows) = self.rows.map(Merged::rows) else { return (None, None) };
        let commit = RunCommit {
            run,
            id: id(),
            expected: self.known.as_ref().map(|known| known.head),
            expected_seq: self.known.as_ref().map_or(0, |known| known.state.seq),
            decided_at,
            parts: self.parts,
            rows,
            start: self.start,
            worker: self.worker,
            holds: self.holds,
            frees: self.frees,
            n_rows: self.n_rows,
            n_bytes: self.n_bytes,
        };
        (Some(commit), self.begun)
    }
}

/// What the events say of the concurrency keys of steps: held from now on, or given back.
fn keys(before: &State, events: &[RunEvent]) -> Vec<(StepKey, bool)> {
    let moved = events.iter().find_map(|event| event.data.moved.as_ref());
    let started = events.iter().find_map(|event| event.data.started.as_ref());
    let plans = moved.map(|moved| &*moved.steps).or(started.map(|started| &*started.steps));
    let mut last: BTreeMap<&StepKey, Option<&Step>> = BTreeMap::new();
    for event in events {
        last.extend(event.data.steps.iter().map(|step| (&step.key, Some(step))));
        last.extend(event.data.removed.iter().map(|key| (key, None)));
    }
    if moved.is_some() {
        // With the definition, the keys of what waits may be others.
        for step in before.steps().filter(|step| step.status.admission().is_some()) {
            last.entry(&step.key).or_insert(Some(step));
        }
    }
    let of_one = |(key, step): (&StepKey, Option<&Step>)| {
        let (of, _) = key.split();
        let was = before.design.plan(&of);
        let now = plans.map_or(was, |plans| plans.iter().find(|plan| plan.key == of));
        let has_keys = now.is_some_and(|plan| !plan.keys.is_empty());
        if !has_keys && was.is_none_or(|plan| plan.keys.is_empty()) {
            return None;
        }
        let admission = step.and_then(|step| step.status.admission());
        let works = step.is_some_and(|step| matches!(step.status, Status::Running(Work::Attempt { .. })));
        let holds = has_keys && (works || admission == Some(Admission::Claimable));
        // Under other keys it asks anew: what it had, or was just to have, is another's.
        let is_under_others = now.zip(was).is_some_and(|(now, was)| !now.is_under(&was.keys));
        let keeps = admission == Some(Admission::Reserving) && (!is_under_others || is_on(Bug::KeepKeysOverMove));
        (holds || !keeps).then(|| (key.clone(), holds))
    };
    last.into_iter().filter_map(of_one).collect()
}

/// The bytes of default outputs among the new versions: they stand in the definition, so nobody brings them.
fn default_contents(before: &State, events: &[RunEvent], contents: &[Content]) -> Vec<Content> {
    let given: BTreeSet<&str> = contents.iter().map(|content| content.hash.as_str()).collect();
    let mut found: BTreeMap<&str, Content> = BTreeMap::new();
    let versions = events.iter().flat_map(|event| &event.data.artifacts);
    for version in versions.filter(|version| version.copy_of.is_none() && before.artifact(version.id).is_none()) {
        let hash = version.content_hash.as_str();
        if given.contains(hash) || found.contains_key(hash) {
            continue;
        }
        if let Some(bytes) = default_content(definition(before, events), version) {
            found.insert(hash, Content { hash: hash.to_owned(), bytes: bytes.into_bytes().into() });
        }
    }
    found.into_values().collect()
}

fn definition<'s>(before: &'s State, events: &'s [RunEvent]) -> &'s Definition {
    let moved = events.iter().find_map(|event| event.data.moved.as_ref()).map(|moved| &moved.run_definition);
    let started = events.iter().find_map(|event| event.data.started.as_ref()).map(|started| &started.run_definition);
    moved.or(started).unwrap_or(&before.design.definition)
}

/// As `workflow::run::plan` made it when the run began: text stays text, everything else is JSON.
fn default_content(definition: &Definition, version: &Version) -> Option<String> {
    let (of, _) = version.producing_step_id.split();
    let value = definition.steps.get(&of)?.default_output.as_ref()?.get(&version.name)?;
    let text = match value {
        serde_json::Value::String(text) if version.media_type.starts_with("text/") => text.clone(),
        other => other.to_string(),
    };
    (workflow::hash::sha256_hex(text.as_bytes()) == version.content_hash).then_some(text)
}
