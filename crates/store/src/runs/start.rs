//! Starting a run: the run, its steps, its dependencies and its first event in one transaction.
//! Must stay idempotent under its key: of many equal starts one makes a run.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgConnection;
use workflow::{AgentCatalog, Definition, Plan, RunId, TemplateId, UserId};

use crate::{Error, Result, Store, exact, quotas::bytes_of, runs::NewSteps};

/// A run that is about to be made; everything has been validated and authorized.
pub struct NewRun<'a> {
    pub id: RunId,
    pub template_id: TemplateId,
    pub version: i32,
    pub definition: &'a Definition,
    pub plan: &'a Plan,
    /// The agent versions that the definition is pinned to.
    pub agents: &'a AgentCatalog,
    pub inputs: &'a BTreeMap<String, Value>,
    pub auto_run: bool,
    pub is_test: bool,
    /// Whose run it is, and who started it.
    pub user: UserId,
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

impl NewRun<'_> {
    /// The run as `start_run_v2` takes it.
    pub(crate) fn document(&self, steps: &NewSteps) -> Value {
        let (key, request) = self.idempotency.clone().unzip();
        let (definition, text) = exact::columns(self.definition);
        json!({
            "id": self.id, "template": self.template_id, "version": self.version,
            "definition": definition, "definition_text": text, "inputs": exact::text_of(self.inputs),
            "auto_run": self.auto_run, "is_test": self.is_test, "user": self.user, "actor": self.user,
            "idem_key": key, "request_hash": request, "n_steps": steps.rows.len(), "slots": steps.slots,
            "limits": steps.limits(self.definition),
        })
    }
}

impl Store {
    pub async fn start_run(&self, new: NewRun<'_>) -> Result<StartOutcome> {
        let steps = NewSteps::of(new.definition, new.plan, new.agents, new.inputs);
        let is_new = if self.limits.are_none() {
            let (run, rows) = (new.document(&steps), json!(steps.rows));
            insert(&mut *self.pool.acquire().await?, &steps, &run, &rows).await?
        } else {
            self.start_within_limits(&new, &steps).await?
        };
        if is_new {
            self.outbox.run(new.id);
            self.outbox.ready();
            return Ok(StartOutcome::Created);
        }
        let (key, request) = new.idempotency.unzip();
        let earlier = self.started_under(new.user, key.as_deref().unwrap_or_default()).await?;
        let (run, hash) = earlier.ok_or(Error::RowCount { statement: "start_run_v2", changed: 0 })?;
        Ok(if Some(&hash) == request.as_ref() { StartOutcome::Existing(run) } else { StartOutcome::Mismatch })
    }

    /// False: the key is known. A quota refuses only what would make a run, never the repetition of a request.
    async fn start_within_limits(&self, new: &NewRun<'_>, steps: &NewSteps) -> Result<bool> {
        if !self.limits.has_room(&mut *self.pool.acquire().await?, new.user).await? {
            // Whoever asked the same at the same time may just have taken the last place.
            let key = new.idempotency.as_ref().map(|(key, _)| key.as_str());
            return match key {
                Some(key) if self.started_under(new.user, key).await?.is_some() => Ok(false),
                _ => Err(self.limits.no_room()),
            };
        }
        let (run, rows) = (new.document(steps), json!(steps.rows));
        let mut tx = self.pool.begin().await?;
        let is_new = insert(&mut tx, steps, &run, &rows).await?;
        if is_new {
            self.limits.begin_run(&mut tx, new.user, bytes_of(&run) + bytes_of(&rows)).await?;
            tx.commit().await?;
        }
        Ok(is_new)
    }

    /// The run that somebody started under a key, with the hash of what was asked.
    pub async fn started_under(&self, user: UserId, key: &str) -> Result<Option<(RunId, String)>> {
        let row = sqlx::query!(
            r#"SELECT id, request_hash AS "request_hash!" FROM workflow_runs WHERE user_id = $1 AND idempotency_key = $2"#,
            user.0,
            key,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| (RunId(row.id), row.request_hash)))
    }
}

/// False: there is a run under this key already.
async fn insert(connection: &mut PgConnection, steps: &NewSteps, run: &Value, rows: &Value) -> Result<bool> {
    exact::remember(&mut *connection, steps.meanings.clone()).await?;
    let is_new = sqlx::query_scalar!(
        r#"SELECT start_run_v2($1, $2, $3, $4) AS "is_new!""#,
        run,
        rows,
        &steps.dep_from,
        &steps.dep_to,
    )
    .fetch_one(connection)
    .await?;
    Ok(is_new)
}
