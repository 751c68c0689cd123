//! The command line: what `weft` does, one file for each command.
//! Every command says on standard output what was asked for, and on standard error what went wrong and what to do.

mod check;
mod exchange;
mod group;
mod migrate;
mod observing;
mod operator;
mod process;
mod remote;
mod run;
mod secret;
mod seed;
mod serve;
mod token;
mod user;
mod watch;
mod work;
mod worker_token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{config, privileges, telemetry};

/// Weft runs workflows of AI agents that people stay in control of
#[derive(Debug, Parser)]
#[command(
    name = "weft",
    version,
    disable_help_subcommand = false,
    after_help = "Every flag has a variable of the same meaning, shown in [env: ...]. `weft help COMMAND` tells more of a command.\n\
                  Language models: WEFT_PROVIDER_<NAME>_KIND, _URL, _KEY and _MODEL describe one provider each.\n\
                  Secrets: WEFT_SECRET_KEY holds the keys that encrypt them, if no file does."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    database: config::Database,
    #[command(flatten)]
    log: config::Log,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: web pages, API and a worker
    Serve(serve::Serve),
    /// Run a worker only: it executes steps for servers on the same database
    Work(work::Work),
    /// Bring the database's tables up to date
    Migrate,
    /// Look whether what the database holds is what must be true of it: exit code 0 for yes, 2 for no
    Check(check::Check),
    /// Manage people
    #[command(subcommand)]
    User(user::User),
    /// Manage groups of people: whom gates ask and workflows are for
    #[command(subcommand)]
    Group(group::Group),
    /// Manage API tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Manage tokens of outside workers
    #[command(subcommand)]
    WorkerToken(worker_token::WorkerToken),
    /// Manage secrets: what agents send by name and nobody reads
    Secret(secret::Secret),
    /// Add the shipped agents and workflows to the library; what is there stays as it is
    Seed,
    /// Start runs and steer them, over the API of a running server
    Run(run::Run),
    /// Print what happens in a run, as it happens
    Watch(watch::Watch),
    /// Write a workflow to a file, with its agents and the workflows that these run, and without secrets
    Export(exchange::Export),
    /// Say what a file would change on a server: exit code 0 for nothing, 2 for something
    Diff(exchange::Diff),
    /// Bring a server to what a file says, after showing what that changes
    Apply(exchange::Apply),
    /// Be a child of the server, which renders one template within limits
    #[command(hide = true)]
    Sandbox,
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => return misread(&told),
    };
    // Before anything takes memory, opens a file or starts a thread.
    if matches!(cli.command, Command::Sandbox) {
        return agents::sandbox_main();
    }
    match execute(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("weft: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// Help and versions are no errors; what cannot be understood is one, and never 2, which `weft diff` says of files.
fn misread(told: &clap::Error) -> ExitCode {
    // Where nobody can be told, the code still says it.
    let _ = told.print();
    if told.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    telemetry::start(&cli.log)?;
    match &cli.command {
        Command::Serve(command) => {
            privileges::settle(&cli.database, Some(&command.local_model), Some(&command.secrets))?;
        }
        // Only where there is a Weft: for these none is made.
        Command::Token(_) | Command::WorkerToken(_) | Command::Group(_) | Command::Secret(_) | Command::Check(_)
            if !operator::has_database(&cli.database) => {}
        Command::Secret(command) if !command.needs_database() => {}
        Command::Secret(command) => privileges::settle(&cli.database, None, Some(&command.keys))?,
        Command::Work(command) => privileges::settle(&cli.database, None, Some(&command.secrets))?,
        Command::Migrate
        | Command::Check(_)
        | Command::User(_)
        | Command::Group(_)
        | Command::Token(_)
        | Command::WorkerToken(_)
        | Command::Seed => {
            privileges::settle(&cli.database, None, None)?;
        }
        // These speak to a server and touch nothing but what the person can reach; the last was served before.
        Command::Run(_)
        | Command::Watch(_)
        | Command::Export(_)
        | Command::Diff(_)
        | Command::Apply(_)
        | Command::Sandbox => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve(command) => serve::run(command, &cli.database).await,
            Command::Work(command) => work::run(command, &cli.database).await,
            Command::Migrate => migrate::run(&cli.database).await,
            Command::Check(command) => check::run(command, &cli.database).await,
            Command::User(command) => user::run(command, &cli.database).await,
            Command::Group(command) => group::run(command, &cli.database).await,
            Command::Token(command) => token::run(command, &cli.database).await,
            Command::WorkerToken(command) => worker_token::run(command, &cli.database).await,
            Command::Secret(command) => secret::run(command, &cli.database).await,
            Command::Seed => seed::run(&cli.database).await,
            Command::Run(command) => run::run(command).await,
            Command::Watch(command) => watch::run(command).await,
            Command::Export(command) => exchange::export(command).await,
            Command::Diff(command) => exchange::diff(command).await,
            Command::Apply(command) => exchange::apply(command).await,
            Command::Sandbox => unreachable!("it needs no runtime and was served before"),
        }
    })
}

/// The error with its causes; what a cause says twice is said once.
fn told(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str("\n  because: ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
