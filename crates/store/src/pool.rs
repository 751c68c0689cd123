//! The connection pool behind every query.
//! Must never end the process when Postgres goes away: a lost connection is an error of one call.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{Result, notify::Outbox};

/// How long a request waits for a free connection before it is told to come back later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The one door to Postgres; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: PgPool,
    /// What other processes are told after a commit.
    pub(crate) outbox: Outbox,
}

impl Store {
    /// Connects at least once, so that a wrong address is told at start.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            // Some stay open, so that a burst after a quiet time does not begin with handshakes.
            .min_connections(max_connections / 4)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.application_name("weft"))
            .await?;
        Ok(Self::from_pool(pool))
    }

    /// Wraps a pool that is there already.
    pub fn from_pool(pool: PgPool) -> Self {
        Self { pool, outbox: Outbox::default() }
    }

    /// Whether the database answers, for the readiness probe.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query!("SELECT 1 AS one").fetch_one(&self.pool).await?;
        Ok(())
    }

    /// The version of Postgres as it counts it: 140000 is 14.
    pub async fn server_version_num(&self) -> Result<i32> {
        let version = sqlx::query_scalar!(r#"SELECT current_setting('server_version_num')::int AS "version!""#);
        Ok(version.fetch_one(&self.pool).await?)
    }

    /// Closes all connections; calls that follow fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
