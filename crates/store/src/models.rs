//! What attempts told language models and what came back, and which parameters models do not take.
//! Written beside the log of their runs; nothing here decides about a step.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::types::Json;
use uuid::Uuid;
use workflow::{RunId, StepKey, transcript::Transcript};

use crate::{Result, Store, decode, lending::Pool};

/// A parameter that a model does not take, in words; no value stands for every value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedParameter {
    pub parameter: String,
    pub value: Option<String>,
}

/// Bytes of what is written together with others; what is larger goes alone, so that no statement is long.
const MOST_TOGETHER: usize = 16 * 1024;

/// What an attempt said and heard, as it is kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Said {
    run: Uuid,
    step: StepKey,
    number: i32,
    transcript: Arc<str>,
}

/// All of them, or none.
async fn keep(pool: Pool, said: Vec<Said>) -> Result<BTreeMap<Said, bool>> {
    let runs: Vec<Uuid> = said.iter().map(|said| said.run).collect();
    let steps: Vec<&str> = said.iter().map(|said| said.step.as_str()).collect();
    let numbers: Vec<i32> = said.iter().map(|said| said.number).collect();
    let transcripts: Vec<&str> = said.iter().map(|said| &*said.transcript).collect();
    sqlx::query(
        "INSERT INTO attempt_transcripts (run_id, step, number, transcript)
        SELECT s.run_id, s.step, s.number, s.transcript::json
        FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[]) AS s (run_id, step, number, transcript)
        ON CONFLICT (run_id, step, number) DO UPDATE SET transcript = excluded.transcript",
    )
    .bind(runs)
    .bind(steps)
    .bind(numbers)
    .bind(transcripts)
    .execute(&pool)
    .await?;
    Ok(said.into_iter().map(|said| (said, true)).collect())
}

impl Store {
    /// Keeps what an attempt said and heard; written again, the later one stays. Attempts that end at the same time write together: each
    /// waits for this before its result is told.
    pub async fn keep_transcript(
        &self,
        run: RunId,
        step: &StepKey,
        attempt: i32,
        transcript: &Transcript,
    ) -> Result<()> {
        let said =
            Said { run: run.0, step: step.clone(), number: attempt, transcript: decode::text(transcript)?.into() };
        if said.transcript.len() > MOST_TOGETHER {
            keep(self.pool.clone(), vec![said]).await?;
            return Ok(());
        }
        let pool = self.pool.clone();
        self.transcripts.ask(said, move |said| keep(pool.clone(), said)).await?;
        Ok(())
    }

    /// The caller has made sure that the run may be seen.
    pub async fn transcript(&self, run: RunId, step: &StepKey, attempt: i32) -> Result<Option<Transcript>> {
        let found = sqlx::query_scalar!(
            r#"SELECT t.transcript AS "transcript: Json<Transcript>"
            FROM attempt_transcripts t WHERE t.run_id = $1 AND t.step = $2 AND t.number = $3"#,
            run.0,
            step.as_str(),
            attempt,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.map(|transcript| transcript.0))
    }

    /// Remembers the text of a prompt that an attempt is made with.
    pub async fn keep_prompt(&self, hash: &str, text: &str) -> Result<()> {
        sqlx::query!("INSERT INTO prompts (hash, text) VALUES ($1, $2) ON CONFLICT DO NOTHING", hash, text)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Prompt texts by hash.
    pub async fn prompts(&self, hashes: &[String]) -> Result<BTreeMap<String, String>> {
        let rows =
            sqlx::query!("SELECT hash, text FROM prompts WHERE hash = ANY($1)", hashes).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (row.hash, row.text)).collect())
    }

    pub async fn refused_parameters(
        &self,
        provider: &str,
        endpoint: &str,
        model: &str,
    ) -> Result<Vec<RefusedParameter>> {
        let rows = sqlx::query!(
            "SELECT parameter, value FROM model_refusals WHERE provider = $1 AND endpoint = $2 AND model = $3 ORDER BY parameter, value",
            provider,
            endpoint,
            model,
        )
        .fetch_all(&self.pool)
        .await?;
        let refused = |parameter, value: String| RefusedParameter {
            parameter,
            value: Some(value).filter(|value| !value.is_empty()),
        };
        Ok(rows.into_iter().map(|row| refused(row.parameter, row.value)).collect())
    }

    /// What the provider's earlier addresses refused is forgotten.
    pub async fn refuse_parameter(
        &self,
        provider: &str,
        endpoint: &str,
        model: &str,
        refused: &RefusedParameter,
    ) -> Result<()> {
        sqlx::query!(
            "WITH gone AS (DELETE FROM model_refusals WHERE provider = $1 AND endpoint <> $2)
            INSERT INTO model_refusals (provider, endpoint, model, parameter, value) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING",
            provider,
            endpoint,
            model,
            refused.parameter,
            refused.value.as_deref().unwrap_or_default(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
