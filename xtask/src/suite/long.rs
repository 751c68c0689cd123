//! `cargo xtask test-long`: what takes too long for every change. Tests in their longer form, those of the clients too, the simulators
//! for longer, those browser tests that every change does not wait for, and the newest Postgres. It goes on after a part that failed, and says at its end how each ended and how many minutes it took.
//!
//! It must never hold a test of Rust of its own: what has no longer form is in `cargo xtask test`.

use super::{
    browser,
    clients::{self, Form},
    counts::Counts,
    isolated::{LIMIT, Settings, Wanted},
    older,
    simulators::{self, Simulator},
    steps::{isolated_tests, programs, settings},
    summary, unsteady,
};
use crate::{
    build, chaos,
    context::Context,
    failover,
    postgres::TestPostgres,
    setup,
    shell::{before_path, heading, say},
};
use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where tests have a longer form, which they take by `WEFT_LONG`.
const WITH_LONG_FORMS: &[&str] =
    &["workflow", "runs", "store", "engine", "server::faults", "server::it worker::", "server::it crowd::"];
/// Who talks to Postgres in the words of the engine.
const ON_NEWEST_POSTGRES: &[&str] = &["store", "engine", "server::faults"];
/// Who needs two builds.
const BESIDE_AN_OLDER_BUILD: &[&str] = &["server::faults together::an_older_build"];
/// What the chaos is begun from, and how long its faults come from each.
const CHAOS_SEEDS: u64 = 6;
const CHAOS_SECONDS: u64 = 300;
const FAILOVER_SECONDS: u64 = 600;
/// Of one test in its longer form.
const LONG_LIMIT: Duration = Duration::from_hours(1);

/// The parts in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Tests of the core, the store, the engine and its faults, in their longer forms
    Rust,
    /// The long tests of the Python client
    Python,
    /// Tests of the TypeScript client, in their longer forms
    Typescript,
    /// The browser tests that every change does not wait for
    Browser,
    /// The simulator of the core
    SimCore,
    /// The simulator of whole engines
    SimEngine,
    /// Chaos from six seeds, five minutes each
    Chaos,
    /// The primary of two is lost for ten minutes, again and again
    Failover,
    /// This build and one of an older commit over one database, one after the other replaced
    Versions,
    /// Tests of the store, the engine and its faults, over the newest Postgres
    Postgres,
}

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Run only this part (may be given several times)
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// How long each simulator runs
    #[arg(long, value_name = "T", default_value_t = 60)]
    minutes: u64,
    /// Where the simulators begin; by default another place each time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(crate) fn run(context: &Context, options: &Options) -> Result<()> {
    let (mut times, mut counts, mut failed) = (Vec::new(), Counts::default(), Vec::new());
    for part in chosen(&options.only) {
        let name = part.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        heading(&name);
        let started = Instant::now();
        let result = part.perform(context, options, &mut counts);
        if let Err(error) = &result {
            say(format!("-- {name}: {error:#}"));
            failed.push(name.clone());
        }
        times.push((name, started.elapsed().as_secs_f32(), result.is_ok()));
    }
    summary(&times);
    if failed.is_empty() {
        println!("{counts}");
        return Ok(());
    }
    println!("{}", counts.with_failed_step());
    bail!("these parts failed: {}", failed.join(", "))
}

fn chosen(only: &[Part]) -> Vec<Part> {
    let all = Part::value_variants().iter().copied();
    all.filter(|part| only.is_empty() || only.contains(part)).collect()
}

impl Part {
    fn perform(self, context: &Context, options: &Options, counts: &mut Counts) -> Result<()> {
        match self {
            Self::Rust => {
                let postgres = TestPostgres::start()?;
                let mut settings = settings(context, &postgres)?;
                settings.push(("WEFT_LONG", "1".into()));
                run_tests(context, settings, WITH_LONG_FORMS, LONG_LIMIT, counts)
            }
            Self::Python => {
                programs(context)?;
                clients::python(context, Form::Long, counts)
            }
            Self::Typescript => {
                programs(context)?;
                clients::typescript(context, Form::Long, counts)
            }
            Self::Browser => {
                build::site(context, false)?;
                programs(context)?;
                browser::run_tests(context, Form::Long, counts)
            }
            Self::SimCore => simulators::run_long(Simulator::Core, seed(options)?, options.minutes),
            Self::SimEngine => simulators::run_long(Simulator::Engine, seed(options)?, options.minutes),
            Self::Chaos => {
                programs(context)?;
                let first = seed(options)?;
                (first..first.saturating_add(CHAOS_SEEDS))
                    .try_for_each(|seed| chaos::run(context, chaos::Options::new(seed, CHAOS_SECONDS)))
            }
            Self::Failover => {
                programs(context)?;
                failover::run(context, failover::Options::new(seed(options)?, FAILOVER_SECONDS))
            }
            Self::Versions => {
                let older = older::program(context)?;
                let postgres = TestPostgres::start()?;
                let mut settings = settings(context, &postgres)?;
                settings.push(("WEFT_OLD_BIN", older.into()));
                run_tests(context, settings, BESIDE_AN_OLDER_BUILD, LIMIT, counts)
            }
            Self::Postgres => {
                let postgres = TestPostgres::start_with(setup::newest::install(context)?)?;
                say(postgres.version());
                let mut settings = settings(context, &postgres)?;
                // A server that starts a Postgres of its own looks on PATH first.
                settings.push(("PATH", before_path(postgres.programs())?.into()));
                run_tests(context, settings, ON_NEWEST_POSTGRES, LIMIT, counts)
            }
        }
    }
}

fn run_tests(
    context: &Context,
    settings: Settings,
    programs: &[&str],
    limit: Duration,
    counts: &mut Counts,
) -> Result<()> {
    let of_these = isolated_tests(context, settings, Wanted { programs, matching: &[], limit })?;
    *counts = counts.plus(of_these);
    if of_these.failed > 0 {
        bail!("{} of the tests failed", of_these.failed);
    }
    unsteady::judge(of_these.unsteady)
}

/// Worlds that nobody has seen yet. The simulator says its seed, by which they are seen again.
fn seed(options: &Options) -> Result<u64> {
    if let Some(seed) = options.seed {
        return Ok(seed);
    }
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_options_every_part_runs_and_only_narrows_them_in_their_order() {
        assert_eq!(chosen(&[]), Part::value_variants());
        assert_eq!(chosen(&[Part::Postgres, Part::Rust]), [Part::Rust, Part::Postgres]);
    }
}
