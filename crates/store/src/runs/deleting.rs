//! Deleting runs: asked for, taken back until it is done, done by whoever does the chores, and cleared away afterwards.
//!
//! A run is deleted with its sub-workflows by one transaction, which locks their rows as a commit does: where nothing was committed since
//! it was asked, all are over and nothing is on its way to one of them, the rows of their heads go, and their ids are kept for good. From
//! then on the run is as one that never was: no commit finds its head, none begins under its id, nobody reads it. What stood beside the
//! heads goes later, in pieces, once nothing that began before can still be at work.
//! Must never delete a run that goes on or went on, and never take content away that a run which stays copied.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{RunId, UserId};

use crate::{
    Error, Result, Store,
    audit::{self, Author},
};

/// So long somebody may take it back, in seconds.
const UNDO: i32 = 30;
/// So long one that is not at rest, or that somebody holds, takes no place among those that are due, in seconds; and one that goes by its
/// age.
const RETRY: i32 = 10;
const RETRY_OLD: i32 = 3_600;
/// Runs that are deleted in one go.
const MOST_RUNS: i64 = 200;
/// Deleted runs that are cleared away in one go.
const MOST_CLEARED: usize = 20;
/// Rows of one table that are cleared away by one statement.
const MOST_ROWS: i64 = 2_000;

/// What keeps a run from being deleted, or goes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deletable {
    /// It is the sub-workflow of another run, and goes with that one.
    pub is_part: bool,
    /// It or a sub-workflow of it is not over.
    pub goes_on: bool,
    /// Its sub-workflows, and theirs.
    pub n_parts: i64,
}

/// Runs that are over for so many days, the oldest first: as if somebody had asked, with nobody to take it back. Those that are asked for
/// already, or were not at rest a while ago, take no place among them.
const OLD: &str = "INSERT INTO run_labels (run_id, delete_at, delete_head)
    SELECT r.id, clock_timestamp(), r.head FROM workflow_runs r
    WHERE NOT r.is_test AND r.parent_run IS NULL AND r.created_at > '-infinity'
        AND r.created_at < now() - make_interval(days => $1) AND r.finished_at < now() - make_interval(days => $1)
        AND NOT EXISTS (
            SELECT FROM run_labels l
            WHERE l.run_id = r.id AND (l.delete_at IS NOT NULL OR l.retry_at > clock_timestamp()))
    ORDER BY r.created_at, r.id LIMIT $2
    ON CONFLICT (run_id) DO UPDATE SET delete_at = excluded.delete_at, delete_head = excluded.delete_head WHERE run_labels.delete_at IS NULL";

/// What people asked for goes before what is old.
const DUE: &str = "SELECT run_id FROM run_labels
    WHERE delete_at <= clock_timestamp() AND (retry_at IS NULL OR retry_at <= clock_timestamp())
    ORDER BY deleted_by IS NULL, delete_at LIMIT $1";

/// A run with its sub-workflows, and theirs.
macro_rules! tree {
    () => {
        "WITH RECURSIVE tree AS (
            SELECT r.id AS root, r.id, r.finished_at FROM workflow_runs r WHERE r.id = ANY($1::uuid[])
            UNION ALL
            SELECT t.root, c.id, c.finished_at FROM tree t JOIN workflow_runs c ON c.parent_run = t.id
        ) "
    };
}

const DELETABLE: &str = concat!(
    tree!(),
    "SELECT r.id, r.parent_run IS NOT NULL, t.goes_on, t.n FROM workflow_runs r
    JOIN (SELECT root, bool_or(finished_at IS NULL) AS goes_on, count(*) - 1 AS n FROM tree GROUP BY root) t ON t.root = r.id"
);

/// Whoever is committing to one of them is waited for; nobody commits afterwards. In the order of their ids, as commits take them.
const LOCK: &str = concat!(
    tree!(),
    "SELECT r.id FROM workflow_runs r WHERE r.id IN (SELECT t.id FROM tree t) ORDER BY r.id FOR UPDATE OF r"
);

/// Once they are locked, in one snapshot: a sub-workflow that is yet to begin is a message that waits, or began and is one of them.
const LOOK: &str = concat!(
    tree!(),
    "SELECT
        (SELECT r.head FROM workflow_runs r WHERE r.id = ANY($1)) AS head,
        (SELECT count(*) FROM tree t WHERE t.id = ANY($2::uuid[])) = (SELECT count(*) FROM tree)
            AND NOT EXISTS (SELECT FROM tree t WHERE t.finished_at IS NULL)
            AND NOT EXISTS (SELECT FROM run_inbox i WHERE i.run_id = ANY($2) OR i.sender = ANY($2))
            AND NOT EXISTS (SELECT FROM attempts a WHERE a.run_id = ANY($2) AND a.lease_worker IS NOT NULL) AS is_at_rest"
);

/// The rows by which a run is found, each by the ids of those that go. A row of a table stays, and counts: what it gave the run goes.
const BURY: [&str; 8] = [
    "INSERT INTO deleted_runs (run_id) SELECT unnest($1::uuid[])",
    "DELETE FROM workflow_runs WHERE id = ANY($1::uuid[])",
    "UPDATE batch_rows SET inputs = '{}' WHERE run_id = ANY($1::uuid[])",
    "DELETE FROM run_labels WHERE run_id = ANY($1::uuid[])",
    "DELETE FROM run_shares WHERE run_id = ANY($1::uuid[])",
    "DELETE FROM run_texts WHERE run_id = ANY($1::uuid[])",
    "DELETE FROM steps WHERE run_id = ANY($1::uuid[])",
    "DELETE FROM reviews WHERE run_id = ANY($1::uuid[])",
];

/// What is left of a run that was deleted ten minutes ago. By then nothing is at work any more that began before: a statement of the engine
/// lasts five minutes at most, unless an operator lets it last longer, and a request less. So a fork that was decided on it has its
/// content, and a first commit that is stuck in the database since before finds the events that keep it from being written.
const NEXT: &str = "SELECT run_id FROM deleted_runs
    WHERE NOT is_cleared AND deleted_at < clock_timestamp() - interval '10 minutes'
    ORDER BY deleted_at LIMIT 1 FOR UPDATE SKIP LOCKED";

/// A copy that was committed together with what it copies has no bytes of its own.
const HAND_OVER: &str = "UPDATE artifacts a SET content = c.content FROM artifacts c
    WHERE c.run_id = $1 AND c.content IS NOT NULL AND a.copy_of = c.id AND a.content IS NULL";

macro_rules! piece_of {
    ($table:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ctid = ANY(ARRAY(SELECT x.ctid FROM ",
            $table,
            " x WHERE x.run_id = $1 LIMIT $2))"
        )
    };
}

/// Reservations are taken back by whoever looks for orphans, and notices are thrown away when they are old.
const CLEAR: [&str; 16] = [
    piece_of!("artifact_heads"),
    piece_of!("artifacts"),
    piece_of!("attempt_logs"),
    piece_of!("attempt_transcripts"),
    piece_of!("attempts"),
    piece_of!("review_deciders"),
    piece_of!("review_ends"),
    piece_of!("reviews"),
    piece_of!("run_files"),
    piece_of!("run_labels"),
    piece_of!("run_shares"),
    piece_of!("run_texts"),
    piece_of!("steps"),
    piece_of!("worker_callbacks"),
    piece_of!("worker_tasks"),
    piece_of!("run_events"),
];

impl Store {
    /// Of these runs, those that there are.
    pub async fn deletable_runs(&self, runs: &[RunId]) -> Result<BTreeMap<RunId, Deletable>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let found: Vec<(Uuid, bool, bool, i64)> = sqlx::query_as(DELETABLE).bind(ids).fetch_all(&self.pool).await?;
        let found = found.into_iter();
        Ok(found.map(|(id, is_part, goes_on, n_parts)| (RunId(id), Deletable { is_part, goes_on, n_parts })).collect())
    }

    /// Whether it was deleted: for whoever makes the id of a run of what was asked, since none begins again under such an id.
    pub async fn was_deleted(&self, run: RunId) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT FROM deleted_runs WHERE run_id = $1)";
        Ok(sqlx::query_scalar(sql).bind(run.0).fetch_one(&self.pool).await?)
    }

    /// These are to be deleted in half a minute, if nothing is committed to them until then and nobody takes it back: those of them that
    /// are over, and no part of another run.
    pub async fn ask_to_delete_runs(&self, runs: &[RunId], author: Author) -> Result<Vec<RunId>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let mut tx = self.pool.begin().await?;
        let asked: Vec<Uuid> = sqlx::query_scalar(
            "INSERT INTO run_labels (run_id, delete_at, delete_head, deleted_by)
            SELECT r.id, clock_timestamp() + $2 * interval '1 second', r.head, $3::uuid FROM workflow_runs r
            WHERE r.id = ANY($1::uuid[]) AND r.finished_at IS NOT NULL AND r.parent_run IS NULL
            ORDER BY r.id
            ON CONFLICT (run_id) DO UPDATE SET delete_at = excluded.delete_at, delete_head = excluded.delete_head,
                deleted_by = excluded.deleted_by, retry_at = NULL, changed_at = now()
            RETURNING run_id",
        )
        .bind(ids)
        .bind(UNDO)
        .bind(author.actor.map(|actor| actor.0))
        .fetch_all(&mut *tx)
        .await?;
        audit::append_of_runs(&mut tx, author, "run.deletion_asked", &asked).await?;
        tx.commit().await?;
        Ok(asked.into_iter().map(RunId).collect())
    }

    /// Takes that back: of which of them, as it was not done yet.
    pub async fn keep_runs(&self, runs: &[RunId], author: Author) -> Result<Vec<RunId>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let mut tx = self.pool.begin().await?;
        let kept: Vec<Uuid> = sqlx::query_scalar(
            "UPDATE run_labels SET delete_at = NULL, delete_head = NULL, deleted_by = NULL, changed_at = now()
            WHERE run_id IN (
                SELECT l.run_id FROM run_labels l WHERE l.run_id = ANY($1::uuid[]) AND l.delete_at IS NOT NULL
                ORDER BY l.run_id FOR UPDATE
            )
            RETURNING run_id",
        )
        .bind(ids)
        .fetch_all(&mut *tx)
        .await?;
        audit::append_of_runs(&mut tx, author, "run.kept", &kept).await?;
        tx.commit().await?;
        Ok(kept.into_iter().map(RunId).collect())
    }

    /// Deletes those whose time has come, clears away some of what is left of others, and says whether there may be more of it.
    /// `keep_days`: so long after their end runs go by themselves; never, where there is none.
    pub async fn delete_runs(&self, keep_days: Option<u32>) -> Result<bool> {
        if let Some(days) = keep_days {
            let days = i32::try_from(days).unwrap_or(i32::MAX);
            sqlx::query(OLD).bind(days).bind(MOST_RUNS).execute(&self.pool).await?;
        }
        let due: Vec<Uuid> = sqlx::query_scalar(DUE).bind(MOST_RUNS).fetch_all(&self.pool).await?;
        for run in due {
            match self.delete_run(run).await {
                // Whoever has one open, or in a list, looks again.
                Ok(gone) => gone.into_iter().for_each(|gone| self.hint_changed(RunId(gone), None)),
                Err(error) if error.is_unavailable() => return Err(error),
                // One that somebody holds for long keeps no other.
                Err(error) => {
                    told_of(run, &error);
                    let mut tx = self.pool.begin().await?;
                    put_back(&mut tx, run, RETRY).await?;
                    tx.commit().await?;
                }
            }
        }
        for _ in 0..MOST_CLEARED {
            if !self.clear_a_deleted_run().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The run and its sub-workflows, if they were deleted now.
    async fn delete_run(&self, run: Uuid) -> Result<Vec<Uuid>> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("SET LOCAL lock_timeout = '2s'").execute(&mut *tx).await?;
        let ids: Vec<Uuid> = sqlx::query_scalar(LOCK).bind(vec![run]).fetch_all(&mut *tx).await?;
        let asked: Option<Asked> = sqlx::query_as(
            "SELECT delete_head, deleted_by, delete_at < clock_timestamp() - interval '1 hour' AS is_overdue
            FROM run_labels WHERE run_id = $1 AND delete_at <= clock_timestamp() FOR UPDATE",
        )
        .bind(run)
        .fetch_optional(&mut *tx)
        .await?;
        // Somebody took it back, or deleted it a moment ago.
        let Some(asked) = asked else { return Ok(Vec::new()) };
        let (head, is_at_rest): (Option<Uuid>, bool) =
            sqlx::query_as(LOOK).bind(vec![run]).bind(&ids).fetch_one(&mut *tx).await?;
        if head != Some(asked.delete_head) || (!is_at_rest && asked.is_overdue) {
            drop_wish(&mut tx, run, &asked).await?;
            tx.commit().await?;
            return Ok(Vec::new());
        }
        if !is_at_rest {
            // What is on its way to one of them arrives soon. Nobody asked for what is old: it stands in the lists meanwhile.
            match asked.deleted_by {
                Some(_) => put_back(&mut tx, run, RETRY).await?,
                None => leave(&mut tx, run, Some(RETRY_OLD)).await?,
            }
            tx.commit().await?;
            return Ok(Vec::new());
        }
        bury(&mut tx, run, &ids, &asked).await?;
        tx.commit().await?;
        Ok(ids)
    }

    /// One piece of each table at a time, so that no statement is long; whoever comes next goes on.
    async fn clear_a_deleted_run(&self) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let next: Option<Uuid> = sqlx::query_scalar(NEXT).fetch_optional(&mut *tx).await?;
        let Some(run) = next else { return Ok(false) };
        sqlx::query(HAND_OVER).bind(run).execute(&mut *tx).await?;
        let mut is_cleared = true;
        for sql in CLEAR {
            let done = sqlx::query(sql).bind(run).bind(MOST_ROWS).execute(&mut *tx).await?;
            is_cleared &= i64::try_from(done.rows_affected()).is_ok_and(|n| n < MOST_ROWS);
        }
        if is_cleared {
            let over = "UPDATE deleted_runs SET is_cleared = true WHERE run_id = $1";
            sqlx::query(over).bind(run).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// What was asked of a run, and when.
#[derive(sqlx::FromRow)]
struct Asked {
    delete_head: Uuid,
    deleted_by: Option<Uuid>,
    is_overdue: bool,
}

impl Asked {
    fn author(&self) -> Author {
        Author { actor: self.deleted_by.map(UserId), ..Author::default() }
    }
}

/// It is asked for as it was, and tried again in so many seconds.
async fn put_back(connection: &mut PgConnection, run: Uuid, seconds: i32) -> Result<()> {
    sqlx::query("UPDATE run_labels SET retry_at = clock_timestamp() + $2 * interval '1 second' WHERE run_id = $1")
        .bind(run)
        .bind(seconds)
        .execute(connection)
        .await?;
    Ok(())
}

/// It is not asked for any more, and not by its age before so many seconds have passed.
async fn leave(connection: &mut PgConnection, run: Uuid, seconds: Option<i32>) -> Result<()> {
    sqlx::query(
        "UPDATE run_labels SET delete_at = NULL, delete_head = NULL, deleted_by = NULL,
            retry_at = clock_timestamp() + $2::int * interval '1 second'
        WHERE run_id = $1",
    )
    .bind(run)
    .bind(seconds)
    .execute(connection)
    .await?;
    Ok(())
}

/// Something was committed to the run since, or it does not come to rest: it stays, and stands in the lists again.
async fn drop_wish(tx: &mut PgConnection, run: Uuid, asked: &Asked) -> Result<()> {
    leave(&mut *tx, run, None).await?;
    audit::append(tx, asked.author(), "run.deletion_dropped", &run.to_string(), json!({})).await
}

fn told_of(run: Uuid, error: &Error) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(run.id = %run, error, "a run was not deleted; a later round tries again");
}

/// The rows by which they are found go, and with them all that could be done to them.
async fn bury(tx: &mut PgConnection, run: Uuid, ids: &[Uuid], asked: &Asked) -> Result<()> {
    let (workflow, owner): (String, Uuid) =
        sqlx::query_as("SELECT template_name, user_id FROM workflow_runs WHERE id = $1")
            .bind(run)
            .fetch_one(&mut *tx)
            .await?;
    for sql in BURY {
        sqlx::query(sql).bind(ids).execute(&mut *tx).await?;
    }
    let mut data = json!({"workflow": workflow, "owner": owner, "n_runs": ids.len()});
    if asked.deleted_by.is_none() {
        data["by"] = json!("age");
    }
    audit::append(tx, asked.author(), "run.deleted", &run.to_string(), data).await
}
