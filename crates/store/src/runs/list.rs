//! Lists of runs: mine or everybody's, by keyset, and those that wait for a person.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{
    Progress, RunId, TemplateId, UserId,
    access::Actor,
    api::{Page, RunPage, RunSummary},
};

use crate::{
    Result, Store, Window,
    decode::{maybe_word, word},
    page,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    Mine,
    /// Of everybody; only an admin's viewer sees more than their own.
    All,
}

struct SummaryRow {
    id: Uuid,
    template_id: Uuid,
    template_name: String,
    template_version: i32,
    status: String,
    status_reason: Option<String>,
    auto_run: bool,
    user_id: Uuid,
    email: String,
    n_steps: i32,
    completed_steps: i32,
    skipped_steps: i32,
    failed_steps: i32,
    cancelled_steps: i32,
    n_review: i32,
    about: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<SummaryRow> for RunSummary {
    type Error = crate::Error;

    fn try_from(row: SummaryRow) -> Result<Self> {
        Ok(Self {
            id: RunId(row.id),
            template_id: TemplateId(row.template_id),
            template_name: row.template_name,
            template_version: row.template_version,
            status: word(&row.status, "workflow_runs", "status", &row.id)?,
            status_reason: maybe_word(row.status_reason.as_deref(), "workflow_runs", "status_reason", &row.id)?,
            auto_run: row.auto_run,
            user_id: UserId(row.user_id),
            user_email: row.email,
            progress: Progress {
                total: row.n_steps.into(),
                completed: row.completed_steps.into(),
                skipped: row.skipped_steps.into(),
                failed: row.failed_steps.into(),
                cancelled: row.cancelled_steps.into(),
            },
            n_waiting: row.n_review.into(),
            about: row.about,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

fn place(run: &RunSummary) -> String {
    page::at(run.created_at, run.id.0)
}

impl Store {
    /// A page of runs, newest first; a cursor that cannot be read begins at the first page.
    pub async fn run_summaries(
        &self,
        viewer: &Actor,
        after: Option<&str>,
        limit: i64,
        scope: Scope,
    ) -> Result<RunPage> {
        let (before, id) = after.and_then(page::read_at).unzip();
        let is_all = scope == Scope::All && viewer.is_admin();
        let rows = sqlx::query_as!(
            SummaryRow,
            r#"SELECT r.id, r.template_id, v.name AS template_name, r.template_version, r.status, r.status_reason, r.auto_run,
                r.user_id, u.email, r.n_steps - r.n_items AS "n_steps!", r.completed_steps, r.skipped_steps, r.failed_steps,
                r.cancelled_steps, r.n_review, r.about, r.created_at, r.finished_at
            FROM workflow_runs r
            JOIN users u ON u.id = r.user_id
            JOIN workflow_template_versions v ON v.template_id = r.template_id AND v.version = r.template_version
            WHERE NOT r.is_test AND r.parent_run IS NULL AND (r.user_id = $1 OR $2)
                AND ($3::timestamptz IS NULL OR (r.created_at, r.id) < ($3, $4))
            ORDER BY r.created_at DESC, r.id DESC LIMIT $5"#,
            viewer.id.0,
            is_all,
            before,
            id,
            limit + 1,
        )
        .fetch_all(&self.pool)
        .await?;
        let runs = rows.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
        let Page { items, next } = Window { after, limit }.page(runs, place);
        Ok(RunPage { runs: items, next })
    }

    /// Runs in which a step waits for the viewer's review, oldest first: the owner's, those of gates that ask the viewer,
    /// and every one for an admin.
    pub async fn waiting_runs(&self, viewer: &Actor, window: Window<'_>) -> Result<Page<RunSummary>> {
        let (since, id) = window.after.and_then(page::read_at).unzip();
        let rows = sqlx::query_as!(
            SummaryRow,
            r#"SELECT r.id, r.template_id, v.name AS template_name, r.template_version, r.status, r.status_reason, r.auto_run,
                r.user_id, u.email, r.n_steps - r.n_items AS "n_steps!", r.completed_steps, r.skipped_steps, r.failed_steps,
                r.cancelled_steps, r.n_review, r.about, r.created_at, r.finished_at
            FROM workflow_runs r
            JOIN users u ON u.id = r.user_id
            JOIN workflow_template_versions v ON v.template_id = r.template_id AND v.version = r.template_version
            WHERE r.n_review > 0 AND NOT r.is_test AND (r.user_id = $1 OR $2 OR EXISTS (
                SELECT FROM reviews w JOIN steps s ON s.id = w.step_id
                WHERE s.run_id = r.id AND w.decision IS NULL AND (w.emails @> ARRAY[lower($3)] OR w.roles @> ARRAY[$4])))
                AND ($5::timestamptz IS NULL OR (r.created_at, r.id) > ($5, $6))
            ORDER BY r.created_at, r.id LIMIT $7"#,
            viewer.id.0,
            viewer.is_admin(),
            viewer.email,
            viewer.role.as_str(),
            since,
            id,
            window.to_read(),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(window.page(rows.into_iter().map(TryInto::try_into).collect::<Result<_>>()?, place))
    }

    /// Those of the named runs that the viewer may see.
    pub async fn run_summaries_of(&self, runs: &[RunId], viewer: &Actor) -> Result<Vec<RunSummary>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        sqlx::query_as!(
            SummaryRow,
            r#"SELECT r.id, r.template_id, v.name AS template_name, r.template_version, r.status, r.status_reason, r.auto_run,
                r.user_id, u.email, r.n_steps - r.n_items AS "n_steps!", r.completed_steps, r.skipped_steps, r.failed_steps,
                r.cancelled_steps, r.n_review, r.about, r.created_at, r.finished_at
            FROM workflow_runs r
            JOIN users u ON u.id = r.user_id
            JOIN workflow_template_versions v ON v.template_id = r.template_id AND v.version = r.template_version
            WHERE r.id = ANY($1) AND NOT r.is_test AND (r.user_id = $2 OR $3)
            ORDER BY r.created_at DESC, r.id DESC"#,
            &ids,
            viewer.id.0,
            viewer.is_admin(),
        )
        .fetch_all(&self.pool)
        .await?
        .into_iter()
        .map(TryInto::try_into)
        .collect()
    }
}
