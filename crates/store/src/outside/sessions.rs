//! Sessions of outside workers: what each said of itself, what an admin wants of it, and what it runs.
//! Must never make one live again that is dead.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;
use workflow::{
    AgentId, RunId,
    api::{Page, Sdk, Standing, WorkerAgent, WorkerState, WorkerTask, WorkerView},
    id::{TokenId, WorkerId},
};

use crate::{
    Result, Store, Window,
    audit::{self, Author},
    decode, page,
};

/// What its list shows of what one runs.
const TASKS_SHOWN: i64 = 20;

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    pub id: WorkerId,
    pub token: TokenId,
    pub name: &'a str,
    pub host: &'a str,
    pub pid: i64,
    pub sdk: &'a Sdk,
    pub build_id: Option<&'a str>,
    pub slots: i32,
    pub labels: &'a BTreeMap<String, String>,
    /// All that it offers, by id and hash.
    pub agents: &'a [(AgentId, String)],
    /// What is claimed of these, without those that were refused.
    pub queues: &'a [String],
    pub lease: Duration,
    pub timeline: i64,
    pub max_sessions: i64,
}

/// A session as its requests need it.
#[derive(Clone, PartialEq, Debug)]
pub struct OpenSession {
    pub id: WorkerId,
    pub token: TokenId,
    pub agents: Vec<(AgentId, String)>,
    pub slots: i32,
    pub build_id: Option<String>,
    pub state: WorkerState,
    pub timeline: i64,
    pub changed_at: DateTime<Utc>,
}

impl Store {
    /// False: its token has as many as it may, or was taken back meanwhile.
    pub async fn begin_worker_session(&self, session: &NewSession<'_>) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        // Locked, so that what takes the token back either sees this session or is seen here.
        let stands = sqlx::query_scalar!(
            r#"SELECT true AS "stands!" FROM worker_tokens
            WHERE id = $1 AND revoked_at IS NULL AND expires_at > now() FOR KEY SHARE"#,
            session.token.0
        )
        .fetch_optional(&mut *tx)
        .await?;
        let n_live = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM workers WHERE token_id = $1 AND state = 'alive'"#,
            session.token.0
        )
        .fetch_one(&mut *tx)
        .await?;
        if stands.is_none() || n_live >= session.max_sessions {
            return Ok(false);
        }
        let lease = PgInterval {
            months: 0,
            days: 0,
            microseconds: i64::try_from(session.lease.as_micros()).unwrap_or(i64::MAX),
        };
        sqlx::query!(
            "INSERT INTO workers (id, state, started_at, beat_at, lease, token_id)
            VALUES ($1, 'alive', clock_timestamp(), clock_timestamp(), $2, $3)",
            session.id.0,
            lease,
            session.token.0,
        )
        .execute(&mut *tx)
        .await?;
        let agents: Vec<_> = session.agents.iter().map(|(id, hash)| json!({"id": id, "hash": hash})).collect();
        sqlx::query!(
            r#"INSERT INTO worker_sessions
                (id, token_id, name, host, pid, sdk, build_id, slots, labels, queues, agents, state, timeline)
            VALUES ($1, $2, $3, $4, $5, $6::text::json, $7, $8, $9::text::json, $10, $11::text::json, 'working', $12)"#,
            session.id.0,
            session.token.0,
            session.name,
            session.host,
            session.pid,
            decode::text(session.sdk)?,
            session.build_id,
            session.slots,
            decode::text(session.labels)?,
            session.queues,
            decode::text(&agents)?,
            session.timeline,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A session, dead or alive.
    pub async fn worker_session(&self, id: WorkerId) -> Result<Option<OpenSession>> {
        let row = sqlx::query!(
            r#"SELECT s.token_id, s.agents::text AS "agents!", s.slots, s.build_id, s.timeline, s.changed_at,
                CASE WHEN w.state = 'alive' THEN s.state ELSE 'gone' END AS "state!"
            FROM worker_sessions s JOIN workers w ON w.id = s.id WHERE s.id = $1"#,
            id.0
        )
        .fetch_optional(&self.pool)
        .await?;
        let open = row.map(|row| {
            Ok(OpenSession {
                id,
                token: TokenId(row.token_id),
                agents: agents_of(&row.agents, id.0)?,
                slots: row.slots,
                build_id: row.build_id,
                state: decode::word(&row.state, "worker_sessions", "state", &id)?,
                timeline: row.timeline,
                changed_at: row.changed_at,
            })
        });
        open.transpose()
    }

    /// The sessions of which something changed a short while ago, and when.
    pub async fn changed_sessions(&self) -> Result<Vec<(WorkerId, DateTime<Utc>)>> {
        let rows = sqlx::query!(
            "SELECT id, changed_at FROM worker_sessions WHERE changed_at >= clock_timestamp() - interval '15 seconds'"
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(|row| (WorkerId(row.id), row.changed_at)).collect())
    }

    /// An admin wants something of it. False where there is no such session, or it is over.
    pub async fn set_worker_session(&self, id: WorkerId, state: WorkerState, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let changed = if state == WorkerState::Gone {
            sqlx::query!(
                "WITH ended AS (UPDATE workers SET state = 'ending' WHERE id = $1 AND state = 'alive' RETURNING id)
                UPDATE worker_sessions SET changed_at = clock_timestamp() WHERE id IN (SELECT id FROM ended)",
                id.0
            )
            .execute(&mut *tx)
            .await?
        } else {
            sqlx::query!(
                "UPDATE worker_sessions s SET state = $2, changed_at = clock_timestamp() FROM workers w
                WHERE s.id = $1 AND w.id = s.id AND w.state = 'alive'",
                id.0,
                state.as_str(),
            )
            .execute(&mut *tx)
            .await?
        };
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        audit::append(&mut tx, author, "worker.set", &id.to_string(), json!({"state": state})).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The last thing that went wrong in what it ran.
    pub async fn note_worker_error(&self, id: WorkerId, error: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE worker_sessions SET last_error = $2, last_error_at = clock_timestamp() WHERE id = $1",
            id.0,
            error,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A page of the sessions, those that live first, and of these the newest.
    pub async fn worker_sessions(&self, window: Window<'_>) -> Result<Page<WorkerView>> {
        let place = window.after.and_then(read_place);
        let (gone, before, id) = match place {
            Some((gone, before, id)) => (Some(gone), Some(before), Some(id)),
            None => (None, None, None),
        };
        let rows = sqlx::query!(
            r#"SELECT s.id, s.token_id, t.name AS token_name, s.name, s.host, s.pid, s.sdk::text AS "sdk!", s.build_id, s.slots,
                s.labels::text AS "labels!", s.agents::text AS "agents!", s.last_error, s.last_error_at, w.started_at, w.beat_at,
                CASE WHEN w.state = 'alive' THEN s.state ELSE 'gone' END AS "state!",
                w.state = 'alive' AND w.beat_at < clock_timestamp() - w.lease AS "is_late!",
                (SELECT count(*) FROM attempts a WHERE a.lease_worker = s.id) AS "n_running!"
            FROM worker_sessions s JOIN workers w ON w.id = s.id JOIN worker_tokens t ON t.id = s.token_id
            WHERE $1::boolean IS NULL OR (w.state <> 'alive') > $1
                OR ((w.state <> 'alive') = $1 AND (w.started_at, s.id) < ($2::timestamptz, $3::uuid))
            ORDER BY w.state <> 'alive', w.started_at DESC, s.id DESC LIMIT $4"#,
            gone,
            before,
            id,
            window.to_read(),
        );
        let mut views = Vec::new();
        for row in rows.fetch_all(&self.pool).await? {
            let agents = agents_of(&row.agents, row.id)?;
            let standings = self.standings(TokenId(row.token_id), None, &agents).await?;
            let running = if row.n_running == 0 { Vec::new() } else { self.tasks_of(WorkerId(row.id)).await? };
            views.push(WorkerView {
                id: WorkerId(row.id),
                name: row.name,
                host: row.host,
                pid: row.pid,
                sdk: decode::read(&row.sdk, "worker_sessions", "sdk", &row.id)?,
                build_id: row.build_id,
                slots: row.slots,
                labels: decode::read(&row.labels, "worker_sessions", "labels", &row.id)?,
                token: TokenId(row.token_id),
                token_name: row.token_name,
                state: decode::word(&row.state, "worker_sessions", "state", &row.id)?,
                agents: with_standings(agents, standings),
                connected_at: row.started_at,
                last_beat_at: row.beat_at,
                is_late: row.is_late,
                n_running: row.n_running,
                running,
                last_error: row.last_error,
                last_error_at: row.last_error_at,
            });
        }
        Ok(window.page(views, |view: &WorkerView| {
            let is_gone = u8::from(view.state == WorkerState::Gone);
            format!("{is_gone} {}", page::at(view.connected_at, view.id.0))
        }))
    }

    async fn tasks_of(&self, session: WorkerId) -> Result<Vec<WorkerTask>> {
        let rows = sqlx::query!(
            "SELECT run_id, step, number, started_at FROM attempts WHERE lease_worker = $1 ORDER BY started_at LIMIT $2",
            session.0,
            TASKS_SHOWN,
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        Ok(rows
            .map(|row| WorkerTask {
                run: RunId(row.run_id),
                step: row.step.as_str().into(),
                attempt: row.number,
                started_at: row.started_at,
            })
            .collect())
    }
}

fn read_place(text: &str) -> Option<(bool, DateTime<Utc>, Uuid)> {
    let (gone, rest) = text.split_once(' ')?;
    let (before, id) = page::read_at(rest)?;
    Some((gone == "1", before, id))
}

fn with_standings(agents: Vec<(AgentId, String)>, mut standings: BTreeMap<AgentId, Standing>) -> Vec<WorkerAgent> {
    let one = |(id, hash): (AgentId, String)| Some(WorkerAgent { standing: standings.remove(&id)?, id, hash });
    agents.into_iter().filter_map(one).collect()
}

#[derive(serde::Deserialize)]
struct Offered {
    id: AgentId,
    hash: String,
}

fn agents_of(text: &str, row: Uuid) -> Result<Vec<(AgentId, String)>> {
    let agents: Vec<Offered> = decode::read(text, "worker_sessions", "agents", &row)?;
    Ok(agents.into_iter().map(|one| (one.id, one.hash)).collect())
}
