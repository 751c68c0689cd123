//! The Postgres of the chaos: started, ended in each way that a Postgres ends, and started again until it answers.
//! xtask made its cluster and says how it is started; nothing here may change a setting of it.

use std::{
    fs::File,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::postgres::Postgres;

const ANSWERS_WITHIN: Duration = Duration::from_mins(1);
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// What xtask says of it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Start {
    /// The program and its arguments, as a JSON array
    #[arg(long, env = "WEFT_CHAOS_POSTGRES", hide = true)]
    command: String,
    /// The folder that it is started in
    #[arg(long, env = "WEFT_CHAOS_POSTGRES_FOLDER", hide = true)]
    folder: PathBuf,
    /// Where what it logs goes
    #[arg(long, env = "WEFT_CHAOS_POSTGRES_LOG", hide = true)]
    log: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Cluster {
    start: Start,
    words: Vec<String>,
    postgres: Postgres,
    child: Option<Child>,
}

impl Cluster {
    pub(crate) fn new(start: Start, postgres: Postgres) -> Result<Self> {
        let words: Vec<String> = serde_json::from_str(&start.command).context("the command of Postgres is no list")?;
        Ok(Self { start, words, postgres, child: None })
    }

    /// Comes back once it answers. One that ends again is started again: another may hold its files for a moment, or the disk is full.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            if self.has_ended() {
                self.spawn()?;
            }
            let asked = timeout(Duration::from_secs(5), self.postgres.execute("postgres", "SELECT 1")).await;
            if asked.is_ok_and(|answer| answer.is_ok()) && !self.has_ended() {
                return Ok(());
            }
            if began.elapsed() > ANSWERS_WITHIN {
                bail!("Postgres does not answer; what it says is in {}", self.start.log.display());
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn spawn(&mut self) -> Result<()> {
        let [program, arguments @ ..] = &self.words[..] else { bail!("there is no command for Postgres") };
        let log = File::options().append(true).create(true).open(&self.start.log).context("no log for Postgres")?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.start.folder).kill_on_drop(true).process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone().context("no log for Postgres")?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("cannot start `{program}`"))?);
        Ok(())
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().ok().flatten().is_some())
    }

    /// By a signal of its own: SIGINT ends it in order, SIGQUIT at once, SIGKILL as a crash does.
    pub(crate) async fn end(&mut self, signal: Signal) {
        let Some(child) = &mut self.child else { return };
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It may be gone already.
            let _ = kill(Pid::from_raw(pid), signal);
        }
        if timeout(ENDS_WITHIN, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
        self.child = None;
    }
}
