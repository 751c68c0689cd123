//! The places of a process: each is free, promised to a commit or a claim on its way, or an attempt's. Claims and hand-offs draw on the
//! same ones.
//!
//! Must never hand a place on within a run while another person's step has waited longer for one, as far as the last look at the queue
//! tells; nor let two looks pass without noticing whom it keeps waiting.

mod place;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use runs::{Ready, Taker};
use tokio::{sync::Notify, time::Instant};
use workflow::{
    AgentId, RunId, UserId,
    id::WorkerId,
    run::{RunEvent, state::Attempt},
};

pub(crate) use self::place::{Place, Promised};
use crate::{
    AgentNames, Kinds,
    bugs::{Bug, is_on},
};

/// What the last look at the queue told is believed for so long.
const FRESH: Duration = Duration::from_millis(500);
/// Places given, until whoever had one counts as if they had none.
const REMEMBERED: u64 = 4_096;

/// An attempt that began here.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub(crate) run: RunId,
    pub(crate) seq: i64,
    pub(crate) attempt: Attempt,
}

#[derive(Debug)]
pub(crate) struct Slots {
    n: usize,
    kinds: Kinds,
    agents: AgentNames,
    inner: Mutex<Inner>,
    /// There is something for the worker's loop: attempts began, or a place is free again.
    pub(crate) bell: Notify,
    /// There may be something to claim, and room for it.
    pub(crate) claim: Notify,
    /// Runs were left to look at.
    pub(crate) look: Notify,
    /// Others may have what an attempt gave back.
    pub(crate) freed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// Whose places they are; nobody's before the first has joined.
    worker: Option<WorkerId>,
    /// It takes steps.
    is_open: bool,
    /// Counts incarnations, so that places of earlier ones are not given back twice.
    term: u64,
    n_promised: usize,
    n_running: usize,
    /// Of those that run, the ones that only have their result to tell: what comes after them may have their place.
    n_ending: usize,
    begun: Vec<Begun>,
    look: Vec<RunId>,
    /// What the last look at the queue left, in the order in which it is to be taken.
    left: VecDeque<Ready>,
    looked: Option<Instant>,
    /// Somebody waits for a place.
    owes: bool,
    /// Places given so far, and which of them each owner had last.
    n_served: u64,
    served: BTreeMap<UserId, u64>,
}

impl Inner {
    fn n_taken(&self) -> usize {
        self.n_promised + self.n_running
    }

    fn is_fresh(&self) -> bool {
        self.looked.is_some_and(|looked| looked.elapsed() <= FRESH)
    }

    fn serve(&mut self, owner: UserId) {
        self.n_served += 1;
        self.served.insert(owner, self.n_served);
        if self.served.len() as u64 > 2 * REMEMBERED {
            let oldest = self.n_served - REMEMBERED;
            self.served.retain(|_, last| *last > oldest);
        }
    }
}

impl Slots {
    pub(crate) fn new(n: usize, kinds: Kinds, agents: AgentNames) -> Self {
        Self {
            n,
            kinds,
            agents,
            inner: Mutex::default(),
            bell: Notify::new(),
            claim: Notify::new(),
            look: Notify::new(),
            freed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker begins, with nothing that one before it had.
    pub(crate) fn begin(&self, worker: WorkerId) {
        let mut inner = self.lock();
        (inner.worker, inner.is_open) = (Some(worker), true);
        inner.term += 1;
        (inner.n_running, inner.n_ending) = (0, 0);
        inner.begun.clear();
        inner.left.clear();
        inner.looked = None;
        drop(inner);
        self.claim.notify_one();
        self.look.notify_one();
    }

    /// No step is taken any more. What was taken by a commit on its way still begins.
    pub(crate) fn close(&self) {
        self.lock().is_open = false;
    }

    /// Nothing is promised, and nothing began that was not asked for.
    pub(crate) fn is_quiet(&self) -> bool {
        let inner = self.lock();
        inner.n_promised == 0 && inner.begun.is_empty()
    }

    /// All places, free or not.
    pub(crate) fn places(&self) -> usize {
        self.n
    }

    /// Places that are promised, and that attempts have.
    pub(crate) fn taken(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.n_promised, inner.n_running)
    }

    pub(crate) fn take_begun(self: &Arc<Self>) -> Vec<(Begun, Place)> {
        let mut inner = self.lock();
        let (term, begun) = (inner.term, std::mem::take(&mut inner.begun));
        drop(inner);
        let place = || Place { slots: Arc::clone(self), term, is_ending: false };
        begun.into_iter().map(|begun| (begun, place())).collect()
    }

    /// What may be claimed for them.
    pub(crate) fn kinds(&self) -> &[String] {
        self.kinds.names()
    }

    /// And of which agents; none: of all.
    pub(crate) fn agents(&self) -> Option<&[String]> {
        self.agents.named()
    }

    /// Runs that want a look, each once.
    pub(crate) fn take_look(&self) -> Vec<RunId> {
        let mut look = std::mem::take(&mut self.lock().look);
        look.sort();
        look.dedup();
        look
    }

    // ---- claims

    /// Places for a claim, at most so many.
    pub(crate) fn promise(self: &Arc<Self>, most: usize) -> Promised {
        let mut inner = self.lock();
        let n = if inner.is_open { self.n.saturating_sub(inner.n_taken()).min(most) } else { 0 };
        inner.n_promised += n;
        Promised { slots: Arc::clone(self), n }
    }

    /// What a look at the queue found, in the order in which it is to be taken: each owner's first before anybody's second, and among those
    /// whoever had a place longest ago. By age alone places that come free one at a time would all go to who queued most before.
    pub(crate) fn in_turn(&self, found: Vec<Ready>) -> VecDeque<Ready> {
        let inner = self.lock();
        let mut turns: BTreeMap<UserId, u64> = BTreeMap::new();
        let place = |ready: Ready| {
            let turn = turns.entry(ready.user).or_default();
            *turn += 1;
            ((*turn, inner.served.get(&ready.user).copied().unwrap_or_default()), ready)
        };
        let mut placed: Vec<_> = found.into_iter().map(place).collect();
        placed.sort_by_key(|(place, _)| *place);
        placed.into_iter().map(|(_, ready)| ready).collect()
    }

    /// These get the places that were promised.
    pub(crate) fn serve(&self, taken: &[Ready]) {
        let mut inner = self.lock();
        for ready in taken {
            inner.serve(ready.user);
        }
    }

    /// What a look at the queue found, beside what is claimed of it.
    pub(crate) fn learn(&self, left: VecDeque<Ready>) {
        let mut inner = self.lock();
        inner.owes = !left.is_empty();
        inner.left = left;
        inner.looked = Some(Instant::now());
    }

    /// So many of what the last look left, if that was a moment ago.
    pub(crate) fn take_left(&self, n: usize) -> Option<Vec<Ready>> {
        let mut inner = self.lock();
        let has = inner.is_fresh() && n > 0 && inner.left.len() >= n;
        let taken = has.then(|| inner.left.drain(..n).collect());
        inner.owes = !inner.left.is_empty();
        taken
    }

    pub(crate) fn is_fresh(&self) -> bool {
        self.lock().is_fresh()
    }

    /// What of these events began for the worker whose places these are.
    pub(crate) fn begin_all(&self, run: RunId, events: &[Arc<RunEvent>]) {
        let mut inner = self.lock();
        let Some(worker) = inner.worker else { return };
        for event in events {
            let attempts = event.data.attempts.iter();
            for attempt in attempts.filter(|attempt| attempt.worker == Some(worker) && attempt.outcome.is_none()) {
                inner.n_running += 1;
                inner.begun.push(Begun { run, seq: event.seq, attempt: attempt.clone() });
            }
        }
        drop(inner);
        self.bell.notify_one();
    }

    fn keep(&self, n: usize) {
        let mut inner = self.lock();
        inner.n_promised = inner.n_promised.saturating_sub(n);
        // Where there is no room yet it is owed on, until an attempt's place comes free.
        let owes = inner.n_taken() < self.n && std::mem::take(&mut inner.owes);
        drop(inner);
        self.bell.notify_one();
        if owes {
            self.claim.notify_one();
        }
    }
}

impl Taker for Slots {
    fn takes(&self, kind: &str, agent: &AgentId) -> bool {
        // One whose agent is not in the library has no kind, and is everybody's.
        self.kinds.has(kind) && (kind.is_empty() || self.agents.has(agent)) || is_on(Bug::TakesOutside)
    }

    fn is_choosy(&self) -> bool {
        !self.kinds.are_all() || !self.agents.are_all()
    }

    fn take(&self, owner: UserId, oldest: DateTime<Utc>, n: usize) -> Option<(WorkerId, usize)> {
        let mut inner = self.lock();
        let worker = inner.worker.filter(|_| inner.is_open)?;
        let room = (self.n + inner.n_ending).saturating_sub(inner.n_taken());
        let is_fresh = inner.is_fresh();
        // As many places are left as others have waited longer for one. With places to spare nobody has to look who does.
        let is_older = |left: &&Ready| left.user != owner && left.not_before < oldest;
        let n_others = if is_fresh { inner.left.iter().filter(is_older).count() } else { 0 };
        let taken = room.saturating_sub(n_others).min(n);
        if taken == 0 || taken == room && !is_fresh {
            inner.owes = true;
            drop(inner);
            self.claim.notify_one();
            return None;
        }
        inner.owes |= taken < n || n_others > 0;
        inner.n_promised += taken;
        inner.serve(owner);
        Some((worker, taken))
    }

    fn started(&self, run: RunId, n_taken: usize, events: &[Arc<RunEvent>]) {
        self.begin_all(run, events);
        self.keep(n_taken);
    }

    fn give_back(&self, n: usize) {
        self.keep(n);
    }

    fn look_at(&self, run: RunId) {
        self.lock().look.push(run);
        self.look.notify_one();
    }
}

#[cfg(test)]
mod tests;
