//! `weft run VERB`: every verb of a person on a run, over REST, for people at a terminal and for scripts; and where a run is, which its id
//! alone says.
//! Must never decide anything: what is allowed, and why not, is the server's to say.

mod origin;
mod print;
mod values;
mod verbs;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::remote::{OneRun, Remote};
use values::{Given, Switch};

#[derive(Args, Debug)]
#[command(
    after_help = "Values are given as NAME=TEXT, NAME:=JSON, NAME=@FILE or NAME:=@FILE. The step of an item is STEP[ITEM]."
)]
pub(super) struct Run {
    #[command(subcommand)]
    verb: Asked,
    #[command(flatten)]
    remote: Remote,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
    /// An Idempotency-Key: the same request under it has one effect, however often it is sent
    #[arg(long, global = true, value_name = "KEY")]
    key: Option<String>,
}

/// What is asked of the server, or of the id alone.
#[derive(Debug, Subcommand)]
enum Asked {
    /// Say which cell a run is of, by its id alone: no server is asked
    Where { run: OneRun },
    #[command(flatten)]
    Server(Verb),
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Start a run of a published workflow
    Start {
        template: String,
        /// A version other than the published one
        #[arg(long)]
        version: Option<i32>,
        #[arg(long = "input", short, value_name = "NAME=VALUE")]
        inputs: Vec<Given>,
        /// Stop for a review after every step
        #[arg(long)]
        manual: bool,
    },
    /// List my runs, newest first
    List {
        /// Runs of everybody; for admins
        #[arg(long)]
        all: bool,
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show a run with its steps and artifacts
    Show { run: OneRun },
    /// Retry, re-run or start a step
    Trigger {
        #[command(flatten)]
        of: OfStep,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Approve what a step made
    Continue {
        #[command(flatten)]
        of: OfStep,
        #[command(flatten)]
        seen: Seen,
    },
    /// Write a new version of what a step made
    Edit {
        #[command(flatten)]
        of: OfStep,
        #[command(flatten)]
        seen: Seen,
        #[arg(long = "output", short, value_name = "NAME=VALUE", required = true)]
        outputs: Vec<Given>,
        /// Approve it at once
        #[arg(long = "continue")]
        and_continue: bool,
    },
    /// Send a step back to its agent
    Reject {
        #[command(flatten)]
        of: OfStep,
        #[command(flatten)]
        seen: Seen,
        /// What to do better
        #[arg(long, short)]
        feedback: String,
    },
    /// Go on without a step
    Skip {
        #[command(flatten)]
        of: OfStep,
        /// A value for a port of a dependent
        #[arg(long = "input", short, value_name = "STEP.PORT=VALUE")]
        inputs: Vec<Given>,
        /// Only list the values that are asked for
        #[arg(long)]
        needs: bool,
    },
    /// Give the outputs of a step, or answer its form
    Supply {
        #[command(flatten)]
        of: OfStep,
        #[arg(long = "output", short, value_name = "NAME=VALUE", required = true)]
        outputs: Vec<Given>,
    },
    /// Stop a running step
    Stop {
        #[command(flatten)]
        of: OfStep,
    },
    /// Run a step again, alone or with what is downstream
    Rerun {
        #[command(flatten)]
        of: OfStep,
        #[command(flatten)]
        overrides: Overrides,
        #[arg(long, value_enum, default_value_t = Mode::StepOnly)]
        mode: Mode,
        /// Only say what would run again
        #[arg(long)]
        dry_run: bool,
    },
    /// Make an older version of an artifact the latest again
    Rollback {
        run: OneRun,
        /// The id of the version, as `show` tells it
        artifact: String,
        #[arg(long, value_name = "N")]
        generation: Option<i32>,
    },
    /// Everything an artifact was made from
    Lineage { run: OneRun, artifact: String },
    /// Switch auto-run on or off
    AutoRun { run: OneRun, switch: Switch },
    /// Let nothing new start
    Pause { run: OneRun },
    /// Lift a pause
    Resume {
        run: OneRun,
        /// A new budget of tokens
        #[arg(long)]
        tokens: Option<i64>,
        /// A new budget of money, in millionths
        #[arg(long)]
        cost_micros: Option<i64>,
        /// Without a budget from now on
        #[arg(long, conflicts_with_all = ["tokens", "cost_micros"])]
        no_budget: bool,
    },
    /// Cancel a run for good
    Cancel { run: OneRun },
    /// Let a run go on that was set aside: its rows are made anew from its log; for admins
    Release { run: OneRun },
    /// Make a new run that begins at a step and shares what is before it
    Fork {
        run: OneRun,
        step: String,
        #[arg(long, value_name = "on|off")]
        auto_run: Option<Switch>,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Take versions of another run over into this one
    Adopt {
        run: OneRun,
        from: OneRun,
        /// Only these; else every step that differs
        #[arg(long = "step", value_name = "STEP")]
        steps: Vec<String>,
    },
    /// Go on with another published version
    Move {
        run: OneRun,
        version: i32,
        /// Only say what would stay valid
        #[arg(long)]
        dry_run: bool,
    },
    /// Two runs of one workflow side by side
    Compare { run: OneRun, with: OneRun },
    /// The completed steps that are stale, and why
    Stale { run: OneRun },
}

#[derive(Args, Debug)]
pub(super) struct OfStep {
    run: OneRun,
    step: String,
    /// The generation that was seen; another one now is refused
    #[arg(long, value_name = "N")]
    generation: Option<i32>,
}

#[derive(Args, Debug)]
pub(super) struct Overrides {
    /// Another prompt, for this run
    #[arg(long, conflicts_with_all = ["prompt_file", "reset_prompt"])]
    prompt: Option<String>,
    /// The same, from a file
    #[arg(long, value_name = "FILE", conflicts_with = "reset_prompt")]
    prompt_file: Option<std::path::PathBuf>,
    /// Take another prompt back
    #[arg(long)]
    reset_prompt: bool,
    /// A literal value for a port, for this run
    #[arg(long = "input", short, value_name = "PORT=VALUE", conflicts_with = "reset_inputs")]
    inputs: Vec<Given>,
    /// Take all literal values back
    #[arg(long)]
    reset_inputs: bool,
}

#[derive(Args, Debug)]
pub(super) struct Seen {
    /// The digest of what was seen; something newer now is refused
    #[arg(long, value_name = "HASH")]
    digest: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Mode {
    StepOnly,
    Downstream,
    StaleDownstream,
    /// All that is stale in the run and that no person wrote; the step is one of these
    Stale,
}

pub(super) async fn run(command: Run) -> Result<ExitCode> {
    let verb = match command.verb {
        Asked::Where { run } => return origin::tell(run.0, command.json),
        Asked::Server(verb) => verb,
    };
    let (ask, shape) = verbs::ask(verb, command.key)?;
    let answer = command.remote.ask(ask).await?;
    if command.json {
        print::json(&answer)?;
    } else {
        print::lines(shape, answer)?;
    }
    Ok(ExitCode::SUCCESS)
}
