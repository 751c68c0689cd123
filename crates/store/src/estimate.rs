//! What the last runs of a workflow took, for whoever is about to start one.
//! Must never tell of a single run: of fewer than a handful nothing is told.

use workflow::{TemplateId, api::RunEstimate};

use crate::{Result, Store, runs::counting::rested_ms};

/// Runs that are looked at, the newest ones.
const LAST: i64 = 100;
/// Of fewer that completed nothing is told.
const FEWEST: i64 = 5;

/// How many completed, and of how long they took and what they cost the median and what nine of ten stayed within.
type Found = (i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

const LAST_RUNS: &str = concat!(
    "SELECT count(*),
        percentile_disc(0.5) WITHIN GROUP (ORDER BY l.millis), percentile_disc(0.9) WITHIN GROUP (ORDER BY l.millis),
        percentile_disc(0.5) WITHIN GROUP (ORDER BY l.cost), percentile_disc(0.9) WITHIN GROUP (ORDER BY l.cost)
    FROM (
        SELECT (extract(epoch FROM r.finished_at - r.created_at) * 1000)::bigint - ",
    rested_ms!(),
    " AS millis, (SELECT sum(a.cost_micros)::bigint FROM attempts a WHERE a.run_id = r.id) AS cost
        FROM (
            SELECT w.id, w.status, w.created_at, w.finished_at FROM workflow_runs w
            WHERE w.template_id = $1 AND w.parent_run IS NULL AND w.template_version > 0 AND NOT w.is_test
            ORDER BY w.created_at DESC, w.id DESC LIMIT $2) r
        WHERE r.status = 'completed') l"
);

impl Store {
    /// How long the last runs of a workflow took and what they cost, by the index over its runs. Runs that its steps made count with their
    /// time and without their cost.
    pub async fn run_estimate(&self, template: TemplateId) -> Result<Option<RunEstimate>> {
        let (n_runs, median_ms, p90_ms, median_cost_micros, p90_cost_micros): Found =
            sqlx::query_as(LAST_RUNS).bind(template.0).bind(LAST).fetch_one(&self.pool).await?;
        let (Some(median_ms), Some(p90_ms)) = (median_ms, p90_ms) else { return Ok(None) };
        let told = RunEstimate { n_runs, median_ms, p90_ms, median_cost_micros, p90_cost_micros };
        Ok((n_runs >= FEWEST).then_some(told))
    }
}
