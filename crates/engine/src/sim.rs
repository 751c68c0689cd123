//! The simulator of the engine: the worlds of the core's simulator (`runs::sim`), in which each process is a whole engine with scripted
//! agents, and crashes at any of its waits. Beside them are workers outside, as a server takes them. In virtual time, on one thread, from one
//! seed.
//! It must never draw a number, or read a clock, that its world does not give.

mod audit;
mod gateway;
mod library;
#[cfg(test)]
mod messages;
mod outside;
mod player;
mod process;
mod shelf;
mod stage;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use runs::sim::{Report, Simulation, World, worlds};

use crate::bugs::{self, Bug};
use audit::Eyes;
use library::Shop;
use stage::Stage;

/// Of one world.
const STEPS_OF_A_WORLD: u64 = 6_000;

/// Simulates so many steps of engines. The same simulation gives the same report.
pub fn simulate(simulation: &Simulation, bug: Option<Bug>) -> Report {
    bugs::switch(bug);
    let report = worlds(simulation, STEPS_OF_A_WORLD, |seed| {
        let shop = Arc::new(Shop::new(seed));
        let world = World::new(seed, library::of(&shop));
        let stage = Arc::new(Stage::new(Arc::clone(&world), shop));
        world.memory.with(|_, checks| checks.audit_with(Box::new(Eyes(Arc::clone(&stage)))));
        process::begin(&stage);
        outside::begin(&stage);
        world
    });
    bugs::switch(None);
    report
}
