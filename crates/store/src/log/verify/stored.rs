//! The rows of runs as they are stored, each as one text: what was written last, in the words in which the log tells it.
//! Must be read in the snapshot in which the log is.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::RunId;

use super::Rendered;

type Time = DateTime<Utc>;

/// As Postgres keeps it.
pub(super) fn micros(time: Time) -> i64 {
    time.trunc_subsecs(6).timestamp_micros()
}

/// The counts as one array: a tuple has not so many places.
type HeadRow =
    (Uuid, i64, i32, String, String, Option<String>, bool, Option<Time>, Option<Time>, bool, Option<String>, Vec<i32>);
type ClaimRow = (Uuid, String, Option<String>, Option<String>, Time);
type AttemptRow = (
    Uuid,
    String,
    i32,
    i32,
    Option<Uuid>,
    Time,
    Option<Time>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
);
type ArtifactRow = (Uuid, String, String, i32, Uuid, String, Option<i32>, Option<Uuid>);
type ArtifactHeadRow = (Uuid, String, String, i32, Vec<i32>);
type ReviewEndRow = (
    Uuid,
    String,
    i32,
    i32,
    String,
    Time,
    Time,
    String,
    Option<Uuid>,
    Option<Uuid>,
    Vec<Uuid>,
    Option<String>,
    Vec<Uuid>,
);

#[derive(sqlx::FromRow)]
struct ReviewRow {
    run_id: Uuid,
    step: String,
    generation: i32,
    number: i32,
    opened_at: Time,
    due_at: Option<Time>,
    quorum: i32,
    allow_self: bool,
    roles: Vec<String>,
    users: Vec<String>,
    votes: Vec<Uuid>,
    voted_at: Vec<Option<Time>>,
    voted_for: Vec<Option<Uuid>>,
    title: String,
    round: i32,
    max_rounds: i32,
    on_timeout: String,
    is_form: bool,
}

impl ReviewRow {
    fn shown(&self) -> String {
        let voted_at: Vec<_> = self.voted_at.iter().copied().map(|at| at.map(micros)).collect();
        format!(
            "{} {} {} {:?} {} {} {:?} {:?} {:?} {voted_at:?} {:?} {:?} {} {} {} {}",
            self.generation,
            self.number,
            micros(self.opened_at),
            self.due_at.map(micros),
            self.quorum,
            self.allow_self,
            self.roles,
            self.users,
            self.votes,
            self.voted_for,
            self.title,
            self.round,
            self.max_rounds,
            self.on_timeout,
            self.is_form,
        )
    }
}

/// Of those runs that have any.
pub(in crate::log) async fn stored(
    connection: &mut PgConnection,
    runs: &[RunId],
) -> sqlx::Result<BTreeMap<RunId, Rendered>> {
    let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
    let mut all: BTreeMap<RunId, Rendered> = BTreeMap::new();
    let mut put = |table: usize, run: Uuid, row: String, shown: String| {
        all.entry(RunId(run)).or_default()[table].insert(row, shown);
    };
    let heads: Vec<HeadRow> = sqlx::query_as(
        "SELECT id, seq, template_version, template_name, status, status_reason, auto_run, finished_at, due_at, wants_judgement,
            about, ARRAY[n_steps, n_completed, n_skipped, n_failed, n_cancelled, n_items, n_waiting]
        FROM workflow_runs WHERE id = ANY ($1)",
    )
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await?;
    for (run, seq, version, name, status, reason, auto_run, finished, due, judgement, about, counts) in heads {
        let (finished, due) = (finished.map(micros), due.map(micros));
        let shown = format!(
            "{seq} {version} {name} {status} {reason:?} {auto_run} {finished:?} {due:?} {judgement} {about:?} {counts:?}"
        );
        put(0, run, run.to_string(), shown);
    }
    let claims: Vec<ClaimRow> =
        sqlx::query_as("SELECT run_id, step, kind, agent, not_before FROM steps WHERE run_id = ANY ($1)")
            .bind(&ids)
            .fetch_all(&mut *connection)
            .await?;
    for (run, step, kind, agent, not_before) in claims {
        put(1, run, step, format!("{kind:?} {agent:?} {}", micros(not_before)));
    }
    let reviews: Vec<ReviewRow> = sqlx::query_as(
        "SELECT run_id, step, generation, number, opened_at, due_at, quorum, allow_self, roles, users, votes, voted_at, voted_for, title,
            round, max_rounds, on_timeout, is_form
        FROM reviews WHERE run_id = ANY ($1)",
    )
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await?;
    for row in reviews {
        let shown = row.shown();
        put(2, row.run_id, row.step, shown);
    }
    let attempts: Vec<AttemptRow> = sqlx::query_as(
        "SELECT run_id, step, number, generation, lease_worker, started_at, ended_at, outcome, error_class, prompt_tokens,
            completion_tokens
        FROM attempts WHERE run_id = ANY ($1)",
    )
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await?;
    for (run, step, number, generation, lease, started, ended, outcome, class, prompt, completion) in attempts {
        let (started, ended, usage) = (micros(started), ended.map(micros), prompt.zip(completion));
        let shown = format!("{generation} {lease:?} {started} {ended:?} {outcome:?} {class:?} {usage:?}");
        put(3, run, format!("{step}#{number}"), shown);
    }
    let artifacts: Vec<ArtifactRow> = sqlx::query_as(
        "SELECT run_id, step, name, version, id, content_hash, attempt, parent FROM artifacts WHERE run_id = ANY ($1)",
    )
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await?;
    for (run, step, name, version, id, hash, attempt, parent) in artifacts {
        put(4, run, format!("{step}.{name}#{version}"), format!("{id} {hash} {attempt:?} {parent:?}"));
    }
    let heads: Vec<ArtifactHeadRow> =
        sqlx::query_as("SELECT run_id, step, name, latest, approved FROM artifact_heads WHERE run_id = ANY ($1)")
            .bind(&ids)
            .fetch_all(&mut *connection)
            .await?;
    for (run, step, name, latest, approved) in heads {
        put(5, run, format!("{step}.{name}"), format!("{latest} {approved:?}"));
    }
    for (run, row, shown) in review_ends(connection, &ids).await? {
        put(6, run, row, shown);
    }
    Ok(all)
}

/// Gates that were closed, with those who decided.
async fn review_ends(connection: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<(Uuid, String, String)>> {
    let rows: Vec<ReviewEndRow> = sqlx::query_as(
        "SELECT e.run_id, e.step, e.generation, e.number, e.title, e.opened_at, e.closed_at, e.verdict, e.closed_by, e.acted_for,
            e.votes, e.feedback, ARRAY(
                SELECT d.user_id FROM review_deciders d
                WHERE d.run_id = e.run_id AND d.step = e.step AND d.generation = e.generation AND d.number = e.number
                    AND d.closed_at = e.closed_at
                ORDER BY d.user_id
            )
        FROM review_ends e WHERE e.run_id = ANY ($1)",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let shown = |row: ReviewEndRow| {
        let (run, step, generation, number, title, opened, closed, verdict, by, acted_for, votes, text, deciders) = row;
        let (opened, closed) = (micros(opened), micros(closed));
        let shown =
            format!("{title:?} {opened} {closed} {verdict} {by:?} {acted_for:?} {votes:?} {text:?} {deciders:?}");
        (run, format!("{step}@{generation}#{number}"), shown)
    };
    Ok(rows.into_iter().map(shown).collect())
}
