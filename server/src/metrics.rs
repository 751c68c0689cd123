//! Figures about this process and about all of Weft, as Prometheus and those who speak like it read them (docs/metrics.md).
//! Must never tell what anything is about: names of agents, models and workflows, and numbers.

mod figures;
mod listener;
mod names;
mod now;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::Load;
use prometheus_client::encoding::text::encode_eof;
use store::{
    Store,
    figures::{Connections, Depths},
    log::Log,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use figures::Figures;
pub use listener::{Listener, open};

use now::Here;

/// Counts the live sockets that are open.
pub type Sockets = Box<dyn Fn() -> usize + Send + Sync>;

/// In what it is told.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What was read from the database is told again for so long: many may scrape, and none of it is worth a second look sooner.
const FRESH: Duration = Duration::from_secs(2);
/// A database that takes longer is told as one that does not answer: who scrapes has the rest.
const PATIENCE: Duration = Duration::from_secs(4);

/// What was read last, and when.
type Kept = Option<(Instant, Option<Depths>)>;

/// All that a scrape tells; cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    figures: Arc<Figures>,
    store: Store,
    log: Arc<Log>,
    load: Option<Load>,
    sockets: Option<Sockets>,
    /// Beside that of the log, by what they are for.
    pools: Vec<(&'static str, Store)>,
    /// One reads for all who ask in one moment.
    depths: Arc<Mutex<Kept>>,
    /// Held as long as a look lasts, which may be longer than anybody waits for it.
    looking: Arc<Mutex<()>>,
}

impl Metrics {
    /// `store`: what is looked at. `pools`: whose connections are told, by what they are for. `load`: of a
    /// process that executes steps. `sockets`: of one with a web side.
    pub fn new(
        figures: Arc<Figures>,
        store: Store,
        pools: Vec<(&'static str, Store)>,
        log: Arc<Log>,
        load: Option<Load>,
        sockets: Option<Sockets>,
    ) -> Self {
        Self(Arc::new(Inner {
            figures,
            store,
            log,
            load,
            sockets,
            pools,
            depths: Arc::default(),
            looking: Arc::default(),
        }))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// All of it as text. None: it cannot be written, which never was.
    pub async fn tell(&self) -> Option<String> {
        let depths = self.depths().await;
        let pools = self.0.pools.iter().map(|(name, store)| (*name, store.connections()));
        let pools: Vec<(&str, Connections)> = pools.chain([("commit", self.0.log.connections())]).collect();
        let here = Here {
            slots: self.0.load.as_ref().map(|load| (load.places(), load.used())),
            sockets: self.0.sockets.as_ref().map(|count| count()),
            notify_lag: self.0.pools.iter().find_map(|(_, store)| store.notify_lag()),
            pools,
        };
        let mut text = String::new();
        let written = self
            .0
            .figures
            .write(&mut text)
            .and_then(|()| now::write(&mut text, &here, depths.as_ref()))
            .and_then(|()| encode_eof(&mut text));
        written.is_ok().then_some(text)
    }

    /// What waits in the database; none where it does not say soon.
    async fn depths(&self) -> Option<Depths> {
        let kept = Arc::clone(&self.0.depths).lock_owned().await;
        if let Some((read_at, depths)) = &*kept
            && read_at.elapsed() < FRESH
        {
            return depths.clone();
        }
        // In a task of its own, which others wait for: whoever hangs up and asks again must not make it look twice at a time.
        let looking = Arc::clone(&self.0.looking).try_lock_owned().ok();
        tokio::spawn(look(self.0.store.clone(), kept, looking)).await.ok().flatten()
    }
}

/// What is read is kept, also when nobody waits for it any more. `looking`: none while an earlier look still goes on.
async fn look(store: Store, mut kept: OwnedMutexGuard<Kept>, looking: Option<OwnedMutexGuard<()>>) -> Option<Depths> {
    let reading = async move {
        let looking = looking?;
        // In another task, so that a query that was begun is finished.
        let reading = tokio::spawn(async move {
            let read = store.depths().await;
            drop(looking);
            read
        });
        Some(reading.await)
    };
    let read = match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Some(Ok(Ok(depths)))) => Some(depths),
        Ok(Some(Ok(Err(error)))) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database was not looked at for a scrape");
            None
        }
        Ok(Some(Err(error))) => {
            tracing::error!(%error, "looking at the database for a scrape panicked");
            None
        }
        Ok(None) | Err(_) => {
            tracing::warn!("the database took too long for a scrape");
            None
        }
    };
    *kept = Some((Instant::now(), read.clone()));
    read
}
