//! What a workflow gave last: its newest runs and tries, and the newest value of each output in them.
//! The caller has made sure that whoever asks may see all runs. It must cost the few runs that are looked at, however many there are.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{ArtifactId, RunId, StepKey, TemplateId};

use crate::{Result, Store};

/// A run of a workflow, or a try of its draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunOf {
    pub id: RunId,
    pub is_test: bool,
    pub at: DateTime<Utc>,
}

/// The newest version of an output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputOf {
    pub run: RunId,
    pub step: StepKey,
    pub name: String,
    pub id: ArtifactId,
    pub media_type: String,
    pub size: i64,
}

impl Store {
    /// The newest runs and tries of a workflow, newest first; those that another run made are not among them.
    pub async fn runs_of_template(&self, id: TemplateId, limit: i64) -> Result<Vec<RunOf>> {
        let rows = sqlx::query!(
            r#"SELECT r.id AS "id!", r.is_test AS "is_test!", r.created_at AS "created_at!"
               FROM (SELECT $1::uuid AS id UNION ALL SELECT h.id FROM workflow_templates h WHERE h.test_of = $1) t
               CROSS JOIN LATERAL (
                   SELECT r.id, r.is_test, r.created_at FROM workflow_runs r
                   WHERE r.template_id = t.id AND r.parent_run IS NULL AND r.template_version > 0 ORDER BY r.created_at DESC LIMIT $2) r
               ORDER BY r.created_at DESC, r.id DESC LIMIT $2"#,
            id.0,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| RunOf { id: RunId(row.id), is_test: row.is_test, at: row.created_at }).collect())
    }

    /// Of each output of these steps the version that is the latest in the first run that has one. What a run only took over is left out.
    pub async fn outputs_of(&self, runs: &[RunId], steps: &[StepKey]) -> Result<Vec<OutputOf>> {
        let runs: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"SELECT DISTINCT ON (a.step, a.name) a.run_id, a.step, a.name, a.id, a.media_type, a.size
               FROM unnest($1::uuid[]) WITH ORDINALITY AS w (run, rank)
               JOIN artifact_heads h ON h.run_id = w.run AND h.step = ANY($2)
               JOIN artifacts a ON a.run_id = h.run_id AND a.step = h.step AND a.name = h.name AND a.version = h.latest
               WHERE a.origin <> 'import'
               ORDER BY a.step, a.name, w.rank"#,
            &runs,
            &steps,
        )
        .fetch_all(&self.pool)
        .await?;
        let found = rows.into_iter().map(|row| OutputOf {
            run: RunId(row.run_id),
            step: row.step.as_str().into(),
            name: row.name,
            id: ArtifactId(row.id),
            media_type: row.media_type,
            size: row.size,
        });
        Ok(found.collect())
    }

    /// Whether the run is one of the workflow, or a try of its draft.
    pub async fn is_run_of(&self, run: RunId, id: TemplateId) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"SELECT EXISTS (
                   SELECT FROM workflow_runs r JOIN workflow_templates t ON t.id = r.template_id
                   WHERE r.id = $1 AND (t.id = $2 OR t.test_of = $2)) AS "found!""#,
            run.0,
            id.0,
        );
        Ok(found.fetch_one(&self.pool).await?)
    }
}
