//! What a viewer may see of a run, asked before a verb: small queries that carry the owner predicate.
//! Must answer alike for a run that is missing and one that is not the viewer's.

use workflow::{AgentId, RunId, Step, StepKey, StepStatus, access::Actor, view::StepOverride};

use crate::{Error, Result, Store};

/// A step as a verb needs it before it acts.
#[derive(Clone, PartialEq, Debug)]
pub struct StepOfRun {
    pub status: StepStatus,
    pub agent_id: AgentId,
    pub agent_version: i32,
    /// As the frozen definition has it.
    pub step: Step,
    pub overrides: StepOverride,
}

impl Store {
    pub async fn run_is_visible(&self, run: RunId, viewer: &Actor) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM workflow_runs WHERE id = $1 AND (user_id = $2 OR $3)) AS "found!""#,
            run.0,
            viewer.id.0,
            viewer.is_admin(),
        );
        Ok(found.fetch_one(&self.pool).await?)
    }

    pub async fn step_of_run(&self, run: RunId, key: &StepKey, viewer: &Actor) -> Result<Option<StepOfRun>> {
        let row = sqlx::query!(
            r#"SELECT s.status, s.agent_id, s.agent_version,
                      r.run_definition -> 'steps' -> s.key AS "step!", r.overrides -> s.key AS overrides
               FROM steps s JOIN workflow_runs r ON r.id = s.run_id
               WHERE r.id = $1 AND s.key = $2 AND (r.user_id = $3 OR $4)"#,
            run.0,
            key.as_str(),
            viewer.id.0,
            viewer.is_admin(),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let inconsistent = |table, column| Error::Inconsistent { table, column, row: format!("{run} {key}") };
        let overrides = row.overrides.filter(|overrides| !overrides.is_null());
        Ok(Some(StepOfRun {
            status: row.status.parse().map_err(|_| inconsistent("steps", "status"))?,
            agent_id: AgentId::new(row.agent_id),
            agent_version: row.agent_version,
            step: serde_json::from_value(row.step).map_err(|_| inconsistent("workflow_runs", "run_definition"))?,
            overrides: overrides
                .map(serde_json::from_value)
                .transpose()
                .map_err(|_| inconsistent("workflow_runs", "overrides"))?
                .unwrap_or_default(),
        }))
    }
}
