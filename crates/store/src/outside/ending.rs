//! How sessions of outside workers end, and what ends with what: first they take nothing any more, and only when nothing can be on its way
//! to them do they count as dead, so that what they never got is given back rather than lost.
//! Must never make one live again.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{
    RunId, UserId,
    id::{TokenId, WorkerId},
};

use super::beats::Place;
use crate::{
    Result, Store,
    audit::{self, Author},
};

/// An attempt that a session holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    pub session: WorkerId,
    pub place: Place,
}

impl Store {
    /// It takes nothing from now on, and is over. False: it was before.
    pub async fn end_worker_session(&self, id: WorkerId) -> Result<bool> {
        let ended = sqlx::query!(
            "WITH ended AS (UPDATE workers SET state = 'ending' WHERE id = $1 AND state = 'alive' RETURNING id)
            UPDATE worker_sessions SET changed_at = clock_timestamp() WHERE id IN (SELECT id FROM ended)",
            id.0
        );
        Ok(ended.execute(&self.pool).await?.rows_affected() > 0)
    }

    /// The attempts that a session holds, whether it lives or not.
    pub async fn held_by(&self, session: WorkerId) -> Result<Vec<Place>> {
        let rows = sqlx::query!(
            "SELECT run_id, step, number FROM attempts WHERE lease_worker = $1 ORDER BY started_at, run_id, step",
            session.0
        );
        let place = |run: Uuid, step: &str, number: i32| Place { run: RunId(run), step: step.into(), number };
        Ok(rows.fetch_all(&self.pool).await?.iter().map(|row| place(row.run_id, &row.step, row.number)).collect())
    }

    /// How many.
    pub async fn n_held_by(&self, session: WorkerId) -> Result<i64> {
        let n = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM attempts WHERE lease_worker = $1"#, session.0);
        Ok(n.fetch_one(&self.pool).await?)
    }

    /// Attempts of sessions that are ending which were never handed out: nobody began them.
    pub async fn never_handed_out(&self, limit: i64) -> Result<Vec<Held>> {
        let rows = sqlx::query!(
            r#"SELECT w.id, a.run_id, a.step, a.number FROM workers w JOIN attempts a ON a.lease_worker = w.id
            WHERE w.state = 'ending' AND NOT EXISTS (
                SELECT FROM worker_tasks t WHERE t.run_id = a.run_id AND t.step = a.step AND t.number = a.number
            )
            LIMIT $1"#,
            limit
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        Ok(rows
            .map(|row| Held {
                session: WorkerId(row.id),
                place: Place { run: RunId(row.run_id), step: row.step.as_str().into(), number: row.number },
            })
            .collect())
    }

    /// Those that began to end so long ago that no claim of theirs can be in flight are dead: what they were handed is done by others.
    pub async fn bury_sessions(&self, after_s: f64) -> Result<()> {
        sqlx::query!(
            "UPDATE workers SET state = 'dead' WHERE id IN (
                SELECT w.id FROM workers w JOIN worker_sessions s ON s.id = w.id
                WHERE w.state = 'ending' AND s.changed_at < clock_timestamp() - make_interval(secs => $1)
                    AND NOT EXISTS (
                        SELECT FROM attempts a WHERE a.lease_worker = w.id AND NOT EXISTS (
                            SELECT FROM worker_tasks t WHERE t.run_id = a.run_id AND t.step = a.step AND t.number = a.number
                        )
                    )
                ORDER BY w.id FOR NO KEY UPDATE OF w SKIP LOCKED
            )",
            after_s
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Of those that are over, a token keeps so many to be seen, the newest.
    pub(super) async fn forget_sessions(&self, keep: i64) -> Result<()> {
        sqlx::query!(
            "DELETE FROM workers w USING (
                SELECT id, row_number() OVER (PARTITION BY token_id ORDER BY beat_at DESC) AS n
                FROM workers WHERE token_id IS NOT NULL AND state = 'dead'
            ) gone WHERE w.id = gone.id AND gone.n > $1
                AND NOT EXISTS (SELECT FROM attempts a WHERE a.lease_worker = w.id)",
            keep
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Takes back the worker tokens that a person made, with what they themselves come in by. Runs under the lock of the person's row, as what
/// makes such a token does.
pub(crate) async fn end_tokens_of(connection: &mut PgConnection, user: UserId, author: Author) -> Result<()> {
    let ended = sqlx::query_scalar!(
        "UPDATE worker_tokens SET revoked_at = now() WHERE created_by = $1 AND revoked_at IS NULL RETURNING id",
        user.0,
    )
    .fetch_all(&mut *connection)
    .await?;
    if ended.is_empty() {
        return Ok(());
    }
    end_sessions(connection, &ended).await?;
    for id in ended {
        let data = json!({"with": user});
        audit::append(connection, author, "worker_token.revoked", &TokenId(id).to_string(), data).await?;
    }
    Ok(())
}

/// They take nothing from now on, and every process hears of it; how many.
pub(super) async fn end_sessions(connection: &mut PgConnection, tokens: &[Uuid]) -> Result<u64> {
    let ended = sqlx::query!(
        "WITH of AS (
            SELECT id FROM workers WHERE token_id = ANY ($1) AND state = 'alive' ORDER BY id FOR NO KEY UPDATE
        ), ended AS (
            UPDATE workers SET state = 'ending' WHERE id IN (SELECT id FROM of) RETURNING id
        )
        UPDATE worker_sessions SET changed_at = clock_timestamp() WHERE id IN (SELECT id FROM ended)",
        tokens,
    );
    Ok(ended.execute(connection).await?.rows_affected())
}
