//! The whole view of one run, read in one snapshot so that its seq tells exactly which events it holds.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;
use workflow::{
    ArtifactId, RunId, RunView, TemplateId, UserId,
    access::Actor,
    status::StepStatus,
    view::{ArtifactMeta, StepView},
};

use crate::{
    Result, Store,
    decode::{document, maybe_word, word},
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
            prompt_hash: None,
            item_of: None,
            item_index: None,
            child_run: None,
            review: None,
            feedback: None,
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
    pub media_type: String,
    pub size: i64,
    pub origin: String,
    pub attempt: Option<i32>,
    pub parent: Option<Uuid>,
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
            media_type: row.media_type,
            size: row.size,
            attempt: row.attempt,
            parent: row.parent.map(ArtifactId),
            made_by: None,
            is_approved: false,
            created_at: row.created_at,
        })
    }
}

impl Store {
    /// The run as the viewer sees it; none when it does not exist or is not theirs.
    pub async fn run_view(&self, run: RunId, viewer: &Actor) -> Result<Option<RunView>> {
        let mut tx = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let Some(row) = sqlx::query!(
            r#"SELECT r.template_id, v.name AS template_name, r.template_version, r.run_definition, r.inputs, r.overrides,
                r.status, r.status_reason, r.auto_run, r.is_test, r.user_id, u.email, r.event_seq, r.created_at, r.finished_at
            FROM workflow_runs r
            JOIN users u ON u.id = r.user_id
            JOIN workflow_template_versions v ON v.template_id = r.template_id AND v.version = r.template_version
            WHERE r.id = $1 AND (r.user_id = $2 OR $3)"#,
            run.0,
            viewer.id.0,
            viewer.is_admin(),
        )
        .fetch_optional(&mut *tx)
        .await?
        else {
            return Ok(None);
        };
        let steps = sqlx::query_as!(
            StepRow,
            r#"SELECT s.key, s.title, s.agent_id, s.agent_version, s.kind, s.status, s.reason, s.generation, s.fail_count,
                s.not_before, (
                    SELECT jsonb_agg(attempt_json_v1(s.key, a) ORDER BY a.number) FROM attempts a WHERE a.step_id = s.id
                ) AS attempts
            FROM steps s WHERE s.run_id = $1 ORDER BY s.key COLLATE "C""#,
            run.0,
        )
        .fetch_all(&mut *tx)
        .await?;
        let artifacts = sqlx::query_as!(
            ArtifactRow,
            r#"SELECT a.id, s.key, a.name, a.version, a.is_latest, a.content_hash, a.media_type, a.size, a.origin, a.attempt,
                a.parent, a.created_at
            FROM artifacts a JOIN steps s ON s.id = a.step_id
            WHERE a.run_id = $1 ORDER BY s.key COLLATE "C", a.name COLLATE "C", a.version"#,
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
            run_definition: document(row.run_definition, "workflow_runs", "run_definition", &run)?,
            inputs: document(row.inputs, "workflow_runs", "inputs", &run)?,
            overrides: document(row.overrides, "workflow_runs", "overrides", &run)?,
            status: word(&row.status, "workflow_runs", "status", &run)?,
            status_reason: maybe_word(row.status_reason.as_deref(), "workflow_runs", "status_reason", &run)?,
            auto_run: row.auto_run,
            user_id: UserId(row.user_id),
            user_email: row.email,
            is_test: row.is_test,
            created_at: row.created_at,
            finished_at: row.finished_at,
            deadline_at: None,
            budget: None,
            parent: None,
            forked_from: None,
            steps: steps.into_iter().map(|step| step.into_view(run)).collect::<Result<_>>()?,
            artifacts: artifacts.into_iter().map(TryInto::try_into).collect::<Result<_>>()?,
        }))
    }
}
