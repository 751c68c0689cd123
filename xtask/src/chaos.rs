//! `cargo xtask chaos`: the processes of the product over a Postgres of their own, and faults in an order that a seed gives. What breaks, and
//! what is looked at afterwards, is in the crate `bench`, which this tells where things are, and calls as it was built with the tests.
//! The last line is `violations: N`.

use crate::{bench::lifebound, context::Context, postgres::Breakable, setup::faketime, shell::describe};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use nix::sys::signal::{SigSet, Signal};

/// Of the tests that everybody runs.
const SHORT: Options = Options { seed: 1, seconds: 75 };

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Where the order of the faults, and what people do, begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For how long faults come; afterwards what was begun has to end
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

impl Options {
    pub(crate) fn new(seed: u64, seconds: u64) -> Self {
        Self { seed, seconds }
    }
}

/// Every sort of fault once, with the programs of the tests.
pub(crate) fn run_short(context: &Context) -> Result<()> {
    run(context, SHORT)
}

pub(crate) fn run(context: &Context, options: Options) -> Result<()> {
    let postgres = Breakable::make()?;
    // A terminal interrupts all that it started at once: `bench` ends what it started, and the cluster is removed here afterwards.
    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    interrupt.thread_block().context("cannot hold interrupts back")?;
    let mut bench = lifebound(&context.binary("bench"));
    bench.args(["chaos", "--seed", &options.seed.to_string(), "--seconds", &options.seconds.to_string()]);
    // What only this may say: a file system that is somebody's would be filled.
    bench.env_remove("WEFT_CHAOS_DISK").env_remove("WEFT_CHAOS_FAKETIME");
    bench.envs(postgres.environment()?).env("WEFT_BENCH_WEFT", context.binary("weft")).env_remove("DATABASE_URL");
    bench.envs(faketime::library().map(|library| ("WEFT_CHAOS_FAKETIME", library)));
    let ended = bench.status();
    drop(postgres);
    interrupt.thread_unblock().context("cannot take interrupts again")?;
    let status = ended.with_context(|| format!("cannot start `{}`", describe(&bench)))?;
    if !status.success() {
        bail!("seed {}: something broke that must not ({status})", options.seed);
    }
    Ok(())
}
