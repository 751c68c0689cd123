//! Some worlds without a mistake, and each seeded mistake, which has to be found in a stated number of steps.

use runs::sim::missed;

use super::{Report, Simulation, simulate};
use crate::bugs::Bug;

fn simulated(seed: u64, steps: u64, bug: Option<Bug>) -> Report {
    simulate(&Simulation { seed, steps, stop_at_violation: true }, bug)
}

/// Worlds that are tried for a mistake, and how long each lives. What a seed draws changes with every rule, so no seed is named.
const WORLDS: u64 = 24;
const STEPS: u64 = 6_000;

#[test]
fn nothing_is_violated_wherever_an_engine_crashes() {
    let reports: Vec<Report> = (1..=5).map(|seed| simulated(seed, STEPS, None)).collect();
    let violations: Vec<_> = reports.iter().flat_map(|report| &report.violations).collect();
    assert_eq!(violations, Vec::<&(u64, String)>::new());
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    let is_rough =
        sum(|report| report.lost) > 0 && sum(|report| report.crashes) > 0 && sum(|report| report.failovers) > 0;
    assert!(is_rough, "{reports:?}");
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let one = simulated(11, 4_000, None);
    assert_eq!(one, simulated(11, 4_000, None));
}

#[test]
fn every_seeded_mistake_of_the_engine_is_found() {
    assert_eq!(missed(Bug::ALL, WORLDS, |seed, bug| simulated(seed, STEPS, Some(bug))), []);
}
