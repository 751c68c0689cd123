//! Servers and workers over one database: work spreads over them, each server shows every run as it happens, tokens too, and whoever is
//! asked to end is replaced without a step that fails.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    server::{Request, Server, admin},
    support::{Process, SlowModel, database_url, talking_model, weft_at},
};

/// On a machine that has much else to do.
const WITHIN: Duration = Duration::from_mins(2);
const N_WORKERS: usize = 3;
/// The build that the tests are of.
const THIS: &str = env!("CARGO_BIN_EXE_weft");
/// Steps that a worker has room for.
const SLOTS: usize = 4;

const ALIVE: &str = "SELECT count(*) FROM workers WHERE state = 'alive'";
/// By how many steps are worked on.
const LEASED: &str = "SELECT count(DISTINCT lease_worker) FROM attempts WHERE lease_worker IS NOT NULL";
const UNDER_WAY: &str = "SELECT count(*) FROM workflow_runs WHERE finished_at IS NULL";

struct World {
    pool: PgPool,
    model: SlowModel,
    token: String,
}

impl World {
    fn command(&self, args: &[&str]) -> Command {
        self.command_of(Path::new(THIS), args)
    }

    fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = weft_at(program, args, &self.model);
        command.env("DATABASE_URL", database_url(&self.pool));
        command
    }

    fn serve(&self) -> Server {
        self.serve_by(Path::new(THIS))
    }

    /// One that leaves the model to the workers.
    fn serve_by(&self, program: &Path) -> Server {
        let mut command = self.command_of(program, &["serve"]);
        command.env("WEFT_WORKER_KINDS", "template,http,human,workflow");
        Server::start(command)
    }

    fn work(&self) -> Process {
        self.work_by(Path::new(THIS))
    }

    fn work_by(&self, program: &Path) -> Process {
        let mut command = self.command_of(program, &["work", "--kinds", "llm"]);
        Process::spawn(command.env("WEFT_WORKER_SLOTS", SLOTS.to_string()))
    }

    /// The answer, which must be a good one.
    fn asked(&self, server: &Server, path: &str, body: &Value) -> Value {
        let request = Request { token: &self.token, method: "POST", path, key: None, body: body.clone() };
        let (status, answer) = request.send(server.address()).expect("an answer");
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    fn publish(&self, server: &Server, name: &str, steps: &Value) -> String {
        let body = json!({"name": name, "definition": {"steps": steps}});
        let template = self.asked(server, "/api/workflows/templates", &body)["id"].as_str().unwrap().to_owned();
        self.asked(server, &format!("/api/workflows/templates/{template}/publish"), &json!({}));
        template
    }

    fn start(&self, server: &Server, template: &str) -> String {
        let run = self.asked(server, "/api/workflows/runs", &json!({"template_id": template, "auto_run": true}));
        run["id"].as_str().unwrap().to_owned()
    }

    async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until the query counts that many.
    async fn until(&self, query: &'static str, n: usize) {
        let wanted = i64::try_from(n).unwrap();
        let counted = async {
            while self.count(query).await != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(WITHIN, counted).await.is_ok(), "{query}: {}", self.count(query).await);
    }

    /// What a page on this server hears of a run until it is over: how many events, and the text of its tokens.
    async fn heard(&self, server: &Server, run: &str) -> (usize, String) {
        let mut request =
            format!("ws://{}/api/workflows/runs/{run}/live", server.address()).into_client_request().unwrap();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token)).unwrap();
        request.headers_mut().insert("authorization", bearer);
        let (mut socket, _) = connect_async(request).await.unwrap();
        socket.send(Message::text(json!({"after": 0}).to_string())).await.unwrap();
        let (mut n_events, mut told) = (0, String::new());
        loop {
            let message = tokio::time::timeout(WITHIN, socket.next()).await.expect("something is heard in time");
            let Message::Text(text) = message.expect("it stays open").unwrap() else { continue };
            let frame: Value = serde_json::from_str(text.as_str()).unwrap();
            if frame["type"] == "delta" {
                told.push_str(frame["text"].as_str().unwrap());
            }
            if frame["type"] == "event" {
                n_events += 1;
                if frame["event"]["data"]["run"]["status"] == "completed" {
                    return (n_events, told);
                }
            }
        }
    }
}

fn slow_agent() -> Value {
    json!({"id": "slow", "name": "Slow", "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "llm", "provider": "slow", "prompt": "Say something"}})
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn work_spreads_any_server_shows_any_run_and_a_rolling_restart_fails_no_step(pool: PgPool) {
    let model = talking_model(40, Duration::from_millis(50)).await;
    let mut world = World { pool, model, token: String::new() };
    let mut servers = [world.serve(), world.serve()];
    world.token = admin(|args| world.command(args));
    let mut workers: Vec<Process> = (0..N_WORKERS).map(|_| world.work()).collect();
    world.asked(&servers[0], "/api/agents", &slow_agent());
    let slow = |after: &[&str]| json!({"agent_id": "slow", "depends_on": after});
    let many: serde_json::Map<String, Value> = (0..N_WORKERS * SLOTS).map(|n| (format!("s{n}"), slow(&[]))).collect();
    let wide = world.publish(&servers[0], "Wide", &Value::Object(many));
    let chain = world.publish(&servers[0], "Chain", &json!({"a": slow(&[]), "b": slow(&["a"])}));
    world.until(ALIVE, servers.len() + N_WORKERS).await;

    world.start(&servers[0], &wide);
    world.until(LEASED, N_WORKERS).await;
    world.until(UNDER_WAY, 0).await;

    // Started at one server and looked at on the other. Tokens may be lost, as those from before anybody looked; not of every run.
    let mut told = String::new();
    for _ in 0..10 {
        let run = world.start(&servers[0], &chain);
        let (n_events, text) = world.heard(&servers[1], &run).await;
        assert!(n_events >= 4, "it began, and each of two steps started and was completed: {n_events}");
        told = text;
        if told.contains("word") {
            break;
        }
    }
    assert!(told.contains("word"), "no tokens were heard: {told}");

    for n in 0..servers.len() {
        // The new one is there before the old one goes.
        let old = std::mem::replace(&mut servers[n], world.serve());
        world.start(&servers[1 - n], &chain);
        world.start(&old, &chain);
        assert_eq!(tokio::task::spawn_blocking(move || old.end()).await.unwrap(), Some(0));
    }
    for (n, worker) in workers.iter_mut().enumerate() {
        world.until(ALIVE, servers.len() + N_WORKERS).await;
        world.start(&servers[n % 2], &wide);
        world.until(LEASED, N_WORKERS).await;
        let old = std::mem::replace(worker, world.work());
        old.signal(Signal::SIGTERM);
        assert_eq!(old.ended().await, Some(0));
        world.until(UNDER_WAY, 0).await;
    }
    world.until(UNDER_WAY, 0).await;
    assert_eq!(world.count("SELECT count(*) FROM workflow_runs WHERE status <> 'completed'").await, 0);
    // What was taken in the moment of the stop may be given back untouched; nothing failed and nothing was lost.
    let failed = "SELECT count(*) FROM attempts WHERE outcome NOT IN ('succeeded', 'released')";
    assert_eq!(world.count(failed).await, 0);
}

/// The `weft` of an older commit, whose tables are the same: `cargo xtask test-long --only versions` builds one.
fn older() -> Option<PathBuf> {
    std::env::var_os("WEFT_OLD_BIN").filter(|path| !path.is_empty()).map(PathBuf::from)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_older_build_and_this_one_work_on_the_same_runs_and_replace_each_other(pool: PgPool) {
    let Some(older) = older() else {
        println!("left out: WEFT_OLD_BIN names no older build");
        return;
    };
    let model = talking_model(20, Duration::from_millis(50)).await;
    let mut world = World { pool, model, token: String::new() };
    let mut servers = [world.serve_by(&older), world.serve()];
    let mut workers = [world.work_by(&older), world.work()];
    world.token = admin(|args| world.command(args));
    world.asked(&servers[0], "/api/agents", &slow_agent());
    let slow = |after: &[&str]| json!({"agent_id": "slow", "depends_on": after});
    let many: serde_json::Map<String, Value> =
        (0..workers.len() * SLOTS).map(|n| (format!("s{n}"), slow(&[]))).collect();
    // Each build makes what the other one works on.
    let wide = world.publish(&servers[0], "Wide", &Value::Object(many));
    let chain = world.publish(&servers[1], "Chain", &json!({"a": slow(&[]), "b": slow(&["a"])}));
    world.until(ALIVE, servers.len() + workers.len()).await;
    for n in 0..servers.len() {
        world.start(&servers[n], &wide);
        world.until(LEASED, workers.len()).await;
        world.until(UNDER_WAY, 0).await;
        let run = world.start(&servers[n], &chain);
        let (n_events, _) = world.heard(&servers[1 - n], &run).await;
        assert!(n_events >= 4, "it began, and each of two steps started and was completed: {n_events}");
    }

    // Forth to this build alone, and back to the older one alone, each time with runs under way.
    for program in [Path::new(THIS), older.as_path()] {
        for (server, worker) in servers.iter_mut().zip(&mut workers) {
            world.start(server, &wide);
            let old = std::mem::replace(server, world.serve_by(program));
            world.start(&old, &chain);
            assert_eq!(tokio::task::spawn_blocking(move || old.end()).await.unwrap(), Some(0));
            let old = std::mem::replace(worker, world.work_by(program));
            old.signal(Signal::SIGTERM);
            assert_eq!(old.ended().await, Some(0));
        }
        world.until(UNDER_WAY, 0).await;
    }
    assert_eq!(world.count("SELECT count(*) FROM workflow_runs WHERE status <> 'completed'").await, 0);
    let failed = "SELECT count(*) FROM attempts WHERE outcome NOT IN ('succeeded', 'released')";
    assert_eq!(world.count(failed).await, 0);
    let check = world.command(&["check"]).stdout(Stdio::piped()).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}
