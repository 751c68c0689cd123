//! A run that begins with what another one has made, and taking versions over from a run.
//! Bytes are shared by their hash; a row copied says `import`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;
use workflow::{Definition, RunId, StepKey, TemplateId, UserId, event::EventKind};

use super::{
    Call, Conflict, Fork, VerbOutcome,
    tx::{begin, conflict, status},
};
use crate::{
    Result, Store, exact,
    quotas::bytes_of,
    runs::{NewRun, NewSteps},
};

impl Store {
    /// Makes the new run; the source is only read.
    pub async fn fork_run(&self, call: &Call<'_>, fork: &Fork<'_>) -> Result<VerbOutcome> {
        let mut tx = begin!(self, call);
        if tx.run.seq != fork.seq {
            return conflict(Conflict::Moved);
        }
        if !self.limits.has_room(tx.conn(), call.actor.id).await? {
            return Err(self.limits.no_room());
        }
        let source = sqlx::query!(
            r#"SELECT template_id, template_version, run_definition, definition_text, inputs::text AS "inputs!", overrides, is_test
            FROM workflow_runs WHERE id = $1"#,
            call.run.0,
        )
        .fetch_one(tx.conn())
        .await?;
        let text = source.definition_text.as_deref();
        let definition: Definition =
            exact::definition(source.run_definition, text, "workflow_runs", "run_definition", &call.run)?;
        let inputs = exact::inputs(&source.inputs, &call.run)?;
        let steps = NewSteps::of(&definition, fork.plan, fork.agents, &inputs);
        let new = NewRun {
            id: fork.id,
            template_id: TemplateId(source.template_id),
            version: source.template_version,
            definition: &definition,
            plan: fork.plan,
            agents: fork.agents,
            inputs: &inputs,
            auto_run: fork.auto_run,
            is_test: source.is_test,
            user: UserId(call.actor.id.0),
            idempotency: None,
        };
        let mut run = new.document(&steps);
        // Changes to items are left behind with the items.
        let overrides: Map<String, Value> = source
            .overrides
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| StepKey::new(key.as_str()).split().1.is_none())
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        run["overrides"] = Value::Object(overrides);
        run["forked"] = json!({"run": call.run, "step": fork.at});
        exact::remember(tx.conn(), steps.meanings.clone()).await?;
        let rows = json!(steps.rows);
        tx.stores(bytes_of(&run) + bytes_of(&rows));
        sqlx::query!("SELECT start_run_v2($1, $2, $3, $4)", run, rows, &steps.dep_from, &steps.dep_to)
            .fetch_one(tx.conn())
            .await?;
        let keys: Vec<&str> = fork.kept.iter().map(StepKey::as_str).collect();
        let answer = VerbOutcome::Done;
        // One event in the new run tells what it begins with.
        sqlx::query!("SELECT take_over_v2($1, $2, $3, $4)", fork.id.0, call.run.0, &keys as &[&str], call.actor.id.0)
            .fetch_one(tx.conn())
            .await?;
        // Large content is shared, small content is copied.
        let copied = sqlx::query_scalar!(
            r#"SELECT coalesce(sum(octet_length(content)), 0)::bigint AS "n!" FROM artifacts WHERE run_id = $1"#,
            fork.id.0,
        )
        .fetch_one(tx.conn())
        .await?;
        tx.stores(usize::try_from(copied).unwrap_or(usize::MAX));
        tx.close_with_run().await?;
        self.tell(fork.id, false);
        Ok(answer)
    }

    /// Takes the latest versions of another run over into this one, where they differ.
    pub async fn adopt_run(&self, call: &Call<'_>, from: RunId, steps: &[StepKey]) -> Result<VerbOutcome> {
        let mut tx = begin!(self, call);
        if tx.run.is_cancelled() {
            return status("cancelled");
        }
        let keys: Vec<&str> = steps.iter().map(StepKey::as_str).collect();
        let differing = sqlx::query!(
            r#"SELECT t.key, a.name, a.media_type, a.content_hash, a.size, a.content
            FROM steps f JOIN artifacts a ON a.step_id = f.id AND a.is_latest
            JOIN steps t ON t.run_id = $1 AND t.key = f.key AND NOT t.superseded
            WHERE f.run_id = $2 AND f.status = 'completed' AND NOT f.superseded AND f.parent_id IS NULL AND t.parent_id IS NULL
                AND (cardinality($3::text[]) = 0 OR f.key = ANY($3))
                AND NOT EXISTS (SELECT 1 FROM artifacts o
                    WHERE o.step_id = t.id AND o.name = a.name AND o.is_latest AND o.content_hash = a.content_hash AND t.status = 'completed')
            ORDER BY t.key COLLATE "C", a.name COLLATE "C""#,
            call.run.0,
            from.0,
            &keys as &[&str],
        )
        .fetch_all(tx.conn())
        .await?;
        let mut by_step: BTreeMap<String, Vec<crate::protocol::NewArtifact>> = BTreeMap::new();
        for row in differing {
            by_step.entry(row.key).or_default().push(crate::protocol::NewArtifact {
                id: workflow::ArtifactId(Uuid::now_v7()),
                name: row.name,
                media_type: row.media_type,
                hash: row.content_hash,
                size: row.size,
                content: row.content,
                value_hash: None,
            });
        }
        if by_step.is_empty() {
            return conflict(Conflict::NothingToAdopt);
        }
        for (key, artifacts) in by_step {
            let Some(step) = tx.step(&key.as_str().into()).await? else { return Ok(VerbOutcome::NotFound) };
            if step.is(&["running"]) || step.status == "cancelled" {
                return status(&step.status);
            }
            tx.put(&step, &artifacts, "import").await?;
            tx.complete_by_hand(&step).await?;
        }
        tx.commit(EventKind::RunAdopted, None).await
    }
}
