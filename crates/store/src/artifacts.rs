//! Artifacts: their content, their versions, and the chunks of what is too large for the completion call.
//! Content is never truncated and never changes: a version's bytes always have its hash.

use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{ArtifactId, RunId, StepKey, UserId, api::Page, view::ArtifactMeta};

use crate::{Error, Result, Store, Window, runs::ArtifactRow};

/// Bytes of one chunk.
const CHUNK: usize = 1024 * 1024;

impl Store {
    /// An artifact of a run with its bytes. The caller has made sure that the run may be seen.
    pub async fn artifact(&self, run: RunId, id: ArtifactId) -> Result<Option<(ArtifactMeta, Vec<u8>)>> {
        let Some(row) = sqlx::query!(
            r#"SELECT a.id, s.key, a.name, a.version, a.is_latest, a.content_hash, h.value_hash AS "value_hash?", a.media_type, a.size, a.origin, a.attempt,
                a.parent, u.email AS "made_by?", a.is_approved, a.created_at, a.content
            FROM artifacts a JOIN steps s ON s.id = a.step_id LEFT JOIN users u ON u.id = a.made_by
                LEFT JOIN value_hashes h ON h.content_hash = a.content_hash AND a.media_type = 'application/json'
            WHERE a.run_id = $1 AND a.id = $2"#,
            run.0,
            id.0,
        )
        .fetch_optional(&self.pool)
        .await?
        else {
            return Ok(None);
        };
        let bytes = match row.content {
            Some(bytes) => bytes,
            None => self.blob(&row.content_hash, row.size).await?,
        };
        let meta = ArtifactRow {
            id: row.id,
            key: row.key,
            name: row.name,
            version: row.version,
            is_latest: row.is_latest,
            content_hash: row.content_hash,
            value_hash: row.value_hash,
            media_type: row.media_type,
            size: row.size,
            origin: row.origin,
            attempt: row.attempt,
            parent: row.parent,
            made_by: row.made_by,
            is_approved: row.is_approved,
            created_at: row.created_at,
        };
        Ok(Some((meta.try_into()?, bytes)))
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
            r#"SELECT a.id, s.key, a.name, a.version, a.is_latest, a.content_hash, h.value_hash AS "value_hash?", a.media_type, a.size, a.origin, a.attempt,
                a.parent, u.email AS "made_by?", a.is_approved, a.created_at
            FROM artifacts a JOIN steps s ON s.id = a.step_id LEFT JOIN users u ON u.id = a.made_by
                LEFT JOIN value_hashes h ON h.content_hash = a.content_hash AND a.media_type = 'application/json'
            WHERE a.run_id = $1 AND ($2::text IS NULL OR s.key = $2) AND ($3::text IS NULL OR a.name = $3)
                AND ($4::uuid IS NULL OR (s.key COLLATE "C", a.name COLLATE "C", a.version) > (
                    SELECT t.key COLLATE "C", b.name COLLATE "C", b.version FROM artifacts b JOIN steps t ON t.id = b.step_id
                    WHERE b.run_id = $1 AND b.id = $4))
            ORDER BY s.key COLLATE "C", a.name COLLATE "C", a.version LIMIT $5"#,
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

    /// Writes large content before its artifact is committed. Content-addressed, so writing it twice is harmless.
    pub async fn put_blob(&self, hash: &str, bytes: &[u8]) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        put_blob(&mut tx, hash, bytes).await?;
        Ok(tx.commit().await?)
    }

    /// The same for a person, who is charged for what was not there before.
    pub async fn put_blob_of(&self, user: UserId, hash: &str, bytes: &[u8]) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        if put_blob(&mut tx, hash, bytes).await? {
            self.limits.charge(&mut tx, user, bytes.len()).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(crate) async fn blob(&self, hash: &str, size: i64) -> Result<Vec<u8>> {
        let chunks = sqlx::query_scalar!("SELECT bytes FROM blob_chunks WHERE hash = $1 ORDER BY n", hash)
            .fetch_all(&self.pool)
            .await?;
        let bytes = chunks.concat();
        // A truncated artifact must never be taken for a whole one.
        if i64::try_from(bytes.len()) != Ok(size) || hex::encode(Sha256::digest(&bytes)) != hash {
            return Err(Error::Inconsistent { table: "blob_chunks", column: "bytes", row: hash.to_owned() });
        }
        Ok(bytes)
    }
}

/// Whether it was not there before.
async fn put_blob(connection: &mut PgConnection, hash: &str, bytes: &[u8]) -> Result<bool> {
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    // Written again, it is young again: the collection of orphans must not take it before its artifact is committed.
    let is_new = sqlx::query_scalar!(
        r#"INSERT INTO blobs (hash, size) VALUES ($1, $2)
            ON CONFLICT (hash) DO UPDATE SET created_at = clock_timestamp()
            RETURNING xmax = 0 AS "is_new!""#,
        hash,
        size,
    )
    .fetch_one(&mut *connection)
    .await?;
    if is_new {
        for (n, chunk) in (0..).zip(bytes.chunks(CHUNK)) {
            sqlx::query!("INSERT INTO blob_chunks (hash, n, bytes) VALUES ($1, $2, $3)", hash, n, chunk)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(is_new)
}
