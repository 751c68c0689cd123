//! Mistakes that the simulator of the engine has to find: each is switched on by name in a process that only simulates, and cannot be in
//! any other build. They stand where no test with a script looks first.

/// Where the seeded mistakes are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Bug {
    /// Large content that could not be written counts as written.
    ToldBeforeKept,
    /// Steps that began while the stop came are neither run nor given back.
    ForgetsBegun,
    /// What is given back is not told: the step stays this worker's.
    ReleasesInSilence,
    /// A worker whose database has another history goes on as the same one.
    BeatsOn,
    /// A message is put aside before what it asks for is done.
    MessageFirst,
    /// What a cancelled attempt held of the memory stays held.
    KeepsRoom,
    /// An attempt that was taken away keeps its place.
    KeepsPlace,
    /// A step is judged by what was read before, under the name of what is the latest.
    JudgesStale,
    /// A sub-workflow whose begin was not answered begins again under another id.
    BeginsChildTwice,
    /// The list of a map is made in the order of the keys of its items.
    CollectsByKey,
    /// An end that could not be told is not told again.
    TellsOnce,
    /// Attempts that others ended are only ended here by a hint.
    CancelsByHintOnly,
    /// An agent that took too long is left to itself.
    LeavesAgent,
    /// The list that one map reads is the list of whichever map read last.
    ReadsOtherList,
    /// Steps of a claim begin only if all of it was answered.
    ClaimsAllOrNone,
    /// Places for a claim that found nothing out stay promised.
    KeepsPromised,
    /// What a commit sets free for a worker outside is handed on to this process.
    TakesOutside,
    /// A task whose answer was lost on the way to its worker outside is left to that.
    LeavesUnnamed,
    /// A worker outside is not told that others ended what it plays.
    TellsNoEnd,
}

impl Bug {
    pub const ALL: [Self; 19] = [
        Self::ToldBeforeKept,
        Self::ForgetsBegun,
        Self::ReleasesInSilence,
        Self::BeatsOn,
        Self::MessageFirst,
        Self::KeepsRoom,
        Self::KeepsPlace,
        Self::JudgesStale,
        Self::BeginsChildTwice,
        Self::CollectsByKey,
        Self::TellsOnce,
        Self::CancelsByHintOnly,
        Self::LeavesAgent,
        Self::ReadsOtherList,
        Self::ClaimsAllOrNone,
        Self::KeepsPromised,
        Self::TakesOutside,
        Self::LeavesUnnamed,
        Self::TellsNoEnd,
    ];

    /// As it is switched on: `tells_once`.
    pub fn name(self) -> String {
        runs::bugs::name_of(self)
    }
}

#[cfg(any(test, feature = "testing"))]
mod switch {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        // A simulation is one thread, so others may have other mistakes at the same time.
        static ON: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Every simulation of this thread has this mistake from now on.
    pub(crate) fn switch(to: Option<Bug>) {
        ON.set(to);
    }

    pub(crate) fn is_on(bug: Bug) -> bool {
        ON.get() == Some(bug)
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) use switch::{is_on, switch};

#[cfg(not(any(test, feature = "testing")))]
pub(crate) fn is_on(_: Bug) -> bool {
    false
}
