//! Postgres killed under load, twice: the server goes on, and nothing that was acknowledged is lost.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::support::{SlowModel, slow_model, weft};

const PASSWORD: &str = "a-password-for-tests";

struct Server {
    child: std::process::Child,
    url: String,
    dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        // Asked politely, so that it stops its Postgres too.
        let _ = kill(pid, Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(model: &SlowModel) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Postgres runs as another user when the test runs as root, and has to get in.
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut child = Self::command(&["serve"], model, dir.path()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Weft is at ").map(str::to_owned))
            .expect("the server says where it is");
        Self { child, url, dir }
    }

    fn command(args: &[&str], model: &SlowModel, dir: &Path) -> Command {
        let mut command = weft(args, model);
        command.env_remove("DATABASE_URL").env("WEFT_DATA_DIR", dir).env("WEFT_LISTEN", "127.0.0.1:0");
        command
    }

    fn cli(&self, args: &[&str], model: &SlowModel) -> String {
        let mut child =
            Self::command(args, model, self.dir.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The process of Postgres, from its own pid file, wherever the data folder is.
    fn kill_postgres(&self) {
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().filter_map(Result::ok) {
                if entry.file_name() == "postmaster.pid" {
                    let text = std::fs::read_to_string(entry.path()).unwrap();
                    let pid = text.lines().next().unwrap().trim().parse().unwrap();
                    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
                    return;
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name() != "base" {
                    folders.push(entry.path());
                }
            }
        }
        panic!("no Postgres was found under the data folder");
    }
}

/// One request over a plain socket, so that the test brings no HTTP client; none while the server cannot answer.
fn request(server: &Server, token: &str, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
    let address = server.url.strip_prefix("http://")?.trim_end_matches('/').to_owned();
    let mut stream = std::net::TcpStream::connect(&address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
        Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).ok()?;
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut answer).ok()?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let json = text.split_once("\r\n\r\n")?.1;
    let json = json
        .find(['{', '['])
        .and_then(|from| serde_json::Deserializer::from_str(&json[from..]).into_iter::<Value>().next()?.ok());
    Some((status, json.unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_killed_under_load_loses_nothing_that_was_acknowledged() {
    let model = slow_model(Duration::from_millis(100)).await;
    tokio::task::spawn_blocking(move || under_load(&model)).await.unwrap();
}

fn under_load(model: &SlowModel) {
    let server = Server::start(model);
    server.cli(&["user", "create", "--role", "admin", "--email", "ada@example.com", "--password-stdin"], model);
    let token = server.cli(&["token", "create", "--email", "ada@example.com"], model);
    let steps = json!({"a": {"agent_id": "clean-text", "inputs": {"text": {"from": "run", "key": "text"}}},
        "b": {"agent_id": "clean-text", "depends_on": ["a"], "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}},
        "c": {"agent_id": "clean-text", "depends_on": ["a"], "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}},
        "d": {"agent_id": "clean-text", "depends_on": ["b", "c"], "inputs": {"text": {"from": "step", "step": "c", "artifact": "text"}}}});
    let definition = json!({"inputs": {"text": {"schema": {"type": "string"}, "required": true}}, "steps": steps});
    let (status, template) = request(
        &server,
        &token,
        "POST",
        "/api/workflows/templates",
        Some(&json!({"name": "Load", "definition": definition})),
    )
    .unwrap();
    assert_eq!(status, 201, "{template}");
    let id = template["id"].as_str().unwrap();
    let (status, problems) =
        request(&server, &token, "POST", &format!("/api/workflows/templates/{id}/publish"), Some(&json!({}))).unwrap();
    assert_eq!(status, 201, "{problems}");

    let mut acknowledged = BTreeSet::new();
    for n in 0..80 {
        if n == 20 || n == 50 {
            server.kill_postgres();
        }
        let start = json!({"template_id": id, "inputs": {"text": format!("text {n}")}});
        if let Some((201, run)) = request(&server, &token, "POST", "/api/workflows/runs", Some(&start)) {
            acknowledged.insert(run["id"].as_str().unwrap().to_owned());
        }
    }
    assert!(acknowledged.len() >= 40, "only {} starts were acknowledged", acknowledged.len());

    for run in &acknowledged {
        let path = format!("/api/workflows/runs/{run}");
        let finished = (0..600).find_map(|_| {
            let answer = request(&server, &token, "GET", &path, None);
            match answer {
                Some((200, view)) if view["status"] == "completed" => return Some(view),
                Some((404, _)) => panic!("the acknowledged run {run} is lost"),
                _ => {}
            }
            std::thread::sleep(Duration::from_millis(100));
            None
        });
        let view = finished.unwrap_or_else(|| panic!("the run {run} did not complete"));
        for step in view["steps"].as_array().unwrap() {
            let attempts = step["attempts"].as_array().unwrap();
            assert_eq!(attempts.iter().filter(|attempt| attempt["outcome"] == "succeeded").count(), 1, "{step}");
        }
        assert_eq!(view["artifacts"].as_array().unwrap().len(), 4);
    }
}
