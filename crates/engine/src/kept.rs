//! Runs that another process takes the steps of at its own pace: two that decide on one run at that pace mostly undo each other's work.
//! Must never keep a run for longer than a moment after the last word of that process: it may be gone, or have no room any more.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use workflow::RunId;

/// The other process says it again with each of its commits.
const MOMENT: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<BTreeMap<RunId, Instant>>);

impl Kept {
    /// Another process takes what is left of it.
    pub(crate) fn keep(&self, run: RunId) {
        self.with(|kept| kept.insert(run, Instant::now() + MOMENT));
    }

    /// Whoever has room may take of it.
    pub(crate) fn is_free(&self, run: RunId) {
        self.with(|kept| kept.remove(&run));
    }

    /// Those that are to be left alone now.
    pub(crate) fn runs(&self) -> Vec<RunId> {
        self.with(|kept| {
            let now = Instant::now();
            kept.retain(|_, until| *until > now);
            kept.keys().copied().collect()
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<RunId, Instant>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_run_is_kept_for_a_moment_after_the_last_word_and_free_at_once_where_that_is_said() {
        let kept = Kept::default();
        let (one, other) = (RunId(Uuid::from_u128(1)), RunId(Uuid::from_u128(2)));
        kept.keep(one);
        kept.keep(other);
        kept.is_free(other);
        assert_eq!(kept.runs(), [one]);
        tokio::time::sleep(MOMENT / 2).await;
        kept.keep(one);
        tokio::time::sleep(MOMENT * 2 / 3).await;
        assert_eq!(kept.runs(), [one]);
        tokio::time::sleep(MOMENT).await;
        assert!(kept.runs().is_empty());
    }
}
