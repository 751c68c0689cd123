//! `cargo xtask test`: everything that CI checks, in one order, stopping at the first failure; and `clippy` and `chaos`, only where they are asked for.
//!
//! It needs nothing running: Postgres is its own and ends with it. Builds read the committed query
//! cache; only the check of that cache and the tests themselves talk to a database.

mod ahead;
mod browser;
mod clients;
mod counts;
mod deploy;
mod examples;
mod interface;
mod isolated;
pub(crate) mod long;
mod older;
mod simulators;
mod steps;
mod template;
mod unsteady;

use crate::{context::Context, postgres::TestPostgres, shell::heading};
use ahead::Ahead;
use anyhow::{Result, bail};
use clap::ValueEnum;
use counts::Counts;
use std::time::Instant;
pub(crate) use steps::programs;

/// The steps in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Step {
    /// Install what the tests need
    Setup,
    /// rustfmt
    Fmt,
    /// Rules of the tree: edges, headers, licences
    Tidy,
    /// clippy over everything native, and nothing is built; all other builds lint what they compile
    Clippy,
    /// The files of deploy: schemas, units, packages out of scripts
    Deploy,
    /// The committed query cache is current
    Sqlx,
    /// The front end, which the server embeds
    Site,
    /// clippy over what runs in the browser
    ClippyWasm,
    /// All Rust tests
    Rust,
    /// A minute of each simulator
    Sim,
    /// The binaries under the chaos, the tests of the clients and the browser tests
    Build,
    /// Processes that are killed, and what else breaks, once each
    Chaos,
    /// The Python client: ruff, mypy, a wheel, pytest
    Python,
    /// The TypeScript client: tsc, node --test
    Typescript,
    /// The REST interface, walked by its description: schemathesis
    Interface,
    /// Playwright: the tests of every run
    Browser,
}

/// What the steps share.
struct Suite<'a> {
    context: &'a Context,
    /// Which of the Rust tests run; all if there is nothing here.
    matching: &'a [String],
    postgres: Option<TestPostgres>,
    counts: Counts,
    /// Goes on from step to step, and ends with the suite.
    ahead: Option<Ahead>,
}

impl Suite<'_> {
    /// The test cluster, started when the first step asks for it.
    fn postgres(&mut self) -> Result<&TestPostgres> {
        if self.postgres.is_none() {
            self.postgres = Some(TestPostgres::start()?);
        }
        match &self.postgres {
            Some(postgres) => Ok(postgres),
            None => bail!("the test cluster did not start"),
        }
    }
}

pub(crate) fn run(context: &Context, only: &[Step], from: Option<Step>, matching: &[String]) -> Result<()> {
    let chosen = chosen(only, from);
    let mut suite = Suite { context, matching, postgres: None, counts: Counts::default(), ahead: None };
    let mut times = Vec::new();
    for &step in &chosen {
        let name = step.name();
        heading(&name);
        let started = Instant::now();
        if suite.ahead.is_none() && ahead::is_due(step, &chosen) {
            suite.ahead = Some(Ahead::start(context, &chosen)?);
        }
        let result = suite.perform(step);
        let seconds = started.elapsed().as_secs_f32();
        println!("-- {name}: {} in {seconds:.1} s", if result.is_ok() { "ok" } else { "FAILED" });
        times.push((name.clone(), seconds, result.is_ok()));
        if let Err(error) = result {
            // Before the summary, so that the server's last output does not follow it.
            drop(suite.postgres.take());
            drop(suite.ahead.take());
            summary(&times);
            println!("{}", suite.counts.with_failed_step());
            return Err(error.context(format!("the step {name} failed")));
        }
    }
    summary(&times);
    println!("{}", suite.counts);
    Ok(())
}

fn chosen(only: &[Step], from: Option<Step>) -> Vec<Step> {
    Step::value_variants()
        .iter()
        .copied()
        .filter(|step| if only.is_empty() { !step.is_asked_for() } else { only.contains(step) })
        .filter(|step| from.is_none_or(|from| *step >= from))
        .collect()
}

fn summary(times: &[(String, f32, bool)]) {
    heading("summary");
    for (name, seconds, ok) in times {
        println!("{:7} {name} ({:.1} min)", if *ok { "ok" } else { "FAILED" }, seconds / 60.0);
    }
}

impl Step {
    /// Not part of every run: lints alone, which the builds of every run do besides (`native.rs`), and what takes too long.
    fn is_asked_for(self) -> bool {
        matches!(self, Self::Clippy | Self::Chaos)
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_options_every_step_runs_in_its_order_but_those_that_are_asked_for() {
        let all = chosen(&[], None);
        let usual = Step::value_variants().iter().copied().filter(|step| !step.is_asked_for());
        assert_eq!(all, usual.collect::<Vec<_>>());
        assert!(all.is_sorted());
    }

    #[test]
    fn only_and_from_narrow_the_steps_and_keep_their_order() {
        assert_eq!(chosen(&[Step::Tidy, Step::Fmt], None), [Step::Fmt, Step::Tidy]);
        let from_build = [Step::Build, Step::Python, Step::Typescript, Step::Interface, Step::Browser];
        assert_eq!(chosen(&[], Some(Step::Build)), from_build);
    }
}
