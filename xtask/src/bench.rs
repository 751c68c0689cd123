//! `cargo xtask bench`: builds what is measured and what measures it, installs what Weft is compared with, and gives it a durable Postgres.
//!
//! The measuring is in the crate `bench`; xtask must never speak HTTP itself. Everything ends with this command: Postgres is
//! xtask's own child, and what `bench` starts ends with it.

use crate::{
    build,
    context::Context,
    postgres::TestPostgres,
    setup::{
        canvas,
        peers::{self, Peer},
    },
    shell::{self, describe, find_on_path, say},
};
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use nix::sys::signal::{SigSet, Signal};
use std::{path::Path, process::Command as Process};

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Weft itself, with pgbench on the same Postgres in the same run
    Engine(Engine),
    /// Weft and other engines, the same workloads in turns: Restate, `LangGraph`, DBOS and Celery, installed if they are missing
    Peers(Peers),
    /// A thousand starts, two thousand sockets, live pages beside a large history, and two thousand steps of which a third lose their process
    Crowd(Crowd),
    /// The canvas and @xyflow/react, the same graph in turns in one Chromium
    Canvas(Canvas),
    /// Lists and charts over 100,000 runs, and how soon large runs, long texts and large workflows can be used in a browser
    Pages(Pages),
    /// Lighthouse over every page, and how soon the inbox and a run answer while people press keys and write
    Light(Light),
}

#[derive(Args, Debug)]
pub(crate) struct Engine {
    #[command(flatten)]
    run: Run,
    /// Measure only this figure, by its key in the JSON object (may be given several times)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Peers {
    #[command(flatten)]
    run: Run,
    /// Compare only with this one (may be given several times)
    #[arg(long, value_name = "PEER", value_enum)]
    only: Vec<Peer>,
}

#[derive(Args, Debug)]
pub(crate) struct Canvas {
    #[command(flatten)]
    run: Run,
    /// One repeat with 1,000 and with 5,000 steps, and fewer frames
    #[arg(long)]
    quick: bool,
    /// Measure only workflows of so many steps (may be given several times)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(200..=10_000))]
    steps: Vec<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct Crowd {
    /// Print the figures as one JSON object on the last line as well
    #[arg(long)]
    json: bool,
    /// Smaller crowds for a shorter time, to see that all of it works
    #[arg(long)]
    quick: bool,
    /// Only this scenario: starts, sockets, live or recovery (may be given several times)
    #[arg(long, value_name = "SCENARIO")]
    only: Vec<String>,
    /// The cargo profile of what is measured
    #[arg(long, default_value = crate::dist::PROFILE)]
    profile: String,
}

#[derive(Args, Debug)]
pub(crate) struct Pages {
    #[command(flatten)]
    run: Run,
    /// One repeat, 20,000 runs, and fewer requests
    #[arg(long)]
    quick: bool,
    /// Measure only lists, searches and charts, or only pages
    #[arg(long, value_name = "WHAT", value_enum)]
    only: Option<Part>,
}

#[derive(Args, Debug)]
pub(crate) struct Light {
    /// Print the figures as one JSON object on the last line as well
    #[arg(long)]
    json: bool,
    /// Only accessibility and best practices of each page, and not how quick it is
    #[arg(long)]
    quick: bool,
    /// Only what Lighthouse says of pages, or only how soon they answer to people
    #[arg(long, value_name = "WHAT", value_enum)]
    only: Option<Half>,
    /// Look only at this page, by its name in the table (may be given several times)
    #[arg(long, value_name = "NAME")]
    page: Vec<String>,
    /// The cargo profile of what is measured
    #[arg(long, default_value = crate::dist::PROFILE)]
    profile: String,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Half {
    Pages,
    Work,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Part {
    Lists,
    Pages,
}

/// What every benchmark can be told.
#[derive(Args, Debug)]
struct Run {
    /// Print the figures as one JSON object on the last line as well
    #[arg(long)]
    json: bool,
    /// Measured repeats of each figure, after one to warm up
    #[arg(long, value_name = "N")]
    repeats: Option<u32>,
    /// The cargo profile of what is measured
    #[arg(long, default_value = crate::dist::PROFILE)]
    profile: String,
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<()> {
    match command {
        Command::Engine(options) => engine(context, options),
        Command::Peers(options) => compare(context, options),
        Command::Crowd(options) => gather(context, options),
        Command::Canvas(options) => draw(context, options),
        Command::Pages(options) => open(context, options),
        Command::Light(options) => look(context, options),
    }
}

fn engine(context: &Context, options: &Engine) -> Result<()> {
    measure(context, &options.run, |bench| {
        bench.arg("engine").args(options.only.iter().flat_map(|name| ["--only", name.as_str()]));
    })
}

/// What cannot be installed is left out: `bench` says so in its table, and that it fails where nothing is left to compare with.
fn compare(context: &Context, options: &Peers) -> Result<()> {
    let chosen = if options.only.is_empty() { Peer::value_variants() } else { &options.only };
    let mut arguments = Vec::new();
    for peer in Peer::value_variants().iter().filter(|peer| chosen.contains(peer)) {
        match peers::install(context, *peer) {
            Ok(()) => arguments.push(format!("--ready={}", peer.name())),
            Err(error) => {
                say(format!("warning: no {}: {error:#}", peer.name()));
                arguments.push(format!("--missing={}={error:#}", peer.name()));
            }
        }
    }
    measure(context, &options.run, |bench| {
        bench.arg("peers").args(&arguments);
        bench.env("WEFT_BENCH_PEERS", peers::folder(context)).env("WEFT_BENCH_DRIVERS", peers::drivers(context));
        bench.envs(find_on_path("setpriv").map(|setpriv| ("WEFT_BENCH_SETPRIV", setpriv)));
    })
}

fn gather(context: &Context, options: &Crowd) -> Result<()> {
    let run = Run { json: options.json, repeats: None, profile: options.profile.clone() };
    measure(context, &run, |bench| {
        bench.arg("crowd").args(options.quick.then_some("--quick"));
        bench.args(options.only.iter().flat_map(|name| ["--only", name.as_str()]));
    })
}

/// The server makes itself a Postgres, which no figure depends on.
fn draw(context: &Context, options: &Canvas) -> Result<()> {
    let mut driver = in_browser(context, &options.run, "main.mjs")?;
    driver.args(options.quick.then_some("--quick"));
    driver.args(options.steps.iter().map(|n| format!("--steps={n}")));
    shell::run(&mut driver).context("the benchmark of the canvas did not end well")
}

/// What lists and charts cost depends on Postgres, so it is a durable one.
fn open(context: &Context, options: &Pages) -> Result<()> {
    let mut driver = in_browser(context, &options.run, "pages.mjs")?;
    driver.args(options.quick.then_some("--quick"));
    driver.args(options.only.map(|part| match part {
        Part::Lists => "--only=lists",
        Part::Pages => "--only=pages",
    }));
    on_durable(&mut driver)
}

/// It fails where a page has less than 100 for accessibility or best practices. The server makes itself a Postgres, as for `draw`.
fn look(context: &Context, options: &Light) -> Result<()> {
    let run = Run { json: options.json, repeats: None, profile: options.profile.clone() };
    let mut driver = in_browser(context, &run, "light.mjs")?;
    driver.args(options.quick.then_some("--quick"));
    driver.args(options.only.map(|half| match half {
        Half::Pages => "--only=pages",
        Half::Work => "--only=work",
    }));
    driver.args(options.page.iter().map(|name| format!("--page={name}")));
    shell::run(&mut driver).context("a page has less than 100, or something was not measured")
}

/// The command of a benchmark in a browser. The site is what is measured there, so it is built too; and what drives the browser is a
/// program for Node, as in end2end.
fn in_browser(context: &Context, run: &Run, program: &str) -> Result<Process> {
    let Run { json, repeats, profile } = run;
    let folder = canvas::install(context)?;
    shell::run(Process::new("node").arg("build.mjs").current_dir(&folder))?;
    build::site(context, false)?;
    run_cargo(context, profile)?;
    say(format!("Weft as built by the profile `{profile}`"));
    let mut driver = lifebound(Path::new("node"));
    driver.arg(format!("node_modules/.built/{program}")).current_dir(&folder).env_remove("DATABASE_URL");
    driver.env("WEFT_BIN", context.binary_of(profile, "weft"));
    driver.args(json.then_some("--json")).args(repeats.map(|repeats| format!("--repeats={repeats}")));
    Ok(driver)
}

/// Builds, and runs `bench` on a durable Postgres as `with` completes its command.
fn measure(context: &Context, run: &Run, with: impl FnOnce(&mut Process)) -> Result<()> {
    let profile = &run.profile;
    build::ensure_site_folder(context)?;
    run_cargo(context, profile)?;
    say(format!("Weft as built by the profile `{profile}`"));
    let mut bench = lifebound(&context.binary_of(profile, "bench"));
    bench.env("WEFT_BENCH_PROFILE", profile).env("WEFT_BENCH_WEFT", context.binary_of(profile, "weft"));
    with(&mut bench);
    bench.args(run.repeats.map(|repeats| format!("--repeats={repeats}"))).args(run.json.then_some("--json"));
    on_durable(&mut bench)
}

/// Runs what measures on a Postgres that loses no commit, which ends with it.
fn on_durable(bench: &mut Process) -> Result<()> {
    let postgres = TestPostgres::durable()?;
    say(format!("{}, with fsync and synchronous commit", postgres.version()));
    // A terminal interrupts all that it started at once: what measures stops by it, and Postgres is stopped here afterwards.
    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    interrupt.thread_block().context("cannot hold interrupts back")?;
    bench.envs(postgres.environment()).env("WEFT_BENCH_PROGRAMS", postgres.programs());
    let status = bench.status().with_context(|| format!("cannot start `{}`", describe(bench)))?;
    if !status.success() {
        bail!("the benchmark did not end well ({status})");
    }
    Ok(())
}

fn run_cargo(context: &Context, profile: &str) -> Result<()> {
    // The programs by themselves, as `dist` and `run` build them: beside other packages they would get other features, and be built anew.
    for packages in [&["--package", "server", "--package", "local-llm"][..], &["--package", "bench"]] {
        shell::run(context.cargo().args(["build", "--profile", profile]).args(packages).arg("--bins"))?;
    }
    Ok(())
}

/// The kernel asks it to end when xtask is killed, where setpriv is at hand.
pub(crate) fn lifebound(program: &Path) -> Process {
    let Some(setpriv) = find_on_path("setpriv") else { return Process::new(program) };
    let mut command = Process::new(setpriv);
    command.args(["--pdeathsig=TERM", "--"]).arg(program);
    command
}
