//! The simulator of the core: several processes with the real cache, turns and batches, people, sub-workflows and random definitions over
//! a log in memory, in virtual time, from one seed. It says what did not hold, and how to see it again.
//!
//! A world lives for some thousand steps (decisions, and events applied to the log). Then the faults and the people stop, and within one
//! virtual hour every run has to be terminal, held, or waiting for somebody outside. The simulator of whole engines uses the same worlds
//! with its own processes (`engine::sim`).

mod attempt;
mod children;
mod crowd;
mod inside;
mod judging;
mod moving;
mod person;
mod process;
mod rest;
mod search;
mod slots;
pub mod terminal;
#[cfg(test)]
mod tests;
mod world;

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use workflow::run::testing::{agents, document};

use crate::{
    bugs::{self, Bug},
    memory::{Faults, Rng, check::keep_panics},
};
pub use search::missed;
pub use world::{Alive, Documents, Held, Library, N_PROCESSES, World};

/// Of one world.
const STEPS_OF_A_WORLD: u64 = 20_000;

/// Whatever goes wrong, a question is answered sooner, or whoever asked is gone.
const LONGEST_ANSWER: Duration = Duration::from_secs(75);

#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    pub seed: u64,
    pub steps: u64,
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
    /// With the number of their world.
    pub violations: Vec<(u64, String)>,
}

/// Simulates so many steps of the core. The same simulation gives the same report.
pub fn simulate(simulation: &Simulation, bug: Option<Bug>) -> Report {
    bugs::switch(bug);
    let report = worlds(simulation, STEPS_OF_A_WORLD, |seed| {
        let world = World::new(seed, Library { agents: agents(), document: Box::new(of_the_core) });
        process::begin(&world);
        world
    });
    bugs::switch(None);
    report
}

/// Worlds, one after the other, until so many steps are done. `begin`: makes one from its seed, and begins its processes.
pub fn worlds(simulation: &Simulation, of_a_world: u64, begin: impl Fn(u64) -> Arc<World>) -> Report {
    keep_panics();
    let mut report = Report::default();
    while report.steps < simulation.steps {
        let seed = simulation.seed.wrapping_add(report.worlds << 32);
        let steps = of_a_world.min(simulation.steps - report.steps);
        one_world(seed, steps, &begin, &mut report);
        if simulation.stop_at_violation && !report.violations.is_empty() {
            break;
        }
    }
    report
}

fn one_world(seed: u64, steps: u64, begin: impl Fn(u64) -> Arc<World>, report: &mut Report) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else {
        report.violations.push((seed, "there is no runtime".to_owned()));
        // Nor will there be one for the next.
        report.steps += steps;
        return;
    };
    runtime.block_on(async {
        let world = begin(seed);
        world.memory.set_faults(Faults::SOME);
        person::begin(&world);
        while world.steps() < steps && world.memory.with(|_, checks| checks.violations.is_empty()) {
            world.chaos(Duration::from_millis(500)).await;
            if let Some(what) = world.unanswered(LONGEST_ANSWER) {
                world.violated(what);
            }
        }
        world.stop();
        rest::until_nothing_moves(&world).await;
        world.report(report);
    });
}

/// Deep down there are no more sub-workflows.
fn of_the_core(rng: &mut Rng, depth: i32) -> Value {
    let mut document = document(rng);
    if let Some(steps) = document["steps"].as_object_mut() {
        for (_, step) in steps {
            if step["agent_id"] == "sub" && depth > 2 {
                step["agent_id"] = "echo".into();
            }
        }
    }
    document
}
