//! What the text outputs of runs say, as words to look for, what they used, what they rested, and whether anything of them is stale:
//! written after the commits, by whoever does the chores. A run is read again when it was committed since.
//! Must never be part of a commit, nor write a row of the engine's, nor be asked by anything but lists.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::RunId;

use super::{counting::rested_ms, lexemes};
use crate::{Result, Store, chores};

/// Runs that are read in one go.
const MOST_RUNS: i64 = 100;
/// Outputs of one run that are read, items too.
const MOST_OUTPUTS: i64 = 200;
/// Bytes of the words of one run: the database takes 1 MiB.
const MOST_BYTES: usize = 400_000;

/// Bytes of outputs after which the rest is left to another go: no transaction is long.
const MOST_READ: usize = 16 * 1024 * 1024;

/// Runs that were committed since they were read, the newest first, since those are looked for. One that goes on is read when it is quiet
/// for a moment, or was read a minute ago. The condition that always holds is in the words of the index that has that order.
const BEHIND: &str = "SELECT r.id, r.committed_at, concat_ws(' ', r.template_name, r.about) FROM workflow_runs r LEFT JOIN run_texts t ON t.run_id = r.id
    WHERE NOT r.is_test AND r.parent_run IS NULL AND r.created_at > '-infinity' AND (t.run_id IS NULL OR t.as_of < r.committed_at)
        AND (r.finished_at IS NOT NULL OR r.committed_at < now() - interval '5 seconds' OR t.as_of < now() - interval '1 minute')
    ORDER BY r.created_at DESC, r.id DESC
    LIMIT $1";

/// The first 64 KiB of each text that is the latest of its output, wherever its bytes stand.
const TEXTS: &str = "SELECT substring(coalesce(a.content, c.content, b.bytes) FROM 1 FOR 65536)
    FROM artifact_heads h
    JOIN artifacts a ON a.run_id = h.run_id AND a.step = h.step AND a.name = h.name AND a.version = h.latest
    LEFT JOIN artifacts c ON c.id = a.copy_of AND a.content IS NULL
    LEFT JOIN blob_chunks b ON b.hash = a.content_hash AND b.n = 0 AND a.content IS NULL AND c.content IS NULL
    WHERE h.run_id = $1 AND (a.media_type LIKE 'text/%' OR btrim(split_part(a.media_type, ';', 1)) = 'application/json')
    ORDER BY h.step, h.name
    LIMIT $2";

/// Runs whose steps are judged in one go.
const MOST_JUDGED: i64 = 50;

/// Whether it has to be worked out if anything of the run `$1` is stale: nothing is where every step ran once, on one version of the workflow,
/// and no person wrote anything.
macro_rules! may_be_stale {
    () => {
        "(EXISTS (SELECT FROM artifacts v WHERE v.run_id = $1 AND (v.version > 1 OR v.origin <> 'agent'))
            OR EXISTS (SELECT FROM attempts g WHERE g.run_id = $1 AND g.generation > 1)
            OR (SELECT w.template_version FROM workflow_runs w WHERE w.id = $1) IS DISTINCT FROM (
                SELECT (e.event #>> '{data,started,template_version}')::int FROM run_events e WHERE e.run_id = $1 AND e.seq = 1))"
    };
}

const KEEP: &str = concat!(
    "INSERT INTO run_texts (run_id, as_of, words, cost_micros, tokens, rested_ms, is_stale)
    SELECT $1::uuid, $2::timestamptz, array_to_tsvector($3::text[]), coalesce(sum(a.cost_micros), 0)::bigint,
        coalesce(sum(coalesce(a.prompt_tokens, 0) + coalesce(a.completion_tokens, 0)), 0)::bigint, (SELECT ",
    rested_ms!(),
    " FROM (SELECT $1::uuid AS id) r),
        CASE WHEN NOT ",
    may_be_stale!(),
    " THEN false END
    FROM attempts a WHERE a.run_id = $1
    ON CONFLICT (run_id) DO UPDATE
    SET as_of = excluded.as_of, words = excluded.words, cost_micros = excluded.cost_micros, tokens = excluded.tokens,
        rested_ms = excluded.rested_ms, is_stale = excluded.is_stale"
);

impl Store {
    /// Reads the texts of some runs that are behind, and says whether there may be more. Nothing where another process does it just now.
    pub async fn read_run_texts(&self) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        if !chores::take(&mut tx, "run_texts").await? {
            return Ok(false);
        }
        let behind: Vec<(Uuid, DateTime<Utc>, String)> =
            sqlx::query_as(BEHIND).bind(MOST_RUNS).fetch_all(&mut *tx).await?;
        let (mut n_runs, mut n_read) = (0, 0);
        for (run, committed_at, about) in &behind {
            if n_read >= MOST_READ {
                break;
            }
            n_runs += 1;
            let texts: Vec<Option<Vec<u8>>> =
                sqlx::query_scalar(TEXTS).bind(run).bind(MOST_OUTPUTS).fetch_all(&mut *tx).await?;
            let (mut words, mut n_bytes) = (BTreeSet::new(), 0);
            lexemes::add(about, &mut words, &mut n_bytes, MOST_BYTES);
            for text in texts.iter().flatten() {
                n_read += text.len();
                if n_bytes >= MOST_BYTES {
                    break;
                }
                // To cut one takes milliseconds, in which others want the thread.
                tokio::task::yield_now().await;
                lexemes::add(&String::from_utf8_lossy(text), &mut words, &mut n_bytes, MOST_BYTES);
            }
            let words: Vec<String> = words.into_iter().collect();
            sqlx::query(KEEP).bind(run).bind(committed_at).bind(&words).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(n_runs < behind.len() || i64::try_from(behind.len()) == Ok(MOST_RUNS))
    }

    /// Runs of which is yet to be worked out whether anything is stale, with the commit up to which they were read.
    pub async fn unjudged_runs(&self) -> Result<Vec<(RunId, DateTime<Utc>)>> {
        let sql = "SELECT run_id, as_of FROM run_texts WHERE is_stale IS NULL LIMIT $1";
        let runs: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(sql).bind(MOST_JUDGED).fetch_all(&self.pool).await?;
        Ok(runs.into_iter().map(|(run, as_of)| (RunId(run), as_of)).collect())
    }

    /// Keeps what was worked out, unless the run was read anew since.
    pub async fn keep_is_stale(&self, run: RunId, as_of: DateTime<Utc>, is_stale: bool) -> Result<()> {
        sqlx::query("UPDATE run_texts SET is_stale = $3 WHERE run_id = $1 AND as_of = $2")
            .bind(run.0)
            .bind(as_of)
            .bind(is_stale)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
