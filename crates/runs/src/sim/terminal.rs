//! What both simulators have of a terminal: arguments, a real clock, and what is printed. Exit 1 unless nothing was violated.
//! It must never reach into a world.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use super::{Report, Simulation};

const USAGE: &str = "[--seed N] [--steps M] [--minutes T] [--bug NAME] [--keep-going]";
/// Of each seed, where there is time for many.
const STEPS_OF_A_SEED: u64 = 200_000;

struct Arguments {
    simulation: Simulation,
    bug: Option<String>,
    /// One seed after the other, until that is over.
    minutes: Option<u64>,
}

/// `bugs`: the names of the seeded mistakes, one of which `simulate` is given.
pub fn main(steps: u64, bugs: &[String], simulate: impl Fn(&Simulation, Option<&str>) -> Report) -> ExitCode {
    let Arguments { simulation, bug, minutes } = match parse(steps, std::env::args().skip(1), bugs) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprintln!("{wrong}\nusage: {USAGE}\nbugs: {}", bugs.join(" "));
            return ExitCode::from(2);
        }
    };
    let begun = Instant::now();
    let n = match minutes {
        None => {
            let report = simulate(&simulation, bug.as_deref());
            tell(&simulation, &report, begun.elapsed());
            report.violations.len()
        }
        Some(minutes) => {
            let until = Duration::from_secs(minutes.saturating_mul(60));
            many(simulation, until, |simulation| simulate(simulation, bug.as_deref()))
        }
    };
    println!("violations: {n}");
    if n == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A line for each seed, and what it violated.
fn many(mut simulation: Simulation, until: Duration, simulate: impl Fn(&Simulation) -> Report) -> usize {
    let begun = Instant::now();
    let (mut n, mut n_steps, mut n_seeds) = (0, 0, 0);
    while begun.elapsed() < until {
        let report = simulate(&simulation);
        let Report { steps, runs, crashes, failovers, violations, .. } = &report;
        println!(
            "seed {}: {steps} steps, {runs} runs, {crashes} crashes, {failovers} failovers, violations {}",
            simulation.seed,
            violations.len()
        );
        tell_violations(&report);
        n += violations.len();
        n_steps += steps;
        n_seeds += 1;
        simulation.seed += 1;
    }
    println!("{n_seeds} seeds, {n_steps} steps, {}", rate(n_steps, begun.elapsed()));
    n
}

fn tell(simulation: &Simulation, report: &Report, took: Duration) {
    println!("seed {}, {} worlds, {} runs", simulation.seed, report.worlds, report.runs);
    println!(
        "{} steps: {} decisions, {} events applied; {} commits lost, {} went alone; {} crashes, {} failovers",
        report.steps, report.decisions, report.applied, report.lost, report.alone, report.crashes, report.failovers
    );
    println!("{}", rate(report.steps, took));
    tell_violations(report);
}

fn tell_violations(report: &Report) {
    for (world, what) in &report.violations {
        println!("world {world}: {what}");
    }
}

fn rate(steps: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let rate = steps as f64 * 60.0 / seconds;
    format!("{seconds:.1} s, {rate:.0} steps a minute")
}

fn parse(steps: u64, mut given: impl Iterator<Item = String>, bugs: &[String]) -> Result<Arguments, String> {
    let mut seed = 1;
    let (mut wanted, mut bug, mut minutes, mut stop_at_violation) = (None, None, None, true);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or_else(|| format!("{argument} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
        match argument.as_str() {
            "--seed" => seed = number(value()?)?,
            "--steps" => wanted = Some(number(value()?)?),
            "--minutes" => minutes = Some(number(value()?)?),
            "--bug" => {
                let name = value()?;
                if !bugs.contains(&name) {
                    return Err(format!("there is no bug {name}"));
                }
                bug = Some(name);
            }
            "--keep-going" => stop_at_violation = false,
            other => return Err(format!("what is {other}?")),
        }
    }
    let steps = wanted.unwrap_or(if minutes.is_some() { STEPS_OF_A_SEED } else { steps });
    Ok(Arguments { simulation: Simulation { seed, steps, stop_at_violation }, bug, minutes })
}
