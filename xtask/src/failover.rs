//! `cargo xtask failover`: the product over a Postgres of its own that Patroni keeps on two nodes of this machine, whose primary is lost
//! again and again. What is lost, and what is looked at afterwards, is in the crate `bench`, which this tells what to start.
//! The last line is `violations: N`. Must never touch a cluster that somebody else keeps: all ports and folders are its own.

mod files;

use crate::{bench::lifebound, context::Context, postgres::Binaries, setup, shell::describe};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use files::Files;
use nix::sys::signal::{SigSet, Signal};

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Where what people do begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For how long the primary is lost again and again; afterwards what was begun has to end
    #[arg(long, default_value_t = 300)]
    seconds: u64,
}

impl Options {
    pub(crate) fn new(seed: u64, seconds: u64) -> Self {
        Self { seed, seconds }
    }
}

/// The programs of the tests are there already.
pub(crate) fn run(context: &Context, options: Options) -> Result<()> {
    let programs = setup::failover::install()?;
    let files = Files::make(&Binaries::find()?, &programs)?;
    // A terminal interrupts all that it started at once: `bench` ends what it started, and the files are removed here afterwards.
    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    interrupt.thread_block().context("cannot hold interrupts back")?;
    let mut bench = lifebound(&context.binary("bench"));
    bench.args(["failover", "--seed", &options.seed.to_string(), "--seconds", &options.seconds.to_string()]);
    bench.envs(files.environment()?).env("WEFT_BENCH_WEFT", context.binary("weft")).env_remove("DATABASE_URL");
    let ended = bench.status();
    let is_well = ended.as_ref().is_ok_and(std::process::ExitStatus::success);
    files.remove(is_well);
    interrupt.thread_unblock().context("cannot take interrupts again")?;
    let status = ended.with_context(|| format!("cannot start `{}`", describe(&bench)))?;
    if !status.success() {
        bail!("something was lost, or did not go on ({status})");
    }
    Ok(())
}
