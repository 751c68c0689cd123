//! Verbs that make a step run, or keep it from running: trigger, re-run, stop, skip.

use serde_json::{Map, Value};
use workflow::{StepKey, event::EventKind};

use super::{
    Call, Conflict, Rerun, Skip, Trigger, VerbOutcome,
    tx::{Step, Tx, Was, begin, conflict, status},
};
use crate::{Result, Store, exact};

impl Store {
    /// Starts, retries or re-runs one step.
    pub async fn trigger_step(&self, call: &Call<'_>, key: &StepKey, trigger: &Trigger) -> Result<VerbOutcome> {
        let (mut tx, step) = begin!(self, call, key, trigger.expect_generation);
        if !step.is(&["ready", "completed", "failed", "skipped"]) {
            return status(&step.status);
        }
        let is_new = tx.override_step(&step.key, trigger.prompt.as_ref(), trigger.inputs.as_ref()).await?;
        if step.is(&["ready"]) {
            // Of equal clicks one has an effect: the others find the step queued just as they want it.
            if trigger.expect_generation.is_some() && !is_new && tx.is_due(&step).await? {
                return Ok(VerbOutcome::Unchanged);
            }
            // Already queued: only what it will run with changes, and a backoff is over.
            tx.moves(&step);
            sqlx::query!("UPDATE steps SET not_before = clock_timestamp() WHERE id = $1", step.id)
                .execute(tx.conn())
                .await?;
        } else {
            tx.restart(&[step.id], None, "superseded").await?;
        }
        start_in_held_run(&mut tx, &step).await?;
        tx.commit(EventKind::StepTriggered, Some(&step.key)).await
    }

    /// Runs a step again, with what the plan names downstream of it.
    pub async fn rerun_step(&self, call: &Call<'_>, key: &StepKey, rerun: &Rerun) -> Result<VerbOutcome> {
        let (mut tx, step) = begin!(self, call, key, rerun.expect_generation);
        if !step.is(&["completed", "failed", "skipped"]) {
            return status(&step.status);
        }
        if rerun.seq.is_some_and(|seq| seq != tx.run.seq) {
            return conflict(Conflict::Moved);
        }
        let keys: Vec<&str> = rerun.closure.iter().map(StepKey::as_str).collect();
        let steps = sqlx::query_scalar!(
            "SELECT id FROM steps WHERE run_id = $1 AND key = ANY($2) AND NOT superseded ORDER BY id FOR NO KEY UPDATE",
            call.run.0,
            &keys as &[&str],
        )
        .fetch_all(tx.conn())
        .await?;
        if steps.len() != keys.len() || !steps.contains(&step.id) {
            return conflict(Conflict::Moved);
        }
        tx.override_step(&step.key, rerun.prompt.as_ref(), rerun.inputs.as_ref()).await?;
        tx.restart(&steps, None, "superseded").await?;
        start_in_held_run(&mut tx, &step).await?;
        tx.commit(EventKind::StepRerun, Some(&step.key)).await
    }

    /// Ends what a step is doing, or waits to do; it can be retried.
    pub async fn stop_step(
        &self,
        call: &Call<'_>,
        key: &StepKey,
        expect_generation: Option<i32>,
    ) -> Result<VerbOutcome> {
        let (mut tx, step) = begin!(self, call, key, expect_generation);
        if !step.is(&["ready", "running"]) {
            return status(&step.status);
        }
        tx.moves(&step);
        let ended = sqlx::query_as!(
            Was,
            r#"WITH open AS (
                SELECT i.id, step_state_v2(i) AS was FROM steps i
                WHERE i.parent_id = $1 AND NOT i.superseded AND i.status NOT IN ('completed', 'failed', 'skipped', 'cancelled')
                ORDER BY i.id FOR NO KEY UPDATE
            )
            UPDATE steps s SET status = 'cancelled', lease_worker = NULL FROM open WHERE s.id = open.id
            RETURNING s.id, open.was AS "was!""#,
            step.id,
        )
        .fetch_all(tx.conn())
        .await?;
        let items: Vec<i64> = ended.iter().map(|row| row.id).collect();
        tx.moves_all(ended);
        let ended: Vec<i64> = items.into_iter().chain([step.id]).collect();
        tx.end_open(&ended, "superseded").await?;
        sqlx::query!("UPDATE steps SET items_left = 0 WHERE id = $1 AND is_map", step.id).execute(tx.conn()).await?;
        sqlx::query!("SELECT fail_steps_v2(ARRAY[$1::bigint], 'stopped')", step.id).execute(tx.conn()).await?;
        tx.advance(&[step.id]).await?;
        tx.fences = true;
        tx.commit(EventKind::StepStopped, Some(&step.key)).await
    }

    /// Goes on without a step, with values for those that wanted its artifacts.
    pub async fn skip_step(&self, call: &Call<'_>, key: &StepKey, skip: &Skip) -> Result<VerbOutcome> {
        let (mut tx, step) = begin!(self, call, key, skip.expect_generation);
        if !step.is(&["pending", "ready", "failed", "awaiting_review"]) {
            return status(&step.status);
        }
        if skip.seq.is_some_and(|seq| seq != tx.run.seq) {
            return conflict(Conflict::Moved);
        }
        tx.moves(&step);
        if step.is_terminal() {
            tx.reopen(&step).await?;
        }
        let mut changed = std::collections::BTreeMap::new();
        for (key, inputs) in &skip.inputs {
            let mut value: Map<String, Value> =
                tx.run.overrides.get(key.as_str()).and_then(Value::as_object).cloned().unwrap_or_default();
            let mut set = value.remove("inputs").unwrap_or_default();
            exact::open(&mut set);
            let mut all = set.as_object().cloned().unwrap_or_default();
            all.extend(inputs.iter().map(|(port, value)| (port.clone(), value.clone())));
            value.insert("inputs".to_owned(), exact::text_of(&all));
            changed.insert(key.as_str().to_owned(), value);
        }
        tx.set_overrides(changed).await?;
        tx.close_gate(&step, "superseded").await?;
        sqlx::query!(
            "UPDATE steps SET status = 'skipped', reason = 'person', undecided = false WHERE id = $1",
            step.id
        )
        .execute(tx.conn())
        .await?;
        tx.advance(&[step.id]).await?;
        tx.commit(EventKind::StepSkipped, Some(&step.key)).await
    }
}

impl Tx<'_> {
    /// Whether a ready step may be claimed now, as far as backoff and a held run go.
    async fn is_due(&mut self, step: &Step) -> Result<bool> {
        let is_held = self.run.held.is_some();
        let due = sqlx::query_scalar!(
            r#"SELECT not_before <= clock_timestamp() AND (admitted OR NOT $2::boolean) AS "due!" FROM steps WHERE id = $1"#,
            step.id,
            is_held,
        );
        Ok(due.fetch_one(self.conn()).await?)
    }
}

/// In a paused run nothing starts by itself, but what a person triggers does, as far as limits let it.
async fn start_in_held_run(tx: &mut Tx<'_>, step: &Step) -> Result<()> {
    if tx.run.held.is_some() {
        sqlx::query!("UPDATE steps SET forced = true WHERE id = $1 AND status = 'ready'", step.id)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}
