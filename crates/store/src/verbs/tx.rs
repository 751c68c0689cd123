//! What every verb does alike: lock the run, know the key it was asked under, look at the step, write the event, commit, tell.
//! Dropped before `commit`, it leaves nothing behind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;
use workflow::{RunId, StepKey, event::EventKind};

use super::{Call, Conflict, VerbOutcome};
use crate::{
    Error, Result, Store, exact,
    protocol::{ArtifactColumns, NewArtifact},
    quotas::bytes_of,
};

/// A run under its lock.
#[expect(clippy::struct_field_names, reason = "auto-run is one word of the product")]
pub(super) struct Run {
    pub status: String,
    pub held: Option<String>,
    pub auto_run: bool,
    pub seq: i64,
    pub user: Uuid,
    pub overrides: Map<String, Value>,
    pub used_tokens: i64,
    pub used_cost: i64,
}

impl Run {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.status == "cancelled"
    }
}

/// A step under its lock.
#[derive(Debug)]
pub(super) struct Step {
    pub id: i64,
    pub key: String,
    pub status: String,
    /// What the run's counters see: `step_state_v2`.
    pub state: String,
    /// What it means to the rules of its dependents.
    pub class: String,
    pub generation: i32,
    pub kind: String,
    pub review_mode: String,
    pub is_map: bool,
    pub rounds: i32,
    pub max_rounds: i32,
    /// Of the map, for an item.
    pub map_status: Option<String>,
}

impl Step {
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "skipped" | "cancelled")
    }

    /// Why the map of an item does not let anything be done to it: it is not there to collect it.
    pub(super) fn map_refuses(&self) -> Option<&str> {
        self.map_status.as_deref().filter(|status| !matches!(*status, "running" | "completed" | "failed"))
    }

    pub(super) fn is(&self, statuses: &[&str]) -> bool {
        statuses.contains(&self.status.as_str())
    }
}

/// A step, and the state it had before this transaction changed it.
pub(super) struct Was {
    pub id: i64,
    pub was: String,
}

pub(super) struct Tx<'a> {
    store: &'a Store,
    pub call: &'a Call<'a>,
    db: Transaction<'static, Postgres>,
    pub run: Run,
    /// Steps whose state changed, with what it was; of two entries the first counts.
    moved: Vec<Was>,
    artifacts: Vec<Uuid>,
    more: Map<String, Value>,
    /// What the person stores beyond the event.
    n_bytes: usize,
    /// Attempts may have been ended: their workers should look.
    pub fences: bool,
}

/// A verb may go on, or is answered already.
pub(super) enum Begin<'a> {
    Go(Box<Tx<'a>>),
    Answered(VerbOutcome),
}

impl<'a> Tx<'a> {
    pub(super) async fn begin(store: &'a Store, call: &'a Call<'a>) -> Result<Begin<'a>> {
        let mut db = store.pool.begin().await?;
        let Some(row) = sqlx::query!(
            "SELECT status, held, auto_run, event_seq, user_id, overrides, used_tokens, used_cost
            FROM workflow_runs WHERE id = $1 FOR NO KEY UPDATE",
            call.run.0,
        )
        .fetch_optional(&mut *db)
        .await?
        else {
            return Ok(Begin::Answered(VerbOutcome::NotFound));
        };
        if let Some((key, request)) = &call.idempotency {
            let known = sqlx::query_scalar!(
                "SELECT request_hash FROM verb_keys WHERE run_id = $1 AND user_id = $2 AND key = $3",
                call.run.0,
                call.actor.id.0,
                key,
            )
            .fetch_optional(&mut *db)
            .await?;
            match known {
                Some(known) if known == *request => return Ok(Begin::Answered(VerbOutcome::Unchanged)),
                Some(_) => return Ok(Begin::Answered(VerbOutcome::Conflict(Conflict::IdempotencyMismatch))),
                None => {
                    sqlx::query!(
                        "INSERT INTO verb_keys (run_id, user_id, key, request_hash) VALUES ($1, $2, $3, $4)",
                        call.run.0,
                        call.actor.id.0,
                        key,
                        request,
                    )
                    .execute(&mut *db)
                    .await?;
                }
            }
        }
        let Value::Object(overrides) = row.overrides else {
            let row = call.run.to_string();
            return Err(Error::Inconsistent { table: "workflow_runs", column: "overrides", row });
        };
        let run = Run {
            status: row.status,
            held: row.held,
            auto_run: row.auto_run,
            seq: row.event_seq,
            user: row.user_id,
            overrides,
            used_tokens: row.used_tokens,
            used_cost: row.used_cost,
        };
        Ok(Begin::Go(Box::new(Self {
            store,
            call,
            db,
            run,
            moved: Vec::new(),
            artifacts: Vec::new(),
            more: Map::new(),
            n_bytes: 0,
            fences: false,
        })))
    }

    /// Counts what the person stores, against their day.
    pub(super) fn stores(&mut self, n_bytes: usize) {
        self.n_bytes += n_bytes;
    }

    pub(super) fn conn(&mut self) -> &mut PgConnection {
        &mut self.db
    }

    /// A step of the run, locked: a worker may be claiming it.
    pub(super) async fn step(&mut self, key: &StepKey) -> Result<Option<Step>> {
        let run = self.call.run.0;
        let step = sqlx::query_as!(
            Step,
            r#"SELECT s.id, s.key, s.status, step_state_v2(s) AS "state!", dependency_class_v2(s.status, s.reason, s.on_error) AS "class!",
                s.generation, s.kind, s.review_mode, s.is_map, s.rounds,
                coalesce((s.gate ->> 'max_rounds')::int, 3) AS "max_rounds!",
                (SELECT p.status FROM steps p WHERE p.id = s.parent_id) AS map_status
            FROM steps s WHERE s.run_id = $1 AND s.key = $2 AND NOT s.superseded FOR NO KEY UPDATE OF s"#,
            run,
            key.as_str(),
        )
        .fetch_optional(self.conn())
        .await?;
        Ok(step)
    }

    /// The state a step had before this transaction changed it.
    pub(super) fn moves(&mut self, step: &Step) {
        self.moved.push(Was { id: step.id, was: step.state.clone() });
    }

    pub(super) fn moves_all(&mut self, moved: impl IntoIterator<Item = Was>) {
        self.moved.extend(moved);
    }

    pub(super) fn shows(&mut self, artifacts: impl IntoIterator<Item = Uuid>) {
        self.artifacts.extend(artifacts);
    }

    pub(super) fn tells(&mut self, name: &str, value: Value) {
        self.more.insert(name.to_owned(), value);
    }

    /// Terminal steps tell their dependents.
    pub(super) async fn advance(&mut self, steps: &[i64]) -> Result<()> {
        let rows =
            sqlx::query_as!(Was, r#"SELECT m.step_id AS "id!", m.was AS "was!" FROM unnest(advance_v2($1)) m"#, steps)
                .fetch_all(self.conn())
                .await?;
        self.moves_all(rows);
        Ok(())
    }

    /// A step that was terminal is not any more: its dependents wait again.
    pub(super) async fn reopen(&mut self, step: &Step) -> Result<()> {
        let rows = sqlx::query_as!(
            Was,
            r#"SELECT m.step_id AS "id!", m.was AS "was!" FROM unnest(reopen_v2(ARRAY[$1::bigint], ARRAY[$2::text])) m"#,
            step.id,
            step.class,
        )
        .fetch_all(self.conn())
        .await?;
        self.moves_all(rows);
        Ok(())
    }

    /// New generations of steps that are locked.
    pub(super) async fn restart(&mut self, steps: &[i64], feedback: Option<(&str, i32)>, decision: &str) -> Result<()> {
        let actor = self.call.actor.id.0;
        self.stores(feedback.map_or(0, |(text, _)| text.len()));
        let rows = sqlx::query_as!(
            Was,
            r#"SELECT m.step_id AS "id!", m.was AS "was!" FROM unnest(restart_v2($1, $2, $3, $4, $5)) m"#,
            steps,
            actor,
            feedback.map(|(text, _)| text),
            feedback.map(|(_, round)| round),
            decision,
        )
        .fetch_all(self.conn())
        .await?;
        self.moves_all(rows);
        self.fences = true;
        Ok(())
    }

    /// Ends the open attempts and gates of these steps.
    pub(super) async fn end_open(&mut self, steps: &[i64], decision: &str) -> Result<()> {
        let actor = self.call.actor.id.0;
        sqlx::query!("SELECT end_open_v2($1, $2, $3)", steps, decision, actor).execute(self.conn()).await?;
        Ok(())
    }

    /// New versions of a step's outputs by this person.
    pub(super) async fn put(&mut self, step: &Step, artifacts: &[NewArtifact], origin: &str) -> Result<()> {
        exact::remember_values(self.conn(), artifacts).await?;
        // What was written ahead was counted there.
        self.stores(artifacts.iter().filter_map(|artifact| artifact.content.as_ref()).map(Vec::len).sum());
        let columns = ArtifactColumns::of(step.id, artifacts);
        let actor = self.call.actor.id.0;
        sqlx::query!(
            "SELECT put_artifacts_v2($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &columns.step,
            &columns.id,
            &columns.name as &[&str],
            &columns.media as &[&str],
            &columns.hash as &[&str],
            &columns.size,
            &columns.content as &[Option<&[u8]>],
            origin,
            actor,
        )
        .execute(self.conn())
        .await?;
        self.shows(columns.id);
        Ok(())
    }

    /// What the run changes about steps, from now on.
    pub(super) async fn set_overrides(&mut self, changed: BTreeMap<String, Map<String, Value>>) -> Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        let mut told = Map::new();
        for (key, value) in changed {
            if value.is_empty() {
                self.run.overrides.remove(&key);
                told.insert(key, Value::Null);
            } else {
                self.stores(bytes_of(&value));
                self.run.overrides.insert(key.clone(), Value::Object(value.clone()));
                told.insert(key, Value::Object(value));
            }
        }
        let (run, overrides) = (self.call.run.0, Value::Object(self.run.overrides.clone()));
        sqlx::query!("UPDATE workflow_runs SET overrides = $2 WHERE id = $1", run, overrides)
            .execute(self.conn())
            .await?;
        self.tells("overrides", Value::Object(told));
        Ok(())
    }

    /// The override of a step with another prompt or other inputs; none where neither is asked for. False: it is so already.
    pub(super) async fn override_step(
        &mut self,
        key: &str,
        prompt: Option<&Option<String>>,
        inputs: Option<&BTreeMap<String, Value>>,
    ) -> Result<bool> {
        if prompt.is_none() && inputs.is_none() {
            return Ok(false);
        }
        let before = self.run.overrides.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
        let mut value = before.clone();
        match prompt {
            Some(Some(prompt)) => {
                value.insert("prompt".to_owned(), json!(prompt));
            }
            Some(None) => {
                value.remove("prompt");
            }
            None => {}
        }
        match inputs {
            Some(inputs) if inputs.is_empty() => {
                value.remove("inputs");
            }
            Some(inputs) => {
                value.insert("inputs".to_owned(), exact::text_of(inputs));
            }
            None => {}
        }
        let is_new = value != before;
        self.set_overrides([(key.to_owned(), value)].into()).await?;
        Ok(is_new)
    }

    /// Commits a run that was made beside this one, which itself did not change.
    pub(super) async fn close_with_run(mut self: Box<Self>) -> Result<()> {
        let (limits, user, n_bytes) = (self.store.limits, self.call.actor.id, self.n_bytes);
        limits.begin_run(self.conn(), user, n_bytes).await?;
        Ok(self.db.commit().await?)
    }

    /// What this verb takes up, as the last thing before the commit.
    async fn count(&mut self) -> Result<()> {
        let (limits, user, n_bytes) = (self.store.limits, self.call.actor.id, self.n_bytes);
        limits.charge(self.conn(), user, n_bytes).await?;
        // An admin who lets somebody else's run go on takes nobody's place but its owner's.
        if self.run.is_over() && self.run.user == user.0 {
            let run = self.call.run;
            limits.revive_run(self.conn(), user, run).await?;
        }
        Ok(())
    }

    /// Writes the event, commits and tells everybody to look again.
    pub(super) async fn commit(mut self: Box<Self>, kind: EventKind, step: Option<&str>) -> Result<VerbOutcome> {
        let (ids, was): (Vec<i64>, Vec<String>) =
            std::mem::take(&mut self.moved).into_iter().map(|step| (step.id, step.was)).unzip();
        let artifacts = std::mem::take(&mut self.artifacts);
        let more = Value::Object(std::mem::take(&mut self.more));
        let (run, actor) = (self.call.run, self.call.actor.id.0);
        sqlx::query!(
            "SELECT emit_v2($1, $2, $3, $4,
                (SELECT array_agg((m.id, m.was)::step_was ORDER BY m.ord) FROM unnest($5::bigint[], $6::text[]) WITH ORDINALITY m(id, was, ord)),
                $7, $8)",
            run.0,
            kind.as_str(),
            actor,
            step,
            &ids,
            &was,
            &artifacts,
            more,
        )
        .fetch_one(self.conn())
        .await?;
        self.count().await?;
        self.db.commit().await?;
        self.store.tell(run, self.fences);
        Ok(VerbOutcome::Done)
    }
}

impl Store {
    /// After the commit: readers look again, workers look for what may have become ready, or is not theirs any more.
    pub(super) fn tell(&self, run: RunId, fences: bool) {
        self.outbox.run(run);
        self.outbox.ready();
        if fences {
            self.outbox.cancelled(run);
        }
    }
}

/// The answer that refuses for this reason; nothing was written.
#[expect(clippy::unnecessary_wraps, reason = "a verb returns it as it is")]
pub(super) fn conflict(conflict: Conflict) -> Result<VerbOutcome> {
    Ok(VerbOutcome::Conflict(conflict))
}

pub(super) fn status(status: &str) -> Result<VerbOutcome> {
    conflict(Conflict::Status(status.to_owned()))
}

/// Locks the run and the step, and refuses what was meant for another generation, other versions or an open gate.
macro_rules! begin {
    ($store:expr, $call:expr) => {
        match $crate::verbs::tx::Tx::begin($store, $call).await? {
            $crate::verbs::tx::Begin::Go(tx) => tx,
            $crate::verbs::tx::Begin::Answered(outcome) => return Ok(outcome),
        }
    };
    ($store:expr, $call:expr, $key:expr, $generation:expr) => {
        $crate::verbs::tx::begin!($store, $call, $key, $generation, None)
    };
    ($store:expr, $call:expr, $key:expr, $generation:expr, $digest:expr) => {{
        let mut tx = $crate::verbs::tx::begin!($store, $call);
        let Some(step) = tx.step($key).await? else { return Ok($crate::verbs::VerbOutcome::NotFound) };
        let expected: Option<i32> = $generation;
        if expected.is_some_and(|expected| expected != step.generation) {
            return $crate::verbs::tx::conflict($crate::verbs::Conflict::Generation);
        }
        if tx.run.is_cancelled() {
            // A cancelled run is final, its finished steps included.
            return $crate::verbs::tx::status("cancelled");
        }
        if tx.call.only_at_gate && !step.is(&["awaiting_review"]) {
            return $crate::verbs::tx::status(&step.status);
        }
        if let Some(refusal) = step.map_refuses() {
            return $crate::verbs::tx::status(refusal);
        }
        let digest: Option<&String> = $digest;
        if let Some(digest) = digest
            && *digest != tx.digest(&step).await?
        {
            return $crate::verbs::tx::conflict($crate::verbs::Conflict::Digest);
        }
        (tx, step)
    }};
}
pub(super) use begin;
