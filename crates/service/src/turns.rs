//! Turns at something costly, taken round by round: who asks often waits behind themselves, not in front of others, and gives way where
//! there is no room left to wait.
//! Must never hold more who wait than there is room for, and never lose a turn when somebody stops waiting.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

/// Who wait at most, in all lanes together.
const MAX_IN_ALL: usize = 1024;

/// Turns for callers that are told apart by a key.
#[derive(Debug)]
pub(crate) struct Turns<K: PartialEq>(Arc<Mutex<Queue<K>>>);

#[derive(Debug)]
struct Queue<K: PartialEq> {
    n_free: usize,
    max_in_lane: usize,
    /// The lane whose turn is next comes first; none is empty.
    lanes: VecDeque<(K, VecDeque<oneshot::Sender<Turn<K>>>)>,
}

/// The right to begin. Dropped, the next one has it.
#[derive(Debug)]
pub(crate) struct Turn<K: PartialEq>(Option<Turns<K>>);

impl<K: PartialEq> Clone for Turns<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: PartialEq> Turns<K> {
    /// So many turns at once, and so many who wait in one lane.
    pub(crate) fn new(n_at_once: usize, max_in_lane: usize) -> Self {
        Self(Arc::new(Mutex::new(Queue { n_free: n_at_once, max_in_lane, lanes: VecDeque::new() })))
    }

    /// None when there is no room to wait, it went to somebody whose lane is shorter, or it took too long.
    pub(crate) async fn take(&self, lane: K, max_wait: Duration) -> Option<Turn<K>> {
        let waiting = {
            let mut queue = self.lock();
            if queue.n_free > 0 {
                queue.n_free -= 1;
                return Some(Turn(Some(self.clone())));
            }
            queue.wait(lane)?
        };
        tokio::time::timeout(max_wait, waiting).await.ok()?.ok()
    }

    fn lock(&self) -> MutexGuard<'_, Queue<K>> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: PartialEq> Queue<K> {
    fn wait(&mut self, lane: K) -> Option<oneshot::Receiver<Turn<K>>> {
        for (_, waiting) in &mut self.lanes {
            waiting.retain(|one| !one.is_closed());
        }
        self.lanes.retain(|(_, waiting)| !waiting.is_empty());
        if self.lanes.iter().map(|(_, waiting)| waiting.len()).sum::<usize>() >= MAX_IN_ALL {
            self.make_room(&lane)?;
        }
        let (sender, receiver) = oneshot::channel();
        match self.lanes.iter_mut().find(|(key, _)| *key == lane) {
            Some((_, waiting)) if waiting.len() >= self.max_in_lane => return None,
            Some((_, waiting)) => waiting.push_back(sender),
            None => self.lanes.push_back((lane, VecDeque::from([sender]))),
        }
        Some(receiver)
    }

    /// The last one of the longest lane gives way, as two with long lanes would keep all others out. None where this lane is as long.
    fn make_room(&mut self, lane: &K) -> Option<()> {
        let n_here = self.lanes.iter().find(|(key, _)| key == lane).map_or(0, |(_, waiting)| waiting.len());
        let (_, longest) = self.lanes.iter_mut().max_by_key(|(_, waiting)| waiting.len())?;
        // Whoever gives way is told by the sender that is dropped.
        if longest.len() > n_here + 1 { longest.pop_back().map(drop) } else { None }
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn<K>>> {
        let (lane, mut waiting) = self.lanes.pop_front()?;
        let next = waiting.pop_front();
        if !waiting.is_empty() {
            self.lanes.push_back((lane, waiting));
        }
        next
    }
}

impl<K: PartialEq> Drop for Turn<K> {
    fn drop(&mut self) {
        let Some(turns) = self.0.take() else { return };
        let mut queue = turns.lock();
        while let Some(next) = queue.next() {
            match next.send(Turn(Some(turns.clone()))) {
                Ok(()) => return,
                // Gone meanwhile. This turn must not pass itself on: the queue is locked.
                Err(mut turn) => drop(turn.0.take()),
            }
        }
        queue.n_free += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_IN_LANE: usize = 64;
    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn lanes_take_turns_and_who_asks_once_is_second() {
        let turns = Turns::new(1, MAX_IN_LANE);
        let held = turns.take("flood", LONG).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (lane, n) in [("flood", 0), ("flood", 1), ("flood", 2), ("one", 3), ("flood", 4), ("other", 5)] {
            let (turns, order) = (turns.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let _turn = turns.take(lane, LONG).await.unwrap();
                order.lock().unwrap().push(n);
            }));
            tokio::task::yield_now().await;
        }
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 3, 5, 1, 2, 4]);
        assert!(turns.take("flood", LONG).await.is_some(), "no turn is lost");
    }

    #[tokio::test]
    async fn two_who_fill_all_the_room_keep_nobody_out() {
        let turns = Turns::new(1, MAX_IN_ALL / 2);
        let held = turns.take(0, LONG).await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_IN_ALL).map(|n| Box::pin(turns.take(1 + n % 2, LONG))).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        let mut third = Box::pin(turns.take(3, LONG));
        assert!(futures::poll!(&mut third).is_pending());
        let mut gave_way = 0;
        for one in &mut waiting {
            gave_way += usize::from(futures::poll!(one).is_ready());
        }
        assert_eq!(gave_way, 1, "for the one who came");
        drop(held);
        // The two before it have their turns first, and give them on.
        drop(waiting);
        assert!(third.await.is_some());
    }

    #[tokio::test]
    async fn who_stops_waiting_takes_no_turn_and_too_many_are_refused() {
        let turns = Turns::new(1, MAX_IN_LANE);
        let held = turns.take(0, LONG).await.unwrap();
        assert!(turns.take(1, Duration::from_millis(10)).await.is_none(), "it took too long");
        let mut waiting: Vec<_> = (0..MAX_IN_LANE).map(|_| Box::pin(turns.take(2, LONG))).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        assert!(turns.take(2, LONG).await.is_none(), "the lane is full");
        drop(waiting);
        let next = turns.take(3, LONG);
        let (next, ()) = futures::join!(next, async {
            tokio::task::yield_now().await;
            drop(held);
        });
        assert!(next.is_some());
    }
}
