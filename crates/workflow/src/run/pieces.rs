//! A snapshot in pieces: a browser that reads thousands of steps at once does nothing else meanwhile, so it reads some, lets others have
//! their turn, and goes on. Put together they are the state that the snapshot is of; a piece must never be shown by itself.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    RunEvent, Snapshot, State,
    event::{Effects, EventKind},
    plan::StepPlan,
    state::{Entry, Step},
};
use crate::{Definition, definition::Steps, id::StepKey};

/// All of a snapshot, in the order in which it is put together.
#[derive(Clone, PartialEq, Debug)]
pub struct Pieces {
    /// Without any step, and without those of the definition.
    pub head: Snapshot,
    pub drawn: Vec<Drawn>,
    /// Steps, then attempts, then versions.
    pub told: Vec<Effects>,
}

/// Some steps of the definition, and what is known of them beside it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Drawn {
    #[serde(skip_serializing_if = "Steps::is_empty")]
    pub steps: Steps,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<StepPlan>,
}

impl Snapshot {
    /// At most `n` of anything are in a piece.
    pub fn into_pieces(mut self, n: usize) -> Pieces {
        let mut drawn = Vec::new();
        if let Some(started) = &mut self.data.started {
            let definition = Arc::unwrap_or_clone(std::mem::take(&mut started.run_definition));
            let plans = std::mem::take(&mut started.steps);
            let steps = cut(definition.steps.into_shared(), n).into_iter();
            drawn.extend(steps.map(|steps| Drawn { steps: steps.into_iter().collect(), ..Drawn::default() }));
            let plans = plans.chunks(n.max(1));
            drawn.extend(plans.map(|plans| Drawn { plans: plans.to_vec(), ..Drawn::default() }));
            started.run_definition = Arc::new(Definition { steps: Steps::default(), ..definition });
        }
        let steps = cut(std::mem::take(&mut self.data.steps), n);
        let attempts = cut(std::mem::take(&mut self.data.attempts), n);
        let artifacts = cut(std::mem::take(&mut self.data.artifacts), n);
        let steps = steps.into_iter().map(|steps| Effects { steps, ..Effects::default() });
        let attempts = attempts.into_iter().map(|attempts| Effects { attempts, ..Effects::default() });
        let artifacts = artifacts.into_iter().map(|artifacts| Effects { artifacts, ..Effects::default() });
        let told = steps.chain(attempts).chain(artifacts).collect();
        Pieces { head: self, drawn, told }
    }
}

impl State {
    /// What is derived is worked out anew.
    pub fn of(snapshot: Snapshot) -> Self {
        Assembly::begin(snapshot).finish()
    }
}

fn cut<T>(all: impl IntoIterator<Item = T>, n: usize) -> Vec<Vec<T>> {
    let mut all = all.into_iter();
    let mut pieces = Vec::new();
    loop {
        let piece: Vec<T> = all.by_ref().take(n.max(1)).collect();
        if piece.is_empty() {
            return pieces;
        }
        pieces.push(piece);
    }
}

/// A definition that is being put together.
pub struct Drawing {
    head: Snapshot,
    drawn: Drawn,
}

impl Drawing {
    pub fn of(head: Snapshot) -> Self {
        Self { head, drawn: Drawn::default() }
    }

    pub fn add(&mut self, piece: Drawn) {
        self.drawn.steps.extend(piece.steps.into_shared());
        self.drawn.plans.extend(piece.plans);
    }

    /// With all of the definition.
    pub fn begin(self) -> Assembly {
        let Self { mut head, drawn } = self;
        if let Some(started) = &mut head.data.started {
            Arc::make_mut(&mut started.run_definition).steps = drawn.steps;
            started.steps = drawn.plans.into();
        }
        Assembly::begin(head)
    }
}

/// A state that is being put together.
pub struct Assembly {
    state: State,
    removed: Vec<StepKey>,
    seq: i64,
    at: DateTime<Utc>,
}

impl Assembly {
    /// With whatever is in the snapshot already.
    fn begin(snapshot: Snapshot) -> Self {
        let Snapshot { seq, at, created_at, mut data } = snapshot;
        let mut state = State::empty();
        let steps = std::mem::take(&mut data.steps);
        let removed = std::mem::take(&mut data.removed);
        let told = RunEvent { seq: 1, at: created_at, kind: EventKind::RunStarted, actor: None, cause: None, data };
        state.apply(&told);
        let mut begun = Self { state, removed, seq, at };
        begun.put(steps);
        begun
    }

    pub fn add(&mut self, piece: Effects) {
        self.put(piece.steps);
        for attempt in &piece.attempts {
            self.state.put_attempt(attempt);
        }
        for version in &piece.artifacts {
            self.state.put_version(version);
        }
    }

    /// What follows from the steps together is worked out once, in the end.
    fn put(&mut self, steps: Vec<Step>) {
        for step in steps {
            let is_removed = self.removed.binary_search(&step.key).is_ok();
            self.state.entries.insert(step.key.clone(), Entry { is_removed, ..Entry::new(step) });
        }
    }

    /// What is there so far: to be looked at alone, since no event folds into it.
    pub fn so_far(&self) -> State {
        let mut state = self.state.clone();
        state.derive();
        state
    }

    pub fn finish(mut self) -> State {
        self.state.derive();
        self.state.seq = self.seq;
        self.state.at = self.at;
        self.state
    }
}
