//! The simulators, as `cargo xtask sim` runs them, for a number of minutes each. A violation fails.
//! It must never know what they do: that is said where they are.

use crate::shell::run;
use anyhow::{Context as _, Result};
use std::process::Command;

/// Of the tests that everybody runs: the same worlds each time.
pub(super) const SEED: u64 = 1;
/// Of each simulator, what `cargo xtask sim` is told.
pub(super) const CORE: &[&str] = &[];
/// Steps that a slow machine takes in a minute.
const STEPS_PER_MINUTE: u64 = 1_000_000;

pub(super) fn run_all(seed: u64, minutes: u64) -> Result<()> {
    [CORE].into_iter().try_for_each(|simulator| run_one(simulator, seed, minutes))
}

pub(super) fn run_one(simulator: &[&str], seed: u64, minutes: u64) -> Result<()> {
    let xtask = std::env::current_exe().context("cannot tell where xtask is")?;
    let steps = minutes.saturating_mul(STEPS_PER_MINUTE).to_string();
    run(Command::new(xtask).arg("sim").args(simulator).args(["--seed", &seed.to_string(), "--steps", &steps]))
}
