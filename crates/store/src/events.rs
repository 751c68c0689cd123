//! The event log of a run, and the attempts that no event tells: what the live feed and the timeline read.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;
use workflow::{
    RunId, UserId,
    event::{Effects, EventActor, RunEvent},
    view::AttemptView,
};

use crate::{Result, Store, decode::document, exact};

struct EventRow {
    seq: i64,
    at: DateTime<Utc>,
    kind: String,
    actor: Option<Uuid>,
    email: Option<String>,
    data: Value,
    rested_ms: i64,
}

impl EventRow {
    fn into_event(mut self, run: RunId) -> Result<RunEvent> {
        self.data.get_mut("overrides").into_iter().for_each(exact::open_overrides);
        self.data.pointer_mut("/moved/run_definition").into_iter().for_each(exact::open);
        let row = format!("{run}/{}", self.seq);
        let mut data: Effects = document(self.data, "run_events", "data", &row)?;
        if let Some(change) = &mut data.run {
            change.rested_ms = self.rested_ms;
        }
        Ok(RunEvent {
            seq: self.seq,
            at: self.at,
            kind: document(Value::String(self.kind), "run_events", "kind", &row)?,
            actor: self.actor.zip(self.email).map(|(id, email)| EventActor { id: UserId(id), email }),
            data,
        })
    }
}

impl Store {
    /// Events after a number, oldest first. Numbers are given in commit order, so none can appear behind the last one read.
    pub async fn events_after(&self, run: RunId, after: i64, limit: i64) -> Result<Vec<RunEvent>> {
        sqlx::query_as!(
            EventRow,
            r#"SELECT e.seq, e.at, e.kind, e.actor, u.email AS "email?", e.data, r.rested_ms
            FROM run_events e JOIN workflow_runs r ON r.id = e.run_id LEFT JOIN users u ON u.id = e.actor
            WHERE e.run_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3"#,
            run.0,
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?
        .into_iter()
        .map(|row| row.into_event(run))
        .collect()
    }

    /// The newest events before a number, newest first, for the timeline.
    pub async fn run_events(&self, run: RunId, before: Option<i64>, limit: i64) -> Result<Vec<RunEvent>> {
        sqlx::query_as!(
            EventRow,
            r#"SELECT e.seq, e.at, e.kind, e.actor, u.email AS "email?", e.data, r.rested_ms
            FROM run_events e JOIN workflow_runs r ON r.id = e.run_id LEFT JOIN users u ON u.id = e.actor
            WHERE e.run_id = $1 AND e.seq < $2 ORDER BY e.seq DESC LIMIT $3"#,
            run.0,
            before.unwrap_or(i64::MAX),
            limit,
        )
        .fetch_all(&self.pool)
        .await?
        .into_iter()
        .map(|row| row.into_event(run))
        .collect()
    }

    /// The attempts of a run that are open now, by start.
    pub async fn running_attempts(&self, run: RunId) -> Result<Vec<AttemptView>> {
        let rows = sqlx::query_scalar!(
            r#"SELECT attempt_json_v2(s.key, a) AS "attempt!"
            FROM steps s JOIN attempts a ON a.step_id = s.id AND a.number = s.attempt
            WHERE s.run_id = $1 AND s.status = 'running' AND NOT s.superseded AND a.outcome IS NULL ORDER BY a.started_at, a.step_id"#,
            run.0,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|attempt| document(attempt, "attempts", "*", &run)).collect()
    }
}
