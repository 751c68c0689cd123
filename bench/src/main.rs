//! `bench`: measures the product from outside, over HTTP and its command line, on a Postgres that xtask starts for it; and breaks it from
//! outside (`chaos`, `failover`), on one that it starts itself as xtask says.
//!
//! It must never link the engine it measures, and never print a number that was not measured in this very run.

mod chaos;
mod client;
mod crowd;
mod database;
mod definitions;
mod failover;
mod figures;
mod lab;
mod model;
mod peers;
mod pgbench;
mod postgres;
mod report;
mod server;
mod session;
mod stats;
mod watch;
mod workloads;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use figures::{FIGURES, RSS};
use lab::Lab;
use nix::sys::signal::{SigSet, Signal};
use report::Report;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use workloads::{N_LARGE, Workload};

#[derive(Parser)]
#[command(name = "bench", about = "Measures Weft; `cargo xtask bench` builds and calls it")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Weft itself, with pgbench on the same Postgres in the same run
    Engine(Engine),
    /// Weft and other engines, the same workloads in turns
    Peers(peers::Options),
    /// Many starts, many sockets, live pages beside a large history, and many steps whose process ends
    Crowd(crowd::Options),
    /// Processes, their database and what is between them break, and nothing may be lost
    Chaos(Box<chaos::Options>),
    /// The primary of two is lost under load, again and again
    Failover(Box<failover::Options>),
}

#[derive(Args)]
struct Engine {
    /// Print the figures as one JSON object on the last line as well
    #[arg(long)]
    json: bool,
    /// Measure only this figure, by its key in the JSON object (may be given several times)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Measured repeats of each figure, after one to warm up
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// The server's binary
    #[arg(long, env = "WEFT_BENCH_WEFT", hide = true)]
    weft: PathBuf,
    /// How it was built
    #[arg(long, env = "WEFT_BENCH_PROFILE", hide = true)]
    profile: String,
    #[command(flatten)]
    postgres: postgres::Postgres,
}

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let is_chaos = matches!(command, Command::Chaos(_) | Command::Failover(_));
    if let Err(error) = take_interrupts() {
        eprintln!("bench: interrupts cannot be taken: {error}");
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(perform(command)),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(0) => ExitCode::SUCCESS,
        Ok(n_failed) if is_chaos => {
            eprintln!("bench: something that must hold was violated {n_failed} times");
            ExitCode::FAILURE
        }
        Ok(n_failed) => {
            eprintln!("bench: {n_failed} figures could not be measured");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever started this may hold interrupts back for itself, and what is held back is inherited: nothing but a kill would end it then, nor
/// what it starts.
fn take_interrupts() -> nix::Result<()> {
    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    interrupt.thread_unblock()
}

/// How many figures failed, or things that must hold. Whatever ends this, all that it started ends with it.
async fn perform(command: Command) -> Result<u32> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let measuring = async {
        match command {
            Command::Engine(options) => engine(options).await,
            Command::Peers(options) => peers::compare(options).await,
            Command::Crowd(options) => crowd::run(options).await,
            Command::Chaos(options) => chaos::run(*options).await,
            Command::Failover(options) => failover::run(*options).await,
        }
    };
    tokio::select! {
        n_failed = measuring => n_failed,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("asked to end"),
    }
}

async fn engine(options: Engine) -> Result<u32> {
    let chosen = chosen(&options.only)?;
    let mut lab = Lab::open(options.postgres, options.weft, options.repeats)?;
    let mut report = Report::default();
    for workload in chosen {
        measure(workload, &mut lab, &mut report).await;
    }
    memory(&lab, &mut report);
    println!(
        "\nProfile `{}`, {} repeats after one to warm up; what is compared with pgbench is a ratio within this run.\n",
        options.profile, options.repeats
    );
    println!("{}", report.table());
    if options.json {
        println!("{}", report.json());
    }
    Ok(report.n_failed())
}

async fn measure(workload: Workload, lab: &mut Lab, report: &mut Report) {
    let (keys, limit, began) = (workload.keys(), workload.limit(), Instant::now());
    eprintln!("{} ...", keys.join(", "));
    let readings = match timeout(limit, workload.run(lab)).await {
        Ok(Ok(readings)) => readings,
        Ok(Err(error)) => return fail(keys, &format!("{error:#}"), report),
        Err(_) => return fail(keys, &format!("it was not over within {} min", limit.as_secs() / 60), report),
    };
    for reading in readings {
        report.add(reading.key, &reading.values, reading.note);
    }
    eprintln!("{} took {:.0} s", keys.join(", "), began.elapsed().as_secs_f32());
}

fn fail(keys: &[&'static str], reason: &str, report: &mut Report) {
    eprintln!("{} failed: {reason}", keys.join(", "));
    for key in keys.iter().copied().filter(|key| *key != RSS) {
        report.fail(key, reason);
    }
}

/// The highest of the servers that had 10,000 steps to do; of fewer it would not be what the figure promises.
fn memory(lab: &Lab, report: &mut Report) {
    let n_seen = lab.peaks_mb.len();
    if n_seen == N_LARGE {
        let highest = lab.peaks_mb.iter().copied().fold(0.0, f64::max);
        report.add(
            RSS,
            &[highest],
            Some(format!("the highest of {N_LARGE} servers, each under 10,000 steps in one run")),
        );
    } else if n_seen > 0 {
        report.leave_out(RSS, format!("{n_seen} of the {N_LARGE} workloads of 10,000 steps were measured"));
    }
}

/// The workloads that measure what is asked for, and what that is compared with.
fn chosen(only: &[String]) -> Result<Vec<Workload>> {
    if let Some(unknown) = only.iter().find(|name| figures::find(name).is_none()) {
        let known: Vec<&str> = FIGURES.iter().map(|figure| figure.key).collect();
        bail!("there is no figure `{unknown}`; there are {}", known.join(", "));
    }
    let is_asked = |key: &str| only.is_empty() || only.iter().any(|name| name == key);
    let needs_pgbench = FIGURES.iter().any(|figure| is_asked(figure.key) && figure.bar.needs_pgbench());
    let is_chosen = |workload: &Workload| {
        workload.keys().iter().any(|key| is_asked(key)) || (needs_pgbench && *workload == Workload::Pgbench)
    };
    Ok(Workload::ALL.into_iter().filter(is_chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn one_figure_brings_what_it_is_compared_with() {
        let chosen = |name: &str| chosen(&[name.to_owned()]).unwrap();
        assert_eq!(chosen("chain_hop_ms"), [Workload::Pgbench, Workload::Chain]);
        assert_eq!(chosen("wait1000_s"), [Workload::Waits]);
        assert_eq!(chosen("rss_mb"), [Workload::Big, Workload::Map, Workload::Layers]);
        assert_eq!(chosen("million_history_ratio"), [Workload::Million]);
        assert_eq!(super::chosen(&[]).unwrap(), Workload::ALL);
        assert!(super::chosen(&["nonsense".to_owned()]).is_err());
    }

    #[test]
    fn a_workload_that_fails_leaves_its_figures_out() {
        let mut report = Report::default();
        fail(&[figures::FAN9998, RSS], "it hung", &mut report);
        assert_eq!((report.n_failed(), report.json().to_string()), (1, "{}".to_owned()));
        assert!(report.table().contains("fan9998_s: not measured: it hung"));
    }
}
