//! Whether the rows of a run are those that its log tells of, and what becomes of one where they are not: it is quarantined, with the
//! reason, and others go on. Must never repair a row: which of the two is wrong is for a person to see.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, SubsecRound, Utc};
use runs::rows::{For, Rows};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;
use workflow::{
    RunId,
    run::{RunEvent, State},
    status::{ErrorClass, Outcome, StatusReason},
};

use super::{
    Log,
    load::{Read, finish, read},
};
use crate::Result;

/// A row that is not what the log says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    pub table: &'static str,
    pub row: String,
    /// As the log tells it; nothing where there should be no row.
    pub told: Option<String>,
    pub stored: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |of: &Option<String>| of.clone().unwrap_or_else(|| "no row".into());
        write!(f, "{} {}: the log tells {}, stored is {}", self.table, self.row, word(&self.told), word(&self.stored))
    }
}

/// Rows by their key, each as one text.
type Table = BTreeMap<String, String>;
type Rendered = Vec<(&'static str, Table)>;

impl Log {
    /// Everything that differs between the run's log and its rows, in one snapshot. Nothing for a run that is not there.
    pub async fn differences(&self, run: RunId) -> Result<Vec<Difference>> {
        let mut lane = self.engine.take().await?;
        let stored = snapshot(lane.connection(), run).await;
        finish(lane, stored.as_ref().err());
        let (loaded, stored) = stored?;
        let events = match loaded {
            None => return Ok(Vec::new()),
            Some(Read::Run { events, .. }) => events.iter().map(|logged| RunEvent::clone(&logged.event)).collect::<Vec<_>>(),
            Some(other) => {
                let stored = Some(match other {
                    Read::Quarantined { reason } | Read::Broken { reason } => reason,
                    _ => "an event that is not known here".into(),
                });
                return Ok(vec![Difference { table: "run_events", row: run.to_string(), told: None, stored }]);
            }
        };
        let told = rendered(&events);
        Ok(told
            .into_iter()
            .zip(stored)
            .flat_map(|((table, told), (_, stored))| compare(table, &told, &stored))
            .collect())
    }
}

fn compare(table: &'static str, told: &Table, stored: &Table) -> Vec<Difference> {
    let all: std::collections::BTreeSet<&String> = told.keys().chain(stored.keys()).collect();
    let differing = all.into_iter().filter(|row| told.get(*row) != stored.get(*row));
    differing
        .map(|row| Difference {
            table,
            row: row.clone(),
            told: told.get(row).cloned(),
            stored: stored.get(row).cloned(),
        })
        .collect()
}

/// What the rows have to be, by the events alone.
fn rendered(events: &[RunEvent]) -> Rendered {
    let rows = Rows::of(&State::empty(), events);
    let of = &rows.summary;
    let more = of.more;
    let head = format!(
        "{} {} {} {} {:?} {} {:?} {:?} {} {:?} {:?}",
        of.seq,
        of.template_version,
        of.template_name,
        of.status,
        of.status_reason.map(StatusReason::as_str),
        of.auto_run,
        of.finished_at.map(micros),
        of.due_at.map(micros),
        of.wants_judgement,
        of.about,
        [
            more.n_steps,
            more.n_completed,
            more.n_skipped,
            more.n_failed,
            more.n_cancelled,
            more.n_items,
            more.n_waiting,
        ],
    );
    let claims = rows.steps.iter().filter_map(|row| {
        let (not_before, what) = row.waits.as_ref()?;
        let what = match what {
            For::Worker(kind) => format!("{:?}", Some(kind)),
            For::Keys(_) => format!("{:?}", None::<String>),
        };
        Some((row.step.to_string(), format!("{what} {}", micros(*not_before))))
    });
    let reviews = rows.steps.iter().filter_map(|row| {
        let (generation, review) = row.review.as_ref()?;
        let votes: Vec<Uuid> = review.votes.iter().map(|user| user.0).collect();
        let shown = format!(
            "{generation} {} {} {:?} {} {} {:?} {:?} {votes:?}",
            review.number,
            micros(review.opened_at),
            review.due_at.map(micros),
            review.quorum,
            review.allow_self,
            review.roles,
            review.users,
        );
        Some((row.step.to_string(), shown))
    });
    let attempts = rows.attempts.iter().map(|row| {
        let attempt = &row.attempt;
        let usage = attempt.usage.as_ref().map(|usage| (usage.prompt_tokens, usage.completion_tokens));
        let shown = format!(
            "{} {:?} {} {:?} {:?} {:?} {usage:?}",
            attempt.generation,
            row.lease.map(|worker| worker.0),
            micros(attempt.started_at),
            attempt.ended_at.map(micros),
            attempt.outcome.map(Outcome::as_str),
            attempt.error_class.map(ErrorClass::as_str),
        );
        (format!("{}#{}", attempt.step, attempt.number), shown)
    });
    let artifacts = rows.artifacts.iter().map(|version| {
        let shown = format!(
            "{} {} {:?} {:?}",
            version.id,
            version.content_hash,
            version.attempt,
            version.parent.map(|id| id.0)
        );
        (format!("{}.{}#{}", version.producing_step_id, version.name, version.version), shown)
    });
    let heads = rows
        .artifact_heads
        .iter()
        .map(|head| (format!("{}.{}", head.step, head.name), format!("{} {:?}", head.latest, head.approved)));
    vec![
        ("workflow_runs", [(of.run.to_string(), head)].into()),
        ("steps", claims.collect()),
        ("reviews", reviews.collect()),
        ("attempts", attempts.collect()),
        ("artifacts", artifacts.collect()),
        ("artifact_heads", heads.collect()),
    ]
}

/// As Postgres keeps it.
fn micros(time: DateTime<Utc>) -> i64 {
    time.trunc_subsecs(6).timestamp_micros()
}

/// The counts as one array: a tuple has not so many places.
type HeadRow = (
    i64,
    i32,
    String,
    String,
    Option<String>,
    bool,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    bool,
    Option<String>,
    Vec<i32>,
);
type ReviewRow =
    (String, i32, i32, DateTime<Utc>, Option<DateTime<Utc>>, i32, bool, Vec<String>, Vec<String>, Vec<Uuid>);
type AttemptRow = (
    String,
    i32,
    i32,
    Option<Uuid>,
    DateTime<Utc>,
    Option<DateTime<Utc>>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
);
type ArtifactRow = (String, String, i32, Uuid, String, Option<i32>, Option<Uuid>);

/// The log and the rows beside it, of one moment.
async fn snapshot(connection: &mut PgConnection, run: RunId) -> sqlx::Result<(Option<Read>, Rendered)> {
    let mut tx = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let loaded = read(&mut tx, &[(run, None)]).await?.remove(&run);
    let head: Option<HeadRow> = sqlx::query_as(
        "SELECT seq, template_version, template_name, status, status_reason, auto_run, finished_at, due_at, wants_judgement,
            about, ARRAY[n_steps, n_completed, n_skipped, n_failed, n_cancelled, n_items, n_waiting]
        FROM workflow_runs WHERE id = $1",
    )
    .bind(run.0)
    .fetch_optional(&mut *tx)
    .await?;
    let claims: Vec<(String, Option<String>, DateTime<Utc>)> =
        sqlx::query_as("SELECT step, kind, not_before FROM steps WHERE run_id = $1")
            .bind(run.0)
            .fetch_all(&mut *tx)
            .await?;
    let reviews: Vec<ReviewRow> = sqlx::query_as(
        "SELECT step, generation, number, opened_at, due_at, quorum, allow_self, roles, users, votes FROM reviews WHERE run_id = $1",
    )
    .bind(run.0)
    .fetch_all(&mut *tx)
    .await?;
    let attempts: Vec<AttemptRow> = sqlx::query_as(
        "SELECT step, number, generation, lease_worker, started_at, ended_at, outcome, error_class, prompt_tokens, completion_tokens
        FROM attempts WHERE run_id = $1",
    )
    .bind(run.0)
    .fetch_all(&mut *tx)
    .await?;
    let artifacts: Vec<ArtifactRow> = sqlx::query_as(
        "SELECT step, name, version, id, content_hash, attempt, parent FROM artifacts WHERE run_id = $1",
    )
    .bind(run.0)
    .fetch_all(&mut *tx)
    .await?;
    let heads: Vec<(String, String, i32, Vec<i32>)> =
        sqlx::query_as("SELECT step, name, latest, approved FROM artifact_heads WHERE run_id = $1")
            .bind(run.0)
            .fetch_all(&mut *tx)
            .await?;
    tx.commit().await?;
    let head = head.map(|(seq, version, name, status, reason, auto_run, finished, due, judgement, about, counts)| {
        let (finished, due) = (finished.map(micros), due.map(micros));
        format!(
            "{seq} {version} {name} {status} {reason:?} {auto_run} {finished:?} {due:?} {judgement} {about:?} {counts:?}"
        )
    });
    let claims = claims.into_iter().map(|(step, kind, not_before)| (step, format!("{kind:?} {}", micros(not_before))));
    let reviews =
        reviews.into_iter().map(|(step, generation, number, opened, due, quorum, allow_self, roles, users, votes)| {
            let (opened, due) = (micros(opened), due.map(micros));
            let shown =
                format!("{generation} {number} {opened} {due:?} {quorum} {allow_self} {roles:?} {users:?} {votes:?}");
            (step, shown)
        });
    let attempts = attempts.into_iter().map(
        |(step, number, generation, lease, started, ended, outcome, class, prompt, completion)| {
            let (started, ended, usage) = (micros(started), ended.map(micros), prompt.zip(completion));
            let shown = format!("{generation} {lease:?} {started} {ended:?} {outcome:?} {class:?} {usage:?}");
            (format!("{step}#{number}"), shown)
        },
    );
    let artifacts = artifacts.into_iter().map(|(step, name, version, id, hash, attempt, parent)| {
        (format!("{step}.{name}#{version}"), format!("{id} {hash} {attempt:?} {parent:?}"))
    });
    let heads = heads
        .into_iter()
        .map(|(step, name, latest, approved)| (format!("{step}.{name}"), format!("{latest} {approved:?}")));
    let rendered = vec![
        ("workflow_runs", head.map(|head| (run.to_string(), head)).into_iter().collect()),
        ("steps", claims.collect()),
        ("reviews", reviews.collect()),
        ("attempts", attempts.collect()),
        ("artifacts", artifacts.collect()),
        ("artifact_heads", heads.collect()),
    ];
    Ok((loaded, rendered))
}
