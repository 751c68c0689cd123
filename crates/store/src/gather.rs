//! Questions for one row each that are asked at the same time, and rows that are each written by itself, put to the database together:
//! while one statement is on its way, who comes then waits for the next one, which asks for all of them. So a hundred requests of a moment
//! cost a few statements, and nobody is answered by what was read before they asked.
//!
//! Must never keep an answer, nor let a statement that hangs hold up who came after it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use crate::{Error, Result};

/// So long who comes waits for the statement that is on its way, until another is sent beside it.
const PATIENCE: Duration = Duration::from_millis(20);
/// Keys of one statement.
const MOST: usize = 500;

type Asked<K, V> = BTreeMap<K, Vec<oneshot::Sender<Result<Option<V>>>>>;

/// Cheap to clone; all clones are the same one.
#[derive(Debug)]
pub(crate) struct Gather<K, V>(Arc<Mutex<Waiting<K, V>>>);

#[derive(Debug)]
struct Waiting<K, V> {
    asked: Asked<K, V>,
    /// Statements on their way.
    n_flying: usize,
}

impl<K, V> Clone for Gather<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Default for Gather<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Waiting { asked: BTreeMap::new(), n_flying: 0 })))
    }
}

impl<K: Ord + Clone + Send + 'static, V: Clone + Send + 'static> Gather<K, V> {
    /// What `read` finds under the key, in a statement that is sent after this was called.
    pub(crate) async fn ask<R>(&self, key: K, read: impl Fn(Vec<K>) -> R + Clone + Send + 'static) -> Result<Option<V>>
    where
        R: Future<Output = Result<BTreeMap<K, V>>> + Send + 'static,
    {
        let (sender, mut answer) = oneshot::channel();
        let n_flying = {
            let mut waiting = self.lock();
            waiting.asked.entry(key.clone()).or_default().push(sender);
            waiting.n_flying
        };
        if n_flying == 0 {
            self.send(read.clone());
        }
        let found = if let Ok(found) = timeout(PATIENCE, &mut answer).await {
            found
        } else {
            self.send(read.clone());
            answer.await
        };
        match found {
            Ok(found) => found,
            // Asked together it failed: perhaps another's row is the reason, and if not, this says why.
            Err(_) => Ok(read(vec![key.clone()]).await?.remove(&key)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is asked for until nobody waits. In a task of its own: whoever asked first may be gone before the answer is there.
    fn send<R>(&self, read: impl Fn(Vec<K>) -> R + Send + 'static)
    where
        R: Future<Output = Result<BTreeMap<K, V>>> + Send + 'static,
    {
        let flight = Flying::begin(self.clone());
        tokio::spawn(async move {
            let mut flight = flight;
            while let Some(asked) = flight.take() {
                match read(asked.keys().cloned().collect()).await {
                    Ok(found) => {
                        for (key, askers) in asked {
                            let found = found.get(&key);
                            for asker in askers {
                                // Whoever asked may be gone.
                                let _ = asker.send(Ok(found.cloned()));
                            }
                        }
                    }
                    // Each of them would only wait for the database once more. One hears why, which is what an operator reads.
                    Err(error) if error.is_unavailable() => {
                        let mut askers = asked.into_values().flatten();
                        if let Some(first) = askers.next() {
                            let _ = first.send(Err(error));
                        }
                        for asker in askers {
                            let _ = asker.send(Err(Error::AwayForAll));
                        }
                    }
                    // Another's row may be the reason. Its askers are dropped, which tells them to ask alone.
                    Err(_) => {}
                }
            }
        });
    }
}

/// One statement after another, counted even if reading panics.
struct Flying<K: Ord + Clone + Send + 'static, V: Clone + Send + 'static> {
    of: Gather<K, V>,
    is_over: bool,
}

impl<K: Ord + Clone + Send + 'static, V: Clone + Send + 'static> Flying<K, V> {
    fn begin(of: Gather<K, V>) -> Self {
        of.lock().n_flying += 1;
        Self { of, is_over: false }
    }

    /// Those who wait. None: nobody does, and whoever comes next begins anew.
    fn take(&mut self) -> Option<Asked<K, V>> {
        let mut waiting = self.of.lock();
        if waiting.asked.is_empty() {
            waiting.n_flying -= 1;
            self.is_over = true;
            return None;
        }
        let rest = waiting.asked.keys().nth(MOST).cloned().map(|from| waiting.asked.split_off(&from));
        Some(std::mem::replace(&mut waiting.asked, rest.unwrap_or_default()))
    }
}

impl<K: Ord + Clone + Send + 'static, V: Clone + Send + 'static> Drop for Flying<K, V> {
    fn drop(&mut self) {
        if !self.is_over {
            self.of.lock().n_flying -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures::future::join_all;
    use tokio::{
        sync::Semaphore,
        time::{Instant, sleep},
    };

    use super::*;
    use crate::Error;

    /// What was asked for together, with rows that change: each statement answers with its number.
    #[derive(Clone)]
    struct Rows(Arc<Inner>);

    struct Inner {
        asked: Mutex<Vec<Vec<u32>>>,
        n: AtomicUsize,
        /// A statement goes on once it has one of these.
        go: Semaphore,
    }

    impl Rows {
        fn new(n_free: usize) -> Self {
            Self(Arc::new(Inner { asked: Mutex::default(), n: AtomicUsize::new(0), go: Semaphore::new(n_free) }))
        }

        async fn read(self, keys: Vec<u32>) -> Result<BTreeMap<u32, usize>> {
            let n = self.0.n.fetch_add(1, Ordering::Relaxed);
            self.0.asked.lock().unwrap().push(keys.clone());
            self.0.go.acquire().await.unwrap().forget();
            if keys.contains(&13) {
                return Err(Error::Inconsistent { table: "rows", column: "value", row: "13".to_owned() });
            }
            if keys.contains(&503) {
                return Err(Error::ReadOnly);
            }
            Ok(keys.into_iter().filter(|key| *key != 404).map(|key| (key, n)).collect())
        }

        fn asked(&self) -> Vec<Vec<u32>> {
            self.0.asked.lock().unwrap().clone()
        }
    }

    type Read = Pin<Box<dyn Future<Output = Result<BTreeMap<u32, usize>>> + Send>>;

    fn asking(rows: &Rows) -> impl Fn(Vec<u32>) -> Read + Clone + use<> {
        let rows = rows.clone();
        move |keys| Box::pin(rows.clone().read(keys))
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_a_statement_is_on_its_way_is_asked_for_together_by_the_next_one_and_never_answered_by_it()
    {
        let (gather, rows) = (Gather::default(), Rows::new(0));
        let first = tokio::spawn({
            let (gather, read) = (gather.clone(), asking(&rows));
            async move { gather.ask(1, read).await.unwrap() }
        });
        sleep(Duration::from_millis(1)).await;
        let others: Vec<_> = [1, 2, 404, 2]
            .map(|key| {
                let (gather, read) = (gather.clone(), asking(&rows));
                tokio::spawn(async move { gather.ask(key, read).await.unwrap() })
            })
            .into();
        sleep(Duration::from_millis(1)).await;
        assert_eq!(rows.asked(), [vec![1]]);
        rows.0.go.add_permits(2);
        assert_eq!(first.await.unwrap(), Some(0));
        let others: Vec<_> = join_all(others).await.into_iter().map(|other| other.unwrap()).collect();
        assert_eq!(others, [Some(1), Some(1), None, Some(1)], "the second statement was sent after they came");
        assert_eq!(rows.asked(), [vec![1], vec![1, 2, 404]]);
        assert_eq!(gather.lock().n_flying, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_statement_that_hangs_holds_up_nobody_who_came_after_it_and_whoever_asked_may_go_away() {
        let (gather, rows) = (Gather::default(), Rows::new(0));
        let gone = timeout(Duration::from_millis(1), gather.ask(1, asking(&rows))).await;
        assert!(gone.is_err());
        let began = Instant::now();
        // One hangs for good; the next one's statement may go on.
        let next = tokio::spawn({
            let (gather, read) = (gather.clone(), asking(&rows));
            async move { gather.ask(2, read).await.unwrap() }
        });
        sleep(PATIENCE * 2).await;
        assert_eq!(rows.asked(), [vec![1], vec![2]], "it was sent beside the one that hangs");
        rows.0.go.add_permits(2);
        assert_eq!(next.await.unwrap(), Some(1));
        assert!(began.elapsed() < PATIENCE * 3);
        sleep(PATIENCE).await;
        assert_eq!(gather.lock().n_flying, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_that_cannot_be_read_is_told_to_whoever_asked_for_it_alone() {
        let (gather, rows) = (Gather::default(), Rows::new(100));
        let answers = join_all([1, 13, 2].map(|key| gather.ask(key, asking(&rows)))).await;
        assert_eq!(answers[0].as_ref().unwrap().is_some(), answers[2].as_ref().unwrap().is_some());
        assert!(matches!(answers[1], Err(Error::Inconsistent { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn that_the_database_is_away_is_told_to_all_who_asked_together_and_none_waits_for_it_again() {
        let (gather, rows) = (Gather::default(), Rows::new(100));
        let answers = join_all([503, 1, 503, 2].map(|key| gather.ask(key, asking(&rows)))).await;
        let away = answers.iter().filter(|answer| answer.as_ref().is_err_and(Error::is_unavailable)).count();
        assert_eq!(away, 4);
        assert_eq!(rows.asked(), [vec![1, 2, 503]]);
    }

    #[tokio::test(start_paused = true)]
    async fn of_very_many_each_is_answered() {
        let (gather, rows) = (Gather::default(), Rows::new(100));
        let answers = join_all((1_000..3_000).map(|key| gather.ask(key, asking(&rows)))).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap().is_some()));
        assert!(rows.asked().iter().all(|keys| keys.len() <= MOST) && rows.asked().len() < 10);
    }
}
