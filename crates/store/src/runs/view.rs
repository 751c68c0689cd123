//! The whole view of one run, read in one snapshot so that its seq tells exactly which events it holds.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;
use workflow::{
    ArtifactId, RunId, RunView, StepKey, TemplateId, UserId,
    access::Actor,
    status::StepStatus,
    view::{ArtifactMeta, StepOfRun, StepView},
};

use crate::{
    Result, Store,
    decode::{document, maybe_word, word},
    exact,
};

struct StepRow {
    key: String,
    title: String,
    agent_id: String,
    agent_version: i32,
    kind: String,
    status: String,
    reason: Option<String>,
    generation: i32,
    fail_count: i32,
    not_before: Option<DateTime<Utc>>,
    attempts: Option<Value>,
    item_of: Option<String>,
    item_index: Option<i32>,
    child_run: Option<Uuid>,
    review: Option<Value>,
    feedback: Option<Value>,
    prompt_hash: Option<String>,
}

impl StepRow {
    fn into_view(self, run: RunId) -> Result<StepView> {
        let row = format!("{run}/{}", self.key);
        let status = word(&self.status, "steps", "status", &row)?;
        Ok(StepView {
            status,
            reason: maybe_word(self.reason.as_deref(), "steps", "reason", &row)?,
            not_before: self.not_before.filter(|_| status == StepStatus::Ready && self.fail_count > 0),
            attempts: match self.attempts {
                Some(attempts) => document(attempts, "attempts", "*", &row)?,
                None => Vec::new(),
            },
            key: self.key.as_str().into(),
            title: self.title,
            agent_id: self.agent_id.as_str().into(),
            agent_version: self.agent_version,
            kind: self.kind,
            generation: self.generation,
            item_of: self.item_of.map(StepKey::new),
            item_index: self.item_index,
            prompt_hash: self.prompt_hash,
            child_run: self.child_run.map(RunId),
            review: self.review.map(|review| document(review, "reviews", "*", &row)).transpose()?,
            feedback: self
                .feedback
                .map(|feedback| document(feedback, "step_generations", "feedback", &row))
                .transpose()?,
        })
    }
}

pub(crate) struct ArtifactRow {
    pub id: Uuid,
    pub key: String,
    pub name: String,
    pub version: i32,
    pub is_latest: bool,
    pub content_hash: String,
    pub value_hash: Option<String>,
    pub media_type: String,
    pub size: i64,
    pub origin: String,
    pub attempt: Option<i32>,
    pub parent: Option<Uuid>,
    pub made_by: Option<String>,
    pub is_approved: bool,
    pub created_at: DateTime<Utc>,
}

impl TryFrom<ArtifactRow> for ArtifactMeta {
    type Error = crate::Error;

    fn try_from(row: ArtifactRow) -> Result<Self> {
        Ok(Self {
            origin: word(&row.origin, "artifacts", "origin", &row.id)?,
            id: ArtifactId(row.id),
            producing_step_id: row.key.as_str().into(),
            name: row.name,
            version: row.version,
            is_latest: row.is_latest,
            content_hash: row.content_hash,
            value_hash: row.value_hash,
            media_type: row.media_type,
            size: row.size,
            attempt: row.attempt,
            parent: row.parent.map(ArtifactId),
            made_by: row.made_by,
            is_approved: row.is_approved,
            created_at: row.created_at,
        })
    }
}

fn link(run: Option<Uuid>, step: Option<String>) -> Option<StepOfRun> {
    Some(StepOfRun { run: RunId(run?), step: StepKey::new(step?) })
}

impl Store {
    /// The run as the viewer sees it; none when it does not exist or is not theirs.
    pub async fn run_view(&self, run: RunId, viewer: &Actor) -> Result<Option<RunView>> {
        self.run_view_for(run, Some(viewer)).await
    }

    /// The run as somebody left it who was let in at a gate: the gate may have closed by what they did.
    pub async fn run_view_after_gate(&self, run: RunId) -> Result<Option<RunView>> {
        self.run_view_for(run, None).await
    }

    async fn run_view_for(&self, run: RunId, viewer: Option<&Actor>) -> Result<Option<RunView>> {
        let mut tx = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let Some(row) = sqlx::query!(
            r#"SELECT r.template_id, v.name AS template_name, r.template_version, r.run_definition, r.definition_text, r.inputs::text AS "inputs!", r.overrides,
                r.status, r.status_reason, r.auto_run, r.is_test, r.user_id, u.email, r.event_seq, r.created_at, r.finished_at,
                r.rested_ms, r.deadline_at, budget_json_v2(r) AS budget, r.forked_run, r.forked_step, r.parent_run, p.key AS "parent_key?"
            FROM workflow_runs r
            JOIN users u ON u.id = r.user_id
            JOIN workflow_template_versions v ON v.template_id = r.template_id AND v.version = r.template_version
            LEFT JOIN steps p ON p.id = r.parent_step
            WHERE r.id = $1 AND ($2::uuid IS NULL OR run_is_visible_v3(r, $2, $3, $4))"#,
            run.0,
            viewer.map(|viewer| viewer.id.0),
            viewer.map(|viewer| viewer.role.as_str()),
            viewer.map(|viewer| viewer.email.as_str()),
        )
        .fetch_optional(&mut *tx)
        .await?
        else {
            return Ok(None);
        };
        let steps = sqlx::query_as!(
            StepRow,
            r#"WITH used AS MATERIALIZED (
                SELECT u.agent_id, u.agent_version, agent_prompt_hash_v2(u.agent_id, u.agent_version) AS prompt_hash
                FROM (SELECT DISTINCT s.agent_id, s.agent_version FROM steps s WHERE s.run_id = $1) u
            )
            SELECT s.key, s.title, s.agent_id, s.agent_version, s.kind, s.status, s.reason, s.generation, s.fail_count,
                s.not_before, (
                    SELECT jsonb_agg(attempt_json_v2(s.key, a) ORDER BY a.number) FROM attempts a WHERE a.step_id = s.id
                ) AS attempts,
                CASE WHEN s.parent_id IS NOT NULL THEN (SELECT p.key FROM steps p WHERE p.id = s.parent_id) END AS item_of,
                s.item_index, s.child_run,
                CASE WHEN s.status = 'awaiting_review' THEN review_json_v2(s) END AS review,
                CASE WHEN s.generation > 1 THEN feedback_json_v2(s.id, s.generation) END AS feedback,
                u.prompt_hash
            FROM steps s JOIN used u ON u.agent_id = s.agent_id AND u.agent_version = s.agent_version
            WHERE s.run_id = $1 AND NOT s.superseded ORDER BY s.key COLLATE "C""#,
            run.0,
        )
        .fetch_all(&mut *tx)
        .await?;
        let artifacts = sqlx::query_as!(
            ArtifactRow,
            r#"SELECT a.id, s.key, a.name, a.version, a.is_latest, a.content_hash, h.value_hash AS "value_hash?", a.media_type, a.size, a.origin, a.attempt,
                a.parent, u.email AS "made_by?", a.is_approved, a.created_at
            FROM artifacts a JOIN steps s ON s.id = a.step_id LEFT JOIN users u ON u.id = a.made_by
                LEFT JOIN value_hashes h ON h.content_hash = a.content_hash AND a.media_type = 'application/json'
            WHERE a.run_id = $1 AND NOT s.superseded ORDER BY s.key COLLATE "C", a.name COLLATE "C", a.version"#,
            run.0,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(RunView {
            id: run,
            seq: row.event_seq,
            template_id: TemplateId(row.template_id),
            template_name: row.template_name,
            template_version: row.template_version,
            run_definition: exact::definition(
                row.run_definition,
                row.definition_text.as_deref(),
                "workflow_runs",
                "run_definition",
                &run,
            )?,
            inputs: exact::inputs(&row.inputs, &run)?,
            overrides: {
                let mut overrides = row.overrides;
                exact::open_overrides(&mut overrides);
                document(overrides, "workflow_runs", "overrides", &run)?
            },
            status: word(&row.status, "workflow_runs", "status", &run)?,
            status_reason: maybe_word(row.status_reason.as_deref(), "workflow_runs", "status_reason", &run)?,
            auto_run: row.auto_run,
            user_id: UserId(row.user_id),
            user_email: row.email,
            is_test: row.is_test,
            created_at: row.created_at,
            finished_at: row.finished_at,
            rested_ms: row.rested_ms,
            deadline_at: row.deadline_at,
            budget: row.budget.map(|budget| document(budget, "workflow_runs", "budget", &run)).transpose()?,
            parent: link(row.parent_run, row.parent_key),
            forked_from: link(row.forked_run, row.forked_step),
            steps: steps.into_iter().map(|step| step.into_view(run)).collect::<Result<_>>()?,
            artifacts: artifacts.into_iter().map(TryInto::try_into).collect::<Result<_>>()?,
        }))
    }
}
