//! What processes share: what decides about runs, the engine with what it needs, and being told to stop.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use agents::{AddressRange, Options, Provider, Providers, Registry, Sandbox};
use anyhow::{Context, Result, anyhow};
use engine::{Engine, Load};
use runs::Runs;
use store::{Store, log::Log, notify::Hints, vault::KeyRing};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use workflow::cell::CellNumber;

use crate::{config, database::Database};

/// What the engine reads and hears beside the log: content, definitions, and the connection that listens.
pub(super) const ENGINE_CONNECTIONS: u32 = 8;
/// The engine drains for 30 s; giving back what is left takes a moment more.
const DRAIN: Duration = Duration::from_secs(40);
/// What was asked is written before a process ends; a database that is gone is not waited for.
const LAST_COMMITS: Duration = Duration::from_secs(5);

/// The log of all runs, and what decides about runs in this process.
pub(super) struct Decider {
    pub(super) log: Arc<Log>,
    pub(super) runs: Runs,
    task: JoinHandle<()>,
    sender: JoinHandle<()>,
    stop_sender: CancellationToken,
}

impl Decider {
    /// `store`: for what other processes are told after commits.
    pub(super) async fn begin(database: &Database, store: &Store) -> Result<Self> {
        let log = Arc::new(database.log(store).await?);
        let (runs, task) =
            engine::work_on_runs(Arc::clone(&log), store.clone()).await.context("cannot read the database's clock")?;
        let stop_sender = CancellationToken::new();
        let sender = tokio::spawn({
            let (store, stop) = (store.clone(), stop_sender.clone());
            async move { store.send_hints(stop.cancelled()).await }
        });
        Ok(Self { log, runs, task, sender, stop_sender })
    }

    /// Once everybody is gone who could ask for something.
    pub(super) async fn end(self) {
        let Self { log, runs, mut task, sender, stop_sender } = self;
        drop(runs);
        match tokio::time::timeout(LAST_COMMITS, &mut task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "what decides about runs panicked"),
            Err(_) => task.abort(),
        }
        stop_sender.cancel();
        if let Err(error) = sender.await {
            tracing::error!(%error, "what sends hints panicked");
        }
        log.close().await;
    }
}

/// SIGTERM and SIGINT.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot watch SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot watch SIGINT")?,
        })
    }

    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// What comes of something that may take long; nothing if somebody asked to stop before.
    pub(super) async fn none_before<T>(&mut self, done: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            signal = self.next() => {
                tracing::info!(signal, "stopping");
                None
            }
            done = done => Some(done),
        }
    }
}

/// The program that runs here, also after its file was replaced by a newer one.
fn this_program() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe().context("cannot find the program's own file")
    }
}

/// What agents are given of what only this process knows.
pub(super) struct Known {
    pub(super) providers: BTreeMap<String, Provider>,
    pub(super) secret_keys: KeyRing,
    /// Private networks that the operator opened.
    pub(super) allow_private: Vec<AddressRange>,
    /// What ids of runs carry.
    pub(super) cell: CellNumber,
}

/// The engine, its hints, and how to stop both.
pub(super) struct Running {
    /// How much the engine has to do.
    pub(super) load: Load,
    /// None once it has ended.
    engine: Option<JoinHandle<()>>,
    listener: JoinHandle<()>,
    stop_engine: CancellationToken,
    stop_listener: CancellationToken,
}

impl Running {
    pub(super) fn start(
        store: Store,
        decider: &Decider,
        hints: &Hints,
        known: Known,
        worker: &config::Worker,
    ) -> Result<Self> {
        let Known { providers, secret_keys, allow_private, cell } = known;
        let (stop_engine, stop_listener) = (CancellationToken::new(), CancellationToken::new());
        let listener = tokio::spawn({
            let (hints, store, stop) = (hints.clone(), store.clone(), stop_listener.clone());
            async move { hints.listen(&store, stop.cancelled()).await }
        });
        let registry = Registry::new(
            Providers::new(providers),
            Arc::new(engine::StoredRefusals::new(store.clone())),
            Options {
                allow_private,
                sandbox: Some(Sandbox::new(this_program()?, ["sandbox"])),
                secrets: Some(Arc::new(engine::StoredSecrets::new(store.clone(), secret_keys))),
            },
        );
        let options = engine::Options {
            slots: worker.worker_slots as usize,
            kinds: worker.kinds(),
            agents: worker.agents(),
            memory: worker.worker_memory_mb as usize * 1024 * 1024,
            keep_days: worker.delete_runs_after_days,
            cell,
            ..engine::Options::default()
        };
        let (runs, log) = (decider.runs.clone(), Arc::clone(&decider.log));
        let engine = Engine::new(runs, log, Arc::new(store), Arc::new(registry), hints.clone(), options);
        let load = engine.load();
        let engine = tokio::spawn(engine.run(stop_engine.clone()));
        Ok(Self { load, engine: Some(engine), listener, stop_engine, stop_listener })
    }

    /// Waits for the engine to end by itself, which it never should: a process without one would look alive and do nothing.
    pub(super) async fn engine_ended(&mut self) -> anyhow::Error {
        let Some(engine) = &mut self.engine else { return std::future::pending().await };
        let ended = engine.await;
        self.engine = None;
        let error = match ended {
            Ok(()) => anyhow!("the engine ended by itself"),
            Err(error) => anyhow!(error).context("the engine panicked"),
        };
        tracing::error!(error = &*error as &dyn std::error::Error, "stopping, because nothing executes steps any more");
        error
    }

    /// Waits until the engine has drained, or until a second signal says that this takes too long.
    pub(super) async fn drain(mut self, signals: &mut Signals) {
        self.stop_engine.cancel();
        if let Some(mut engine) = self.engine.take() {
            tokio::select! {
                done = tokio::time::timeout(DRAIN, &mut engine) => match done {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::error!(%error, "the engine panicked"),
                    Err(_) => tracing::warn!("the engine did not drain in time; others will take over its steps"),
                },
                signal = signals.next() => {
                    tracing::warn!(signal, "stopping at once; others will take over the running steps");
                    engine.abort();
                }
            }
        }
        self.stop_listener.cancel();
        if let Err(error) = self.listener.await {
            tracing::error!(%error, "the listener for hints panicked");
        }
    }
}
