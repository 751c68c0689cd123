//! What may be claimed, and what of the runs is due by itself. It only tells: taking a step is a commit like any other.
//! Must never let one person's backlog delay another's step: owners come in turns.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{RunId, StepKey, UserId, id::WorkerId};

use super::Log;
use crate::Result;

/// Owners, for each kind, that one call looks at.
const MAX_OWNERS: i64 = 64;

pub(super) const CLAIMABLE: &str = include_str!("sql/claimable.sql");

/// A step that may be claimed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ready {
    pub run: RunId,
    pub step: StepKey,
    pub kind: String,
    pub user: UserId,
    /// Since when it waits for a worker.
    pub not_before: DateTime<Utc>,
}

/// Where the walk over owners goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cursor(Uuid);

type Row = (Uuid, String, String, Uuid, DateTime<Utc>);

impl Log {
    /// At most `n` steps of these kinds, owner by owner, each owner's oldest first; and where to go on.
    pub async fn claimable(
        &self,
        worker: WorkerId,
        kinds: &[String],
        n: i64,
        from: Cursor,
    ) -> Result<(Vec<Ready>, Cursor)> {
        let mut found = self.claimable_from(worker, kinds, n, from).await?;
        if i64::try_from(found.len()).unwrap_or(i64::MAX) < n && from != Cursor::default() {
            // From the beginning again, up to where this walk began.
            let first = self.claimable_from(worker, kinds, n, Cursor::default()).await?;
            found.extend(first.into_iter().filter(|ready| ready.user.0 <= from.0));
            found.truncate(usize::try_from(n).unwrap_or(usize::MAX));
        }
        let end = Cursor(found.iter().map(|ready| ready.user.0).max().unwrap_or_default());
        Ok((found, end))
    }

    async fn claimable_from(&self, worker: WorkerId, kinds: &[String], n: i64, from: Cursor) -> Result<Vec<Ready>> {
        let mut lane = self.engine.take().await?;
        let rows: Vec<Row> = sqlx::query_as(CLAIMABLE)
            .bind(kinds)
            .bind(from.0)
            .bind(MAX_OWNERS)
            .bind(n)
            .bind(worker.0)
            .fetch_all(lane.connection())
            .await?;
        lane.done();
        let ready = |(run, step, kind, user, not_before): Row| Ready {
            run: RunId(run),
            step: StepKey::new(step),
            kind,
            user: UserId(user),
            not_before,
        };
        Ok(rows.into_iter().map(ready).collect())
    }

    /// Runs in which something is due by itself, the longest first.
    pub async fn due(&self, limit: i64) -> Result<Vec<RunId>> {
        self.runs("SELECT id FROM run_heads WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT $1", limit).await
    }

    /// Runs that want judging and were left alone for two seconds, so their process is gone or slow.
    pub async fn unjudged(&self, limit: i64) -> Result<Vec<RunId>> {
        let sql = "SELECT id FROM run_heads
            WHERE wants_judgement AND committed_at < clock_timestamp() - interval '2 seconds' AND quarantine IS NULL
            ORDER BY committed_at LIMIT $1";
        self.runs(sql, limit).await
    }

    /// Runs in which workers hold steps that are dead or unknown.
    pub async fn orphaned(&self, limit: i64) -> Result<Vec<(WorkerId, RunId)>> {
        // Over the few workers that hold anything, along the index.
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "WITH RECURSIVE holders AS (
                (SELECT lease_worker FROM log_attempts WHERE lease_worker IS NOT NULL ORDER BY lease_worker LIMIT 1)
                UNION ALL
                SELECT (
                    SELECT a.lease_worker FROM log_attempts a WHERE a.lease_worker > h.lease_worker ORDER BY a.lease_worker LIMIT 1
                ) FROM holders h WHERE h.lease_worker IS NOT NULL
            )
            SELECT DISTINCT a.lease_worker, a.run_id FROM holders h JOIN log_attempts a ON a.lease_worker = h.lease_worker
            WHERE NOT EXISTS (SELECT FROM workers w WHERE w.id = h.lease_worker AND w.state <> 'dead')
            ORDER BY a.lease_worker, a.run_id LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        Ok(rows.into_iter().map(|(worker, run)| (WorkerId(worker), RunId(run))).collect())
    }

    async fn runs(&self, sql: &'static str, limit: i64) -> Result<Vec<RunId>> {
        let rows: Vec<Uuid> = sqlx::query_scalar(sql).bind(limit).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(RunId).collect())
    }
}
