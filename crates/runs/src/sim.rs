//! The simulator of the core: several processes with the real cache, turns and batches, people, sub-workflows and random definitions over
//! a log in memory, in virtual time, from one seed. It says what did not hold, and how to see it again.
//!
//! A world lives for some thousand steps (decisions, and events applied to the log). Then the faults and the people stop, and within one
//! virtual hour every run has to be terminal, held, or waiting for somebody outside.

mod attempt;
mod children;
mod judging;
mod person;
mod process;
mod rest;
mod slots;
#[cfg(test)]
mod tests;
mod world;

use std::time::Duration;

use crate::{
    bugs::{self, Bug},
    memory::{Faults, check::keep_panics},
};
use world::World;

/// Of one world.
const STEPS_OF_A_WORLD: u64 = 20_000;

/// Whatever goes wrong, a question is answered sooner, or whoever asked is gone.
const LONGEST_ANSWER: Duration = Duration::from_secs(75);

#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    pub seed: u64,
    pub steps: u64,
    pub bug: Option<Bug>,
    /// A world that violates something ends it all.
    pub stop_at_violation: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    pub steps: u64,
    pub decisions: u64,
    pub applied: u64,
    pub worlds: u64,
    pub runs: u64,
    pub lost: u64,
    pub alone: u64,
    pub failovers: u64,
    pub crashes: u64,
    /// With the seed of their world.
    pub violations: Vec<(u64, String)>,
}

/// Simulates so many steps. The same simulation gives the same report.
pub fn simulate(simulation: &Simulation) -> Report {
    keep_panics();
    bugs::switch(simulation.bug);
    let mut report = Report::default();
    while report.steps < simulation.steps {
        let seed = simulation.seed.wrapping_add(report.worlds << 32);
        let steps = STEPS_OF_A_WORLD.min(simulation.steps - report.steps);
        one_world(seed, steps, &mut report);
        if simulation.stop_at_violation && !report.violations.is_empty() {
            break;
        }
    }
    bugs::switch(None);
    report
}

fn one_world(seed: u64, steps: u64, report: &mut Report) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else {
        report.violations.push((seed, "there is no runtime".to_owned()));
        return;
    };
    runtime.block_on(async {
        let world = World::new(seed);
        world.memory.set_faults(Faults::SOME);
        world.begin();
        while world.steps() < steps && world.memory.with(|_, checks| checks.violations.is_empty()) {
            world.chaos(Duration::from_millis(500)).await;
            if let Some(what) = world.unanswered(LONGEST_ANSWER) {
                world.memory.with(|_, checks| checks.violated(what));
            }
        }
        world.stop();
        rest::until_nothing_moves(&world).await;
        world.report(report);
    });
}
