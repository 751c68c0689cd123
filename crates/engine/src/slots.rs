//! The places of a process: each is free, promised to a commit or a claim on its way, or an attempt's. Claims and hand-offs draw on the
//! same ones.
//!
//! Must never hand a place on within a run while another person's step has waited longer for one, as far as the last look at the queue
//! tells; nor let two looks pass without noticing whom it keeps waiting.

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

/// The place of one attempt; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    slots: Arc<Slots>,
    term: u64,
    is_ending: bool,
}

/// Places for a claim on its way; free again when dropped.
#[derive(Debug)]
pub(crate) struct Promised {
    slots: Arc<Slots>,
    pub(crate) n: usize,
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

impl Place {
    /// Its attempt is over, but for telling it.
    pub(crate) fn ends(&mut self) {
        let mut inner = self.slots.lock();
        if !self.is_ending && inner.term == self.term {
            self.is_ending = true;
            inner.n_ending += 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.slots.lock();
        if inner.term != self.term {
            return;
        }
        inner.n_running = inner.n_running.saturating_sub(1);
        inner.n_ending = inner.n_ending.saturating_sub(usize::from(self.is_ending));
        let owes = inner.n_taken() < self.slots.n && std::mem::take(&mut inner.owes);
        drop(inner);
        self.slots.bell.notify_one();
        if owes {
            self.slots.claim.notify_one();
        }
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        if self.n > 0 {
            self.slots.keep(self.n);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const BEN: UserId = UserId(Uuid::from_u128(2));
    const WORKER: WorkerId = WorkerId(Uuid::from_u128(3));

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds)
    }

    fn waits(user: UserId, since: i64) -> Ready {
        let (run, step, kind) = (RunId(Uuid::from_u128(4)), "a".into(), "template".to_owned());
        Ready { run, step, kind, user, not_before: at(since) }
    }

    fn open(n: usize) -> Arc<Slots> {
        let slots = Arc::new(Slots::new(n, Kinds::default(), AgentNames::default()));
        slots.begin(WORKER);
        slots
    }

    #[test]
    fn with_places_to_spare_a_commit_gets_what_it_wants() {
        let slots = open(4);
        assert_eq!(slots.take(ADA, at(9), 3), Some((WORKER, 3)), "nobody looked at the queue, and nobody has to");
        slots.give_back(3);
        assert_eq!(slots.promise(9).n, 4);
        slots.close();
        assert_eq!((slots.take(ADA, at(9), 1), slots.promise(9).n), (None, 0));
    }

    #[test]
    fn the_last_place_is_handed_on_only_while_nobody_else_has_waited_longer() {
        let slots = open(1);
        assert_eq!(slots.take(ADA, at(9), 1), None, "who knows who waits");
        for (left, expected) in [
            (vec![], Some((WORKER, 1))),
            (vec![waits(ADA, 1)], Some((WORKER, 1))),
            (vec![waits(BEN, 10)], Some((WORKER, 1))),
            (vec![waits(BEN, 8)], None),
        ] {
            slots.learn(left.clone().into());
            let taken = slots.take(ADA, at(9), 1);
            assert_eq!(taken, expected, "{left:?}");
            if taken.is_some() {
                slots.give_back(1);
            }
        }
        assert_eq!(slots.take_left(1).map(|left| left.len()), Some(1), "and that one is taken without another look");
    }

    #[test]
    fn of_many_places_as_many_are_left_as_others_have_waited_longer_for() {
        let slots = open(8);
        slots.learn(vec![waits(ADA, 1), waits(BEN, 8), waits(BEN, 8), waits(BEN, 10)].into());
        assert_eq!(slots.take(ADA, at(9), 9), Some((WORKER, 6)), "two of another owner have waited longer");
        assert_eq!(slots.take(ADA, at(9), 1), None);
        assert_eq!(
            slots.take(BEN, at(9), 9),
            Some((WORKER, 1)),
            "one of the other, for whom the first has waited longer"
        );
    }

    #[test]
    fn places_that_come_one_at_a_time_go_round_the_owners_and_not_to_who_queued_most_before() {
        let slots = open(1);
        let queue = || [vec![waits(ADA, 1); 3], vec![waits(BEN, 5); 3]].concat();
        let mut served = Vec::new();
        for _ in 0..4 {
            let next = slots.in_turn(queue()).pop_front().unwrap();
            served.push(next.user);
            slots.serve(&[next]);
        }
        assert_eq!(served, [ADA, BEN, ADA, BEN]);
        // What is handed on within a run is a place like any other.
        slots.learn(VecDeque::new());
        assert!(slots.take(ADA, at(9), 1).is_some());
        let order: Vec<UserId> = slots.in_turn(queue()).iter().map(|ready| ready.user).collect();
        assert_eq!(order, [BEN, ADA, BEN, ADA, BEN, ADA]);
    }

    #[test]
    fn an_attempt_that_ends_leaves_its_place_to_what_comes_after_it_and_not_to_claims() {
        let slots = open(1);
        slots.learn(VecDeque::new());
        slots.lock().n_running = 1;
        let mut place = Place { slots: Arc::clone(&slots), term: slots.lock().term, is_ending: false };
        assert_eq!(slots.take(ADA, at(9), 1), None);
        place.ends();
        assert_eq!(slots.promise(1).n, 0);
        assert_eq!(slots.take(ADA, at(9), 1), Some((WORKER, 1)));
        drop(place);
        assert_eq!(slots.promise(1).n, 0, "it was handed on");
        slots.give_back(1);
        assert_eq!(slots.promise(1).n, 1);
    }

    #[test]
    fn a_process_that_is_told_some_kinds_takes_no_others() {
        let any = AgentId::new("any");
        let all = Slots::new(1, Kinds::default(), AgentNames::default());
        assert!(Kinds::known().all(|kind| all.takes(kind, &any)) && !all.takes("worker:a:0", &any) && !all.is_choosy());
        let some = Slots::new(1, Kinds::only(["llm"]), AgentNames::default());
        assert!(some.takes("llm", &any) && some.takes("", &any) && !some.takes("human", &any) && some.is_choosy());
    }

    #[test]
    fn a_process_that_is_told_some_agents_takes_those_of_its_kinds_and_no_others() {
        let (say, other) = (AgentId::new("say"), AgentId::new("other"));
        let some = Slots::new(1, Kinds::only(["llm"]), AgentNames::only(["say"]));
        assert!(some.takes("llm", &say) && !some.takes("llm", &other) && !some.takes("http", &say));
        assert!(some.takes("", &other), "what has no agent only has to fail");
        let all = Slots::new(1, Kinds::default(), AgentNames::only(["say"]));
        assert!(all.takes("http", &say) && !all.takes("http", &other) && all.is_choosy());
    }

    #[test]
    fn places_of_an_earlier_worker_are_not_given_back_to_a_later_one() {
        let slots = open(2);
        slots.lock().n_running = 1;
        let place = Place { slots: Arc::clone(&slots), term: slots.lock().term, is_ending: false };
        assert_eq!(slots.take(ADA, at(9), 1), None, "the queue was not looked at");
        slots.begin(WORKER);
        drop(place);
        assert_eq!(slots.promise(9).n, 2);
        assert!(slots.is_quiet());
    }
}
