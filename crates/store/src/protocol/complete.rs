//! Committing results: one call for many attempts, each fenced by (step, attempt, worker).

use serde_json::{Value, json};
use uuid::Uuid;
use workflow::{RunId, status::Outcome};

use super::{AttemptResult, CALL_LIMIT, Completion, Finished, NewArtifact, Verdict, WorkerId, asking, claim, within};
use crate::{Error, Result, Store, exact};

impl Store {
    /// Commits results, and claims up to `claim` of the steps they set free.
    pub async fn complete(&self, worker: WorkerId, batch: &[Finished], claim: usize) -> Result<Completion> {
        self.remember_values(batch).await?;
        let columns = Columns::of(batch);
        let call = sqlx::query!(
            r#"SELECT verdicts AS "verdicts!", runs AS "runs!", claimed AS "claimed!", asked AS "asked!", n_left AS "n_left!"
            FROM complete_batch_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"#,
            worker.0,
            &columns.step,
            &columns.attempt,
            &columns.outcome as &[&str],
            &columns.class as &[Option<&str>],
            &columns.error as &[Option<&str>],
            &columns.retry_ms as &[Option<i64>],
            &columns.inputs as &[Option<Value>],
            &columns.usage as &[Option<Value>],
            &columns.basis as &[Option<Value>],
            &columns.message as &[Option<&str>],
            &columns.item_basis as &[Option<&str>],
            &columns.artifacts.step,
            &columns.artifacts.id,
            &columns.artifacts.name as &[&str],
            &columns.artifacts.media as &[&str],
            &columns.artifacts.hash as &[&str],
            &columns.artifacts.size,
            &columns.artifacts.content as &[Option<&[u8]>],
            i32::try_from(claim).unwrap_or(i32::MAX),
        );
        let pool = self.pool.clone();
        let row = within(CALL_LIMIT, async move { call.fetch_one(&pool).await }).await?;
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
                    Err(Error::Inconsistent { table: "complete_batch_v2", column: "verdicts", row: other.to_owned() })
                }
            })
            .collect::<Result<_>>()?;
        Ok(Completion { verdicts, claimed: claim::read(row.claimed)?, asked: asking::read(row.asked)? })
    }
}

impl Store {
    async fn remember_values(&self, batch: &[Finished]) -> Result<()> {
        let made = |item: &Finished| match &item.result {
            AttemptResult::Succeeded(artifacts) => artifacts.iter().any(|artifact| artifact.value_hash.is_some()),
            AttemptResult::Failed { .. } | AttemptResult::Released => false,
        };
        // Most batches hold nothing of the kind, and need no connection for it.
        if !batch.iter().any(made) {
            return Ok(());
        }
        let mut artifacts = Vec::<&NewArtifact>::new();
        for item in batch {
            if let AttemptResult::Succeeded(made) = &item.result {
                artifacts.extend(made);
            }
        }
        exact::remember_values(&mut *self.pool.acquire().await?, artifacts).await
    }
}

/// New artifacts as the parallel arrays that the functions take.
#[derive(Default)]
pub(crate) struct ArtifactColumns<'a> {
    pub step: Vec<i64>,
    pub id: Vec<Uuid>,
    pub name: Vec<&'a str>,
    pub media: Vec<&'a str>,
    pub hash: Vec<&'a str>,
    pub size: Vec<i64>,
    pub content: Vec<Option<&'a [u8]>>,
}

impl<'a> ArtifactColumns<'a> {
    pub(crate) fn of(step: i64, artifacts: &'a [NewArtifact]) -> Self {
        let mut columns = Self::default();
        columns.extend(step, artifacts);
        columns
    }

    fn extend(&mut self, step: i64, artifacts: &'a [NewArtifact]) {
        for artifact in artifacts {
            self.step.push(step);
            self.id.push(artifact.id.0);
            self.name.push(&artifact.name);
            self.media.push(&artifact.media_type);
            self.hash.push(&artifact.hash);
            self.size.push(artifact.size);
            self.content.push(artifact.content.as_deref());
        }
    }
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
    basis: Vec<Option<Value>>,
    message: Vec<Option<&'a str>>,
    item_basis: Vec<Option<&'a str>>,
    artifacts: ArtifactColumns<'a>,
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
            columns.inputs.push((!item.inputs.is_empty()).then(|| json!(item.inputs)));
            columns.usage.push(item.usage.as_ref().map(|usage| json!(usage)));
            columns.basis.push(item.basis.as_ref().map(|basis| json!(basis)));
            columns.message.push(item.message.as_deref());
            columns.item_basis.push(item.item_basis.as_deref());
            if let AttemptResult::Succeeded(artifacts) = &item.result {
                columns.artifacts.extend(item.step, artifacts);
            }
        }
        columns
    }
}
