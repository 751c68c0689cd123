//! After each command: the old engine judges what the new one judged in the same decision, reservations and the ends of sub-workflows
//! are carried over, and then both are compared.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sqlx::Row;
use store::protocol::{Asked, Asking, Decided, Decision};
use workflow::{
    RunId, StepKey, StepStatus,
    decide::{Verdict, judge},
    run::{
        Command,
        state::{Admission, Status, Work},
    },
    source::Source,
    status::{ErrorClass, Reason},
};

use crate::{
    compare,
    world::{Check, World, shown},
};

/// What the old engine would do next with the steps of a run.
#[derive(Default)]
struct Queue {
    /// With their rows and their times.
    ready: BTreeMap<StepKey, (i64, bool, DateTime<Utc>)>,
    undecided: BTreeSet<StepKey>,
}

impl World {
    pub(crate) async fn settle(&mut self) -> Check {
        for _ in 0..40 {
            let has_drained = self.drain().await?;
            let has_told = self.abandon()?;
            if !has_drained && !has_told && !self.admit_alike().await? {
                let is_unordered = std::mem::take(&mut self.is_unordered);
                return self.compare(is_unordered).await;
            }
        }
        Err("they do not settle".into())
    }

    // ---- what the old engine asks

    /// Answers what the new engine never asks. False: there was nothing.
    async fn drain(&mut self) -> Check<bool> {
        let due: Vec<(i64, i64)> = sqlx::query_as("SELECT id, step_id FROM decisions ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(shown)?;
        if due.is_empty() {
            return Ok(false);
        }
        let due: Vec<Asked> = due.into_iter().map(|(id, step)| Asked { id, step }).collect();
        for one in &due {
            // One after the other: answering one may change what another asks.
            for asking in self.store.askings(&[*one]).await.map_err(shown)? {
                self.answer(&asking).await?;
            }
        }
        self.store.answered(&due).await.map_err(shown)?;
        Ok(true)
    }

    async fn answer(&mut self, asking: &Asking) -> Check {
        for child in &asking.abandoned {
            self.store.cancel_abandoned(*child).await.map_err(shown)?;
            let of = self.twins.iter().find(|twin| twin.run == asking.run).and_then(|twin| twin.state.step(&asking.key));
            let hears = of.is_some_and(|step| {
                matches!(step.status, Status::Running(Work::Child {}) | Status::Failed { class: ErrorClass::ChildFailed })
            });
            let was_let_go = self.let_go.contains(child);
            let is_deaf = of.is_some_and(|step| step.child_run == Some(*child)) && !hears;
            if !self.abandoned.contains(child) && (was_let_go || is_deaf) {
                self.tally.met("sub-workflows taken up again after their step went on");
                self.abandoned.push(*child);
            }
        }
        if asking.is_held {
            return self.store.admit(asking.run, &[asking.step]).await.map_err(shown);
        }
        if !asking.undecided || asking.status != StepStatus::Pending {
            return Ok(());
        }
        let t = self.twins.iter().position(|twin| twin.run == asking.run).ok_or("a run of nobody is asked about")?;
        let step = &self.twins[t].definition().steps[&asking.key];
        let verdict = if asking.forced { Verdict::Run } else { judge(step.trigger_rule, &asking.dependencies) };
        let reads = |source: &Source| matches!(source, Source::Step { .. });
        let by_content = step.when.as_ref().is_some_and(|when| when.sources().into_iter().any(reads));
        let decision = match verdict {
            Verdict::Skip(reason) => Decision::Skip(reason),
            // Both ask for these.
            Verdict::Run if asking.is_map || (by_content && !asking.forced) => return Ok(()),
            Verdict::Run if !asking.forced && step.when.as_ref().is_some_and(|when| !when.holds(&constant)) => {
                Decision::Skip(Reason::Condition)
            }
            Verdict::Run => Decision::Run,
        };
        let decided = Decided { step: asking.step, mark: asking.mark, decision };
        self.store.decide(asking.run, &[decided]).await.map_err(shown)?;
        let seqs: Vec<i64> =
            sqlx::query_scalar("SELECT seq FROM run_events WHERE run_id = $1 AND kind = 'step_decided' AND data ->> 'step' = $2 ORDER BY seq DESC LIMIT 1")
                .bind(asking.run.0)
                .bind(asking.key.as_str())
                .fetch_all(&self.pool)
                .await
                .map_err(shown)?;
        self.twins[t].by_itself.extend(seqs);
        self.tally.met("rules and constant conditions");
        Ok(())
    }

    /// Runs that nobody waits for any more end in the new engine too.
    fn abandon(&mut self) -> Check<bool> {
        let abandoned = std::mem::take(&mut self.abandoned);
        for run in &abandoned {
            if let Some(t) = self.twins.iter().position(|twin| twin.run == *run) {
                self.tell(t, &Command::Abandoned)?;
            }
        }
        Ok(!abandoned.is_empty())
    }

    // ---- who may start

    async fn queues(&self) -> Check<BTreeMap<RunId, Queue>> {
        let runs: Vec<uuid::Uuid> = self.twins.iter().map(|twin| twin.run.0).collect();
        let rows = sqlx::query(
            "SELECT run_id, id, key, status = 'ready' AS ready, admitted, undecided, not_before FROM steps
            WHERE run_id = ANY ($1) AND NOT superseded AND (status = 'ready' OR undecided)",
        )
        .bind(&runs)
        .fetch_all(&self.pool)
        .await
        .map_err(shown)?;
        let mut queues: BTreeMap<RunId, Queue> = BTreeMap::new();
        for row in rows {
            let queue = queues.entry(RunId(row.get("run_id"))).or_default();
            let key = StepKey::new(row.get::<String, _>("key"));
            if row.get("undecided") {
                queue.undecided.insert(key);
            } else if row.get("ready") {
                queue.ready.insert(key, (row.get("id"), row.get("admitted"), row.get("not_before")));
            }
        }
        Ok(queues)
    }

    /// The new engine is given the reservations that the old one took; then the same steps may start. True: something was changed.
    async fn admit_alike(&mut self) -> Check<bool> {
        let queues = self.queues().await?;
        let mut has_changed = false;
        for t in 0..self.twins.len() {
            let empty = Queue::default();
            let queue = queues.get(&self.twins[t].run).unwrap_or(&empty);
            let state = &self.twins[t].state;
            let undecided: BTreeSet<StepKey> = state.undecided().map(|step| step.key.clone()).collect();
            if undecided != queue.undecided {
                return Err(format!("run {t} asks about {:?} and {undecided:?}", queue.undecided));
            }
            let reserved: Vec<StepKey> = state
                .reserving()
                .map(|(key, _)| key.clone())
                .filter(|key| queue.ready.get(key).is_some_and(|(_, is_admitted, _)| *is_admitted))
                .collect();
            if !reserved.is_empty() {
                self.tell(t, &Command::Reserved { steps: reserved })?;
                has_changed = true;
                continue;
            }
            has_changed |= self.turn_alike(t, queue).await?;
        }
        Ok(has_changed)
    }

    async fn turn_alike(&mut self, t: usize, queue: &Queue) -> Check<bool> {
        let old: BTreeSet<StepKey> =
            queue.ready.iter().filter(|(_, (_, admitted, _))| *admitted).map(|(key, _)| key.clone()).collect();
        let new: BTreeSet<StepKey> = self.twins[t]
            .keys_where(|step| step.status == Status::Ready { admission: Admission::Claimable })
            .into_iter()
            .collect();
        if old == new {
            return Ok(false);
        }
        let name = crate::known::is_another_turn(&self.twins[t], &old, &new)
            .ok_or_else(|| format!("of run {t} may start {old:?} and {new:?}"))?;
        self.tally.met(name);
        let rows = |keys: &BTreeSet<StepKey>| -> Vec<i64> {
            keys.iter().filter_map(|key| queue.ready.get(key)).map(|(row, _, _)| *row).collect()
        };
        let back = rows(&old.difference(&new).cloned().collect());
        let forth = rows(&new.difference(&old).cloned().collect());
        for (admitted, ids) in [(false, back), (true, forth)] {
            sqlx::query("UPDATE steps SET admitted = $1 WHERE id = ANY ($2)")
                .bind(admitted)
                .bind(&ids)
                .execute(&self.pool)
                .await
                .map_err(shown)?;
            if !admitted {
                sqlx::query("SELECT free_slots_v2($1)").bind(&ids).execute(&self.pool).await.map_err(shown)?;
            }
        }
        Ok(true)
    }

    // ---- compare

    async fn compare(&mut self, is_unordered: bool) -> Check {
        let runs: Vec<uuid::Uuid> = self.twins.iter().map(|twin| twin.run.0).collect();
        let seqs: Vec<(uuid::Uuid, i64)> =
            sqlx::query_as("SELECT id, event_seq FROM workflow_runs WHERE id = ANY ($1)")
                .bind(&runs)
                .fetch_all(&self.pool)
                .await
                .map_err(shown)?;
        let seqs: BTreeMap<uuid::Uuid, i64> = seqs.into_iter().collect();
        for t in 0..self.twins.len() {
            let twin = &self.twins[t];
            if seqs.get(&twin.run.0) == Some(&twin.seen.seq) && twin.fresh.is_empty() {
                continue;
            }
            compare::run(self, t, is_unordered).await.map_err(|parting| format!("run {t}: {parting}"))?;
        }
        Ok(())
    }
}

fn constant(source: &Source) -> Option<serde_json::Value> {
    match source {
        Source::Const(value) => Some(value.clone()),
        _ => None,
    }
}
