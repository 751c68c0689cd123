//! `cargo xtask`: sets the machine up, builds the product, runs it and tests it.
//!
//! It drives cargo, apt, npm and Postgres; it must never hold product logic, and the product
//! must never need it at run time.

mod account;
mod bench;
mod build;
mod chaos;
mod context;
mod dist;
mod failover;
mod fresh;
mod interface;
mod native;
mod postgres;
mod queries;
mod run;
mod setup;
mod shell;
mod simulate;
mod suite;
mod tidy;

use anyhow::Result;
use clap::{Parser, Subcommand};
use context::Context;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "xtask", about = "Sets up, builds, runs and tests Weft")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing on this machine
    Setup {
        /// Also what only the tests need: a browser, Node, the npm packages, Python's tools and Redis
        #[arg(long)]
        tests: bool,
    },
    /// Build the front end, then the binaries with the site embedded
    Build {
        /// Print nothing but errors
        #[arg(long)]
        quiet: bool,
        /// Stop after the site: no native binary
        #[arg(long)]
        site: bool,
    },
    /// Set up, build and start Weft
    Run,
    /// Everything that CI checks
    Test {
        /// Run only this step (may be given several times)
        #[arg(long, value_enum)]
        only: Vec<suite::Step>,
        /// Start at this step
        #[arg(long, value_enum, conflicts_with = "only")]
        from: Option<suite::Step>,
        /// Of the Rust tests, run only those whose title holds this text (may be given several times)
        #[arg(long, requires = "only", value_name = "TEXT")]
        matching: Vec<String>,
    },
    /// What takes too long for every change: longer forms of tests, the clients' too, the simulators for longer, the newest Postgres
    TestLong(suite::long::Options),
    /// Prove `make run` and `make test` in a new, minimal Debian; takes root, debootstrap and an hour
    Fresh(fresh::Options),
    /// Build the programs as they are installed: optimised, stripped, the site inside
    Dist(dist::Options),
    /// Measure Weft on a durable Postgres of its own
    #[command(subcommand)]
    Bench(bench::Command),
    /// Simulate faults, crashes and people over a log in memory; the last line is `violations: K`
    Sim(simulate::Options),
    /// Break processes, their Postgres and what is between them, and look whether anything was lost; the last line is `violations: N`
    Chaos(chaos::Options),
    /// Lose the primary of a Postgres that Patroni keeps on two nodes, again and again; the last line is `violations: N`
    Failover(failover::Options),
    /// Check the shape of the tree: dependency edges, headers, sizes, licences
    Tidy,
    /// Write docs/openapi.json, and what is made of it: the tables of docs/rest.md, the types of clients/typescript
    Interface,
    /// Regenerate the query cache in .sqlx from the migrations
    Sqlx {
        /// Change nothing, fail when the committed cache differs
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match perform(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of causes, without the backtrace that RUST_BACKTRACE adds to anyhow's own form.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> Result<()> {
    let context = Context::discover()?;
    match command {
        Command::Setup { tests } => setup::install(&context, setup::Scope { tests }),
        Command::Build { quiet, site } => {
            let site_changed = build::site(&context, quiet)?;
            if !site {
                build::binaries(&context, quiet)?;
            }
            if !quiet {
                println!("Built{}", if site_changed { "" } else { ", the site was up to date" });
            }
            Ok(())
        }
        Command::Run => run::run(&context),
        Command::Test { only, from, matching } => suite::run(&context, &only, from, &matching),
        Command::TestLong(options) => suite::long::run(&context, &options),
        Command::Fresh(options) => fresh::run(&context, &options),
        Command::Dist(options) => dist::build(&context, &options),
        Command::Bench(command) => bench::run(&context, &command),
        Command::Sim(options) => simulate::run_simulator(&context, &options),
        Command::Chaos(options) => {
            suite::programs(&context)?;
            chaos::run(&context, options)
        }
        Command::Failover(options) => {
            suite::programs(&context)?;
            failover::run(&context, options)
        }
        Command::Tidy => tidy::run(&context),
        Command::Interface => interface::write(&context),
        Command::Sqlx { check } => {
            let postgres = postgres::TestPostgres::start()?;
            if check { queries::check(&context, &postgres) } else { queries::refresh(&context, &postgres) }
        }
    }
}
