//! What people call a run and tag it with. Must never touch a row of the engine's.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;
use workflow::{RunId, UserId, api::RunLabels};

use crate::{
    Result, Store,
    audit::{self, Author},
};

impl Store {
    /// Whose run it is.
    pub async fn run_owner(&self, run: RunId) -> Result<Option<UserId>> {
        let owner: Option<Uuid> = sqlx::query_scalar("SELECT user_id FROM workflow_runs WHERE id = $1")
            .bind(run.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(owner.map(UserId))
    }

    /// What people call these runs; those that nobody called anything are left out.
    pub async fn run_titles(&self, runs: &[RunId]) -> Result<BTreeMap<RunId, String>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let sql = "SELECT run_id, title FROM run_labels WHERE run_id = ANY($1) AND title IS NOT NULL";
        let titles: Vec<(Uuid, String)> = sqlx::query_as(sql).bind(ids).fetch_all(&self.pool).await?;
        Ok(titles.into_iter().map(|(run, title)| (RunId(run), title)).collect())
    }

    /// What people call a run and tag it with; empty where nobody did.
    pub async fn run_labels(&self, run: RunId) -> Result<RunLabels> {
        let sql = "SELECT title, tags FROM run_labels WHERE run_id = $1";
        let found: Option<(Option<String>, Vec<String>)> =
            sqlx::query_as(sql).bind(run.0).fetch_optional(&self.pool).await?;
        Ok(found.map(|(title, tags)| RunLabels { title, tags }).unwrap_or_default())
    }

    /// Puts these in place of those that it had.
    pub async fn set_run_labels(&self, run: RunId, labels: &RunLabels, author: Author) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO run_labels (run_id, title, tags) VALUES ($1, $2, $3)
            ON CONFLICT (run_id) DO UPDATE SET title = excluded.title, tags = excluded.tags, changed_at = now()",
        )
        .bind(run.0)
        .bind(labels.title.as_deref())
        .bind(&labels.tags)
        .execute(&mut *tx)
        .await?;
        let data = json!({"title": labels.title, "tags": labels.tags});
        audit::append(&mut tx, author, "run.labelled", &run.to_string(), data).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes runs that are over out of the lists, or back into them: those of them with which it was done. One that goes on stays.
    pub async fn archive_runs(&self, runs: &[RunId], is_archived: bool, author: Author) -> Result<Vec<RunId>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let mut tx = self.pool.begin().await?;
        let done: Vec<Uuid> = sqlx::query_scalar(
            "INSERT INTO run_labels (run_id, archived_at)
            SELECT r.id, CASE WHEN $2 THEN now() END FROM workflow_runs r
            WHERE r.id = ANY($1) AND (r.finished_at IS NOT NULL OR NOT $2)
            ORDER BY r.id
            ON CONFLICT (run_id) DO UPDATE SET archived_at = excluded.archived_at, changed_at = now()
            RETURNING run_id",
        )
        .bind(&ids)
        .bind(is_archived)
        .fetch_all(&mut *tx)
        .await?;
        let action = if is_archived { "run.archived" } else { "run.unarchived" };
        audit::append_of_runs(&mut tx, author, action, &done).await?;
        tx.commit().await?;
        Ok(done.into_iter().map(RunId).collect())
    }
}
