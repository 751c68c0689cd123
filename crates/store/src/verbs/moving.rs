//! A run that goes on with another published version of its template.
//! What stays valid was judged by `workflow::moving`; here it is only carried out, if nothing happened since.

use serde_json::json;
use workflow::{StepKey, event::EventKind};

use super::{
    Call, Conflict, Move, VerbOutcome,
    tx::{Was, begin, conflict, status},
};
use crate::{Result, Store, exact, quotas::bytes_of, runs::NewSteps};

impl Store {
    pub async fn move_run(&self, call: &Call<'_>, wanted: &Move<'_>) -> Result<VerbOutcome> {
        let mut tx = begin!(self, call);
        if tx.run.is_cancelled() {
            return status("cancelled");
        }
        if matches!(tx.run.status.as_str(), "pending" | "running") {
            return status(&tx.run.status);
        }
        if tx.run.seq != wanted.seq {
            return conflict(Conflict::Moved);
        }
        let run = call.run.0;
        let running = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM (
                SELECT s.status FROM steps s WHERE s.run_id = $1 AND NOT s.superseded ORDER BY s.id FOR NO KEY UPDATE) s
            WHERE s.status = 'running'"#,
            run,
        )
        .fetch_one(tx.conn())
        .await?;
        if running > 0 {
            return status("running");
        }
        let inputs = sqlx::query_scalar!(r#"SELECT inputs::text AS "inputs!" FROM workflow_runs WHERE id = $1"#, run)
            .fetch_one(tx.conn())
            .await?;
        let inputs = exact::inputs(&inputs, &run)?;
        let all = NewSteps::of(wanted.definition, wanted.plan, wanted.agents, &inputs);
        let keys = |steps: &[StepKey]| steps.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>();
        exact::remember(tx.conn(), all.meanings.clone()).await?;
        let (stored, text) = exact::columns(wanted.definition);
        // The run holds it, and so does the event.
        tx.stores(2 * bytes_of(&stored));
        sqlx::query!(
            "UPDATE workflow_runs SET template_version = $2, run_definition = $3, definition_text = $5, max_parallel = l.max_parallel, limited = l.limited,
                budget_tokens = l.tokens, budget_cost = l.cost, on_exceed = coalesce(l.on_exceed, 'pause'),
                deadline_at = clock_timestamp() + l.timeout_s * interval '1 second'
            FROM jsonb_to_record($4) AS l(max_parallel int, limited boolean, tokens bigint, cost bigint, on_exceed text, timeout_s int)
            WHERE id = $1",
            run,
            wanted.version,
            stored,
            all.limits(wanted.definition),
            text,
        )
        .execute(tx.conn())
        .await?;
        let moved = sqlx::query_as!(
            Was,
            r#"SELECT m.step_id AS "id!", m.was AS "was!" FROM unnest(move_steps_v2($1, $2, $3, $4, $5, $6, $7, $8, $9)) m"#,
            run,
            json!(all.rows),
            &all.dep_from,
            &all.dep_to,
            &keys(&wanted.change.rerun),
            &keys(&wanted.change.removed),
            &keys(&wanted.change.added),
            json!(all.slots),
            call.actor.id.0,
        )
        .fetch_all(tx.conn())
        .await?;
        tx.moves_all(moved);
        let steps = sqlx::query_scalar!(
            r#"SELECT coalesce(jsonb_agg(jsonb_build_object('key', s.key, 'title', s.title, 'agent_id', s.agent_id,
                'agent_version', s.agent_version, 'kind', s.kind, 'status', s.status, 'reason', s.reason,
                'generation', s.generation, 'attempts', '[]'::jsonb,
                'prompt_hash', agent_prompt_hash_v2(s.agent_id, s.agent_version)) ORDER BY s.key), '[]') AS "steps!"
            FROM steps s WHERE s.run_id = $1 AND NOT s.superseded AND s.parent_id IS NULL"#,
            run,
        )
        .fetch_one(tx.conn())
        .await?;
        let name = sqlx::query_scalar!(
            "SELECT v.name FROM workflow_template_versions v JOIN workflow_runs r ON r.template_id = v.template_id AND r.template_version = v.version
            WHERE r.id = $1",
            run,
        )
        .fetch_one(tx.conn())
        .await?;
        tx.tells(
            "moved",
            json!({"template_version": wanted.version, "template_name": name, "run_definition": exact::text_of(wanted.definition), "steps": steps}),
        );
        let gone = sqlx::query_scalar!(
            r#"SELECT s.key FROM steps s LEFT JOIN steps p ON p.id = s.parent_id
            WHERE s.run_id = $1 AND s.superseded AND (s.key = ANY($2) OR p.key = ANY($2) OR p.key = ANY($3))"#,
            run,
            &keys(&wanted.change.removed),
            &keys(&wanted.change.rerun),
        )
        .fetch_all(tx.conn())
        .await?;
        tx.tells("removed", json!(gone));
        tx.fences = true;
        tx.commit(EventKind::RunMoved, None).await
    }
}
