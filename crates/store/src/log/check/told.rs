//! What somebody was told is done is there: the commit of each command that was acknowledged, and the text that came with it.
//! Must never take a command for done because the run has moved on for another reason: what it came to is of a person.

use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::RunId;

use super::Invariant;

/// Commands that are looked for at a time.
const AT_ONCE: usize = 500;

/// An answer that somebody got to a command.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    pub run: RunId,
    /// The last event that came of it. Without one nothing but the run is looked for.
    #[serde(default)]
    pub seq: Option<i64>,
    /// What it was asked under: its commit has it as well.
    #[serde(default)]
    pub key: Option<String>,
    /// What somebody wrote, which has to be a version of some output.
    #[serde(default)]
    pub text: Option<String>,
}

/// A run that was deleted was there, and keeps nothing.
const LOOK: &str = "
SELECT d.run_id IS NOT NULL OR r.id IS NOT NULL AS has_run,
    d.run_id IS NOT NULL OR t.seq IS NULL OR EXISTS (
        SELECT FROM run_events last JOIN run_events e ON e.run_id = last.run_id AND e.commit_id = last.commit_id
        WHERE last.run_id = t.run AND last.seq = t.seq AND e.event ->> 'actor' IS NOT NULL
    ) AS has_event,
    d.run_id IS NOT NULL OR t.key IS NULL OR r.idempotency_key = t.key OR EXISTS (
        SELECT FROM run_events e WHERE e.run_id = t.run AND e.event #>> '{data,request,key}' = t.key
    ) AS has_key,
    d.run_id IS NOT NULL OR t.text IS NULL OR EXISTS (
        SELECT FROM artifacts a WHERE a.run_id = t.run AND a.content_hash IN (
            encode(sha256(convert_to(t.text, 'UTF8')), 'hex'), encode(sha256(convert_to(to_json(t.text)::text, 'UTF8')), 'hex')
        )
    ) AS has_text
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY AS t (run, seq, text, key, n)
LEFT JOIN workflow_runs r ON r.id = t.run
LEFT JOIN deleted_runs d ON d.run_id = t.run
ORDER BY t.n";

pub(super) async fn look(connection: &mut PgConnection, told: &[Acknowledged]) -> sqlx::Result<[Invariant; 3]> {
    let mut runs = Invariant::new("told-runs", "a run that somebody was told of is there");
    let mut events =
        Invariant::new("told-commands", "a command that somebody was told of was committed, as a person's");
    let mut texts = Invariant::new("told-texts", "what somebody wrote and was told of is a version of an output");
    for some in told.chunks(AT_ONCE) {
        let found: Vec<(bool, bool, Option<bool>, bool)> = sqlx::query_as(LOOK)
            .bind(some.iter().map(|told| told.run.0).collect::<Vec<Uuid>>())
            .bind(some.iter().map(|told| told.seq).collect::<Vec<Option<i64>>>())
            .bind(some.iter().map(|told| told.text.clone()).collect::<Vec<Option<String>>>())
            .bind(some.iter().map(|told| told.key.clone()).collect::<Vec<Option<String>>>())
            .fetch_all(&mut *connection)
            .await?;
        for (Acknowledged { run, seq, key, text }, (has_run, has_event, has_key, has_text)) in some.iter().zip(found) {
            if !has_run {
                runs.violated(&format!("run {run}"));
            }
            // Where there is no run there is no key that its row could have.
            if !has_event || has_key != Some(true) {
                events.violated(&format!("run {run}: event {}, asked under {key:?}", seq.unwrap_or_default()));
            }
            if let Some(text) = text.as_ref().filter(|_| !has_text) {
                texts.violated(&format!("run {run}: {:?}", text.chars().take(60).collect::<String>()));
            }
        }
    }
    Ok([runs, events, texts])
}
