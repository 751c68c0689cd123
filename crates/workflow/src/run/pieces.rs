//! A snapshot in pieces: a browser that reads thousands of steps at once does nothing else meanwhile, so it reads some, lets others have
//! their turn, and goes on. Put together they are the state that the snapshot is of; a piece must never be shown by itself.

use chrono::{DateTime, Utc};

use super::{
    RunEvent, Snapshot, State,
    event::{Effects, EventKind},
    state::{Entry, Step},
};
use crate::id::StepKey;

impl Snapshot {
    /// What a state begins with, and what is added to it in this order: at most `n` steps, attempts or versions at once.
    pub fn into_pieces(mut self, n: usize) -> (Self, Vec<Effects>) {
        let steps = cut(std::mem::take(&mut self.data.steps), n);
        let attempts = cut(std::mem::take(&mut self.data.attempts), n);
        let artifacts = cut(std::mem::take(&mut self.data.artifacts), n);
        let steps = steps.into_iter().map(|steps| Effects { steps, ..Effects::default() });
        let attempts = attempts.into_iter().map(|attempts| Effects { attempts, ..Effects::default() });
        let artifacts = artifacts.into_iter().map(|artifacts| Effects { artifacts, ..Effects::default() });
        let pieces = steps.chain(attempts).chain(artifacts).collect();
        (self, pieces)
    }
}

impl State {
    /// What is derived is worked out anew.
    pub fn of(snapshot: Snapshot) -> Self {
        Assembly::begin(snapshot).finish()
    }
}

fn cut<T>(all: Vec<T>, n: usize) -> Vec<Vec<T>> {
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

/// A state that is being put together.
pub struct Assembly {
    state: State,
    removed: Vec<StepKey>,
    seq: i64,
    at: DateTime<Utc>,
}

impl Assembly {
    /// `snapshot` may be whole already.
    pub fn begin(snapshot: Snapshot) -> Self {
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

    pub fn finish(mut self) -> State {
        self.state.derive();
        self.state.seq = self.seq;
        self.state.at = self.at;
        self.state
    }
}
