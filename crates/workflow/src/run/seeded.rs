//! Bugs on purpose, at most one at a time, in tests and simulators alone: whoever watches over the decider has to catch each of them.
//! Outside of these none of them exists.

/// Each is a place where a line is easily forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bug {
    /// A new generation leaves the attempt of the old one open.
    LeavesAttemptOpen,
    /// What was skipped because of a step does not open with it.
    LeavesSkipped,
    /// A map is not told that its last item is over.
    ForgetsLastItem,
    /// An edit does not void what was approved before.
    KeepsVotes,
    /// A pause forgets what waits for a reservation.
    PausesHalf,
    /// A result that comes again is taken again.
    TakesTwice,
    /// A retry does not look whether what it depends on runs again.
    RetriesTooEarly,
    /// The answer to an older decision task is taken.
    TakesOldAnswer,
    /// A budget is looked at only where something was used.
    ForgetsBudget,
    /// An item that vanished from the list stays.
    KeepsVanished,
    /// A sub-workflow keeps the place of its step.
    KeepsPlaceOfChild,
    /// What a gate that binds did not approve is read.
    ReadsUnapproved,
    /// The list of a map is supplied around the gates of its items.
    SuppliesAround,
    /// A step that fails for good does not close its gate.
    LosesReview,
    /// A worker's death is counted as a failure of the step.
    LosesWorkerTwice,
    /// An item that comes back begins again at its first generation.
    ForgetsTombstone,
    /// Somebody who approved for one person approves once more, for themselves or for another.
    CountsPersonTwice,
    /// An approval counts whatever has become of whoever gave it.
    CountsRemoved,
}

#[cfg(test)]
impl Bug {
    pub(super) const ALL: [Self; 18] = [
        Self::LeavesAttemptOpen,
        Self::LeavesSkipped,
        Self::ForgetsLastItem,
        Self::KeepsVotes,
        Self::PausesHalf,
        Self::TakesTwice,
        Self::RetriesTooEarly,
        Self::TakesOldAnswer,
        Self::ForgetsBudget,
        Self::KeepsVanished,
        Self::KeepsPlaceOfChild,
        Self::ReadsUnapproved,
        Self::SuppliesAround,
        Self::LosesReview,
        Self::LosesWorkerTwice,
        Self::ForgetsTombstone,
        Self::CountsPersonTwice,
        Self::CountsRemoved,
    ];
}

#[cfg(any(test, feature = "testing"))]
thread_local! {
    pub(super) static SEEDED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

#[cfg(any(test, feature = "testing"))]
pub(super) fn is(bug: Bug) -> bool {
    SEEDED.get() == Some(bug)
}

#[cfg(not(any(test, feature = "testing")))]
pub(super) const fn is(_: Bug) -> bool {
    false
}
