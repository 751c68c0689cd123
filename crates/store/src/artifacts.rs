//! Artifacts by their ids and names: their versions, and their content. The caller has made sure that the run may be seen.
//! It only reads: versions are written by the commit that makes them, and none ever changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{ArtifactId, RunId, StepKey, api::Page, view::ArtifactMeta};

use crate::{Error, Result, Store, Window, decode::word};

struct ArtifactRow {
    id: Uuid,
    step: String,
    name: String,
    version: i32,
    is_latest: bool,
    content_hash: String,
    value_hash: Option<String>,
    media_type: String,
    size: i64,
    origin: String,
    attempt: Option<i32>,
    parent: Option<Uuid>,
    made_by: Option<String>,
    is_approved: bool,
    created_at: DateTime<Utc>,
}

impl TryFrom<ArtifactRow> for ArtifactMeta {
    type Error = Error;

    fn try_from(row: ArtifactRow) -> Result<Self> {
        Ok(Self {
            origin: word(&row.origin, "artifacts", "origin", &row.id)?,
            id: ArtifactId(row.id),
            producing_step_id: row.step.as_str().into(),
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
            // Who it was stands in the log alone, and the view of the run tells it.
            approved_by: Vec::new(),
            created_at: row.created_at,
        })
    }
}

impl Store {
    /// Bytes and media type of an artifact of a run, before any of it is read.
    pub async fn artifact_size(&self, run: RunId, id: ArtifactId) -> Result<Option<(i64, String)>> {
        let row = sqlx::query!("SELECT size, media_type FROM artifacts WHERE run_id = $1 AND id = $2", run.0, id.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| (row.size, row.media_type)))
    }

    /// An artifact of a run with its bytes.
    pub async fn artifact(&self, run: RunId, id: ArtifactId) -> Result<Option<(ArtifactMeta, Vec<u8>)>> {
        let row = sqlx::query_as!(
            ArtifactRow,
            r#"SELECT a.id, a.step, a.name, a.version, h.latest = a.version AS "is_latest!", a.content_hash, a.value_hash, a.media_type, a.size,
                a.origin, a.attempt, a.parent, u.email AS "made_by?", a.version = ANY(h.approved) AS "is_approved!", a.created_at
            FROM artifacts a JOIN artifact_heads h ON h.run_id = a.run_id AND h.step = a.step AND h.name = a.name
                LEFT JOIN users u ON u.id = a.made_by
            WHERE a.run_id = $1 AND a.id = $2"#,
            run.0,
            id.0,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let bytes = self.artifact_contents(&[id]).await?.remove(&id);
        let bytes = bytes.ok_or(Error::Inconsistent { table: "artifacts", column: "content", row: id.to_string() })?;
        Ok(Some((row.try_into()?, bytes)))
    }

    /// Versions of one artifact, or of all artifacts of a step, oldest first.
    pub async fn artifact_versions(
        &self,
        run: RunId,
        step: Option<&StepKey>,
        name: Option<&str>,
        window: Window<'_>,
    ) -> Result<Page<ArtifactMeta>> {
        let after: Option<Uuid> = window.after.and_then(|after| after.parse().ok());
        let rows = sqlx::query_as!(
            ArtifactRow,
            r#"SELECT a.id, a.step, a.name, a.version, h.latest = a.version AS "is_latest!", a.content_hash, a.value_hash, a.media_type, a.size,
                a.origin, a.attempt, a.parent, u.email AS "made_by?", a.version = ANY(h.approved) AS "is_approved!", a.created_at
            FROM artifacts a JOIN artifact_heads h ON h.run_id = a.run_id AND h.step = a.step AND h.name = a.name
                LEFT JOIN users u ON u.id = a.made_by
            WHERE a.run_id = $1 AND ($2::text IS NULL OR a.step = $2) AND ($3::text IS NULL OR a.name = $3)
                AND ($4::uuid IS NULL OR (a.step COLLATE "C", a.name COLLATE "C", a.version) > (
                    SELECT b.step COLLATE "C", b.name COLLATE "C", b.version FROM artifacts b WHERE b.run_id = $1 AND b.id = $4))
            ORDER BY a.step COLLATE "C", a.name COLLATE "C", a.version LIMIT $5"#,
            run.0,
            step.map(StepKey::as_str),
            name,
            after,
            window.to_read(),
        )
        .fetch_all(&self.pool)
        .await?;
        let metas = rows.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
        Ok(window.page(metas, |meta: &ArtifactMeta| meta.id.to_string()))
    }

    /// The first `most` bytes of versions, whichever run they are of; those that are not there are left out. Of what is large only its
    /// first piece is read.
    pub async fn artifact_beginnings(&self, ids: &[ArtifactId], most: i32) -> Result<BTreeMap<ArtifactId, Vec<u8>>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            r#"SELECT a.id AS "id!", substring(coalesce(a.content, c.content, b.bytes) FROM 1 FOR $2::int) AS bytes
            FROM artifacts a LEFT JOIN artifacts c ON c.id = a.copy_of AND a.content IS NULL
                LEFT JOIN blob_chunks b ON b.hash = a.content_hash AND b.n = 0 AND a.content IS NULL AND c.content IS NULL
            WHERE a.id = ANY($1)"#,
            &ids,
            most,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().filter_map(|row| Some((ArtifactId(row.id), row.bytes?))).collect())
    }

    /// The bytes of versions, whichever run they are of; those that are not there are left out.
    pub async fn artifact_contents(&self, ids: &[ArtifactId]) -> Result<BTreeMap<ArtifactId, Vec<u8>>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        // A copy that was committed together with what it copies could not take its bytes over.
        let rows = sqlx::query!(
            r#"SELECT a.id AS "id!", a.content_hash AS "content_hash!", a.size AS "size!", coalesce(a.content, c.content) AS content
            FROM artifacts a LEFT JOIN artifacts c ON c.id = a.copy_of AND a.content IS NULL WHERE a.id = ANY($1)"#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut found = BTreeMap::new();
        for row in rows {
            let bytes = match row.content {
                Some(bytes) => bytes,
                None => self.blob(&row.content_hash, row.size).await?,
            };
            found.insert(ArtifactId(row.id), bytes);
        }
        Ok(found)
    }
}
