//! Starting a run: the run, its steps, its dependencies and its first event in one transaction.
//! Must stay idempotent under its key: of many equal starts one makes a run.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use workflow::{Definition, Plan, RunId, StepKey, TemplateId, access::Actor};

use crate::{Error, Result, Store};

/// A run that is about to be made; everything has been validated and authorized.
pub struct NewRun<'a> {
    pub id: RunId,
    pub template_id: TemplateId,
    pub version: i32,
    pub definition: &'a Definition,
    pub plan: &'a Plan,
    /// The kind of each step's agent.
    pub kinds: &'a BTreeMap<StepKey, String>,
    pub inputs: &'a BTreeMap<String, Value>,
    pub auto_run: bool,
    pub is_test: bool,
    pub actor: &'a Actor,
    /// The key, and the hash of what was asked under it.
    pub idempotency: Option<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartOutcome {
    Created,
    /// The same request was answered before with this run.
    Existing(RunId),
    /// The key was used for another request.
    Mismatch,
}

impl Store {
    pub async fn start_run(&self, new: NewRun<'_>) -> Result<StartOutcome> {
        let (mut keys, mut titles, mut agents, mut versions) = (vec![], vec![], vec![], vec![]);
        let (mut kinds, mut reviews, mut dep_from, mut dep_to) = (vec![], vec![], vec![], vec![]);
        // In plan order, so that a run's rows stand on disk in the order in which they are worked.
        for key in &new.plan.order {
            let (step, planned) = (&new.definition.steps[key], &new.plan.steps[key]);
            keys.push(key.as_str().to_owned());
            titles.push(step.title_or(key).to_owned());
            agents.push(planned.agent_id.as_str().to_owned());
            versions.push(planned.agent_version.unwrap_or_default());
            kinds.push(new.kinds.get(key).cloned().unwrap_or_default());
            reviews.push(step.review.mode.as_str().to_owned());
            for dependency in &planned.dependencies {
                dep_from.push(dependency.as_str().to_owned());
                dep_to.push(key.as_str().to_owned());
            }
        }
        let (key, request) = new.idempotency.unzip();
        let is_new = sqlx::query_scalar!(
            r#"SELECT start_run_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) AS "is_new!""#,
            new.id.0,
            new.template_id.0,
            new.version,
            new.definition.to_value(),
            json!(new.inputs),
            new.auto_run,
            new.is_test,
            new.actor.id.0,
            key.as_deref(),
            request.as_deref(),
            &keys,
            &titles,
            &agents,
            &versions,
            &kinds,
            &reviews,
            &dep_from,
            &dep_to,
        )
        .fetch_one(&self.pool)
        .await?;
        if is_new {
            self.outbox.run(new.id);
            self.outbox.ready();
            return Ok(StartOutcome::Created);
        }
        let earlier = sqlx::query!(
            "SELECT id, request_hash FROM workflow_runs WHERE user_id = $1 AND idempotency_key = $2",
            new.actor.id.0,
            key,
        )
        .fetch_optional(&self.pool)
        .await?
        .ok_or(Error::RowCount { statement: "start_run_v1", changed: 0 })?;
        Ok(if earlier.request_hash == request {
            StartOutcome::Existing(RunId(earlier.id))
        } else {
            StartOutcome::Mismatch
        })
    }
}
