//! What a viewer may see of a run, asked before a verb: small queries that carry the owner predicate.
//! Must answer alike for a run that is missing and one that is not the viewer's.

use std::collections::{BTreeMap, BTreeSet};

use workflow::{AgentId, RunId, Step, StepKey, StepStatus, access::Actor, view::StepOverride};

use crate::{Error, Result, Store, exact};

/// A step as a verb needs it before it acts.
#[derive(Clone, PartialEq, Debug)]
pub struct StepOfRun {
    pub status: StepStatus,
    pub agent_id: AgentId,
    pub agent_version: i32,
    /// As the frozen definition has it; an item's is its map step's.
    pub step: Step,
    pub overrides: StepOverride,
}

/// What a viewer may do with a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// Every verb: its owner, or an admin.
    Full,
    /// Somebody who is asked: the open gates of these steps, and to look.
    Gates(BTreeSet<StepKey>),
}

impl Store {
    pub async fn run_is_visible(&self, run: RunId, viewer: &Actor) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM workflow_runs r WHERE r.id = $1 AND run_is_visible_v3(r, $2, $3, $4)) AS "found!""#,
            run.0,
            viewer.id.0,
            viewer.role.as_str(),
            viewer.email,
        );
        Ok(found.fetch_one(&self.pool).await?)
    }

    /// What the viewer may do with a run; none when it does not exist or is not theirs to see.
    pub async fn run_access(&self, run: RunId, viewer: &Actor) -> Result<Option<Access>> {
        let row = sqlx::query!(
            r#"SELECT r.user_id = $2 OR $3 = 'admin' AS "is_full!",
                (SELECT array_agg(s.key) FROM reviews v JOIN steps s ON s.id = v.step_id
                 WHERE s.run_id = r.id AND v.decision IS NULL AND (v.emails @> ARRAY[lower($4)] OR v.roles @> ARRAY[$3])) AS gates
            FROM workflow_runs r WHERE r.id = $1 AND run_is_visible_v3(r, $2, $3, $4)"#,
            run.0,
            viewer.id.0,
            viewer.role.as_str(),
            viewer.email,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| {
            if row.is_full {
                Access::Full
            } else {
                Access::Gates(row.gates.unwrap_or_default().into_iter().map(StepKey::new).collect())
            }
        }))
    }

    /// Whether the same request was answered before under its key: whoever decided at a gate may ask again after it closed.
    pub async fn was_answered(&self, run: RunId, actor: &Actor, key: &str, request: &str) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"SELECT EXISTS (
                SELECT FROM verb_keys WHERE run_id = $1 AND user_id = $2 AND key = $3 AND request_hash = $4) AS "found!""#,
            run.0,
            actor.id.0,
            key,
            request,
        );
        Ok(found.fetch_one(&self.pool).await?)
    }

    /// `viewer` is absent for somebody who was let in at a gate: what they ask for is answered, though the gate may have closed meanwhile.
    pub async fn step_of_run(&self, run: RunId, key: &StepKey, viewer: Option<&Actor>) -> Result<Option<StepOfRun>> {
        let (definition_key, _) = key.split();
        let row = sqlx::query!(
            r#"SELECT s.status, s.agent_id, s.agent_version,
                      coalesce((r.definition_text::json -> 'steps' -> $6)::text, (r.run_definition -> 'steps' -> $6)::text) AS "step!", r.overrides -> s.key AS overrides, r.overrides -> $6 AS of_map
               FROM steps s JOIN workflow_runs r ON r.id = s.run_id
               WHERE r.id = $1 AND s.key = $2 AND NOT s.superseded
                   AND ($3::uuid IS NULL OR run_is_visible_v3(r, $3, $4, $5))"#,
            run.0,
            key.as_str(),
            viewer.map(|viewer| viewer.id.0),
            viewer.map(|viewer| viewer.role.as_str()),
            viewer.map(|viewer| viewer.email.as_str()),
            definition_key.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let inconsistent = |table, column| Error::Inconsistent { table, column, row: format!("{run} {key}") };
        let mut overrides = BTreeMap::new();
        for (key, value) in [(definition_key, row.of_map), (key.clone(), row.overrides)] {
            if let Some(mut value) = value.filter(|value| !value.is_null()) {
                exact::open_override(&mut value);
                let value: StepOverride =
                    serde_json::from_value(value).map_err(|_| inconsistent("workflow_runs", "overrides"))?;
                overrides.insert(key, value);
            }
        }
        Ok(Some(StepOfRun {
            status: row.status.parse().map_err(|_| inconsistent("steps", "status"))?,
            agent_id: AgentId::new(row.agent_id),
            agent_version: row.agent_version,
            step: serde_json::from_str(&row.step).map_err(|_| inconsistent("workflow_runs", "run_definition"))?,
            overrides: workflow::resolve::effective_override(&overrides, key).unwrap_or_default(),
        }))
    }
}
