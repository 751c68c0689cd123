//! Workflows as files over REST and from the command line: out and in again byte for byte, without secrets, listed before it is done, and
//! bad files, each with a message that names the place, which change nothing.

use std::process::Output;

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::process::Command;

use crate::harness::{Answer, Client, Server};

const IMPORT: &str = "/api/workflows/import";
/// What nobody may find in a file.
const CANARY: &str = "c4n4ry-s3cr3t";

async fn import(client: &Client, query: &str, file: impl Into<Body>) -> Answer {
    client.bytes(Method::POST, &format!("{IMPORT}?{query}"), "text/plain", file).await
}

async fn look(client: &Client, file: impl Into<Body>) -> Value {
    import(client, "dry_run=true", file).await.expect(200)
}

async fn exported(server: &Server, which: &str) -> String {
    let answer = server.admin.get(&format!("/api/workflows/templates/{which}/export")).await;
    answer.expect(200);
    answer.text()
}

/// A workflow whose steps run an agent with a secret, an agent, and another workflow.
async fn brief(server: &Server) -> String {
    let inner = server.shouting_template("never").await;
    let outputs = json!([{"name": "text", "schema": {"type": "string"}}]);
    let inputs = json!([{"name": "text", "schema": {"type": "string"}, "required": true}]);
    for (id, config) in [
        (
            "shouting",
            json!({"kind": "workflow", "template_id": inner, "version": 1, "outputs": {"text": {"step": "again", "artifact": "text"}}}),
        ),
        (
            "caller",
            json!({"kind": "http", "method": "POST", "url": format!("https://me:{CANARY}@api.example/x?api_key={CANARY}"),
            "headers": {"Authorization": format!("Bearer {CANARY}"), "Content-Type": "text/plain"}, "body": "{{ text }}"}),
        ),
    ] {
        let agent = json!({"id": id, "name": id, "inputs": inputs, "outputs": outputs, "config": config});
        server.admin.post("/api/agents", agent).await.expect(201);
    }
    let from_run = json!({"text": {"from": "run", "key": "text"}});
    let definition = json!({
        "inputs": {"text": {"title": "Text", "schema": {"type": "string"}, "required": true}},
        "steps": {
            "a": {"agent_id": "shout", "inputs": from_run, "ui": {"x": 10.0, "y": 20.5}},
            "b": {"agent_id": "shouting", "agent_version": 1, "inputs": from_run},
            "c": {"agent_id": "caller", "inputs": from_run}
        }
    });
    let made = server.admin.post("/api/workflows/templates", json!({"name": "Brief", "definition": definition})).await;
    made.expect(201)["id"].as_str().unwrap().to_owned()
}

/// How much there is: by this a refused file is known to have changed nothing.
async fn all(server: &Server) -> (Value, Value) {
    (
        server.admin.get("/api/workflows/templates").await.expect(200),
        server.admin.get("/api/agents/list").await.expect(200),
    )
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_file_holds_no_secret_and_says_nothing_new_where_it_comes_from(pool: PgPool) {
    let server = Server::start(pool).await;
    let id = brief(&server).await;
    let file = exported(&server, &id).await;
    assert_eq!(exported(&server, "brief").await, file, "by its slug, the same bytes");
    assert!(!file.contains(CANARY) && !file.contains(&id), "{file}");
    let told: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(
        told["left_out"],
        json!(["agents.caller[0].config.headers.Authorization", "agents.caller[0].config.url"])
    );
    assert_eq!(told["agents"]["shouting"][0]["config"]["workflow"], "shouting");
    let before = all(&server).await;
    let plan = look(&server.admin, file.clone()).await;
    assert!(plan["changes"].as_array().unwrap().iter().all(|change| change["act"] == "nothing"), "{plan:#}");
    assert_eq!((&plan["applied"], &plan["grants"]), (&json!(false), &json!([])), "{plan:#}");
    let done = import(&server.admin, "", file).await.expect(200);
    assert_eq!((&done["applied"], &done["template_id"]), (&json!(true), &json!(id)));
    assert_eq!(all(&server).await, before);
    server.admin.get("/api/workflows/templates/nobody/export").await.problem(404, "not_found");
    let log = server.admin.get("/api/audit?action=template.exported").await.expect(200).to_string();
    assert!(log.contains(&id), "that it left is written down: {log}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_comes_into_another_weft_goes_out_byte_for_byte_and_is_listed_before(pool: PgPool) {
    let server = Server::start(pool).await;
    let outputs = json!([{"name": "text", "schema": {"type": "string"}}]);
    let file = json!({"weft": 1, "main": "brief",
        "workflows": {
            "brief": [{"name": "Brief", "description": "", "definition": {"schema_version": 1, "steps": {
                "a": {"agent_id": "writer", "depends_on": []},
                "b": {"agent_id": "section", "agent_version": 1, "depends_on": ["a"]}}}}],
            "section": [{"name": "Section", "description": "", "definition": {"schema_version": 1, "steps": {
                "a": {"agent_id": "writer", "agent_version": 1, "depends_on": []}}}}]},
        "agents": {
            "section": [{"name": "Section", "description": "", "inputs": [], "outputs": outputs, "config": {"kind": "workflow",
                "workflow": "section", "version": 1, "outputs": {"text": {"step": "a", "artifact": "text"}}}}],
            "writer": [
                {"name": "Old", "description": "", "inputs": [], "outputs": outputs, "config": {"kind": "template", "template": "old"}},
                {"name": "New", "description": "", "inputs": [], "outputs": outputs, "config": {"kind": "template", "template": "1.10"}}]}});
    let text = format!("{}\n", serde_json::to_string_pretty(&file).unwrap());
    let before = all(&server).await;
    let plan = look(&server.admin, text.clone()).await;
    assert_eq!((&plan["problems"], &plan["conflicts"]), (&json!([]), &json!([])), "{plan:#}");
    assert_eq!(all(&server).await, before, "a dry run changes nothing");
    let digest = plan["digest"].as_str().unwrap();
    import(&server.admin, "digest=other", text.clone()).await.problem(409, "conflict");
    assert_eq!(all(&server).await, before);
    let done = import(&server.admin, &format!("digest={digest}"), text.clone()).await.expect(200);
    assert_eq!(exported(&server, "brief").await, text);
    let id = done["template_id"].as_str().unwrap();
    server.admin.post(&format!("/api/workflows/templates/{id}/publish"), json!({})).await.expect(201);
    let log = server.admin.get("/api/audit").await.expect(200).to_string();
    assert!(log.contains("template.imported"), "{log}");

    // YAML that says the same is nothing new; other content is the next version, and what is not published is a conflict.
    let yaml = "weft: 1\nmain: brief\nworkflows:\n  brief:\n  - name: Brief\n    definition:\n      steps:\n        a: {agent_id: writer}\n\
                agents:\n  writer:\n  - name: New\n    outputs: [{name: text, schema: {type: string}}]\n    config: {kind: template, template: '1.10'}\n";
    let plan = look(&server.admin, yaml).await;
    let acts: Vec<&str> =
        plan["changes"].as_array().unwrap().iter().map(|change| change["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["nothing", "save_draft"], "{plan:#}");
    import(&server.admin, "", yaml).await.expect(200);
    let again = yaml.replace("name: Brief", "name: Briefing");
    let plan = look(&server.admin, again.clone()).await;
    assert_eq!(plan["conflicts"].as_array().unwrap().len(), 1, "{plan:#}");
    import(&server.admin, "", again.clone()).await.problem(409, "conflict");
    import(&server.admin, &format!("digest={}", plan["digest"].as_str().unwrap()), again).await.expect(200);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_import_grants_nothing(pool: PgPool) {
    let server = Server::start(pool).await;
    let review = json!({"mode": "always", "assignees": {"users": ["anna@example.org"], "roles": ["user"]}});
    let file = json!({"weft": 1, "main": "gate", "workflows": {"gate": [{"name": "Gate", "definition": {"steps": {
        "a": {"agent_id": "calls", "review": review}}}}]},
        "agents": {"calls": [{"name": "Calls", "outputs": [{"name": "text", "schema": {"type": "string"}}], "config": {"kind": "http",
            "url": "https://a.example/", "headers": {"Authorization": CANARY}}}]}});
    let done = import(&server.admin, "", file.to_string()).await.expect(200);
    let kinds: Vec<&str> =
        done["grants"].as_array().unwrap().iter().map(|grant| grant["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["secret", "group", "person"], "{done:#}");
    let draft = server
        .admin
        .get(&format!("/api/workflows/templates/{}", done["template_id"].as_str().unwrap()))
        .await
        .expect(200);
    let asked = &draft["definition"]["steps"]["a"]["review"]["assignees"];
    assert_eq!((&asked["users"], &asked["roles"]), (&json!([]), &json!(["admin"])), "{draft:#}");
    let agent = server.admin.get("/api/agents/calls").await.expect(200);
    assert_eq!(agent["config"]["headers"]["Authorization"], "", "a secret does not come by file");
    import(&server.anna, "dry_run=true", "{}").await.problem(403, "forbidden");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_bad_file_is_refused_with_its_place_and_changes_nothing(pool: PgPool) {
    let server = Server::start(pool).await;
    let id = brief(&server).await;
    let file: Value = serde_json::from_str(&exported(&server, &id).await).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut file = file.clone();
        *file.pointer_mut(pointer).unwrap() = value;
        file.to_string()
    };
    let steps = |n: usize| -> Value {
        let steps = (0..n).map(|n| (format!("s{n}"), json!({"agent_id": "shout"})));
        steps.collect::<serde_json::Map<_, _>>().into()
    };
    let before = all(&server).await;
    let bomb = (1..12).fold("a0: &a0 [x, x]\n".to_owned(), |all, n| {
        let list = vec![format!("*a{}", n - 1); 20].join(", ");
        format!("{all}a{n}: &a{n} [{list}]\n")
    });
    for (bad, field, words) in [
        (String::new(), "file", "empty"),
        ("<html>".to_owned(), "file", "no object"),
        ("{".to_owned(), "file", "line 1 column"),
        ("a: [1".to_owned(), "file", "line"),
        ("{\"weft\": 1, \"weft\": 1}".to_owned(), "weft", "twice"),
        ("weft: 1\nweft: 1".to_owned(), "file", "line 2"),
        (bomb, "file", "YAML"),
        (format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)), "", "deeper"),
        (format!("{{\"weft\": {}}}", "9".repeat(1_001)), "weft", "1,000 characters"),
        ("{\"a\": \"\\ud800\"}".to_owned(), "a", "half a character"),
        ("{\"__proto__\": {\"weft\": 1}}".to_owned(), "weft", "missing"),
        (with("/weft", json!(99)), "weft", "version 99"),
        (with("/main", json!("a\u{0}b")), "main", "NUL"),
        (
            with("/agents/shouting/0/config/workflow", json!("brief")),
            "agents.shouting[0].config.workflow",
            "brief → brief",
        ),
        (
            with("/workflows/brief/0/definition/steps", steps(10_001)),
            "workflows.brief[0].definition.steps",
            "10,001 steps",
        ),
        (
            with("/agents/shouting/0/config/outputs/text/artifact", json!("gone")),
            "agents.shouting[0].config.outputs.text.artifact",
            "gone",
        ),
        (with("/agents/shout/0/config/template", json!("{{ text")), "agents.shout[0].config.template", ""),
    ] {
        let start: String = bad.chars().take(60).collect();
        // Some are found by comparing, and so listed; none is done.
        let listed = import(&server.admin, "dry_run=true", bad.clone()).await;
        let told = if listed.status.as_u16() == 200 {
            let report = listed.expect(200);
            assert_ne!(report["problems"], json!([]), "{start}");
            import(&server.admin, "", bad).await.problem(422, "invalid")
        } else {
            listed.problem(422, "invalid")
        };
        assert!(told["field"].as_str().unwrap_or_default().starts_with(field), "{start}: {told:#}");
        assert!(told.to_string().contains(words), "{start}: {told:#}");
    }
    import(&server.admin, "dry_run=true", vec![b'x'; 50 * 1024 * 1024]).await.problem(413, "too_large");
    import(&server.admin, "dry_run=true", format!("\"{}\"", "x".repeat(7_000_000))).await.problem(413, "too_large");
    // In JSON's words a line end is two bytes: a file that is not too large is none there either.
    let wrapped = json!({"file": "\n".repeat(5 * 1024 * 1024), "digest": null});
    assert_ne!(server.admin.post("/_fn/import_workflow", wrapped).await.status.as_u16(), 413);
    import(&server.admin, "dry_run=true", vec![0xff, 0xfe, b'{']).await.problem(400, "malformed");
    import(&server.admin, "dry_run=perhaps", "{}").await.problem(400, "malformed");
    assert_eq!(all(&server).await, before);
    let big = json!({"weft": 1, "main": "big", "agents": {"shout": file["agents"]["shout"]},
        "workflows": {"big": [{"name": "Big", "definition": {"steps": steps(1_000)}}]}});
    let plan = look(&server.admin, big.to_string()).await;
    assert_eq!(plan["changes"].as_array().unwrap().len(), 2, "{plan:#}");
    server.stop().await;
}

struct Shell {
    server: String,
    token: String,
    folder: tempfile::TempDir,
}

impl Shell {
    async fn weft(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("WEFT_URL", &self.server)
            .env("WEFT_TOKEN", &self.token)
            .stdin(std::process::Stdio::null())
            .output()
            .await
            .unwrap()
    }

    /// What it says, with this exit code.
    async fn says(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.weft(arguments).await;
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        told
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn git_keeps_workflows_by_export_diff_and_apply(pool: PgPool) {
    let server = Server::start(pool).await;
    brief(&server).await;
    let shell = Shell {
        server: format!("http://{}", server.listen().await),
        token: server.admin.token().to_owned(),
        folder: tempfile::tempdir().unwrap(),
    };
    let path = shell.folder.path().join("brief.json");
    shell.says(0, &["export", "brief", "-o", "brief.json"]).await;
    let file = std::fs::read_to_string(&path).unwrap();
    assert_eq!(shell.says(0, &["export", "brief"]).await, file);
    assert!(shell.says(0, &["diff", "brief.json"]).await.contains("Nothing to do"));
    assert!(shell.says(0, &["apply", "brief.json"]).await.contains("Nothing to do"), "which needs no yes");

    std::fs::write(&path, file.replace("{{ text | upper }}", "{{ text | lower }}")).unwrap();
    let differs = shell.says(2, &["diff", "brief.json"]).await;
    assert!(differs.contains("~ agent  shout  new version 2") && differs.contains("config.template"), "{differs}");
    assert!(differs.contains("conflict"), "the draft was never published: {differs}");
    let asked = shell.says(1, &["apply", "brief.json"]).await;
    assert!(asked.contains("--yes"), "{asked}");
    assert_eq!(shell.says(2, &["diff", "brief.json"]).await, differs, "nothing was changed");
    let unseen = shell.says(1, &["apply", "brief.json", "--yes"]).await;
    assert!(unseen.contains("--cover"), "nobody has seen what would be covered: {unseen}");
    assert_eq!(shell.says(2, &["diff", "brief.json"]).await, differs, "nothing was changed");
    assert!(shell.says(0, &["apply", "brief.json", "--yes", "--cover"]).await.contains("Imported brief"));
    assert!(shell.says(0, &["diff", "brief.json"]).await.contains("Nothing to do"));
    let asked = shell.says(1, &["apply", "brief.json", "--publish"]).await;
    assert!(asked.contains("--yes"), "publishing is asked about, too: {asked}");

    // What cannot be published is imported all the same, and says so by a code of its own.
    let mut broken: Value = serde_json::from_str(&file.replace("{{ text | upper }}", "{{ text | lower }}")).unwrap();
    broken["main"] = json!("broken");
    broken["agents"] = json!({"shout": broken["agents"]["shout"]});
    broken["workflows"] = json!({"broken": [{"name": "Broken", "definition": {"steps": {
        "a": {"agent_id": "shout", "inputs": {"text": {"from": "run", "key": "nowhere"}}}}}}]});
    std::fs::write(&path, broken.to_string()).unwrap();
    let half = shell.says(3, &["apply", "brief.json", "--yes", "--publish"]).await;
    assert!(half.contains("Imported broken") && half.contains("could not be published"), "{half}");

    std::fs::write(&path, "{").unwrap();
    assert!(shell.says(1, &["diff", "brief.json"]).await.contains("line 1"));
    assert!(shell.says(1, &["diff", "nowhere.json"]).await.contains("cannot read nowhere.json"));
    assert!(shell.says(1, &["export", "nobody"]).await.contains("nothing here"));
    shell.says(1, &["diff"]).await;
    server.stop().await;
}
