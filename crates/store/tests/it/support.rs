//! A world with one admin, one published template and one run, and workers to play with.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgPool;
use store::{
    Store,
    protocol::{AttemptResult, Claimed, Completion, Finished, NewArtifact, WorkerId},
    runs::{NewRun, StartOutcome},
    verbs::Call,
};
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentSpec, ArtifactId, Definition, RunId, RunView, TemplateId, UserId,
    access::{Actor, Role},
    agent::{AgentConfig, HumanConfig, OutputPort, TemplateConfig},
    hash::sha256_hex,
    schema::Schema,
    status::{Reason, RunStatus, StepStatus},
    validate,
};

pub(crate) struct World {
    pub store: Store,
    pub pool: PgPool,
    pub actor: Actor,
    pub worker: WorkerId,
    pub run: RunId,
    /// The view as it was after the start; folded forward by `check`.
    pub folded: RunView,
}

pub(crate) fn agent() -> AgentSpec {
    AgentSpec {
        id: "echo".into(),
        version: 1,
        name: "Echo".into(),
        description: String::new(),
        inputs: vec![],
        outputs: vec![OutputPort { name: "text".into(), schema: Schema::text() }],
        max_parallel: None,
        config: AgentConfig::Template(TemplateConfig { template: "x".into() }),
    }
}

/// An agent that asks a person.
pub(crate) fn form() -> AgentSpec {
    AgentSpec {
        id: "form".into(),
        name: "Form".into(),
        config: AgentConfig::Human(HumanConfig { instructions: "Say it".into() }),
        ..agent()
    }
}

/// `{"a": [], "b": ["a"]}` as a definition.
pub(crate) fn dag(edges: &Value) -> Definition {
    let steps: serde_json::Map<String, Value> = edges
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, deps)| (key.clone(), json!({"agent_id": "echo", "depends_on": deps})))
        .collect();
    Definition::from_value(&json!({"steps": steps})).unwrap()
}

pub(crate) async fn actor(pool: &PgPool, email: &str, role: Role) -> Actor {
    let id = Uuid::now_v7();
    sqlx::query("INSERT INTO users (id, email, role, password_hash) VALUES ($1, $2, $3, '$argon2id$x')")
        .bind(id)
        .bind(email)
        .bind(role.as_str())
        .execute(pool)
        .await
        .unwrap();
    Actor { id: UserId(id), email: email.into(), role }
}

pub(crate) async fn publish(pool: &PgPool, actor: &Actor, definition: &Definition) -> TemplateId {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by)
        VALUES ($1, 'T', '', $2, $3, $4)",
    )
    .bind(id)
    .bind(definition.to_value())
    .bind(i64::try_from(definition.steps.len()).unwrap())
    .bind(actor.id.0)
    .execute(pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO workflow_template_versions (template_id, version, name, description, definition, semantic_hash, published_by,
            n_steps)
        VALUES ($1, 1, 'T', '', $2, $3, $4, $5)",
    )
    .bind(id)
    .bind(definition.to_value())
    .bind(definition.semantic_hash())
    .bind(actor.id.0)
    .bind(i64::try_from(definition.steps.len()).unwrap())
    .execute(pool)
    .await
    .unwrap();
    TemplateId(id)
}

pub(crate) async fn start(
    store: &Store,
    actor: &Actor,
    template: TemplateId,
    definition: &Definition,
    auto_run: bool,
) -> RunId {
    let agents = AgentCatalog::new([agent(), form()]);
    let (plan, problems) = validate(definition, &agents);
    assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
    let id = RunId(Uuid::now_v7());
    let outcome = store
        .start_run(NewRun {
            id,
            template_id: template,
            version: 1,
            definition,
            plan: &plan,
            agents: &agents,
            inputs: &BTreeMap::new(),
            auto_run,
            is_test: false,
            user: actor.id,
            idempotency: None,
        })
        .await
        .unwrap();
    assert_eq!(outcome, StartOutcome::Created);
    id
}

impl World {
    pub(crate) async fn new(pool: PgPool, definition: &Definition, auto_run: bool) -> Self {
        let store = Store::from_pool(pool.clone());
        let actor = actor(&pool, "ada@example.com", Role::Admin).await;
        let template = publish(&pool, &actor, definition).await;
        let run = start(&store, &actor, template, definition, auto_run).await;
        let folded = store.run_view(run, &actor).await.unwrap().unwrap();
        let worker = WorkerId(Uuid::now_v7());
        store.register_worker(worker).await.unwrap();
        let mut world = Self { store, pool, actor, worker, run, folded };
        world.check().await;
        world
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call::new(self.run, &self.actor)
    }

    pub(crate) async fn claim(&self, n: usize) -> Vec<Claimed> {
        self.store.claim(self.worker, n).await.unwrap().expect("the worker is alive").claimed
    }

    pub(crate) async fn complete(&self, batch: &[Finished]) -> Completion {
        self.store.complete(self.worker, batch, 0).await.unwrap()
    }

    /// Claims and finishes whatever is ready until nothing is; every step writes its key and attempt.
    pub(crate) async fn settle(&mut self) {
        loop {
            let claims = self.claim(100).await;
            if claims.is_empty() {
                break;
            }
            let batch: Vec<Finished> = claims.iter().map(success).collect();
            self.complete(&batch).await;
            self.check().await;
        }
    }

    pub(crate) async fn view(&self) -> RunView {
        self.store.run_view(self.run, &self.actor).await.unwrap().unwrap()
    }

    pub(crate) async fn statuses(&self) -> BTreeMap<String, StepStatus> {
        self.view().await.steps.into_iter().map(|step| (step.key.to_string(), step.status)).collect()
    }

    pub(crate) async fn status(&self) -> RunStatus {
        self.view().await.status
    }
}

pub(crate) fn success(claim: &Claimed) -> Finished {
    finished(claim, AttemptResult::Succeeded(vec![artifact("text", &format!("{} {}", claim.key, claim.attempt))]))
}

pub(crate) fn failure(claim: &Claimed) -> Finished {
    finished(claim, AttemptResult::Failed { class: Reason::Permanent, error: "no".into(), retry: None })
}

pub(crate) fn finished(claim: &Claimed, result: AttemptResult) -> Finished {
    Finished {
        step: claim.step,
        attempt: claim.attempt,
        result,
        inputs: vec![],
        usage: None,
        basis: None,
        message: None,
        item_basis: None,
    }
}

pub(crate) fn artifact(name: &str, text: &str) -> NewArtifact {
    NewArtifact {
        id: ArtifactId(Uuid::now_v7()),
        name: name.into(),
        media_type: "text/plain".into(),
        hash: sha256_hex(text.as_bytes()),
        value_hash: None,
        size: i64::try_from(text.len()).unwrap(),
        content: Some(text.as_bytes().to_vec()),
    }
}

/// A small generator of our own, so that a failing seed can be replayed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}
