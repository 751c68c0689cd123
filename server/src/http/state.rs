//! What every handler can reach. Cheap to clone; made once for each process.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use service::{Service, worker::Workers};
use store::Store;

use super::{InFlight, Readiness, Requests, SameOrigin};
use crate::{config::TrustedProxies, live::Hub, metrics::Metrics};

/// Requests a second of one session, with four times as many at once.
const WORKER_REQUESTS: u32 = 50;

#[derive(Clone)]
pub struct AppState(Arc<Parts>);

pub struct Parts {
    pub service: Service,
    /// For the readiness probe alone: all else goes through the service.
    pub store: Store,
    pub metrics: Metrics,
    pub hub: Hub,
    pub readiness: Readiness,
    pub in_flight: InFlight,
    pub requests: Requests,
    pub workers: Workers,
    /// Of each session of an outside worker.
    pub worker_requests: Requests,
    /// What arrives as content of theirs, beside all other bodies: it may take long.
    pub worker_uploads: InFlight,
    pub same_origin: SameOrigin,
    pub trusted_proxies: TrustedProxies,
    pub leptos: LeptosOptions,
}

impl AppState {
    pub fn new(
        service: Service,
        metrics: Metrics,
        hub: Hub,
        same_origin: SameOrigin,
        trusted_proxies: TrustedProxies,
        requests: Requests,
        workers: Workers,
    ) -> Self {
        Self(Arc::new(Parts {
            service,
            store: metrics.store().clone(),
            metrics,
            hub,
            readiness: Readiness::default(),
            in_flight: InFlight::default(),
            requests,
            workers,
            worker_requests: Requests::new(Some(WORKER_REQUESTS)),
            worker_uploads: InFlight::default(),
            same_origin,
            trusted_proxies,
            // The values of the leptos section in Cargo.toml that matter at run time.
            leptos: LeptosOptions::builder().output_name("weft").site_pkg_dir("pkg").build(),
        }))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

impl FromRef<AppState> for SameOrigin {
    fn from_ref(state: &AppState) -> Self {
        state.same_origin.clone()
    }
}
