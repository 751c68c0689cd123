//! `bench crowd`: what many at once come to. A thousand starts, two thousand sockets of which most read slowly or never, pages that stay live
//! beside a large history, and two thousand running steps of which a third lose their process.
//!
//! It must never print a number that was not measured in this very run, nor count a start that was only answered as one that is there.

mod crew;
mod live;
mod recovery;
mod sockets;
mod starts;
mod table;
mod viewer;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::time::timeout;

use crate::{lab::Lab, postgres::Postgres};
use table::Table;

/// Each connection of the crowd is one, and so is each of the model.
const FILES: u64 = 65_536;

#[derive(Args)]
pub(crate) struct Options {
    /// Print the figures as one JSON object on the last line as well
    #[arg(long)]
    json: bool,
    /// Smaller crowds for a shorter time, to see that all of it works: no figure to compare
    #[arg(long)]
    quick: bool,
    /// Only this scenario (may be given several times)
    #[arg(long, value_name = "SCENARIO", value_enum)]
    only: Vec<Scenario>,
    /// The server's binary
    #[arg(long, env = "WEFT_BENCH_WEFT", hide = true)]
    weft: PathBuf,
    /// How it was built
    #[arg(long, env = "WEFT_BENCH_PROFILE", hide = true)]
    profile: String,
    #[command(flatten)]
    postgres: Postgres,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Scenario {
    /// Many start runs in the same moment
    Starts,
    /// Many live sockets, most of which read slowly or never
    Sockets,
    /// Live pages under many events, beside a large history
    Live,
    /// A process ends with what it runs
    Recovery,
}

/// How large the crowds are.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// Starts in the same moment, of one person and of so many.
    starts: u32,
    starters: u32,
    sockets: usize,
    viewers: u32,
    /// Copies of runs of ten steps that are over, and of runs that wait at a gate.
    completed: u32,
    gated: u32,
    /// For how long sockets are watched.
    seconds: u64,
    /// Steps that run while one of three processes ends.
    running: u32,
}

impl Size {
    fn of(is_quick: bool) -> Self {
        use crate::workloads::history::{N_COMPLETED, N_GATED};
        if is_quick {
            let (completed, gated) = (N_COMPLETED / 50, N_GATED / 50);
            return Self {
                starts: 100,
                starters: 4,
                sockets: 200,
                viewers: 4,
                completed,
                gated,
                seconds: 10,
                running: 200,
            };
        }
        Self {
            starts: 1_000,
            starters: 20,
            sockets: 2_000,
            viewers: 40,
            completed: N_COMPLETED,
            gated: N_GATED,
            seconds: 60,
            running: 2_000,
        }
    }
}

/// How many scenarios could not be measured.
pub(crate) async fn run(options: Options) -> Result<u32> {
    raise_file_limit()?;
    let size = Size::of(options.quick);
    let mut lab = Lab::open(options.postgres, options.weft, 1)?;
    let (mut table, mut n_failed) = (Table::default(), 0);
    let chosen = if options.only.is_empty() { Scenario::value_variants() } else { &options.only };
    for scenario in Scenario::value_variants().iter().filter(|scenario| chosen.contains(scenario)) {
        eprintln!("{scenario:?} ...");
        let began = Instant::now();
        // Each fills what it measures at the end of each part; what failed half way leaves what was measured.
        let measured = timeout(scenario.limit(), scenario.measure(&mut lab, size, &mut table)).await;
        let failed = match measured {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(_) => Some(format!("it was not over within {} min", scenario.limit().as_secs() / 60)),
        };
        match failed {
            None => eprintln!("{scenario:?} took {:.0} s", began.elapsed().as_secs_f32()),
            Some(reason) => {
                eprintln!("{scenario:?} failed: {reason}");
                table.leave_out(format!("{scenario:?}"), reason);
                n_failed += 1;
            }
        }
    }
    let quick = if options.quick { ", quick: no figure to compare" } else { "" };
    println!("\nProfile `{}`{quick}.\n", options.profile);
    println!("{}", table.text());
    if options.json {
        println!("{}", table.json());
    }
    Ok(n_failed)
}

impl Scenario {
    /// What takes longer hangs.
    fn limit(self) -> Duration {
        Duration::from_mins(if self == Self::Live { 30 } else { 15 })
    }

    async fn measure(self, lab: &mut Lab, size: Size, table: &mut Table) -> Result<()> {
        match self {
            Self::Starts => starts::measure(lab, size, table).await,
            Self::Sockets => sockets::measure(lab, size, table).await,
            Self::Live => live::measure(lab, size, table).await,
            Self::Recovery => recovery::measure(lab, size, table).await,
        }
    }
}

/// Of this process, which holds the other end of every connection.
fn raise_file_limit() -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot read how many files may be open")?;
    let wanted = hard.min(FILES);
    if wanted > soft {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).context("cannot raise how many files may be open")?;
    }
    Ok(())
}
