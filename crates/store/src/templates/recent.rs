//! What a person started last, to be started again.
//! Must never read all runs of a person: of a table with ten thousand rows, all are of one workflow.

use uuid::Uuid;
use workflow::{TemplateId, UserId};

use crate::{Result, Store};

/// So many of their newest runs are looked at.
const MOST_RUNS: i64 = 1_000;

/// The inner rows come by the index over the runs of a person.
const STARTED_LAST: &str = "SELECT r.template_id FROM (
        SELECT template_id, created_at FROM workflow_runs
        WHERE NOT is_test AND parent_run IS NULL AND user_id = $1
        ORDER BY created_at DESC, id DESC LIMIT $2
    ) r GROUP BY r.template_id ORDER BY max(r.created_at) DESC, r.template_id LIMIT $3";

impl Store {
    /// The workflows that somebody started last, the last one first. Some may be archived, or for others, by now.
    pub async fn started_last(&self, user: UserId, most: i64) -> Result<Vec<TemplateId>> {
        let query = sqlx::query_scalar(STARTED_LAST).bind(user.0).bind(MOST_RUNS).bind(most);
        let started: Vec<Uuid> = query.fetch_all(&self.pool).await?;
        Ok(started.into_iter().map(TemplateId).collect())
    }
}
