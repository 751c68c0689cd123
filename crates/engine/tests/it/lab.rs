//! A library of agents and templates, runs of them, and an engine in this process.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use agents::StepInput;
use engine::{Engine, Memory, Options};
use serde_json::{Value, json};
use sqlx::PgPool;
use store::{Store, notify::Hints, runs::NewRun, verbs::Call};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentSpec, ArtifactId, Definition, Plan, RunId, RunView, StepStatus, TemplateId, UserId,
    access::{Actor, Role},
    hash::sha256_hex,
    status::{Reason, RunStatus},
    validate,
};

use crate::player::{Act, Player, Stage};

pub(crate) struct Lab {
    pub store: Store,
    pub pool: PgPool,
    pub actor: Actor,
    pub player: Arc<Player>,
}

impl Lab {
    /// With the agents `say` (in `text`, out `text`), `list` (out `items`) and `form` (asks for `text`).
    pub(crate) async fn new(pool: PgPool, script: impl Fn(&StepInput, i32) -> Act + Send + Sync + 'static) -> Self {
        let actor = Actor { id: UserId(Uuid::now_v7()), email: "ada@example.com".into(), role: Role::Admin };
        sqlx::query("INSERT INTO users (id, email, role, password_hash) VALUES ($1, $2, 'admin', '$argon2id$x')")
            .bind(actor.id.0)
            .bind(&actor.email)
            .execute(&pool)
            .await
            .unwrap();
        let lab = Self { store: Store::from_pool(pool.clone()), pool, actor, player: Arc::new(Player::new(script)) };
        let text = json!([{"name": "text", "schema": {"type": "string"}}]);
        let any = json!([{"name": "text"}, {"name": "more"}]);
        lab.agent(
            &json!({"id": "say", "inputs": any, "outputs": text, "config": {"kind": "template", "template": "x"}}),
        )
        .await;
        lab.agent(&json!({"id": "list", "inputs": any, "outputs": [{"name": "items", "schema": {"type": "array"}}],
            "config": {"kind": "template", "template": "x"}}))
            .await;
        lab.agent(&json!({"id": "form", "inputs": any, "outputs": text, "config": {"kind": "human", "instructions": "Say {{ text }}"}}))
            .await;
        lab
    }

    pub(crate) async fn agent(&self, spec: &Value) {
        let mut spec = spec.clone();
        spec["version"] = json!(1);
        spec["name"] = spec["id"].clone();
        let spec: AgentSpec = serde_json::from_value(spec).unwrap();
        sqlx::query("INSERT INTO agents (id, latest_version, created_by) VALUES ($1, 1, $2)")
            .bind(spec.id.as_str())
            .bind(self.actor.id.0)
            .execute(&self.pool)
            .await
            .unwrap();
        sqlx::query("INSERT INTO agent_versions (agent_id, version, spec, created_by) VALUES ($1, 1, $2, $3)")
            .bind(spec.id.as_str())
            .bind(json!(spec))
            .bind(self.actor.id.0)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// A published template; its steps are pinned to version 1 of their agents.
    pub(crate) async fn template(&self, document: &Value) -> TemplateId {
        let definition = pinned(document);
        let id = TemplateId(Uuid::now_v7());
        sqlx::query(
            "INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by) VALUES ($1, 'T', '', $2, 1, $3)",
        )
        .bind(id.0)
        .bind(definition.to_value())
        .bind(self.actor.id.0)
        .execute(&self.pool)
        .await
        .unwrap();
        self.publish(id, 1, &definition).await;
        id
    }

    /// Another published version of a template.
    pub(crate) async fn version(&self, template: TemplateId, number: i32, document: &Value) {
        self.publish(template, number, &pinned(document)).await;
    }

    async fn publish(&self, template: TemplateId, number: i32, definition: &Definition) {
        sqlx::query(
            "INSERT INTO workflow_template_versions
                (template_id, version, name, description, definition, semantic_hash, n_steps, published_by)
            VALUES ($1, $5, 'T' || $5, '', $2, $3, 1, $4)",
        )
        .bind(template.0)
        .bind(definition.to_value())
        .bind(definition.semantic_hash())
        .bind(self.actor.id.0)
        .bind(number)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// What a definition needs to be started or moved to.
    pub(crate) async fn planned(&self, template: TemplateId, number: i32) -> (Definition, AgentCatalog, Plan) {
        let (version, _) = self.store.version(template, number).await.unwrap().unwrap();
        let pins = version.definition.steps.values().map(|step| (step.agent_id.clone(), 1));
        let agents = AgentCatalog::new(self.store.agent_versions(pins).await.unwrap());
        let (plan, problems) = validate(&version.definition, &agents);
        assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
        (version.definition, agents, plan)
    }

    /// Starts a run of a new template.
    pub(crate) async fn start(&self, document: &Value) -> RunId {
        let template = self.template(document).await;
        self.start_of(template, &json!({}), true).await
    }

    pub(crate) async fn start_of(&self, template: TemplateId, inputs: &Value, auto_run: bool) -> RunId {
        let (definition, agents, plan) = self.planned(template, 1).await;
        let inputs: BTreeMap<String, Value> = serde_json::from_value(inputs.clone()).unwrap();
        let id = RunId(Uuid::now_v7());
        let new = NewRun {
            id,
            template_id: template,
            version: 1,
            definition: &definition,
            plan: &plan,
            agents: &agents,
            inputs: &inputs,
            auto_run,
            is_test: false,
            user: self.actor.id,
            idempotency: None,
        };
        self.store.start_run(new).await.unwrap();
        id
    }

    /// An engine that looks around often; cancel the token to drain it.
    pub(crate) fn engine(&self) -> (CancellationToken, JoinHandle<()>) {
        self.engine_with(Options {
            poll: Duration::from_millis(50),
            beat: Duration::from_millis(500),
            sweep: Duration::from_millis(300),
            ..Options::default()
        })
    }

    pub(crate) fn engine_with(&self, options: Options) -> (CancellationToken, JoinHandle<()>) {
        let (stop, engine, _) = self.engine_and_memory(options);
        (stop, engine)
    }

    /// With what its attempts hold in memory, to look at.
    pub(crate) fn engine_and_memory(&self, options: Options) -> (CancellationToken, JoinHandle<()>, Memory) {
        let stop = CancellationToken::new();
        let hints = Hints::default();
        let stage = Arc::new(Stage(Arc::clone(&self.player)));
        let engine = Engine::new(self.store.clone(), stage, hints.clone(), options);
        let (store, token) = (self.store.clone(), stop.clone());
        tokio::spawn(async move { hints.listen(&store, token.cancelled()).await });
        let (token, memory) = (stop.clone(), engine.memory());
        (stop, tokio::spawn(engine.run(token)), memory)
    }

    pub(crate) fn call(&self, run: RunId) -> Call<'_> {
        Call::new(run, &self.actor)
    }

    pub(crate) async fn view(&self, run: RunId) -> RunView {
        self.store.run_view(run, &self.actor).await.unwrap().unwrap()
    }

    pub(crate) async fn until(&self, run: RunId, wanted: impl Fn(&RunView) -> bool) -> RunView {
        for _ in 0..1200 {
            let view = self.view(run).await;
            if wanted(&view) {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let view = self.view(run).await;
        let steps: Vec<_> = view.steps.iter().map(|step| (step.key.to_string(), step.status, step.reason)).collect();
        panic!("the run never got there: {} {:?} {steps:?}", view.status, view.status_reason);
    }

    pub(crate) async fn ended(&self, run: RunId) -> RunView {
        self.until(run, |view| view.status.is_terminal()).await
    }

    /// The latest content of an artifact.
    pub(crate) async fn content(&self, run: RunId, step: &str, name: &str) -> String {
        let view = self.view(run).await;
        let key = step.into();
        let meta = view.latest_artifacts(&key).find(|artifact| artifact.name == name).expect("it was made");
        let (_, bytes) = self.store.artifact(run, meta.id).await.unwrap().unwrap();
        String::from_utf8(bytes).unwrap()
    }
}

/// Its steps are pinned to version 1 of their agents.
fn pinned(document: &Value) -> Definition {
    let mut definition = Definition::from_value(document).unwrap();
    for step in definition.steps.values_mut() {
        step.agent_version = Some(1);
    }
    definition
}

/// `{"a": [], "b": ["a"]}` as a definition; each step says its own key, and `more` is merged into every step.
pub(crate) fn dag(edges: &Value, more: &Value) -> Value {
    let mut steps = serde_json::Map::new();
    for (key, deps) in edges.as_object().unwrap() {
        let mut step = json!({"agent_id": "say", "depends_on": deps, "inputs": {"text": {"const": key}}});
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        steps.insert(key.clone(), step);
    }
    json!({"steps": steps})
}

pub(crate) fn status(view: &RunView, key: &str) -> StepStatus {
    view.step(&key.into()).unwrap_or_else(|| panic!("there is a step {key}")).status
}

pub(crate) fn reason(view: &RunView, key: &str) -> Option<Reason> {
    view.step(&key.into()).unwrap().reason
}

pub(crate) fn is_paused(view: &RunView) -> bool {
    view.status == RunStatus::Paused
}

pub(crate) fn by_hand(text: &str) -> store::protocol::NewArtifact {
    store::protocol::NewArtifact {
        id: ArtifactId(Uuid::now_v7()),
        name: "text".into(),
        media_type: "text/plain".into(),
        hash: sha256_hex(text.as_bytes()),
        value_hash: None,
        size: i64::try_from(text.len()).unwrap(),
        content: Some(text.as_bytes().to_vec()),
    }
}
