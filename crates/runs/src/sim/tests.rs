//! Some worlds without a mistake, and each seeded mistake with the number of steps in which it has to be found.

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

#[test]
fn every_seeded_mistake_is_found() {
    for bug in Bug::ALL {
        let report = simulate(&simulation(1, bug.found_within(), Some(bug)));
        assert!(!report.violations.is_empty(), "{} was not found: {report:?}", bug.name());
    }
}
