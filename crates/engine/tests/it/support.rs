//! A world with one published template, an engine in this process, and an agent that does as its script says.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agents::{Agent, AgentContext, AgentError, Output, StepInput, StepOutput};
use async_trait::async_trait;
use engine::{Agents, Engine, Options};
use serde_json::{Value, json};
use sqlx::PgPool;
use store::{Store, notify::Hints, runs::NewRun};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentSpec, Definition, RunId, RunView, TemplateId, UserId,
    access::{Actor, Role},
    status::Reason,
    validate,
};

/// What the agent does on its n-th call of a step.
pub(crate) type Script = Arc<dyn Fn(&str, i32) -> Act + Send + Sync>;

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Say(String),
    SayBytes(Vec<u8>),
    Fail(Reason),
    Panic,
    Sleep(Duration),
    /// Until it is cancelled.
    Hang,
    /// Until the test lets it go on.
    Until(Arc<tokio::sync::Notify>),
}

pub(crate) struct Scripted {
    script: Script,
    pub n_running: Arc<AtomicUsize>,
    pub keys: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Agent for Scripted {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        self.keys.lock().unwrap().push(ctx.idempotency_key.clone());
        self.n_running.fetch_add(1, Ordering::SeqCst);
        let name = input.values.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let bytes = match (self.script)(&name, ctx.attempt) {
            Act::Say(text) => text.into_bytes(),
            Act::SayBytes(bytes) => bytes,
            Act::Fail(class) => return Err(AgentError::new(class, "as the script says")),
            Act::Panic => panic!("as the script says"),
            Act::Sleep(pause) => {
                tokio::time::sleep(pause).await;
                name.into_bytes()
            }
            Act::Until(told) => {
                told.notified().await;
                name.into_bytes()
            }
            Act::Hang => {
                ctx.cancel.cancelled().await;
                return Err(AgentError::stopped());
            }
        };
        let outputs = vec![Output { name: "text".into(), media_type: "text/plain".into(), bytes }];
        Ok(StepOutput { outputs, usage: None, message: None })
    }
}

struct Only(Arc<Scripted>);

impl Agents for Only {
    fn for_kind(&self, _kind: &str) -> Option<Arc<dyn Agent>> {
        Some(Arc::clone(&self.0) as Arc<dyn Agent>)
    }
}

pub(crate) struct World {
    pub store: Store,
    pub pool: PgPool,
    pub actor: Actor,
    pub agent: Arc<Scripted>,
    template: TemplateId,
    definition: Definition,
    spec: AgentSpec,
}

/// `{"a": [], "b": ["a"]}`; each step is told its own name, and `more` is merged into every step.
pub(crate) fn dag(edges: &Value, more: &Value) -> Definition {
    let mut steps = serde_json::Map::new();
    for (key, deps) in edges.as_object().unwrap() {
        let mut step = json!({"agent_id": "scripted", "depends_on": deps, "inputs": {"name": {"const": key}}});
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        steps.insert(key.clone(), step);
    }
    Definition::from_value(&json!({"steps": steps})).unwrap()
}

impl World {
    pub(crate) async fn new(
        pool: PgPool,
        definition: Definition,
        script: impl Fn(&str, i32) -> Act + Send + Sync + 'static,
    ) -> Self {
        let spec: AgentSpec = serde_json::from_value(json!({
            "id": "scripted", "version": 1, "name": "Scripted",
            "inputs": [{"name": "name", "schema": {"type": "string"}}],
            "outputs": [{"name": "text", "schema": {"type": "string"}}],
            "config": {"kind": "template", "template": "x"},
        }))
        .unwrap();
        let actor = Actor { id: UserId(Uuid::now_v7()), email: "ada@example.com".into(), role: Role::Admin };
        let template = TemplateId(Uuid::now_v7());
        let n_steps = i64::try_from(definition.steps.len()).unwrap();
        for query in [
            sqlx::query("INSERT INTO users (id, email, role, password_hash) VALUES ($1, $2, 'admin', '$argon2id$x')")
                .bind(actor.id.0)
                .bind(&actor.email),
            sqlx::query("INSERT INTO agents (id, latest_version, created_by) VALUES ('scripted', 1, $1)")
                .bind(actor.id.0),
            sqlx::query(
                "INSERT INTO agent_versions (agent_id, version, spec, created_by) VALUES ('scripted', 1, $2, $1)",
            )
            .bind(actor.id.0)
            .bind(json!(spec)),
            sqlx::query(
                "INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by)
                VALUES ($2, 'T', '', $3, $4, $1)",
            )
            .bind(actor.id.0)
            .bind(template.0)
            .bind(definition.to_value())
            .bind(n_steps),
            sqlx::query(
                "INSERT INTO workflow_template_versions
                    (template_id, version, name, description, definition, semantic_hash, n_steps, published_by)
                VALUES ($2, 1, 'T', '', $3, $5, $4, $1)",
            )
            .bind(actor.id.0)
            .bind(template.0)
            .bind(definition.to_value())
            .bind(n_steps)
            .bind(definition.semantic_hash()),
        ] {
            query.execute(&pool).await.unwrap();
        }
        let agent = Arc::new(Scripted { script: Arc::new(script), n_running: Arc::default(), keys: Arc::default() });
        Self { store: Store::from_pool(pool.clone()), pool, actor, agent, template, definition, spec }
    }

    pub(crate) async fn start(&self) -> RunId {
        let agents = AgentCatalog::new([self.spec.clone()]);
        let (plan, problems) = validate(&self.definition, &agents);
        assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
        let id = RunId(Uuid::now_v7());
        self.store
            .start_run(NewRun {
                id,
                template_id: self.template,
                version: 1,
                definition: &self.definition,
                plan: &plan,
                agents: &agents,
                inputs: &BTreeMap::new(),
                auto_run: true,
                is_test: false,
                user: self.actor.id,
                idempotency: None,
            })
            .await
            .unwrap();
        id
    }

    /// An engine in this process; cancel the token to drain it.
    pub(crate) fn engine(&self, options: Options) -> (CancellationToken, JoinHandle<()>) {
        let stop = CancellationToken::new();
        let hints = Hints::default();
        let engine = Engine::new(self.store.clone(), Arc::new(Only(Arc::clone(&self.agent))), hints.clone(), options);
        let (store, token) = (self.store.clone(), stop.clone());
        tokio::spawn(async move { hints.listen(&store, token.cancelled()).await });
        let token = stop.clone();
        (stop, tokio::spawn(engine.run(token)))
    }

    pub(crate) async fn view(&self, run: RunId) -> RunView {
        self.store.run_view(run, &self.actor).await.unwrap().unwrap()
    }

    /// Waits until the view is as wanted; fails after 20 s with what it is.
    pub(crate) async fn until(&self, run: RunId, wanted: impl Fn(&RunView) -> bool) -> RunView {
        for _ in 0..800 {
            let view = self.view(run).await;
            if wanted(&view) {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the run never got there: {:#?}", self.view(run).await.steps);
    }
}
