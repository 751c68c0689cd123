//! Every verb over REST with the server's process killed before its commit, and again between its commit and its answer:
//! asked once more under its key, it has one effect.
//! Must never ask the process to fail: it is killed from outside, at a moment that the database shows.

use std::{process::Command, thread::JoinHandle, time::Duration};

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    server::{Request, Server, admin},
    support::{SlowModel, database_url, slow_model, weft},
};

/// A verb as a request on the run, and the requests that make the run ready for it.
struct Case {
    method: &'static str,
    path: String,
    body: Value,
    first: Vec<(String, Value)>,
}

fn post(path: &str, body: Value) -> Case {
    Case { method: "POST", path: path.to_owned(), body, first: Vec::new() }
}

impl Case {
    fn after(mut self, path: &str, body: Value) -> Self {
        self.first.push((path.to_owned(), body));
        self
    }
}

/// In the run `a` is completed, `gate` awaits its review and `slow` is running.
fn cases(first_version: &str, other_run: &str) -> Vec<Case> {
    let stopped = |case: Case| case.after("/steps/slow/stop", json!({}));
    let edited = |case: Case| case.after("/steps/a/edit", json!({"artifacts": {"text": "edited"}}));
    vec![
        stopped(post("/steps/slow/trigger", json!({}))),
        post("/steps/gate/continue", json!({})),
        post("/steps/a/edit", json!({"artifacts": {"text": "edited"}})),
        post("/steps/gate/reject", json!({"feedback": "Shorter"})),
        stopped(post("/steps/slow/skip", json!({}))),
        stopped(post("/steps/slow/supply", json!({"outputs": {"text": "mine"}}))),
        post("/steps/slow/stop", json!({})),
        post("/steps/a/rerun", json!({"mode": "downstream"})),
        edited(post(&format!("/artifacts/{first_version}/rollback"), json!({}))),
        post("/cancel", json!({})),
        post("/pause", json!({})),
        post("/resume", json!({})).after("/pause", json!({})),
        Case { method: "PATCH", ..post("", json!({"auto_run": false})) },
        post("/fork", json!({"step": "gate"})),
        edited(post("/adopt", json!({"from": other_run, "steps": ["a"]}))),
        stopped(post("/move", json!({"version": 2}))),
    ]
}

type Asking = JoinHandle<Option<(u16, Value)>>;

struct World {
    pool: PgPool,
    model: SlowModel,
    token: String,
    template: String,
}

impl World {
    async fn new(pool: PgPool) -> (Self, Server) {
        // Longer than the test: what runs goes on running.
        let model = slow_model(Duration::from_hours(1)).await;
        let mut world = Self { pool, model, token: String::new(), template: String::new() };
        let server = world.serve();
        world.token = admin(|args| world.command(args));
        let agent = json!({"id": "slow", "name": "Slow", "outputs": [{"name": "text", "schema": {"type": "string"}}],
            "config": {"kind": "llm", "provider": "slow", "prompt": "Say something"}});
        world.asked(&server, "POST", "/api/agents", None, &agent);
        let from_a = json!({"text": {"from": "step", "step": "a", "artifact": "text"}});
        let definition = json!({
        "inputs": {"text": {"schema": {"type": "string"}, "required": true}},
        "steps": {
            "a": {"agent_id": "clean-text", "inputs": {"text": {"from": "run", "key": "text"}}},
            "gate": {"agent_id": "clean-text", "depends_on": ["a"], "inputs": from_a, "review": {"mode": "always"}},
            "slow": {"agent_id": "slow"},
        }});
        let body = json!({"name": "Verbs", "definition": definition});
        let template = world.asked(&server, "POST", "/api/workflows/templates", None, &body);
        template["id"].as_str().unwrap().clone_into(&mut world.template);
        let path = format!("/api/workflows/templates/{}", world.template);
        world.asked(&server, "POST", &format!("{path}/publish"), None, &json!({}));
        let mut changed = definition;
        changed["steps"]["gate"]["title"] = json!("A new title");
        let draft = json!({"definition": changed, "base_revision": template["draft_revision"]});
        world.asked(&server, "PUT", &path, None, &draft);
        world.asked(&server, "POST", &format!("{path}/publish"), None, &json!({}));
        (world, server)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = weft(args, &self.model);
        command.env("DATABASE_URL", database_url(&self.pool));
        command
    }

    fn serve(&self) -> Server {
        Server::start(self.command(&["serve"]))
    }

    /// The answer, which must be a good one.
    fn asked(&self, server: &Server, method: &str, path: &str, key: Option<&str>, body: &Value) -> Value {
        let request = Request { token: &self.token, method, path, key, body: body.clone() };
        let (status, answer) = request.send(server.address()).expect("an answer");
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// The same by itself, and whatever becomes of it.
    fn asking(&self, server: &Server, method: &'static str, path: &str, key: &str, body: &Value) -> Asking {
        let (address, token) = (server.address().to_owned(), self.token.clone());
        let (path, key, body) = (path.to_owned(), key.to_owned(), body.clone());
        std::thread::spawn(move || Request { token: &token, method, path: &path, key: Some(&key), body }.send(&address))
    }

    /// A run in the state that the cases speak of; its path and its view.
    async fn run(&self, server: &Server) -> (String, Value) {
        let start = json!({"template_id": self.template, "version": 1, "inputs": {"text": "some words"}});
        let run = self.asked(server, "POST", "/api/workflows/runs", None, &start);
        let path = format!("/api/workflows/runs/{}", run["id"].as_str().unwrap());
        loop {
            let view = self.asked(server, "GET", &path, None, &Value::Null);
            let statuses: Vec<_> = view["steps"].as_array().unwrap().iter().map(|step| &step["status"]).collect();
            if statuses == ["completed", "awaiting_review", "running"] {
                return (path, view);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What people did: the engine's own events come whenever a step ends.
    async fn n_effects(&self) -> i64 {
        let query = "SELECT count(*) FROM run_events WHERE event ->> 'actor' IS NOT NULL";
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until the query counts something, or nothing.
    async fn until(&self, some: bool, query: &'static str) {
        while (sqlx::query_scalar::<_, i64>(query).fetch_one(&self.pool).await.unwrap() > 0) != some {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Holds the verb back at what it writes last.
const HOLD: &str = "LOCK TABLE run_events IN SHARE MODE";
const HELD: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
/// A commit is one statement: without its client it would go on once nothing holds it any more.
const END_HELD: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";
const OPEN: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()";

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_verb_has_one_effect_when_the_server_is_killed_before_and_after_its_commit(pool: PgPool) {
    let (world, mut server) = World::new(pool.clone()).await;
    let (other, _) = world.run(&server).await;
    let other = other.rsplit('/').next().unwrap();
    for n in 0..cases("", other).len() {
        let (run, view) = world.run(&server).await;
        let made_by_a = |artifact: &&Value| artifact["producing_step_id"] == "a";
        let first_version = view["artifacts"].as_array().unwrap().iter().find(made_by_a).unwrap();
        let case = cases(first_version["id"].as_str().unwrap(), other).swap_remove(n);
        for (path, body) in &case.first {
            world.asked(&server, "POST", &format!("{run}{path}"), None, body);
        }
        let (method, path, key) = (case.method, format!("{run}{}", case.path), format!("case-{n}"));
        let name = format!("{method} {}", case.path);
        let before = world.n_effects().await;

        let mut holder = pool.begin().await.unwrap();
        sqlx::query(HOLD).execute(&mut *holder).await.unwrap();
        let asking = world.asking(&server, method, &path, &key, &case.body);
        world.until(true, HELD).await;
        server.kill();
        assert_eq!(asking.join().unwrap(), None, "{name} was answered before its commit");
        let effects = if case.path == "/fork" { 2 } else { 1 };
        // Every other time the statement goes on without its client, and lands late.
        let lands = n % 2 == 1;
        if !lands {
            sqlx::query(END_HELD).execute(&pool).await.unwrap();
            world.until(false, HELD).await;
        }
        holder.rollback().await.unwrap();
        world.until(false, OPEN).await;
        let after = world.n_effects().await;
        assert!(after == before || (lands && after == before + effects), "{name}, killed before its commit: {after}");

        server = world.serve();
        let asking = world.asking(&server, method, &path, &key, &case.body);
        while world.n_effects().await == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill();
        // Whether the answer was faster than the kill is left open: it must not matter.
        drop(asking.join().unwrap());

        server = world.serve();
        for _ in 0..2 {
            world.asked(&server, method, &path, Some(&key), &case.body);
            assert_eq!(world.n_effects().await, before + effects, "{name}, asked again");
        }
    }
}
