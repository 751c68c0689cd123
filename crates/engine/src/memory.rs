//! What the attempts of this process may hold in memory together: what they read, counted before it is read, and large answers.
//! Must never let two waits depend on each other: an attempt waits for what it reads before it begins and holding nothing, and for a
//! large answer only while it runs; who holds room for an answer waits for neither.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agents::Room;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// The grain in which it is counted.
const UNIT: usize = 64 * 1024;
/// Of four parts three are for what attempts read, and one for large answers.
const PARTS: (usize, usize) = (3, 4);
/// Between two words in the log about the same shortage.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// The budget of one process. Cheap to clone; all clones are the same one.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    n_units: u32,
    /// First come, first served: a large wish at the head keeps later ones from taking what it waits for.
    units: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    in_use: InUse,
    said: Option<Instant>,
}

/// What is held now, as an operator or a test looks at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InUse {
    /// Attempts that hold some.
    pub attempts: usize,
    /// By their inputs; one attempt that is larger than the budget counts in full.
    pub bytes: u64,
    pub most_bytes: u64,
    /// Attempts that wait.
    pub waiting: usize,
}

/// The room of one attempt; given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    memory: Memory,
    bytes: u64,
    _permit: OwnedSemaphorePermit,
}

/// Somebody who waits; no longer when dropped.
struct Waiting(Memory);

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        let n_units = (bytes / PARTS.1 * PARTS.0 / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        let n_units = u32::try_from(n_units).unwrap_or(u32::MAX);
        let n_answers = (bytes / PARTS.1 * (PARTS.1 - PARTS.0) / Room::PLACE).clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            n_units,
            units: Arc::new(Semaphore::new(n_units as usize)),
            answers: Arc::new(Semaphore::new(n_answers)),
            counts: Mutex::default(),
        }))
    }

    pub fn in_use(&self) -> InUse {
        self.counts().in_use
    }

    /// What all attempts may read together.
    pub fn budget_bytes(&self) -> u64 {
        u64::from(self.0.n_units) * UNIT as u64
    }

    /// Room for an attempt that reads so much, if there is some and nobody waits for it.
    pub(crate) fn try_take(&self, reads: u64) -> Option<Held> {
        let (bytes, units) = self.wish(reads);
        let permit = Arc::clone(&self.0.units).try_acquire_many_owned(units).ok()?;
        Some(self.held(permit, bytes))
    }

    /// The same, in turn. None once nothing new is to begin. May be dropped while it waits.
    pub(crate) async fn take(&self, reads: u64) -> Option<Held> {
        if let Some(held) = self.try_take(reads) {
            return Some(held);
        }
        let (bytes, units) = self.wish(reads);
        let waiting = self.wait();
        let permit = Arc::clone(&self.0.units).acquire_many_owned(units).await.ok()?;
        drop(waiting);
        Some(self.held(permit, bytes))
    }

    /// What an attempt takes when its answer grows large.
    pub(crate) fn room(&self) -> Room {
        Room::new(Arc::clone(&self.0.answers))
    }

    /// Nothing new is to begin: who waits is told, and goes back to the queue of all workers.
    pub(crate) fn close(&self) {
        self.0.units.close();
    }

    /// With what an answer has anyway; and what is larger than all there is gets all there is, alone.
    fn wish(&self, reads: u64) -> (u64, u32) {
        let bytes = reads.saturating_add(Room::FREE as u64);
        let units = u32::try_from(bytes.div_ceil(UNIT as u64)).unwrap_or(u32::MAX);
        (bytes, units.min(self.0.n_units))
    }

    fn held(&self, permit: OwnedSemaphorePermit, bytes: u64) -> Held {
        let mut counts = self.counts();
        let in_use = &mut counts.in_use;
        in_use.attempts += 1;
        in_use.bytes += bytes;
        in_use.most_bytes = in_use.most_bytes.max(in_use.bytes);
        drop(counts);
        Held { memory: self.clone(), bytes, _permit: permit }
    }

    fn wait(&self) -> Waiting {
        let mut counts = self.counts();
        counts.in_use.waiting += 1;
        let now = Instant::now();
        if counts.said.is_none_or(|said| now.saturating_duration_since(said) > SAY_EVERY) {
            counts.said = Some(now);
            let InUse { attempts, bytes, waiting, .. } = counts.in_use;
            tracing::info!(
                attempts,
                bytes,
                waiting,
                "steps wait until there is room for what they read; WEFT_WORKER_MEMORY_MB is what this process may take"
            );
        }
        drop(counts);
        Waiting(self.clone())
    }

    /// The counts stay whole whatever panics beside them: each change is one step.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    /// Before the permit is given back, so that the counts never show more than there is.
    fn drop(&mut self) {
        let mut counts = self.memory.counts();
        counts.in_use.attempts -= 1;
        counts.in_use.bytes -= self.bytes;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.counts().in_use.waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;
    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn who_came_first_is_first_and_a_giant_gets_all_of_it_alone() {
        let memory = Memory::new(16 * 1024 * 1024);
        assert_eq!(memory.budget_bytes(), 12 * MIB);
        let small = memory.try_take(MIB).unwrap();
        let giant = tokio::spawn({
            let memory = memory.clone();
            async move { memory.take(1_000 * MIB).await }
        });
        while memory.in_use().waiting == 0 {
            tokio::task::yield_now().await;
        }
        assert!(memory.try_take(0).is_none(), "nobody passes who waits");
        let later = memory.take(0);
        tokio::pin!(later);
        assert!(tokio::time::timeout(SOON, &mut later).await.is_err());
        drop(small);
        let giant = giant.await.unwrap().unwrap();
        assert_eq!(memory.in_use().attempts, 1);
        assert!(tokio::time::timeout(SOON, &mut later).await.is_err());
        drop(giant);
        assert!(later.await.is_some());
        assert_eq!((memory.in_use().bytes, memory.in_use().waiting), (0, 0));
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_nothing_behind_and_closing_tells_those_who_wait() {
        let memory = Memory::new(16 * 1024 * 1024);
        let all = memory.try_take(12 * MIB).unwrap();
        assert!(tokio::time::timeout(SOON, memory.take(MIB)).await.is_err());
        assert_eq!(memory.in_use().waiting, 0);
        let told = tokio::spawn({
            let memory = memory.clone();
            async move { memory.take(MIB).await.is_none() }
        });
        while memory.in_use().waiting == 0 {
            tokio::task::yield_now().await;
        }
        memory.close();
        assert!(told.await.unwrap());
        assert!(memory.take(0).await.is_none());
        drop(all);
        assert_eq!(memory.in_use().bytes, 0);
    }
}
