//! What a process tells of itself while it runs: figures to whoever scrapes it, and traces to a collector.
//! Must never keep a process from working: what is wrong with the settings is told at the start, and afterwards only told.

use std::sync::Arc;

use anyhow::Result;
use runs::Runs;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    config,
    metrics::{self, Figures, Listener, Metrics},
    traces::Traces,
    witness::Observer,
};

pub(super) struct Observing {
    pub(super) figures: Arc<Figures>,
    listener: Option<Listener>,
    tasks: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Observing {
    /// Takes the port for metrics, if there is to be one.
    pub(super) async fn open(config: &config::Telemetry) -> Result<Self> {
        let listener = match config.metrics_addr() {
            Some(address) => Some(metrics::open(address).await?),
            None => None,
        };
        Ok(Self { figures: Arc::default(), listener, tasks: Vec::new(), stop: CancellationToken::new() })
    }

    /// From now on what is written to these runs is counted, and traced where that is wanted. Before anything is executed.
    pub(super) fn follow(&mut self, runs: &Runs, config: &config::Telemetry, role: &'static str) -> Result<()> {
        tracing::info!(
            process.role = role,
            process.pid = std::process::id(),
            version = env!("CARGO_PKG_VERSION"),
            "starting"
        );
        let traces = match config.collector(role)? {
            Some(collector) => {
                let (traces, task) = Traces::begin(&collector, Arc::clone(&self.figures), self.stop.clone())?;
                self.tasks.push(task);
                tracing::info!(content = collector.wants_content, "traces are sent to a collector");
                Some(traces)
            }
            None => None,
        };
        runs.set_witness(Arc::new(Observer::new(Arc::clone(&self.figures), traces)));
        Ok(())
    }

    /// Tells them on the port of their own.
    pub(super) fn tell(&mut self, metrics: &Metrics) {
        if let Some(listener) = self.listener.take() {
            self.tasks.push(listener.serve(metrics.clone(), self.stop.clone()));
        }
    }

    /// Once nothing is written any more.
    pub(super) async fn end(self) {
        self.stop.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "what tells of this process panicked");
            }
        }
    }
}
