//! Decisions: what the engine is asked to look at, what it needs to judge it, and how the judgement is committed.
//! An asking is a wish to look, never a truth: what it finds under the lock decides.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use workflow::{
    RunId, RunStatus, StepKey, StepStatus,
    decide::Dependency,
    status::Reason,
    view::{Basis, ConsumedInput, StepOverride},
};

use super::{CALL_LIMIT, within};
use crate::{
    Result, Store,
    decode::{document, maybe_word, word},
    exact,
};

/// A wish that a step be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Asked {
    pub id: i64,
    pub step: i64,
}

/// A step that was asked about, with all that judging it needs but artifacts.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one row")]
#[derive(Clone, PartialEq, Debug)]
pub struct Asking {
    pub step: i64,
    pub run: RunId,
    /// Of the run's template.
    pub version: i32,
    pub key: StepKey,
    pub status: StepStatus,
    pub is_map: bool,
    pub undecided: bool,
    /// Which asking this is: the judgement of an older one is passed over.
    pub mark: i32,
    /// A person wants it to run, whatever its rule and condition say.
    pub forced: bool,
    /// Queued, but a limit does not let it go yet.
    pub is_held: bool,
    /// What the run changes about it and, for a map, about its items.
    pub overrides: BTreeMap<StepKey, StepOverride>,
    pub dependencies: Vec<Dependency>,
    pub run_is_cancelled: bool,
    /// The run of its sub-workflow, and how it stands.
    pub child: Option<(RunId, RunStatus)>,
    /// Runs it began and does not wait for any more.
    pub abandoned: Vec<RunId>,
}

/// What became of a step that was asked about.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    Run,
    Skip(Reason),
    Fail { class: Reason, error: String },
}

#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    pub step: i64,
    pub mark: i32,
    pub decision: Decision,
}

/// An item of a map.
#[derive(Clone, PartialEq, Debug)]
pub struct NewItem {
    pub key: String,
    pub value: Value,
    /// Hash of everything it is run with.
    pub basis: String,
}

pub(super) fn read(value: Value) -> Result<Vec<Asked>> {
    let pairs: Vec<(i64, i64)> = document(value, "decisions", "*", &"*")?;
    Ok(pairs.into_iter().map(|(id, step)| Asked { id, step }).collect())
}

impl Store {
    /// What there is to know about the steps asked for; those that are gone are left out.
    pub async fn askings(&self, asked: &[Asked]) -> Result<Vec<Asking>> {
        let steps: BTreeSet<i64> = asked.iter().map(|asked| asked.step).collect();
        let steps: Vec<i64> = steps.into_iter().collect();
        let rows = sqlx::query!(
            r#"SELECT s.id AS "id!", s.run_id AS "run_id!", r.template_version AS "template_version!", s.key AS "key!",
                s.status AS "status!", s.is_map AS "is_map!", s.undecided AS "undecided!", s.mark AS "mark!", s.forced AS "forced!",
                s.child_run, s.status = 'ready' AND NOT s.admitted AS "is_held!", r.status AS "run_status!",
                c.status AS "child_status?",
                CASE WHEN r.overrides = '{}' THEN r.overrides ELSE (
                    SELECT coalesce(jsonb_object_agg(o.key, o.value), '{}') FROM jsonb_each(r.overrides) o
                    WHERE o.key = s.key OR (s.is_map AND starts_with(o.key, s.key || '['))) END AS "overrides!",
                CASE WHEN s.undecided AND s.status = 'pending' THEN (
                    SELECT jsonb_agg(jsonb_build_array(p.status, p.reason, p.on_error)) FROM step_deps d JOIN steps p ON p.id = d.depends_on
                    WHERE d.step_id = s.id) END AS dependencies,
                CASE WHEN s.kind = 'workflow' THEN (
                    SELECT array_agg(a.id) FROM workflow_runs a WHERE a.parent_step = s.id AND a.finished_at IS NULL
                        AND NOT (s.status = 'running' AND a.id = s.child_run AND r.status <> 'cancelled')) END AS abandoned
            FROM steps s JOIN workflow_runs r ON r.id = s.run_id LEFT JOIN workflow_runs c ON c.id = s.child_run
            WHERE s.id = ANY($1) AND NOT s.superseded"#,
            &steps,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let dependencies: Option<Vec<(String, Option<String>, String)>> =
                    row.dependencies.map(|value| document(value, "steps", "status", &row.id)).transpose()?;
                let dependencies = dependencies.unwrap_or_default().into_iter().map(|(status, reason, on_error)| {
                    Ok(Dependency {
                        status: word(&status, "steps", "status", &row.id)?,
                        reason: maybe_word(reason.as_deref(), "steps", "reason", &row.id)?,
                        on_error: document(Value::String(on_error), "steps", "on_error", &row.id)?,
                    })
                });
                let child_status: Option<RunStatus> =
                    maybe_word(row.child_status.as_deref(), "workflow_runs", "status", &row.id)?;
                Ok(Asking {
                    step: row.id,
                    run: RunId(row.run_id),
                    version: row.template_version,
                    status: word(&row.status, "steps", "status", &row.id)?,
                    key: row.key.as_str().into(),
                    is_map: row.is_map,
                    undecided: row.undecided,
                    mark: row.mark,
                    forced: row.forced,
                    is_held: row.is_held,
                    overrides: {
                        let mut overrides = row.overrides;
                        exact::open_overrides(&mut overrides);
                        document(overrides, "workflow_runs", "overrides", &row.run_id)?
                    },
                    dependencies: dependencies.collect::<Result<_>>()?,
                    run_is_cancelled: row.run_status == "cancelled",
                    child: row.child_run.map(RunId).zip(child_status),
                    abandoned: row.abandoned.unwrap_or_default().into_iter().map(RunId).collect(),
                })
            })
            .collect()
    }

    /// These askings were answered.
    pub async fn answered(&self, asked: &[Asked]) -> Result<()> {
        let ids: Vec<i64> = asked.iter().map(|asked| asked.id).collect();
        sqlx::query!("DELETE FROM decisions WHERE id = ANY($1)", &ids).execute(&self.pool).await?;
        Ok(())
    }

    /// Commits decisions about steps of one run.
    pub async fn decide(&self, run: RunId, decided: &[Decided]) -> Result<()> {
        let (mut steps, mut marks, mut verdicts, mut reasons, mut errors) = (vec![], vec![], vec![], vec![], vec![]);
        for item in decided {
            steps.push(item.step);
            marks.push(item.mark);
            let (verdict, reason, error) = match &item.decision {
                Decision::Run => ("run", None, None),
                Decision::Skip(reason) => ("skip", Some(reason.as_str()), None),
                Decision::Fail { class, error } => ("fail", Some(class.as_str()), Some(error.as_str())),
            };
            verdicts.push(verdict);
            reasons.push(reason);
            errors.push(error);
        }
        let call = sqlx::query_scalar!(
            r#"SELECT decide_v2($1, $2, $3, $4, $5, $6) AS "changed!""#,
            run.0,
            &steps,
            &marks,
            &verdicts as &[&str],
            &reasons as &[Option<&str>],
            &errors as &[Option<&str>],
        );
        let pool = self.pool.clone();
        self.hint_change(run, within(CALL_LIMIT, async move { call.fetch_one(&pool).await }).await?);
        Ok(())
    }

    /// Gives a map its items, in list order.
    pub async fn expand(
        &self,
        asking: &Asking,
        inputs: &[ConsumedInput],
        basis: Option<&Basis>,
        items: Vec<NewItem>,
    ) -> Result<()> {
        let (mut keys, mut values, mut made_with) = (vec![], vec![], vec![]);
        for item in items {
            keys.push(item.key);
            values.push(exact::text_of(&item.value));
            made_with.push(item.basis);
        }
        let call = sqlx::query_scalar!(
            r#"SELECT expand_v2($1, $2, $3, $4, $5, $6, $7) AS "changed!""#,
            asking.step,
            asking.mark,
            json!(inputs),
            basis.map(|basis| json!(basis)),
            &keys,
            &values,
            &made_with,
        );
        let pool = self.pool.clone();
        self.hint_change(asking.run, within(CALL_LIMIT, async move { call.fetch_one(&pool).await }).await?);
        Ok(())
    }

    /// Lets go what the limits of a run let go now, after these steps of it were asked about.
    pub async fn admit(&self, run: RunId, asked: &[i64]) -> Result<()> {
        let call = sqlx::query_scalar!(r#"SELECT admit_asked_v2($1, $2) AS "admitted!""#, run.0, asked);
        let pool = self.pool.clone();
        if within(CALL_LIMIT, async move { call.fetch_one(&pool).await }).await? {
            self.outbox.ready();
        }
        Ok(())
    }

    pub(super) fn hint_change(&self, run: RunId, changed: bool) {
        if changed {
            self.outbox.run(run);
            self.outbox.ready();
        }
    }
}
