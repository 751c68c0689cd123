//! Some worlds without a mistake, and each seeded mistake, which has to be found in a stated number of steps.

use super::{Report, Simulation, missed, simulate};
use crate::bugs::Bug;

fn simulated(seed: u64, steps: u64, bug: Option<Bug>) -> Report {
    simulate(&Simulation { seed, steps, stop_at_violation: true }, bug)
}

#[test]
fn nothing_is_violated_whatever_goes_wrong() {
    let report = simulated(7, 12_000, None);
    assert_eq!(report.violations, Vec::new());
    assert!(report.lost > 0 && report.crashes > 0, "{report:?}");
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let one = simulated(11, 4_000, None);
    assert_eq!(one, simulated(11, 4_000, None));
}

/// Worlds that are tried for a mistake, and how long each lives. What a seed draws changes with every rule of the core, so no seed is named.
const WORLDS: u64 = 24;
const STEPS: u64 = 7_000;

#[test]
fn every_seeded_mistake_is_found() {
    let bugs = Bug::ALL
        .into_iter()
        // Its processes ask for ever, and are seldom looked at for so long: longer runs show it, in the hour in which nothing may move.
        .filter(|bug| !matches!(bug, Bug::KeepAfterHistoryCameAgain));
    assert_eq!(missed(bugs, WORLDS, |seed, bug| simulated(seed, STEPS, Some(bug))), []);
}
