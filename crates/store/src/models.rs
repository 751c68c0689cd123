//! What attempts told language models and what came back, and which parameters models do not take.
//! Written beside the log of their runs; nothing here decides about a step.

use std::collections::BTreeMap;

use sqlx::types::Json;
use workflow::{RunId, StepKey, transcript::Transcript};

use crate::{Result, Store, decode};

/// A parameter that a model does not take, in words; no value stands for every value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedParameter {
    pub parameter: String,
    pub value: Option<String>,
}

impl Store {
    /// Keeps what an attempt said and heard; written again, the later one stays.
    pub async fn keep_transcript(
        &self,
        run: RunId,
        step: &StepKey,
        attempt: i32,
        transcript: &Transcript,
    ) -> Result<()> {
        sqlx::query!(
            "INSERT INTO attempt_transcripts (run_id, step, number, transcript) VALUES ($1, $2, $3, $4::text::json)
            ON CONFLICT (run_id, step, number) DO UPDATE SET transcript = EXCLUDED.transcript",
            run.0,
            step.as_str(),
            attempt,
            decode::text(transcript)?,
        )
        .execute(&self.pool)
        .await?;
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
