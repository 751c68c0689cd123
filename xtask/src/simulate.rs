//! `cargo xtask sim`: builds a simulator, optimised unless another profile is asked for, and runs it: that of the core (`crates/runs`) or
//! that of the engine. What it does is said there; its exit is this one's.

use anyhow::Result;
use clap::Args;

use crate::{context::Context, shell::run};

#[derive(Args)]
pub(crate) struct Options {
    /// Whole engines with scripted agents, instead of the core alone
    #[arg(long)]
    engine: bool,
    /// Where the random numbers begin; the same seed gives the same world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Decisions, and events applied to the log; with --minutes those of each seed
    #[arg(long)]
    steps: Option<u64>,
    /// One seed after the other for so long, with a line for each
    #[arg(long)]
    minutes: Option<u64>,
    /// How it is built; `ci` is what the tests are built with, and takes half as many steps a minute
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
    /// Switch a seeded mistake on, which the simulator has to find
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
}

pub(crate) fn run_simulator(context: &Context, options: &Options) -> Result<()> {
    let (package, binary) = if options.engine { ("engine", "engine-sim") } else { ("runs", "sim") };
    let mut command = context.cargo();
    command.args(["run", "--quiet", "--profile", &options.profile, "-p", package, "--features", "testing"]).args([
        "--bin",
        binary,
        "--",
        "--seed",
        &options.seed.to_string(),
    ]);
    let numbers = [("--steps", options.steps), ("--minutes", options.minutes)];
    for (name, number) in numbers {
        if let Some(number) = number {
            command.args([name, &number.to_string()]);
        }
    }
    if let Some(bug) = &options.bug {
        command.args(["--bug", bug]);
    }
    run(&mut command)
}
