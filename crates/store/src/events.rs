//! The log of one run as the timeline and the live feed read it. Who decides about the run reads it through `log`.
//! An event that this program does not know is an error that names it, never left out.

use workflow::{RunId, run::RunEvent};

use crate::{Result, Store, decode};

impl Store {
    /// Events after a number, oldest first. Numbers are given in commit order, so none can appear behind the last one read.
    pub async fn events_after(&self, run: RunId, after: i64, limit: i64) -> Result<Vec<RunEvent>> {
        let rows = sqlx::query!(
            r#"SELECT seq, event::text AS "event!" FROM run_events WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"#,
            run.0,
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| read(run, row.seq, &row.event)).collect()
    }

    /// The newest events before a number, newest first.
    pub async fn run_events(&self, run: RunId, before: Option<i64>, limit: i64) -> Result<Vec<RunEvent>> {
        let rows = sqlx::query!(
            r#"SELECT seq, event::text AS "event!" FROM run_events WHERE run_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3"#,
            run.0,
            before.unwrap_or(i64::MAX),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| read(run, row.seq, &row.event)).collect()
    }
}

fn read(run: RunId, seq: i64, text: &str) -> Result<RunEvent> {
    decode::read(text, "run_events", "event", &format!("{run}/{seq}"))
}
