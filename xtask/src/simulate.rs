//! `cargo xtask sim`: builds the simulator of `crates/runs` optimised and runs it. What it does is said there; its exit is this one's.

use std::process::Command;

use anyhow::Result;

use crate::{context::Context, shell::run};

pub(crate) fn run_simulator(context: &Context, seed: u64, steps: u64, bug: Option<&str>) -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .args(["run", "--quiet", "--release", "-p", "runs", "--features", "testing", "--bin", "sim", "--"])
        .args(["--seed", &seed.to_string(), "--steps", &steps.to_string()])
        .current_dir(&context.root);
    if let Some(bug) = bug {
        command.args(["--bug", bug]);
    }
    run(&mut command)
}
