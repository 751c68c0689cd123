//! The engine's side of the protocol: being a worker, claiming, completing in batches, and recovering what dead workers left.
//! Every call is idempotent or fenced: any error means an unknown outcome, and the answer is to call again.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;
use workflow::{
    ArtifactId, Definition, RunId, StepKey,
    status::{Outcome, Reason},
    view::{ConsumedInput, StepOverride, Usage},
};

use crate::{Error, Result, Store, decode::document};

/// How long a claim or a commit may take before its connection counts as lost.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// Shorter than the time after which a worker without a beat stops its own attempts.
const BEAT_LIMIT: Duration = Duration::from_secs(4);

/// One process incarnation that executes steps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct WorkerId(pub Uuid);

/// An attempt that this worker now runs.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Claimed {
    pub step: i64,
    pub run: RunId,
    pub key: StepKey,
    pub generation: i32,
    pub attempt: i32,
    /// Failures of this generation so far.
    pub fail_count: i32,
    pub overrides: Option<StepOverride>,
}

/// The result of one attempt.
#[derive(Clone, PartialEq, Debug)]
pub struct Finished {
    pub step: i64,
    pub attempt: i32,
    pub result: AttemptResult,
    pub inputs: Vec<ConsumedInput>,
    pub usage: Option<Usage>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum AttemptResult {
    Succeeded(Vec<NewArtifact>),
    Failed {
        class: Reason,
        error: String,
        /// When it may be tried again by itself; none when that is over.
        retry: Option<Duration>,
    },
    /// Given back untouched.
    Released,
}

#[derive(Clone, PartialEq, Debug)]
pub struct NewArtifact {
    pub id: ArtifactId,
    pub name: String,
    pub media_type: String,
    pub hash: String,
    pub size: i64,
    /// None when the bytes were written before with `put_blob`.
    pub content: Option<Vec<u8>>,
}

/// What became of a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Committed,
    /// The same result was committed before: its acknowledgement was lost.
    Already,
    /// The attempt is not this worker's any more; nothing was written.
    Fenced,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Completion {
    /// One for each result, in order.
    pub verdicts: Vec<Verdict>,
    /// Newly ready steps that this worker now runs.
    pub claimed: Vec<Claimed>,
}

/// What a heartbeat found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Beat {
    /// False: this worker was declared dead, and must become a new one.
    pub is_alive: bool,
    /// Attempts it believes to run, but which are not its own any more.
    pub lost: Vec<(i64, i32)>,
    /// Attempts the database holds for it that it does not know.
    pub orphans: Vec<(i64, i32)>,
}

/// What never changes about a run, as its steps need it.
#[derive(Clone, PartialEq, Debug)]
pub struct RunContext {
    pub definition: Definition,
    pub inputs: BTreeMap<String, Value>,
    /// The agent versions that the run is pinned to.
    pub agents: BTreeMap<StepKey, (workflow::AgentId, i32)>,
    pub user: workflow::UserId,
}

/// The latest version of an artifact, with its bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct LatestArtifact {
    /// The step that wants it.
    pub step: i64,
    pub key: StepKey,
    pub name: String,
    pub id: ArtifactId,
    pub version: i32,
    pub hash: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

fn claimed(value: Value) -> Result<Vec<Claimed>> {
    document(value, "claim", "claimed", &"*")
}

impl Store {
    pub async fn register_worker(&self, worker: WorkerId) -> Result<()> {
        sqlx::query!("INSERT INTO workers (id) VALUES ($1) ON CONFLICT DO NOTHING", worker.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Stops claiming for this worker; what it runs stays its own.
    pub async fn drain_worker(&self, worker: WorkerId) -> Result<()> {
        sqlx::query!("UPDATE workers SET state = 'draining' WHERE id = $1 AND state = 'alive'", worker.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends a worker that holds nothing any more.
    pub async fn retire_worker(&self, worker: WorkerId) -> Result<()> {
        sqlx::query!("UPDATE workers SET state = 'dead' WHERE id = $1", worker.0).execute(&self.pool).await?;
        Ok(())
    }

    /// Claims up to `n` steps; none when this worker is no longer alive.
    pub async fn claim(&self, worker: WorkerId, n: usize) -> Result<Option<Vec<Claimed>>> {
        let n = i32::try_from(n).unwrap_or(i32::MAX);
        let call = sqlx::query_scalar!("SELECT claim_v1($1, $2)", worker.0, n).fetch_one(&self.pool);
        let taken = within(CALL_LIMIT, call).await?;
        let taken = taken.map(claimed).transpose()?;
        for claim in taken.iter().flatten() {
            self.outbox.run(claim.run);
        }
        Ok(taken)
    }

    /// Commits results, and claims up to `claim` of the steps they set free.
    pub async fn complete(&self, worker: WorkerId, batch: &[Finished], claim: usize) -> Result<Completion> {
        let columns = Columns::of(batch);
        let call = sqlx::query!(
            r#"SELECT verdicts AS "verdicts!", runs AS "runs!", claimed AS "claimed!", n_left AS "n_left!"
            FROM complete_batch_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"#,
            worker.0,
            &columns.step,
            &columns.attempt,
            &columns.outcome as &[&str],
            &columns.class as &[Option<&str>],
            &columns.error as &[Option<&str>],
            &columns.retry_ms as &[Option<i64>],
            &columns.inputs as &[Option<Value>],
            &columns.usage as &[Option<Value>],
            &columns.art_step,
            &columns.art_id,
            &columns.art_name as &[&str],
            &columns.art_media as &[&str],
            &columns.art_hash as &[&str],
            &columns.art_size,
            &columns.art_content as &[Option<&[u8]>],
            i32::try_from(claim).unwrap_or(i32::MAX),
        )
        .fetch_one(&self.pool);
        let row = within(CALL_LIMIT, call).await?;
        for run in row.runs {
            self.outbox.run(RunId(run));
        }
        if row.n_left > 0 {
            self.outbox.ready();
        }
        let verdicts = row
            .verdicts
            .iter()
            .map(|verdict| match verdict.as_str() {
                "ok" => Ok(Verdict::Committed),
                "already" => Ok(Verdict::Already),
                "fenced" => Ok(Verdict::Fenced),
                other => {
                    Err(Error::Inconsistent { table: "complete_batch_v1", column: "verdicts", row: other.to_owned() })
                }
            })
            .collect::<Result<_>>()?;
        Ok(Completion { verdicts, claimed: claimed(row.claimed)? })
    }

    pub async fn beat(&self, worker: WorkerId, running: &[(i64, i32)]) -> Result<Beat> {
        let (steps, attempts): (Vec<i64>, Vec<i32>) = running.iter().copied().unzip();
        let call = sqlx::query!(
            "SELECT alive, lost_steps, lost_attempts, orphan_steps, orphan_attempts FROM beat_v1($1, $2, $3)",
            worker.0,
            &steps,
            &attempts,
        )
        .fetch_one(&self.pool);
        let row = within(BEAT_LIMIT, call).await?;
        Ok(Beat {
            is_alive: row.alive.unwrap_or(false),
            lost: pairs(row.lost_steps, row.lost_attempts),
            orphans: pairs(row.orphan_steps, row.orphan_attempts),
        })
    }

    /// Declares workers dead whose lease ran out in two sweeps; returns how many.
    pub async fn bury_workers(&self, ttl: Duration, sweep: Duration) -> Result<i32> {
        let n = sqlx::query_scalar!(r#"SELECT bury_v1($1, $2) AS "n!""#, interval(ttl), interval(sweep))
            .fetch_one(&self.pool)
            .await?;
        Ok(n)
    }

    /// Queues steps of dead workers again; returns the runs it touched.
    pub async fn recover_steps(&self, n: i32) -> Result<Vec<RunId>> {
        let runs = sqlx::query_scalar!(r#"SELECT recover_v1($1, $2) AS "runs!""#, n, workflow::limits::MAX_CRASHES)
            .fetch_one(&self.pool)
            .await?;
        let runs: Vec<RunId> = runs.into_iter().map(RunId).collect();
        for run in &runs {
            self.outbox.run(*run);
        }
        if !runs.is_empty() {
            self.outbox.ready();
        }
        Ok(runs)
    }

    /// Forgets workers that died long ago and hold nothing.
    pub async fn forget_workers(&self) -> Result<u64> {
        let deleted = sqlx::query!(
            "DELETE FROM workers w WHERE w.state = 'dead' AND w.last_beat < clock_timestamp() - interval '1 day'
                AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.lease_worker = w.id AND s.status = 'running')",
        )
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }

    /// Deletes content that no artifact refers to and that was written long enough ago to belong to no open attempt.
    pub async fn collect_blobs(&self) -> Result<u64> {
        let deleted = sqlx::query!(
            "DELETE FROM blobs b WHERE b.created_at < clock_timestamp() - interval '25 hours'
                AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.content_hash = b.hash AND a.content IS NULL)",
        )
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }

    pub async fn run_contexts(&self, runs: &[RunId]) -> Result<BTreeMap<RunId, RunContext>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let rows = sqlx::query!(
            r#"SELECT r.id, r.run_definition, r.inputs, r.user_id,
                (SELECT jsonb_object_agg(s.key, jsonb_build_array(s.agent_id, s.agent_version))
                 FROM steps s WHERE s.run_id = r.id) AS "agents!"
            FROM workflow_runs r WHERE r.id = ANY($1)"#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let context = RunContext {
                    definition: document(row.run_definition, "workflow_runs", "run_definition", &row.id)?,
                    inputs: document(row.inputs, "workflow_runs", "inputs", &row.id)?,
                    agents: document(row.agents, "steps", "agent_id", &row.id)?,
                    user: workflow::UserId(row.user_id),
                };
                Ok((RunId(row.id), context))
            })
            .collect()
    }

    /// The latest artifacts that claimed steps read: (claimed step, key of the producer, name).
    pub async fn latest_artifacts(&self, wanted: &[(i64, StepKey, String)]) -> Result<Vec<LatestArtifact>> {
        let steps: Vec<i64> = wanted.iter().map(|(step, _, _)| *step).collect();
        let keys: Vec<&str> = wanted.iter().map(|(_, key, _)| key.as_str()).collect();
        let names: Vec<&str> = wanted.iter().map(|(_, _, name)| name.as_str()).collect();
        let rows = sqlx::query!(
            r#"SELECT w.step AS "step!", p.key, a.name, a.id, a.version, a.content_hash, a.media_type, a.size, a.content
            FROM unnest($1::bigint[], $2::text[], $3::text[]) w(step, key, name)
            JOIN steps s ON s.id = w.step
            JOIN steps p ON p.run_id = s.run_id AND p.key = w.key
            JOIN artifacts a ON a.step_id = p.id AND a.name = w.name AND a.is_latest"#,
            &steps,
            &keys as &[&str],
            &names as &[&str],
        )
        .fetch_all(&self.pool)
        .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let bytes = match row.content {
                Some(bytes) => bytes,
                None => self.blob(&row.content_hash, row.size).await?,
            };
            found.push(LatestArtifact {
                step: row.step,
                key: row.key.as_str().into(),
                name: row.name,
                id: ArtifactId(row.id),
                version: row.version,
                hash: row.content_hash,
                media_type: row.media_type,
                bytes,
            });
        }
        Ok(found)
    }
}

fn pairs(steps: Option<Vec<i64>>, attempts: Option<Vec<i32>>) -> Vec<(i64, i32)> {
    steps.unwrap_or_default().into_iter().zip(attempts.unwrap_or_default()).collect()
}

/// A connection that fell silent must not hold the worker: every call here may be made again.
async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T> {
    Ok(tokio::time::timeout(limit, call).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?)
}

fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}

/// A batch as the parallel arrays that the function takes.
#[derive(Default)]
struct Columns<'a> {
    step: Vec<i64>,
    attempt: Vec<i32>,
    outcome: Vec<&'static str>,
    class: Vec<Option<&'static str>>,
    error: Vec<Option<&'a str>>,
    retry_ms: Vec<Option<i64>>,
    inputs: Vec<Option<Value>>,
    usage: Vec<Option<Value>>,
    art_step: Vec<i64>,
    art_id: Vec<Uuid>,
    art_name: Vec<&'a str>,
    art_media: Vec<&'a str>,
    art_hash: Vec<&'a str>,
    art_size: Vec<i64>,
    art_content: Vec<Option<&'a [u8]>>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a [Finished]) -> Self {
        let mut columns = Self::default();
        for item in batch {
            columns.step.push(item.step);
            columns.attempt.push(item.attempt);
            let (outcome, class, error, retry) = match &item.result {
                AttemptResult::Succeeded(_) => (Outcome::Succeeded, None, None, None),
                AttemptResult::Failed { class, error, retry } => {
                    (Outcome::Failed, Some(class.as_str()), Some(error.as_str()), *retry)
                }
                AttemptResult::Released => (Outcome::Released, None, None, None),
            };
            columns.outcome.push(outcome.as_str());
            columns.class.push(class);
            columns.error.push(error);
            columns.retry_ms.push(retry.map(|retry| i64::try_from(retry.as_millis()).unwrap_or(i64::MAX)));
            columns.inputs.push((!item.inputs.is_empty()).then(|| serde_json::json!(item.inputs)));
            columns.usage.push(item.usage.as_ref().map(|usage| serde_json::json!(usage)));
            if let AttemptResult::Succeeded(artifacts) = &item.result {
                for artifact in artifacts {
                    columns.art_step.push(item.step);
                    columns.art_id.push(artifact.id.0);
                    columns.art_name.push(&artifact.name);
                    columns.art_media.push(&artifact.media_type);
                    columns.art_hash.push(&artifact.hash);
                    columns.art_size.push(artifact.size);
                    columns.art_content.push(artifact.content.as_deref());
                }
            }
        }
        columns
    }
}
