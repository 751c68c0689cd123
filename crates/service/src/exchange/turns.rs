//! How many files are worked on at once, over all people: reading, comparing and writing them takes a processor and many times their size.
//! A turn must never be given back while a thread still works: what nobody waits for any more goes on to its end.

use std::time::Duration;

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
    time::timeout,
};

use crate::{Error, Result};

static TURNS: Semaphore = Semaphore::const_new(2);

/// How long somebody waits for a turn: most are far shorter.
const PATIENCE: Duration = Duration::from_secs(8);

pub(super) struct Turn {
    _permit: SemaphorePermit<'static>,
}

pub(super) async fn take() -> Result<Turn> {
    take_of(&TURNS, PATIENCE).await
}

async fn take_of(turns: &'static Semaphore, patience: Duration) -> Result<Turn> {
    // It is never closed.
    if let Ok(Ok(permit)) = timeout(patience, turns.acquire()).await {
        Ok(Turn { _permit: permit })
    } else {
        let detail =
            "Other workflows are being imported and exported right now. Nothing was done; try again in a moment.";
        Err(Error::Busy(detail.into()))
    }
}

impl Turn {
    /// Does this on a thread of its own, which holds the turn until it is done.
    pub(super) async fn work<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<(Self, T)> {
        let done = spawn_blocking(move || {
            let done = work();
            (self, done)
        });
        Ok(done.await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn imports_that_are_given_up_leave_no_thread_working() {
        static ONE: Semaphore = Semaphore::const_new(1);
        let short = Duration::from_millis(20);
        let (go_on, wait) = mpsc::channel::<()>();
        let turn = take_of(&ONE, short).await.unwrap();
        let work = turn.work(move || wait.recv().is_ok());
        assert!(timeout(short, work).await.is_err(), "nobody waits for it any more");
        let refused = take_of(&ONE, short).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.to_api().status, 503, "its thread works, so there is no turn");
        assert!(refused.retry_after().is_some());
        go_on.send(()).unwrap();
        let turn = take_of(&ONE, Duration::from_secs(10)).await.unwrap();
        assert_eq!(turn.work(|| 7).await.unwrap().1, 7);
    }
}
