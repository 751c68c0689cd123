//! The simulators, for a number of minutes each: as they were built with the tests, or optimised, as `cargo xtask sim` builds them. A
//! violation fails. It must never know what they do: that is said where they are.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{
    context::Context,
    shell::{describe, run, say},
};

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

/// Both, for the same minute, as whatever built the tests built them: an optimised build of the engine takes longer than it runs. Each is one
/// thread. What the second says follows what the first says.
pub(super) fn run_a_minute_of_each(context: &Context) -> Result<()> {
    let command = |simulator: Simulator| {
        let mut command = Command::new(context.binary(simulator.program()));
        command.args(["--seed", &SEED.to_string(), "--minutes", "1"]);
        command
    };
    let (mut core, mut engine) = (command(Simulator::Core), command(Simulator::Engine));
    let (core, ended) = std::thread::scope(|scope| {
        let ended = scope.spawn(|| engine.stdin(Stdio::null()).output());
        (run(&mut core), ended.join())
    });
    let ended = ended.map_err(|_| anyhow!("the simulator of the engine was lost"))?;
    let ended = ended.with_context(|| format!("cannot start `{}`", describe(&engine)))?;
    for said in [&ended.stdout, &ended.stderr] {
        say(String::from_utf8_lossy(said).trim_end());
    }
    core?;
    if !ended.status.success() {
        bail!("`{}` failed ({})", describe(&engine), ended.status);
    }
    Ok(())
}

pub(super) fn run_long(simulator: Simulator, seed: u64, minutes: u64) -> Result<()> {
    let xtask = std::env::current_exe().context("cannot tell where xtask is")?;
    let (seed, minutes) = (seed.to_string(), minutes.to_string());
    run(Command::new(xtask).arg("sim").args(simulator.words()).args(["--seed", &seed, "--minutes", &minutes]))
}
