//! A peer that was started: its servers, and the driver that runs one repeat of a workload for each line that it is sent.
//! A repeat must never count that its driver did not call done.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdin, ChildStdout},
    time::timeout,
};

use super::{
    comparison::Comparison,
    peer::{Grounds, Home, Peer},
    process::Process,
};
use crate::postgres::Postgres;

const READY_WITHIN: Duration = Duration::from_mins(2);
/// Longer than the slowest peer takes by far: what takes longer hangs.
const OVER_WITHIN: Duration = Duration::from_mins(5);
/// A socket's address holds some hundred bytes, and Restate's sockets lie two folders deeper.
const MOST_BYTES: usize = 40;
static N_STARTED: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Running {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    driver: Process,
    servers: Vec<Process>,
    versions: BTreeMap<String, String>,
    // Last, since fields are dropped in their order.
    _folder: TempDir,
}

/// A line of the driver: one of the three.
#[derive(Deserialize)]
struct Answer {
    ready: Option<BTreeMap<String, String>>,
    seconds: Option<f64>,
    error: Option<String>,
}

impl Running {
    pub(crate) async fn start(peer: Peer, grounds: &Grounds, postgres: &Postgres) -> Result<Self> {
        let folder = folder(peer)?;
        let mut home = Home { folder: folder.path().to_owned(), database: None, environment: Vec::new() };
        if peer.wants_postgres() {
            let name = format!("weft_bench_{}_{}", peer.name(), N_STARTED.fetch_add(1, Ordering::Relaxed));
            postgres.create_database(&name).await?;
            home.database = Some(name);
            home.environment = postgres.environment();
        }
        let mut servers = Vec::new();
        for planned in peer.servers(grounds, &home) {
            servers.push(Process::start(planned, &home.folder, false)?);
        }
        let mut driver = Process::start(peer.driver(grounds, &home), &home.folder, true)?;
        let input = driver.child.stdin.take().context("the driver takes no input")?;
        let output = BufReader::new(driver.child.stdout.take().context("the driver gives no output")?).lines();
        let mut running = Self { input, output, driver, servers, versions: BTreeMap::new(), _folder: folder };
        let ready = running.answer(READY_WITHIN).await.and_then(|answer| answer.ready.context("it is not ready"));
        running.versions = ready.map_err(|error| running.explain(error)).context("it could not be started")?;
        Ok(running)
    }

    pub(crate) fn versions(&self) -> &BTreeMap<String, String> {
        &self.versions
    }

    /// One repeat, in seconds, as the driver took the time round it.
    pub(crate) async fn run(&mut self, comparison: Comparison) -> Result<f64> {
        let ran = self.try_to_run(comparison).await;
        ran.map_err(|error| self.explain(error))
    }

    async fn try_to_run(&mut self, comparison: Comparison) -> Result<f64> {
        for server in &mut self.servers {
            server.check()?;
        }
        self.input.write_all(format!("{}\n", comparison.key()).as_bytes()).await.context("the driver has ended")?;
        self.input.flush().await.context("the driver has ended")?;
        self.answer(OVER_WITHIN).await?.seconds.context("the driver answered something else")
    }

    async fn answer(&mut self, within: Duration) -> Result<Answer> {
        let line = timeout(within, self.output.next_line())
            .await
            .with_context(|| format!("it was not over within {} s", within.as_secs()))?
            .context("the driver has ended")?
            .context("the driver has ended")?;
        let answer: Answer = serde_json::from_str(&line).with_context(|| format!("the driver answered {line}"))?;
        if let Some(error) = answer.error {
            bail!(error);
        }
        Ok(answer)
    }

    /// With what its processes had to say.
    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let words: Vec<String> =
            std::iter::once(&self.driver).chain(&self.servers).filter_map(Process::last_words).collect();
        if !words.is_empty() {
            eprintln!("{}", words.join("\n"));
        }
        error
    }

    /// The driver first: it ends when nobody asks any more.
    pub(crate) async fn stop(self) {
        drop(self.input);
        self.driver.stop().await;
        for server in self.servers.into_iter().rev() {
            server.stop().await;
        }
    }
}

/// The system's temporary folder, unless its path is too long for a socket in it.
fn folder(peer: Peer) -> Result<TempDir> {
    let usual = std::env::temp_dir();
    let parent = if usual.as_os_str().len() > MOST_BYTES { "/tmp".into() } else { usual };
    let prefix = format!("weft-bench-{}-", peer.name());
    tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).context("no temporary folder")
}
