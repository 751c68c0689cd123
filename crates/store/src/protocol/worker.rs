//! Being a worker: registration, the heartbeat that is the lease of everything it runs, and the burial of those without one.
//! Only the database's clock decides who is alive.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use uuid::Uuid;
use workflow::RunId;

use super::within;
use crate::{Result, Store};

/// Shorter than the time after which a worker without a beat stops its own attempts.
const BEAT_LIMIT: Duration = Duration::from_secs(4);

/// One process incarnation that executes steps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct WorkerId(pub Uuid);

/// What a heartbeat found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Beat {
    /// False: this worker was declared dead, and must become a new one.
    pub is_alive: bool,
    /// Attempts it believes to run, but which are not its own any more.
    pub lost: Vec<(i64, i32)>,
    /// Attempts the database holds for it that it does not know.
    pub orphans: Vec<(i64, i32)>,
}

impl Store {
    pub async fn register_worker(&self, worker: WorkerId) -> Result<()> {
        sqlx::query!("INSERT INTO workers (id) VALUES ($1) ON CONFLICT DO NOTHING", worker.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Stops claiming for this worker; what it runs stays its own.
    pub async fn drain_worker(&self, worker: WorkerId) -> Result<()> {
        sqlx::query!("UPDATE workers SET state = 'draining' WHERE id = $1 AND state = 'alive'", worker.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends a worker that holds nothing any more.
    pub async fn retire_worker(&self, worker: WorkerId) -> Result<()> {
        sqlx::query!("UPDATE workers SET state = 'dead' WHERE id = $1", worker.0).execute(&self.pool).await?;
        Ok(())
    }

    pub async fn beat(&self, worker: WorkerId, running: &[(i64, i32)]) -> Result<Beat> {
        let (steps, attempts): (Vec<i64>, Vec<i32>) = running.iter().copied().unzip();
        let call = sqlx::query!(
            "SELECT alive, lost_steps, lost_attempts, orphan_steps, orphan_attempts FROM beat_v1($1, $2, $3)",
            worker.0,
            &steps,
            &attempts,
        );
        let pool = self.pool.clone();
        let row = within(BEAT_LIMIT, async move { call.fetch_one(&pool).await }).await?;
        Ok(Beat {
            is_alive: row.alive.unwrap_or(false),
            lost: pairs(row.lost_steps, row.lost_attempts),
            orphans: pairs(row.orphan_steps, row.orphan_attempts),
        })
    }

    /// Declares workers dead whose lease ran out in two sweeps; returns how many.
    pub async fn bury_workers(&self, ttl: Duration, sweep: Duration) -> Result<i32> {
        let n = sqlx::query_scalar!(r#"SELECT bury_v1($1, $2) AS "n!""#, interval(ttl), interval(sweep))
            .fetch_one(&self.pool)
            .await?;
        Ok(n)
    }

    /// Queues steps of dead workers again; returns the runs it touched.
    pub async fn recover_steps(&self, n: i32) -> Result<Vec<RunId>> {
        let runs = sqlx::query_scalar!(r#"SELECT recover_v2($1, $2) AS "runs!""#, n, workflow::limits::MAX_CRASHES)
            .fetch_one(&self.pool)
            .await?;
        let runs: Vec<RunId> = runs.into_iter().map(RunId).collect();
        for run in &runs {
            self.outbox.run(*run);
        }
        if !runs.is_empty() {
            self.outbox.ready();
        }
        Ok(runs)
    }

    /// Forgets workers that died long ago and hold nothing.
    pub async fn forget_workers(&self) -> Result<u64> {
        let deleted = sqlx::query!(
            "DELETE FROM workers w WHERE w.state = 'dead' AND w.last_beat < clock_timestamp() - interval '1 day'
                AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.lease_worker = w.id AND s.status = 'running')",
        )
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }
}

fn pairs(steps: Option<Vec<i64>>, attempts: Option<Vec<i32>>) -> Vec<(i64, i32)> {
    steps.unwrap_or_default().into_iter().zip(attempts.unwrap_or_default()).collect()
}

fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}
