//! A published chain over a slow model, and `weft` processes over one database.
//! The model is a stub on loopback that speaks the `OpenAI` protocol; its slowness is what gives faults a target.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    response::IntoResponse,
    routing::{MethodRouter, post},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use runs::{Ask, By, Runs};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::{Store, log::Log};
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentSpec, Definition, RunId, RunView, TemplateId, UserId,
    access::{Actor, Role},
    run::{
        Command as RunCommand, State as RunState,
        command::{NewRun, Start},
    },
    validate,
};

pub(crate) struct SlowModel {
    pub url: String,
    pub n_calls: Arc<AtomicUsize>,
}

const EVENTS: [(&str, &str); 1] = [("content-type", "text/event-stream")];

/// A piece of an answer.
fn piece(delta: &Value, finish: &Value) -> String {
    let chunk = json!({"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "stub",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    format!("data: {chunk}\n\n")
}

fn last_piece() -> String {
    piece(&json!({}), &json!("stop")) + "data: [DONE]\n\n"
}

/// Answers after `delay`, one piece.
pub(crate) async fn slow_model(delay: Duration) -> SlowModel {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let answer = move |State(n_calls): State<Arc<AtomicUsize>>, Json(_): Json<Value>| async move {
        n_calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(delay).await;
        let body = piece(&json!({"role": "assistant", "content": "an answer"}), &Value::Null) + &last_piece();
        (EVENTS, body).into_response()
    };
    serve(post(answer), n_calls).await
}

/// Answers in so many pieces, one after the other.
pub(crate) async fn talking_model(n_pieces: u32, pause: Duration) -> SlowModel {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let answer = move |State(n_calls): State<Arc<AtomicUsize>>, Json(_): Json<Value>| async move {
        n_calls.fetch_add(1, Ordering::SeqCst);
        let pieces = futures::stream::unfold(0, move |n| async move {
            tokio::time::sleep(pause).await;
            let text = match n {
                _ if n < n_pieces => piece(&json!({"role": "assistant", "content": format!("word{n} ")}), &Value::Null),
                _ if n == n_pieces => last_piece(),
                _ => return None,
            };
            Some((Ok::<_, std::convert::Infallible>(text), n + 1))
        });
        (EVENTS, Body::from_stream(pieces)).into_response()
    };
    serve(post(answer), n_calls).await
}

async fn serve(answer: MethodRouter<Arc<AtomicUsize>>, n_calls: Arc<AtomicUsize>) -> SlowModel {
    let router = Router::new().route("/v1/chat/completions", answer).with_state(Arc::clone(&n_calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    SlowModel { url, n_calls }
}

/// A child that does not outlive its test.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal).unwrap();
    }

    /// Waits for the end of a process that was asked to end.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        for _ in 0..1_200 {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the process did not end within 60 s");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn weft(args: &[&str], model: &SlowModel) -> Command {
    weft_at(env!("CARGO_BIN_EXE_weft"), args, model)
}

/// The same of another build.
pub(crate) fn weft_at(program: impl AsRef<OsStr>, args: &[&str], model: &SlowModel) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_remove("WEFT_LOCAL_LLM_BIN")
        .env_remove("WEFT_LOCAL_LLM_MODEL")
        .env("WEFT_PROVIDER_SLOW_KIND", "openai")
        .env("WEFT_PROVIDER_SLOW_URL", &model.url)
        .env("WEFT_PROVIDER_SLOW_MODEL", "stub")
        .env("WEFT_PROVIDER_SLOW_KEY", "none")
        .stdout(Stdio::null());
    command
}

/// The test's own database, for a process.
pub(crate) fn database_url(pool: &PgPool) -> String {
    let options = pool.connect_options();
    let base = std::env::vars().find(|(name, _)| name == "DATABASE_URL").expect("the test needs DATABASE_URL").1;
    // A socket's folder stands behind the question mark.
    let (address, rest) =
        base.split_once('?').map_or((base.as_str(), String::new()), |(address, rest)| (address, format!("?{rest}")));
    let server = address.rsplit_once('/').expect("an address with a database").0;
    format!("{server}/{}{rest}", options.get_database().unwrap())
}

/// A `weft work` process over the test's database.
pub(crate) fn worker(pool: &PgPool, model: &SlowModel) -> Process {
    Process::spawn(weft(&["work"], model).env("DATABASE_URL", database_url(pool)))
}

pub(crate) fn agent() -> AgentSpec {
    serde_json::from_value(json!({
        "id": "slow", "version": 1, "name": "Slow",
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "llm", "provider": "slow", "prompt": "Say something"},
    }))
    .unwrap()
}

pub(crate) struct World {
    store: Store,
    runs: Runs,
    actor: Actor,
    template: TemplateId,
    definition: Definition,
}

impl World {
    /// Publishes `{"a": [], "b": ["a"]}` and so on, over the slow agent.
    pub(crate) async fn new(pool: &PgPool, edges: &Value) -> Self {
        let steps: serde_json::Map<String, Value> = edges
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, deps)| (key.clone(), json!({"agent_id": "slow", "depends_on": deps})))
            .collect();
        Self::with_steps(pool, steps).await
    }

    /// One step, `a`, that asks the slow agent so.
    pub(crate) async fn asking(pool: &PgPool, prompt: &str) -> Self {
        let step = json!({"agent_id": "slow", "prompt": prompt});
        Self::with_steps(pool, serde_json::Map::from_iter([("a".to_owned(), step)])).await
    }

    async fn with_steps(pool: &PgPool, steps: serde_json::Map<String, Value>) -> Self {
        let definition = Definition::from_value(&json!({"steps": steps})).unwrap();
        let actor = Actor {
            id: UserId(Uuid::now_v7()),
            email: "ada@example.com".into(),
            role: Role::Admin,
            groups: std::collections::BTreeSet::new(),
            acts_for: Vec::new(),
        };
        let template = TemplateId(Uuid::now_v7());
        let n_steps = i64::try_from(definition.steps.len()).unwrap();
        for query in [
            sqlx::query("INSERT INTO users (id, email, role, password_hash) VALUES ($1, $2, 'admin', '$argon2id$x')")
                .bind(actor.id.0)
                .bind(&actor.email),
            sqlx::query("INSERT INTO agents (id, latest_version, created_by) VALUES ('slow', 1, $1)").bind(actor.id.0),
            sqlx::query("INSERT INTO agent_versions (agent_id, version, spec, created_by) VALUES ('slow', 1, $2, $1)")
                .bind(actor.id.0)
                .bind(json!(agent())),
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
            query.execute(pool).await.unwrap();
        }
        let store = Store::from_pool(pool.clone());
        let options = PgConnectOptions::clone(&pool.connect_options());
        let log = Arc::new(Log::connect(options, 2, pool.clone(), None).await.unwrap());
        // It ends with the test, once nobody asks any more.
        let (runs, _decider) = engine::work_on_runs(log, store.clone()).await.unwrap();
        Self { store, runs, actor, template, definition }
    }

    pub(crate) async fn start(&self) -> RunId {
        let agents = AgentCatalog::new([agent()]);
        let (plan, problems) = validate(&self.definition, &agents);
        assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
        let id = RunId(Uuid::now_v7());
        let start = Start::of(NewRun {
            id,
            template_id: self.template,
            template_name: "T".to_owned(),
            template_version: 1,
            definition: Arc::new(self.definition.clone()),
            plan: &plan,
            agents: &agents,
            inputs: BTreeMap::new(),
            auto_run: true,
            user_id: self.actor.id,
            is_test: false,
        });
        let by = By::Person { actor: self.actor.clone(), was_asked: false, request: None };
        let ask = Ask { by, ..Ask::itself(id, RunCommand::Start(Box::new(start))) };
        self.runs.execute(ask).await.unwrap();
        id
    }

    /// As the log tells it, whatever any process knows.
    async fn view(&self, run: RunId) -> RunView {
        let events = self.store.events_after(run, 0, 10_000).await.unwrap();
        let state = RunState::fold(&events);
        state.view(&self.store.emails(&state.people()).await.unwrap())
    }

    /// Waits until the view is as wanted; fails after 60 s with what it is.
    pub(crate) async fn until(&self, run: RunId, wanted: impl Fn(&RunView) -> bool) -> RunView {
        let mut last = None;
        for _ in 0..1_200 {
            let view = self.view(run).await;
            if wanted(&view) {
                return view;
            }
            last = Some(view);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the run never got there: {:#?}", last.map(|view| view.steps));
    }
}
