//! `cargo xtask sim`: simulates the core, says what did not hold and how to see it again. Exit 1 unless that is nothing.

use std::process::ExitCode;

use runs::{
    bugs::Bug,
    sim::{simulate, terminal},
};

fn main() -> ExitCode {
    terminal::main(1_000_000, &Bug::ALL.map(Bug::name), |simulation, bug| {
        let bug = Bug::ALL.into_iter().find(|known| bug.is_some_and(|bug| known.name() == bug));
        simulate(simulation, bug)
    })
}
