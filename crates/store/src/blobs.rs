//! Content that is too large to go with a commit: addressed by its SHA-256, in chunks, written before the commit that needs it.
//! It never changes and is never truncated: what is read has the hash that it was asked for by.

use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use workflow::UserId;

use crate::{Error, Result, Store};

/// Bytes of one chunk.
pub(crate) const CHUNK: usize = 1024 * 1024;

impl Store {
    /// Content-addressed, so writing it twice is harmless.
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

    /// Deletes content that no artifact refers to and that was written long enough ago to belong to no open attempt. Default outputs stand
    /// in definitions, and are written with the commit that needs them.
    pub async fn collect_blobs(&self) -> Result<u64> {
        let deleted = sqlx::query!(
            "DELETE FROM blobs b WHERE b.created_at < clock_timestamp() - interval '25 hours'
                AND NOT EXISTS (SELECT FROM artifacts a WHERE a.content_hash = b.hash AND a.content IS NULL)
                AND NOT EXISTS (SELECT FROM run_files f WHERE f.hash = b.hash)",
        )
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
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
