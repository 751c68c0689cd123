//! Secrets over HTTP, by their program, and in a run: a value goes where it may, and is found nowhere else afterwards.

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::{Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use agents::{Options, Providers, Registry};
use axum::{Router, extract::Path};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use store::Store;
use tokio::{io::AsyncWriteExt, process::Command};
use tracing_subscriber::fmt::format::FmtSpan;
use workflow::access::Scope;

use crate::harness::{ANNA, RUNS, Server, TEMPLATES, agent_options, latest, secret_keys, step};

const SECRETS: &str = "/api/secrets";
const CANARY: &str = "c4n4ry/of+a secret&more=";
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW_KEY: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A server whose agents may reach this machine, and may be given secrets.
async fn start(pool: &PgPool) -> Server {
    let secrets = engine::StoredSecrets::new(Store::from_pool(pool.clone()), secret_keys());
    let allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    let options = Options { allow_private, secrets: Some(Arc::new(secrets)), ..agent_options() };
    let registry = Registry::new(Providers::default(), Arc::new(agents::InMemory::default()), options);
    Server::start_with(pool.clone(), Arc::new(registry)).await
}

/// Answers with the header that it was sent, in several spellings: well, or as an error.
async fn echo(Path(what): Path<String>, headers: HeaderMap) -> (StatusCode, String) {
    let sent = headers.get(header::AUTHORIZATION).map_or("nothing", |sent| sent.to_str().unwrap());
    let status = if what == "good" { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    (status, json!({"sent": sent, "in hex": hex::encode(sent)}).to_string())
}

async fn other_side() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/{what}", axum::routing::get(echo));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn agent(server: &Server, id: &str, url: &str) {
    let agent = json!({"id": id, "name": id, "inputs": [{"name": "text", "schema": {"type": "string"}}],
        "outputs": [{"name": "body", "schema": {"type": "string"}}],
        "config": {"kind": "http", "url": url, "headers": {"Authorization": "Bearer ${secret.github}"}}});
    server.admin.post("/api/agents", agent).await.expect(201);
}

/// A published workflow of these agents, one after the other.
async fn workflow(server: &Server, agents: &[&str]) -> String {
    let steps: serde_json::Map<String, Value> = agents
        .iter()
        .map(|agent| {
            let step = json!({"agent_id": agent, "retry": {"max": 0}, "on_error": "continue",
                "inputs": {"text": {"from": "run", "key": "text"}}});
            (agent.replace('-', "_"), step)
        })
        .collect();
    let definition = json!({"inputs": {"text": {"title": "Text", "schema": {"type": "string"}}}, "steps": steps});
    server.publish("Calls", definition).await
}

async fn set(server: &Server, hosts: &[String], agents: &[&str]) {
    let body = json!({"value": CANARY, "hosts": hosts, "agents": agents, "description": "For the other side"});
    let made = server.admin.json(Method::PUT, &format!("{SECRETS}/github"), &body).await.expect(201);
    assert!(!made.to_string().contains("c4n4ry"), "{made}");
}

/// Runs what a file brought, whose step sends the secret: it may not.
async fn is_refused(server: &Server, id: &str) {
    server.admin.post(&format!("{TEMPLATES}/{id}/publish"), json!({})).await.expect(201);
    let run = server.anna.start(id, "x").await;
    let view = server.anna.settled(&run).await;
    let told = step(&view, "a")["attempts"][0].to_string();
    assert!(told.contains("may not use the secret `github`"), "{told}");
}

/// What somebody would look for who looks for the value.
fn spelled() -> Vec<String> {
    let percent = "c4n4ry%2Fof%2Ba%20secret%26more%3D";
    vec![CANARY.to_owned(), hex::encode(CANARY), percent.to_owned(), "c4n4ry".to_owned(), hex::encode("c4n4ry")]
}

#[track_caller]
fn holds_none(what: &str, text: &str) {
    for canary in spelled() {
        if let Some(at) = text.find(&canary) {
            let around: String = text.chars().skip(at.saturating_sub(100)).take(300).collect();
            panic!("{what} holds the secret: {around}");
        }
    }
}

/// Every row of every table, as text: what a dump holds.
pub(crate) async fn dump(pool: &PgPool) -> String {
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
    assert!(tables.iter().any(|table| table == "secrets") && tables.len() > 30, "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let rows = AssertSqlSafe(format!("SELECT t::text FROM \"{table}\" t"));
        let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(pool).await.unwrap();
        all.push_str(&rows.join("\n"));
    }
    all
}

/// What is logged on this thread, on which the whole server runs: every level, and every span with its fields.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn keep(&self) -> tracing::subscriber::DefaultGuard {
        let lines = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_value_is_sent_and_is_in_no_log_event_artifact_error_export_or_table(pool: PgPool) {
    let lines = Lines::default();
    let logging = lines.keep();
    let server = start(&pool).await;
    let address = other_side().await;
    agent(&server, "good", &format!("http://{address}/good")).await;
    agent(&server, "bad", &format!("http://{address}/bad")).await;
    set(&server, &[format!("http://{address}")], &["good", "bad"]).await;
    let template = workflow(&server, &["good", "bad"]).await;
    let run = server.anna.start(&template, "words").await;
    let view = server.anna.settled(&run).await;

    // It arrived, whole: what came back is as long as it says.
    let path = format!("{RUNS}/{run}/artifacts/{}", latest(&view, "good")["id"].as_str().unwrap());
    let artifact = server.anna.get(&path).await.expect(200).to_string();
    assert!(artifact.contains("Bearer [secret github]"), "{artifact}");
    let error = step(&view, "bad")["attempts"][0].to_string();
    assert!(error.contains("The server answered 500"), "{error}");

    let mut paths =
        vec![path.clone(), format!("{path}?download"), format!("{RUNS}/{run}"), format!("{TEMPLATES}/{template}")];
    for rest in ["events", "artifacts", "stale", "steps/bad/attempts/1/transcript"] {
        paths.push(format!("{RUNS}/{run}/{rest}"));
    }
    for whole in
        ["/api/agents/list", "/api/agents/good", SECRETS, "/api/audit", "/api/audit/export", "/api/workflows/gallery"]
    {
        paths.push(whole.to_owned());
    }
    paths.push(format!("{TEMPLATES}/{template}/export"));
    for path in paths {
        let answer = server.admin.get(&path).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
        holds_none(&path, &answer.text());
    }
    let export = server.admin.get(&format!("{TEMPLATES}/{template}/export")).await.text();
    assert!(export.contains("Bearer ${secret.github}"), "by its name: {export}");
    holds_none("a dump", &dump(&pool).await);
    drop(logging);
    let logged = lines.text();
    assert!(logged.contains("attempt{") && logged.contains("step.key=good"), "it was listened");
    holds_none("the log", &logged);

    let audit = server.admin.get("/api/audit?action=secret&subject=github").await.expect(200);
    let entries: Vec<_> = audit["entries"].as_array().unwrap().iter().rev().collect();
    let told: Vec<_> =
        entries.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["actor_email"].as_str())).collect();
    assert_eq!(told[0].0, "secret.created");
    assert_eq!(told[1..], [("secret.used", Some(ANNA)); 2], "once for each agent of a run");
    assert!(entries[1..].iter().all(|entry| entry["data"]["to"] == format!("http://{address}")), "{entries:?}");
    let uses: Vec<_> = entries[1..].iter().map(|entry| (&entry["data"]["agent"], &entry["data"]["run"])).collect();
    assert!(uses.contains(&(&json!("good"), &json!(run))) && uses.contains(&(&json!("bad"), &json!(run))), "{uses:?}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_was_not_granted_it_and_where_it_may_not_go_it_is_not_sent(pool: PgPool) {
    let server = start(&pool).await;
    let (address, elsewhere) = (other_side().await, other_side().await);
    agent(&server, "granted", &format!("http://{address}/good")).await;
    agent(&server, "foreign", &format!("http://{address}/good")).await;
    agent(&server, "away", &format!("http://{elsewhere}/good")).await;
    agent(&server, "led", "{{ text | safe }}/good").await;
    let template = workflow(&server, &["granted", "foreign", "away", "led"]).await;
    let ran = async |text: &str| {
        let run = server.anna.start(&template, text).await;
        server.anna.settled(&run).await
    };
    let failure = |view: &Value, key: &str| {
        let attempt = &step(view, key)["attempts"][0];
        format!(
            "{} {}",
            attempt["error_class"].as_str().unwrap_or_default(),
            attempt["error"].as_str().unwrap_or_default()
        )
    };
    let before = ran("http://127.0.0.1:9").await;
    assert!(failure(&before, "granted").contains("There is no secret `github`"), "{before:#}");

    set(&server, &[format!("http://{address}")], &["granted", "away", "led"]).await;
    let view = ran(&format!("http://{elsewhere}")).await;
    assert_eq!(step(&view, "granted")["status"], "completed", "{view:#}");
    assert!(failure(&view, "foreign").contains("may not use the secret `github`"), "{view:#}");
    for key in ["away", "led"] {
        let told = failure(&view, key);
        assert!(
            told.contains(&format!("may not be sent to http://{elsewhere}"))
                && !told.contains(&format!("http://{address}")),
            "{key}: {told}"
        );
    }
    // An address that a run makes up may lead where it may go anyway.
    let view = ran(&format!("http://{address}")).await;
    assert_eq!(step(&view, "led")["status"], "completed", "{view:#}");

    // Two admins saw the same list: who comes second takes nothing back that the first has done.
    let stale = json!({"agents": ["granted"], "expect": ["granted", "away", "led", "foreign"]});
    server.admin.json(Method::PUT, &format!("{SECRETS}/github/agents"), &stale).await.problem(409, "conflict");
    let grant = json!({"agents": ["foreign"], "expect": ["led", "granted", "away"]});
    let granted = server.admin.json(Method::PUT, &format!("{SECRETS}/github/agents"), &grant).await.expect(200);
    assert_eq!(granted["agents"], json!(["foreign"]));
    let view = ran("http://127.0.0.1:9").await;
    assert_eq!(step(&view, "foreign")["status"], "completed");
    assert!(failure(&view, "granted").contains("may not use the secret"), "{view:#}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_file_that_names_a_secret_is_granted_nothing(pool: PgPool) {
    let server = start(&pool).await;
    let address = other_side().await;
    agent(&server, "here", &format!("http://{address}/good")).await;
    set(&server, &[format!("http://{address}")], &["here"]).await;
    let file = json!({"weft": 1, "main": "calls", "left_out": [],
        "workflows": {"calls": [{"name": "Calls", "description": "", "definition": {"schema_version": 1,
            "inputs": {"text": {"title": "Text", "schema": {"type": "string"}}},
            "steps": {"a": {"agent_id": "stranger", "retry": {"max": 0}}}}}]},
        "agents": {"stranger": [{"name": "Stranger", "outputs": [{"name": "text", "schema": {"type": "string"}}],
            "config": {"kind": "http", "url": format!("http://{address}/good"), "headers": {"Authorization": "Bearer ${secret.github}"}}}]}});
    let report = server.admin.post("/api/workflows/import", file).await.expect(200);
    let grants = report["grants"].as_array().unwrap();
    assert!(grants.iter().any(|grant| grant["kind"] == "secret" && grant["name"] == "github"), "{report:#}");
    let secrets = server.admin.get(SECRETS).await.expect(200);
    assert_eq!(secrets[0]["agents"], json!(["here"]));
    let templates = server.admin.get(TEMPLATES).await.expect(200);
    let id = templates.as_array().unwrap().iter().find(|one| one["name"] == "Calls").unwrap()["id"].clone();
    let id = id.as_str().unwrap();
    is_refused(&server, id).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_is_no_admin_any_more_sends_none_by_what_they_tried(pool: PgPool) {
    let server = start(&pool).await;
    let address = other_side().await;
    agent(&server, "good", &format!("http://{address}/good")).await;
    set(&server, &[format!("http://{address}")], &["good"]).await;
    let users = server.admin.get("/api/users").await.expect(200);
    let anna = users.as_array().unwrap().iter().find(|user| user["email"] == ANNA).unwrap()["id"].clone();
    let become_one = async |role: &str| {
        let path = format!("/api/users/{}", anna.as_str().unwrap());
        server.admin.json(Method::PATCH, &path, &json!({"role": role})).await.expect(200);
    };
    become_one("admin").await;
    let anna = server.program(ANNA, &Scope::ALL).await;
    let typed = json!({"id": "good", "name": "Typed", "inputs": [{"name": "text", "schema": {"type": "string"}}],
        "outputs": [{"name": "body", "schema": {"type": "string"}}],
        "config": {"kind": "http", "url": format!("http://{address}/{{{{ text }}}}"), "headers": {"Authorization": "Bearer ${secret.github}"}}});
    let test = json!({"agent_id": "good", "inputs": {"text": "good"}, "unsaved": typed, "confirm": true});
    let run = anna.post("/api/agents/test", test).await.expect(202)["run_id"].as_str().unwrap().to_owned();
    let view = anna.settled(&run).await;
    assert_eq!(step(&view, "test")["status"], "completed", "{view:#}");
    let audit = server.admin.get("/api/audit?action=secret.used&subject=github").await.expect(200);
    let used = audit["entries"][0]["data"]["agent"].as_str().unwrap();
    assert!(used.starts_with("good~"), "what was never saved is not told as what was: {used}");

    become_one("user").await;
    let mut scopes = Scope::ALL.to_vec();
    scopes.retain(|scope| !scope.is_admins());
    let anna = server.program(ANNA, &scopes).await;
    let again = anna.post(&format!("{RUNS}/{run}/steps/test/rerun"), json!({"mode": "downstream"})).await;
    assert!(again.status.is_success(), "{}", again.text());
    let view = anna.settled(&run).await;
    assert!(step(&view, "test").to_string().contains("may not use the secret `github`"), "{view:#}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_file_takes_no_granted_agent_over(pool: PgPool) {
    let server = start(&pool).await;
    let address = other_side().await;
    agent(&server, "here", &format!("http://{address}/good")).await;
    set(&server, &[format!("http://{address}")], &["here"]).await;
    let file = |name: &str, path: &str| {
        json!({"weft": 1, "main": "calls", "left_out": [],
            "workflows": {"calls": [{"name": "Calls", "description": "", "definition": {"schema_version": 1,
                "inputs": {"text": {"title": "Text", "schema": {"type": "string"}}},
                "steps": {"a": {"agent_id": "here", "retry": {"max": 0}, "inputs": {"text": {"from": "run", "key": "text"}}}}}}]},
            "agents": {"here": [{"name": name, "inputs": [{"name": "text", "schema": {"type": "string"}}],
                "outputs": [{"name": "body", "schema": {"type": "string"}}],
                "config": {"kind": "http", "url": format!("http://{address}/{path}"), "headers": {"Authorization": "Bearer ${secret.github}"}}}]}})
    };
    let import = async |file: Value| {
        let list = server.admin.post("/api/workflows/import?dry_run=true", file.clone()).await.expect(200);
        let digest = list["digest"].as_str().unwrap();
        server.admin.post(&format!("/api/workflows/import?digest={digest}"), file).await.expect(200)
    };
    let done = import(file("Renamed", "good")).await;
    assert!(!done["conflicts"].to_string().contains("another request"), "{done:#}");
    assert_eq!(server.admin.get(SECRETS).await.expect(200)[0]["agents"], json!(["here"]), "it sends what it sent");

    let done = import(file("Renamed", "bad")).await;
    assert!(done["conflicts"].to_string().contains("in another request"), "{done:#}");
    assert_eq!(server.admin.get(SECRETS).await.expect(200)[0]["agents"], json!([]));
    let audit = server.admin.get("/api/audit?action=secret.granted&subject=github").await.expect(200);
    assert_eq!(audit["entries"][0]["data"]["taken_from"], "here", "{audit:#}");
    let id = done["template_id"].as_str().unwrap();
    is_refused(&server, id).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_wrong_is_told_at_its_field_and_no_value_comes_back(pool: PgPool) {
    let server = Server::start(pool).await;
    let at = format!("{SECRETS}/github");
    let sound =
        || json!({"value": CANARY, "hosts": ["API.example.org", "api.example.org:443"], "description": "مفتاح 🔑"});
    let with = |field: &str, value: Value| {
        let mut body = sound();
        body[field] = value;
        body
    };
    let table = [
        (with("value", json!("c4n4ry")), 422, "value"),
        (with("value", json!("c4n4ry-c4n4ry\0")), 422, "value"),
        (with("value", json!("c4n4ry".repeat(2_000))), 413, "value"),
        (with("value", json!(["c4n4ry-c4n4ry"])), 422, "value"),
        (with("value", json!(77_777_777_777_u64)), 422, "value"),
        (with("hosts", json!(["a.example", "https://a.example/path"])), 422, "hosts.1"),
        (with("hosts", json!(["c4n4ry-c4n4ry in the wrong field"])), 422, "hosts.0"),
        (with("hosts", json!("c4n4ry-c4n4ry")), 422, "hosts"),
        (with("description", json!(["c4n4ry-c4n4ry"])), 422, "description"),
        (with("agents", json!("c4n4ry-c4n4ry")), 422, "agents"),
        (with("agents", json!(["C4N4RY c4n4ry-c4n4ry"])), 422, "agents"),
        (with("hosts", json!(vec!["a.example"; 21])), 422, "hosts"),
        (with("agents", json!(["nobody"])), 422, "agents"),
        (with("agents", json!(["NOBODY <script>"])), 422, "agents"),
        (with("description", json!("x".repeat(501))), 422, "description"),
    ];
    for (body, status, field) in table {
        let answer = server.admin.json(Method::PUT, &at, &body).await;
        assert_eq!((answer.status.as_u16(), answer.expect(status)["field"].as_str()), (status, Some(field)), "{body}");
        holds_none("a refusal", &answer.text());
        assert!(!answer.text().contains("77777777777"), "{}", answer.text());
    }
    for body in [
        json!("c4n4ry-c4n4ry"),
        json!(["c4n4ry-c4n4ry"]),
        json!({"c4n4ry-c4n4ry": 1}),
        with("c4n4ry-c4n4ry", json!(true)),
    ] {
        let refused = server.admin.json(Method::PUT, &at, &body).await;
        assert_eq!(refused.status, 422, "{body}");
        holds_none("a refusal", &refused.text());
        let refused = server.admin.post("/_fn/set_secret", json!({"name": "github", "secret": body})).await;
        assert!(!refused.status.is_success());
        holds_none("a refusal of a function", &refused.text());
    }
    for name in ["Github", "1a", "a%20b", &"a".repeat(65)] {
        server.admin.json(Method::PUT, &format!("{SECRETS}/{name}"), &sound()).await.problem(422, "invalid");
    }
    assert_eq!(server.admin.get(SECRETS).await.expect(200), json!([]), "nothing was made");

    let made = server.admin.json(Method::PUT, &at, &sound()).await.expect(201);
    assert_eq!((&made["hosts"], &made["agents"]), (&json!(["api.example.org"]), &json!([])));
    assert_eq!((&made["is_readable"], &made["set_by"]), (&json!(true), &json!(crate::harness::ADMIN)));
    let again = server.admin.json(Method::PUT, &at, &sound()).await;
    holds_none("an answer", &again.text());
    again.expect(200);
    // There is no way to change hosts without the value, and none to read it.
    let hosts_alone = json!({"hosts": ["evil.example"]});
    let refused = server.admin.json(Method::PUT, &at, &hosts_alone).await;
    assert_eq!(refused.expect(422)["field"], "value");
    assert!(!server.admin.get(&at).await.status.is_success());
    for missing in [format!("{SECRETS}/none"), format!("{SECRETS}/NONE")] {
        server
            .admin
            .json(Method::PUT, &format!("{missing}/agents"), &json!({"agents": []}))
            .await
            .problem(404, "not_found");
        let gone = server.admin.send(Method::DELETE, &missing, HeaderMap::new(), axum::body::Body::empty()).await;
        gone.problem(404, "not_found");
    }
    let gone = server.admin.send(Method::DELETE, &at, HeaderMap::new(), axum::body::Body::empty()).await;
    assert_eq!(gone.status, 204);
    assert_eq!(server.admin.get(SECRETS).await.expect(200), json!([]));
    server.stop().await;
}

/// `weft secret` as a program beside the database.
async fn weft(pool: &PgPool, keys: &str, arguments: &[&str], input: &str) -> Output {
    let base = std::env::vars().find(|(name, _)| name == "DATABASE_URL").expect("the test needs DATABASE_URL").1;
    let (address, rest) = base.split_once('?').map_or((base.as_str(), String::new()), |(a, b)| (a, format!("?{b}")));
    let address = address.rsplit_once('/').expect("an address with a database").0;
    let url = format!("{address}/{}{rest}", pool.connect_options().get_database().unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_weft"))
        .arg("secret")
        .args(arguments)
        .env("DATABASE_URL", url)
        .env("WEFT_SECRET_KEY", keys)
        .env("WEFT_LOG", "trace")
        .env_remove("WEFT_SECRET_KEY_FILE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may be over before.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    for told in [&output.stdout, &output.stderr] {
        holds_none("the program's output", &String::from_utf8_lossy(told));
        assert!(!String::from_utf8_lossy(told).contains(&KEY[..16]), "{arguments:?} prints its key");
    }
    output
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_operator_sets_grants_rotates_and_deletes_at_a_terminal(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    server.shouting_agent().await;
    let both = format!("{NEW_KEY}\n{KEY}");
    let set = ["set", "github", "--host", "api.example.org,http://10.0.0.7:8080", "--agent", "shout", "--value-stdin"];
    let told = said(&weft(&pool, KEY, &set, &format!("{CANARY}\n")).await);
    assert!(told.starts_with("Made: github  key ") && told.contains("for shout"), "{told}");
    assert!(said(&weft(&pool, KEY, &set, "another long value").await).starts_with("Set anew"));
    let kept = said(&weft(&pool, KEY, &["set", "github", "--value-stdin"], "a third long value").await);
    assert!(
        kept.contains("api.example.org") && kept.contains("for shout"),
        "a new value goes where the old one went: {kept}"
    );
    let none = weft(&pool, "", &set, CANARY).await;
    assert!(complained(&none).contains("weft secret new-key"), "{none:?}");
    let bad = weft(&pool, "c0ffee", &["list"], "").await;
    assert!(complained(&bad).contains("64 hexadecimal digits"), "{bad:?}");
    let in_arguments = weft(&pool, KEY, &["set", "github", "a-value-in-the-arguments"], "").await;
    assert!(!in_arguments.status.success(), "there is no such argument");

    let rotated = said(&weft(&pool, &both, &["rotate"], "").await);
    assert!(rotated.starts_with("1 secret is newly encrypted"), "{rotated}");
    assert!(said(&weft(&pool, &both, &["rotate"], "").await).starts_with("0 secrets are"));
    let old = said(&weft(&pool, KEY, &["list"], "").await);
    assert!(old.contains("(not here)"), "{old}");
    let lost = weft(&pool, KEY, &["rotate"], "").await;
    assert!(complained(&lost).contains("github cannot be opened"), "{lost:?}");
    let seen = server.admin.get(SECRETS).await.expect(200);
    assert_eq!(
        (&seen[0]["is_readable"], &seen[0]["agents"]),
        (&json!(false), &json!(["shout"])),
        "a server with the old key"
    );

    let taken = said(&weft(&pool, NEW_KEY, &["grant", "github"], "").await);
    assert!(taken.contains("for no agent"), "{taken}");
    said(&weft(&pool, NEW_KEY, &["delete", "github"], "").await);
    let gone = weft(&pool, NEW_KEY, &["delete", "github"], "").await;
    assert!(complained(&gone).contains("there is no such secret"), "{gone:?}");
    let audit = server.admin.get("/api/audit?action=secret&who=operator").await.expect(200);
    let actions: Vec<_> =
        audit["entries"].as_array().unwrap().iter().rev().map(|entry| entry["action"].clone()).collect();
    let (made, again) = ("secret.created", "secret.replaced");
    let expected = [made, again, again, "secret.rotated", "secret.granted", "secret.deleted"];
    assert_eq!(actions, expected.map(|action| json!(action)));
    holds_none("a dump", &dump(&pool).await);
    server.stop().await;
}
