//! How far batches are, their rows, and what their runs gave.
//! Must never tell whose batch it is to anybody but `service`, which judges who may see it.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{
    RunId, TemplateId, UserId,
    api::{BatchRow, BatchRowState, BatchView, Page},
    id::BatchId,
    status::RunStatus,
};

use crate::{
    Error, Result, Store, Window,
    called::called,
    decode::{maybe_word, word},
    page,
};

/// Batches as they are shown: of those that end with `end`. What their rows are was counted as it was noted; of the runs those are looked
/// for that are under way, of which a person has few, by the index over these.
macro_rules! views {
    ($from:literal, $end:literal) => {
        concat!(
            "SELECT b.id, b.user_id, b.template_id, b.template_version, b.template_name, b.name, u.email, b.state, b.reason, b.n_rows,
                b.n_started, b.n_refused, b.created_at, b.ended_at,
                (SELECT count(*) FROM workflow_runs w JOIN batch_rows r ON r.run_id = w.id
                    WHERE w.user_id = b.user_id AND w.finished_at IS NULL AND w.parent_run IS NULL AND r.batch_id = b.id) AS n_under_way
            FROM ",
            $from,
            " b JOIN users u ON u.id = b.user_id ",
            $end
        )
    };
}

const ONE: &str = views!("batches", "WHERE b.id = $1");

const MINE: &str = views!(
    "(SELECT * FROM batches
        WHERE user_id = $1 AND ($2::uuid IS NULL OR template_id = $2)
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $5)",
    "ORDER BY b.created_at DESC, b.id DESC"
);

const ROWS: &str = concat!(
    "SELECT r.n, r.state, r.run_id, w.status, ",
    called!("w.id", "w.about"),
    " AS about, r.reason
    FROM batch_rows r LEFT JOIN workflow_runs w ON w.id = r.run_id
    WHERE r.batch_id = $1 AND ($2::text IS NULL OR r.state = $2) AND r.n > coalesce($3::int, 0)
    ORDER BY r.n LIMIT $4"
);

#[derive(sqlx::FromRow)]
struct ViewRow {
    id: Uuid,
    user_id: Uuid,
    template_id: Uuid,
    template_version: i32,
    template_name: String,
    name: String,
    email: String,
    state: String,
    reason: Option<String>,
    n_rows: i32,
    n_started: i32,
    n_refused: i32,
    n_under_way: i64,
    created_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<ViewRow> for BatchView {
    type Error = Error;

    fn try_from(row: ViewRow) -> Result<Self> {
        Ok(Self {
            id: BatchId(row.id),
            template_id: TemplateId(row.template_id),
            template_name: row.template_name,
            template_version: row.template_version,
            name: row.name,
            owner: row.email,
            state: super::state(&row.state, row.id)?,
            reason: row.reason,
            n_rows: row.n_rows.into(),
            n_waiting: (row.n_rows - row.n_started - row.n_refused).into(),
            n_started: row.n_started.into(),
            n_refused: row.n_refused.into(),
            n_over: i64::from(row.n_started) - row.n_under_way,
            created_at: row.created_at,
            ended_at: row.ended_at,
        })
    }
}

#[derive(sqlx::FromRow)]
struct RowRow {
    n: i32,
    state: String,
    run_id: Option<Uuid>,
    status: Option<String>,
    about: Option<String>,
    reason: Option<String>,
}

/// A row with what its run gave, for a file.
#[derive(Clone, Debug)]
pub struct ResultRow {
    pub n: i32,
    /// As JSON. Of a run that was deleted nothing is left of them.
    pub inputs: String,
    pub state: BatchRowState,
    pub run_id: Option<RunId>,
    pub status: Option<RunStatus>,
    pub reason: Option<String>,
}

/// The latest version of an output. Its bytes are absent where it is larger than was asked for.
#[derive(Clone, Debug)]
pub struct ResultOutput {
    pub run: RunId,
    pub step: String,
    pub name: String,
    pub media_type: String,
    pub bytes: Option<Vec<u8>>,
}

impl Store {
    /// A batch with whoever uploaded it.
    pub async fn batch(&self, id: BatchId) -> Result<Option<(UserId, BatchView)>> {
        let row: Option<ViewRow> = sqlx::query_as(ONE).bind(id.0).fetch_optional(&self.pool).await?;
        row.map(|row| Ok((UserId(row.user_id), BatchView::try_from(row)?))).transpose()
    }

    /// Somebody's, the newest first; of one workflow, or of all.
    pub async fn batches_of(
        &self,
        user: UserId,
        template: Option<TemplateId>,
        window: Window<'_>,
    ) -> Result<Page<BatchView>> {
        let (before, id) = window.after.and_then(page::read_at).unzip();
        let rows: Vec<ViewRow> = sqlx::query_as(MINE)
            .bind(user.0)
            .bind(template.map(|template| template.0))
            .bind(before)
            .bind(id)
            .bind(window.to_read())
            .fetch_all(&self.pool)
            .await?;
        let views = rows.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
        Ok(window.page(views, |view: &BatchView| page::at(view.created_at, view.id.0)))
    }

    /// Rows of a batch, in the order of its table; in one state, or in all.
    pub async fn batch_rows(
        &self,
        id: BatchId,
        state: Option<BatchRowState>,
        window: Window<'_>,
    ) -> Result<Page<BatchRow>> {
        let after: Option<i32> = window.after.and_then(|after| after.parse().ok());
        let rows: Vec<RowRow> = sqlx::query_as(ROWS)
            .bind(id.0)
            .bind(state.map(BatchRowState::as_str))
            .bind(after)
            .bind(window.to_read())
            .fetch_all(&self.pool)
            .await?;
        let rows = rows.into_iter().map(|row| {
            Ok(BatchRow {
                n: row.n,
                state: word(&row.state, "batch_rows", "state", &id)?,
                run_id: row.run_id.map(RunId),
                status: maybe_word(row.status.as_deref(), "workflow_runs", "status", &id)?,
                about: row.about,
                reason: row.reason,
            })
        });
        Ok(window.page(rows.collect::<Result<_>>()?, |row: &BatchRow| row.n.to_string()))
    }

    /// The next rows after one, with their inputs.
    pub async fn result_rows(&self, id: BatchId, after: i32, most: i64) -> Result<Vec<ResultRow>> {
        let rows = sqlx::query!(
            r#"SELECT r.n AS "n!", r.inputs::text AS "inputs!", r.state AS "state!", r.run_id, w.status AS "status?", r.reason
               FROM batch_rows r LEFT JOIN workflow_runs w ON w.id = r.run_id
               WHERE r.batch_id = $1 AND r.n > $2 ORDER BY r.n LIMIT $3"#,
            id.0,
            after,
            most,
        )
        .fetch_all(&self.pool)
        .await?;
        let rows = rows.into_iter().map(|row| {
            Ok(ResultRow {
                n: row.n,
                inputs: row.inputs,
                state: word(&row.state, "batch_rows", "state", &id)?,
                run_id: row.run_id.map(RunId),
                status: maybe_word(row.status.as_deref(), "workflow_runs", "status", &id)?,
                reason: row.reason,
            })
        });
        rows.collect()
    }

    /// The latest outputs of these steps of runs that are there, with the bytes of those that have at most `most` of them.
    pub async fn result_outputs(&self, runs: &[RunId], steps: &[String], most: i64) -> Result<Vec<ResultOutput>> {
        let runs: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let rows = sqlx::query!(
            r#"SELECT a.run_id AS "run_id!", a.step AS "step!", a.name AS "name!", a.media_type AS "media_type!",
                   CASE WHEN a.size <= $3 THEN coalesce(a.content, c.content, b.bytes) END AS bytes
               FROM artifact_heads h
               JOIN workflow_runs w ON w.id = h.run_id
               JOIN artifacts a ON a.run_id = h.run_id AND a.step = h.step AND a.name = h.name AND a.version = h.latest
               LEFT JOIN artifacts c ON c.id = a.copy_of AND a.content IS NULL
               LEFT JOIN blob_chunks b ON b.hash = a.content_hash AND b.n = 0 AND a.content IS NULL AND c.content IS NULL
               WHERE h.run_id = ANY($1) AND h.step = ANY($2)"#,
            &runs,
            steps,
            most,
        )
        .fetch_all(&self.pool)
        .await?;
        let outputs = rows.into_iter().map(|row| ResultOutput {
            run: RunId(row.run_id),
            step: row.step,
            name: row.name,
            media_type: row.media_type,
            bytes: row.bytes,
        });
        Ok(outputs.collect())
    }
}
