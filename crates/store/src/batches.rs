//! Batches: many runs of one version, from the rows of a table.
//! Must never start anything by itself, nor hold a row locked while a run is started: who starts has the batch for a while, and a row is
//! started under a key of its own, so that whoever goes on after a crash starts nothing twice.

use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{
    RunId, TemplateId, UserId,
    api::{BatchAct, BatchState},
    id::BatchId,
    limits::MAX_BATCHES,
};

use crate::{
    Error, Result, Store,
    audit::{self, Author},
    decode::word,
};

mod reading;

pub use reading::{ResultOutput, ResultRow};

/// So long the one who starts rows of a batch has it to itself.
const LEASE: &str = "1 minute";

/// A batch that is to be.
#[derive(Clone, Copy, Debug)]
pub struct NewBatch<'a> {
    pub id: BatchId,
    pub user: UserId,
    pub template: TemplateId,
    pub version: i32,
    pub template_name: &'a str,
    pub name: &'a str,
    pub auto_run: bool,
    pub key: &'a str,
    pub hash: &'a str,
    /// The inputs of each row, as JSON.
    pub rows: &'a [String],
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MakeBatch {
    Made,
    /// What was sent under the key before, as what it was hashed to.
    Earlier {
        id: BatchId,
        hash: String,
    },
    /// The person has too many that are not over.
    TooMany,
}

/// A batch that somebody now starts rows of.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: BatchId,
    pub user: UserId,
    pub template: TemplateId,
    pub version: i32,
    pub auto_run: bool,
}

/// A row that is to be started.
#[derive(Clone, Debug)]
pub struct WaitingRow {
    pub n: i32,
    /// As JSON.
    pub inputs: String,
}

impl Store {
    /// Keeps a table as a batch, all of it or nothing.
    pub async fn make_batch(&self, new: &NewBatch<'_>, author: Author) -> Result<MakeBatch> {
        let mut tx = self.pool.begin().await?;
        // Two that the person uploads at the same time are counted one after the other.
        sqlx::query_scalar!("SELECT 1 AS one FROM users WHERE id = $1 FOR NO KEY UPDATE", new.user.0)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some((id, hash)) = batch_under(&mut tx, new.user, new.key).await? {
            return Ok(MakeBatch::Earlier { id, hash });
        }
        let n_open = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM batches WHERE user_id = $1 AND ended_at IS NULL"#,
            new.user.0,
        );
        if n_open.fetch_one(&mut *tx).await? >= MAX_BATCHES {
            return Ok(MakeBatch::TooMany);
        }
        let n_rows = i32::try_from(new.rows.len()).unwrap_or(i32::MAX);
        sqlx::query!(
            "INSERT INTO batches
                 (id, user_id, template_id, template_version, template_name, name, auto_run, key, hash, state, n_rows)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', $10)",
            new.id.0,
            new.user.0,
            new.template.0,
            new.version,
            new.template_name,
            new.name,
            new.auto_run,
            new.key,
            new.hash,
            n_rows,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "INSERT INTO batch_rows (batch_id, n, inputs, state)
             SELECT $1::uuid, r.n::int, r.inputs::json, 'waiting' FROM unnest($2::text[]) WITH ORDINALITY AS r (inputs, n)",
            new.id.0,
            new.rows,
        )
        .execute(&mut *tx)
        .await?;
        let data = json!({"template": new.template, "version": new.version, "rows": new.rows.len(), "name": new.name});
        audit::append(&mut tx, author, "batch.created", &new.id.to_string(), data).await?;
        let n_bytes = new.rows.iter().map(String::len).sum();
        self.limits.charge_author(&mut tx, author, n_bytes).await?;
        tx.commit().await?;
        Ok(MakeBatch::Made)
    }

    /// The batch that somebody uploaded under a key, and what it was made of.
    pub async fn batch_under(&self, user: UserId, key: &str) -> Result<Option<(BatchId, String)>> {
        batch_under(&mut *self.pool.to_read().await?, user, key).await
    }

    /// Pauses it, lets it go on, or ends it. False: it is not as that wants it.
    pub async fn act_on_batch(&self, id: BatchId, act: BatchAct, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let (from, to, action) = match act {
            BatchAct::Pause => (vec!["running"], BatchState::Paused, "batch.paused"),
            BatchAct::Resume => (vec!["paused", "stopped"], BatchState::Running, "batch.resumed"),
            BatchAct::Cancel => (vec!["running", "paused", "stopped"], BatchState::Cancelled, "batch.cancelled"),
        };
        let from: Vec<String> = from.into_iter().map(str::to_owned).collect();
        let changed = sqlx::query!(
            "UPDATE batches SET state = $3::text, reason = NULL, next_at = now(), leased_until = NULL,
                 ended_at = CASE WHEN $3::text = 'cancelled' THEN now() END
             WHERE id = $1 AND state = ANY($2)",
            id.0,
            &from,
            to.as_str(),
        )
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        audit::append(&mut tx, author, action, &id.to_string(), json!({})).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The batch that waited longest for somebody who starts rows of it. Nobody else has it for a minute.
    pub async fn claim_batch(&self) -> Result<Option<Claimed>> {
        let row = sqlx::query!(
            "UPDATE batches SET leased_until = now() + $1::text::interval
             WHERE id = (
                 SELECT b.id FROM batches b
                 WHERE b.state = 'running' AND b.next_at <= now() AND (b.leased_until IS NULL OR b.leased_until < now())
                 ORDER BY b.next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING id, user_id, template_id, template_version, auto_run",
            LEASE,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Claimed {
            id: BatchId(row.id),
            user: UserId(row.user_id),
            template: TemplateId(row.template_id),
            version: row.template_version,
            auto_run: row.auto_run,
        }))
    }

    /// The first rows of a batch that wait. None where nobody wants them started any more.
    pub async fn waiting_rows(&self, id: BatchId, most: i64) -> Result<Vec<WaitingRow>> {
        let rows = sqlx::query!(
            r#"SELECT r.n, r.inputs::text AS "inputs!" FROM batch_rows r JOIN batches b ON b.id = r.batch_id
               WHERE r.batch_id = $1 AND r.state = 'waiting' AND b.state = 'running' ORDER BY r.n LIMIT $2"#,
            id.0,
            most,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| WaitingRow { n: row.n, inputs: row.inputs }).collect())
    }

    /// Notes the run of a row; false where nobody wants the next one started any more.
    pub async fn row_started(&self, id: BatchId, n: i32, run: RunId) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let noted = sqlx::query!(
            "UPDATE batch_rows SET state = 'started', run_id = $3 WHERE batch_id = $1 AND n = $2 AND state = 'waiting'",
            id.0,
            n,
            run.0,
        )
        .execute(&mut *tx)
        .await?;
        let goes_on = goes_on(&mut tx, id, noted.rows_affected() == 1, false).await?;
        tx.commit().await?;
        Ok(goes_on)
    }

    /// The same for one that cannot be started.
    pub async fn row_refused(&self, id: BatchId, n: i32, reason: &str) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let noted = sqlx::query!(
            "UPDATE batch_rows SET state = 'refused', reason = left($3, 2000)
             WHERE batch_id = $1 AND n = $2 AND state = 'waiting'",
            id.0,
            n,
            reason,
        )
        .execute(&mut *tx)
        .await?;
        let goes_on = goes_on(&mut tx, id, false, noted.rows_affected() == 1).await?;
        tx.commit().await?;
        Ok(goes_on)
    }

    /// Gives it back: its turn comes again after those of others, or it is done.
    pub async fn leave_batch(&self, id: BatchId) -> Result<()> {
        sqlx::query!(
            "UPDATE batches b SET leased_until = NULL, next_at = now(),
                 state = CASE WHEN w.any_waits THEN 'running' ELSE 'done' END,
                 ended_at = CASE WHEN NOT w.any_waits THEN now() END
             FROM (SELECT EXISTS (SELECT FROM batch_rows r WHERE r.batch_id = $1 AND r.state = 'waiting') AS any_waits) w
             WHERE b.id = $1 AND b.state = 'running'",
            id.0,
        )
        .execute(&self.pool)
        .await?;
        // One that was paused meanwhile may go on at once.
        sqlx::query!("UPDATE batches SET leased_until = NULL WHERE id = $1 AND state <> 'running'", id.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Gives it back until a quota may let it go on.
    pub async fn batch_waits(&self, id: BatchId, reason: &str, wait: Duration) -> Result<()> {
        sqlx::query!(
            "UPDATE batches SET leased_until = NULL, reason = left($2, 2000),
                 next_at = now() + make_interval(secs => $3::float8)
             WHERE id = $1 AND state = 'running'",
            id.0,
            reason,
            wait.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Stops it with a word, until a person lets it go on.
    pub async fn stop_batch(&self, id: BatchId, reason: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE batches SET leased_until = NULL, state = 'stopped', reason = left($2, 2000)
             WHERE id = $1 AND state = 'running'",
            id.0,
            reason,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// A key that is made of a table is what a batch of that table is found by, also where it came under a key of somebody's own.
async fn batch_under(connection: &mut PgConnection, user: UserId, key: &str) -> Result<Option<(BatchId, String)>> {
    let row = sqlx::query!(
        "SELECT id, hash FROM batches
         WHERE user_id = $1 AND (key = $2 OR starts_with(hash, $2::text || ' '))
         ORDER BY key = $2 DESC, created_at, id LIMIT 1",
        user.0,
        key,
    );
    Ok(row.fetch_optional(connection).await?.map(|row| (BatchId(row.id), row.hash)))
}

/// Counts what was noted of a row, and keeps the batch for another minute, if it is still to go on.
async fn goes_on(
    connection: &mut PgConnection,
    id: BatchId,
    is_one_started: bool,
    is_one_refused: bool,
) -> Result<bool> {
    let goes_on = sqlx::query_scalar!(
        r#"UPDATE batches SET n_started = n_started + $2, n_refused = n_refused + $3,
               leased_until = CASE WHEN state = 'running' THEN now() + $4::text::interval ELSE leased_until END,
               reason = CASE WHEN state = 'running' THEN NULL ELSE reason END
           WHERE id = $1
           RETURNING state = 'running' AS "goes_on!""#,
        id.0,
        i32::from(is_one_started),
        i32::from(is_one_refused),
        LEASE,
    );
    Ok(goes_on.fetch_optional(connection).await?.unwrap_or(false))
}

/// Tables that go in one go: each may have 10,000 rows.
const MOST_GONE: i64 = 5;

/// Over for so many days, and none of their runs is there. Whether one is, is looked up table by table: a plan for all of them would read
/// every row there is.
const OLD: &str = "DELETE FROM batches WHERE id IN (
        SELECT b.id FROM batches b
        WHERE b.ended_at < now() - make_interval(days => $1)
            AND (SELECT w.id FROM batch_rows r JOIN workflow_runs w ON w.id = r.run_id WHERE r.batch_id = b.id LIMIT 1) IS NULL
        ORDER BY b.ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING id, user_id, template_name, n_rows";

impl Store {
    /// Throws away tables that are over for so many days, once the last of their runs is gone.
    pub async fn delete_old_batches(&self, keep_days: u32) -> Result<()> {
        let days = i32::try_from(keep_days).unwrap_or(i32::MAX);
        let mut tx = self.pool.begin().await?;
        let gone: Vec<(Uuid, Uuid, String, i32)> =
            sqlx::query_as(OLD).bind(days).bind(MOST_GONE).fetch_all(&mut *tx).await?;
        for (id, owner, workflow, n_rows) in gone {
            let data = json!({"workflow": workflow, "owner": owner, "rows": n_rows, "by": "age"});
            audit::append(&mut tx, Author::default(), "batch.deleted", &id.to_string(), data).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn state(text: &str, id: Uuid) -> Result<BatchState, Error> {
    word(text, "batches", "state", &id)
}
