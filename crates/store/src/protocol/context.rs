//! What attempts and decisions read: the frozen part of a run, and the latest artifacts.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;
use workflow::{AgentId, ArtifactId, Definition, RunId, StepKey, StepStatus, UserId};

use crate::{
    Result, Store,
    decode::{document, word},
    exact,
};

/// What stays the same about a run while it is on one version, as its steps need it.
#[derive(Clone, PartialEq, Debug)]
pub struct RunContext {
    pub version: i32,
    pub definition: Definition,
    pub inputs: BTreeMap<String, Value>,
    /// The agent versions that the run is pinned to, by definition key.
    pub agents: BTreeMap<StepKey, (AgentId, i32)>,
    pub user: UserId,
    pub is_test: bool,
}

/// The latest version of an artifact, as a step wants it.
#[derive(Clone, PartialEq, Debug)]
pub struct LatestArtifact {
    /// The step that wants it.
    pub step: i64,
    pub key: StepKey,
    pub name: String,
    pub id: ArtifactId,
    pub version: i32,
    /// Of what it means: of two equal values one.
    pub hash: String,
    pub media_type: String,
    /// Bytes of its content, known before they are read.
    pub size: i64,
}

/// An item of a map that is over.
#[derive(Clone, PartialEq, Debug)]
pub struct ItemOutput {
    pub status: StepStatus,
    /// Name to media type and bytes; empty where it did not complete.
    pub outputs: BTreeMap<String, (String, Vec<u8>)>,
}

/// The items of a map that are all over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ItemsAtEnd {
    pub n: i64,
    /// Failed or cancelled.
    pub n_failed: i64,
    /// Of the latest outputs of those that completed.
    pub bytes: i64,
}

impl Store {
    /// Deletes content that no artifact refers to and that was written long enough ago to belong to no open attempt.
    pub async fn collect_blobs(&self) -> Result<u64> {
        let deleted = sqlx::query!(
            "DELETE FROM blobs b WHERE b.created_at < clock_timestamp() - interval '25 hours'
                AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.content_hash = b.hash AND a.content IS NULL)",
        )
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }

    pub async fn run_contexts(&self, runs: &[RunId]) -> Result<BTreeMap<RunId, RunContext>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let rows = sqlx::query!(
            r#"SELECT r.id, r.template_version, r.run_definition, r.definition_text, r.inputs::text AS "inputs!", r.user_id, r.is_test,
                (SELECT jsonb_object_agg(s.key, jsonb_build_array(s.agent_id, s.agent_version))
                 FROM steps s WHERE s.run_id = r.id AND s.parent_id IS NULL) AS "agents!"
            FROM workflow_runs r WHERE r.id = ANY($1)"#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let context = RunContext {
                    version: row.template_version,
                    definition: exact::definition(
                        row.run_definition,
                        row.definition_text.as_deref(),
                        "workflow_runs",
                        "run_definition",
                        &row.id,
                    )?,
                    inputs: exact::inputs(&row.inputs, &row.id)?,
                    agents: document(row.agents, "steps", "agent_id", &row.id)?,
                    user: UserId(row.user_id),
                    is_test: row.is_test,
                };
                Ok((RunId(row.id), context))
            })
            .collect()
    }

    /// The latest artifacts that claimed steps read: (claimed step, key of the producer, name).
    pub async fn latest_artifacts(&self, wanted: &[(i64, StepKey, String)]) -> Result<Vec<LatestArtifact>> {
        let steps: Vec<i64> = wanted.iter().map(|(step, _, _)| *step).collect();
        let keys: Vec<&str> = wanted.iter().map(|(_, key, _)| key.as_str()).collect();
        let names: Vec<&str> = wanted.iter().map(|(_, _, name)| name.as_str()).collect();
        let rows = sqlx::query!(
            r#"SELECT w.step AS "step!", p.key, a.name, a.id, a.version, coalesce(h.value_hash, a.content_hash) AS "hash!", a.media_type, a.size
            FROM unnest($1::bigint[], $2::text[], $3::text[]) w(step, key, name)
            JOIN steps s ON s.id = w.step
            JOIN steps p ON p.run_id = s.run_id AND p.key = w.key
            JOIN artifacts a ON a.step_id = p.id AND a.name = w.name AND a.is_latest
            LEFT JOIN value_hashes h ON h.content_hash = a.content_hash AND a.media_type = 'application/json'"#,
            &steps,
            &keys as &[&str],
            &names as &[&str],
        )
        .fetch_all(&self.pool)
        .await?;
        let found = rows.into_iter().map(|row| LatestArtifact {
            step: row.step,
            key: row.key.as_str().into(),
            name: row.name,
            id: ArtifactId(row.id),
            version: row.version,
            hash: row.hash,
            media_type: row.media_type,
            size: row.size,
        });
        Ok(found.collect())
    }

    /// The bytes of versions.
    pub async fn contents(&self, ids: &[ArtifactId]) -> Result<Vec<(ArtifactId, Vec<u8>)>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = sqlx::query!("SELECT id, content_hash, size, content FROM artifacts WHERE id = ANY($1)", &ids)
            .fetch_all(&self.pool)
            .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let bytes = match row.content {
                Some(bytes) => bytes,
                None => self.blob(&row.content_hash, row.size).await?,
            };
            found.push((ArtifactId(row.id), bytes));
        }
        Ok(found)
    }

    /// What there is to collect, before any of it is read.
    pub async fn items_at_end(&self, map: i64) -> Result<ItemsAtEnd> {
        let items = sqlx::query_as!(
            ItemsAtEnd,
            r#"SELECT count(*) AS "n!", count(*) FILTER (WHERE s.status IN ('failed', 'cancelled')) AS "n_failed!",
                coalesce(sum((SELECT sum(a.size) FROM artifacts a WHERE a.step_id = s.id AND a.is_latest))
                    FILTER (WHERE s.status = 'completed'), 0)::bigint AS "bytes!"
            FROM steps s WHERE s.parent_id = $1 AND NOT s.superseded"#,
            map,
        );
        Ok(items.fetch_one(&self.pool).await?)
    }

    /// The items of a map in their order, with the latest outputs of those that completed.
    pub async fn item_outputs(&self, map: i64) -> Result<Vec<ItemOutput>> {
        let rows = sqlx::query!(
            r#"SELECT s.id, s.status, a.name AS "name?", a.media_type AS "media_type?", a.content_hash AS "hash?", a.size AS "size?", a.content
            FROM steps s LEFT JOIN artifacts a ON a.step_id = s.id AND a.is_latest AND s.status = 'completed'
            WHERE s.parent_id = $1 AND NOT s.superseded ORDER BY s.item_index, s.id"#,
            map,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut items: Vec<(i64, ItemOutput)> = Vec::new();
        for row in rows {
            if items.last().is_none_or(|(id, _)| *id != row.id) {
                let status = word(&row.status, "steps", "status", &row.id)?;
                items.push((row.id, ItemOutput { status, outputs: BTreeMap::new() }));
            }
            if let (Some(name), Some(media), Some(hash), Some(size), Some((_, item))) =
                (row.name, row.media_type, row.hash, row.size, items.last_mut())
            {
                let bytes = match row.content {
                    Some(bytes) => bytes,
                    None => self.blob(&hash, size).await?,
                };
                item.outputs.insert(name, (media, bytes));
            }
        }
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }

    /// Remembers the text of a prompt that an attempt is made with.
    pub async fn keep_prompt(&self, hash: &str, text: &str) -> Result<()> {
        sqlx::query!("INSERT INTO prompts (hash, text) VALUES ($1, $2) ON CONFLICT DO NOTHING", hash, text)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Prompt texts by hash.
    pub async fn prompts(&self, hashes: &[String]) -> Result<BTreeMap<String, String>> {
        let rows =
            sqlx::query!("SELECT hash, text FROM prompts WHERE hash = ANY($1)", hashes).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (row.hash, row.text)).collect())
    }
}
