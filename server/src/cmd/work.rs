//! `weft work`: a worker without a web side. Any number of them may share a database.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use store::notify::Hints;

use super::{
    observing::Observing,
    process::{Decider, ENGINE_CONNECTIONS, Known, Running, Signals},
};
use crate::{
    accept, config,
    database::{Database, Serves},
    metrics::Metrics,
    providers,
};

#[derive(Args, Debug)]
pub(super) struct Work {
    #[command(flatten)]
    worker: config::Worker,
    #[command(flatten)]
    pub(super) secrets: config::SecretKeys,
    #[command(flatten)]
    outside: config::Outside,
    #[command(flatten)]
    telemetry: config::Telemetry,
}

pub(super) async fn run(command: Work, config: &config::Database) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    // An attempt that waits for a model holds a connection to it, and there are a thousand places.
    accept::raise_file_limit();
    let providers = providers::read(config::provider_variables())?;
    let allow_private = command.outside.allow_private();
    let secret_keys = command.secrets.read()?;
    let mut observing = Observing::open(&command.telemetry).await?;
    let mut database = Database::open(config).await?;
    database.supervise();
    let Some(store) = signals.none_before(database.connect(ENGINE_CONNECTIONS, Serves::Engine)).await else {
        database.close().await?;
        return Ok(ExitCode::SUCCESS);
    };
    let store = store?;
    database.bring_up_to_date(&store).await?;
    database.tell_rights(&store).await?;
    let cell = database.settle_cell(&store).await?;
    let decider = Decider::begin(&database, &store).await?;
    observing.follow(&decider.runs, &command.telemetry, "work")?;
    let known = Known { providers, secret_keys, allow_private, cell: cell.unwrap_or_default() };
    let mut running = Running::start(store.clone(), &decider, &Hints::default(), known, &command.worker)?;
    let (figures, log, load) = (observing.figures.clone(), decider.log.clone(), running.load.clone());
    observing.tell(&Metrics::new(figures, store.clone(), vec![("engine", store.clone())], log, Some(load), None));
    println!("Weft is working");
    let failed = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping");
            None
        }
        error = running.engine_ended() => Some(error),
    };
    running.drain(&mut signals).await;
    decider.end().await;
    observing.end().await;
    store.close().await;
    database.close().await?;
    failed.map_or(Ok(ExitCode::SUCCESS), Err)
}
