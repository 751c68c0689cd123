//! Content that outside workers send and are given: piece by piece, however large, and only what is theirs.
//! Must never tell whether bytes were there before, nor hold more than one piece of them.

use uuid::Uuid;
use workflow::{
    RunId,
    id::{TokenId, WorkerId},
};

use crate::{
    Error, Result, Store,
    blobs::CHUNK,
    quotas::{Spent, left_of_day},
};

/// Content that arrives: kept under a name of its own until it is whole and has the hash that it was announced by.
#[derive(Debug)]
pub struct Upload {
    name: String,
    n: i32,
    size: i64,
}

impl Store {
    /// `id`: nobody else's.
    pub async fn begin_upload(&self, id: Uuid) -> Result<Upload> {
        let name = format!("upload:{id}");
        sqlx::query!("INSERT INTO blobs (hash, size) VALUES ($1, 0)", name).execute(&self.pool).await?;
        Ok(Upload { name, n: 0, size: 0 })
    }

    /// The next piece: of [`CHUNK`] bytes, but for the last one. What it has is counted for the token as it is written, whatever becomes of
    /// the upload: sending and breaking off is no way around it.
    pub async fn add_to_upload(&self, upload: &mut Upload, token: TokenId, piece: &[u8]) -> Result<()> {
        let n_bytes = i64::try_from(piece.len()).unwrap_or(i64::MAX);
        let max = self.limits.token_bytes_per_day.unwrap_or(i64::MAX);
        let written = sqlx::query!(
            "WITH counted AS (
                INSERT INTO worker_token_days AS known (token_id, day, bytes)
                SELECT $4::uuid, (clock_timestamp() AT TIME ZONE 'UTC')::date, $5::bigint WHERE $5 <= $6::bigint
                ON CONFLICT (token_id) DO UPDATE SET
                    day = excluded.day,
                    bytes = CASE WHEN known.day = excluded.day THEN known.bytes ELSE 0 END + excluded.bytes
                    WHERE CASE WHEN known.day = excluded.day THEN known.bytes ELSE 0 END <= $6 - excluded.bytes
                RETURNING token_id
            )
            INSERT INTO blob_chunks (hash, n, bytes) SELECT $1::text, $2::int, $3::bytea FROM counted",
            upload.name,
            upload.n,
            piece,
            token.0,
            n_bytes,
            max,
        )
        .execute(&self.pool)
        .await?;
        if written.rows_affected() == 0 {
            let mut session = self.pool.to_read().await?;
            let retry_after = left_of_day(&mut session).await?;
            return Err(Error::Quota(Spent::TokenBytesPerDay { max, retry_after }));
        }
        upload.n += 1;
        upload.size += n_bytes;
        Ok(())
    }

    /// It is whole and has this hash: the session may name and read it.
    pub async fn end_upload(&self, upload: Upload, hash: &str, session: WorkerId) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        let is_new = sqlx::query_scalar!(
            r#"INSERT INTO blobs (hash, size) VALUES ($1, $2)
            ON CONFLICT (hash) DO UPDATE SET created_at = clock_timestamp() RETURNING xmax = 0 AS "is_new!""#,
            hash,
            upload.size,
        )
        .fetch_one(&mut *tx)
        .await?;
        if is_new {
            // The bytes themselves stay where they are.
            sqlx::query!("UPDATE blob_chunks SET hash = $2 WHERE hash = $1", upload.name, hash)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query!("DELETE FROM blobs WHERE hash = $1", upload.name).execute(&mut *tx).await?;
        sqlx::query!(
            "INSERT INTO worker_blobs (session_id, hash) VALUES ($1, $2)
            ON CONFLICT (session_id, hash) DO UPDATE SET added_at = now()",
            session.0,
            hash,
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// It is not what it was said to be, or broke off.
    pub async fn drop_upload(&self, upload: Upload) -> Result<()> {
        sqlx::query!("DELETE FROM blobs WHERE hash = $1", upload.name).execute(&self.pool).await?;
        Ok(())
    }

    /// These may be read by the session, and named.
    pub async fn give_blobs(&self, session: WorkerId, hashes: &[String]) -> Result<()> {
        sqlx::query!(
            "INSERT INTO worker_blobs (session_id, hash) SELECT $1, h FROM unnest($2::text[]) AS h ORDER BY h
            ON CONFLICT (session_id, hash) DO UPDATE SET added_at = now()",
            session.0,
            hashes,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The size of content that is the session's to read and name.
    pub async fn blob_of_session(&self, session: WorkerId, hash: &str) -> Result<Option<i64>> {
        let size = sqlx::query_scalar!(
            "SELECT b.size FROM worker_blobs g JOIN blobs b ON b.hash = g.hash WHERE g.session_id = $1 AND g.hash = $2",
            session.0,
            hash,
        );
        Ok(size.fetch_optional(&self.pool).await?)
    }

    /// One piece of content, counted from 0.
    pub async fn blob_piece(&self, hash: &str, n: i32) -> Result<Option<Vec<u8>>> {
        let bytes = sqlx::query_scalar!("SELECT bytes FROM blob_chunks WHERE hash = $1 AND n = $2", hash, n);
        Ok(bytes.fetch_optional(&self.pool).await?)
    }

    /// All of it, which is the caller's to have bounded by its size.
    pub async fn whole_blob(&self, hash: &str, size: i64) -> Result<Vec<u8>> {
        self.blob(hash, size).await
    }

    /// Values of the run name these files: they are kept.
    pub async fn keep_files(&self, run: RunId, hashes: &[String]) -> Result<()> {
        sqlx::query!(
            "INSERT INTO run_files (run_id, hash) SELECT $1, h FROM unnest($2::text[]) AS h ORDER BY h ON CONFLICT DO NOTHING",
            run.0,
            hashes,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Values of one run are taken over by another, and the files that they name with them.
    pub async fn share_files(&self, from: RunId, to: RunId) -> Result<()> {
        sqlx::query!(
            "INSERT INTO run_files (run_id, hash) SELECT $2, f.hash FROM run_files f WHERE f.run_id = $1 ORDER BY f.hash
            ON CONFLICT DO NOTHING",
            from.0,
            to.0,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Those of these files that a run, or one around it, was given by an agent. A hash alone opens nothing: whoever typed it may have
    /// read it anywhere.
    pub async fn files_of_run(&self, run: RunId, hashes: &[String]) -> Result<Vec<String>> {
        let hashes = sqlx::query_scalar!(
            r#"WITH RECURSIVE around AS (
                SELECT $1::uuid AS id
                UNION
                SELECT r.parent_run FROM around a JOIN workflow_runs r ON r.id = a.id WHERE r.parent_run IS NOT NULL
            )
            SELECT DISTINCT f.hash AS "hash!" FROM run_files f WHERE f.run_id IN (SELECT id FROM around) AND f.hash = ANY ($2)"#,
            run.0,
            hashes,
        );
        Ok(hashes.fetch_all(&self.pool).await?)
    }
}

/// Bytes of one piece.
pub const PIECE: usize = CHUNK;
