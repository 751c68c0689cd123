//! What the text outputs of runs say, as words to look for, and what they cost, to sort by: written after the commits, by whoever does the chores. A run is read again when
//! it was committed since. Must never be part of a commit, nor write a row of the engine's.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::lexemes;
use crate::{Result, Store};

/// Runs that are read in one go.
const MOST_RUNS: i64 = 100;
/// Outputs of one run that are read, items too.
const MOST_OUTPUTS: i64 = 200;
/// Bytes of the words of one run: the database takes 1 MiB.
const MOST_BYTES: usize = 400_000;

/// Runs that were committed since they were read. One that goes on is read when it is quiet for a moment, or was read a minute ago.
const BEHIND: &str = "SELECT r.id, r.committed_at, concat_ws(' ', r.template_name, r.about) FROM workflow_runs r LEFT JOIN run_texts t ON t.run_id = r.id
    WHERE NOT r.is_test AND r.parent_run IS NULL AND (t.run_id IS NULL OR t.as_of < r.committed_at)
        AND (r.finished_at IS NOT NULL OR r.committed_at < now() - interval '5 seconds' OR t.as_of < now() - interval '1 minute')
    LIMIT $1";

/// The first 64 KiB of each text that is the latest of its output.
const TEXTS: &str = "SELECT coalesce(
        substring(a.content FROM 1 FOR 65536),
        (SELECT substring(c.bytes FROM 1 FOR 65536) FROM blob_chunks c WHERE c.hash = a.content_hash AND c.n = 0)
    )
    FROM artifact_heads h
    JOIN artifacts a ON a.run_id = h.run_id AND a.step = h.step AND a.name = h.name AND a.version = h.latest
    WHERE h.run_id = $1 AND (a.media_type LIKE 'text/%' OR a.media_type = 'application/json')
    LIMIT $2";

impl Store {
    /// Reads the texts of some runs that are behind, and says whether there may be more. Nothing where another process does it just now.
    pub async fn read_run_texts(&self) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let is_free: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended('weft.run_texts', 0))")
                .fetch_one(&mut *tx)
                .await?;
        if !is_free {
            return Ok(false);
        }
        let behind: Vec<(Uuid, DateTime<Utc>, String)> =
            sqlx::query_as(BEHIND).bind(MOST_RUNS).fetch_all(&mut *tx).await?;
        for (run, committed_at, about) in &behind {
            let texts: Vec<Option<Vec<u8>>> =
                sqlx::query_scalar(TEXTS).bind(run).bind(MOST_OUTPUTS).fetch_all(&mut *tx).await?;
            let (mut words, mut n_bytes) = (BTreeSet::new(), 0);
            lexemes::add(about, &mut words, &mut n_bytes, MOST_BYTES);
            for text in texts.iter().flatten() {
                lexemes::add(&String::from_utf8_lossy(text), &mut words, &mut n_bytes, MOST_BYTES);
            }
            let words: Vec<String> = words.into_iter().collect();
            sqlx::query(
                "INSERT INTO run_texts (run_id, as_of, words, cost_micros)
                SELECT $1::uuid, $2::timestamptz, array_to_tsvector($3::text[]), coalesce(sum(a.cost_micros), 0)::bigint
                FROM attempts a WHERE a.run_id = $1
                ON CONFLICT (run_id) DO UPDATE
                SET as_of = excluded.as_of, words = excluded.words, cost_micros = excluded.cost_micros",
            )
            .bind(run)
            .bind(committed_at)
            .bind(&words)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(i64::try_from(behind.len()) == Ok(MOST_RUNS))
    }
}
