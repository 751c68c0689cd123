//! The simulators, for a number of minutes each: as they were built with the tests, or optimised, as `cargo xtask sim` builds them. A
//! violation fails. It must never know what they do: that is said where they are.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{context::Context, shell::run};

/// Of the tests that everybody runs: they begin with the same worlds each time.
const SEED: u64 = 1;

#[derive(Clone, Copy)]
pub(super) enum Simulator {
    Core,
    Engine,
}

impl Simulator {
    fn program(self) -> &'static str {
        match self {
            Self::Core => "sim",
            Self::Engine => "engine-sim",
        }
    }

    /// What `cargo xtask sim` is told.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Core => &[],
            Self::Engine => &["--engine"],
        }
    }
}

/// Both, for a minute, as whatever built the tests built them: an optimised build of the engine takes longer than it runs.
pub(super) fn run_a_minute_of_each(context: &Context) -> Result<()> {
    [Simulator::Core, Simulator::Engine].into_iter().try_for_each(|simulator| {
        let program = context.binary(simulator.program());
        run(Command::new(program).args(["--seed", &SEED.to_string(), "--minutes", "1"]))
    })
}

pub(super) fn run_long(simulator: Simulator, seed: u64, minutes: u64) -> Result<()> {
    let xtask = std::env::current_exe().context("cannot tell where xtask is")?;
    let (seed, minutes) = (seed.to_string(), minutes.to_string());
    run(Command::new(xtask).arg("sim").args(simulator.words()).args(["--seed", &seed, "--minutes", &minutes]))
}
