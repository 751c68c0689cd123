//! `weft serve`: the whole product in one process, from start to an orderly stop.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use agents::Provider;
use anyhow::{Context, Result, bail};
use clap::Args;
use notices::Notices;
use rand::RngCore;
use runs::Runs;
use service::{Service, Settings, accounts, worker::Workers};
use store::{Store, notify::Hints, vault::KeyRing};
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    observing::Observing,
    process::{Decider, ENGINE_CONNECTIONS, Known, Running, Signals},
};
use crate::{
    accept::{self, Limits, Places, Timers},
    config,
    database::{Database, Serves},
    http::{AppState, Requests, SameOrigin, router},
    live::Hub,
    local_model::{self, LocalModel},
    metrics::{Metrics, Sockets},
    office::{self, Tester, Vault},
    postgres::ServeLock,
    providers, seed,
};

const WEB_CONNECTIONS: u32 = 16;
/// Connections that the system keeps until they are accepted; it may allow fewer.
const BACKLOG: u32 = 4_096;
/// Answers that are being written when the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(5);
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    web: config::Web,
    #[command(flatten)]
    worker: config::Worker,
    #[command(flatten)]
    quotas: config::Quotas,
    #[command(flatten)]
    pub(super) secrets: config::SecretKeys,
    #[command(flatten)]
    pub(super) local_model: config::LocalModel,
    #[command(flatten)]
    notices: Box<config::Notices>,
    #[command(flatten)]
    outside: config::Outside,
    #[command(flatten)]
    telemetry: Box<config::Telemetry>,
}

/// Why the server stops.
enum Stopped {
    Asked,
    WebEnded(Result<(), tokio::task::JoinError>),
    EngineEnded(anyhow::Error),
}

pub(super) async fn run(command: Serve, config: &config::Database) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    // What needs no database first: mistakes are told before anything is started.
    let mut providers = providers::read(config::provider_variables())?;
    let secret_keys = command.secrets.read()?;
    let listener = bind(command.web.listen)?;
    let address = listener.local_addr().context("cannot read the address")?;
    let mut observing = Observing::open(&command.telemetry).await?;
    let model = prepare_model(&command.local_model, &mut providers)?;
    let _lock = match config.url() {
        Some(_) => None,
        None => Some(ServeLock::take(&config.place().data_dir)?),
    };

    let mut database = Database::open(config).await?;
    database.supervise();
    let Some(web_store) = signals.none_before(database.connect(WEB_CONNECTIONS, Serves::Requests)).await else {
        database.close().await?;
        return Ok(ExitCode::SUCCESS);
    };
    let web_store = web_store?.within(command.quotas.limits());
    database.bring_up_to_date(&web_store).await?;
    database.tell_rights(&web_store).await?;
    let cell = database.settle_cell(&web_store).await?;
    let engine_store = database.connect(ENGINE_CONNECTIONS, Serves::Engine).await?;
    let decider = Decider::begin(&database, &engine_store).await?;
    observing.follow(&decider.runs, &command.telemetry, "serve")?;
    let office = office(&command, &web_store, &secret_keys, address);
    let settings = Settings { cell, ..settings(&command, &providers, secret_keys.clone(), &office, address) };
    let service = service(settings, web_store.clone(), decider.runs.clone()).await?;

    let stop_background = CancellationToken::new();
    let hints = Hints::default();
    let hub = Hub::new(web_store.clone(), hints.clone());
    let mut background = start_background(&web_store, &hub, model, office, &stop_background);
    background.push(tokio::spawn(service::batches::run(service.clone(), stop_background.clone())));
    let (allow_private, cell) = (command.outside.allow_private(), cell.unwrap_or_default());
    let known = Known { providers, secret_keys, allow_private, cell };
    let mut running = Running::start(engine_store.clone(), &decider, &hints, known, &command.worker)?;
    let same_origin = SameOrigin { public_url: command.web.public_url.clone(), is_loopback: command.web.is_loopback() };
    let workers = Workers::new(web_store.clone(), decider.runs.clone(), &decider.log, hints.clone());
    let stop_workers = CancellationToken::new();
    let serving_workers = tokio::spawn({
        let (workers, stop) = (workers.clone(), stop_workers.clone());
        async move { workers.run(stop).await }
    });
    let metrics = metrics(&observing, &decider, &running, (&web_store, &engine_store), &hub);
    observing.tell(&metrics);
    let state = AppState::new(
        service,
        metrics,
        hub.clone(),
        same_origin,
        command.web.trusted_proxies.clone(),
        Requests::new(command.quotas.requests_per_second()),
        workers,
    );
    let (stop_accepting, mut server) = accept(listener, &state, &command.web);
    state.readiness.set(true);
    tracing::info!(%address, "answers requests there");
    announce(&command.web, address)?;

    let stopped = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping");
            Stopped::Asked
        }
        ended = &mut server => Stopped::WebEnded(ended),
        error = running.engine_ended() => Stopped::EngineEnded(error),
    };
    state.readiness.set(false);
    stop_accepting.cancel();
    // Who waits for work is answered, and goes elsewhere.
    stop_workers.cancel();
    running.drain(&mut signals).await;
    if tokio::time::timeout(CLOSE_WITHIN, hub.close()).await.is_err() {
        tracing::warn!("some live connections did not close in time");
    }
    if !matches!(stopped, Stopped::WebEnded(_)) && tokio::time::timeout(FINISH_WITHIN, server).await.is_err() {
        tracing::warn!("some answers were not finished in time");
    }
    stop_background.cancel();
    for task in background.into_iter().chain([serving_workers]) {
        if let Err(error) = task.await {
            tracing::error!(%error, "a background task panicked");
        }
    }
    drop(state);
    decider.end().await;
    observing.end().await;
    engine_store.close().await;
    web_store.close().await;
    database.close().await?;
    match stopped {
        Stopped::Asked => Ok(ExitCode::SUCCESS),
        Stopped::EngineEnded(error) => Err(error),
        Stopped::WebEnded(ended) => {
            ended.context("the web server panicked")?;
            bail!("the web server ended by itself")
        }
    }
}

/// What this process tells to whoever scrapes it.
fn metrics(
    observing: &Observing,
    decider: &Decider,
    running: &Running,
    (web, engine): (&Store, &Store),
    hub: &Hub,
) -> Metrics {
    let hub = hub.clone();
    let sockets: Sockets = Box::new(move || hub.n_sockets());
    let pools = vec![("web", web.clone()), ("engine", engine.clone())];
    let (figures, log) = (Arc::clone(&observing.figures), Arc::clone(&decider.log));
    Metrics::new(figures, web.clone(), pools, log, Some(running.load.clone()), Some(sockets))
}

fn bind(address: SocketAddr) -> Result<TcpListener> {
    match listen(address) {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "port {} of {} is taken by another program\nStop it, or choose another one, such as WEFT_LISTEN={}:{}",
            address.port(),
            address.ip(),
            address.ip(),
            address.port().saturating_add(1)
        ),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!(
                "this user may not listen on port {}\nChoose one above 1023, such as WEFT_LISTEN={}:3000",
                address.port(),
                address.ip()
            )
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

/// With room for a crowd that comes in the same moment: who finds none tries again after a second, or is refused.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // So that a server may follow another one at once, as with `TcpListener::bind`.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Adds the local model to the providers. One that was configured under its name by hand wins.
fn prepare_model(
    config: &config::LocalModel,
    providers: &mut BTreeMap<String, Provider>,
) -> Result<Option<LocalModel>> {
    if config.is_half_configured() {
        tracing::warn!("the local model needs both WEFT_LOCAL_LLM_BIN and WEFT_LOCAL_LLM_MODEL; it is not started");
    }
    let Some(files) = config.files() else { return Ok(None) };
    for file in [&files.program, &files.model] {
        if !file.is_file() {
            tracing::warn!("the local model is not started: there is no file {}", file.display());
            return Ok(None);
        }
    }
    if providers.contains_key(local_model::NAME) {
        return Ok(None);
    }
    let model = LocalModel::new(files).context("no free port on 127.0.0.1 for the local model")?;
    providers.insert(local_model::NAME.to_owned(), model.provider());
    Ok(Some(model))
}

/// Who sends notices, here as in every other server on this database.
fn office(command: &Serve, store: &Store, keys: &KeyRing, address: SocketAddr) -> Notices {
    let vault = Vault(engine::StoredSecrets::new(store.clone(), keys.clone()));
    let allow_private = command.outside.allow_private();
    let options = office::options(&command.web, &command.notices, allow_private, keys.clone(), address);
    Notices::new(store.clone(), Arc::new(vault), options)
}

fn settings(
    command: &Serve,
    providers: &BTreeMap<String, Provider>,
    secret_keys: KeyRing,
    office: &Notices,
    address: SocketAddr,
) -> Settings {
    let web = &command.web;
    Settings {
        secure_cookies: web.secure_cookies(),
        is_loopback: web.is_loopback(),
        mail: command.notices.mail().0,
        base_url: web.reached_at(address),
        courier: Some(Arc::new(Tester(office.clone()))),
        providers: providers.iter().map(|(name, provider)| providers::view(name, provider)).collect(),
        secret_keys,
        library: seed::library(),
        ..Settings::default()
    }
}

async fn service(settings: Settings, store: Store, runs: Runs) -> Result<Service> {
    let service = Service::new(store.clone(), runs.clone(), settings.clone());
    let nobody = service.context(None, service::RequestInfo::default());
    let setup = accounts::setup_state(&nobody).await.map_err(super::operator::told)?;
    if !setup.needs_token {
        return Ok(service);
    }
    // Others may reach the server before its owner does: only who can read this output may create the admin.
    let mut secret = [0; 16];
    rand::rng().fill_bytes(&mut secret);
    let token = hex::encode(secret);
    println!("To create the admin account, open Weft and give this one-time token: {token}");
    Ok(Service::new(store, runs, Settings { first_run_token: Some(token.into()), ..settings }))
}

fn start_background(
    store: &Store,
    hub: &Hub,
    model: Option<LocalModel>,
    office: Notices,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let mut tasks = vec![
        tokio::spawn(office.run(stop.clone())),
        tokio::spawn({
            let (store, stop) = (store.clone(), stop.clone());
            async move { store.send_hints(stop.cancelled()).await }
        }),
        tokio::spawn({
            let (hub, stop) = (hub.clone(), stop.clone());
            async move { hub.run(stop).await }
        }),
    ];
    if let Some(model) = model {
        tasks.push(tokio::spawn(model.run(stop.clone())));
    }
    tasks
}

fn accept(listener: TcpListener, state: &AppState, web: &config::Web) -> (CancellationToken, JoinHandle<()>) {
    if web.public_url.is_some() && web.trusted_proxies.is_empty() {
        tracing::warn!(
            "WEFT_PUBLIC_URL says that a proxy stands before Weft, but WEFT_TRUSTED_PROXIES does not say which: \
            all people behind it count as one address when sign-ins are slowed down"
        );
    }
    let stop = CancellationToken::new();
    let limits = Limits::for_files(accept::raise_file_limit());
    let places = Places::new(limits, web.trusted_proxies.clone());
    let serving = accept::serve(listener, router(state.clone()), places, Timers::default(), stop.clone());
    (stop, tokio::spawn(serving))
}

/// The last line of the start, which scripts wait for.
fn announce(web: &config::Web, address: SocketAddr) -> Result<()> {
    let url = web.reached_at(address);
    let mut out = io::stdout().lock();
    writeln!(out, "Weft is at {url}").and_then(|()| out.flush()).context("cannot write to standard output")
}
