//! Where the verbs race: runs over and over, each with the step in the same state.

use serde_json::json;
use sqlx::PgPool;
use store::{
    protocol::AttemptResult,
    verbs::{Approval, Call, Edit, Rerun, Skip, Supply, Trigger, VerbOutcome},
};
use workflow::{
    Definition, RunId, StepKey, StepStatus, TemplateId,
    access::{Actor, Role},
};

use super::acting::Seen;
use crate::support::{World, actor, artifact, failure, finished, start, success};

/// What kind of step the verbs are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scene {
    Step,
    /// An item of a map of two.
    Item,
    /// A step that asks a person.
    Form,
    /// A gate that wants two people, who race each other.
    GateForTwo,
}

pub(crate) struct Track {
    pub(crate) world: World,
    pub(crate) template: TemplateId,
    pub(crate) scene: Scene,
    pub(crate) mode: &'static str,
    pub(crate) status: StepStatus,
    pub(crate) second: Actor,
    definition: Definition,
    /// A run that is over, to adopt from.
    other: RunId,
}

impl Track {
    pub(crate) async fn new(pool: PgPool, scene: Scene, mode: &'static str, status: StepStatus) -> Self {
        let mut b = json!({"agent_id": "echo", "depends_on": ["a"], "review": {"mode": mode}});
        match scene {
            Scene::Step => {}
            Scene::Item => b["map"] = json!({"over": {"const": [1]}}),
            Scene::Form => b["agent_id"] = json!("form"),
            Scene::GateForTwo => b["review"]["quorum"] = json!(2),
        }
        let steps = json!({"a": {"agent_id": "echo"}, "b": b, "c": {"agent_id": "echo", "depends_on": ["b"]}});
        let definition = Definition::from_value(&json!({ "steps": steps })).unwrap();
        let world = World::new(pool.clone(), &definition, true).await;
        let template = sqlx::query_scalar("SELECT id FROM workflow_templates").fetch_one(&pool).await.unwrap();
        sqlx::query(
            "INSERT INTO workflow_template_versions (template_id, version, name, description, definition, semantic_hash, published_by, n_steps)
            SELECT template_id, 2, name, description, definition, semantic_hash, published_by, n_steps FROM workflow_template_versions",
        )
        .execute(&pool)
        .await
        .unwrap();
        let second = actor(&pool, "ben@example.com", Role::Admin).await;
        let other = world.run;
        let mut track = Self { world, template: TemplateId(template), scene, mode, status, second, definition, other };
        track.finish().await;
        track.answer().await;
        track.begin().await;
        track
    }

    pub(crate) fn key(&self) -> StepKey {
        if self.scene == Scene::Item { "b[x]".into() } else { "b".into() }
    }

    pub(crate) async fn seen(&self, expects: bool) -> Seen {
        Seen::of(self.world.view().await, self.key(), self.other, self.mode, expects)
    }

    /// Claims and finishes whatever is ready; a form is asked.
    pub(crate) async fn finish(&self) {
        loop {
            self.world.decide(&[("x", 1), ("y", 2)]).await;
            let claims = self.world.claim(10).await;
            if claims.is_empty() {
                return;
            }
            let batch: Vec<_> = claims
                .iter()
                .map(|claim| {
                    if self.scene == Scene::Form && claim.key.as_str() == "b" {
                        finished(claim, AttemptResult::Succeeded(vec![]))
                    } else {
                        success(claim)
                    }
                })
                .collect();
            self.world.complete(&batch).await;
        }
    }

    /// Whatever `b` waits for is given: an answer, or approvals.
    async fn answer(&self) {
        let (world, key) = (&self.world, self.key());
        let (call, other) = (world.call(), Call::new(world.run, &self.second));
        if self.scene == Scene::Form {
            let supply = Supply { artifacts: vec![artifact("text", "b 1")], ..Supply::default() };
            assert_eq!(world.store.supply_step(&call, &key, &supply).await.unwrap(), VerbOutcome::Done);
        } else if self.mode == "always" {
            let people = if self.scene == Scene::GateForTwo { vec![&call, &other] } else { vec![&call] };
            for call in people {
                let approved = world.store.approve_step(call, &key, &Approval::default()).await.unwrap();
                assert_eq!(approved, VerbOutcome::Done);
            }
        }
        self.finish().await;
    }

    /// A new run whose step has two versions and the status in question.
    pub(crate) async fn begin(&mut self) {
        sqlx::query("DELETE FROM workflow_runs WHERE id <> $1")
            .bind(self.other.0)
            .execute(&self.world.pool)
            .await
            .unwrap();
        sqlx::query("DELETE FROM decisions").execute(&self.world.pool).await.unwrap();
        self.world.run = start(&self.world.store, &self.world.actor, self.template, &self.definition, true).await;
        self.finish().await;
        self.answer().await;
        let (world, key) = (&self.world, self.key());
        let (call, store, approve) = (world.call(), &world.store, self.mode == "always");
        let edit = Edit { artifacts: vec![artifact("text", "second")], approve, ..Edit::default() };
        assert_eq!(store.edit_step(&call, &key, &edit).await.unwrap(), VerbOutcome::Done);
        if self.scene == Scene::GateForTwo {
            let other = Call::new(world.run, &self.second);
            assert_eq!(store.approve_step(&other, &key, &Approval::default()).await.unwrap(), VerbOutcome::Done);
        }
        self.finish().await;
        self.bring(&key).await;
        self.world.folded = self.world.view().await;
        self.world.check().await;
        assert_eq!(self.world.folded.step(&key).unwrap().status, self.status);
    }

    /// From completed to the status in question.
    async fn bring(&self, key: &StepKey) {
        let (world, status) = (&self.world, self.status);
        let (call, store) = (world.call(), &world.store);
        if status == StepStatus::Completed {
            return;
        }
        if status == StepStatus::Pending {
            let closure = ["a".into(), "b".into(), "c".into()].into();
            store.rerun_step(&call, &"a".into(), &Rerun { closure, ..Rerun::default() }).await.unwrap();
            return;
        }
        store.trigger_step(&call, key, &Trigger::default()).await.unwrap();
        if status == StepStatus::Skipped {
            store.skip_step(&call, key, &Skip::default()).await.unwrap();
        }
        if status == StepStatus::AwaitingReview {
            store.set_auto_run(&call, false).await.unwrap();
        }
        if matches!(status, StepStatus::Running | StepStatus::AwaitingReview | StepStatus::Failed) {
            let claim = world.claim(1).await.remove(0);
            let result = match status {
                StepStatus::AwaitingReview if self.scene == Scene::Form => {
                    Some(finished(&claim, AttemptResult::Succeeded(vec![])))
                }
                StepStatus::AwaitingReview => Some(success(&claim)),
                StepStatus::Failed => Some(failure(&claim)),
                _ => None,
            };
            if let Some(result) = result {
                world.complete(&[result]).await;
            }
        }
    }
}
