//! A library of agents and templates, runs of them, and an engine in this process.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use agents::StepInput;
use engine::{Engine, Memory, Options};
use runs::{Answer, Ask, By, Content, Error, Runs};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::{Store, log::Log, notify::Hints};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentSpec, ArtifactId, Definition, RunId, RunView, StepStatus, TemplateId, UserId,
    access::{Actor, Role},
    hash::sha256_hex,
    run::{
        Command, State,
        command::{Changes, Edit, MoveTo, NewRun, Patch, Start},
        state::NewVersion,
    },
    status::{Reason, RunStatus},
    validate,
    view::BudgetView,
};

use crate::player::{Act, Player, Stage};

pub(crate) struct Lab {
    pub store: Store,
    pub runs: Runs,
    log: Arc<Log>,
    pub pool: PgPool,
    pub actor: Actor,
    pub player: Arc<Player>,
}

impl Lab {
    /// With the agents `say` (in `text`, out `text`), `list` (out `items`) and `form` (asks for `text`).
    pub(crate) async fn new(pool: PgPool, script: impl Fn(&StepInput, i32) -> Act + Send + Sync + 'static) -> Self {
        let actor = Actor {
            id: UserId(Uuid::now_v7()),
            email: "ada@example.com".into(),
            role: Role::Admin,
            groups: BTreeSet::new(),
            acts_for: Vec::new(),
        };
        sqlx::query("INSERT INTO users (id, email, role, password_hash) VALUES ($1, $2, 'admin', '$argon2id$x')")
            .bind(actor.id.0)
            .bind(&actor.email)
            .execute(&pool)
            .await
            .unwrap();
        let lab = Self::of(pool, actor, Arc::new(Player::new(script))).await;
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

    async fn of(pool: PgPool, actor: Actor, player: Arc<Player>) -> Self {
        let store = Store::from_pool(pool.clone());
        let options = PgConnectOptions::clone(&pool.connect_options());
        let log = Arc::new(Log::connect(options, 4, pool.clone(), None).await.unwrap());
        // It ends with the test, once nobody asks any more.
        let (runs, _decider) = engine::work_on_runs(Arc::clone(&log), store.clone()).await.unwrap();
        Self { store, runs, log, pool, actor, player }
    }

    /// Another process on the same database, with the same agents.
    pub(crate) async fn another(&self) -> Self {
        Self::of(self.pool.clone(), self.actor.clone(), Arc::clone(&self.player)).await
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
        sqlx::query(
            "INSERT INTO agent_versions (agent_id, version, spec, created_by) VALUES ($1, 1, $2::text::json, $3)",
        )
        .bind(spec.id.as_str())
        .bind(json!(spec).to_string())
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
            "INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by) VALUES ($1, 'T', '', $2::text::json, 1, $3)",
        )
        .bind(id.0)
        .bind(definition.to_value().to_string())
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
            VALUES ($1, $5, 'T' || $5, '', $2::text::json, $3, 1, $4)",
        )
        .bind(template.0)
        .bind(definition.to_value().to_string())
        .bind(definition.semantic_hash())
        .bind(self.actor.id.0)
        .bind(number)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// A published version as a run starts with it or moves to it.
    async fn planned(&self, template: TemplateId, number: i32) -> (Definition, AgentCatalog) {
        let (version, _) = self.store.version(template, number).await.unwrap().unwrap();
        let pins = version.definition.steps.values().map(|step| (step.agent_id.clone(), 1));
        let agents = AgentCatalog::new(self.store.agent_versions(pins).await.unwrap());
        (version.definition, agents)
    }

    /// Starts a run of a new template.
    pub(crate) async fn start(&self, document: &Value) -> RunId {
        let template = self.template(document).await;
        self.start_of(template, &json!({}), true).await
    }

    pub(crate) async fn start_of(&self, template: TemplateId, inputs: &Value, auto_run: bool) -> RunId {
        self.start_deep(template, inputs, auto_run, 1).await
    }

    /// Somebody else's run.
    pub(crate) async fn start_for(&self, owner: UserId, template: TemplateId) -> RunId {
        self.begin(owner, template, &json!({}), true, 1).await
    }

    /// As the run of a step of a run, and so on.
    pub(crate) async fn start_deep(&self, template: TemplateId, inputs: &Value, auto_run: bool, depth: i32) -> RunId {
        self.begin(self.actor.id, template, inputs, auto_run, depth).await
    }

    async fn begin(&self, owner: UserId, template: TemplateId, inputs: &Value, auto_run: bool, depth: i32) -> RunId {
        let (definition, agents) = self.planned(template, 1).await;
        let (plan, problems) = validate(&definition, &agents);
        assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
        let id = RunId(Uuid::now_v7());
        let mut start = Start::of(NewRun {
            id,
            template_id: template,
            template_name: "T".to_owned(),
            template_version: 1,
            definition: Arc::new(definition),
            plan: &plan,
            agents: &agents,
            inputs: serde_json::from_value(inputs.clone()).unwrap(),
            auto_run,
            user_id: owner,
            is_test: false,
        });
        start.run.depth = depth;
        self.done(id, Command::Start(Box::new(start))).await;
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
        let (runs, log) = (self.runs.clone(), Arc::clone(&self.log));
        let engine = Engine::new(runs, log, Arc::new(self.store.clone()), stage, hints.clone(), options);
        let (store, token) = (self.store.clone(), stop.clone());
        tokio::spawn(async move { hints.listen(&store, token.cancelled()).await });
        let (store, token) = (self.store.clone(), stop.clone());
        tokio::spawn(async move { store.send_hints(token.cancelled()).await });
        let (token, memory) = (stop.clone(), engine.memory());
        (stop, tokio::spawn(engine.run(token)), memory)
    }

    // ---- what a person does

    pub(crate) fn person(&self) -> By {
        By::Person { actor: self.actor.clone(), was_asked: false, request: None }
    }

    pub(crate) async fn ask(&self, run: RunId, command: Command, contents: Vec<Content>) -> Result<Answer, Error> {
        self.runs.execute(Ask { by: self.person(), contents, ..Ask::itself(run, command) }).await
    }

    pub(crate) async fn done(&self, run: RunId, command: Command) {
        let answer = self.ask(run, command, Vec::new()).await.unwrap();
        assert!(!answer.events.is_empty(), "it changes something");
    }

    pub(crate) async fn trigger(&self, run: RunId, step: &str) {
        self.done(run, Command::Trigger { step: step.into(), changes: Changes::default(), expect_generation: None })
            .await;
    }

    /// With this as its `text`.
    pub(crate) async fn trigger_with(&self, run: RunId, step: &str, text: Value) {
        let changes = Changes { inputs: Patch::Set([("text".to_owned(), text)].into()), ..Changes::default() };
        self.done(run, Command::Trigger { step: step.into(), changes, expect_generation: None }).await;
    }

    pub(crate) async fn stop(&self, run: RunId, step: &str) {
        self.done(run, Command::Stop { step: step.into(), expect_generation: None }).await;
    }

    pub(crate) async fn approve(&self, run: RunId, step: &str) {
        self.done(run, Command::Continue { step: step.into(), digest: None, expect_generation: None }).await;
    }

    pub(crate) async fn reject(&self, run: RunId, step: &str, feedback: &str) {
        let (step, feedback) = (step.into(), feedback.to_owned());
        self.done(run, Command::Reject { step, feedback, digest: None, expect_generation: None }).await;
    }

    pub(crate) async fn supply(&self, run: RunId, step: &str, text: &str) {
        let (output, content) = by_hand(text);
        let command = Command::Supply { step: step.into(), outputs: vec![output], expect_generation: None };
        self.ask(run, command, vec![content]).await.unwrap();
    }

    pub(crate) async fn edit(&self, run: RunId, step: &str, text: &str, and_continue: bool) {
        let (output, content) = by_hand(text);
        let edit =
            Edit { step: step.into(), outputs: vec![output], and_continue, digest: None, expect_generation: None };
        self.ask(run, Command::Edit(Box::new(edit)), vec![content]).await.unwrap();
    }

    pub(crate) async fn resume(&self, run: RunId, budget: Option<BudgetView>) -> Result<Answer, Error> {
        self.ask(run, Command::Resume { budget }, Vec::new()).await
    }

    /// To another published version of its template.
    pub(crate) async fn move_to(&self, run: RunId, template: TemplateId, number: i32) {
        let (definition, agents) = self.planned(template, number).await;
        let (plan, _) = validate(&definition, &agents);
        let to = MoveTo {
            template_version: number,
            template_name: format!("T{number}"),
            definition: Arc::new(definition),
            plan,
        };
        let by = By::Person { actor: self.actor.clone(), was_asked: false, request: None };
        let command = Command::Move(Box::new(to));
        self.runs.execute(Ask { by, agents: Arc::new(agents), ..Ask::itself(run, command) }).await.unwrap();
    }

    // ---- what there is to see

    pub(crate) fn emails(&self) -> BTreeMap<UserId, String> {
        [(self.actor.id, self.actor.email.clone())].into()
    }

    /// Once it has begun: a sub-workflow is named by its parent's commit, and begins with one of its own.
    pub(crate) async fn state(&self, run: RunId) -> State {
        for _ in 0..400 {
            // A database that has no room is asked again.
            if let Ok(Some(state)) = self.runs.read_now(run, |state| Some(state?.clone())).await {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{run} has not begun");
    }

    pub(crate) async fn view(&self, run: RunId) -> RunView {
        self.state(run).await.view(&self.emails())
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

/// A text that a person wrote.
fn by_hand(text: &str) -> (NewVersion, Content) {
    let hash = sha256_hex(text.as_bytes());
    let version = NewVersion {
        id: ArtifactId(Uuid::now_v7()),
        name: "text".into(),
        media_type: "text/plain".into(),
        content_hash: hash.clone(),
        value_hash: None,
        size: i64::try_from(text.len()).unwrap(),
        copy_of: None,
    };
    (version, Content { hash, bytes: text.as_bytes().into() })
}
