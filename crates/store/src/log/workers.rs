//! Who works: a row for each process, and its beat, which is the lease of everything it runs.
//! Only the database's clock decides who is alive. Must never bring one back that was declared dead.

use std::time::Duration;

use runs::{Beat, Unavailable};
use sqlx::{PgConnection, Postgres, pool::PoolConnection, postgres::types::PgInterval};
use workflow::id::WorkerId;

use super::{Log, failed, keys};
use crate::history;

/// After a database stood still all beats look old, so between the two looks everybody must have had the time for one.
const LOOKS_IN_A_LEASE: u32 = 5;

impl Log {
    pub(super) async fn beats(&self, worker: WorkerId) -> Result<Beat, Unavailable> {
        let mut reader = self.beats.acquire().await.map_err(failed::unavailable)?;
        let answer = beat(&mut reader, worker, &history::name_of(&self.beats)).await;
        finish(reader, answer.as_ref().err());
        answer.map_err(failed::unavailable)
    }

    pub(super) async fn retires(&self, worker: WorkerId) -> Result<(), Unavailable> {
        let retire = "UPDATE workers SET state = 'dead' WHERE id = $1";
        sqlx::query(retire).bind(worker.0).execute(&self.beats).await.map_err(failed::unavailable)?;
        Ok(())
    }

    pub(super) async fn sweeps(&self, lease: Duration) -> Result<usize, Unavailable> {
        let mut reader = self.beats.acquire().await.map_err(failed::unavailable)?;
        let answer = sweep(&mut reader, lease).await;
        finish(reader, answer.as_ref().err());
        answer.map_err(failed::unavailable)
    }
}

/// Sessions that take no writes do not go back to the pool: beats come all the time, so soon it has none of them.
fn finish(mut reader: PoolConnection<Postgres>, error: Option<&sqlx::Error>) {
    if error.is_some_and(failed::is_read_only) {
        reader.close_on_drop();
    }
}

async fn beat(reader: &mut PgConnection, worker: WorkerId, database: &str) -> sqlx::Result<Beat> {
    let is_alive: Option<bool> = sqlx::query_scalar(
        "INSERT INTO workers AS w (id, state, started_at, beat_at) VALUES ($1, 'alive', clock_timestamp(), clock_timestamp())
        ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp(), suspected_at = NULL WHERE w.state <> 'dead'
        RETURNING true",
    )
    .bind(worker.0)
    .fetch_optional(&mut *reader)
    .await?;
    match is_alive {
        Some(_) => Ok(Beat::Alive { timeline: history::as_seen_here(reader, database).await? }),
        None => Ok(Beat::Dead),
    }
}

async fn sweep(reader: &mut PgConnection, lease: Duration) -> sqlx::Result<usize> {
    let n_dead = sqlx::query(
        "UPDATE workers SET state = 'dead' WHERE id IN (
            SELECT id FROM workers
            WHERE state <> 'dead' AND beat_at < clock_timestamp() - coalesce(lease, $1::interval)
                AND suspected_at < clock_timestamp() - coalesce(lease / $3, $2::interval)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        )",
    )
    .bind(interval(lease))
    .bind(interval(lease / LOOKS_IN_A_LEASE))
    .bind(f64::from(LOOKS_IN_A_LEASE))
    .execute(&mut *reader)
    .await?
    .rows_affected();
    sqlx::query(
        "UPDATE workers SET suspected_at = clock_timestamp() WHERE id IN (
            SELECT id FROM workers
            WHERE state <> 'dead' AND beat_at < clock_timestamp() - coalesce(lease, $1::interval) AND suspected_at IS NULL
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        )",
    )
    .bind(interval(lease))
    .execute(&mut *reader)
    .await?;
    // What neither waits, may be claimed nor runs holds nothing: its run went on without it while it was reserved. One whose commit may be
    // in flight has its row of those, as long as that is not written.
    sqlx::query(
        "UPDATE key_reservations r SET is_over = true
        WHERE NOT r.is_over AND r.reserved_at < clock_timestamp() - interval '30 seconds'
            AND NOT EXISTS (SELECT FROM steps s WHERE s.run_id = r.run_id AND s.step = r.step)
            AND NOT EXISTS (
                SELECT FROM attempts a WHERE a.run_id = r.run_id AND a.step = r.step AND a.lease_worker IS NOT NULL
            )",
    )
    .execute(&mut *reader)
    .await?;
    sqlx::query(
        "DELETE FROM workers w WHERE w.state = 'dead' AND w.beat_at < clock_timestamp() - interval '1 day'
            AND NOT EXISTS (SELECT FROM attempts a WHERE a.lease_worker = w.id)",
    )
    .execute(&mut *reader)
    .await?;
    keys::tidy(reader).await?;
    Ok(usize::try_from(n_dead).unwrap_or(usize::MAX))
}

impl Log {
    /// Which history of which database this is.
    pub async fn timeline(&self) -> crate::Result<i64> {
        let mut reader = self.beats.acquire().await?;
        Ok(history::of(&mut reader, &history::name_of(&self.beats)).await?.history)
    }
}

fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}
