//! The sessions on which queries run: our own, or those that a pooler lends for one transaction at a time.
//! A session that is lent is somebody else's before and after: must never leave a setting, a prepared statement or an open transaction on it,
//! nor rely on one that it left there.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use futures::{
    TryFutureExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, StreamExt},
};
use sqlx::{
    AssertSqlSafe, Describe, Either, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};

const OF_ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Where the store's queries run; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    sessions: PgPool,
    /// How a transaction begins on sessions that are lent; none where they are our own.
    begin: Option<Begin>,
}

/// In one message each.
#[derive(Clone, Debug)]
struct Begin {
    any: Arc<str>,
    of_one_moment: Arc<str>,
}

impl Pool {
    /// Of connections that lead to one session each.
    pub(crate) fn own(sessions: PgPool) -> Self {
        Self { sessions, begin: None }
    }

    /// Of connections to a pooler that hands out another session at each transaction.
    pub(crate) fn lent(sessions: PgPool, patience: Option<Duration>) -> Self {
        let of = |kind: &str| -> Arc<str> { begin(kind, patience).into() };
        Self { sessions, begin: Some(Begin { any: of("BEGIN"), of_one_moment: of(OF_ONE_MOMENT) }) }
    }

    pub(crate) async fn begin(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        match &self.begin {
            None => self.sessions.begin().await,
            Some(begin) => self.sessions.begin_with(AssertSqlSafe(Arc::clone(&begin.any))).await,
        }
    }

    /// All that is read by it is of one moment, and nothing is written.
    pub(crate) async fn begin_of_one_moment(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        match &self.begin {
            None => self.sessions.begin_with(OF_ONE_MOMENT).await,
            Some(begin) => self.sessions.begin_with(AssertSqlSafe(Arc::clone(&begin.of_one_moment))).await,
        }
    }

    /// For several questions one after the other. What is written on it may be undone when it is given back.
    pub(crate) async fn to_read(&self) -> sqlx::Result<Session> {
        match &self.begin {
            None => Ok(Session::Own(self.sessions.acquire().await?)),
            Some(_) => Ok(Session::Lent(self.begin().await?)),
        }
    }

    /// Connections that are open, whoever they lead to.
    pub(crate) fn size(&self) -> u32 {
        self.sessions.size()
    }

    /// Of these, those that nobody uses.
    pub(crate) fn num_idle(&self) -> usize {
        self.sessions.num_idle()
    }

    pub(crate) async fn close(&self) {
        self.sessions.close().await;
    }
}

/// What a pooler has to be told of nothing: it passes on no parameter that it does not know, and no statement outlives its transaction.
pub(crate) fn lent_options(options: PgConnectOptions) -> PgConnectOptions {
    options.statement_cache_capacity(0).extra_float_digits(None::<i8>)
}

/// Statements that others prepared on the session have the names that ours are about to have; settings end with the transaction. To forget
/// statements counts as a query, after which a transaction's kind is settled: so it begins as what it is to be.
fn begin(kind: &str, patience: Option<Duration>) -> String {
    let settings = patience.map(|patience| {
        let ms = patience.as_millis();
        format!("; SET LOCAL statement_timeout = {ms}; SET LOCAL idle_in_transaction_session_timeout = {ms}")
    });
    // As on sessions of our own, where `pool` says why.
    format!("{kind}; DEALLOCATE ALL; SET LOCAL jit = off{}", settings.unwrap_or_default())
}

/// A session for as long as it is read from.
pub(crate) enum Session {
    Own(PoolConnection<Postgres>),
    Lent(Transaction<'static, Postgres>),
}

impl Session {
    /// It is of no use any more. Where it was lent, the next one may be another anyway.
    pub(crate) fn leave(&mut self) {
        if let Self::Own(connection) = self {
            connection.close_on_drop();
        }
    }
}

impl Deref for Session {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Own(connection) => connection,
            Self::Lent(tx) => tx,
        }
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Own(connection) => connection,
            Self::Lent(tx) => tx,
        }
    }
}

type Row = Either<PgQueryResult, PgRow>;

/// sqlx prepares a statement in one message and runs it in the next. Between the two a pooler would lend another session, but for a
/// transaction.
async fn in_a_transaction<'q, E>(pool: Pool, query: E) -> sqlx::Result<Vec<Row>>
where
    E: 'q + Execute<'q, Postgres>,
{
    let mut tx = pool.begin().await?;
    let rows: Vec<Row> = tx.fetch_many(query).try_collect().await?;
    tx.commit().await?;
    Ok(rows)
}

impl<'p> Executor<'p> for &'_ Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Row>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        if self.begin.is_none() {
            return self.sessions.fetch_many(query);
        }
        let rows = in_a_transaction(self.clone(), query);
        rows.map_ok(|rows| stream::iter(rows.into_iter().map(Ok::<_, sqlx::Error>))).try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        if self.begin.is_none() {
            return self.sessions.fetch_optional(query);
        }
        let rows = in_a_transaction(self.clone(), query);
        Box::pin(rows.map_ok(|rows| rows.into_iter().find_map(Either::right)))
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        self.sessions.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'p: 'e,
    {
        self.sessions.describe(sql)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{PgPool, postgres::PgPoolOptions};

    use super::*;

    /// One session, as a pooler would lend it, on which somebody else left a statement of the name that sqlx gives its first one.
    async fn lent(pool: &PgPool, patience: Option<Duration>) -> Pool {
        let options = lent_options(PgConnectOptions::clone(&pool.connect_options()));
        let sessions = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        sqlx::raw_sql("PREPARE sqlx_s_1 AS SELECT 1").execute(&sessions).await.unwrap();
        Pool::lent(sessions, patience)
    }

    #[sqlx::test(migrations = false)]
    async fn on_a_lent_session_nothing_of_others_is_met_and_nothing_is_left(pool: PgPool) {
        let lent = lent(&pool, Some(Duration::from_secs(7))).await;
        let shown = sqlx::query_scalar::<_, String>("SELECT current_setting('statement_timeout') WHERE $1").bind(true);
        assert_eq!(shown.fetch_one(&lent).await.unwrap(), "7s");
        let none = sqlx::query_scalar::<_, i32>("SELECT 1 WHERE $1").bind(false).fetch_optional(&lent).await.unwrap();
        assert_eq!(none, None);
        let many: Vec<i32> =
            sqlx::query_scalar("SELECT generate_series(1, $1)").bind(3).fetch_all(&lent).await.unwrap();
        assert_eq!(many, [1, 2, 3]);

        sqlx::query("CREATE TABLE things (n int PRIMARY KEY)").execute(&lent).await.unwrap();
        let insert = "INSERT INTO things SELECT generate_series(1, $1)";
        let n_rows = sqlx::query(insert).bind(3).execute(&lent).await.unwrap().rows_affected();
        assert_eq!(n_rows, 3);
        let refused = sqlx::query(insert).bind(4).execute(&lent).await.unwrap_err();
        assert!(refused.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation), "{refused}");
        let mut tx = lent.begin().await.unwrap();
        let n: i64 = sqlx::query_scalar("SELECT count(*) FROM things").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(n, 3);
        sqlx::query("DELETE FROM things").execute(&mut *tx).await.unwrap();
        tx.rollback().await.unwrap();
        let mut session = lent.to_read().await.unwrap();
        for _ in 0..2 {
            let n: i64 = sqlx::query_scalar("SELECT count(*) FROM things").fetch_one(&mut *session).await.unwrap();
            assert_eq!(n, 3);
        }
        drop(session);
        let mut tx = lent.begin_of_one_moment().await.unwrap();
        let kind =
            "SELECT concat_ws(' ', current_setting('transaction_isolation'), current_setting('transaction_read_only'),
            current_setting('statement_timeout'), count(*)) FROM things WHERE n > $1";
        let told: String = sqlx::query_scalar(kind).bind(0).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(told, "repeatable read on 7s 3");
        tx.commit().await.unwrap();
        let left = sqlx::raw_sql("SELECT current_setting('statement_timeout') <> '7s' AS ok").fetch_one(&lent.sessions);
        assert!(sqlx::Row::get::<bool, _>(&left.await.unwrap(), "ok"));
        lent.close().await;
    }
}
