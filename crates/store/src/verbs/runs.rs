//! Verbs on a whole run: auto-run, pause, resume, cancel.

use workflow::{event::EventKind, view::BudgetView};

use super::{
    Call, Conflict, VerbOutcome,
    tx::{Was, begin, conflict, status},
};
use crate::{Result, Store};

impl Store {
    /// Switching it on releases every gate that is only there while it is off.
    pub async fn set_auto_run(&self, call: &Call<'_>, auto_run: bool) -> Result<VerbOutcome> {
        let mut tx = begin!(self, call);
        if tx.run.auto_run == auto_run {
            return Ok(VerbOutcome::Unchanged);
        }
        if tx.run.is_over() {
            return status(&tx.run.status);
        }
        sqlx::query!("UPDATE workflow_runs SET auto_run = $2 WHERE id = $1", call.run.0, auto_run)
            .execute(tx.conn())
            .await?;
        if auto_run {
            // A form that nobody answered is no gate.
            let released = sqlx::query_scalar!(
                "UPDATE steps SET status = 'completed' WHERE run_id = $1 AND status = 'awaiting_review' AND review_mode = 'when_manual'
                    AND EXISTS (SELECT FROM artifacts a WHERE a.step_id = steps.id) AND kind <> 'human'
                RETURNING id",
                call.run.0,
            )
            .fetch_all(tx.conn())
            .await?;
            sqlx::query!(
                "UPDATE reviews SET decision = 'released', decided_by = $2, decided_at = clock_timestamp()
                WHERE step_id = ANY($1) AND decision IS NULL",
                &released,
                call.actor.id.0,
            )
            .execute(tx.conn())
            .await?;
            tx.moves_all(released.iter().map(|id| Was { id: *id, was: "awaiting_review".to_owned() }));
            tx.advance(&released).await?;
        }
        tx.commit(EventKind::AutoRunChanged, None).await
    }

    /// Nothing new starts; what runs may finish.
    pub async fn pause_run(&self, call: &Call<'_>) -> Result<VerbOutcome> {
        let mut tx = begin!(self, call);
        if tx.run.held.is_some() {
            return Ok(VerbOutcome::Unchanged);
        }
        if tx.run.is_over() {
            return status(&tx.run.status);
        }
        sqlx::query!("SELECT hold_v2($1, 'person')", call.run.0).execute(tx.conn()).await?;
        tx.commit(EventKind::RunPaused, None).await
    }

    /// Goes on, perhaps with another budget in place of the one there was; an amount left out is no limit.
    pub async fn resume_run(&self, call: &Call<'_>, budget: Option<BudgetView>) -> Result<VerbOutcome> {
        let mut tx = begin!(self, call);
        if tx.run.held.is_none() {
            return if tx.run.is_over() { status(&tx.run.status) } else { Ok(VerbOutcome::Unchanged) };
        }
        if let Some(budget) = budget {
            sqlx::query!(
                "UPDATE workflow_runs SET budget_tokens = $2, budget_cost = $3 WHERE id = $1",
                call.run.0,
                budget.tokens,
                budget.cost_micros,
            )
            .execute(tx.conn())
            .await?;
        }
        let is_spent = sqlx::query_scalar!(
            r#"SELECT ($2 >= budget_tokens OR $3 >= budget_cost) IS TRUE AS "is_spent!" FROM workflow_runs WHERE id = $1"#,
            call.run.0,
            tx.run.used_tokens,
            tx.run.used_cost,
        )
        .fetch_one(tx.conn())
        .await?;
        if is_spent {
            return conflict(Conflict::BudgetTooSmall);
        }
        sqlx::query!("UPDATE workflow_runs SET held = NULL WHERE id = $1", call.run.0).execute(tx.conn()).await?;
        sqlx::query!("SELECT admit_v2($1)", call.run.0).fetch_one(tx.conn()).await?;
        tx.commit(EventKind::RunResumed, None).await
    }

    /// Everything that is not over is cancelled. A cancelled run is final.
    pub async fn cancel_run(&self, call: &Call<'_>) -> Result<VerbOutcome> {
        let mut tx = begin!(self, call);
        if tx.run.is_cancelled() {
            return Ok(VerbOutcome::Unchanged);
        }
        if tx.run.is_over() {
            return status(&tx.run.status);
        }
        sqlx::query!(
            "UPDATE workflow_runs SET status = 'cancelled', status_reason = NULL, held = NULL, finished_at = clock_timestamp() WHERE id = $1",
            call.run.0,
        )
        .execute(tx.conn())
        .await?;
        let ended = sqlx::query_as!(
            Was,
            r#"WITH open AS (
                SELECT s.id, step_state_v2(s) AS was FROM steps s
                WHERE s.run_id = $1 AND NOT s.superseded AND s.status IN ('pending', 'ready', 'running', 'awaiting_review')
                ORDER BY s.id FOR NO KEY UPDATE
            )
            UPDATE steps s SET status = 'cancelled', lease_worker = NULL, undecided = false FROM open WHERE s.id = open.id
            RETURNING s.id, open.was AS "was!""#,
            call.run.0,
        )
        .fetch_all(tx.conn())
        .await?;
        let steps: Vec<i64> = ended.iter().map(|row| row.id).collect();
        tx.moves_all(ended);
        tx.end_open(&steps, "cancelled").await?;
        tx.fences = true;
        tx.commit(EventKind::RunCancelled, None).await
    }
}
