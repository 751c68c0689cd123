//! Postgres killed under load, twice: the server goes on, and nothing that was acknowledged is lost or done twice.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::{
    server::{Request, Server, admin},
    support::{SlowModel, slow_model, weft},
};

const N_RUNS: usize = 80;
/// How long a client asks again before it gives up; a loaded machine needs a few seconds to start Postgres.
const PATIENCE: Duration = Duration::from_mins(1);

fn command(args: &[&str], model: &SlowModel, dir: &Path) -> Command {
    let mut command = weft(args, model);
    command.env_remove("DATABASE_URL").env("WEFT_DATA_DIR", dir);
    command
}

/// The pid file of Postgres, wherever it is under the data folder.
fn pid_file(folder: &Path) -> Option<PathBuf> {
    let entries: Vec<_> = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).collect();
    let is_it = |entry: &&std::fs::DirEntry| entry.file_name() == "postmaster.pid";
    let is_folder = |entry: &&std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries
        .iter()
        .find(is_it)
        .map(std::fs::DirEntry::path)
        .or_else(|| entries.iter().filter(is_folder).find_map(|entry| pid_file(&entry.path())))
}

fn kill_postgres(dir: &Path) {
    let text = std::fs::read_to_string(pid_file(dir).expect("Postgres runs under the data folder")).unwrap();
    let pid = text.lines().next().unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

struct Client {
    server: Server,
    token: String,
}

impl Client {
    fn once(&self, method: &str, path: &str, key: Option<&str>, body: Value) -> Option<(u16, Value)> {
        Request { token: &self.token, method, path, key, body }.send(self.server.address())
    }

    /// Asks again while the server says that it cannot answer now, or says nothing: what a good client does.
    fn patiently(&self, method: &str, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let begun = Instant::now();
        loop {
            match self.once(method, path, Some(key), body.clone()) {
                Some((503, _)) | None if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(100)),
                answer => return answer.expect("an answer within the client's patience"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_killed_under_load_loses_nothing_that_was_acknowledged() {
    let model = slow_model(Duration::from_millis(100)).await;
    tokio::task::spawn_blocking(move || under_load(&model)).await.unwrap();
}

fn under_load(model: &SlowModel) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(command(&["serve"], model, dir.path()));
    let client = Client { server, token: admin(|args| command(args, model, dir.path())) };
    let steps = json!({"a": {"agent_id": "clean-text", "inputs": {"text": {"from": "run", "key": "text"}}},
        "b": {"agent_id": "clean-text", "depends_on": ["a"], "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}},
        "c": {"agent_id": "clean-text", "depends_on": ["a"], "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}},
        "d": {"agent_id": "clean-text", "depends_on": ["b", "c"], "inputs": {"text": {"from": "step", "step": "c", "artifact": "text"}}}});
    let definition = json!({"inputs": {"text": {"schema": {"type": "string"}, "required": true}}, "steps": steps});
    let template = json!({"name": "Load", "definition": definition});
    let (status, template) = client.once("POST", "/api/workflows/templates", None, template).unwrap();
    assert_eq!(status, 201, "{template}");
    let id = template["id"].as_str().unwrap();
    let publish = format!("/api/workflows/templates/{id}/publish");
    let (status, problems) = client.once("POST", &publish, None, json!({})).unwrap();
    assert_eq!(status, 201, "{problems}");

    let mut acknowledged = Vec::new();
    for n in 0..N_RUNS {
        // The start before was answered, so Postgres is there to be killed.
        if n == 20 || n == 50 {
            kill_postgres(dir.path());
        }
        let start = json!({"template_id": id, "inputs": {"text": format!("text {n}")}});
        let (status, run) = client.patiently("POST", "/api/workflows/runs", &format!("start-{n}"), &start);
        // 200 when the first answer was lost on its way.
        assert!(matches!(status, 200 | 201), "{status}: {run}");
        acknowledged.push(run["id"].as_str().unwrap().to_owned());
    }

    for run in &acknowledged {
        let path = format!("/api/workflows/runs/{run}");
        let begun = Instant::now();
        let view = loop {
            match client.once("GET", &path, None, Value::Null) {
                Some((200, view)) if view["status"] == "completed" => break view,
                Some((404, _)) => panic!("the acknowledged run {run} is lost"),
                _ if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(100)),
                last => panic!("the run {run} did not complete: {last:?}"),
            }
        };
        for step in view["steps"].as_array().unwrap() {
            let attempts = step["attempts"].as_array().unwrap();
            assert_eq!(attempts.iter().filter(|attempt| attempt["outcome"] == "succeeded").count(), 1, "{step}");
        }
        assert_eq!(view["artifacts"].as_array().unwrap().len(), 4);
    }
    let (_, page) = client.once("GET", "/api/workflows/runs?limit=100", None, Value::Null).unwrap();
    let mut listed: Vec<_> = page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    listed.sort_unstable();
    acknowledged.sort_unstable();
    assert_eq!(listed, acknowledged, "each start, asked again or not, made one run");
}
