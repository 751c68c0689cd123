//! The database of a process: the one that was named, or the embedded cluster of the data folder, for as long as the process uses it.

use std::time::Duration;

use store::{Store, cell::Cell, log::Log, schema};
use tokio::time::Instant;
use workflow::cell::CellNumber;

use crate::{
    config,
    postgres::{self, Cluster},
};

/// A database that is only just starting, beside this process or in another container, is waited for.
const WAIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);
/// Chores look through whole tables, and a large map is one statement; still, none may hold what it locked for ever.
const ENGINE_PATIENCE: u32 = 10;
/// The oldest Postgres whose SQL the migrations speak.
const OLDEST: i32 = 15;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the embedded Postgres")]
    Postgres(#[from] postgres::Error),
    #[error("cannot connect to the database {url}\nCheck DATABASE_URL, and that the server runs and lets this user in")]
    Connect {
        url: String,
        #[source]
        source: store::Error,
    },
    #[error(
        "the database {url} is Postgres {found}, and Weft needs {OLDEST} or newer\nUpgrade it, or name another one in DATABASE_URL"
    )]
    TooOld { url: String, found: i32 },
    #[error("cannot ask the database which Postgres it is")]
    Version(#[source] store::Error),
    #[error("cannot bring the tables up to date")]
    Migrate(#[source] store::Error),
    #[error(
        "{place} was set up by a Weft from before its first release, and this one cannot read it; nothing in it was changed\n\
         To start anew, {instead}"
    )]
    Predates { place: String, instead: String },
    #[error(
        "the tables have to be brought up to date, and the database role `{role}` may not do it\n\
         Set DATABASE_OWNER_URL to the owner of the tables, here or once for `weft migrate`"
    )]
    NotOwner {
        role: String,
        #[source]
        source: store::Error,
    },
    #[error(
        "DATABASE_OWNER_URL is set, but DATABASE_URL is not\nSet both, or none for the embedded Postgres, which has its own owner"
    )]
    OwnerAlone,
    #[error(
        "WEFT_DB_POOLER says that DATABASE_URL leads to a pooler, but WEFT_DB_DIRECT_URL does not say what leads past it\n\
         Set it to the address of Postgres itself, with the same database and role"
    )]
    NoWayPast,
    #[error(
        "WEFT_DB_POOLER and WEFT_DB_DIRECT_URL belong together\nSet WEFT_DB_POOLER=transaction and DATABASE_URL, or neither"
    )]
    NoPooler,
    #[error("cannot ask the database {url} and the one past its pooler whether they are the same")]
    Compare {
        url: String,
        #[source]
        source: store::Error,
    },
    #[error(
        "the pooler at {url} and WEFT_DB_DIRECT_URL, {direct}, lead to different databases, or to one as different roles\n\
         Let both lead to the same primary, database and role"
    )]
    Apart { url: String, direct: String },
    #[error("cannot ask the database which cell it is")]
    Cell(#[source] store::Error),
    #[error(
        "WEFT_CELL says {named}, and this database is cell {is} for good: the ids of its runs carry that\n\
         Set WEFT_CELL={is}, or name the database of cell {named}"
    )]
    AnotherCell { named: CellNumber, is: CellNumber },
    #[error(
        "WEFT_CELL says {named}, and the runs in this database carry 0 already\n\
         Set WEFT_CELL=0, or name a database in which nothing was run yet"
    )]
    NumberedTooLate { named: CellNumber },
    #[error("a task of the runtime ended early")]
    Join(#[from] tokio::task::JoinError),
}

/// Whose statements a pool runs, and so for how long one may go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Serves {
    Requests,
    Engine,
}

pub struct Database {
    /// What every pool speaks as.
    url: config::DatabaseUrl,
    /// Who owns the tables, where that is somebody else.
    owner_url: Option<config::DatabaseUrl>,
    /// The way past the pooler that `url` leads to, if it does.
    direct_url: Option<config::DatabaseUrl>,
    cluster: Option<Cluster>,
    statement_timeout: Option<Duration>,
    /// Connections on which runs are decided about.
    commit_connections: u32,
    /// The number that the person named.
    cell: Option<CellNumber>,
}

impl Database {
    pub async fn open(config: &config::Database) -> Result<Self, Error> {
        let (statement_timeout, commit_connections) = (config.statement_timeout(), config.commit_connections());
        let (direct_url, cell) = (direct_url(config)?, config.cell());
        if let Some(url) = config.url() {
            let (url, owner_url) = (url.clone(), config.owner_url().cloned());
            return Ok(Self { url, owner_url, direct_url, cluster: None, statement_timeout, commit_connections, cell });
        }
        if config.owner_url().is_some() {
            return Err(Error::OwnerAlone);
        }
        let place = config.place();
        let cluster = tokio::task::spawn_blocking(move || Cluster::open(&place)).await??;
        let owner_url = Some(cluster.owner_url().clone());
        Ok(Self {
            url: cluster.url().clone(),
            owner_url,
            direct_url: None,
            cluster: Some(cluster),
            statement_timeout,
            commit_connections,
            cell,
        })
    }

    /// From now on an embedded Postgres that dies is started again.
    pub fn supervise(&mut self) {
        if let Some(cluster) = &mut self.cluster {
            cluster.supervise();
        }
    }

    /// A pool of its own; waits a while for a database that is not there yet.
    pub async fn connect(&self, max_connections: u32, serves: Serves) -> Result<Store, Error> {
        let patience = self.patience(serves);
        let began = Instant::now();
        loop {
            match self.connect_once(max_connections, patience).await {
                Ok(store) => return self.as_one(store).await,
                Err(error) if error.is_unavailable() && began.elapsed() < WAIT => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "waiting for the database {}", self.url);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(source) => return Err(Error::Connect { url: self.url.to_string(), source }),
            }
        }
    }

    async fn connect_once(&self, max_connections: u32, patience: Option<Duration>) -> store::Result<Store> {
        match &self.direct_url {
            None => Store::connect(self.url.as_str(), max_connections, patience).await,
            Some(direct) => Store::connect_through(self.url.as_str(), direct.as_str(), max_connections, patience).await,
        }
    }

    /// What goes through a pooler and what goes past it must meet, or processes would beat in one database and work in another.
    async fn as_one(&self, store: Store) -> Result<Store, Error> {
        let Some(direct) = &self.direct_url else { return Ok(store) };
        let url = self.url.to_string();
        match store.is_one_database().await {
            Ok(true) => Ok(store),
            Ok(false) => Err(Error::Apart { url, direct: direct.to_string() }),
            Err(source) => Err(Error::Compare { url, source }),
        }
    }

    /// Where sessions are our own.
    fn direct(&self) -> &config::DatabaseUrl {
        self.direct_url.as_ref().unwrap_or(&self.url)
    }

    /// The log of all runs, on connections of its own. Beside a store that is connected already, so the database is there.
    pub async fn log(&self, store: &Store) -> Result<Log, Error> {
        let log = store.log(self.direct().as_str(), self.commit_connections, self.patience(Serves::Engine)).await;
        log.map_err(|source| Error::Connect { url: self.direct().to_string(), source })
    }

    fn patience(&self, serves: Serves) -> Option<Duration> {
        match serves {
            Serves::Requests => self.statement_timeout,
            Serves::Engine => self.statement_timeout.map(|timeout| timeout.saturating_mul(ENGINE_PATIENCE)),
        }
    }

    /// A pool whose tables are up to date.
    pub async fn connect_and_migrate(&self, max_connections: u32, serves: Serves) -> Result<Store, Error> {
        let store = self.connect(max_connections, serves).await?;
        self.bring_up_to_date(&store).await?;
        Ok(store)
    }

    /// The tables that a pool leads to.
    pub async fn bring_up_to_date(&self, store: &Store) -> Result<(), Error> {
        let found = store.server_version_num().await.map_err(Error::Version)? / 10_000;
        if found < OLDEST {
            return Err(Error::TooOld { url: self.url.to_string(), found });
        }
        self.migrate(store).await
    }

    /// Nothing is left for the owner to do at most starts; then nobody connects as the owner at all.
    async fn migrate(&self, store: &Store) -> Result<(), Error> {
        let is_done =
            !store.is_behind().await.map_err(Error::Migrate)? && store.is_let_in().await.map_err(Error::Migrate)?;
        if is_done {
            return Ok(());
        }
        let owner = self.owner_url.as_ref().unwrap_or_else(|| self.direct());
        let role = store.role().await.map_err(Error::Migrate)?;
        match schema::migrate(owner.as_str(), self.owner_url.is_some().then_some(&*role)).await {
            Ok(()) => Ok(()),
            Err(store::Error::Predates) => Err(self.predates()),
            Err(source) if source.is_forbidden() && self.owner_url.is_none() => Err(Error::NotOwner { role, source }),
            Err(source) => Err(Error::Migrate(source)),
        }
    }

    fn predates(&self) -> Error {
        match &self.cluster {
            Some(cluster) => Error::Predates {
                place: format!("the data folder {}", cluster.data_dir().display()),
                instead: "move that folder away, or name another one in WEFT_DATA_DIR".to_owned(),
            },
            None => Error::Predates {
                place: format!("the database {}", self.url),
                instead: "name an empty database in DATABASE_URL".to_owned(),
            },
        }
    }

    /// The number that ids of runs carry here, if anybody ever named one. The tables must be there.
    pub async fn settle_cell(&self, store: &Store) -> Result<Option<CellNumber>, Error> {
        match (store.settle_cell(self.cell).await.map_err(Error::Cell)?, self.cell) {
            (Cell::Is(cell), _) => Ok(cell),
            (Cell::IsAnother(is), Some(named)) => Err(Error::AnotherCell { named, is }),
            (Cell::HasRuns, Some(named)) => Err(Error::NumberedTooLate { named }),
            // Only a number that was named can be refused.
            (Cell::IsAnother(_) | Cell::HasRuns, None) => Ok(None),
        }
    }

    /// Says where the application could change what only its owner should be able to change.
    pub async fn tell_rights(&self, store: &Store) -> Result<(), Error> {
        let application = store.application().await.map_err(Error::Migrate)?;
        if application.can_change_audit_log {
            tracing::warn!(
                "the database role `{}` {}, so nothing but Weft itself keeps it from changing the audit log: set DATABASE_OWNER_URL \
                 to the owner of the tables, and DATABASE_URL to a role that owns nothing",
                application.role,
                if application.is_superuser { "is a superuser" } else { "owns the tables" }
            );
        }
        Ok(())
    }

    /// Gives the database back; an embedded one is stopped if nobody else uses it.
    pub async fn close(self) -> Result<(), Error> {
        Ok(tokio::task::spawn_blocking(move || drop(self.cluster)).await?)
    }
}

/// Where sessions are our own, if the database is behind a pooler that lends its own.
fn direct_url(config: &config::Database) -> Result<Option<config::DatabaseUrl>, Error> {
    match (config.pooler, config.direct_url()) {
        (config::Pooler::None, None) => Ok(None),
        (config::Pooler::Transaction, Some(direct)) if config.url().is_some() => Ok(Some(direct.clone())),
        (config::Pooler::Transaction, None) => Err(Error::NoWayPast),
        (config::Pooler::None | config::Pooler::Transaction, Some(_)) => Err(Error::NoPooler),
    }
}

#[cfg(test)]
mod tests;
