//! A listener of its own for whoever scrapes: `/metrics`, and `/healthz` for processes without a web side. It asks nobody who they are, so
//! the operator says where it listens; nothing else is there, and nothing can be changed.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{MEDIA_TYPE, Metrics};
use crate::{
    accept::{self, Limits, Places, Timers},
    config::TrustedProxies,
};

/// Files that connections of whoever scrapes may take.
const MAX_FILES: u64 = 256;

/// A port that is taken, and not served yet.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// Takes the port, so that a mistake is told before anything is started.
pub async fn open(address: SocketAddr) -> Result<Listener> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} for metrics\nChoose another one in WEFT_METRICS_ADDR"))?;
    Ok(Listener(listener))
}

impl Listener {
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }

    /// Serves until it is told to stop.
    pub fn serve(self, metrics: Metrics, stop: CancellationToken) -> JoinHandle<()> {
        if let Some(address) = self.address() {
            tracing::info!(%address, "metrics are told to whoever asks there");
        }
        let router = Router::new()
            .route("/metrics", get(metrics_of))
            .route("/healthz", get(|| async { "ok\n" }))
            .with_state(metrics);
        let places = Places::new(Limits::for_files(MAX_FILES), TrustedProxies::default());
        tokio::spawn(accept::serve(self.0, router, places, Timers::default(), stop))
    }
}

async fn metrics_of(State(metrics): State<Metrics>) -> Response {
    match metrics.tell().await {
        Some(text) => ([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
