//! Where measurements happen: databases with an admin in them, and a server over one of them for each workload.
//! Workloads share one database, as those of a real installation do; what one that failed left behind must never touch another.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::{
    client::Client,
    database::{Database, Library},
    model::Model,
    postgres::Postgres,
    server::Weft,
    session::Session,
};

const PASSWORD: &str = "correct horse battery 9\n";
pub(crate) const ADMIN: &str = "bench@example.org";

pub(crate) struct Lab {
    pub(crate) postgres: Postgres,
    pub(crate) weft: Weft,
    pub(crate) repeats: u32,
    /// The database of the workloads that came before.
    shared: Option<Database>,
    n_databases: u32,
    /// What each server under 10,000 steps at a time held at most.
    pub(crate) peaks_mb: Vec<f64>,
    // Last, since fields are dropped in their order.
    _model: Model,
    _folder: TempDir,
}

impl Lab {
    pub(crate) fn open(postgres: Postgres, binary: PathBuf, repeats: u32) -> Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::Builder::new().prefix("weft-bench-").tempdir().context("no temporary folder")?;
        // Started by root, the server goes on as somebody else.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .context("cannot open the temporary folder to the server")?;
        let model = Model::start()?;
        let weft = Weft::new(binary, folder.path().to_owned(), model.url.clone());
        let (shared, peaks_mb) = (None, Vec::new());
        Ok(Self { postgres, weft, repeats, shared, n_databases: 0, peaks_mb, _model: model, _folder: folder })
    }

    /// A database that nothing was done in.
    pub(crate) async fn fresh_database(&mut self) -> Result<Database> {
        self.n_databases += 1;
        let name = format!("weft_bench_{}", self.n_databases);
        self.postgres.create_database(&name).await?;
        let url = self.postgres.url(&name);
        self.weft.output(&url, &["migrate"], "").await?;
        let token = self.token(&url, ADMIN, "admin", "read,run,review,admin").await?;
        Ok(Database { name, url, token, library: Library::default(), n_steps: 0 })
    }

    /// Makes a person, and a token of theirs.
    pub(crate) async fn token(&self, database: &OsStr, email: &str, role: &str, scopes: &str) -> Result<String> {
        let create = ["user", "create", "--role", role, "--email", email, "--password-stdin"];
        self.weft.output(database, &create, PASSWORD).await?;
        let token = self.weft.output(database, &["token", "create", "--email", email, "--scope", scopes], "").await?;
        match token.split_whitespace().last() {
            Some(token) => Ok(token.to_owned()),
            None => bail!("`weft token create` printed no token"),
        }
    }

    /// A server over the database of the workloads before, or over a new one where the last of them failed.
    pub(crate) async fn session(&mut self) -> Result<Session> {
        let database = match self.shared.take() {
            Some(database) => database,
            None => self.fresh_database().await?,
        };
        self.session_over(database, None).await
    }

    pub(crate) async fn session_over(&self, database: Database, slots: Option<u32>) -> Result<Session> {
        let slots = slots.map(|slots| ("WEFT_WORKER_SLOTS", OsString::from(slots.to_string())));
        self.session_set(database, slots.as_slice()).await
    }

    /// The same, of a server that is set otherwise.
    pub(crate) async fn session_set(&self, database: Database, settings: &[(&str, OsString)]) -> Result<Session> {
        let (server, base) = self.weft.start(&database.url, "serve", settings).await?;
        let client = Client::new(base, database.token.clone());
        let psql = self.postgres.connect(&database.name)?;
        Ok(Session { database, server, client, psql })
    }

    /// Ends a session that went well; its database is for the next one.
    pub(crate) async fn give_back(&mut self, session: Session) {
        let Session { database, server, psql, .. } = session;
        drop(psql);
        server.stop().await;
        self.shared = Some(database);
    }

    /// Ends a session with its database.
    pub(crate) async fn throw_away(&self, session: Session) -> Result<()> {
        let Session { database, server, psql, .. } = session;
        drop(psql);
        server.stop().await;
        self.postgres.drop_database(&database.name).await
    }
}
