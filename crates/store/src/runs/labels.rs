//! What people call a run and tag it with. Must never touch a row of the engine's.

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

    /// Puts these in place of those that it had.
    pub async fn set_run_labels(&self, run: RunId, labels: &RunLabels, author: Author) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        if *labels == RunLabels::default() {
            sqlx::query("DELETE FROM run_labels WHERE run_id = $1").bind(run.0).execute(&mut *tx).await?;
        } else {
            sqlx::query(
                "INSERT INTO run_labels (run_id, title, tags) VALUES ($1, $2, $3)
                ON CONFLICT (run_id) DO UPDATE SET title = excluded.title, tags = excluded.tags, changed_at = now()",
            )
            .bind(run.0)
            .bind(labels.title.as_deref())
            .bind(&labels.tags)
            .execute(&mut *tx)
            .await?;
        }
        let data = json!({"title": labels.title, "tags": labels.tags});
        audit::append(&mut tx, author, "run.labelled", &run.to_string(), data).await?;
        tx.commit().await?;
        Ok(())
    }
}
