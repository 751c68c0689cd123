//! A run that was set aside goes on again: an admin said so, who knows why it was. Its rows are made anew from its log, under the lock of
//! the run, and looked at before anybody sees them.
//!
//! The head stays: it is the last commit of the log, what was decided on it was decided on the log, and the rows are what that log tells.
//! Must never make up an event, nor content: a log with a gap, and a version whose bytes are gone, are refused with words.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use runs::{
    Outcome, RunCommit, Seen,
    rows::{Rows, Summary},
};
use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;
use workflow::{
    RunId,
    run::{RunEvent, State, state::Version},
};

use super::{
    failed,
    load::{Read, read},
    statement::{self, Head},
    verify::{Rendered, differences, stored},
};
use crate::{
    Result, Store,
    audit::{self, Author},
};

/// What became of the wish that a run goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Release {
    /// It goes on. So many of its rows were not what its log tells, those among them that were taken away as it was set aside.
    Done {
        n_mended: usize,
    },
    Missing,
    /// Nothing keeps it from going on.
    NotAside,
    /// Nothing can be made of what is there.
    Broken {
        reason: String,
    },
}

/// Bytes that are gone, or are not those that the log tells of. Large ones stand elsewhere, under their hash; a copy that was committed
/// with what it copies finds them there.
const LOST_CONTENT: &str = "
SELECT t.label FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::uuid[], $5::text[]) AS t (id, hash, size, copy_of, label)
LEFT JOIN artifacts a ON a.id = t.id
LEFT JOIN artifacts c ON c.id = t.copy_of AND a.content IS NULL
CROSS JOIN LATERAL (SELECT coalesce(a.content, c.content) AS bytes) found
WHERE a.id IS NULL OR CASE
    WHEN found.bytes IS NULL THEN NOT EXISTS (SELECT FROM blobs b WHERE b.hash = t.hash)
    ELSE length(found.bytes) <> t.size OR encode(sha256(found.bytes), 'hex') <> t.hash END
LIMIT 1";

/// All that a version is but its bytes.
const MEND_ARTIFACTS: &str = "
UPDATE artifacts a SET
    run_id = t.run_id, step = t.step, name = t.name, version = t.version, media_type = t.media_type, content_hash = t.content_hash,
    value_hash = t.value_hash, size = t.size, origin = t.origin, attempt = t.attempt, parent = t.parent, made_by = t.made_by,
    copy_of = t.copy_of, created_at = t.created_at
FROM unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[],
    $11::int[], $12::uuid[], $13::uuid[], $14::uuid[], $15::timestamptz[]
) AS t (
    id, run_id, step, name, version, media_type, content_hash, value_hash, size, origin, attempt, parent, made_by, copy_of, created_at
)
WHERE a.id = t.id AND (
    a.run_id, a.step, a.name, a.version, a.media_type, a.content_hash, a.value_hash, a.size, a.origin, a.attempt, a.parent, a.made_by,
    a.copy_of, a.created_at
) IS DISTINCT FROM (
    t.run_id, t.step, t.name, t.version, t.media_type, t.content_hash, t.value_hash, t.size, t.origin, t.attempt, t.parent, t.made_by,
    t.copy_of, t.created_at
)";

/// What a commit never changes in a run's row, and the counts, to which it adds.
const BEGIN_ANEW: &str = "
UPDATE workflow_runs SET
    user_id = $2, template_id = $3, is_test = $4, parent_run = $5, created_at = $6, about = $7, n_steps = 0, n_items = 0,
    n_completed = 0, n_skipped = 0, n_failed = 0, n_cancelled = 0, n_waiting = 0
WHERE id = $1";

/// Rows that are written anew, all of them.
const CLEAR: [&str; 6] = [
    "DELETE FROM steps WHERE run_id = $1",
    "DELETE FROM reviews WHERE run_id = $1",
    "DELETE FROM attempts WHERE run_id = $1",
    "DELETE FROM artifact_heads WHERE run_id = $1",
    "DELETE FROM review_ends WHERE run_id = $1",
    "DELETE FROM review_deciders WHERE run_id = $1",
];

impl Store {
    /// Lets a run go on that was set aside, if its log is whole: all in one transaction, with the entry in the audit log.
    pub async fn release_run(&self, run: RunId, author: Author) -> Result<Release> {
        let mut tx = self.pool.begin().await?;
        let lock = "SELECT quarantine FROM workflow_runs WHERE id = $1 FOR NO KEY UPDATE";
        let found: Option<(Option<String>,)> = sqlx::query_as(lock).bind(run.0).fetch_optional(&mut *tx).await?;
        let Some((reason,)) = found else { return Ok(Release::Missing) };
        let Some(was) = reason else { return Ok(Release::NotAside) };
        match mend(&mut tx, run).await {
            Ok(Ok(n_mended)) => {
                let data = json!({"reason": was, "n_mended": n_mended});
                audit::append(&mut tx, author, "run.released", &run.to_string(), data).await?;
                tx.commit().await?;
                Ok(Release::Done { n_mended })
            }
            Ok(Err(reason)) => Ok(Release::Broken { reason }),
            // Such as one of two rows in each other's place.
            Err(error) => match failed::refused_value(&error) {
                Some(reason) => Ok(Release::Broken { reason }),
                None => Err(error.into()),
            },
        }
    }
}

/// How many rows were not what they are now; or why nothing can be made of the run.
async fn mend(tx: &mut Transaction<'_, Postgres>, run: RunId) -> sqlx::Result<Result<usize, String>> {
    sqlx::query("UPDATE workflow_runs SET quarantine = NULL WHERE id = $1").bind(run.0).execute(&mut **tx).await?;
    let (seen, events) = match read(tx, &[(run, None)]).await?.remove(&run) {
        Some(Read::Run { seen, events }) => (seen, events),
        Some(other) => return Ok(Err(other.reason())),
        None => return Ok(Err("there is no row".to_owned())),
    };
    let wrong = differences(&events, &rows_of(tx, run).await?);
    let events_alone: Vec<RunEvent> = events.iter().map(|logged| RunEvent::clone(&logged.event)).collect();
    // What it told others was told: only its rows are made anew.
    let mut rows = Rows { tells: Vec::new(), ..Rows::of(&State::empty(), &events_alone) };
    let versions = std::mem::take(&mut rows.artifacts);
    if let Some(lost) = lost_content(tx, &versions).await? {
        return Ok(Err(format!("the content of {lost} is gone, or is not the one that the log tells of")));
    }
    clear(tx, &rows.summary).await?;
    mend_artifacts(tx, run, &versions).await?;
    if let Some(reason) = write(tx, run, seen, rows).await? {
        return Ok(Err(reason));
    }
    Ok(match differences(&events, &rows_of(tx, run).await?).first() {
        None => Ok(wrong.len()),
        Some(left) => Err(format!("its rows could not be made anew: {left}")),
    })
}

async fn rows_of(connection: &mut PgConnection, run: RunId) -> sqlx::Result<Rendered> {
    Ok(stored(connection, &[run]).await?.remove(&run).unwrap_or_default())
}

/// The first version whose bytes are not there.
async fn lost_content(connection: &mut PgConnection, versions: &[Version]) -> sqlx::Result<Option<String>> {
    let label = |of: &Version| format!("{}.{}#{}", of.producing_step_id, of.name, of.version);
    sqlx::query_scalar(LOST_CONTENT)
        .bind(versions.iter().map(|of| of.id.0).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.content_hash.as_str()).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.size).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.copy_of.map(|id| id.0)).collect::<Vec<_>>())
        .bind(versions.iter().map(label).collect::<Vec<_>>())
        .fetch_optional(connection)
        .await
}

/// Leaves the run as if nothing had been written of it yet.
async fn clear(connection: &mut PgConnection, of: &Summary) -> sqlx::Result<()> {
    for sql in CLEAR {
        sqlx::query(sql).bind(of.run.0).execute(&mut *connection).await?;
    }
    sqlx::query(BEGIN_ANEW)
        .bind(of.run.0)
        .bind(of.user.0)
        .bind(of.template.0)
        .bind(of.is_test)
        .bind(of.parent.map(|run| run.0))
        .bind(of.created_at)
        .bind(of.about.as_deref())
        .execute(connection)
        .await?;
    Ok(())
}

/// In their places: their bytes stand nowhere else.
async fn mend_artifacts(connection: &mut PgConnection, run: RunId, versions: &[Version]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = versions.iter().map(|of| of.id.0).collect();
    let untold = "DELETE FROM artifacts a WHERE a.run_id = $1 AND NOT EXISTS (SELECT FROM unnest($2::uuid[]) AS t (id) WHERE t.id = a.id)";
    sqlx::query(untold).bind(run.0).bind(&ids).execute(&mut *connection).await?;
    sqlx::query(MEND_ARTIFACTS)
        .bind(&ids)
        .bind(vec![run.0; ids.len()])
        .bind(versions.iter().map(|of| of.producing_step_id.as_str()).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.name.as_str()).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.version).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.media_type.as_str()).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.content_hash.as_str()).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.value_hash.as_deref()).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.size).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.origin.as_str()).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.attempt).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.parent.map(|id| id.0)).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.made_by.map(|user| user.0)).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.copy_of.map(|id| id.0)).collect::<Vec<_>>())
        .bind(versions.iter().map(|of| of.created_at).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// By the statement that writes every commit, without an event: from its head to its head. What kept it from being written, if anything.
async fn write(connection: &mut PgConnection, run: RunId, seen: Seen, rows: Rows) -> sqlx::Result<Option<String>> {
    let decided_at: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut *connection).await?;
    let commit = RunCommit {
        run,
        id: seen.head,
        expected: Some(seen.head),
        expected_seq: seen.seq,
        decided_at,
        parts: Vec::new(),
        rows,
        start: None,
        worker: None,
        holds: BTreeSet::new(),
        frees: BTreeSet::new(),
        n_rows: 0,
        n_bytes: 0,
    };
    let answer = statement::commit(connection, Head::GoOn, &[&commit], None).await?;
    Ok(match answer.outcomes.first() {
        Some(Outcome::Written) => None,
        other => Some(format!("its rows could not be written: {other:?}")),
    })
}
