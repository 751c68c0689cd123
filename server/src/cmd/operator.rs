//! What the commands of the operator share: the database for their duration, and a context that may manage people.

use anyhow::{Context, Result, bail};
use service::{OpContext, Service, Settings, Wanted};
use store::{Store, vault::KeyRing};
use workflow::api::Page;

use super::process::Decider;
use crate::{
    config,
    database::{Database, Serves},
    privileges, seed,
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
        Self::begin_with(config, KeyRing::default()).await
    }

    async fn begin_with(config: &config::Database, secret_keys: KeyRing) -> Result<Self> {
        let database = Database::open(config).await?;
        let store = database.connect_and_migrate(CONNECTIONS, Serves::Requests).await?;
        let decider = Decider::begin(&database, &store).await?;
        let settings = Settings { library: seed::library(), secret_keys, ..Settings::default() };
        let service = Service::new(store.clone(), decider.runs.clone(), settings);
        Ok(Self { database, store, decider, service })
    }

    /// For what is about something that is there already.
    pub(super) async fn begin_at_home(config: &config::Database) -> Result<Self> {
        Self::begin_at_home_with(config, KeyRing::default()).await
    }

    /// With what opens and encrypts secrets.
    pub(super) async fn begin_at_home_with(config: &config::Database, secret_keys: KeyRing) -> Result<Self> {
        expect_database(config)?;
        Self::begin_with(config, secret_keys).await
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

/// In a folder without a Weft there is nothing to be managed: making a database there would only mislead.
pub(super) fn has_database(config: &config::Database) -> bool {
    config.url().is_some() || privileges::is_made(&config.place().data_dir)
}

pub(super) fn expect_database(config: &config::Database) -> Result<()> {
    if !has_database(config) {
        bail!(
            "there is no Weft in {}\nRun this where Weft runs, or set WEFT_DATA_DIR or DATABASE_URL",
            config.place().data_dir.display()
        );
    }
    Ok(())
}

/// A refusal in the words that people get everywhere else.
#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
pub(super) fn told(error: service::Error) -> anyhow::Error {
    anyhow::anyhow!(error.to_api().detail)
}

/// All pages of a list, as lines.
pub(super) async fn lines<T>(
    read: impl AsyncFn(&Wanted) -> service::Result<Page<T>>,
    line: impl Fn(&T) -> String,
) -> Result<String> {
    let (mut lines, mut wanted) = (Vec::new(), Wanted::default());
    loop {
        let page = read(&wanted).await.map_err(told)?;
        lines.extend(page.items.iter().map(&line));
        if page.next.is_none() {
            return Ok(lines.join("\n"));
        }
        wanted.after = page.next;
    }
}
