//! The log of one run as the timeline and the live feed read it. Who decides about the run reads it through `log`.
//! An event that this program does not know is an error that names it, never left out.

use workflow::{RunId, run::RunEvent};

use crate::{Result, Store, decode};

/// Events of a run in this order: at most `$3`, and as many as have `$4` bytes together, or one. Only their sizes are sorted.
macro_rules! within {
    ($which:literal, $order:literal) => {
        concat!(
            "SELECT e.seq, e.event::text
            FROM (
                SELECT s.seq, row_number() OVER (ORDER BY s.seq ",
            $order,
            ") AS n, sum(s.size) OVER (ORDER BY s.seq ",
            $order,
            ") AS bytes
                FROM (
                    SELECT seq, octet_length(event::text)::bigint AS size FROM run_events
                    WHERE run_id = $1 AND ",
            $which,
            " ORDER BY seq ",
            $order,
            " LIMIT $3
                ) s
            ) s
            JOIN run_events e ON e.run_id = $1 AND e.seq = s.seq
            WHERE s.n = 1 OR s.bytes <= $4::bigint
            ORDER BY e.seq ",
            $order
        )
    };
}

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

    /// The same, but as many as have so many bytes together, and one at least: an event may hold the whole of a workflow. None at the end
    /// alone.
    pub async fn events_within(&self, run: RunId, after: i64, limit: i64, bytes: i64) -> Result<Vec<RunEvent>> {
        self.read_within(within!("seq > $2", "ASC"), run, after, limit, bytes).await
    }

    /// The newest before a number, newest first, in the same way.
    pub async fn run_events_within(
        &self,
        run: RunId,
        before: Option<i64>,
        limit: i64,
        bytes: i64,
    ) -> Result<Vec<RunEvent>> {
        self.read_within(within!("seq < $2", "DESC"), run, before.unwrap_or(i64::MAX), limit, bytes).await
    }

    async fn read_within(
        &self,
        sql: &'static str,
        run: RunId,
        from: i64,
        limit: i64,
        bytes: i64,
    ) -> Result<Vec<RunEvent>> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as(sql).bind(run.0).bind(from).bind(limit).bind(bytes).fetch_all(&self.pool).await?;
        rows.iter().map(|(seq, event)| read(run, *seq, event)).collect()
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
