//! What the last runs of a workflow took, for whoever is about to start one.
//! Must never tell of a single run: of fewer than a handful nothing is told.

use workflow::{TemplateId, api::RunEstimate};

use crate::{Result, Store};

/// Runs that are looked at, the newest ones.
const LAST: i64 = 100;
/// Of fewer that completed nothing is told.
const FEWEST: i64 = 5;

impl Store {
    /// How long the last runs of a workflow took and what they cost, by the index over its runs. Runs that its steps made count with their
    /// time and without their cost.
    pub async fn run_estimate(&self, template: TemplateId) -> Result<Option<RunEstimate>> {
        let row = sqlx::query!(
            r#"SELECT count(*) AS "n!",
                   percentile_disc(0.5) WITHIN GROUP (ORDER BY l.millis) AS median_ms,
                   percentile_disc(0.9) WITHIN GROUP (ORDER BY l.millis) AS p90_ms,
                   percentile_disc(0.5) WITHIN GROUP (ORDER BY l.cost) AS median_cost,
                   percentile_disc(0.9) WITHIN GROUP (ORDER BY l.cost) AS p90_cost
               FROM (
                   SELECT (extract(epoch FROM r.finished_at - r.created_at) * 1000)::bigint AS millis,
                       (SELECT sum(a.cost_micros)::bigint FROM attempts a WHERE a.run_id = r.id) AS cost
                   FROM (
                       SELECT w.id, w.status, w.created_at, w.finished_at FROM workflow_runs w
                       WHERE w.template_id = $1 AND w.parent_run IS NULL AND w.template_version > 0 AND NOT w.is_test
                       ORDER BY w.created_at DESC, w.id DESC LIMIT $2) r
                   WHERE r.status = 'completed') l"#,
            template.0,
            LAST,
        )
        .fetch_one(&self.pool)
        .await?;
        let (Some(median_ms), Some(p90_ms)) = (row.median_ms, row.p90_ms) else { return Ok(None) };
        Ok((row.n >= FEWEST).then_some(RunEstimate {
            n_runs: row.n,
            median_ms,
            p90_ms,
            median_cost_micros: row.median_cost,
            p90_cost_micros: row.p90_cost,
        }))
    }
}
