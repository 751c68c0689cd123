//! What one person may take up: runs under way, and bytes a day. Counted under the lock of a row of the person's, so that all replicas count
//! together and nothing is stored by who is refused. A commit of a run never takes that lock: its place is taken before it.
//! What agents make is never counted here, but for the content that outside workers send: it is theirs to send as much as they like, and
//! is counted by their token.

use std::time::Duration;

use sqlx::PgConnection;
use workflow::{RunId, UserId};

use crate::{Error, Result, Store, audit::Author};

/// The limits of one person; none is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Runs that are not over, without those that other runs made.
    pub running_runs: Option<i64>,
    /// What requests store in a day of UTC.
    pub bytes_per_day: Option<i64>,
    /// Content that the workers of one token send in a day of UTC.
    pub token_bytes_per_day: Option<i64>,
}

/// Which limit a person has reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Spent {
    #[error("the person has {max} runs under way")]
    RunningRuns { max: i64 },
    #[error("the person would have stored more than {max} bytes today")]
    BytesPerDay {
        max: i64,
        /// The day ends then.
        retry_after: Duration,
    },
    #[error("the workers of the token would have sent more than {max} bytes today")]
    TokenBytesPerDay {
        max: i64,
        /// The day ends then.
        retry_after: Duration,
    },
}

/// The day of a person, their row locked.
struct Day {
    bytes: i64,
    left: Duration,
}

impl Store {
    /// The same database, for people who are held to these limits. Without them nobody is: so for the engine and the operator.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Takes a place among the person's runs under way, for a run that is to begin, or to go on after its end. The place is kept for a
    /// minute, or until the run did so. A run that is under way already, or that belongs to another one, needs none.
    pub async fn take_place(&self, user: UserId, run: RunId) -> Result<()> {
        let Some(max) = self.limits.running_runs else { return Ok(()) };
        let mut tx = self.pool.begin().await?;
        // The lock: whoever takes a place of the same person waits for it, and then sees this one.
        add(&mut tx, user, 0).await?;
        sqlx::query!(
            "DELETE FROM run_places WHERE user_id = $1 AND taken_at < clock_timestamp() - interval '1 minute'",
            user.0,
        )
        .execute(&mut *tx)
        .await?;
        let taken = sqlx::query!(
            "INSERT INTO run_places (run_id, user_id, ended_at, taken_at)
            SELECT $2, $1, (SELECT r.finished_at FROM workflow_runs r WHERE r.id = $2), clock_timestamp()
            WHERE NOT EXISTS (
                SELECT FROM workflow_runs r WHERE r.id = $2 AND (r.finished_at IS NULL OR r.parent_run IS NOT NULL))
            ON CONFLICT (run_id) DO UPDATE SET
                user_id = excluded.user_id, ended_at = excluded.ended_at, taken_at = excluded.taken_at",
            user.0,
            run.0,
        )
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() == 1 && under_way(&mut tx, user, max).await? > max {
            return Err(Error::Quota(Spent::RunningRuns { max }));
        }
        Ok(tx.commit().await?)
    }

    /// Gives a place back that is not needed after all.
    pub async fn leave_place(&self, run: RunId) -> Result<()> {
        if self.limits.running_runs.is_some() {
            sqlx::query!("DELETE FROM run_places WHERE run_id = $1", run.0).execute(&self.pool).await?;
        }
        Ok(())
    }

    /// Counts what this person is about to store.
    pub async fn charge(&self, user: UserId, n_bytes: usize) -> Result<()> {
        if self.limits.bytes_per_day.is_none() || n_bytes == 0 {
            return Ok(());
        }
        let mut tx = self.pool.begin().await?;
        self.limits.charge(&mut tx, user, n_bytes).await?;
        Ok(tx.commit().await?)
    }
}

/// Until the day of UTC ends.
pub(crate) async fn left_of_day(connection: &mut PgConnection) -> Result<Duration> {
    let left = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM (n.now::date + 1)::timestamp - n.now)::float8 AS "left!"
        FROM (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now) n"#
    );
    let left = left.fetch_one(connection).await?;
    Ok(Duration::try_from_secs_f64(left).unwrap_or_default().max(Duration::from_secs(1)))
}

impl Limits {
    /// Counts what a transaction of this person stores. The last thing that it locks, so that nobody waits in a circle.
    pub(crate) async fn charge(self, connection: &mut PgConnection, user: UserId, n_bytes: usize) -> Result<()> {
        let Some(max) = self.bytes_per_day.filter(|_| n_bytes > 0) else { return Ok(()) };
        let day = add(connection, user, n_bytes).await?;
        if day.bytes > max {
            return Err(Error::Quota(Spent::BytesPerDay { max, retry_after: day.left.max(Duration::from_secs(1)) }));
        }
        Ok(())
    }

    /// The same for what is written into the audit log; the operator is not counted.
    pub(crate) async fn charge_author(
        self,
        connection: &mut PgConnection,
        author: Author,
        n_bytes: usize,
    ) -> Result<()> {
        match author.actor {
            Some(user) => self.charge(connection, user, n_bytes).await,
            None => Ok(()),
        }
    }
}

/// Adds to the person's day, and locks it until the transaction ends.
async fn add(connection: &mut PgConnection, user: UserId, n_bytes: usize) -> Result<Day> {
    let row = sqlx::query!(
        r#"INSERT INTO user_days AS known (user_id, day, bytes) VALUES ($1, (clock_timestamp() AT TIME ZONE 'UTC')::date, $2)
           ON CONFLICT (user_id) DO UPDATE SET
               day = EXCLUDED.day,
               bytes = CASE WHEN known.day = EXCLUDED.day THEN known.bytes ELSE 0 END + EXCLUDED.bytes
           RETURNING bytes, extract(epoch FROM (day + 1)::timestamp - (clock_timestamp() AT TIME ZONE 'UTC'))::float8 AS "left!""#,
        user.0,
        i64::try_from(n_bytes).unwrap_or(i64::MAX),
    )
    .fetch_one(connection)
    .await?;
    Ok(Day { bytes: row.bytes, left: Duration::try_from_secs_f64(row.left).unwrap_or_default() })
}

/// How many runs of the person are not over, with those whose places are taken; counting ends where there is one too many. In one
/// statement, so that a run which begins meanwhile is counted once, as its place or as itself.
async fn under_way(connection: &mut PgConnection, user: UserId, max: i64) -> Result<i64> {
    let n = sqlx::query_scalar!(
        r#"SELECT (
               SELECT count(*) FROM (
                   SELECT FROM workflow_runs r
                   WHERE r.user_id = $1 AND r.finished_at IS NULL AND r.parent_run IS NULL
                       -- A test stands in no list. One that waits for somebody who left the page must not take a place for good.
                       AND (NOT r.is_test OR r.created_at > clock_timestamp() - interval '1 hour')
                   LIMIT $2) counted
           ) + (
               SELECT count(*) FROM run_places p LEFT JOIN workflow_runs r ON r.id = p.run_id
               WHERE p.user_id = $1 AND p.taken_at > clock_timestamp() - interval '1 minute'
                   AND CASE WHEN p.ended_at IS NULL THEN r.id IS NULL ELSE r.finished_at = p.ended_at END
           ) AS "n!""#,
        user.0,
        max.saturating_add(1),
    )
    .fetch_one(connection)
    .await?;
    Ok(n)
}
