//! `cargo xtask sim`: simulates the core, says what did not hold and how to see it again. Exit 1 unless that is nothing.
//! The only file of the crate that knows arguments, a real clock and a terminal.

use std::{process::ExitCode, time::Instant};

use runs::{
    bugs::Bug,
    sim::{Simulation, simulate},
};

const USAGE: &str = "sim [--seed N] [--steps M] [--bug NAME] [--keep-going]";

fn main() -> ExitCode {
    let simulation = match parse(std::env::args().skip(1)) {
        Ok(simulation) => simulation,
        Err(wrong) => {
            eprintln!("{wrong}\nusage: {USAGE}\nbugs: {}", Bug::ALL.map(Bug::name).join(" "));
            return ExitCode::from(2);
        }
    };
    let begun = Instant::now();
    let report = simulate(&simulation);
    let seconds = begun.elapsed().as_secs_f64().max(0.001);
    println!("seed {}, {} worlds, {} runs", simulation.seed, report.worlds, report.runs);
    println!(
        "{} steps: {} decisions, {} events applied; {} commits lost, {} went alone; {} crashes, {} failovers",
        report.steps, report.decisions, report.applied, report.lost, report.alone, report.crashes, report.failovers
    );
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let rate = report.steps as f64 * 60.0 / seconds;
    println!("{seconds:.1} s, {rate:.0} steps a minute");
    for (world, what) in &report.violations {
        println!("world {world}: {what}");
    }
    println!("violations: {}", report.violations.len());
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Simulation, String> {
    let mut simulation = Simulation { seed: 1, steps: 1_000_000, bug: None, stop_at_violation: true };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
        match argument.as_str() {
            "--seed" => simulation.seed = number(value()?)?,
            "--steps" => simulation.steps = number(value()?)?,
            "--bug" => {
                let name = value()?;
                let found = Bug::ALL.into_iter().find(|bug| bug.name() == name);
                simulation.bug = Some(found.ok_or_else(|| format!("there is no bug {name}"))?);
            }
            "--keep-going" => simulation.stop_at_violation = false,
            other => return Err(format!("what is {other}?")),
        }
    }
    Ok(simulation)
}
