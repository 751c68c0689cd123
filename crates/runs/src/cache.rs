//! The states of runs that this process works on, bounded by bytes: what was used longest ago goes first.
//! A state here is what the log said up to its head, never more: what is decided and not yet committed lies in `ahead`.

use std::collections::BTreeMap;

use workflow::{
    id::RunId,
    run::{RunEvent, State},
};

use crate::{
    ids::CommitId,
    log::{Logged, Seen},
    size,
};

/// A run as the log had it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) head: CommitId,
    pub(crate) state: Box<State>,
    /// A copy that decisions of one commit are laid over, kept for the next: equal to `state` while nothing is being committed.
    pub(crate) ahead: Option<Box<State>>,
    /// The log had nothing newer when this tick had come.
    pub(crate) confirmed: u64,
    n_bytes: usize,
}

impl Known {
    pub(crate) fn new(head: CommitId, state: State, confirmed: u64) -> Self {
        let n_bytes = size::of_state(&state);
        Self { head, state: Box::new(state), ahead: None, confirmed, n_bytes }
    }

    pub(crate) fn seen(&self) -> Seen {
        Seen { seq: self.state.seq, head: self.head }
    }

    /// The log goes on with these. False: they do not follow what is known.
    pub(crate) fn apply<'e>(&mut self, head: CommitId, events: impl IntoIterator<Item = &'e RunEvent>) -> bool {
        for event in events {
            if self.state.apply(event) != workflow::view::Applied::Changed {
                return false;
            }
            self.n_bytes += size::of_event(event) / 2;
        }
        self.head = head;
        true
    }

    /// Applies what came to the run. False: it does not follow what is known.
    pub(crate) fn catch_up(&mut self, events: &[Logged]) -> bool {
        let Some(last) = events.last() else { return true };
        self.forget_ahead();
        self.apply(last.commit, events.iter().map(|logged| &*logged.event))
    }

    /// What was decided on it is not in the log.
    pub(crate) fn forget_ahead(&mut self) {
        self.ahead = None;
    }

    fn n_bytes(&self) -> usize {
        if self.ahead.is_some() { 2 * self.n_bytes } else { self.n_bytes }
    }
}

#[derive(Debug)]
pub(crate) struct Cache {
    most_bytes: usize,
    n_bytes: usize,
    runs: BTreeMap<RunId, (u64, Known)>,
    /// By when they were last used.
    used: BTreeMap<u64, RunId>,
    tick: u64,
}

impl Cache {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, n_bytes: 0, runs: BTreeMap::new(), used: BTreeMap::new(), tick: 0 }
    }

    pub(crate) fn get(&self, run: RunId) -> Option<&Known> {
        self.runs.get(&run).map(|(_, known)| known)
    }

    /// Takes a run out to work on it; `put` brings it back. Meanwhile it is not counted.
    pub(crate) fn take(&mut self, run: RunId) -> Option<Known> {
        let (tick, known) = self.runs.remove(&run)?;
        self.used.remove(&tick);
        self.n_bytes -= known.n_bytes();
        Some(known)
    }

    /// As the one that was used last. One that is larger than the cache stays alone in it.
    pub(crate) fn put(&mut self, run: RunId, known: Known) {
        self.take(run);
        self.tick += 1;
        self.n_bytes += known.n_bytes();
        self.used.insert(self.tick, run);
        self.runs.insert(run, (self.tick, known));
        while self.n_bytes > self.most_bytes && self.runs.len() > 1 {
            let Some((_, oldest)) = self.used.first_key_value() else { return };
            self.take(*oldest);
        }
    }
}
