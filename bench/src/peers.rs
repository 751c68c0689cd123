//! `bench peers`: the same four workloads on Weft and on other engines, in turns and in one run, and how Weft compares with the best of them.
//!
//! What could not be installed or measured is left out and named with the reason: there must never be a figure in its place, nor a
//! ratio to an engine that was not measured.

mod comparison;
mod driver;
mod peer;
mod process;
mod quiet;
mod table;
mod weft;

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use clap::Args;

use crate::{lab::Lab, postgres::Postgres};
use comparison::Comparison;
use driver::Running;
use peer::{Grounds, Peer};
use quiet::Gate;
use table::{Engine, Table};
use weft::Weft;

#[derive(Args)]
pub(crate) struct Options {
    /// Print the figures as one JSON object on the last line as well
    #[arg(long)]
    json: bool,
    /// Measured repeats of each workload, after one to warm up
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// A peer that is installed
    #[arg(long, value_enum, hide = true)]
    ready: Vec<Peer>,
    /// A peer that could not be installed, and why
    #[arg(long, value_name = "PEER=REASON", value_parser = missing, hide = true)]
    missing: Vec<(Peer, String)>,
    /// For how long the whole run may wait for a quiet machine
    #[arg(long, env = "WEFT_BENCH_PATIENCE_SECS", default_value_t = 600, hide = true)]
    patience_secs: u64,
    /// The server's binary
    #[arg(long, env = "WEFT_BENCH_WEFT", hide = true)]
    weft: PathBuf,
    /// How it was built
    #[arg(long, env = "WEFT_BENCH_PROFILE", hide = true)]
    profile: String,
    #[command(flatten)]
    grounds: Grounds,
    #[command(flatten)]
    postgres: Postgres,
}

fn missing(text: &str) -> Result<(Peer, String), String> {
    use clap::ValueEnum;
    let (peer, reason) = text.split_once('=').ok_or("it takes PEER=REASON")?;
    Ok((Peer::from_str(peer, false)?, reason.to_owned()))
}

/// An engine that takes its turn. Its processes go on between the turns, and are started anew after a failure.
enum Contestant {
    Weft(Box<Weft>),
    Peer(Peer, Option<Box<Running>>),
}

impl Contestant {
    fn engine(&self) -> Engine {
        match self {
            Self::Weft(_) => Engine::Weft,
            Self::Peer(peer, _) => Engine::Peer(*peer),
        }
    }

    /// One repeat, in seconds.
    async fn take_turn(&mut self, turn: &mut Turn<'_>) -> Result<f64> {
        match self {
            Self::Weft(weft) => {
                weft.start(turn.lab).await?;
                turn.gate.wait().await;
                weft.run(turn.lab, turn.comparison).await
            }
            Self::Peer(peer, running) => {
                let mut started = match running.take() {
                    Some(started) => started,
                    None => Box::new(Running::start(*peer, turn.grounds, &turn.lab.postgres).await?),
                };
                turn.table.tell_versions(*peer, started.versions());
                turn.gate.wait().await;
                let seconds = started.run(turn.comparison).await?;
                *running = Some(started);
                Ok(seconds)
            }
        }
    }

    async fn stop(self, lab: &mut Lab) {
        match self {
            Self::Weft(weft) => weft.stop(lab).await,
            Self::Peer(_, None) => {}
            Self::Peer(_, Some(running)) => running.stop().await,
        }
    }
}

struct Turn<'a> {
    comparison: Comparison,
    lab: &'a mut Lab,
    grounds: &'a Grounds,
    gate: &'a mut Gate,
    table: &'a mut Table,
}

/// How many figures failed.
pub(crate) async fn compare(options: Options) -> Result<u32> {
    let mut table = Table::default();
    for (peer, reason) in &options.missing {
        table.leave_out(*peer, reason);
    }
    if options.ready.is_empty() {
        println!("{}", table.text());
        bail!("there is no peer to compare Weft with");
    }
    let mut lab = Lab::open(options.postgres, options.weft, options.repeats)?;
    let mut gate = Gate::new(Duration::from_secs(options.patience_secs));
    let mut contestants = vec![Contestant::Weft(Box::default())];
    contestants.extend(options.ready.iter().map(|peer| Contestant::Peer(*peer, None)));
    for comparison in Comparison::ALL {
        for round in 0..=options.repeats {
            eprintln!("{}, {}", comparison.key(), if round == 0 { "to warm up" } else { "measured" });
            // Nobody is always the one who comes after the same other.
            contestants.rotate_left(1);
            for contestant in &mut contestants {
                let engine = contestant.engine();
                if table.has_failed(engine, comparison) {
                    continue;
                }
                let (lab, table, gate, grounds) = (&mut lab, &mut table, &mut gate, &options.grounds);
                let taken = contestant.take_turn(&mut Turn { comparison, lab, grounds, gate, table }).await;
                match taken {
                    Ok(seconds) if round > 0 => table.add(engine, comparison, seconds),
                    Ok(_) => {}
                    Err(error) => {
                        eprintln!("{}: {} failed: {error:#}", comparison.key(), engine.name());
                        table.fail(engine, comparison, &format!("{error:#}"));
                    }
                }
            }
        }
    }
    for contestant in contestants {
        contestant.stop(&mut lab).await;
    }
    println!("\nProfile `{}`, {} repeats after one to warm up, in turns.\n", options.profile, options.repeats);
    println!("{}", table.text());
    if let Some(warning) = gate.warning() {
        println!("{warning}\n");
    }
    for line in table.ratios() {
        println!("{line}");
    }
    if options.json {
        println!("{}", table.json(gate.n_unquiet()));
    }
    Ok(table.n_failed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_peer_comes_with_its_reason() {
        assert_eq!(missing("dbos=no pip = no venv"), Ok((Peer::Dbos, "no pip = no venv".to_owned())));
        assert!(missing("dbos").is_err() && missing("nobody=x").is_err());
    }
}
