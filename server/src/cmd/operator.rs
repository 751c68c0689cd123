//! What the commands of the operator share: the database for their duration, and a context that may manage people.

use anyhow::{Context, Result};
use service::{OpContext, Service, Settings};
use store::Store;

use super::process::Decider;
use crate::{
    config,
    database::{Database, Serves},
    seed,
};

/// Connections of a command that does one thing.
const CONNECTIONS: u32 = 2;

pub(super) struct Operator {
    database: Database,
    store: Store,
    decider: Decider,
    service: Service,
}

impl Operator {
    pub(super) async fn begin(config: &config::Database) -> Result<Self> {
        let database = Database::open(config).await?;
        let store = database.connect_and_migrate(CONNECTIONS, Serves::Requests).await?;
        let decider = Decider::begin(&database, &store).await?;
        let settings = Settings { library: seed::library(), ..Settings::default() };
        let service = Service::new(store.clone(), decider.runs.clone(), settings);
        Ok(Self { database, store, decider, service })
    }

    pub(super) async fn context(&self) -> Result<OpContext> {
        self.service.system_context().await.map_err(told)
    }

    pub(super) async fn end(self) -> Result<()> {
        drop(self.service);
        self.decider.end().await;
        self.store.close().await;
        self.database.close().await.context("cannot give the database back")
    }
}

/// A refusal in the words that people get everywhere else.
#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
pub(super) fn told(error: service::Error) -> anyhow::Error {
    anyhow::anyhow!(error.to_api().detail)
}
