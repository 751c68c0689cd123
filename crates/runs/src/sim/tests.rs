//! Some worlds without a mistake, and each seeded mistake with a seed and the number of steps in which it has to be found there.

use super::{Simulation, simulate};
use crate::bugs::Bug;

fn simulation(seed: u64, steps: u64, bug: Option<Bug>) -> Simulation {
    Simulation { seed, steps, bug, stop_at_violation: true }
}

#[test]
fn nothing_is_violated_whatever_goes_wrong() {
    let report = simulate(&simulation(7, 12_000, None));
    assert_eq!(report.violations, Vec::new());
    assert!(report.lost > 0 && report.crashes > 0, "{report:?}");
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let one = simulate(&simulation(11, 4_000, None));
    assert_eq!(one, simulate(&simulation(11, 4_000, None)));
}

/// The seed of a world, and the steps in which the mistake is found in it.
fn found(bug: Bug) -> Option<(u64, u64)> {
    Some(match bug {
        Bug::DecideAnewAfterUnknown => (5, 2_500),
        Bug::DoNotFindOwn => (8, 1_000),
        Bug::RefuseFromOldCopy => (6, 500),
        // Its processes ask for ever, and are seldom looked at for so long: seed 4 shows it, in the hour in which nothing may move.
        Bug::KeepAfterHistoryCameAgain => return None,
        Bug::CompareNumbers => (2, 1_500),
        Bug::KeepAheadAfterLoss => (6, 1_500),
        Bug::TakeTornLoad => (2, 500),
        Bug::FreeInFlight | Bug::RowsAsTheyCome => (3, 500),
        Bug::LockedCountsAsWritten => (2, 7_000),
        Bug::DataErrorForAll | Bug::WaitForLock => (12, 500),
        Bug::DoNotCompareClocks => (3, 100),
        Bug::DeadMayStart => (8, 6_000),
        Bug::InboxByHintOnly => (1, 3_000),
        Bug::KeepMessage => (3, 1_000),
    })
}

#[test]
fn every_seeded_mistake_is_found() {
    for bug in Bug::ALL {
        let Some((seed, steps)) = found(bug) else { continue };
        let report = simulate(&simulation(seed, steps, Some(bug)));
        assert!(!report.violations.is_empty(), "{} was not found: {report:?}", bug.name());
    }
}
