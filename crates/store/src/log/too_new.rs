//! Runs that are left to newer programs, as far as this process came upon them: what happened to them it does not know.
//! They are kept out of what it looks for, so that they hold up no others. Must never be written down: to others nothing is wrong with them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;
use workflow::RunId;

/// Beyond that it begins anew: each is come upon once more.
const MOST: usize = 4_096;

#[derive(Clone, Debug, Default)]
pub(super) struct TooNew(Arc<Mutex<BTreeSet<RunId>>>);

impl TooNew {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<RunId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, run: RunId) {
        let mut runs = self.lock();
        if runs.len() >= MOST && !runs.contains(&run) {
            runs.clear();
        }
        if runs.insert(run) {
            tracing::warn!(run.id = %run, "a run is left to newer programs: an event of it is not known here");
        }
    }

    /// Its log was read, all of it: a database that was restored may have another one.
    pub(super) fn remove(&self, run: RunId) {
        self.lock().remove(&run);
    }

    /// As a statement takes them.
    pub(super) fn ids(&self) -> Vec<Uuid> {
        self.lock().iter().map(|run| run.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_no_more_than_it_may_and_forgets_what_is_known_again() {
        let too_new = TooNew::default();
        let run = |n: usize| RunId(Uuid::from_u128(n as u128));
        (0..MOST).for_each(|n| too_new.add(run(n)));
        too_new.add(run(0));
        assert_eq!(too_new.ids().len(), MOST);
        too_new.remove(run(0));
        assert!(!too_new.ids().contains(&run(0).0));
        too_new.add(run(0));
        too_new.add(run(MOST));
        assert_eq!(too_new.ids(), [run(MOST).0]);
    }
}
