//! The connection pool behind every query.
//! Must never end the process when Postgres goes away: a lost connection is an error of one call. Nor may one statement keep a
//! connection, or what it locked, for as long as it likes.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    Error, Result,
    gather::Gather,
    lending::{self, Pool},
    models::Said,
    notify::Outbox,
    quotas::Limits,
    read_only,
    secret::SecretHash,
    sessions::OpenSession,
    settings,
    templates::{ForWhom, Wanted},
    tokens::OpenToken,
};

/// How long a request waits for a free connection before it is told to come back later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Of ours beside a pooler: one listens, one beats, and one is for what has to be asked meanwhile.
const DIRECT_CONNECTIONS: u32 = 3;

/// The one door to Postgres; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: Pool,
    /// Sessions of our own, also where those of the pool are lent: who listens keeps one, and beats wait for nobody.
    pub(crate) direct: PgPool,
    /// What other processes are told after a commit.
    pub(crate) outbox: Outbox,
    /// What one person may take up by what is written through it.
    pub(crate) limits: Limits,
    /// What nearly every request asks first.
    pub(crate) tokens: Gather<SecretHash, OpenToken>,
    pub(crate) sessions: Gather<SecretHash, OpenSession>,
    pub(crate) startable: Gather<Wanted, ForWhom>,
    /// What attempts that end at the same time write.
    pub(crate) transcripts: Gather<Said, bool>,
}

impl Store {
    /// Connects at least once, so that a wrong address is told at start. No statement takes longer than `patience`, and no transaction
    /// stands still for longer, such as that of a process that was stopped; none is no limit.
    pub async fn connect(url: &str, max_connections: u32, patience: Option<Duration>) -> Result<Self> {
        Self::connect_with(url.parse()?, max_connections, patience).await
    }

    pub async fn connect_with(
        options: PgConnectOptions,
        max_connections: u32,
        patience: Option<Duration>,
    ) -> Result<Self> {
        let pool = own_sessions(options, max_connections, patience).await?;
        Ok(Self::from_pool(pool))
    }

    /// Queries through a pooler that hands out another session at each transaction, such as `PgBouncer` in its transaction mode; what needs a
    /// session of its own over `direct`, which leads past it to the same database.
    pub async fn connect_through(
        pooler: &str,
        direct: &str,
        max_connections: u32,
        patience: Option<Duration>,
    ) -> Result<Self> {
        let direct = own_sessions(direct.parse()?, DIRECT_CONNECTIONS, patience).await?;
        let sessions = PgPoolOptions::new()
            .max_connections(max_connections)
            .min_connections(max_connections / 4)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(lending::lent_options(pooler.parse()?).application_name("weft"))
            .await?;
        let pool = Pool::lent(sessions, patience);
        Ok(Self { pool, ..Self::from_pool(direct) })
    }

    /// Whether what is asked through the pooler and what is asked past it reaches the same database as the same role.
    pub async fn is_one_database(&self) -> Result<bool> {
        let place = "SELECT format('%s %s %s', pg_postmaster_start_time(), current_database(), current_user)";
        let lent: String = sqlx::query_scalar(place).fetch_one(&self.pool).await?;
        let direct: String = sqlx::query_scalar(place).fetch_one(&self.direct).await?;
        Ok(lent == direct)
    }

    /// Wraps a pool that is there already.
    pub fn from_pool(pool: PgPool) -> Self {
        Self {
            pool: Pool::own(pool.clone()),
            direct: pool,
            outbox: Outbox::default(),
            limits: Limits::default(),
            tokens: Gather::default(),
            sessions: Gather::default(),
            startable: Gather::default(),
            transcripts: Gather::default(),
        }
    }

    /// Whether the database answers and takes writes, for the readiness probe. A session that takes none would say so for ever, so it does
    /// not go back to the pool: the next one may lead elsewhere.
    pub async fn ping(&self) -> Result<()> {
        let mut session = self.pool.to_read().await?;
        let is_read_only =
            sqlx::query_scalar!(r#"SELECT current_setting('transaction_read_only') = 'on' AS "is_read_only!""#)
                .fetch_one(&mut *session)
                .await?;
        if is_read_only {
            session.leave();
            return Err(Error::ReadOnly);
        }
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
        self.direct.close().await;
    }
}

async fn own_sessions(
    options: PgConnectOptions,
    max_connections: u32,
    patience: Option<Duration>,
) -> sqlx::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(max_connections)
        // Some stay open, so that a burst after a quiet time does not begin with handshakes.
        .min_connections(max_connections / 4)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| Box::pin(settings::set(connection, &SETTINGS, patience)))
        .before_acquire(|connection, _| Box::pin(read_only::may_serve_on(connection)))
        .connect_with(options.application_name("weft"))
        .await
}

/// What lists and chores ask takes milliseconds. To compile it takes a processor for a tenth of a second, anew at each statement, and is done
/// once tables are large enough to make it look worth that.
const SETTINGS: [(&str, &str); 1] = [("jit", "off")];

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(300);

    async fn impatient(pool: &PgPool) -> Store {
        let options = PgConnectOptions::clone(&pool.connect_options());
        Store::connect_with(options, 2, Some(PATIENCE)).await.unwrap()
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_statement_that_takes_too_long_is_given_up_and_its_connection_serves_on(pool: PgPool) {
        let store = impatient(&pool).await;
        let sleeping = sqlx::query("SELECT pg_sleep(60)").execute(&store.pool).await;
        let error = Error::from(sleeping.unwrap_err());
        assert!(error.took_too_long() && error.is_unavailable() && !error.is_refused_value(), "{error:?}");
        store.ping().await.unwrap();
        store.close().await;
    }

    /// It is turned on apart from the rest of sqlx, which builds without it and says so only to whoever asks for it.
    #[test]
    fn a_database_may_be_reached_over_tls() {
        assert!(sqlx_core::net::tls::available());
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn no_statement_is_compiled(pool: PgPool) {
        let options = PgConnectOptions::clone(&pool.connect_options());
        let store = Store::connect_with(options, 1, None).await.unwrap();
        let jit: String = sqlx::query_scalar("SELECT current_setting('jit')").fetch_one(&store.pool).await.unwrap();
        assert_eq!(jit, "off");
        store.close().await;
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn who_waits_for_a_lock_without_end_is_given_up_and_changes_nothing(pool: PgPool) {
        let store = impatient(&pool).await;
        let mut holding = pool.begin().await.unwrap();
        sqlx::query("LOCK TABLE model_refusals").execute(&mut *holding).await.unwrap();
        let waiting = sqlx::query("DELETE FROM model_refusals").execute(&store.pool).await;
        assert!(Error::from(waiting.unwrap_err()).took_too_long());
        holding.rollback().await.unwrap();
        store.ping().await.unwrap();
        store.close().await;
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_transaction_that_stands_still_gives_its_locks_back(pool: PgPool) {
        let store = impatient(&pool).await;
        let mut standing = store.pool.begin().await.unwrap();
        sqlx::query("LOCK TABLE model_refusals").execute(&mut *standing).await.unwrap();
        // Waits until Postgres has ended the one that stands still.
        sqlx::query("LOCK TABLE model_refusals").execute(&mut *pool.begin().await.unwrap()).await.unwrap();
        assert!(sqlx::query("SELECT 1").execute(&mut *standing).await.is_err());
        drop(standing);
        store.close().await;
    }

    /// In a transaction, as most write, so that nobody but the error says what the session was told.
    async fn write(store: &Store) -> Result<()> {
        let mut tx = store.pool.begin().await?;
        sqlx::query("DELETE FROM model_refusals").execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_session_that_refused_a_write_as_read_only_is_closed_and_the_next_one_writes(pool: PgPool) {
        let name: String = sqlx::query_scalar("SELECT quote_ident(current_database())").fetch_one(&pool).await.unwrap();
        let alter = async |what: &str| {
            sqlx::raw_sql(AssertSqlSafe(format!("ALTER DATABASE {name} {what}"))).execute(&pool).await.unwrap();
        };
        // A session keeps it as it began.
        alter("SET default_transaction_read_only = on").await;
        let options = PgConnectOptions::clone(&pool.connect_options());
        let store = Store::connect_with(options, 1, None).await.unwrap();
        for _ in 0..2 {
            let error = write(&store).await.unwrap_err();
            assert!(error.is_unavailable() && !error.is_refused_value(), "{error:?}");
        }
        // Who only reads is served all the while.
        store.server_version_num().await.unwrap();
        alter("RESET default_transaction_read_only").await;
        write(&store).await.unwrap();
        store.ping().await.unwrap();
        store.close().await;
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_pooler_and_the_address_past_it_lead_to_one_database(pool: PgPool) {
        let store = Store::from_pool(pool.clone());
        assert!(store.is_one_database().await.unwrap());
        let other = PgConnectOptions::clone(&pool.connect_options()).database("postgres");
        let apart = Store { direct: PgPoolOptions::new().connect_with(other).await.unwrap(), ..store };
        assert!(!apart.is_one_database().await.unwrap());
        apart.close().await;
    }
}
