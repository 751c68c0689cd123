//! What one person may take up: runs under way, and bytes a day. Counted in the transaction that takes it, under the lock of a row of
//! the person's, so that all replicas count together and nothing is stored by who is refused.
//! The row must be the last thing that a transaction locks, so that nobody waits in a circle. What agents make is never counted here.

use std::{io, time::Duration};

use serde::Serialize;
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
}

impl Limits {
    pub(crate) fn are_none(self) -> bool {
        self == Self::default()
    }

    /// Counts what a transaction of this person stores.
    pub(crate) async fn charge(self, connection: &mut PgConnection, user: UserId, n_bytes: usize) -> Result<()> {
        if self.bytes_per_day.is_none() || n_bytes == 0 {
            return Ok(());
        }
        let day = add(connection, user, n_bytes).await?;
        self.judge(&day)
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

    /// Whether a run may be begun as far as can be seen without a lock: spares the work of one that would be refused in the end.
    pub(crate) async fn has_room(self, connection: &mut PgConnection, user: UserId) -> Result<bool> {
        match self.running_runs {
            Some(max) => Ok(under_way(connection, user, max).await? < max),
            None => Ok(true),
        }
    }

    /// Counts a run that this transaction has made, with what it stores.
    pub(crate) async fn begin_run(self, connection: &mut PgConnection, user: UserId, n_bytes: usize) -> Result<()> {
        if self.are_none() {
            return Ok(());
        }
        let day = add(connection, user, n_bytes).await?;
        self.judge(&day)?;
        self.count_runs(connection, user).await
    }

    /// Counts a run of this person that was over and goes on by what this transaction did; else nothing.
    pub(crate) async fn revive_run(self, connection: &mut PgConnection, user: UserId, run: RunId) -> Result<()> {
        if self.running_runs.is_none() {
            return Ok(());
        }
        let goes_on = sqlx::query_scalar!(
            r#"SELECT finished_at IS NULL AND parent_run IS NULL AS "goes_on!" FROM workflow_runs WHERE id = $1"#,
            run.0,
        )
        .fetch_one(&mut *connection)
        .await?;
        if !goes_on {
            return Ok(());
        }
        add(connection, user, 0).await?;
        self.count_runs(connection, user).await
    }

    /// For who may not begin another run.
    pub(crate) fn no_room(self) -> Error {
        Error::Quota(Spent::RunningRuns { max: self.running_runs.unwrap_or_default() })
    }

    /// Under the lock, in a statement of its own: it sees what those committed who had it before.
    async fn count_runs(self, connection: &mut PgConnection, user: UserId) -> Result<()> {
        match self.running_runs {
            Some(max) if under_way(connection, user, max).await? > max => Err(self.no_room()),
            _ => Ok(()),
        }
    }

    fn judge(self, day: &Day) -> Result<()> {
        match self.bytes_per_day {
            Some(max) if day.bytes > max => {
                Err(Error::Quota(Spent::BytesPerDay { max, retry_after: day.left.max(Duration::from_secs(1)) }))
            }
            _ => Ok(()),
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

/// How many runs of the person are not over; counting ends where there is one too many.
async fn under_way(connection: &mut PgConnection, user: UserId, max: i64) -> Result<i64> {
    let n = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM (
               SELECT r.id FROM workflow_runs r
               WHERE r.user_id = $1 AND r.finished_at IS NULL AND r.parent_run IS NULL
                   -- A test stands in no list. One that waits for somebody who left the page must not take a place for good.
                   AND (NOT r.is_test OR r.created_at > clock_timestamp() - interval '1 hour')
               LIMIT $2) counted"#,
        user.0,
        max.saturating_add(1),
    )
    .fetch_one(connection)
    .await?;
    Ok(n)
}

/// How many bytes a document has as JSON, without making the text.
pub(crate) fn bytes_of(value: &impl Serialize) -> usize {
    struct Counted(usize);

    impl io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut counted = Counted(0);
    // What cannot be written is not stored either: whoever stores it says so.
    match serde_json::to_writer(&mut counted, value) {
        Ok(()) => counted.0,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_as_large_as_its_text() {
        for value in [json!(null), json!("é\n"), json!({"a": [1, 2.5, "x"], "b": {}})] {
            assert_eq!(bytes_of(&value), value.to_string().len(), "{value}");
        }
    }
}
