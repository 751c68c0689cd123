//! What of the runs waits for whoever looks first: judgements, times, reservations, and what dead workers left.
//! Runs that are left to newer programs do not wait for this one. It only tells: what is done about it is a commit like any other.

use runs::{LostWorker, Unavailable, Waiting};
use sqlx::types::Json;
use uuid::Uuid;
use workflow::{RunId, StepKey, id::WorkerId, run::plan::KeyLimit};

use super::{Log, failed};

/// Runs that want judging and were left alone for two seconds, so their process is gone or slow. They are few, and sorted here.
const UNDECIDED: &str = "SELECT id FROM workflow_runs
    WHERE wants_judgement AND committed_at < clock_timestamp() - interval '2 seconds' AND quarantine IS NULL
        AND id <> ALL ($2::uuid[])
    ORDER BY committed_at LIMIT $1";

/// The longest due first.
const DUE: &str = "SELECT id FROM workflow_runs
    WHERE due_at <= clock_timestamp() AND quarantine IS NULL AND id <> ALL ($2::uuid[])
    ORDER BY due_at LIMIT $1";

/// Those who wait for keys, the longest first.
const RESERVING: &str = "SELECT run_id, step, limits FROM steps WHERE kind IS NULL AND run_id <> ALL ($2::uuid[])
    ORDER BY not_before, run_id, step LIMIT $1";

/// Runs in which workers hold steps that are dead or unknown: over the few workers that hold anything, along the index.
const LOST: &str = "WITH RECURSIVE holders AS (
        (SELECT lease_worker FROM attempts WHERE lease_worker IS NOT NULL ORDER BY lease_worker LIMIT 1)
        UNION ALL
        SELECT (
            SELECT a.lease_worker FROM attempts a WHERE a.lease_worker > h.lease_worker ORDER BY a.lease_worker LIMIT 1
        ) FROM holders h WHERE h.lease_worker IS NOT NULL
    )
    SELECT DISTINCT a.lease_worker, a.run_id FROM holders h JOIN attempts a ON a.lease_worker = h.lease_worker
    WHERE NOT EXISTS (SELECT FROM workers w WHERE w.id = h.lease_worker AND w.state <> 'dead')
        AND NOT EXISTS (SELECT FROM workflow_runs r WHERE r.id = a.run_id AND r.quarantine IS NOT NULL)
        AND a.run_id <> ALL ($2::uuid[])
    ORDER BY a.lease_worker, a.run_id LIMIT $1";

type Reserving = (Uuid, String, Json<Vec<KeyLimit>>);

impl Log {
    pub(super) async fn what_waits(&self, limit: usize) -> Result<Waiting, Unavailable> {
        self.look(i64::try_from(limit).unwrap_or(i64::MAX)).await.map_err(failed::unavailable)
    }

    async fn look(&self, limit: i64) -> sqlx::Result<Waiting> {
        let mut reader = self.reader.to_read().await?;
        let too_new = self.too_new.ids();
        let undecided: Vec<Uuid> =
            sqlx::query_scalar(UNDECIDED).bind(limit).bind(&too_new).fetch_all(&mut *reader).await?;
        let due: Vec<Uuid> = sqlx::query_scalar(DUE).bind(limit).bind(&too_new).fetch_all(&mut *reader).await?;
        let reserving: Vec<Reserving> =
            sqlx::query_as(RESERVING).bind(limit).bind(&too_new).fetch_all(&mut *reader).await?;
        let lost: Vec<(Uuid, Uuid)> = sqlx::query_as(LOST).bind(limit).bind(&too_new).fetch_all(&mut *reader).await?;
        let want = |(run, step, Json(limits)): Reserving| (RunId(run), StepKey::new(step), limits);
        let of_dead = |(worker, run): (Uuid, Uuid)| LostWorker { run: RunId(run), worker: WorkerId(worker) };
        Ok(Waiting {
            undecided: undecided.into_iter().map(RunId).collect(),
            due: due.into_iter().map(RunId).collect(),
            reserving: reserving.into_iter().map(want).collect(),
            lost: lost.into_iter().map(of_dead).collect(),
        })
    }

    /// Whoever is committing just now is waited for; afterwards nobody commits, so what may be claimed is taken away then.
    pub(super) async fn set_aside(&self, run: RunId, reason: &str) -> Result<(), Unavailable> {
        let set = "UPDATE workflow_runs SET quarantine = coalesce(quarantine, $2), wants_judgement = false, due_at = NULL WHERE id = $1";
        sqlx::query(set).bind(run.0).bind(reason).execute(&self.reader).await.map_err(failed::unavailable)?;
        let dequeue = "DELETE FROM steps WHERE run_id = $1";
        sqlx::query(dequeue).bind(run.0).execute(&self.reader).await.map_err(failed::unavailable)?;
        Ok(())
    }
}
