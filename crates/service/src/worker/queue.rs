//! Claims that wait, all in memory: one look at what may be claimed serves every one of them, and what it finds is dealt out.
//! Must never ask the database once for each poll, nor let one worker's wishes keep another's steps from being seen.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use runs::{Log as _, Ready};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflow::{RunId, StepKey, api::WorkerState, id::WorkerId};

use super::{
    Workers,
    known::Live,
    limits, starting,
    waiter::{Begun, Waiter},
};
use crate::{Error, Result};

/// Between two looks, however often it is woken.
const PAUSE: Duration = Duration::from_millis(5);
/// Steps that one look finds at most.
const MAX_FOUND: usize = 512;
/// Looks at once, where others' wishes filled the one before.
const MAX_LOOKS: usize = 4;

#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    bell: Notify,
}

#[derive(Default)]
struct Inner {
    last_id: u64,
    waiting: BTreeMap<u64, Waiter>,
    /// When a look last found all there was of a queue.
    covered: HashMap<String, Instant>,
    /// What is being started: another look would find it again.
    dealt: BTreeSet<(RunId, StepKey)>,
    /// Turns the order of the queues, so that those at the end of a full look have their turn.
    n_looks: usize,
    /// The process stops: nobody deals any more.
    is_closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These were tried, whatever came of it.
    pub(super) fn tried(&self, steps: &[(RunId, StepKey)]) {
        let mut inner = self.lock();
        for place in steps {
            inner.dealt.remove(place);
        }
    }

    /// Steps may be there that were not before.
    pub(super) fn wake(&self) {
        self.lock().covered.clear();
        self.bell.notify_one();
    }

    fn wait(&self, live: &Arc<Live>, max: usize, is_hurried: bool) -> (u64, oneshot::Receiver<Vec<Begun>>) {
        let (reply, answer) = oneshot::channel();
        let queues = live.queues();
        let mut inner = self.lock();
        inner.last_id += 1;
        let id = inner.last_id;
        let is_covered =
            |queue: &String| inner.covered.get(queue).is_some_and(|looked| looked.elapsed() < limits::LOOK_AT_QUEUE);
        // A crowd of polls that come and go must cost no more than the look of every second.
        let is_news = !queues.iter().all(is_covered);
        if is_news || !is_hurried {
            let live = Arc::clone(live);
            inner.waiting.insert(id, Waiter { live, queues, max, is_hurried, is_seen: false, reply });
        }
        drop(inner);
        if is_news {
            self.bell.notify_one();
        }
        (id, answer)
    }

    /// False: it is being dealt to.
    fn leave(&self, id: u64) -> bool {
        self.lock().waiting.remove(&id).is_some()
    }

    fn is_idle(&self) -> bool {
        self.lock().waiting.is_empty()
    }
}

impl Workers {
    /// Attempts for the session, at most so many: at once, or as soon as there are any. None came: an empty list.
    /// `left`: nobody waits for them any more, so they are not taken.
    pub(super) async fn take(
        &self,
        live: &Arc<Live>,
        max: usize,
        wait: Duration,
        left: &CancellationToken,
    ) -> Result<Vec<Begun>> {
        let until = tokio::time::Instant::now() + wait.min(limits::MAX_WAIT);
        loop {
            if live.is_gone() {
                return Err(Error::SessionGone);
            }
            if live.state() == WorkerState::Draining || self.0.queue.lock().is_closed {
                return Ok(Vec::new());
            }
            let changed = live.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (id, mut answer) = self.0.queue.wait(live, max, wait.is_zero());
            tokio::select! {
                biased;
                begun = &mut answer => {
                    let begun = begun.unwrap_or_default();
                    if !begun.is_empty() || wait.is_zero() || tokio::time::Instant::now() >= until {
                        return Ok(begun);
                    }
                }
                () = &mut changed => {
                    if !self.0.queue.leave(id) {
                        let begun = answer.await.unwrap_or_default();
                        if !begun.is_empty() {
                            return Ok(begun);
                        }
                    }
                }
                () = left.cancelled() => {
                    if !self.0.queue.leave(id) {
                        self.give_all_back(live, answer.await.unwrap_or_default()).await;
                    }
                    return Ok(Vec::new());
                }
                () = tokio::time::sleep_until(until), if !wait.is_zero() => {
                    if self.0.queue.leave(id) {
                        return Ok(Vec::new());
                    }
                    return Ok(answer.await.unwrap_or_default());
                }
            }
        }
    }
}

/// Deals out what may be claimed, until it is told to stop.
pub(super) async fn deal(workers: &Workers, stop: &CancellationToken) {
    let queue = &workers.0.queue;
    loop {
        let woken = async {
            if queue.is_idle() {
                queue.bell.notified().await;
            } else {
                // Either leads to the same look.
                let _ = tokio::time::timeout(limits::LOOK_AT_QUEUE, queue.bell.notified()).await;
            }
        };
        if stop.run_until_cancelled(woken).await.is_none() {
            // Who waits is answered that there was nothing.
            let mut inner = queue.lock();
            inner.waiting.clear();
            inner.is_closed = true;
            return;
        }
        for n in 0..MAX_LOOKS {
            if !look(workers, n > 0).await {
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// True: there may be more, for those who got nothing. `is_again`: for them alone, since those who came meanwhile for the same work would
/// fill each look before theirs is seen.
async fn look(workers: &Workers, is_again: bool) -> bool {
    let queue = &workers.0.queue;
    let (queues, n) = wanted(&mut queue.lock(), is_again);
    if queues.is_empty() {
        answer_hurried(queue);
        return false;
    }
    let nobody = WorkerId(Uuid::nil());
    let found = match workers.0.log.claimable(nobody, &queues, None, &[], n).await {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "what may be claimed was not looked at; trying again"
            );
            answer_hurried(queue);
            return false;
        }
    };
    let is_full = found.len() >= n;
    let dealt = {
        let mut inner = queue.lock();
        let now = Instant::now();
        if !is_full {
            inner.covered.extend(queues.into_iter().map(|queue| (queue, now)));
        }
        deal_out(&mut inner, found)
    };
    let n_dealt = dealt.len();
    for (waiter, steps) in dealt {
        let workers = workers.clone();
        tokio::spawn(async move { starting::start(&workers, waiter, steps).await });
    }
    answer_hurried(queue);
    is_full && n_dealt > 0 && !queue.is_idle()
}

/// The queues that somebody waits for, and how many steps are wanted of all of them.
fn wanted(inner: &mut Inner, is_again: bool) -> (Vec<String>, usize) {
    let mut queues: BTreeSet<&str> = BTreeSet::new();
    let mut n = 0_usize;
    for waiter in inner.waiting.values_mut().filter(|waiter| waiter.is_seen || !is_again) {
        waiter.queues = waiter.live.queues();
        waiter.is_seen = true;
    }
    for waiter in inner.waiting.values().filter(|waiter| waiter.is_seen) {
        queues.extend(waiter.queues.iter().map(String::as_str));
        n = n.saturating_add(if waiter.queues.is_empty() { 0 } else { waiter.max });
    }
    let mut queues: Vec<String> = queues.into_iter().map(str::to_owned).collect();
    if !queues.is_empty() {
        let turn = inner.n_looks % queues.len();
        queues.rotate_left(turn);
        inner.n_looks = inner.n_looks.wrapping_add(1);
    }
    (queues, n.clamp(1, MAX_FOUND))
}

/// What each of those who wait gets, in the order in which they came.
fn deal_out(inner: &mut Inner, found: Vec<Ready>) -> Vec<(Waiter, BTreeMap<RunId, Vec<StepKey>>)> {
    let mut by_queue: HashMap<&str, VecDeque<u64>> = HashMap::new();
    for (id, waiter) in &inner.waiting {
        for queue in waiter.queues.iter() {
            by_queue.entry(queue).or_default().push_back(*id);
        }
    }
    let mut got: BTreeMap<u64, Vec<(RunId, StepKey)>> = BTreeMap::new();
    // Of one session several may wait: together they get no more than it has slots.
    let mut room: HashMap<WorkerId, usize> = HashMap::new();
    for ready in found {
        let place = (ready.run, ready.step);
        if inner.dealt.contains(&place) {
            continue;
        }
        let Some(line) = by_queue.get_mut(ready.kind.as_str()) else { continue };
        while let Some(id) = line.front() {
            let taken = got.entry(*id).or_default();
            if let Some(waiter) = inner.waiting.get(id).filter(|waiter| taken.len() < waiter.max) {
                let left = room.entry(waiter.live.id).or_insert_with(|| waiter.live.room());
                if *left > 0 {
                    *left -= 1;
                    taken.push(place);
                    break;
                }
            }
            line.pop_front();
        }
    }
    let mut dealt = Vec::new();
    for (id, steps) in got {
        if steps.is_empty() {
            continue;
        }
        let Some(waiter) = inner.waiting.remove(&id) else { continue };
        let mut of_run: BTreeMap<RunId, Vec<StepKey>> = BTreeMap::new();
        for (run, step) in steps {
            inner.dealt.insert((run, step.clone()));
            of_run.entry(run).or_default().push(step);
        }
        dealt.push((waiter, of_run));
    }
    dealt
}

/// Those who only wanted to know what is there now have seen that; those who left are forgotten.
fn answer_hurried(queue: &Queue) {
    let mut inner = queue.lock();
    inner.waiting.retain(|_, waiter| !(waiter.reply.is_closed() || waiter.is_seen && waiter.is_hurried));
}
