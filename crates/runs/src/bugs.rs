//! Mistakes that the simulator has to find: each is switched on by name in a process that only simulates, and cannot be in any other
//! build. They show that the invariants see what they are there for.

use std::fmt;

/// Where the seeded mistakes are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Bug {
    /// After an unknown outcome the command is decided anew under another id, as if nothing had been sent.
    DecideAnewAfterUnknown,
    /// A commit that is there already is not looked for: it counts as lost to somebody else.
    DoNotFindOwn,
    /// A command is refused on a copy that may be old.
    RefuseFromOldCopy,
    /// What lost while nothing newer is there is not read anew.
    KeepAfterHistoryCameAgain,
    /// The compare-and-set looks at the number of the last event, not at who wrote it.
    CompareNumbers,
    /// A load that does not fit its run's row is taken as it is.
    TakeTornLoad,
    /// A run that somebody is committing to counts as written.
    LockedCountsAsWritten,
    /// An error of the data is answered to every command of the batch.
    DataErrorForAll,
    /// When a commit was decided is not compared with the database's clock.
    DoNotCompareClocks,
    /// A worker that is dead may still take steps.
    DeadMayStart,
    /// A reservation whose start is in flight counts as orphaned.
    FreeInFlight,
    /// An inbox row is only looked at when a hint says so.
    InboxByHintOnly,
    /// The rows of a commit are not folded to their last values.
    RowsAsTheyCome,
    /// A message stays in the inbox after it was answered.
    KeepMessage,
    /// What a commit that lost was decided over is used for the next.
    KeepAheadAfterLoss,
    /// The batch goes on waiting for a run that somebody holds locked.
    WaitForLock,
    /// A step that waits for other keys since its run moved keeps its place under those before.
    KeepKeysOverMove,
    /// Of the core: whoever approved for one person approves once more, for themselves or for another.
    CountPersonTwice,
    /// Of the core: an approval counts whatever has become of whoever gave it.
    CountRemoved,
}

impl Bug {
    pub const ALL: [Self; 19] = [
        Self::DecideAnewAfterUnknown,
        Self::DoNotFindOwn,
        Self::RefuseFromOldCopy,
        Self::KeepAfterHistoryCameAgain,
        Self::CompareNumbers,
        Self::TakeTornLoad,
        Self::LockedCountsAsWritten,
        Self::DataErrorForAll,
        Self::DoNotCompareClocks,
        Self::DeadMayStart,
        Self::FreeInFlight,
        Self::InboxByHintOnly,
        Self::RowsAsTheyCome,
        Self::KeepMessage,
        Self::KeepAheadAfterLoss,
        Self::WaitForLock,
        Self::KeepKeysOverMove,
        Self::CountPersonTwice,
        Self::CountRemoved,
    ];

    /// As it is switched on: `refuse_from_old_copy`.
    pub fn name(self) -> String {
        name_of(self)
    }
}

/// What a mistake is called on the command line: its variant, in small letters.
pub fn name_of(mistake: impl fmt::Debug) -> String {
    let mut name = String::new();
    for letter in format!("{mistake:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(any(test, feature = "testing"))]
mod switch {
    use std::cell::Cell;

    use workflow::run::testing::{Mistake, seed};

    use super::Bug;

    thread_local! {
        // A simulation is one thread, so others may have other mistakes at the same time.
        static ON: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Every simulation of this thread has this mistake from now on.
    pub fn switch(to: Option<Bug>) {
        ON.set(to);
        seed(match to {
            Some(Bug::CountPersonTwice) => Some(Mistake::CountsPersonTwice),
            Some(Bug::CountRemoved) => Some(Mistake::CountsRemoved),
            _ => None,
        });
    }

    pub(crate) fn is_on(bug: Bug) -> bool {
        ON.get() == Some(bug)
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) use switch::is_on;
#[cfg(any(test, feature = "testing"))]
pub use switch::switch;

#[cfg(not(any(test, feature = "testing")))]
pub(crate) fn is_on(_: Bug) -> bool {
    false
}
