//! The verbs of a person on a run: each one call of a versioned function, one transaction, one event.
//! Whether the person may do it was decided before; whether the state allows it is decided here, under the run's lock.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use workflow::{RunId, StepKey, access::Actor};

use crate::{Error, Result, Store};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VerbOutcome {
    Done,
    /// It was already so: nothing was written.
    Unchanged,
    NotFound,
    Conflict(Conflict),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conflict {
    /// The step or run is in a status that does not allow it.
    Status(String),
    /// Another generation has begun since.
    Generation,
    /// Something newer is there than what was seen.
    Digest,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Trigger {
    /// Absent leaves the override, an inner none takes it back.
    pub prompt: Option<Option<String>>,
    /// Absent leaves them; an empty map takes them back.
    pub inputs: Option<BTreeMap<String, Value>>,
    pub expect_generation: Option<i32>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Approval {
    pub digest: Option<String>,
    pub expect_generation: Option<i32>,
}

fn outcome(function: &'static str, answer: Option<&str>, status: Option<String>) -> Result<VerbOutcome> {
    Ok(match answer {
        Some("done") => VerbOutcome::Done,
        Some("unchanged") => VerbOutcome::Unchanged,
        Some("not_found") => VerbOutcome::NotFound,
        Some("generation") => VerbOutcome::Conflict(Conflict::Generation),
        Some("digest") => VerbOutcome::Conflict(Conflict::Digest),
        Some("status") => VerbOutcome::Conflict(Conflict::Status(status.unwrap_or_default())),
        other => {
            return Err(Error::Inconsistent { table: function, column: "answer", row: format!("{other:?}") });
        }
    })
}

impl Store {
    pub async fn trigger_step(
        &self,
        run: RunId,
        key: &StepKey,
        trigger: &Trigger,
        actor: &Actor,
    ) -> Result<VerbOutcome> {
        let row = sqlx::query!(
            "SELECT answer, status FROM trigger_step_v1($1, $2, $3, $4, $5, $6, $7)",
            run.0,
            key.as_str(),
            trigger.prompt.is_some(),
            trigger.prompt.as_ref().and_then(Option::as_deref),
            trigger.inputs.as_ref().map(|inputs| json!(inputs)),
            trigger.expect_generation,
            actor.id.0,
        )
        .fetch_one(&self.pool)
        .await?;
        let outcome = outcome("trigger_step_v1", row.answer.as_deref(), row.status)?;
        self.hint(run, &outcome);
        Ok(outcome)
    }

    pub async fn approve_step(
        &self,
        run: RunId,
        key: &StepKey,
        approval: &Approval,
        actor: &Actor,
    ) -> Result<VerbOutcome> {
        let row = sqlx::query!(
            "SELECT answer, status FROM approve_step_v1($1, $2, $3, $4, $5)",
            run.0,
            key.as_str(),
            approval.digest.as_deref(),
            approval.expect_generation,
            actor.id.0,
        )
        .fetch_one(&self.pool)
        .await?;
        let outcome = outcome("approve_step_v1", row.answer.as_deref(), row.status)?;
        self.hint(run, &outcome);
        Ok(outcome)
    }

    pub async fn set_auto_run(&self, run: RunId, auto_run: bool, actor: &Actor) -> Result<VerbOutcome> {
        let row = sqlx::query!("SELECT answer, status FROM set_auto_run_v1($1, $2, $3)", run.0, auto_run, actor.id.0,)
            .fetch_one(&self.pool)
            .await?;
        let outcome = outcome("set_auto_run_v1", row.answer.as_deref(), row.status)?;
        self.hint(run, &outcome);
        Ok(outcome)
    }

    pub async fn cancel_run(&self, run: RunId, actor: &Actor) -> Result<VerbOutcome> {
        let row = sqlx::query!("SELECT answer, status FROM cancel_run_v1($1, $2)", run.0, actor.id.0)
            .fetch_one(&self.pool)
            .await?;
        let outcome = outcome("cancel_run_v1", row.answer.as_deref(), row.status)?;
        self.hint(run, &outcome);
        if outcome == VerbOutcome::Done {
            self.outbox.cancelled(run);
        }
        Ok(outcome)
    }

    /// After the commit: readers look again, and workers look for what may have become ready.
    fn hint(&self, run: RunId, outcome: &VerbOutcome) {
        if *outcome == VerbOutcome::Done {
            self.outbox.run(run);
            self.outbox.ready();
        }
    }
}
